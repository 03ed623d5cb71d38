//! What a node says over its link, taken apart: pure. The node is another machine, so all of it is checked.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use prost::Message as _;
use spear_placement::NodeId;
use spear_proto::v1::{self, link_request::Message, report::Kind};
use spear_state::{Report, ReportKind};
use spear_types::{AgentInfo, AttemptId, Code, Cpu, Digest, Load, LogLine, Outcome, Ran, Refusal, TaskResult, Usage};
use spear_wire::{Decode as _, implementation, required};

use super::register;

/// The longest message of a refusal that is kept, in bytes.
const MAX_REFUSAL: usize = 1 << 10;

/// One link's messages, in their order.
#[derive(Debug)]
pub(super) struct Inbound {
    node: NodeId,
    session: u64,
    /// The number of the last reports.
    reported: Option<u64>,
    /// The node has the orders up to this number.
    received: u64,
    /// The number of the last orders on this link.
    sent: Arc<AtomicU64>,
}

/// What a message says.
#[derive(Debug)]
pub(super) enum Event {
    /// The node lives.
    Heard(Beat),
    /// Something happened there.
    Reported(Reported),
    /// It has all orders up to some number.
    Received,
    /// It stops, and has nothing left.
    Left,
}

/// One heartbeat.
#[derive(Debug)]
pub(super) struct Beat {
    pub(super) load: Load,
    /// The artifacts that came since the last one.
    pub(super) artifacts: Vec<Digest>,
    /// Whether the node takes nothing new.
    pub(super) stopping: bool,
    /// Its agents, where they are not as it said last.
    pub(super) agents: Option<Vec<AgentInfo>>,
}

/// One message of reports.
#[derive(Debug)]
pub(super) struct Reported {
    /// Its number.
    pub(super) number: u64,
    /// About how many bytes it has.
    pub(super) size: usize,
    /// What happened, in order.
    pub(super) reports: Vec<Report>,
}

impl Inbound {
    /// The messages after the registration. `sent` is the number of the last orders.
    pub(super) fn new(node: NodeId, session: u64, sent: Arc<AtomicU64>) -> Self {
        Self { node, session, reported: None, received: 0, sent }
    }

    /// Takes the next message.
    ///
    /// # Errors
    /// `InvalidRequest` and the like: the node does not keep to the protocol, and its link is to end.
    pub(super) fn take(&mut self, message: v1::LinkRequest) -> Result<Event, Refusal> {
        match required(message.message, "link.message")? {
            Message::Heartbeat(beat) => heard(beat),
            Message::Reports(reports) => self.reports(reports).map(Event::Reported),
            Message::Received(number) => self.has_received(number).map(|()| Event::Received),
            Message::Leave(v1::Leave {}) => Ok(Event::Left),
            Message::Register(_) => Err(invalid("it registered twice on one link".to_owned())),
        }
    }

    /// A number that is missing is a report that is lost, and the node would be told that it is remembered.
    fn reports(&mut self, message: v1::Reports) -> Result<Reported, Refusal> {
        let size = message.encoded_len();
        let v1::Reports { number, reports } = message;
        // The first of a link is the oldest that the node has: those before were acknowledged on another link.
        let expected = self.reported.map_or(number, |last| last.saturating_add(1));
        if number != expected {
            return Err(invalid(format!("its reports {number} came where {expected} was due")));
        }
        self.reported = Some(number);
        let reports = reports.into_iter().map(|report| self.report(report)).collect::<Result<_, _>>()?;
        Ok(Reported { number, size, reports })
    }

    fn report(&self, report: v1::Report) -> Result<Report, Refusal> {
        let v1::Report { attempt, kind } = report;
        let attempt = AttemptId::decode(required(attempt, "report.attempt")?)?;
        let kind = kind_of(required(kind, "report.kind")?)?;
        Ok(Report { node: self.node, session: self.session, attempt, kind })
    }

    fn has_received(&mut self, number: u64) -> Result<(), Refusal> {
        let sent = self.sent.load(Ordering::Relaxed);
        if !(self.received..=sent).contains(&number) {
            let had = self.received;
            return Err(invalid(format!(
                "it says that it has the orders {number}, of {sent} that were sent; it had {had}"
            )));
        }
        self.received = number;
        Ok(())
    }
}

fn heard(beat: v1::Heartbeat) -> Result<Event, Refusal> {
    let v1::Heartbeat { running, cpu_millis, memory_bytes, artifacts, stopping, agents } = beat;
    let load = Load { running, cpu: Cpu::decode(cpu_millis)?, memory: memory_bytes };
    let agents = agents.map(|agents| implementation::agents(agents.agents)).transpose()?;
    Ok(Event::Heard(Beat { load, artifacts: register::artifacts(&artifacts)?, stopping, agents }))
}

fn kind_of(kind: Kind) -> Result<ReportKind, Refusal> {
    Ok(match kind {
        Kind::Started(v1::report::Started {}) => ReportKind::Started,
        Kind::Log(v1::LogLines { first, lines }) => {
            if first == 0 || first.checked_add(lines.len() as u64).is_none() {
                return Err(invalid(format!("its lines of a log begin with the number {first}")));
            }
            ReportKind::Logged { first, lines: lines.into_iter().map(LogLine::decode).collect::<Result<_, _>>()? }
        }
        Kind::Ended(v1::AttemptEnded { outcome, usage, log_dropped, ran }) => {
            let outcome = Outcome::decode(required(outcome, "ended.outcome")?)?;
            let usage = Usage::decode(required(usage, "ended.usage")?)?;
            let ran = ran.map(Ran::decode).transpose()?;
            ReportKind::Ended { result: TaskResult { outcome, usage, ran }, log_dropped }
        }
        Kind::Returned(v1::Returned { code, message }) => ReportKind::Returned(returned(&code, message)),
    })
}

