//! What a direct call takes of a node, for as long as it runs.

use std::{sync::Arc, time::Duration};

use spear_placement::{Ask, NodeId};
use spear_state::{Answer, CallEnd, Command};
use spear_types::{Code, NodeName, NodeState, Refusal};

use crate::scheduler::Scheduler;

/// Room on a node; dropping it gives it back.
pub(super) struct Seat {
    scheduler: Scheduler,
    ask: Arc<Ask>,
    pub(super) node: NodeId,
    pub(super) name: NodeName,
    /// What came of it.
    pub(super) end: CallEnd,
}

/// How often a call that runs looks whether its node is lost. A node that falls silent closes no connection.
const LOOK: Duration = Duration::from_secs(1);

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
        let release = || Command::Release { node, ask: Arc::clone(ask), end: CallEnd::Unstarted };
        let Some(name) = scheduler.read(|state| state.node_name(node).cloned()) else {
            scheduler.apply_now(release())?;
            return Err(Refusal::new(Code::Internal, "the call was placed on a node that is unknown"));
        };
        Ok(Self { scheduler: scheduler.clone(), ask: Arc::clone(ask), node, name, end: CallEnd::Unstarted })
    }

    /// Why the node is lost, where it is: the link knows sooner and better than a broken call.
    pub(super) fn lost(&self) -> Option<String> {
        match self.scheduler.read(|state| state.node(&self.name)).ok()?.state {
            NodeState::Lost { reason } | NodeState::Disconnected { reason } => Some(reason),
            NodeState::Live => None,
        }
    }

    /// Waits until the node is lost with its calls, and says why.
    pub(super) async fn until_lost(&self) -> String {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Some(reason) = self.scheduler.read(|state| state.why_calls_are_lost(self.node)) {
                return reason;
            }
        }
    }

    pub(super) fn lost_with(&self, reason: &str) -> Refusal {
        Refusal::new(Code::NodeLost, format!("the node {} was lost while it had the call: {reason}", self.name))
            .help("the function may have run: call again only if that does no harm")
    }

    pub(super) fn unreachable(&self, why: &str) -> Refusal {
        Refusal::new(Code::Unreachable, format!("the node {} cannot be reached: {why}", self.name))
            .help("`spear node ls` shows the nodes")
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let release = Command::Release { node: self.node, ask: Arc::clone(&self.ask), end: self.end };
        if let Err(refusal) = self.scheduler.apply_now(release) {
            tracing::error!(node = %self.name, %refusal, "the room of a call is not given back");
        }
    }
}
