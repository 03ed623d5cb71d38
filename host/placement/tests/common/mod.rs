//! Nodes and asks in few words.
#![allow(dead_code, reason = "not every test uses all of it")]

use std::{collections::BTreeSet, sync::Arc};

use spear_placement::{Ask, Filter, Fleet, NodeId, NodeSpec, Verdict};
use spear_types::{AgentInfo, AgentKind, Capacity, Constraints, Cpu, Digest, PlacementPolicy, Resources, Timestamp};

/// A node with so many slots, cores and GiB.
pub(crate) fn node(name: &str, slots: u32, cores: u32, gib: u64) -> NodeSpec {
    NodeSpec {
        name: name.parse().unwrap(),
        capacity: Capacity { slots, cpu: Cpu::from_millis(cores * 1_000), memory: gib << 30 },
        labels: [].into(),
        agents: vec![AgentInfo::able(AgentKind::Wasm)],
        artifacts: BTreeSet::new(),
    }
}

pub(crate) fn labelled(mut node: NodeSpec, labels: &[(&str, &str)]) -> NodeSpec {
    node.labels = labels.iter().map(|(label, value)| (label.parse().unwrap(), value.parse().unwrap())).collect();
    node
}

pub(crate) fn digest(function: &str) -> Digest {
    Digest::of(function.as_bytes())
}

fn bare(function: &str, cores: u32, gib: u64) -> Ask {
    Ask {
        function: function.parse().unwrap(),
        resources: Resources { cpu: Cpu::from_millis(cores * 1_000), memory: gib << 30 },
        constraints: Constraints::default(),
        prefer: Constraints::default(),
        avoid: Constraints::default(),
        policy: PlacementPolicy::Spread,
        agents: [AgentKind::Wasm].into_iter().collect(),
        artifact: Some(digest(function)),
    }
}

/// A run of a function that spreads and takes so many cores and GiB.
pub(crate) fn ask(function: &str, cores: u32, gib: u64) -> Arc<Ask> {
    Arc::new(bare(function, cores, gib))
}

/// The same of one that packs.
pub(crate) fn packed(function: &str, cores: u32, gib: u64) -> Arc<Ask> {
    Arc::new(Ask { policy: PlacementPolicy::Pack, ..bare(function, cores, gib) })
}

pub(crate) fn constrained(function: &str, texts: &[&str]) -> Arc<Ask> {
    Arc::new(Ask { constraints: constraints(texts), ..bare(function, 0, 0) })
}

pub(crate) fn choosy(function: &str, prefer: &[&str], avoid: &[&str]) -> Arc<Ask> {
    Arc::new(Ask { prefer: constraints(prefer), avoid: constraints(avoid), ..bare(function, 0, 0) })
}

pub(crate) fn constraints(texts: &[&str]) -> Constraints {
    texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>().try_into().unwrap()
}

/// Places up to so many runs, until none has room.
pub(crate) fn place_all(fleet: &mut Fleet, ask: &Arc<Ask>, runs: usize, now: Timestamp) -> Vec<NodeId> {
    (0..runs).map_while(|_| fleet.place(ask, &[], now)).collect()
}

/// The filter of each node.
pub(crate) fn filters(fleet: &Fleet, ask: &Arc<Ask>, now: Timestamp) -> Vec<Option<Filter>> {
    let verdicts = fleet.explain(ask, &[], now).considered.into_iter().map(|considered| considered.verdict);
    let filter = |verdict| match verdict {
        Verdict::Rejected(filter) => Some(filter),
        Verdict::Scored(_) => None,
    };
    verdicts.map(filter).collect()
}
