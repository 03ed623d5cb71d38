//! The nodes: what each has, what of it is given away, and whether it may be given more.

mod choose;
mod filters;
mod functions;
mod holders;
mod index;
mod mix;
mod node;
mod nodes;
mod penalty;
mod refuse;
mod scores;

use std::{collections::BTreeSet, sync::Arc};

use spear_types::{
    AgentInfo, Capacity, Digest, Duty, Load, MAX_ARTIFACTS, NodeName, Penalty, Refusal, Reserved, Timestamp,
};

pub use self::{
    node::{Link, NodeSpec},
    nodes::NodeId,
};

use self::{
    functions::Functions,
    holders::Holders,
    index::Index,
    node::{Claim, Node},
    nodes::{Nodes, larger},
    penalty::{Health, Phase},
};
use crate::{Ask, Decision};

/// All nodes.
///
/// A number that is not, or no more, a node's is answered like a node that has nothing; what is said of it is ignored.
#[derive(Debug, Default)]
pub struct Fleet {
    nodes: Nodes,
    functions: Functions,
    holders: Holders,
    /// The last holder of an artifact that was looked at.
    last_holder: Option<NodeId>,
    index: Index,
    /// When which node's penalty ends.
    penalties: BTreeSet<(Timestamp, NodeId)>,
    /// What all runs take: thousandths of a core, bytes.
    taken: (u64, u128),
    /// The most of each that a node has.
    largest: Capacity,
}

impl Fleet {
    /// Lets a node in, or takes note of what a known one says anew: its link is open. What is reserved on it, its duty
    /// and its penalty stay, but for that of a single failure.
    pub fn join(&mut self, spec: NodeSpec) -> NodeId {
        let capacity = spec.capacity;
        let before = self.nodes.find(&spec.name).and_then(|known| self.nodes.get(known));
        let before = before.map(|node| node.spec.clone());
        let id = self.nodes.join(spec);
        let Some(node) = self.nodes.get(id) else { return id };
        before.iter().flat_map(|spec| &spec.artifacts).for_each(|artifact| self.holders.remove(id, artifact));
        node.spec.artifacts.iter().for_each(|artifact| self.holders.add(id, *artifact));
        self.index.joined(id, node);
        self.largest = match before {
            Some(before) if before.capacity != capacity => self.nodes.largest(),
            _ => larger(self.largest, capacity),
        };
        if let Some(health) = node.health {
            self.set_health(id, Some(health.back()));
        }
        id
    }

    /// Forgets a node. What is reserved on it is gone with it.
    pub fn forget(&mut self, node: NodeId) {
        let Some(gone) = self.nodes.remove(node) else { return };
        self.index.forgot(node);
        self.took(gone.reserved, Reserved::default());
        gone.spec.artifacts.iter().for_each(|artifact| self.holders.remove(node, artifact));
        let Capacity { cpu, memory, .. } = gone.spec.capacity;
        if cpu == self.largest.cpu || memory == self.largest.memory {
            self.largest = self.nodes.largest();
        }
        if let Some(health) = gone.health {
            self.penalties.remove(&(health.until, node));
        }
        for (function, runs) in gone.runs.iter() {
            self.functions.left(function, runs);
        }
    }

    /// The node of this name.
    #[must_use]
    pub fn find(&self, name: &NodeName) -> Option<NodeId> {
        self.nodes.find(name)
    }

    /// A node's name.
    #[must_use]
    pub fn name(&self, node: NodeId) -> Option<&NodeName> {
        self.spec(node).map(|spec| &spec.name)
    }

    /// What a node said when it joined, with the artifacts that it has told of since.
    #[must_use]
    pub fn spec(&self, node: NodeId) -> Option<&NodeSpec> {
        self.nodes.get(node).map(|node| &node.spec)
    }

    /// Every node, by name.
    pub fn iter(&self) -> impl Iterator<Item = NodeId> {
        self.nodes.by_name()
    }

