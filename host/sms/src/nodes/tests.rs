//! Links to a state that is kept in memory: a node on this side of each.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use spear_proto::v1::{self, LinkRequest, link_request, link_response::Message, order, report};
use spear_state::{Answer, Config, Journal as _, MemoryJournal, Out, Remembered, State, Submission};
use spear_types::{
    Artifact, Code, FunctionVersion, Granted, Implementation, Level, Limits, LogLine, NodeState, Outcome, Payload,
    Placement, Refusal, Settings, TaskId, TaskOptions, Timestamp, Usage,
};
use spear_wire::{Encode as _, from_status};
use tokio::{
    sync::mpsc,
    time::{error::Elapsed, timeout},
};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::*;
use crate::{
    logs::Logs,
    scheduler::{Committer, Effects, Scheduler, Watches, start},
};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

struct Rig {
    scheduler: Scheduler,
    links: Links,
    journal: MemoryJournal,
    lease: Lease,
    stop: CancellationToken,
    _committer: Committer,
}

/// A node's end of a link.
struct Node {
    say: mpsc::UnboundedSender<Result<LinkRequest, tonic::Status>>,
    heard: Outbound,
}

impl Rig {
    fn new() -> Self {
        let config =
            Config { queue: 10, queue_per_function: 10, queue_bytes: 1 << 20, lease: LONG, forget_nodes_after: LONG };
        let (journal, links, mut out) = (MemoryJournal::default(), Links::default(), Out::default());
        let state = State::restore(config, Remembered::default(), Vec::new(), Timestamp::now(), &mut out);
        let shared: Arc<dyn spear_state::Journal> = Arc::new(journal.clone());
        let logs = Logs::new(Arc::clone(&shared));
        let effects = Effects::new(Arc::clone(&shared), Watches::new(), links.clone(), logs);
        let (scheduler, committer) = start(state, out, shared, effects.performing()).unwrap();
        let lease = Lease { heartbeat: LONG, silence: LONG, max_message: 1 << 20 };
        Self { scheduler, links, journal, lease, stop: CancellationToken::new(), _committer: committer }
    }

    async fn open(&self, register: v1::Register) -> Result<Node, Refusal> {
        let (say, inbound) = mpsc::unbounded_channel();
        let first = LinkRequest { message: Some(link_request::Message::Register(register)) };
        say.send(Ok(first)).unwrap();
        let inbound = UnboundedReceiverStream::new(inbound);
        let heard = serve(&self.scheduler, &self.links, self.lease, inbound, self.stop.clone()).await?;
        let mut node = Node { say, heard };
        let Message::Registered(registered) = node.hears().await else { panic!("it is registered first") };
        assert_eq!(registered.lease, Some(self.lease.silence.encode()));
        Ok(node)
    }

    async fn submit(&self) -> TaskId {
        let id = TaskId::generate();
        let (function, call) = (function(), Payload::default().into());
        let submission = Submission { id, function, call, options: TaskOptions::default(), key: None };
        let answer = self.scheduler.apply(spear_state::Command::Submit(vec![submission])).await.unwrap();
        assert!(matches!(answer, Answer::Submitted(_)));
        id
    }

    fn state_of(&self, node: &str) -> NodeState {
        self.scheduler.read(|state| state.node(&node.parse().unwrap())).unwrap().state
    }

    /// Waits until the node is disconnected, and says why it is.
    async fn disconnected(&self, node: &str) -> Result<String, Elapsed> {
        let reason = async {
            loop {
                match self.state_of(node) {
                    NodeState::Disconnected { reason } => return reason,
                    NodeState::Live | NodeState::Lost { .. } => tokio::task::yield_now().await,
                }
            }
        };
        timeout(LONG, reason).await
    }
}

impl Node {
    fn says(&self, message: link_request::Message) {
        self.say.send(Ok(LinkRequest { message: Some(message) })).unwrap();
    }

    fn reports(&self, number: u64, attempt: &v1::Attempt, kinds: impl IntoIterator<Item = report::Kind>) {
        let report = |kind| v1::Report { attempt: Some(attempt.clone()), kind: Some(kind) };
        let reports = kinds.into_iter().map(report).collect();
        self.says(link_request::Message::Reports(v1::Reports { number, reports }));
    }

