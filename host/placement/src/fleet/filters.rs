//! Whether a node may have a run, in the order in which the filters are told of.

use spear_types::{Capacity, Constraint, Duty, Timestamp};

use super::{
    Link, NodeId,
    node::{Claim, Node},
};
use crate::{Ask, Filter};

/// The first filter that keeps the run off the node.
pub(super) fn rejection(
    (id, node): (NodeId, &Node),
    (ask, claim): (&Ask, Claim),
    excluded: &[NodeId],
    now: Timestamp,
) -> Option<Filter> {
    let excluded = excluded.contains(&id).then_some(Filter::Excluded);
    let standing = excluded.or_else(|| standing(node, now));
    standing.or_else(|| fitness(node, ask)).or_else(|| room(node.free_for(claim), node, (ask, claim)))
}

/// Whether no filter does; says nothing, so that it costs little.
pub(super) fn passes(
    (id, node): (NodeId, &Node),
    (ask, claim): (&Ask, Claim),
    excluded: &[NodeId],
    now: Timestamp,
) -> bool {
    room(node.free_for(claim), node, (ask, claim)).is_none()
        && !excluded.contains(&id)
        && standing(node, now).is_none()
        && suits(node, ask)
}

/// Whether its labels and agents are what is asked for.
pub(super) fn suits(node: &Node, ask: &Ask) -> bool {
    unmet(node, ask).is_none() && has_agent(node, ask)
}

/// Why the node gets nothing, whatever is asked.
fn standing(node: &Node, now: Timestamp) -> Option<Filter> {
    match node.link {
        Link::Gone => return Some(Filter::Link),
        Link::Stopping => return Some(Filter::Stopping),
        Link::Open => {}
    }
    if node.duty != Duty::Open {
        return Some(Filter::Duty(node.duty));
    }
    node.health.filter(|health| health.is_closed(now)).map(|health| Filter::Penalty(health.until))
}

/// Why the node never can, whatever is free.
pub(super) fn never(node: &Node, ask: &Ask) -> Option<Filter> {
    // What an agent cannot run now it may run later.
    let fitness = fitness(node, ask).filter(|filter| !matches!(filter, Filter::Agent(Some(_))));
    fitness.or_else(|| room(node.spec.capacity, node, (ask, Claim::Task)))
}

fn fitness(node: &Node, ask: &Ask) -> Option<Filter> {
    let unmet = unmet(node, ask).map(|constraint| Filter::Constraint(constraint.to_string()));
    unmet.or_else(|| (!has_agent(node, ask)).then(|| Filter::Agent(why_no_agent(node, ask))))
}

/// The first constraint that does not hold.
fn unmet<'a>(node: &Node, ask: &'a Ask) -> Option<&'a Constraint> {
    ask.constraints.iter().find(|constraint| !node.holds(constraint))
}

fn has_agent(node: &Node, ask: &Ask) -> bool {
    node.agents().meets(ask.agents)
}

/// Those that it has and that can run nothing now, with why; none where it has none at all.
fn why_no_agent(node: &Node, ask: &Ask) -> Option<String> {
    let asked = node.spec.agents.iter().filter(|agent| ask.agents.contains(agent.kind));
    let why = asked.filter_map(|agent| Some(format!("{}: {}", agent.kind, agent.unavailable.as_ref()?)));
    let why: Vec<String> = why.collect();
    (!why.is_empty()).then(|| why.join("; "))
}

/// What of `free` is too little.
fn room(free: Capacity, node: &Node, (ask, claim): (&Ask, Claim)) -> Option<Filter> {
    if free.slots == 0 {
        return Some(Filter::Slots(node.spec.capacity.slots, node.kept_from(claim)));
    }
    if free.cpu < ask.resources.cpu {
        return Some(Filter::Cpu(ask.resources.cpu.as_millis(), free.cpu.as_millis()));
    }
    (free.memory < ask.resources.memory).then_some(Filter::Memory(ask.resources.memory, free.memory))
}
