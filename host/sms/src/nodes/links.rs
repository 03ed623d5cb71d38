//! Which nodes have a link, and the way to each.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use spear_placement::NodeId;
use spear_proto::v1::spearlet_service_client::SpearletServiceClient;
use spear_types::{AttemptId, Call, FunctionVersion, Timestamp};
use tokio::sync::mpsc;
use tokio_util::sync::DropGuard;
use tonic::transport::Channel;

/// Every link that is open; a cheap clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links {
    open: Arc<Mutex<HashMap<NodeId, Open>>>,
}

/// What a node is to be told.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// To run an attempt.
    Assign {
        /// Which.
        attempt: AttemptId,
        /// What it runs, with the grants it has under the operator's policy.
        function: Arc<FunctionVersion>,
        /// What is called.
        call: Call,
        /// W3C trace context.
        trace_parent: Option<String>,
        /// When it has to have ended.
        deadline: Option<Timestamp>,
    },
    /// To stop an attempt, or not to start it.
    Cancel(AttemptId),
    /// Nothing: its link is to end.
    Close {
        /// Which link.
        session: u64,
    },
}

/// The SMS's end of one link. Whoever drops it ends the link.
pub(super) struct Open {
    /// The link's number, as the state gave it.
    pub(super) session: u64,
    /// Orders on their way to the writer. The state gives a node no more than it has slots for.
    pub(super) orders: mpsc::UnboundedSender<Outgoing>,
    /// The node's gRPC.
    pub(super) client: SpearletServiceClient<Channel>,
    pub(super) _end: DropGuard,
}

impl Links {
    /// Hands an order to the node's link. One without a link is dropped: the state gives it again when the node is back.
    pub(crate) fn send(&self, node: NodeId, outgoing: Outgoing) {
        match outgoing {
            Outgoing::Close { session } => self.close(node, session),
            Outgoing::Assign { .. } | Outgoing::Cancel(_) => {
                if let Some(link) = self.lock().get(&node) {
                    // A link that just ended is no link.
                    let _ = link.orders.send(outgoing);
                }
            }
        }
    }

    /// The gRPC of a node that has a link.
    pub(crate) fn client(&self, node: NodeId) -> Option<SpearletServiceClient<Channel>> {
        self.lock().get(&node).map(|link| link.client.clone())
    }

    /// Opens the link of the node that `join` lets in. No order comes between the two: what the state has for the node as it
    /// joins has a link to go by. What it had for it just before may come by that link as well. The node knows what it has
    /// already, and of what is over the state hears when it starts.
    ///
    /// # Errors
    /// What `join` refuses.
    pub(super) fn join<T, E>(&self, join: impl FnOnce() -> Result<(NodeId, Open, T), E>) -> Result<(NodeId, T), E> {
        // The state's lock is taken under this one. Nobody asks for links under that.
        let mut links = self.lock();
        let (node, open, rest) = join()?;
        links.insert(node, open);
        Ok((node, rest))
    }

    /// Ends a node's link, if it is still that one.
    pub(super) fn close(&self, node: NodeId, session: u64) {
        let mut links = self.lock();
        if links.get(&node).is_some_and(|link| link.session == session) {
            links.remove(&node);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<NodeId, Open>> {
        // Every change is one entry more or less.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("session", &self.session).finish_non_exhaustive()
    }
}
