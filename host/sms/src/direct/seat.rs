//! What a direct call takes of a node, for as long as it runs.

use std::sync::Arc;

use spear_placement::{Ask, NodeId};
use spear_state::{Answer, Command};
use spear_types::{Code, NodeName, NodeState, Refusal};

use crate::scheduler::Scheduler;

/// Room on a node; dropping it gives it back.
pub(super) struct Seat {
    scheduler: Scheduler,
    ask: Arc<Ask>,
    pub(super) node: NodeId,
    pub(super) name: NodeName,
    /// Whether the node ran the call to its end.
    ran: bool,
}

impl Seat {
    /// Room on another node than those.
    ///
    /// # Errors
    /// `NoNodeFits`, `QueueFull`.
    pub(super) fn take(scheduler: &Scheduler, ask: &Arc<Ask>, excluded: &[NodeId]) -> Result<Self, Refusal> {
        let place = Command::Place { ask: Arc::clone(ask), excluded: excluded.to_vec() };
        let Answer::Placed(node) = scheduler.apply_now(place)? else {
            return Err(Refusal::new(Code::Internal, "the call was not placed"));
        };
        let release = || Command::Release { node, ask: Arc::clone(ask), ran: false };
        let Some(name) = scheduler.read(|state| state.node_name(node).cloned()) else {
            scheduler.apply_now(release())?;
            return Err(Refusal::new(Code::Internal, "the call was placed on a node that is unknown"));
        };
        Ok(Self { scheduler: scheduler.clone(), ask: Arc::clone(ask), node, name, ran: false })
    }

    /// The node ran the call to its end, whatever that was: it works.
    pub(super) fn ran(&mut self) {
        self.ran = true;
    }

    /// Why the node is lost, where it is: the link knows sooner and better than a broken call.
    pub(super) fn lost(&self, scheduler: &Scheduler) -> Option<String> {
        match scheduler.read(|state| state.node(&self.name)).ok()?.state {
            NodeState::Lost { reason } | NodeState::Disconnected { reason } => Some(reason),
            NodeState::Live => None,
        }
    }

    pub(super) fn unreachable(&self, why: &str) -> Refusal {
        Refusal::new(Code::Unreachable, format!("the node {} cannot be reached: {why}", self.name))
            .help("`spear node ls` shows the nodes")
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let release = Command::Release { node: self.node, ask: Arc::clone(&self.ask), ran: self.ran };
        if let Err(refusal) = self.scheduler.apply_now(release) {
            tracing::error!(node = %self.name, %refusal, "the room of a call is not given back");
        }
    }
}
