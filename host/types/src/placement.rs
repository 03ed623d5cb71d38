//! Where a function's runs may go: what they need of a node, and what they would rather have.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Code, InvalidName, LabelName, LabelValue, Limits, Refusal};

/// `[placement]` in `spear.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Placement {
    /// Cores that are kept for a run.
    #[serde(skip_serializing_if = "Cpu::is_none")]
    pub cpu: Cpu,
    /// Memory in bytes that is kept for a run; absent: its limit `memory`, so that a node is never oversold.
    #[serde(with = "crate::size::optional", skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// What a node's labels have to be.
    #[serde(skip_serializing_if = "Constraints::is_empty")]
    pub constraints: Constraints,
    /// What a node's labels had better be.
    #[serde(skip_serializing_if = "Constraints::is_empty")]
    pub prefer: Constraints,
    /// What a node's labels had better not be.
    #[serde(skip_serializing_if = "Constraints::is_empty")]
    pub avoid: Constraints,
    /// Which task goes first.
    #[serde(skip_serializing_if = "Priority::is_default")]
    pub priority: Priority,
    /// How runs lie on the nodes.
    pub policy: PlacementPolicy,
}

/// How runs lie on the nodes that fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlacementPolicy {
    /// On the emptiest.
    #[default]
    Spread,
    /// On the fullest.
    Pack,
}

/// Thousandths of a core. Written as cores: `0.5`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cpu(u32);

/// 0 to 100; of what waits, the highest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Priority(u8);

/// What one run takes of a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resources {
    /// Cores.
    pub cpu: Cpu,
    /// Bytes of memory.
    pub memory: u64,
}

/// A node's labels: `zone` to `a`.
pub type Labels = BTreeMap<LabelName, LabelValue>;

/// The most labels of a node.
pub const MAX_LABELS: usize = 64;

/// Up to [`Constraints::MAX`] of them; all have to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<Constraint>", into = "Vec<Constraint>")]
pub struct Constraints(Vec<Constraint>);

/// What one label has to be: `gpu = true`, `zone != a`, `zone in [a, b]`, `disk not in [hdd]`.
///
/// A label that a node does not have is none of the values. The label `node` is the node's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Constraint {
    /// The label.
    pub label: LabelName,
    /// Whether it has to be one of the values, or none of them.
    pub one_of: bool,
    /// The values: at least one, at most [`Constraint::MAX_VALUES`].
    pub values: Vec<LabelValue>,
}

impl Placement {
    /// What a run with these limits takes of a node.
    #[must_use]
    pub fn resources(&self, limits: &Limits) -> Resources {
        Resources { cpu: self.cpu, memory: self.memory.unwrap_or(limits.memory) }
    }
}

impl Cpu {
    /// The most cores that may be asked for, or that a node has.
    const MAX_CORES: f64 = 10_000.0;

    /// So many thousandths of a core.
    #[must_use]
    pub const fn from_millis(millis: u32) -> Self {
        Self(millis)
    }

    /// Thousandths of a core.
    #[must_use]
    pub const fn as_millis(self) -> u32 {
        self.0
    }

    fn is_none(&self) -> bool {
        self.0 == 0
    }
}

