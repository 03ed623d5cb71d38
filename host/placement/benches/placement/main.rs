//! Placements in memory: how many in a second on one core, what one costs by the number of nodes, and how few nodes are used
//! where runs are packed. `cargo xtask bench placement` runs it.

mod bound;
mod generate;
mod scan;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use generate::Random;
use rustix::time::{ClockId, clock_gettime};
use spear_placement::{Ask, Fleet, NodeSpec};
use spear_types::{PlacementPolicy, Timestamp};

/// The fleet that the aims are about, and the others.
const NODES: usize = 5_000;
const OTHERS: [usize; 3] = [50, 500, 20_000];
/// With these the runs take nine tenths of what the nodes have.
const RUNS_PER_NODE: usize = 200;
/// Of the scan, which takes long.
const SAMPLE: usize = 20_000;
const SEED: u64 = 7;
const NOW: Timestamp = Timestamp::from_micros(1);

/// What was measured.
struct Measured {
    /// The thread's time for all.
    cpu: Duration,
    /// The time of each, sorted.
    each: Vec<Duration>,
    unplaced: usize,
}

fn main() {
    let mut random = Random(SEED);
    let nodes = generate::nodes(NODES, &mut random);
    let functions = generate::functions(PlacementPolicy::Pack, &mut random);
    let runs = generate::runs(NODES * RUNS_PER_NODE, &functions, &mut random);
    println!("{} runs of {} functions onto {NODES} nodes, seed {SEED}", runs.len(), functions.len());
    let (fleet, measured) = place(&nodes, &runs);
    println!("  packed: {measured}; aim 100000/s");
    let used = fleet.iter().filter(|node| fleet.reserved(*node).slots > 0).count();
    let bound = bound::fewest_nodes(&nodes, &runs.iter().map(|run| &***run).collect::<Vec<_>>());
    let share = used as f64 / bound as f64;
    println!("  nodes used: {used}, no placement uses fewer than {bound}: {share:.3} times as many, aim 1.05");
    println!("  the floor, a bare scan over the nodes: {:.0}/s", scan::rate(&nodes, &runs[..SAMPLE]));
    for policy in [PlacementPolicy::Pack, PlacementPolicy::Spread] {
        println!("by the number of nodes, {policy}:");
        OTHERS.into_iter().chain([NODES]).for_each(|count| by_nodes(count, policy));
    }
}

fn by_nodes(count: usize, policy: PlacementPolicy) {
    let mut random = Random(SEED);
    let nodes = generate::nodes(count, &mut random);
    let functions = generate::functions(policy, &mut random);
    let runs = generate::runs(count * RUNS_PER_NODE, &functions, &mut random);
    println!("  {count:>6}: {}", place(&nodes, &runs).1);
}

fn place(nodes: &[NodeSpec], runs: &[&Arc<Ask>]) -> (Fleet, Measured) {
    let mut fleet = Fleet::default();
    nodes.iter().for_each(|node| _ = fleet.join(node.clone()));
    let mut measured = Measured { cpu: Duration::ZERO, each: Vec::with_capacity(runs.len()), unplaced: 0 };
    let start = thread_time();
    for run in runs {
        let start = Instant::now();
        let placed = fleet.place(run, &[], NOW);
        measured.each.push(start.elapsed());
        measured.unplaced += usize::from(placed.is_none());
    }
    measured.cpu = thread_time() - start;
    measured.each.sort_unstable();
    (fleet, measured)
}

/// What the thread took of its core: other programs on the machine do not count.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cpu, each, unplaced } = self;
        let rate = each.len() as f64 / cpu.as_secs_f64();
        let (median, p99) = (each[each.len() / 2], each[each.len() * 99 / 100]);
        write!(f, "{rate:.0}/s on one core, median {median:?}, p99 {p99:?}, without room {unplaced}")
    }
}
