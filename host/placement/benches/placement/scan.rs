//! The floor: a bare scan over all nodes for the one that would be fullest, and nothing around it.

use std::{sync::Arc, time::Instant};

use spear_placement::{Ask, NodeSpec};
use spear_types::{Capacity, Cpu};

struct Node<'a> {
    spec: &'a NodeSpec,
    free: Capacity,
}

/// Placements in a second.
pub(crate) fn rate(nodes: &[NodeSpec], runs: &[&Arc<Ask>]) -> f64 {
    let mut nodes: Vec<_> = nodes.iter().map(|spec| Node { spec, free: spec.capacity }).collect();
    let start = Instant::now();
    for run in runs {
        let fitting = nodes.iter_mut().filter(|node| node.fits(run));
        if let Some(node) = fitting.min_by_key(|node| node.free.memory) {
            node.free.slots -= 1;
            node.free.memory -= run.resources.memory;
            node.free.cpu = Cpu::from_millis(node.free.cpu.as_millis() - run.resources.cpu.as_millis());
        }
    }
    runs.len() as f64 / start.elapsed().as_secs_f64()
}

impl Node<'_> {
    fn fits(&self, run: &Ask) -> bool {
        let Capacity { slots, cpu, memory } = self.free;
        let labels = &self.spec.labels;
        slots > 0
            && cpu >= run.resources.cpu
            && memory >= run.resources.memory
            && run.constraints.iter().all(|constraint| constraint.holds(labels.get(&constraint.label)))
    }
}
