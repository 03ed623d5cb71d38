//! A node without a program: the test says what a Spearlet would say, or would never.

use std::collections::VecDeque;

use futures::channel::mpsc;
use spear_proto::v1::{self, link_request::Message, link_response, order, report};
use spear_types::{AttemptId, Outcome, Payload, Usage};
use spear_wire::{Decode as _, Encode as _};
use tonic::{Status, Streaming};
use uuid::Uuid;

use super::{Answer, Api, soon};

/// An open link. What was registered stays true until it is dropped.
pub(crate) struct Link {
    requests: mpsc::UnboundedSender<v1::LinkRequest>,
    responses: Streaming<v1::LinkResponse>,
    orders: VecDeque<v1::Order>,
    pub(crate) incarnation: String,
    /// Reports that were sent.
    pub(crate) reported: u64,
    /// Reports that the SMS remembers.
    pub(crate) acknowledged: u64,
}

/// What a node without a program says of itself.
pub(crate) fn register(name: &str, slots: u32) -> v1::Register {
    v1::Register {
        name: name.to_owned(),
        // Nobody listens there: only tasks reach such a node, never calls.
        address: "http://127.0.0.1:1".to_owned(),
        slots,
        spear_version: env!("CARGO_PKG_VERSION").to_owned(),
        incarnation: Uuid::now_v7().to_string(),
        cpu_millis: 64_000,
        memory_bytes: 64 << 30,
        agents: vec![v1::Agent { kind: "wasm".to_owned(), ..Default::default() }],
        ..v1::Register::default()
    }
}

impl Link {
    /// A node that was let in.
    pub(crate) async fn open(api: &Api, register: v1::Register) -> Answer<Self> {
        let (requests, stream) = mpsc::unbounded();
        let incarnation = register.incarnation.clone();
        let request = v1::LinkRequest { message: Some(Message::Register(register)) };
        requests.unbounded_send(request).expect("the stream is there");
        let mut responses = api.nodes().link(stream).await?.into_inner();
        let first = soon("an answer to a registration", responses.message()).await?;
        let Some(link_response::Message::Registered(_)) = first.and_then(|response| response.message) else {
            panic!("a link begins with an answer to its registration");
        };
        Ok(Self { requests, responses, orders: VecDeque::new(), incarnation, reported: 0, acknowledged: 0 })
    }

    pub(crate) fn say(&self, message: Message) {
        // The SMS may have closed it: then what it answers shows that.
        let _ = self.requests.unbounded_send(v1::LinkRequest { message: Some(message) });
    }

    /// The next order.
    pub(crate) async fn order(&mut self) -> order::Kind {
        loop {
            if let Some(order) = self.orders.pop_front() {
                return order.kind.expect("an order");
            }
            assert!(self.receive().await.expect("the link is open"), "the SMS closed the link");
        }
    }

    /// The next attempt that it is to run.
    pub(crate) async fn assigned(&mut self) -> AttemptId {
        loop {
            if let order::Kind::Assign(assign) = self.order().await {
                return AttemptId::decode(assign.attempt.expect("an attempt")).expect("a sound one");
            }
        }
    }

    /// The next attempt that it is to stop; it is given no other meanwhile.
    pub(crate) async fn cancelled(&mut self) -> AttemptId {
        match self.order().await {
            order::Kind::Cancel(attempt) => AttemptId::decode(attempt).expect("a sound one"),
            other => panic!("this is not to cancel: {other:?}"),
        }
    }

    /// Says something of an attempt; the number that it said it under.
    pub(crate) fn report(&mut self, attempt: AttemptId, kind: report::Kind) -> u64 {
        self.reported += 1;
        self.report_as(self.reported, attempt, kind);
        self.reported
    }

    pub(crate) fn report_as(&self, number: u64, attempt: AttemptId, kind: report::Kind) {
        let report = v1::Report { attempt: Some(attempt.encode()), kind: Some(kind) };
        self.say(Message::Reports(v1::Reports { number, reports: vec![report] }));
    }

    /// Waits until the SMS remembers a report.
    pub(crate) async fn is_acknowledged(&mut self, number: u64) {
        while self.acknowledged < number {
            self.receive().await.expect("the link is open");
        }
    }

    /// Waits until the SMS closes it, and says why.
    pub(crate) async fn closed(mut self) -> Option<Status> {
        loop {
            match self.receive().await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(status) => return Some(status),
            }
        }
    }

    /// Takes one message; whether there was one.
    async fn receive(&mut self) -> Result<bool, Status> {
        let Some(response) = soon("a word of the SMS", self.responses.message()).await? else { return Ok(false) };
        match response.message.expect("a message") {
            link_response::Message::Registered(_) => panic!("it is registered already"),
            link_response::Message::Orders(v1::Orders { number, orders }) => {
                self.orders.extend(orders);
                self.say(Message::Received(number));
            }
            link_response::Message::Acknowledged(number) => self.acknowledged = number,
        }
        Ok(true)
    }
}

pub(crate) fn started() -> report::Kind {
    report::Kind::Started(report::Started {})
}

/// It succeeded with this answer.
pub(crate) fn succeeded(text: &str) -> report::Kind {
    let outcome = Outcome::Succeeded(Payload { body: text.to_owned().into(), ..Payload::default() });
    ended(outcome)
}

pub(crate) fn ended(outcome: Outcome) -> report::Kind {
    let (outcome, usage) = (Some(outcome.encode()), Some(Usage::default().encode()));
    report::Kind::Ended(v1::AttemptEnded { outcome, usage, log_dropped: 0, ran: None })
}
