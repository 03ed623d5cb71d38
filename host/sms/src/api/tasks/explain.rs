//! Why a task runs where it runs, or why it waits.

use std::collections::BTreeMap;

use spear_placement::{Considered, Decision, Filter, PassedOver, Term, Verdict};
use spear_proto::v1::{self, considered};
use spear_state::State;
use spear_types::{Constraint, Constraints, NodeName, PlacementPolicy, Refusal, TaskId, Timestamp};
use spear_wire::Encode;

use super::View;

/// The most nodes that are shown one by one: of thousands nobody reads more.
const MAX_SHOWN: usize = 1_000;

pub(super) async fn explain(view: &View, task: &str) -> Result<v1::ExplainTaskResponse, Refusal> {
    let task: TaskId = task.parse()?;
    let (live, decision) = view.scheduler.look(|state| (state.task(task), Explained::of(state, task))).await?;
    let info = match live {
        Some(live) => live,
        None => view.disk.ended(task).await?.info(),
    };
    Ok(v1::ExplainTaskResponse { task: Some(info.encode()), decision: decision.map(Encode::encode) })
}

/// A decision, and what the state knows of the first nodes that were considered.
struct Explained {
    decision: Decision,
    shown: Vec<Shown>,
}

/// A node that was considered.
struct Shown {
    /// None where it was forgotten meanwhile.
    name: Option<NodeName>,
    /// Why its link is not open.
    gone: Option<String>,
}

impl Explained {
    fn of(state: &State, task: TaskId) -> Option<Self> {
        let decision = state.decision(task, Timestamp::now())?;
        let shown = decision.considered.iter().take(MAX_SHOWN).map(|Considered { node, .. }| Shown {
            name: state.node_name(*node).cloned(),
            gone: state.why_gone(*node),
        });
        let shown = shown.collect();
        Some(Self { decision, shown })
    }
}

impl Encode<v1::Decision> for Explained {
    fn encode(self) -> v1::Decision {
        let Self { decision, shown } = self;
        let summary = summary(&decision);
        let Decision { at, ask, node, considered, others } = decision;
        let policy = match ask.policy {
            PlacementPolicy::Spread => "spread",
            PlacementPolicy::Pack => "pack",
        };
        let hidden = considered.len() - shown.len();
        let hidden = (hidden > 0).then(|| v1::PassedOver { nodes: count(hidden), reason: "not shown".to_owned() });
        let nodes = considered.into_iter().zip(shown).map(|(considered, Shown { name, gone })| v1::Considered {
            node: name.map_or_else(|| "forgotten".to_owned(), Into::into),
            verdict: Some(verdict(considered.verdict, gone)),
        });
        let passed = |PassedOver { nodes, reason }| v1::PassedOver { nodes, reason: reason.to_owned() };
        v1::Decision {
            at: Some(at.encode()),
            node: node.map(Into::into),
            summary,
            cpu_millis: ask.resources.cpu.as_millis(),
            memory_bytes: ask.resources.memory,
            constraints: texts(&ask.constraints),
            prefer: texts(&ask.prefer),
            avoid: texts(&ask.avoid),
            policy: policy.to_owned(),
            nodes: nodes.collect(),
            others: others.into_iter().map(passed).chain(hidden).collect(),
        }
    }
}

fn texts(constraints: &Constraints) -> Vec<String> {
    constraints.iter().map(Constraint::to_string).collect()
}

fn verdict(verdict: Verdict, gone: Option<String>) -> considered::Verdict {
    let score = verdict.score();
    match verdict {
        Verdict::Scored(terms) => {
            let term = |Term { name, value }| v1::ScoreTerm { name: name.to_string(), value };
            let terms = terms.into_iter().map(term).collect();
            considered::Verdict::Scored(considered::Scored { terms, score: score.unwrap_or_default() })
        }
        Verdict::Rejected(filter) => {
            let (name, reason) = (filter.name().to_owned(), gone.filter(|_| filter == Filter::Link));
            let reason = reason.unwrap_or_else(|| filter.to_string());
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
    format!("it waits, as no node can take it: {}", why_not(considered, others))
}

/// How many nodes each filter keeps away, the most first.
fn why_not(considered: &[Considered], others: &[PassedOver]) -> String {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for considered in considered {
        if let Verdict::Rejected(filter) = &considered.verdict {
            *counts.entry(filter.nodes_are()).or_default() += 1;
        }
    }
    let considered = counts.into_iter().map(|(why, count)| (count, format!("{count} {why}")));
    // Why others were passed over is a sentence of its own.
    let others = others.iter().map(|PassedOver { nodes, reason }| (*nodes, format!("{nodes} ({reason})")));
    let mut counts: Vec<(u32, String)> = considered.chain(others).collect();
    counts.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    counts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(", ")
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use spear_wire::Decode as _;

    use super::*;
    use crate::testing::{Middle, function};

    async fn decision(view: &View, task: TaskId) -> (spear_types::TaskInfo, v1::Decision) {
        let explained = explain(view, &task.to_string()).await.unwrap();
        (spear_types::TaskInfo::decode(explained.task.unwrap()).unwrap(), explained.decision.expect("a decision"))
    }

    #[tokio::test]
    async fn a_decision_names_every_node_with_its_terms_or_its_filter() {
        let middle = Middle::new();
        let view = middle.view();
        let tasks = middle.submit(&function("f"), 3).await;
        let (_, none) = decision(&view, tasks[0]).await;
        assert!(none.node.is_none() && none.summary.contains("there is no node"), "{}", none.summary);

        middle.join("one", 1).await;
        middle.join("two", 1).await;
        let (info, placed) = decision(&view, tasks[1]).await;
        assert_eq!((info.state.name(), placed.node.as_deref()), ("assigned", Some("two")));
        assert!(placed.summary.contains("two"), "{}", placed.summary);
        let (info, waits) = decision(&view, tasks[2]).await;
        assert_eq!((info.state.name(), waits.node), ("queued", None));
        assert!(waits.summary.ends_with("no node can take it: 2 without a free slot"), "{}", waits.summary);
        let names: Vec<&str> = waits.nodes.iter().map(|node| node.node.as_str()).collect();
        assert_eq!(names, ["one", "two"]);
        for node in waits.nodes {
            let Some(considered::Verdict::Rejected(rejected)) = node.verdict else { panic!("it has room") };
            assert_eq!((rejected.filter.as_str(), rejected.reason.as_str()), ("slots", "all 1 slots are taken"));
        }
    }

    #[test]
    fn nodes_that_were_not_looked_at_are_counted_with_their_reason() {
        let others = [
            PassedOver { nodes: 9, reason: "all slots are taken" },
            PassedOver { nodes: 1, reason: "lost or stopping" },
        ];
        assert_eq!(why_not(&[], &others), "9 (all slots are taken), 1 (lost or stopping)");
    }

    #[tokio::test]
    async fn a_task_that_is_unknown_has_no_decision() {
        let refusal = explain(&Middle::new().view(), &TaskId::generate().to_string()).await.unwrap_err();
        assert_eq!(refusal.code, spear_types::Code::UnknownTask);
    }
}