impl Priority {
    /// In the middle.
    pub const DEFAULT: Self = Self(50);

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    fn is_default(&self) -> bool {
        *self == Self::DEFAULT
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl TryFrom<u8> for Priority {
    type Error = Refusal;

    fn try_from(number: u8) -> Result<Self, Refusal> {
        if number > 100 {
            return Err(Refusal::new(Code::InvalidRequest, format!("the priority {number} is not 0 to 100")));
        }
        Ok(Self(number))
    }
}

impl From<Priority> for u8 {
    fn from(priority: Priority) -> Self {
        priority.0
    }
}

impl Constraints {
    /// The most of one kind.
    pub const MAX: usize = 16;

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Constraint> {
        self.0.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Vec<Constraint>> for Constraints {
    type Error = Refusal;

    fn try_from(constraints: Vec<Constraint>) -> Result<Self, Refusal> {
        if constraints.len() > Self::MAX {
            let message = format!("{} constraints are over the limit of {}", constraints.len(), Self::MAX);
            return Err(Refusal::new(Code::InvalidRequest, message));
        }
        Ok(Self(constraints))
    }
}

impl From<Constraints> for Vec<Constraint> {
    fn from(constraints: Constraints) -> Self {
        constraints.0
    }
}

impl Constraint {
    /// The most values.
    pub const MAX_VALUES: usize = 32;

    /// Whether a label of this value, or none, is what is asked for.
    #[must_use]
    pub fn holds(&self, value: Option<&LabelValue>) -> bool {
        value.is_some_and(|value| self.values.contains(value)) == self.one_of
    }
}

impl FromStr for Constraint {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let shown: String = text.chars().take(100).collect();
        let invalid = |why: &str| {
            Refusal::new(Code::InvalidRequest, format!("{shown:?} is no constraint: {why}"))
                .help("write LABEL = VALUE, LABEL != VALUE, LABEL in [VALUE, …] or LABEL not in [VALUE, …]")
        };
        let (label, one_of, values) = split(text).ok_or_else(|| invalid("it compares nothing"))?;
        let label = label.trim().parse().map_err(|error: InvalidName| invalid(&error.to_string()))?;
        let values: Vec<LabelValue> = values
            .into_iter()
            .map(|value| value.trim().parse())
            .collect::<Result<_, _>>()
            .map_err(|error: InvalidName| invalid(&error.to_string()))?;
        if values.len() > Self::MAX_VALUES {
            return Err(invalid(&format!("{} values are over the limit of {}", values.len(), Self::MAX_VALUES)));
        }
        Ok(Self { label, one_of, values })
    }
}

/// The label, whether it has to be one of the values, and those.
fn split(text: &str) -> Option<(&str, bool, Vec<&str>)> {
    if let Some((label, value)) = text.split_once("!=") {
        return Some((label, false, vec![value]));
    }
    if let Some((label, value)) = text.split_once('=') {
        return Some((label, true, vec![value]));
    }
    let (label, rest) = text.trim().split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    let (one_of, rest) = rest.strip_prefix("not").map_or((true, rest), |rest| (false, rest.trim_start()));
    let values = rest.strip_prefix("in")?.trim().strip_prefix('[')?.strip_suffix(']')?;
    Some((label, one_of, values.split(',').collect()))
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { label, one_of, values } = self;
        match (values.as_slice(), one_of) {
            ([value], true) => write!(f, "{label} = {value}"),
            ([value], false) => write!(f, "{label} != {value}"),
            (values, one_of) => {
                let values: Vec<&str> = values.iter().map(LabelValue::as_str).collect();
                write!(f, "{label} {}in [{}]", if *one_of { "" } else { "not " }, values.join(", "))
            }
        }
    }
}

impl Serialize for Constraint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Constraint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(|refusal: Refusal| {
            de::Error::custom(match refusal.help {
                Some(help) => format!("{}; {help}", refusal.message),
                None => refusal.message,
            })
        })
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (f64::from(self.0) / 1_000.0).fmt(f)
    }
}

impl Serialize for Cpu {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 1_000.0)
    }
}

impl<'de> Deserialize<'de> for Cpu {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let cores = f64::deserialize(deserializer)?;
        if !(0.0..=Self::MAX_CORES).contains(&cores) {
            return Err(de::Error::custom(format!("cpu = {cores} is not 0 to {} cores", Self::MAX_CORES)));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was bounded above")]
        Ok(Self((cores * 1_000.0).ceil() as u32))
    }
}

impl fmt::Display for PlacementPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spread => "spread",
            Self::Pack => "pack",
        })
    }
}

/// The longest that anything may wait or be put off: a hundred years hold every sound plan, and no sum overflows.
pub const MAX_WAIT: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn constraint(text: &str) -> Constraint {
        text.parse().unwrap()
    }

    #[test]
    fn every_form_of_a_constraint_is_read_and_shown_again() {
        for text in ["gpu = true", "zone != a", "zone in [a, b]", "disk not in [hdd, tape]"] {
            assert_eq!(constraint(text).to_string(), text);
        }
        assert_eq!(constraint("zone not  in [a]"), constraint("zone!=a"));
    }

    #[test]
    fn a_label_that_is_not_there_is_none_of_the_values() {
        let value: LabelValue = "a".parse().unwrap();
        assert!(constraint("zone = a").holds(Some(&value)) && !constraint("zone = a").holds(None));
        assert!(constraint("zone != a").holds(None) && !constraint("zone != a").holds(Some(&value)));
    }

    #[test]
    fn what_is_no_constraint_is_refused_with_how_to_write_one() {
        for text in ["", "gpu", "gpu =", "= true", "zone in a", "zone in []", "zone in [a b]", "a == b", "zone is a"] {
            let refusal = text.parse::<Constraint>().unwrap_err();
            assert!(refusal.help.is_some_and(|help| help.contains("LABEL in")), "{text}");
        }
        let many = format!("zone in [{}]", vec!["a"; 33].join(","));
        assert!(many.parse::<Constraint>().unwrap_err().message.contains("limit of 32"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            if let Ok(constraint) = text.parse::<Constraint>() {
                prop_assert_eq!(constraint.to_string().parse::<Constraint>().unwrap(), constraint);
            }
        }
    }
}