    async fn next(&mut self) -> Option<Result<Message, Refusal>> {
        let next = timeout(LONG, self.heard.next()).await.expect("the link says something or ends")?;
        Some(next.map(|response| response.message.unwrap()).map_err(from_status))
    }

    async fn hears(&mut self) -> Message {
        self.next().await.expect("the link is open").unwrap()
    }

    /// The next order that is none of terms.
    async fn order(&mut self, number: u64) -> order::Kind {
        let Message::Orders(orders) = self.hears().await else { panic!("orders are due") };
        assert_eq!(orders.number, number);
        orders.orders.into_iter().next_back().and_then(|order| order.kind).unwrap()
    }

    async fn assigned(&mut self, number: u64) -> v1::Attempt {
        let order::Kind::Assign(assign) = self.order(number).await else { panic!("an attempt is due") };
        assign.attempt.unwrap()
    }

    async fn broken(&mut self) -> Refusal {
        let refusal = self.next().await.expect("it is said why").unwrap_err();
        assert!(self.next().await.is_none());
        refusal
    }
}

fn register(name: &str) -> v1::Register {
    v1::Register {
        name: name.to_owned(),
        address: format!("http://{name}.test:1"),
        slots: 2,
        incarnation: Uuid::now_v7().to_string(),
        cpu_millis: 4_000,
        memory_bytes: 8 << 30,
        agents: vec![v1::Agent { kind: "wasm".to_owned(), ..Default::default() }],
        ..v1::Register::default()
    }
}

fn function() -> Arc<FunctionVersion> {
    Arc::new(FunctionVersion {
        name: "f".parse().unwrap(),
        version: 1,
        description: None,
        implementations: vec![Implementation::wasm(Artifact::of(b""))],
        limits: Limits::DEFAULTS,
        grants: Granted::default(),
        settings: Settings::default(),
        placement: Placement::default(),
        created: std::time::SystemTime::UNIX_EPOCH,
    })
}

fn started() -> report::Kind {
    report::Kind::Started(report::Started {})
}

fn wrote(first: u64, text: &str) -> report::Kind {
    let (time, message) = (std::time::SystemTime::UNIX_EPOCH, text.to_owned());
    let line = LogLine { time, level: Level::Info, message, fields: Vec::new() };
    report::Kind::Log(v1::LogLines { first, lines: vec![line.encode()] })
}

fn ended() -> report::Kind {
    let (outcome, usage) = (Outcome::Succeeded(Payload::default()), Usage::default());
    report::Kind::Ended(v1::AttemptEnded {
        outcome: Some(outcome.encode()),
        usage: Some(usage.encode()),
        log_dropped: 0,
        ran: None,
    })
}

#[tokio::test]
async fn a_task_goes_out_and_what_comes_of_it_is_acknowledged_once_it_is_remembered() {
    let rig = Rig::new();
    let mut node = rig.open(register("one")).await.unwrap();
    let task = rig.submit().await;
    let Message::Orders(orders) = node.hears().await else { panic!("orders are due") };
    let kinds: Vec<_> = orders.orders.into_iter().filter_map(|order| order.kind).collect();
    let [order::Kind::Terms(terms), order::Kind::Assign(assign)] = &kinds[..] else { panic!("{kinds:?}") };
    assert_eq!((orders.number, terms.id, assign.terms), (1, 1, 1));
    let attempt = assign.attempt.clone().unwrap();
    assert_eq!(attempt, v1::Attempt { task: task.to_string(), number: 1 });

    node.says(link_request::Message::Received(1));
    node.reports(5, &attempt, [started(), wrote(1, "hello"), ended()]);
    assert_eq!(node.hears().await, Message::Acknowledged(5));
    assert_eq!(rig.journal.ended(task).unwrap().unwrap().end.attempt, 1);
    assert_eq!(rig.journal.lines(task, (0, 0), 10).unwrap()[0].lines[0].message, "hello");

    rig.submit().await;
    node.assigned(2).await;
}

