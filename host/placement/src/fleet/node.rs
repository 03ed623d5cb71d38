//! One node.

use std::collections::BTreeSet;

use spear_types::{Capacity, Constraint, Cpu, Digest, Duty, Labels, Load, NodeName, Reserved, Resources};

use super::{
    functions::{FunctionId, Runs},
    penalty::Health,
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
    /// The kinds of implementations it runs.
    pub agents: BTreeSet<String>,
    /// The artifacts it holds.
    pub artifacts: BTreeSet<Digest>,
}

/// Whether a node's link is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// It is.
    Open,
    /// It is not: the node gets nothing new.
    Gone,
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

    /// What is not given away; nothing where more is than it has.
    pub(super) fn free(&self) -> Capacity {
        let Capacity { slots, cpu, memory } = self.spec.capacity;
        Capacity {
            slots: slots.saturating_sub(self.reserved.slots),
            cpu: Cpu::from_millis(cpu.as_millis().saturating_sub(self.reserved.cpu.as_millis())),
            memory: memory.saturating_sub(self.reserved.memory),
        }
    }

    pub(super) fn reserve(&mut self, ask: &Ask, function: FunctionId) {
        let Resources { cpu, memory } = ask.resources;
        let Reserved { slots, cpu: taken, memory: kept } = self.reserved;
        let cpu = Cpu::from_millis(taken.as_millis().saturating_add(cpu.as_millis()));
        self.reserved = Reserved { slots: slots.saturating_add(1), cpu, memory: kept.saturating_add(memory) };
        self.runs.add(function);
    }

    /// Gives back what a run took. One that did not show whether a node works that was tried leaves the try to another.
    pub(super) fn release(&mut self, ask: &Ask, function: FunctionId) {
        let Resources { cpu, memory } = ask.resources;
        let Reserved { slots, cpu: taken, memory: kept } = self.reserved;
        let cpu = Cpu::from_millis(taken.as_millis().saturating_sub(cpu.as_millis()));
        self.reserved = Reserved { slots: slots.saturating_sub(1), cpu, memory: kept.saturating_sub(memory) };
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
