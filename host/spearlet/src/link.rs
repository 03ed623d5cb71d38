//! The node's link to its SMS: registers, takes orders, reports, and comes back after every break.
//!
//! ```text
//!          open, again after every break
//! Link ─▶ Session ── orders ────▶ attempts ─▶ engine
//!            ▲  └─── acknowledged ─▶ │           │
//!            └──── reports, beats ── outbox ◀────┘ events
//! ```

mod session;
mod told;

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use spear_proto::v1::{
    self, Heartbeat, LinkRequest, Register, link_request, link_response, node_service_client::NodeServiceClient,
};
use spear_types::{AgentInfo, Code, Refusal};
use spear_wire::{Encode, from_status, required};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use self::{
    session::{Session, Talk},
    told::Told,
};
use crate::{
    artifacts::Artifacts,
    attempts::{Attempts, Event},
    components::Ready,
    door::Door,
    machine::Machine,
    node::Node,
    server::Runs,
    slots::Slots,
};

/// The first wait after a break; doubled each time, with jitter, so that a fleet does not come back in one moment.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// Events that are looked at before anything else is.
const EVENTS: usize = 1_024;

/// Keeps one node registered, and does what the SMS orders.
pub(crate) struct Link {
    sms: NodeServiceClient<Channel>,
    /// Without what changes from link to link.
    register: Register,
    door: Arc<Door>,
    slots: Slots,
    artifacts: Arc<Artifacts>,
    agents: Told,
    attempts: Attempts<Node>,
    events: mpsc::UnboundedReceiver<Event<Arc<Ready>>>,
    machine: Machine,
    longest_wait: Duration,
    /// When the attempts are others', while there is no link.
    lease_over: Option<Instant>,
    /// Whether the node holds all that its last registration says.
    is_told: bool,
    ending: Ending,
}

/// How the node ends.
#[derive(Default)]
struct Ending {
    /// Told when it has to.
    stop: CancellationToken,
    /// How long runs may go on then.
    grace: Duration,
    /// When that is over.
    over: Option<Instant>,
}

impl Link {
    /// The link of a node that runs what it is ordered where `runs` has its runs too.
    pub(crate) fn new(
        sms: NodeServiceClient<Channel>,
        runs: &Runs,
        artifacts: Arc<Artifacts>,
        agents: watch::Receiver<Vec<AgentInfo>>,
        register: Register,
        longest_wait: Duration,
    ) -> Self {
        let Runs { door, components, slots } = runs;
        let (sender, events) = mpsc::unbounded_channel();
        let (name, components, slots) = (door.node.clone(), components.clone(), slots.clone());
        let node = Node { name, components, slots: slots.clone(), events: sender };
        Self {
            door: Arc::clone(door),
            attempts: Attempts::new(node),
            machine: Machine::default(),
            lease_over: None,
            is_told: true,
            ending: Ending::default(),
            sms,
            register,
            slots,
            artifacts,
            agents: Told::new(agents, runs.components.agents().clone()),
            events,
            longest_wait,
        }
    }

    /// Holds the link until `stop`, and until the node has nothing left then. Runs that go on after `grace` are stopped.
    pub(crate) async fn run(mut self, stop: CancellationToken, grace: Duration) {
        self.ending = Ending { stop, grace, over: None };
        let mut waits = self.waits();
        while !self.is_done() {
            let open = session::open(self.sms.clone(), self.registration());
            let broken = match self.meanwhile(open).await {
                Some(Ok(session)) => {
                    waits = self.waits();
                    tracing::info!(node = %self.door.node, "registered with the SMS");
                    let Err(broken) = self.hold(session).await else { return };
                    broken
                }
                Some(Err(refusal)) => refusal,
                None => continue,
            };
            let wait = waits.next().unwrap_or(self.longest_wait);
            tracing::warn!(node = %self.door.node, reason = %broken.message, ?wait, "no link to the SMS");
            self.meanwhile(tokio::time::sleep(wait)).await;
        }
    }

    fn waits(&self) -> impl Iterator<Item = Duration> + use<> {
        let backoff = ExponentialBuilder::default().with_min_delay(FIRST_WAIT).with_max_delay(self.longest_wait);
        backoff.without_max_times().with_jitter().build()
    }

    fn registration(&mut self) -> Register {
        self.is_told = true;
        let held = self.attempts.held().map(|attempt| attempt.encode()).collect();
        Register { held, agents: self.agents.all(), artifacts: self.artifacts.held(), ..self.register.clone() }
    }

    /// Waits for something without a link, while runs go on; none once the node has nothing left to wait for, or holds
    /// no longer what it has told.
    async fn meanwhile<F: Future>(&mut self, waited: F) -> Option<F::Output> {
        let mut waited = pin!(waited);
        while self.is_told && !self.is_done() {
            tokio::select! {
                output = &mut waited => return Some(output),
                () = self.step() => {}
            }
        }
        None
    }

