//! What the benchmark measures at full size and does not depend on the machine, on a smaller fleet: how few nodes are used
//! where runs are packed, and how few are looked at.

#[path = "../benches/placement/bound.rs"]
mod bound;
#[path = "../benches/placement/generate.rs"]
mod generate;

use std::sync::Arc;

use generate::{Random, constraints};
use spear_placement::{Ask, Fleet, NodeSpec};
use spear_types::{PlacementPolicy, Timestamp};

/// With these the runs take nine tenths of what the nodes have.
const RUNS_PER_NODE: usize = 200;
const NOW: Timestamp = Timestamp::from_micros(1);

fn fleet_of(nodes: &[NodeSpec]) -> Fleet {
    let mut fleet = Fleet::default();
    nodes.iter().for_each(|node| _ = fleet.join(node.clone()));
    fleet
}

/// Places runs from a seed; how many nodes have any, and how many have to.
fn packed(nodes: &[NodeSpec], functions: &[Arc<Ask>], random: &mut Random) -> (usize, usize) {
    let runs = generate::runs(nodes.len() * RUNS_PER_NODE, functions, random);
    let mut fleet = fleet_of(nodes);
    assert!(runs.iter().all(|run| fleet.place(run, &[], NOW).is_some()), "there is room for all");
    let used = fleet.iter().filter(|node| fleet.reserved(*node).slots > 0).count();
    (used, bound::fewest_nodes(nodes, &runs.iter().map(|run| &***run).collect::<Vec<_>>()))
}

fn assert_close((used, bound): (usize, usize)) {
    assert!(used * 100 <= bound * 105, "{used} nodes are used, and {bound} might do");
}

#[test]
fn packed_runs_of_mixed_sizes_take_at_most_a_twentieth_more_nodes_than_any_placement_does() {
    let mut random = Random(7);
    let mut nodes = generate::nodes(200, &mut random);
    let mut functions = generate::functions(PlacementPolicy::Pack, &mut random);
    // Every node does for every run.
    let gpu = |value: &str| ("gpu".parse().unwrap(), value.parse().unwrap());
    nodes.iter_mut().for_each(|node| node.labels.extend([gpu("false")]));
    let anywhere = constraints(["gpu = false".to_owned()].into_iter());
    functions.iter_mut().for_each(|ask| Arc::make_mut(ask).constraints = anywhere.clone());
    assert_close(packed(&nodes, &functions, &mut random));
}

/// In a fleet of some hundred nodes, few have a GPU in each zone: no placement comes as near to the bound, which knows only
/// how much of everything there is.
#[test]
fn packed_runs_that_want_zones_and_gpus_do_so_too_where_there_are_many_nodes_of_each_kind() {
    let mut random = Random(8);
    let nodes = generate::nodes(1_000, &mut random);
    let functions = generate::functions(PlacementPolicy::Pack, &mut random);
    assert_close(packed(&nodes, &functions, &mut random));
}

/// The most nodes that any placement looked at one by one.
fn most_looked_at(nodes: usize, policy: PlacementPolicy) -> usize {
    const RUNS_PER_NODE: usize = 20;
    let mut random = Random(7);
    let specs = generate::nodes(nodes, &mut random);
    let functions = generate::functions(policy, &mut random);
    let mut fleet = fleet_of(&specs);
    let runs: Vec<&Arc<Ask>> = generate::runs(nodes * RUNS_PER_NODE, &functions, &mut random);
    let looked_at = runs.iter().map(|run| fleet.place_and_explain(run, &[], NOW).1.considered.len());
    looked_at.max().unwrap()
}

#[test]
fn a_placement_looks_at_twenty_nodes_at_most_however_many_there_are() {
    const MOST: usize = 20;
    for policy in [PlacementPolicy::Pack, PlacementPolicy::Spread] {
        for nodes in [100, 400, 1_600] {
            let most = most_looked_at(nodes, policy);
            assert!((2..=MOST).contains(&most), "{policy}: {most} of {nodes}");
        }
    }
}
