//! Room for calls that nobody remembers.

use std::sync::Arc;

use spear_placement::{Ask, NodeId};
use spear_types::{NodeState, Refusal};

use crate::{Answer, CallEnd, State, nodes::Presence, pass::Pass};

impl State {
    pub(crate) fn place(&mut self, ask: &Arc<Ask>, excluded: &[NodeId], pass: &Pass<'_>) -> Result<Answer, Refusal> {
        match self.nodes.fleet.place(ask, excluded, pass.now) {
            Some(id) => {
                self.nodes.known.get_mut(&id).into_iter().for_each(|node| node.count_call(ask, true));
                Ok(Answer::Placed(id))
            }
            None => Err(self.nodes.fleet.refusal(ask, pass.now, |node| self.why_gone(node))),
        }
    }

    /// Why the calls of a node are lost: it is, and did not leave of itself.
    #[must_use]
    pub fn why_calls_are_lost(&self, node: NodeId) -> Option<String> {
        match &self.nodes.known.get(&node)?.presence {
            Presence::Lost { reason, left: false, .. } => Some(reason.clone()),
            Presence::Lost { .. } | Presence::Live { .. } | Presence::Disconnected { .. } => None,
        }
    }

    /// Why a node's link is not open.
    #[must_use]
    pub fn why_gone(&self, node: NodeId) -> Option<String> {
        match self.nodes.known.get(&node)?.state() {
            NodeState::Live => None,
            NodeState::Disconnected { reason } => Some(format!("disconnected, {reason}")),
            NodeState::Lost { reason } => Some(format!("lost, {reason}")),
        }
    }

    pub(crate) fn release(&mut self, id: NodeId, ask: &Ask, end: CallEnd, pass: &mut Pass<'_>) {
        let Some(node) = self.nodes.known.get_mut(&id).filter(|node| node.calls.slots > 0) else { return };
        node.count_call(ask, false);
        self.nodes.fleet.release(id, ask);
        match end {
            CallEnd::Ran => self.nodes.fleet.succeeded(id),
            CallEnd::Unreachable => self.fails(id, pass),
            CallEnd::Unstarted => {}
        }
        pass.more_room(id);
        self.drained(id, pass);
        self.forget_node(id, pass);
    }
}