    /// Holds a link until the node leaves.
    ///
    /// # Errors
    /// Why the link broke.
    async fn hold(&mut self, session: Session) -> Result<(), Refusal> {
        let Session { out, mut inbound, mut beats, lease, mut talk } = session;
        self.lease_over = None;
        self.attempts.rejoined();
        let (mut agents, mut stopping) = (self.agents.able.clone(), false);
        let broken = loop {
            if self.is_done() {
                session::leave(out, inbound).await;
                return Ok(());
            }
            if self.attempts.is_stopping() && !stopping {
                (stopping, talk.beat_is_due) = (true, true);
            }
            tokio::select! {
                () = self.step() => {}
                _ = beats.tick() => talk.beat_is_due = true,
                Ok(()) = agents.changed() => talk.beat_is_due = true,
                permit = out.reserve(), if talk.has_next() || self.attempts.has_reports() => match permit {
                    Ok(permit) => if let Some(message) = self.next(&mut talk) { permit.send(message) },
                    Err(_) => break session::closed(),
                },
                message = inbound.message() => match message {
                    Ok(Some(message)) => if let Err(refusal) = self.told(&mut talk, message) { break refusal },
                    Ok(None) => break session::closed(),
                    Err(status) => break from_status(status),
                },
            }
        };
        self.lease_over = Some(Instant::now() + lease);
        Err(broken)
    }

    /// Whether the node was told to stop, and owes nobody anything.
    fn is_done(&self) -> bool {
        self.attempts.is_stopping() && self.attempts.is_empty()
    }

    /// Waits for the next thing that happens on the node itself, and takes note of it.
    async fn step(&mut self) {
        let mut events = Vec::new();
        let wake = [self.attempts.next_wake(), self.lease_over, self.ending.over].into_iter().flatten().min();
        tokio::select! {
            _ = self.events.recv_many(&mut events, EVENTS) => {}
            () = at(wake) => {}
            () = self.ending.stop.cancelled(), if !self.attempts.is_stopping() => {
                self.attempts.stop();
                self.ending.over = Some(Instant::now() + self.ending.grace);
            }
        }
        let now = Instant::now();
        events.into_iter().for_each(|event| self.attempts.happened(event, now));
        self.attempts.wake(now);
        if self.lease_over.take_if(|over| *over <= now).is_some() {
            tracing::warn!(node = %self.door.node, "the lease is over: attempts that have not ended are given up");
            self.attempts.abandon();
            // The SMS would wait for the ends of what it was told that the node holds.
            self.is_told = false;
        }
        if self.ending.over.take_if(|over| *over <= now).is_some() {
            self.attempts.give_up();
        }
    }

    /// What the SMS says.
    fn told(&mut self, talk: &mut Talk, message: v1::LinkResponse) -> Result<(), Refusal> {
        match required(message.message, "link.message")? {
            link_response::Message::Acknowledged(number) => self.attempts.acknowledged(number),
            link_response::Message::Orders(orders) => {
                let now = Instant::now();
                for order in talk.orders(orders)? {
                    self.order(talk, order, now)?;
                }
            }
            link_response::Message::Registered(_) => {
                return Err(Refusal::new(Code::InvalidRequest, "the SMS registered the node twice on one link"));
            }
        }
        Ok(())
    }

    fn order(&mut self, talk: &mut Talk, order: v1::Order, now: Instant) -> Result<(), Refusal> {
        match required(order.kind, "order.kind")? {
            v1::order::Kind::Terms(terms) => talk.agree(terms, &self.door),
            v1::order::Kind::Assign(assign) => {
                let (attempt, work) = talk.work(assign, now)?;
                self.attempts.assign(attempt, work, now);
            }
            v1::order::Kind::Cancel(attempt) => self.attempts.cancel(session::attempt(Some(attempt))?, now),
        }
        Ok(())
    }

    /// What the node says next: that it lives, what happened, what it heard. Somebody waits for what happened.
    fn next(&mut self, talk: &mut Talk) -> Option<LinkRequest> {
        let message = if std::mem::take(&mut talk.beat_is_due) {
            link_request::Message::Heartbeat(self.heartbeat())
        } else if let Some(reports) = self.attempts.next_reports() {
            link_request::Message::Reports(reports)
        } else {
            link_request::Message::Received(talk.take_received()?)
        };
        Some(LinkRequest { message: Some(message) })
    }

    fn heartbeat(&mut self) -> Heartbeat {
        let (cpu, memory_bytes) = self.machine.busy(Instant::now());
        let artifacts = self.artifacts.take_fresh();
        Heartbeat {
            running: self.slots.taken(),
            cpu_millis: cpu.as_millis(),
            memory_bytes,
            artifacts,
            stopping: self.attempts.is_stopping(),
            agents: self.agents.news(),
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
