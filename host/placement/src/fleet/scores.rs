//! How good a node is that may have a run: the sum of a few terms, the highest first.

use spear_types::{Constraints, PlacementPolicy, Resources};

use super::{
    functions::FunctionId,
    mix::{Free, Mix},
    node::{Node, share},
};
use crate::{Ask, Term, TermName};

/// The largest value of `artifact`. A fetch takes a second at the most once, so a node that holds the artifact is taken
/// before one that is up to a fifth emptier.
const ARTIFACT: f64 = 0.2;

/// The same where runs are packed: a node that they fit worse is not taken for it.
const ARTIFACT_PACKED: f64 = 0.02;

/// The largest value of `spread`: more than `artifact`, so that a function's second run lies on another node, and less
/// than `fit`, so that a full node is not taken for it.
const SPREAD: f64 = 0.5;

/// The largest value of `prefer` and of `-avoid`: more than all other terms together, so that a node that is preferred is
/// taken as long as one has room.
const PREFER: f64 = 2.0;

/// What each failure in a row takes away, and how many count: a node that is tried again is tried where others are not
/// much better.
const FAILURE: f64 = 0.05;
const FAILURES: u32 = 5;

/// What scores depend on beside the node and the ask.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// None where the function has no run anywhere.
    pub(super) function: Option<FunctionId>,
    pub(super) mix: Mix,
}

/// What a node is worth for a run, term by term.
pub(super) fn terms(node: &Node, ask: &Ask, scale: &Scale) -> [Term; 6] {
    let spreads = ask.policy == PlacementPolicy::Spread;
    let term = |name, value| Term { name, value };
    let artifact = if spreads { ARTIFACT } else { ARTIFACT_PACKED };
    let holds = ask.artifact.is_some_and(|artifact| node.spec.artifacts.contains(&artifact));
    [
        term(TermName::Fit, fit(node, ask, scale)),
        term(TermName::Artifact, if holds { artifact } else { 0.0 }),
        term(TermName::Spread, if spreads { spread(node, scale.function) } else { 0.0 }),
        term(TermName::Prefer, PREFER * share_that_holds(node, &ask.prefer)),
        term(TermName::Avoid, -PREFER * share_that_holds(node, &ask.avoid)),
        term(TermName::Failures, failures(node)),
    ]
}

/// The sum of the terms.
pub(super) fn score(node: &Node, ask: &Ask, scale: &Scale) -> f64 {
    terms(node, ask, scale).iter().map(|term| term.value).sum()
}

/// Where runs are spread 0 to 1: what would be free of what is used most. Where they are packed -1 to 1, see [`Mix::worth`].
fn fit(node: &Node, ask: &Ask, scale: &Scale) -> f64 {
    match ask.policy {
        PlacementPolicy::Spread => 1.0 - node.used_with(ask),
        PlacementPolicy::Pack => {
            let free = node.free();
            let resources = Resources { cpu: free.cpu, memory: free.memory };
            let free = Free { slots: free.slots.into(), ..Free::from(resources) };
            scale.mix.worth(ask.resources, free, node.reserved.slots == 0)
        }
    }
}

/// The largest value for a node without a run of the function; the half of it with one, a third with two.
fn spread(node: &Node, function: Option<FunctionId>) -> f64 {
    let runs = function.map_or(0, |function| node.runs.of(function));
    SPREAD / (1.0 + f64::from(runs))
}

/// 0 to 1.
fn share_that_holds(node: &Node, constraints: &Constraints) -> f64 {
    if constraints.is_empty() {
        return 0.0;
    }
    let holds = constraints.iter().map(|constraint| u64::from(node.holds(constraint)));
    let (held, all) = holds.fold((0, 0), |(held, all), holds| (held + holds, all + 1));
    share(held, all)
}

fn failures(node: &Node) -> f64 {
    -FAILURE * f64::from(node.health.map_or(0, |health| health.failures.min(FAILURES)))
}
