//! The nodes' links: orders out, reports in.
//!
//! ```text
//! Effects ─▶ Links ─▶ the node's orders ─┐
//!                                        ├─▶ Writer ═══▶ Spearlet      numbered; terms told once
//!            what is remembered ─▶ acks ─┘                  ║
//!                     ▲                                     ║
//! Scheduler ◀─────────┴──────── Reader ◀════════════════════╝          numbers checked
//! ```
//!
//! A link is registration first and then both directions at once. The reader is a task of its own, so that reports are taken
//! while orders wait for the network; the writer is what the connection is answered with, and ends with it. Whatever ends
//! first ends the other, and then the state hears that the node is disconnected, and why.
//!
//! Nothing is remembered here: an order to a node without a link is gone, and a report that is not acknowledged comes
//! again. A node says with each registration what it has, and the state orders what is lacking.

mod acks;
mod inbound;
mod link;
mod links;
mod outbound;
mod reader;
mod register;
mod session;
#[cfg(test)]
mod tests;

use std::time::Duration;

use futures::stream::BoxStream;
use spear_proto::v1::LinkResponse;
use spear_types::Limits;

pub(crate) use self::{
    link::serve,
    links::{Links, Outgoing},
};

/// What goes to a node over its link.
pub(crate) type Outbound = BoxStream<'static, Result<LinkResponse, tonic::Status>>;

/// What the SMS holds a link to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease {
    /// How often a node has to beat.
    pub(crate) heartbeat: Duration,
    /// How long it may be silent.
    pub(crate) silence: Duration,
    /// The largest message to and from a node, in bytes.
    pub(crate) max_message: usize,
}

impl Lease {
    /// The largest message from a node, in bytes: a registration that names all that it may have has to fit as well, and
    /// the end of what ran under the limits of another day.
    pub(crate) fn max_link_message(&self) -> usize {
        self.max_message.max(register::MAX_MESSAGE).max(spear_wire::max_message(&Limits::MAXIMA))
    }
}