#[tokio::test]
async fn whoever_does_not_keep_to_the_protocol_is_told_why_and_disconnected() {
    let rig = Rig::new();
    let mut node = rig.open(register("one")).await.unwrap();
    node.says(link_request::Message::Reports(v1::Reports { number: 1, reports: Vec::new() }));
    assert_eq!(node.hears().await, Message::Acknowledged(1));
    node.says(link_request::Message::Reports(v1::Reports { number: 3, reports: Vec::new() }));
    let refusal = node.broken().await;
    assert_eq!(refusal, Refusal::new(Code::InvalidRequest, "its reports 3 came where 2 was due"));
    assert_eq!(rig.state_of("one"), NodeState::Disconnected { reason: refusal.message });

    let mut node = rig.open(register("two")).await.unwrap();
    node.says(link_request::Message::Received(1));
    assert!(node.broken().await.message.contains("of 0 that were sent"));
}

#[tokio::test]
async fn what_is_said_of_an_attempt_that_never_was_is_acknowledged_and_what_runs_is_stopped() {
    let rig = Rig::new();
    let mut node = rig.open(register("one")).await.unwrap();
    let unknown = v1::Attempt { task: TaskId::generate().to_string(), number: 1 };
    node.reports(1, &unknown, [wrote(1, "hello"), ended()]);
    assert_eq!(node.hears().await, Message::Acknowledged(1));
    node.reports(2, &unknown, [started()]);
    let mut heard = [node.hears().await, node.hears().await];
    heard.sort_by_key(|message| matches!(message, Message::Orders(_)));
    let cancel = v1::Order { kind: Some(order::Kind::Cancel(unknown)) };
    let orders = v1::Orders { number: 1, orders: vec![cancel] };
    assert_eq!(heard, [Message::Acknowledged(2), Message::Orders(orders)]);
}

#[tokio::test]
async fn a_node_that_comes_back_gets_again_what_it_has_not_and_its_older_link_ends() {
    let rig = Rig::new();
    let (register, task) = (register("one"), rig.submit().await);
    let mut before = rig.open(register.clone()).await.unwrap();
    assert_eq!(before.assigned(1).await.task, task.to_string());
    let mut after = rig.open(register.clone()).await.unwrap();
    assert_eq!(before.broken().await.message, "another link of the node took its place");
    assert_eq!(rig.state_of("one"), NodeState::Live);
    let attempt = after.assigned(1).await;
    assert_eq!(attempt, v1::Attempt { task: task.to_string(), number: 1 }, "it is the same attempt");

    let surplus = v1::Attempt { task: TaskId::generate().to_string(), number: 4 };
    let held = vec![attempt, surplus.clone()];
    let mut last = rig.open(v1::Register { held, ..register }).await.unwrap();
    assert_eq!(last.order(1).await, order::Kind::Cancel(surplus));
}

#[tokio::test]
async fn a_node_whose_connection_is_gone_is_disconnected() {
    let rig = Rig::new();
    let node = rig.open(register("one")).await.unwrap();
    drop(node.heard);
    assert_eq!(rig.disconnected("one").await.unwrap(), "its link broke");
    let node = rig.open(register("two")).await.unwrap();
    drop(node.say);
    assert_eq!(rig.disconnected("two").await.unwrap(), "it closed its link");
}

#[tokio::test]
async fn a_node_that_is_silent_is_told_so() {
    let silence = Duration::from_millis(20);
    let rig = Rig { lease: Lease { silence, ..Rig::new().lease }, ..Rig::new() };
    let mut node = rig.open(register("one")).await.unwrap();
    assert_eq!(node.broken().await.message, "it was silent for 20ms");
}

#[tokio::test]
async fn a_node_that_leaves_is_lost_at_once_and_its_link_ends_well() {
    let rig = Rig::new();
    let mut node = rig.open(register("one")).await.unwrap();
    node.says(link_request::Message::Leave(v1::Leave {}));
    assert_eq!(node.next().await, None);
    assert_eq!(rig.state_of("one"), NodeState::Lost { reason: "it left".to_owned() });
}

#[tokio::test]
async fn a_live_nodes_name_is_not_anothers() {
    let rig = Rig::new();
    let _node = rig.open(register("one")).await.unwrap();
    let address = "http://other.test:1".to_owned();
    let refusal = rig.open(v1::Register { address, ..register("one") }).await.err().unwrap();
    assert_eq!(refusal.code, Code::NameTaken);
}

#[tokio::test]
async fn links_end_with_the_sms() {
    let rig = Rig::new();
    let mut node = rig.open(register("one")).await.unwrap();
    rig.stop.cancel();
    assert_eq!(node.broken().await.code, Code::Draining);
}
