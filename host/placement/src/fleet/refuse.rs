//! Why no node has room, node by node.

use bytesize::ByteSize;
use spear_types::{Code, Cpu, Duty, Refusal, Timestamp};

use super::{
    Link, NodeId, filters,
    node::{Claim, Node},
    nodes::Nodes,
};
use crate::{Ask, Filter};

/// How many nodes a refusal names: enough to see a pattern, few enough to read.
const NAMED: usize = 10;

/// See [`super::Fleet::could_ever`].
pub(super) fn could_ever(nodes: &Nodes, ask: &Ask) -> Result<(), Refusal> {
    if nodes.len() == 0 || nodes.iter().any(|(_, node)| filters::never(node, ask).is_none()) {
        return Ok(());
    }
    Err(no_node_could(nodes, ask))
}

/// See [`super::Fleet::refusal`].
pub(super) fn refusal(nodes: &Nodes, ask: &Ask, now: Timestamp, gone: impl Fn(NodeId) -> Option<String>) -> Refusal {
    if let Err(refusal) = could_ever(nodes, ask) {
        return refusal;
    }
    let why = listed(nodes, |named| match filters::rejection(named, (ask, Claim::Call), &[], now)? {
        Filter::Link => gone(named.0).or_else(|| Some(Filter::Link.to_string())),
        filter => Some(filter.to_string()),
    });
    let linked = |(_, node): &(NodeId, &Node)| node.link == Link::Open;
    if nodes.iter().filter(linked).any(|(_, node)| node.duty == Duty::Open) {
        let able = |(id, node): (NodeId, &Node)| {
            let rejection = filters::rejection((id, node), (ask, Claim::Call), &[], now);
            node.link == Link::Open && !matches!(rejection, Some(Filter::Agent(_)))
        };
        let what = if nodes.iter().any(able) { "has room" } else { "can run it now" };
        return Refusal::new(Code::QueueFull, format!("no live node {what}: {why}"))
            .help("try again later, or start another node with `spear spearlet`");
    }
    if nodes.iter().any(|node| linked(&node)) {
        return Refusal::new(Code::NoNodeFits, format!("no live node takes work: {why}"))
            .help("`spear node uncordon NODE` has it take work again; `spear spearlet` starts another");
    }
    let known = if nodes.len() == 0 { "none was ever registered".to_owned() } else { why };
    Refusal::new(Code::NoNodeFits, format!("no node is live: {known}")).help("start one with `spear spearlet`")
}

fn no_node_could(nodes: &Nodes, ask: &Ask) -> Refusal {
    let why = listed(nodes, |(_, node)| filters::never(node, ask).map(never));
    let message = format!("no node could ever run {}: {why}", ask.function);
    let lacks: Vec<_> = nodes.iter().filter_map(|(_, node)| filters::never(node, ask)).collect();
    Refusal::new(Code::NoNodeFits, message).help(what_would_help(&lacks))
}

/// By the least that any node lacks: what has the labels may still be too small.
fn what_would_help(lacks: &[Filter]) -> &'static str {
    let lacking = |one: fn(&Filter) -> bool| lacks.iter().any(one);
    if lacking(|filter| matches!(filter, Filter::Slots(..) | Filter::Cpu(..) | Filter::Memory(..))) {
        return "ask for less in [placement] and [limits] of spear.toml, or start a larger node with `spear spearlet`";
    }
    if lacking(|filter| matches!(filter, Filter::Agent(_))) {
        return "start a node that has an agent for it with `spear spearlet`";
    }
    "ask for other labels in [placement] of spear.toml, or start a node that has them with `spear spearlet --label`"
}

/// A filter that the node does not pass with all of it free.
fn never(filter: Filter) -> String {
    match filter {
        Filter::Slots(..) => "it has no slots".to_owned(),
        Filter::Cpu(asked, has) => {
            format!("{} cores are asked, it has {}", Cpu::from_millis(asked), Cpu::from_millis(has))
        }
        Filter::Memory(asked, has) => {
            format!("{} of memory are asked, it has {}", ByteSize(asked).display().iec(), ByteSize(has).display().iec())
        }
        filter => filter.to_string(),
    }
}

/// The first nodes by name, each with why.
fn listed(nodes: &Nodes, why: impl Fn((NodeId, &Node)) -> Option<String>) -> String {
    let named = nodes.iter().take(NAMED).map(|(id, node)| match why((id, node)) {
        Some(why) => format!("{}: {why}", node.spec.name),
        None => format!("{}: has room", node.spec.name),
    });
    let mut text = named.collect::<Vec<_>>().join("; ");
    if let Some(more) = nodes.len().checked_sub(NAMED).filter(|more| *more > 0) {
        text.push_str(&format!("; and {more} more"));
    }
    text
}
