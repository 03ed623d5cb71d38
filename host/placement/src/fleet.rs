//! The nodes: what each has, what of it is given away, and whether it may be given more.

use std::{collections::BTreeSet, sync::Arc};

use spear_types::{Capacity, Code, Digest, Duty, Labels, Load, NodeName, Penalty, Refusal, Reserved, Timestamp};

use crate::{Ask, Decision};

/// A node's number in its fleet; never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

/// What a node says of itself when it joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSpec {
    /// Its name.
    pub name: NodeName,
    /// What it has.
    pub capacity: Capacity,
    /// Its labels.
    pub labels: Labels,
    /// The kinds of implementations it runs.
    pub agents: BTreeSet<String>,
    /// The artifacts it holds.
    pub artifacts: BTreeSet<Digest>,
}

/// Whether a node's link is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// It is.
    Open,
    /// It is not: the node gets nothing new.
    Gone,
}

/// All nodes.
#[derive(Debug, Default)]
pub struct Fleet {}

impl Fleet {
    /// Lets a node in, or takes note of what a known one says anew. What is reserved on it, its duty and its penalty stay.
    pub fn join(&mut self, _spec: NodeSpec) -> NodeId {
        unimplemented!()
    }

    /// Forgets a node. What is reserved on it is gone with it.
    pub fn forget(&mut self, _node: NodeId) {
        unimplemented!()
    }

    /// The node of this name.
    #[must_use]
    pub fn find(&self, _name: &NodeName) -> Option<NodeId> {
        unimplemented!()
    }

    /// A node's name.
    #[must_use]
    pub fn name(&self, _node: NodeId) -> Option<&NodeName> {
        unimplemented!()
    }

    /// What a node said when it joined.
    #[must_use]
    pub fn spec(&self, _node: NodeId) -> Option<&NodeSpec> {
        unimplemented!()
    }

    /// Every node, by name.
    pub fn iter(&self) -> impl Iterator<Item = NodeId> {
        std::iter::empty()
    }

    /// What is reserved on a node.
    #[must_use]
    pub fn reserved(&self, _node: NodeId) -> Reserved {
        unimplemented!()
    }

    /// What it said of its load.
    #[must_use]
    pub fn load(&self, _node: NodeId) -> Load {
        unimplemented!()
    }

    /// Its duty.
    #[must_use]
    pub fn duty(&self, _node: NodeId) -> Duty {
        unimplemented!()
    }

    /// Its penalty.
    #[must_use]
    pub fn penalty(&self, _node: NodeId) -> Option<Penalty> {
        unimplemented!()
    }

    /// Takes note of a link.
    pub fn set_link(&mut self, _node: NodeId, _link: Link) {
        unimplemented!()
    }

    /// Takes note of a duty.
    pub fn set_duty(&mut self, _node: NodeId, _duty: Duty) {
        unimplemented!()
    }

    /// Takes note of a heartbeat.
    pub fn heard(&mut self, _node: NodeId, _load: Load, _new_artifacts: &[Digest]) {
        unimplemented!()
    }

    /// Chooses a node and reserves what the run takes. `excluded` are nodes that refused this very run.
    pub fn place(&mut self, _ask: &Arc<Ask>, _excluded: &[NodeId], _now: Timestamp) -> Option<NodeId> {
        unimplemented!()
    }

    /// The same, with what was looked at.
    pub fn place_and_explain(
        &mut self,
        _ask: &Arc<Ask>,
        _excluded: &[NodeId],
        _now: Timestamp,
    ) -> (Option<NodeId>, Decision) {
        unimplemented!()
    }

    /// What a placement now would look at, every node of the fleet; nothing is reserved.
    #[must_use]
    pub fn explain(&self, _ask: &Arc<Ask>, _excluded: &[NodeId], _now: Timestamp) -> Decision {
        unimplemented!()
    }

    /// Reserves what a run takes that is on the node already: after a restart, and where a node has what it was not
    /// thought to have. May go over the node's capacity.
    pub fn reserve(&mut self, _node: NodeId, _ask: &Ask) {
        unimplemented!()
    }

    /// Gives back what a run took.
    pub fn release(&mut self, _node: NodeId, _ask: &Ask) {
        unimplemented!()
    }

    /// A run could not start on the node, or the node was lost: it is avoided for a while that grows with each failure
    /// in a row, and then tried with one run.
    pub fn failed(&mut self, _node: NodeId, _now: Timestamp) {
        unimplemented!()
    }

    /// A run ended on it, however: it works.
    pub fn succeeded(&mut self, _node: NodeId) {
        unimplemented!()
    }

    /// The next time at which a penalty ends: what did not fit may fit then.
    #[must_use]
    pub fn next_penalty_end(&self, _now: Timestamp) -> Option<Timestamp> {
        unimplemented!()
    }

    /// Whether a node that is known could run it, were all of it free.
    ///
    /// # Errors
    /// `NoNodeFits` says for each node (the first ten) why it never can. A fleet without nodes is no reason.
    pub fn could_ever(&self, _ask: &Ask) -> Result<(), Refusal> {
        Err(Refusal::new(Code::NoNodeFits, ""))
    }

    /// Why no node has room now, for a caller that does not wait.
    #[must_use]
    pub fn refusal(&self, _ask: &Ask, _now: Timestamp) -> Refusal {
        Refusal::new(Code::QueueFull, "")
    }
}
