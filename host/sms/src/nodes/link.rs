//! One node's link: its registration first, then its heartbeats, until it breaks.

use std::time::Duration;

use spear_proto::v1::{Heartbeat, LinkRequest, LinkResponse, Register, Registered, link_request, link_response};
use spear_types::{Code, Refusal};
use spear_wire::{Encode as _, from_status, required};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::Streaming;

use super::{Introduction, Nodes, Registration, client};

/// How long a connection may take to be made, and to answer whether it lives.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(5);

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

/// Registers the node that opened a link and answers with what goes back to it.
///
/// The node is live until its stream ends, it is silent for too long, or `stop`.
///
/// # Errors
/// When the first message does not come in time or is not a sound registration.
pub(crate) async fn serve(
    nodes: &Nodes,
    lease: Lease,
    mut inbound: Streaming<LinkRequest>,
    stop: CancellationToken,
) -> Result<mpsc::Receiver<Result<LinkResponse, tonic::Status>>, Refusal> {
    let node = introduction(next(&mut inbound, lease.silence).await?)?;
    let (name, address) = (node.name.clone(), node.address.clone());
    let client = client(&address, lease.max_message)?;
    let registration = nodes.register(node, client)?;
    tracing::info!(node = %name, address, "node registered");
    let (out, outbound) = mpsc::channel(1);
    let registered = Registered { heartbeat_every: Some(lease.heartbeat.encode()) };
    let response = LinkResponse { message: Some(link_response::Message::Registered(registered)) };
    // The channel is new and has room for one.
    let _ = out.try_send(Ok(response));
    let held = async move {
        // `out` lives as long as the link: its end is what tells the node.
        let _out = out;
        hold(registration, lease, inbound, stop).await;
    };
    tokio::spawn(held);
    Ok(outbound)
}

async fn hold(registration: Registration, lease: Lease, mut inbound: Streaming<LinkRequest>, stop: CancellationToken) {
    let broken = loop {
        match stop.run_until_cancelled(next(&mut inbound, lease.silence)).await {
            None => break "the SMS is stopping".to_owned(),
            Some(Err(refusal)) => break refusal.message,
            Some(Ok(link_request::Message::Heartbeat(Heartbeat { running }))) => registration.heard(running),
            Some(Ok(link_request::Message::Register(_))) => break "it registered twice on one link".to_owned(),
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
    let link_request::Message::Register(Register { name, address, slots, spear_version }) = first else {
        return Err(Refusal::new(Code::InvalidRequest, "the first message of a link has to be a registration"));
    };
    Ok(Introduction { name: name.try_into()?, address, slots, spear_version })
}
