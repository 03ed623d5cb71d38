//! The node's link to its SMS: registers, beats, and comes back after every break.

use std::{net::SocketAddr, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use spear_proto::v1::{
    Heartbeat, LinkRequest, LinkResponse, Register, Registered, link_request, link_response,
    node_service_client::NodeServiceClient,
};
use spear_types::{Code, NodeName, Refusal};
use spear_wire::{from_status, required};
use tokio::{sync::mpsc, time::MissedTickBehavior};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{
    Streaming,
    transport::{Channel, Endpoint},
};

use crate::{Config, slots::Slots};

/// The first wait after a break; doubled each time, with jitter, so that a fleet does not come back in one moment.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// A connection that says nothing is asked whether it lives: a machine that lost its power closes no socket.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// Keeps one node registered.
pub(crate) struct Link {
    sms: NodeServiceClient<Channel>,
    register: Register,
    name: NodeName,
    slots: Slots,
    longest_wait: Duration,
}

/// A link that the SMS has acknowledged.
struct Open {
    out: mpsc::Sender<LinkRequest>,
    inbound: Streaming<LinkResponse>,
    heartbeat_every: Duration,
}

/// The settings of a connection that has to notice when the other side is gone.
pub(crate) fn kept_alive(endpoint: Endpoint) -> Endpoint {
    endpoint
        .tcp_nodelay(true)
        .connect_timeout(KEEP_ALIVE)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
}

impl Link {
    pub(crate) fn new(sms: Channel, config: &Config, name: NodeName, address: SocketAddr, slots: Slots) -> Self {
        let register = Register {
            name: name.to_string(),
            address: config.advertised(address),
            slots: slots.all(),
            spear_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Register::default()
        };
        Self { sms: NodeServiceClient::new(sms), register, name, slots, longest_wait: config.reconnect }
    }

    pub(crate) fn name(&self) -> &NodeName {
        &self.name
    }

    /// Holds the link until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.hold()).await;
    }

    async fn hold(&self) {
        let mut waits = self.waits();
        loop {
            let broken = match self.open().await {
                Ok(open) => {
                    waits = self.waits();
                    tracing::info!(node = %self.name, "registered with the SMS");
                    self.beat(open).await
                }
                Err(refusal) => refusal,
            };
            let wait = waits.next().unwrap_or(self.longest_wait);
            tracing::warn!(node = %self.name, reason = %broken.message, ?wait, "no link to the SMS");
            tokio::time::sleep(wait).await;
        }
    }

    fn waits(&self) -> impl Iterator<Item = Duration> + use<> {
        let backoff = ExponentialBuilder::default().with_min_delay(FIRST_WAIT).with_max_delay(self.longest_wait);
        backoff.without_max_times().with_jitter().build()
    }

    async fn open(&self) -> Result<Open, Refusal> {
        let (out, outbound) = mpsc::channel(1);
        let register = link_request::Message::Register(self.register.clone());
        send(&out, register).await?;
        let response = self.sms.clone().link(ReceiverStream::new(outbound)).await.map_err(from_status)?;
        let mut inbound = response.into_inner();
        let first = inbound.message().await.map_err(from_status)?.ok_or_else(closed)?;
        let link_response::Message::Registered(Registered { heartbeat_every, lease: _ }) =
            required(first.message, "link.message")?
        else {
            return Err(Refusal::new(Code::InvalidRequest, "the SMS did not answer the registration"));
        };
        let heartbeat_every = required(heartbeat_every, "heartbeat_every")?;
        let heartbeat_every = Duration::try_from(heartbeat_every).ok().filter(|every| !every.is_zero());
        let heartbeat_every =
            heartbeat_every.ok_or_else(|| Refusal::new(Code::InvalidRequest, "heartbeat_every is no interval"))?;
        Ok(Open { out, inbound, heartbeat_every })
    }

    /// Beats until the link breaks; the answer says why it did.
    async fn beat(&self, open: Open) -> Refusal {
        let Open { out, mut inbound, heartbeat_every } = open;
        let mut beats = tokio::time::interval(heartbeat_every);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = inbound.message() => match message {
                    Ok(Some(_)) => {}
                    Ok(None) => return closed(),
                    Err(status) => return from_status(status),
                },
                _ = beats.tick() => {
                    let beat = link_request::Message::Heartbeat(Heartbeat { running: self.slots.taken(), ..Heartbeat::default() });
                    if let Err(refusal) = send(&out, beat).await {
                        return refusal;
                    }
                }
            }
        }
    }
}

async fn send(out: &mpsc::Sender<LinkRequest>, message: link_request::Message) -> Result<(), Refusal> {
    out.send(LinkRequest { message: Some(message) }).await.map_err(|_| closed())
}

fn closed() -> Refusal {
    Refusal::new(Code::Unreachable, "the SMS closed the link")
}