/// Why the node did not start an attempt. A code that is none of ours is a newer node's, and its message still says why.
fn returned(code: &str, mut message: String) -> Refusal {
    message.truncate(message.floor_char_boundary(MAX_REFUSAL));
    Refusal::new(Code::from_name(code).unwrap_or(Code::Internal), message)
}

fn invalid(message: String) -> Refusal {
    Refusal::new(Code::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use spear_placement::{Fleet, NodeSpec};
    use spear_types::{Capacity, Labels, TaskId};

    use super::*;

    fn inbound(sent: u64) -> Inbound {
        let spec = NodeSpec {
            name: "one".parse().unwrap(),
            capacity: Capacity::default(),
            labels: Labels::new(),
            agents: Vec::new(),
            artifacts: [].into(),
        };
        Inbound::new(Fleet::default().join(spec), 7, Arc::new(AtomicU64::new(sent)))
    }

    fn take(inbound: &mut Inbound, message: Message) -> Result<Event, Refusal> {
        inbound.take(v1::LinkRequest { message: Some(message) })
    }

    fn reports(number: u64, kinds: Vec<Option<Kind>>) -> Message {
        let attempt = Some(v1::Attempt { task: TaskId::generate().to_string(), number: 1 });
        let report = |kind| v1::Report { attempt: attempt.clone(), kind };
        Message::Reports(v1::Reports { number, reports: kinds.into_iter().map(report).collect() })
    }

    fn started() -> Option<Kind> {
        Some(Kind::Started(v1::report::Started {}))
    }

    #[test]
    fn reports_are_numbered_from_any_number_on_one_by_one() {
        let mut inbound = inbound(0);
        for number in [41, 42, 43] {
            let Event::Reported(reported) = take(&mut inbound, reports(number, vec![started()])).unwrap() else {
                panic!("they are reports")
            };
            assert_eq!((reported.number, reported.reports.len()), (number, 1));
            assert_eq!(reported.reports[0].session, 7);
        }
        for number in [43, 45, 42, 0] {
            let refusal = take(&mut inbound, reports(number, Vec::new())).unwrap_err();
            assert!(refusal.message.contains("where 44 was due"), "{refusal}");
        }
        assert!(take(&mut inbound, reports(44, Vec::new())).is_ok(), "what was refused was not taken");
    }

    #[test]
    fn the_last_number_there_is_does_not_overflow() {
        let mut inbound = inbound(0);
        assert!(take(&mut inbound, reports(u64::MAX, Vec::new())).is_ok());
        assert!(take(&mut inbound, reports(0, Vec::new())).is_err());
    }

    #[test]
    fn a_node_has_no_orders_that_were_not_sent_and_loses_none() {
        let mut inbound = inbound(3);
        assert!(take(&mut inbound, Message::Received(0)).is_ok());
        assert!(take(&mut inbound, Message::Received(3)).is_ok());
        assert!(take(&mut inbound, Message::Received(2)).unwrap_err().message.contains("it had 3"));
        assert!(take(&mut inbound, Message::Received(4)).unwrap_err().message.contains("of 3 that were sent"));
    }

    #[test]
    fn what_is_malformed_breaks_the_link() {
        let log = |first, lines| Some(Kind::Log(v1::LogLines { first, lines }));
        let ended = |outcome, usage| Some(Kind::Ended(v1::AttemptEnded { outcome, usage, log_dropped: 0, ran: None }));
        let succeeded = || Some(spear_wire::Encode::encode(Outcome::Succeeded(spear_types::Payload::default())));
        for kind in [
            None,
            log(0, Vec::new()),
            log(1, vec![v1::LogLine::default()]),
            log(u64::MAX, vec![v1::LogLine::default()]),
            ended(None, None),
            ended(succeeded(), None),
            ended(Some(v1::Outcome { kind: None }), Some(v1::Usage::default())),
        ] {
            let shown = format!("{kind:?}");
            let refusal = take(&mut inbound(0), reports(1, vec![kind])).expect_err(&shown);
            assert_eq!(refusal.code, Code::InvalidRequest, "{shown}: {refusal}");
        }
        let nameless = v1::Reports { number: 1, reports: vec![v1::Report { attempt: None, kind: started() }] };
        assert!(take(&mut inbound(0), Message::Reports(nameless)).is_err());
        assert!(inbound(0).take(v1::LinkRequest { message: None }).is_err());
        assert!(take(&mut inbound(0), Message::Register(v1::Register::default())).is_err());
        let busy = v1::Heartbeat { cpu_millis: u32::MAX, ..v1::Heartbeat::default() };
        assert!(take(&mut inbound(0), Message::Heartbeat(busy)).is_err());
    }

    #[test]
    fn a_refusal_of_a_newer_node_is_kept_and_a_long_one_is_cut() {
        let returned = v1::Returned { code: "NotOfThisWorld".to_owned(), message: "ä".repeat(1 << 20) };
        let Event::Reported(reported) =
            take(&mut inbound(0), reports(1, vec![Some(Kind::Returned(returned))])).unwrap()
        else {
            panic!("they are reports")
        };
        let ReportKind::Returned(refusal) = &reported.reports[0].kind else { panic!("it was returned") };
        assert_eq!((refusal.code, refusal.message.len()), (Code::Internal, MAX_REFUSAL));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(message) = v1::LinkRequest::decode(bytes.as_slice()) {
                let _ = inbound(1).take(message);
            }
        }
    }
}
