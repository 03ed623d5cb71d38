//! The best of the nodes that may have a run.

use spear_types::Timestamp;

use super::{Fleet, NodeId, filters, node::Node, scores};
use crate::{Ask, Considered, Decision, Term, Verdict};

/// The best so far: the highest score, of equals the first by name.
#[derive(Debug, Default)]
struct Best<'a>(Option<(f64, NodeId, &'a Node)>);

impl Fleet {
    /// The node for a run.
    pub(super) fn choose(&self, ask: &Ask, excluded: &[NodeId], now: Timestamp) -> Option<NodeId> {
        let function = self.functions.find(&ask.function);
        let mut best = Best::default();
        for (id, node) in self.nodes.iter() {
            if filters::passes((id, node), ask, excluded, now) {
                best.offer(scores::score(node, ask, function), id, node);
            }
        }
        best.0.map(|(_, id, _)| id)
    }

    /// The same, with every node's filter or terms.
    pub(super) fn explain_all(&self, ask: &std::sync::Arc<Ask>, excluded: &[NodeId], now: Timestamp) -> Decision {
        let function = self.functions.find(&ask.function);
        let mut best = Best::default();
        let mut considered = Vec::with_capacity(self.nodes.len());
        for (id, node) in self.nodes.iter() {
            let verdict = match filters::rejection((id, node), ask, excluded, now) {
                Some(filter) => Verdict::Rejected(filter),
                None => Verdict::Scored(told(scores::terms(node, ask, function))),
            };
            if let Some(score) = verdict.score() {
                best.offer(score, id, node);
            }
            considered.push(Considered { node: id, verdict });
        }
        let node = best.0.map(|(_, _, node)| node.spec.name.clone());
        Decision { at: now, ask: ask.clone(), node, considered, others: Vec::new() }
    }
}

impl<'a> Best<'a> {
    fn offer(&mut self, score: f64, id: NodeId, node: &'a Node) {
        let better = self.0.is_none_or(|(best, _, other)| {
            score.total_cmp(&best).then_with(|| other.spec.name.cmp(&node.spec.name)).is_gt()
        });
        if better {
            self.0 = Some((score, id, node));
        }
    }
}

/// The fit, and what else adds something.
fn told(terms: [Term; 6]) -> Vec<Term> {
    terms.into_iter().enumerate().filter(|(at, term)| *at == 0 || term.value != 0.0).map(|(_, term)| term).collect()
}
