//! Why a task runs where it runs, or why it waits.

use std::collections::BTreeMap;

use spear_placement::{Considered, Decision, NodeId, PassedOver, Term, Verdict};
use spear_proto::v1::{self, considered};
use spear_state::State;
use spear_types::{Constraint, NodeName, PlacementPolicy, Refusal, TaskId, Timestamp};
use spear_wire::Encode as _;

use super::View;

/// The most nodes that are shown one by one: of thousands nobody reads more.
const MAX_SHOWN: usize = 1_000;

pub(super) async fn explain(view: &View, task: &str) -> Result<v1::ExplainTaskResponse, Refusal> {
    let task: TaskId = task.parse()?;
    let found = |state: &State| (state.task(task), decision(state, task));
    let (live, decision) = view.scheduler.look(found).await?;
    let info = match live {
        Some(live) => live,
        None => view.disk.ended(task).await?.info(),
    };
    Ok(v1::ExplainTaskResponse { task: Some(info.encode()), decision })
}

fn decision(state: &State, task: TaskId) -> Option<v1::Decision> {
    let decision = state.decision(task, Timestamp::now())?;
    Some(encode(decision, |node| state.node_name(node).cloned()))
}

fn encode(decision: Decision, name: impl Fn(NodeId) -> Option<NodeName>) -> v1::Decision {
    let summary = summary(&decision);
    let Decision { at, ask, node, considered, others } = decision;
    let policy = match ask.policy {
        PlacementPolicy::Spread => "spread",
        PlacementPolicy::Pack => "pack",
    };
    let hidden = considered.len().saturating_sub(MAX_SHOWN);
    let hidden = (hidden > 0).then(|| v1::PassedOver { nodes: count(hidden), reason: "not shown".to_owned() });
    let nodes = considered.into_iter().take(MAX_SHOWN).map(|considered| {
        let node = name(considered.node).map_or_else(|| "forgotten".to_owned(), |name| name.to_string());
        v1::Considered { node, verdict: Some(verdict(considered.verdict)) }
    });
    let passed = |PassedOver { nodes, reason }| v1::PassedOver { nodes, reason: reason.to_owned() };
    v1::Decision {
        at: Some(at.encode()),
        node: node.map(Into::into),
        summary,
        cpu_millis: ask.resources.cpu.as_millis(),
        memory_bytes: ask.resources.memory,
        constraints: ask.constraints.iter().map(Constraint::to_string).collect(),
        policy: policy.to_owned(),
        nodes: nodes.collect(),
        others: others.into_iter().map(passed).chain(hidden).collect(),
    }
}

fn verdict(verdict: Verdict) -> considered::Verdict {
    let score = verdict.score();
    match verdict {
        Verdict::Scored(terms) => {
            let term = |Term { name, value }| v1::ScoreTerm { name: name.to_string(), value };
            let terms = terms.into_iter().map(term).collect();
            considered::Verdict::Scored(considered::Scored { terms, score: score.unwrap_or_default() })
        }
        Verdict::Rejected(filter) => {
            let (name, reason) = (filter.name().to_owned(), filter.to_string());
            considered::Verdict::Rejected(considered::Rejected { filter: name, reason })
        }
    }
}

/// A sentence: what was chosen, or what keeps it waiting.
fn summary(decision: &Decision) -> String {
    let Decision { node, considered, others, .. } = decision;
    let fitting = considered.iter().filter(|considered| considered.verdict.score().is_some()).count();
    if let Some(node) = node {
        return match fitting {
            0 | 1 => format!("{node} was the node that had room"),
            _ => format!("{node} had the best score of {fitting} nodes that had room"),
        };
    }
    if considered.is_empty() && others.is_empty() {
        return "it waits: there is no node; `spear spearlet` starts one".to_owned();
    }
    if fitting > 0 {
        return format!("it waits its turn: {fitting} nodes have room");
    }
    format!("it waits: no node has room ({})", why_not(considered, others))
}

/// How many nodes each filter keeps away, the most first.
fn why_not(considered: &[Considered], others: &[PassedOver]) -> String {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for considered in considered {
        if let Verdict::Rejected(filter) = &considered.verdict {
            *counts.entry(filter.name()).or_default() += 1;
        }
    }
    let mut counts: Vec<(&str, u32)> =
        counts.into_iter().chain(others.iter().map(|other| (other.reason, other.nodes))).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.into_iter().map(|(why, count)| format!("{why}: {count}")).collect::<Vec<_>>().join(", ")
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
