//! Nodes, functions and their runs from a seed.

use std::{collections::BTreeSet, sync::Arc};

use spear_placement::{Ask, NodeSpec};
use spear_types::{AgentInfo, AgentKind, Capacity, Constraints, Cpu, Digest, PlacementPolicy, Resources};

/// Cores of nodes, one as likely as the other.
const CORES: [u32; 5] = [4, 8, 16, 32, 64];
/// GiB for each core, up to 256 GiB.
const GIB_PER_CORE: [u64; 3] = [2, 4, 8];
const MOST_GIB: u64 = 256;
/// Of a thousand nodes, those with a GPU; of a thousand runs, those that want one.
const GPU_NODES: u64 = 100;
const GPU_RUNS: u64 = 80;
pub(crate) const ZONES: [&str; 3] = ["a", "b", "c"];
const FUNCTIONS: usize = 1_000;

/// SplitMix64: a few lines that give the same numbers everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }

    /// 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Nodes of 4 to 64 cores and 8 to 256 GiB in three zones, a tenth of them with a GPU.
pub(crate) fn nodes(count: usize, random: &mut Random) -> Vec<NodeSpec> {
    (0..count).map(|number| node(number, random)).collect()
}

fn node(number: usize, random: &mut Random) -> NodeSpec {
    let cores = random.of(&CORES);
    let gib = (u64::from(cores) * random.of(&GIB_PER_CORE)).min(MOST_GIB);
    let zone = random.of(&ZONES);
    let gpu = random.below(1_000) < GPU_NODES;
    NodeSpec {
        name: format!("n{number:05}").parse().unwrap(),
        capacity: Capacity { slots: cores * 64, cpu: Cpu::from_millis(cores * 1_000), memory: gib << 30 },
        labels: [("zone", zone), ("gpu", if gpu { "true" } else { "false" })]
            .map(|(label, value)| (label.parse().unwrap(), value.parse().unwrap()))
            .into(),
        agents: vec![AgentInfo::able(AgentKind::Wasm)],
        artifacts: BTreeSet::new(),
    }
}

/// A thousand functions: 0.014 to 0.34 cores, log-uniform; memory for each core about 3.5 GiB (nine of twenty), 0.8 GiB (seven)
/// or 10 GiB (four), each times 0.5 to 2. Some want a GPU, the others are kept from those nodes; three of ten of these are
/// bound to a zone or kept from one.
pub(crate) fn functions(policy: PlacementPolicy, random: &mut Random) -> Vec<Arc<Ask>> {
    (0..FUNCTIONS).map(|number| Arc::new(function(number, policy, random))).collect()
}

fn function(number: usize, policy: PlacementPolicy, random: &mut Random) -> Ask {
    let cores = 0.0136 * 25f64.powf(random.share());
    let gib_per_core = [3.5; 9].into_iter().chain([0.8; 7]).chain([10.0; 4]).collect::<Vec<_>>();
    let gib = cores * random.of(&gib_per_core) * 0.5 * 4f64.powf(random.share());
    let gpu = random.below(1_000) < GPU_RUNS;
    let zone = random.of(&ZONES);
    let zoned = match random.below(10) {
        0 | 1 if !gpu => Some(format!("zone = {zone}")),
        2 if !gpu => Some(format!("zone != {zone}")),
        _ => None,
    };
    let wants = [format!("gpu = {gpu}")].into_iter().chain(zoned);
    Ask {
        function: format!("f{number}").parse().unwrap(),
        resources: Resources {
            cpu: Cpu::from_millis((cores * 1_000.0).ceil() as u32),
            memory: ((gib * 1_024.0).ceil() as u64) << 20,
        },
        constraints: constraints(wants),
        prefer: Constraints::default(),
        avoid: Constraints::default(),
        policy,
        agents: [AgentKind::Wasm].into_iter().collect(),
        artifact: Some(Digest::of(&number.to_le_bytes())),
    }
}

pub(crate) fn constraints(texts: impl Iterator<Item = String>) -> Constraints {
    texts.map(|text| text.parse().unwrap()).collect::<Vec<_>>().try_into().unwrap()
}

/// So many runs of the functions, one function as likely as the other, in the seed's order.
pub(crate) fn runs<'a>(count: usize, functions: &'a [Arc<Ask>], random: &mut Random) -> Vec<&'a Arc<Ask>> {
    (0..count).map(|_| &functions[random.below(functions.len() as u64) as usize]).collect()
}
