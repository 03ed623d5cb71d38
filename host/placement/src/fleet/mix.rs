//! In which proportion cpu and memory are asked for, and how well a node is used by one run more: what is packed is
//! packed by that.

use spear_types::{Capacity, Resources};

// The three numbers are measured: `cargo xtask bench placement` says how few nodes are used with them.

/// What a node that would be opened loses against one that has runs. With less, many nodes stay half full; with more, runs
/// go where they leave one resource over.
const EMPTY: f64 = 0.5;

/// What of that the largest node gets back, smaller ones in proportion: fewer nodes are opened.
const LARGE: f64 = 0.4;

/// What each doubling of the runs that a node still takes loses: of nodes that are as well used the fullest is taken. Ten
/// times as much uses 5 % more nodes.
const CLOSE: f64 = 0.002;

/// Runs that a node still takes, as far as they are counted.
const MOST: f64 = 65_536.0;

/// What is free: slots, thousandths of a core, bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Free {
    pub(super) slots: f64,
    pub(super) cpu: f64,
    pub(super) memory: f64,
}

/// What all runs together take, and the size of the largest node.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mix {
    /// How much weight a thousandth of a core has, and a byte: one over what all runs take.
    cpu: f64,
    memory: f64,
    largest: f64,
}

impl Mix {
    /// The mix where all runs take that much, the next one with them.
    #[expect(clippy::cast_precision_loss, reason = "15 digits are enough of a sum")]
    pub(super) fn of((cpu, memory): (u64, u128), next: Resources, largest: Capacity) -> Self {
        let weight = |all: f64| if all > 0.0 { 1.0 / all } else { 0.0 };
        let cpu = weight(cpu as f64 + f64::from(next.cpu.as_millis()));
        let memory = weight(memory as f64 + next.memory as f64);
        let largest = f64::from(largest.cpu.as_millis()) * cpu + largest.memory as f64 * memory;
        Self { cpu, memory, largest }
    }

    /// -1 to 1: how well a run uses what is free on a node. `empty`: the node has no run.
    ///
    /// The cosine of what the run takes and what is free, both in units of what all runs take: a run that needs much memory
    /// goes where much memory is left beside little cpu, so that both are used up together.
    pub(super) fn worth(&self, asked: Resources, free: Free, empty: bool) -> f64 {
        let asked = Free { slots: 1.0, ..Free::from(asked) };
        let more = (free.cpu / asked.cpu).min(free.memory / asked.memory).min(free.slots);
        let (a, b) = (free.cpu * self.cpu, free.memory * self.memory);
        let (c, d) = (asked.cpu * self.cpu, asked.memory * self.memory);
        let lengths = ((a * a + b * b) * (c * c + d * d)).sqrt();
        let aligned = if lengths > 0.0 { (a * c + b * d) / lengths } else { 1.0 };
        let large = if self.largest > 0.0 { (a + b) / self.largest } else { 1.0 };
        let opened = if empty { EMPTY - LARGE * large } else { 0.0 };
        aligned - CLOSE * more.clamp(1.0, MOST).log2() - opened
    }
}

impl From<Resources> for Free {
    #[expect(clippy::cast_precision_loss, reason = "15 digits are enough to compare")]
    fn from(resources: Resources) -> Self {
        Self { slots: f64::INFINITY, cpu: resources.cpu.as_millis().into(), memory: resources.memory as f64 }
    }
}
