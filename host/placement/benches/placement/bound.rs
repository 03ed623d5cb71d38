//! The fewest nodes that could hold the runs.

use spear_placement::{Ask, NodeSpec};
use spear_types::Constraint;

use crate::generate::ZONES;

/// Thousandths of a core and bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Amount {
    cpu: f64,
    memory: f64,
}

/// No placement uses fewer nodes.
///
/// Nodes with a GPU and those without have runs of their own. For any prices of cpu and memory the nodes used are worth what
/// the runs are worth, and those of each zone what the runs are worth that have to be there: so many of the largest at the
/// least. The highest count over some prices is the bound.
pub(crate) fn fewest_nodes(nodes: &[NodeSpec], runs: &[&Ask]) -> usize {
    let fewest = |gpu: &str| {
        let nodes: Vec<_> = nodes.iter().filter(|node| has(node, "gpu", gpu)).collect();
        let runs: Vec<_> = runs.iter().copied().filter(|run| wants(run, "gpu", gpu)).collect();
        let all: Amount = nodes.iter().map(|node| size(node)).sum();
        let prices = (0..=20).map(|step| f64::from(step) / 20.0);
        let prices = prices.map(|share| Amount { cpu: share / all.cpu, memory: (1.0 - share) / all.memory });
        prices.map(|price| fewest_at(price, &nodes, &runs)).max().unwrap_or(0)
    };
    fewest("true") + fewest("false")
}

fn fewest_at(price: Amount, nodes: &[&NodeSpec], runs: &[&Ask]) -> usize {
    let worth = |amount: Amount| amount.cpu * price.cpu + amount.memory * price.memory;
    let demand = |runs: &mut dyn Iterator<Item = &Ask>| worth(runs.map(taken).sum());
    let mut free: Vec<(f64, &NodeSpec)> = nodes.iter().map(|node| (worth(size(node)), *node)).collect();
    free.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let mut used = 0.0;
    for zone in ZONES {
        let mut left = demand(&mut runs.iter().copied().filter(|run| wants(run, "zone", zone)));
        free.retain(|(worth, node)| {
            let takes = left > 0.0 && has(node, "zone", zone);
            if takes {
                (left, used) = (left - worth, used + worth);
            }
            !takes
        });
    }
    let mut left = demand(&mut runs.iter().copied()) - used;
    let more = free.iter().take_while(|(worth, _)| {
        let takes = left > 0.0;
        left -= worth;
        takes
    });
    nodes.len() - free.len() + more.count()
}

fn has(node: &NodeSpec, label: &str, value: &str) -> bool {
    node.labels.iter().any(|(one, other)| (one.as_str(), other.as_str()) == (label, value))
}

fn wants(run: &Ask, label: &str, value: &str) -> bool {
    let is = |constraint: &Constraint| constraint.one_of && constraint.values.iter().all(|one| one.as_str() == value);
    run.constraints.iter().any(|constraint| constraint.label.as_str() == label && is(constraint))
}

fn size(node: &NodeSpec) -> Amount {
    Amount { cpu: node.capacity.cpu.as_millis().into(), memory: node.capacity.memory as f64 }
}

fn taken(run: &Ask) -> Amount {
    Amount { cpu: run.resources.cpu.as_millis().into(), memory: run.resources.memory as f64 }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), |one, other| Self { cpu: one.cpu + other.cpu, memory: one.memory + other.memory })
    }
}
