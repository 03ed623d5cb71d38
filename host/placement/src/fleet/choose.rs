//! The best of the nodes that may have a run: of all of a small fleet, of a few of a large one.

use std::sync::Arc;

use spear_types::Timestamp;

use super::{
    Fleet, NodeId, filters,
    index::Candidates,
    mix::Mix,
    node::{Claim, Node, Standing},
    scores::{self, Scale},
};
use crate::{Ask, Considered, Decision, PassedOver, Term, Verdict};

/// Up to so many nodes are all looked at: that takes as long as the index does.
const SMALL: usize = 64;

/// So many holders of the artifact are looked at, other ones each time.
const HOLDERS: usize = 4;

/// The best so far: the highest score, of equals the first by name.
#[derive(Debug, Default)]
struct Best<'a>(Option<(f64, NodeId, &'a Node)>);

impl Fleet {
    /// The node for a call.
    pub(super) fn choose(&mut self, ask: &Ask, excluded: &[NodeId], now: Timestamp) -> Option<NodeId> {
        if self.nodes.len() > SMALL {
            let candidates = self.candidates(ask, excluded, now);
            if !candidates.is_empty() {
                return self.best(candidates.iter(), ask);
            }
        }
        // The index knows nothing of the slots that tasks leave free.
        let run = (ask, Claim::Call);
        let passes =
            |id: &NodeId| self.nodes.get(*id).is_some_and(|node| filters::passes((*id, node), run, excluded, now));
        self.best(self.nodes.by_name().filter(passes), ask)
    }

    /// The node for a task, with what was looked at.
    pub(super) fn choose_and_explain(&mut self, ask: &Arc<Ask>, excluded: &[NodeId], now: Timestamp) -> Decision {
        if self.nodes.len() <= SMALL {
            return self.explain_all(ask, excluded, now);
        }
        let candidates = self.candidates(ask, excluded, now);
        let mut looked_at: Vec<NodeId> = candidates.iter().chain(excluded.iter().copied()).collect();
        looked_at.retain(|id| self.nodes.get(*id).is_some());
        looked_at.sort_unstable();
        looked_at.dedup();
        let mut decision = self.explain_some(looked_at.iter().copied(), ask, excluded, now);
        decision.others = self.others(&looked_at, ask);
        decision
    }

    /// Every node's filter or terms.
    pub(super) fn explain_all(&self, ask: &Arc<Ask>, excluded: &[NodeId], now: Timestamp) -> Decision {
        self.explain_some(self.nodes.by_name(), ask, excluded, now)
    }

    fn explain_some(
        &self,
        nodes: impl Iterator<Item = NodeId>,
        ask: &Arc<Ask>,
        excluded: &[NodeId],
        now: Timestamp,
    ) -> Decision {
        let scale = self.scale(ask);
        let mut best = Best::default();
        let verdict = |node| {
            let node = (node, self.nodes.get(node)?);
            let verdict = match filters::rejection(node, (ask, Claim::Task), excluded, now) {
                Some(filter) => Verdict::Rejected(filter),
                None => Verdict::Scored(told(scores::terms(node.1, ask, &scale))),
            };
            if let Some(score) = verdict.score() {
                best.offer(score, node);
            }
            Some(Considered { node: node.0, verdict })
        };
        let considered = nodes.filter_map(verdict).collect();
        let node = best.0.map(|(_, _, node)| node.spec.name.clone());
        Decision { at: now, ask: ask.clone(), node, considered, others: Vec::new() }
    }

    /// A few nodes that may have the run.
    fn candidates(&mut self, ask: &Ask, excluded: &[NodeId], now: Timestamp) -> Candidates {
        let mix = self.mix(ask);
        let mut found = self.index.candidates(&self.nodes, ask, &mix, excluded);
        if found.is_empty() {
            return found;
        }
        let passes = |id: &NodeId| {
            self.nodes.get(*id).is_some_and(|node| filters::passes((*id, node), (ask, Claim::Task), excluded, now))
        };
        let last = self.last_holder;
        let holders = ask.artifact.iter().flat_map(|artifact| self.holders.after(last, artifact)).take(HOLDERS);
        self.last_holder = holders.clone().last();
        found.add(holders.filter(passes), excluded, HOLDERS);
        found
    }

    fn best(&self, nodes: impl Iterator<Item = NodeId>, ask: &Ask) -> Option<NodeId> {
        let scale = self.scale(ask);
        let mut best = Best::default();
        for id in nodes {
            if let Some(node) = self.nodes.get(id) {
                best.offer(scores::score(node, ask, &scale), (id, node));
            }
        }
        best.0.map(|(_, id, _)| id)
    }

    /// The nodes that were not looked at.
    fn others(&mut self, looked_at: &[NodeId], ask: &Ask) -> Vec<PassedOver> {
        let mut standings = self.index.standings(&self.nodes, ask);
        let all = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let mut unfit = all - standings.iter().sum::<u32>();
        for node in looked_at.iter().filter_map(|id| self.nodes.get(*id)) {
            let group = match filters::suits(node, ask) {
                true => &mut standings[node.standing() as usize],
                false => &mut unfit,
            };
            *group -= 1;
        }
        let standings = Standing::ALL.into_iter().map(|standing| (standings[standing as usize], standing.reason()));
        let unfit = (unfit, "their labels or agents are not what is asked for");
        let groups = [unfit].into_iter().chain(standings).filter(|(nodes, _)| *nodes > 0);
        groups.map(|(nodes, reason)| PassedOver { nodes, reason }).collect()
    }

    fn scale(&self, ask: &Ask) -> Scale {
        Scale { function: self.functions.find(&ask.function), mix: self.mix(ask) }
    }

    fn mix(&self, ask: &Ask) -> Mix {
        Mix::of(self.taken, ask.resources, self.largest)
    }
}

impl<'a> Best<'a> {
    fn offer(&mut self, score: f64, (id, node): (NodeId, &'a Node)) {
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
