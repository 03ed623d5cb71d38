//! One node.

use std::collections::BTreeSet;

use spear_types::{
    AgentInfo, Agents, Capacity, Constraint, Cpu, Digest, Duty, Labels, Load, NodeName, Reserved, Resources,
};

use super::{
    functions::{FunctionId, Runs},
    penalty::{Health, Phase},
};
use crate::Ask;

/// The label that every node has: its name.
const NODE: &str = "node";

/// What a node says of itself when it joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSpec {
    /// Its name.
    pub name: NodeName,
    /// What it has.
    pub capacity: Capacity,
    /// Its labels.
    pub labels: Labels,
    /// What it runs implementations with.
    pub agents: Vec<AgentInfo>,
    /// The artifacts it holds.
    pub artifacts: BTreeSet<Digest>,
}

/// Whether a node's link is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// It is.
    Open,
    /// The node stops: it ends what it has, and gets nothing new.
    Stopping,
    /// It is not: the node gets nothing new.
    Gone,
}

/// One slot of so many is kept for calls: they do not wait, and would find no room as long as tasks do.
const KEPT: u32 = 16;

/// What a run is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// A task, which waits where there is no room.
    Task,
    /// A call, which does not.
    Call,
}

/// Whether a node may have runs, and if not, the first reason. Time does not change it: a penalty that is over is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Gone,
    OffDuty,
    Penalised,
    Full,
    Open,
}

/// A node and what is given away of it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) spec: NodeSpec,
    pub(super) link: Link,
    pub(super) duty: Duty,
    pub(super) load: Load,
    pub(super) health: Option<Health>,
    pub(super) reserved: Reserved,
    pub(super) runs: Runs,
}

impl Standing {
    pub(super) const ALL: [Self; 5] = [Self::Gone, Self::OffDuty, Self::Penalised, Self::Full, Self::Open];

    /// Why such nodes were passed over.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Gone => "lost or stopping",
            Self::OffDuty => "cordoned, draining or drained",
            Self::Penalised => "avoided for their failures",
            Self::Full => "all slots are taken",
            Self::Open => "they have too little room, or others are better",
        }
    }
}

impl Node {
    pub(super) fn new(spec: NodeSpec) -> Self {
        Self {
            spec,
            link: Link::Open,
            duty: Duty::Open,
            load: Load::default(),
            health: None,
            reserved: Reserved::default(),
            runs: Runs::default(),
        }
    }

    pub(super) fn rejoin(&mut self, spec: NodeSpec) {
        self.spec = spec;
        self.link = Link::Open;
    }

    pub(super) fn standing(&self) -> Standing {
        if self.link != Link::Open {
            return Standing::Gone;
        }
        if self.duty != Duty::Open {
            return Standing::OffDuty;
        }
        if self.health.is_some_and(|health| matches!(health.phase, Phase::Avoided | Phase::Tried)) {
            return Standing::Penalised;
        }
        if self.free_for(Claim::Task).slots == 0 { Standing::Full } else { Standing::Open }
    }

    /// What can run something on it now.
    pub(super) fn agents(&self) -> Agents {
        let available = self.spec.agents.iter().filter(|agent| agent.unavailable.is_none());
        available.map(|agent| agent.kind).collect()
    }

    /// The share of what is used most, 0 to 1.
    pub(super) fn used(&self) -> f64 {
        self.share_of(self.reserved)
    }

    /// The same with one run more.
    pub(super) fn used_with(&self, ask: &Ask) -> f64 {
        self.share_of(more(self.reserved, ask.resources))
    }

    fn share_of(&self, reserved: Reserved) -> f64 {
        let Capacity { slots, cpu, memory } = self.spec.capacity;
        let slots = share(reserved.slots.into(), slots.into());
        let cpu = share(reserved.cpu.as_millis().into(), cpu.as_millis().into());
        slots.max(cpu).max(share(reserved.memory, memory))
    }

    /// What is not given away; nothing where more is than it has.
    pub(super) fn free(&self) -> Capacity {
        let Capacity { slots, cpu, memory } = self.spec.capacity;
        Capacity {
            slots: slots.saturating_sub(self.reserved.slots),
            cpu: Cpu::from_millis(cpu.as_millis().saturating_sub(self.reserved.cpu.as_millis())),
            memory: memory.saturating_sub(self.reserved.memory),
        }
    }

    /// The same, as far as it is for such runs.
    pub(super) fn free_for(&self, claim: Claim) -> Capacity {
        let free = self.free();
        Capacity { slots: free.slots.saturating_sub(self.kept_from(claim)), ..free }
    }

    /// Slots that such runs leave free.
    pub(super) fn kept_from(&self, claim: Claim) -> u32 {
        match claim {
            Claim::Call => 0,
            Claim::Task => self.spec.capacity.slots / KEPT,
        }
    }

    pub(super) fn reserve(&mut self, ask: &Ask, function: FunctionId) {
        self.reserved = more(self.reserved, ask.resources);
        self.runs.add(function);
    }

    /// Gives back what a run took. One that did not show whether a node works that was tried leaves the try to another.
    pub(super) fn release(&mut self, ask: &Ask, function: FunctionId) {
        self.reserved = less(self.reserved, ask.resources);
        self.runs.remove(function);
        self.health = self.health.map(Health::untried);
    }

    /// Whether its labels are what is asked for.
    pub(super) fn holds(&self, constraint: &Constraint) -> bool {
        if constraint.label.as_str() == NODE {
            let name = self.spec.name.as_str();
            return constraint.values.iter().any(|value| value.as_str() == name) == constraint.one_of;
        }
        constraint.holds(self.spec.labels.get(&constraint.label))
    }
}

fn more(Reserved { slots, cpu, memory }: Reserved, run: Resources) -> Reserved {
    let cpu = Cpu::from_millis(cpu.as_millis().saturating_add(run.cpu.as_millis()));
    Reserved { slots: slots.saturating_add(1), cpu, memory: memory.saturating_add(run.memory) }
}

fn less(Reserved { slots, cpu, memory }: Reserved, run: Resources) -> Reserved {
    let cpu = Cpu::from_millis(cpu.as_millis().saturating_sub(run.cpu.as_millis()));
    Reserved { slots: slots.saturating_sub(1), cpu, memory: memory.saturating_sub(run.memory) }
}

/// `part` of `whole`, 0 to 1; of nothing, nothing is used.
#[expect(clippy::cast_precision_loss, reason = "15 digits compare well enough")]
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64).min(1.0) }
}
