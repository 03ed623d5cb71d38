//! One node's link: its registration, then both directions at once, until one ends.

use std::{
    collections::VecDeque,
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{Stream, StreamExt as _, stream};
use spear_proto::v1::{
    LinkRequest, LinkResponse, Registered, link_response::Message, spearlet_service_client::SpearletServiceClient,
};
use spear_types::{Code, Refusal, Timestamp};
use spear_wire::{Encode as _, client::kept_alive, required, to_status};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::transport::{Channel, Endpoint};

use super::{
    Lease, Links, Outbound, Outgoing,
    acks::{Acks, acks},
    inbound::Inbound,
    outbound::Orders,
    reader::{self, Reader},
    register,
    session::Session,
};
use crate::scheduler::Scheduler;

/// How often a node that says nothing while a call waits is asked whether it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The most orders that are taken over at once; between two such steps acknowledgements have their turn.
const MAX_TAKEN: usize = 1_024;

/// Registers the node that opened a link; the answer is what goes back to it.
///
/// The link is open as long as the answer is, which the node's connection holds: until its stream ends, the node is silent
/// for too long or does not keep to the protocol, another link takes its place, or `stop`.
///
/// # Errors
/// When the first message does not come in time or is not a sound registration, and what the state says of it.
pub(crate) async fn serve<S>(
    scheduler: &Scheduler,
    links: &Links,
    lease: Lease,
    mut inbound: S,
    stop: CancellationToken,
) -> Result<Outbound, Refusal>
where
    S: Stream<Item = Result<LinkRequest, tonic::Status>> + Send + Unpin + 'static,
{
    let first = reader::next(&mut inbound, lease.silence).await?;
    let joining = register::joining(required(first.message, "link.message")?)?;
    let client = client(&joining.address, lease.max_message)?;
    let end = stop.child_token();
    let (orders, taken) = mpsc::unbounded_channel();
    let (session, remembered) = Session::open(scheduler, links, joining, client, orders, end.clone())?;
    remembered.await?;
    let (sent, (waiting, acks)) = (Arc::<AtomicU64>::default(), acks());
    let messages = Inbound::new(session.node, session.number, Arc::clone(&sent));
    let reader = Reader { session, messages, waiting, inbound, silence: lease.silence };
    let reader = AbortOnDropHandle::new(tokio::spawn(reader.run(end, stop)));
    let writer = Writer { reader, taken, acks, sent, waiting: VecDeque::new(), orders: Orders::default() };
    let registered =
        Registered { heartbeat_every: Some(lease.heartbeat.encode()), lease: Some(lease.silence.encode()) };
    let registered = message(Message::Registered(registered));
    Ok(stream::once(ready(Ok(registered))).chain(writer.messages()).boxed())
}

/// The way to the node. Nothing is put together before the connection takes it: what waits, waits as it came.
struct Writer {
    /// Says why the link ends, or that the node left.
    reader: AbortOnDropHandle<Option<Refusal>>,
    taken: mpsc::UnboundedReceiver<Outgoing>,
    acks: Acks,
    /// The number of the last orders, for the reader.
    sent: Arc<AtomicU64>,
    waiting: VecDeque<Outgoing>,
    orders: Orders,
}

impl Writer {
    /// All messages; the last says why there are no more.
    fn messages(self) -> impl Stream<Item = Result<LinkResponse, tonic::Status>> + Send {
        stream::unfold(Some(self), async |writer| {
            let mut writer = writer?;
            match writer.next().await {
                Ok(next) => Some((Ok(message(next)), Some(writer))),
                Err(end) => Some((Err(to_status(end?)), None)),
            }
        })
    }

    async fn next(&mut self) -> Result<Message, Option<Refusal>> {
        loop {
            if let Some(orders) = self.orders.message(&mut self.waiting, Timestamp::now()) {
                self.sent.store(orders.number, Ordering::Relaxed);
                return Ok(Message::Orders(orders));
            }
            let mut taken = Vec::new();
            tokio::select! {
                end = &mut self.reader => return Err(end.unwrap_or_else(|error| Some(broke_off(&error)))),
                Some(number) = self.acks.next() => return number.map(Message::Acknowledged).map_err(Some),
                1.. = self.taken.recv_many(&mut taken, MAX_TAKEN) => self.waiting.extend(taken),
            }
        }
    }
}

fn message(message: Message) -> LinkResponse {
    LinkResponse { message: Some(message) }
}

fn broke_off(error: &tokio::task::JoinError) -> Refusal {
    Refusal::new(Code::Internal, format!("the link broke off: {error}"))
}

/// A client of the node at `address`; connects with its first call.
///
/// # Errors
/// `InvalidRequest` when the address is no URL.
fn client(address: &str, max_message: usize) -> Result<SpearletServiceClient<Channel>, Refusal> {
    let invalid = |error| Refusal::new(Code::InvalidRequest, format!("{address:?} is no address of a node: {error}"));
    let endpoint = Endpoint::from_shared(address.to_owned()).map_err(invalid)?;
    Ok(SpearletServiceClient::new(kept_alive(endpoint, KEEP_ALIVE).connect_lazy())
        .max_decoding_message_size(max_message)
        .max_encoding_message_size(max_message))
}
