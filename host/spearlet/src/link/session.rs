//! One link: its opening, what was agreed on it, its end.

use std::{collections::HashMap, sync::Arc, time::Duration};

use spear_proto::v1::{
    self, Leave, LinkRequest, LinkResponse, Register, Registered, link_request, link_response,
    node_service_client::NodeServiceClient,
};
use spear_types::{AttemptId, Call, Code, MAX_WAIT, Refusal};
use spear_wire::{Decode as _, MAX_TRACE_PARENT, capped, from_status, required};
use tokio::{
    sync::mpsc,
    time::{Instant, Interval, MissedTickBehavior, interval, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Channel};

use crate::{attempts::Work, door::Door, version::Version};

/// How long the SMS has to take note that the node leaves.
const LEAVE: Duration = Duration::from_secs(2);

/// A link that the SMS has acknowledged.
pub(super) struct Session {
    pub(super) out: mpsc::Sender<LinkRequest>,
    pub(super) inbound: Streaming<LinkResponse>,
    pub(super) beats: Interval,
    pub(super) lease: Duration,
    pub(super) talk: Talk,
}

/// What was said on a link; the next one begins anew.
#[derive(Default)]
pub(super) struct Talk {
    /// The versions that attempts name by number.
    versions: HashMap<u32, Result<Arc<Version>, Refusal>>,
    /// The number of the last orders, and the one that the SMS knows of.
    received: u64,
    confirmed: u64,
    /// Whether it is time for a heartbeat.
    pub(super) beat_is_due: bool,
}

/// Opens a link.
///
/// # Errors
/// When the SMS cannot be reached, or refuses the node.
pub(super) async fn open(mut sms: NodeServiceClient<Channel>, register: Register) -> Result<Session, Refusal> {
    // One message waits here, and reports that come meanwhile go into the next one together.
    let (out, outbound) = mpsc::channel(1);
    send(&out, link_request::Message::Register(register)).await?;
    let mut inbound = sms.link(ReceiverStream::new(outbound)).await.map_err(from_status)?.into_inner();
    let first = inbound.message().await.map_err(from_status)?.ok_or_else(closed)?;
    let link_response::Message::Registered(Registered { heartbeat_every, lease }) =
        required(first.message, "link.message")?
    else {
        return Err(Refusal::new(Code::InvalidRequest, "the SMS did not answer the registration"));
    };
    let mut beats = interval(length(heartbeat_every, "heartbeat_every")?);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Ok(Session { out, inbound, beats, lease: length(lease, "lease")?, talk: Talk::default() })
}

/// Leaves, and waits until the SMS has closed the link over it.
pub(super) async fn leave(out: mpsc::Sender<LinkRequest>, mut inbound: Streaming<LinkResponse>) {
    let left = async {
        send(&out, link_request::Message::Leave(Leave {})).await?;
        drop(out);
        while inbound.message().await.map_err(from_status)?.is_some() {}
        Ok::<_, Refusal>(())
    };
    if timeout(LEAVE, left).await.is_err() {
        tracing::warn!("the SMS took no note that the node left");
    }
}

impl Talk {
    /// The orders of a message.
    ///
    /// # Errors
    /// When it is not the one after the last.
    pub(super) fn orders(&mut self, orders: v1::Orders) -> Result<Vec<v1::Order>, Refusal> {
        let v1::Orders { number, orders } = orders;
        if number != self.received + 1 {
            let message = format!("the SMS sent orders {number} after {}", self.received);
            return Err(Refusal::new(Code::InvalidRequest, message));
        }
        self.received = number;
        Ok(orders)
    }

    /// Takes note of a version.
    pub(super) fn agree(&mut self, terms: v1::Terms, door: &Door) {
        let (number, version) = Version::decode(terms, door);
        self.versions.insert(number, version.map(Arc::new));
    }

    /// An attempt, and what it runs, or why it cannot.
    ///
    /// # Errors
    /// When the attempt has no name to answer under.
    pub(super) fn work(&self, assign: v1::Assign, now: Instant) -> Result<(AttemptId, Result<Work, Refusal>), Refusal> {
        let v1::Assign { attempt: name, terms, call, trace_parent, time } = assign;
        let attempt = attempt(name)?;
        let work = || -> Result<Work, Refusal> {
            let unknown = || Refusal::new(Code::InvalidRequest, format!("the link has no terms {terms}"));
            let version = Arc::clone(self.versions.get(&terms).ok_or_else(unknown)?.as_ref().map_err(Clone::clone)?);
            let malformed = |error| Refusal::new(Code::InvalidRequest, format!("the call is malformed: {error}"));
            let call = Call::decode(<v1::Call as prost::Message>::decode(call).map_err(malformed)?)?;
            let trace_parent = trace_parent.map(|text| capped(text, "trace_parent", MAX_TRACE_PARENT)).transpose()?;
            let until = time.map(|time| length_from_zero(time, "time")).transpose()?.map(|time| now + time);
            Ok(Work { attempt, version, call, trace_parent, came: now, until })
        };
        Ok((attempt, work()))
    }

    /// Whether the SMS has to hear something that is no report.
    pub(super) fn has_next(&self) -> bool {
        self.beat_is_due || self.confirmed < self.received
    }

    /// The number of the last orders, where the SMS does not know that they came.
    pub(super) fn take_received(&mut self) -> Option<u64> {
        let news = self.confirmed < self.received;
        self.confirmed = self.received;
        news.then_some(self.received)
    }
}

/// An attempt's name.
///
/// # Errors
/// `InvalidRequest`.
pub(super) fn attempt(name: Option<v1::Attempt>) -> Result<AttemptId, Refusal> {
    AttemptId::decode(required(name, "attempt")?)
}

async fn send(out: &mpsc::Sender<LinkRequest>, message: link_request::Message) -> Result<(), Refusal> {
    out.send(LinkRequest { message: Some(message) }).await.map_err(|_| closed())
}

pub(super) fn closed() -> Refusal {
    Refusal::new(Code::Unreachable, "the SMS closed the link")
}

fn length(message: Option<prost_types::Duration>, name: &str) -> Result<Duration, Refusal> {
    let length = length_from_zero(required(message, name)?, name)?;
    if length.is_zero() {
        return Err(Refusal::new(Code::InvalidRequest, format!("{name} is no interval")));
    }
    Ok(length)
}

/// A length of time, at most [`MAX_WAIT`]: no sum overflows.
fn length_from_zero(message: prost_types::Duration, name: &str) -> Result<Duration, Refusal> {
    let invalid = |_| Refusal::new(Code::InvalidRequest, format!("{name} is no length of time"));
    Duration::try_from(message).map(|length| length.min(MAX_WAIT)).map_err(invalid)
}
