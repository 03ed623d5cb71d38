//! One node's link: its registration first, then its heartbeats, until it breaks.

use std::time::Duration;

use futures::{StreamExt as _, stream::BoxStream};
use spear_proto::v1::{Heartbeat, LinkRequest, LinkResponse, Register, Registered, link_request, link_response};
use spear_types::{Code, Refusal};
use spear_wire::{Encode as _, capped, from_status, required};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::Streaming;

use super::{Introduction, Nodes, Registration, client};

/// How long a connection may take to be made, and to answer whether it lives.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// The longest address and version that a node may tell, in bytes.
const MAX_ADDRESS: usize = 1 << 10;
const MAX_VERSION: usize = 64;

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

/// Registers the node that opened a link; the answer is what goes back to it.
///
/// The node is live as long as the answer is, which the node's connection holds: until its stream ends, it is silent for
/// too long, or `stop`.
///
/// # Errors
/// When the first message does not come in time or is not a sound registration.
pub(crate) async fn serve(
    nodes: &Nodes,
    lease: Lease,
    mut inbound: Streaming<LinkRequest>,
    stop: CancellationToken,
) -> Result<Outbound, Refusal> {
    let node = introduction(next(&mut inbound, lease.silence).await?)?;
    let (name, address) = (node.name.clone(), node.address.clone());
    let registration = nodes.register(node, client(&address, lease.max_message)?)?;
    tracing::info!(node = %name, address, "node registered");
    let registered =
        Registered { heartbeat_every: Some(lease.heartbeat.encode()), lease: Some(lease.silence.encode()) };
    let response = LinkResponse { message: Some(link_response::Message::Registered(registered)) };
    let held = futures::stream::once(hold(registration, lease, inbound, stop));
    let until_broken = held.filter_map(|()| std::future::ready(None));
    Ok(futures::stream::once(std::future::ready(Ok(response))).chain(until_broken).boxed())
}

async fn hold(registration: Registration, lease: Lease, mut inbound: Streaming<LinkRequest>, stop: CancellationToken) {
    let broken = loop {
        match stop.run_until_cancelled(next(&mut inbound, lease.silence)).await {
            None => break "the SMS is stopping".to_owned(),
            Some(Err(refusal)) => break refusal.message,
            Some(Ok(link_request::Message::Heartbeat(Heartbeat { running, .. }))) => registration.heard(running),
            Some(Ok(link_request::Message::Register(_))) => break "it registered twice on one link".to_owned(),
            Some(Ok(_)) => {}
        }
    };
    registration.lose(broken);
}

async fn next(inbound: &mut Streaming<LinkRequest>, silence: Duration) -> Result<link_request::Message, Refusal> {
    let silent = |_| Refusal::new(Code::InvalidRequest, format!("it was silent for {silence:?}"));
    let broken = |status| Refusal::new(Code::Unreachable, format!("its link broke: {}", from_status(status).message));
    let ended = || Refusal::new(Code::Unreachable, "it closed its link");
    let message = timeout(silence, inbound.message()).await.map_err(silent)?.map_err(broken)?.ok_or_else(ended)?;
    required(message.message, "link.message")
}

fn introduction(first: link_request::Message) -> Result<Introduction, Refusal> {
    let link_request::Message::Register(Register { name, address, slots, spear_version, .. }) = first else {
        return Err(Refusal::new(Code::InvalidRequest, "the first message of a link has to be a registration"));
    };
    let address = capped(address, "register.address", MAX_ADDRESS)?;
    let spear_version = capped(spear_version, "register.spear_version", MAX_VERSION)?;
    Ok(Introduction { name: name.try_into()?, address, slots, spear_version })
}
