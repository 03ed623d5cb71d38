//! The agents of a node: what runs implementations.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Code, Refusal};

/// What runs an implementation on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentKind {
    /// Components.
    Wasm,
    /// Containers.
    Docker,
    /// Programs.
    Process,
}

/// Kinds of agents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Agents(u8);

/// An agent of a node, as the node says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentInfo {
    /// Which.
    pub kind: AgentKind,
    /// Why it can run nothing now; none: it can.
    pub unavailable: Option<String>,
    /// What its instances that wait for calls were good for.
    pub instances: InstanceCounts,
}

/// The instances of all functions with `reuse = "serial"` that one agent of a node has, since the node was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceCounts {
    /// Those that wait for a call now.
    pub idle: u32,
    /// Calls that found one waiting.
    pub hits: u64,
    /// Calls that had to wait for a start or for their turn.
    pub misses: u64,
    /// Instances that were started, for a call or ahead of one.
    pub starts: u64,
}

impl AgentInfo {
    /// One that can run something, and has not yet.
    #[must_use]
    pub fn able(kind: AgentKind) -> Self {
        Self { kind, unavailable: None, instances: InstanceCounts::default() }
    }

    /// Whether it can run what another can; what either has run does not matter.
    #[must_use]
    pub fn is_as_able_as(&self, other: &Self) -> bool {
        (self.kind, &self.unavailable) == (other.kind, &other.unavailable)
    }
}

impl AgentKind {
    /// All of them, in the order in which people name them.
    pub const ALL: [Self; 3] = [Self::Wasm, Self::Docker, Self::Process];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wasm => "wasm",
            Self::Docker => "docker",
            Self::Process => "process",
        }
    }
}

impl fmt::Display for AgentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for AgentKind {
    type Err = Refusal;

    fn from_str(name: &str) -> Result<Self, Refusal> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let shown: String = name.chars().take(32).collect();
            Refusal::new(Code::InvalidRequest, format!("{shown:?} is no agent: they are wasm, docker and process"))
        })
    }
}

impl Agents {
    /// Whether this is one of them.
    #[must_use]
    pub fn contains(self, kind: AgentKind) -> bool {
        self.0 & bit(kind) != 0
    }

    /// Whether one of these is one of those.
    #[must_use]
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = AgentKind> {
        AgentKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<AgentKind> for Agents {
    fn from_iter<T: IntoIterator<Item = AgentKind>>(kinds: T) -> Self {
        Self(kinds.into_iter().fold(0, |set, kind| set | bit(kind)))
    }
}

fn bit(kind: AgentKind) -> u8 {
    1 << kind as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_agents_has_what_it_was_made_of() {
        let set: Agents = [AgentKind::Process, AgentKind::Wasm].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [AgentKind::Wasm, AgentKind::Process]);
        assert!(!set.contains(AgentKind::Docker) && !set.meets([AgentKind::Docker].into_iter().collect()));
        assert!(set.meets([AgentKind::Docker, AgentKind::Wasm].into_iter().collect()));
        for kind in AgentKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
    }
}