    /// What is reserved on a node.
    #[must_use]
    pub fn reserved(&self, node: NodeId) -> Reserved {
        self.nodes.get(node).map(|node| node.reserved).unwrap_or_default()
    }

    /// What it said of its load.
    #[must_use]
    pub fn load(&self, node: NodeId) -> Load {
        self.nodes.get(node).map(|node| node.load).unwrap_or_default()
    }

    /// Its duty.
    #[must_use]
    pub fn duty(&self, node: NodeId) -> Duty {
        self.nodes.get(node).map(|node| node.duty).unwrap_or_default()
    }

    /// Its penalty: also while a single run tries it again, until one ends on it.
    #[must_use]
    pub fn penalty(&self, node: NodeId) -> Option<Penalty> {
        self.nodes.get(node)?.health.map(|health| health.penalty())
    }

    /// Takes note of a link.
    pub fn set_link(&mut self, node: NodeId, link: Link) {
        self.change(node, |node| node.link = link);
    }

    /// Takes note of a duty.
    pub fn set_duty(&mut self, node: NodeId, duty: Duty) {
        self.change(node, |node| node.duty = duty);
    }

    /// Takes note of a heartbeat.
    pub fn heard(&mut self, node: NodeId, load: Load, new_artifacts: &[Digest]) {
        let Some(known) = self.nodes.get_mut(node) else { return };
        known.load = load;
        let room = MAX_ARTIFACTS.saturating_sub(known.spec.artifacts.len());
        for artifact in new_artifacts.iter().take(room) {
            known.spec.artifacts.insert(*artifact);
            self.holders.add(node, *artifact);
        }
    }

    /// Takes note of what can run something on a node now, and what cannot; whether that is not as it was. What its agents
    /// count is none of placement's business.
    pub fn set_agents(&mut self, node: NodeId, agents: Vec<AgentInfo>) -> bool {
        let Some(known) = self.nodes.get_mut(node) else { return false };
        let before = std::mem::replace(&mut known.spec.agents, agents);
        let now = &known.spec.agents;
        let same = before.len() == now.len() && before.iter().zip(now).all(|(before, now)| before.is_as_able_as(now));
        if !same {
            self.index.joined(node, known);
        }
        !same
    }

    /// Chooses a node for a call and reserves what the run takes. `excluded` are nodes that refused this very run.
    pub fn place(&mut self, ask: &Arc<Ask>, excluded: &[NodeId], now: Timestamp) -> Option<NodeId> {
        self.end_penalties(now);
        let chosen = self.choose(ask, excluded, now)?;
        self.take(chosen, ask);
        Some(chosen)
    }

    /// The same for a task, which leaves some slots of each node free for calls, with what was looked at.
    pub fn place_and_explain(
        &mut self,
        ask: &Arc<Ask>,
        excluded: &[NodeId],
        now: Timestamp,
    ) -> (Option<NodeId>, Decision) {
        self.end_penalties(now);
        let decision = self.choose_and_explain(ask, excluded, now);
        let chosen = decision.node.as_ref().and_then(|name| self.find(name));
        if let Some(chosen) = chosen {
            self.take(chosen, ask);
        }
        (chosen, decision)
    }

    /// What a placement now would look at, every node of the fleet; nothing is reserved.
    #[must_use]
    pub fn explain(&self, ask: &Arc<Ask>, excluded: &[NodeId], now: Timestamp) -> Decision {
        self.explain_all(ask, excluded, now)
    }

    /// Reserves what a run takes that is on the node already: after a restart, and where a node has what it was not
    /// thought to have. May go over the node's capacity.
    pub fn reserve(&mut self, node: NodeId, ask: &Ask) {
        if self.nodes.get(node).is_none() {
            return;
        }
        let function = self.functions.came(&ask.function);
        self.change(node, |node| node.reserve(ask, function));
    }

    /// Gives back what a run took.
    pub fn release(&mut self, node: NodeId, ask: &Ask) {
        let Some(function) = self.functions.find(&ask.function) else { return };
        if self.nodes.get(node).is_some_and(|node| node.runs.of(function) > 0) {
            self.change(node, |node| node.release(ask, function));
            self.functions.left(function, 1);
        }
    }

    /// A run could not start on the node, or the node was lost: it is avoided for a while that grows with each failure
    /// in a row, and then tried with one run. Failures while it is avoided are of runs from before, and change nothing.
    pub fn failed(&mut self, node: NodeId, now: Timestamp) {
        let Some(known) = self.nodes.get(node) else { return };
        let next = penalty::after_failure(known.health, now);
        self.set_health(node, Some(next));
    }

    /// A run ended on it, however: it works.
    pub fn succeeded(&mut self, node: NodeId) {
        if self.nodes.get(node).is_some_and(|node| node.health.is_some()) {
            self.set_health(node, None);
        }
    }

    /// The next time at which a penalty ends: what did not fit may fit then.
    #[must_use]
    pub fn next_penalty_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.penalties.iter().map(|(until, _)| *until).find(|until| *until > now)
    }

    /// Whether a node that is known could run it, were all of it free. Takes time by the nodes that could not.
    ///
    /// # Errors
    /// `NoNodeFits` says for each node (the first ten) why it never can. A fleet without nodes is no reason.
    pub fn could_ever(&self, ask: &Ask) -> Result<(), Refusal> {
        refuse::could_ever(&self.nodes, ask)
    }

    /// Whether this node could take a task's run now. What was blocked is tried again where there is room, and nowhere else.
    #[must_use]
    pub fn fits(&self, node: NodeId, ask: &Ask, now: Timestamp) -> bool {
        self.nodes.get(node).is_some_and(|known| filters::passes((node, known), (ask, Claim::Task), &[], now))
    }

    /// Why no node has room now, for a caller that does not wait. `gone` says more of a node whose link is not open.
    #[must_use]
    pub fn refusal(&self, ask: &Ask, now: Timestamp, gone: impl Fn(NodeId) -> Option<String>) -> Refusal {
        refuse::refusal(&self.nodes, ask, now, gone)
    }

    /// Reserves what a run takes of the node that was chosen for it.
    fn take(&mut self, node: NodeId, ask: &Ask) {
        let function = self.functions.came(&ask.function);
        self.change(node, |node| {
            node.reserve(ask, function);
            node.health = node.health.map(Health::tried);
        });
    }

    /// What is not avoided any more may be tried.
    fn end_penalties(&mut self, now: Timestamp) {
        while let Some((_, node)) = self.penalties.first().copied().filter(|(until, _)| *until <= now) {
            self.penalties.pop_first();
            self.change(node, |node| node.health = node.health.map(Health::half_open));
        }
    }

    fn set_health(&mut self, node: NodeId, health: Option<Health>) {
        if let Some(before) = self.nodes.get(node).and_then(|node| node.health) {
            self.penalties.remove(&(before.until, node));
        }
        if let Some(after) = health.filter(|health| health.phase == Phase::Avoided) {
            self.penalties.insert((after.until, node));
        }
        self.change(node, |node| node.health = health);
    }

    /// The one way in which a node changes.
    fn change(&mut self, id: NodeId, change: impl FnOnce(&mut Node)) {
        let Some(node) = self.nodes.get_mut(id) else { return };
        let before = node.reserved;
        change(node);
        let after = node.reserved;
        self.index.changed(id, node);
        self.took(before, after);
    }

    /// In place of `before`, `after` is taken of a node.
    fn took(&mut self, before: Reserved, after: Reserved) {
        let (cpu, memory) = self.taken;
        let cpu = cpu + u64::from(after.cpu.as_millis()) - u64::from(before.cpu.as_millis());
        self.taken = (cpu, memory + u128::from(after.memory) - u128::from(before.memory));
    }
}
