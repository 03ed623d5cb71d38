//! Attempts on a node that does as it is told.

use std::{cell::RefCell, collections::HashMap, rc::Rc, time::SystemTime};

use spear_hostcalls::logs::TaskLog;
use spear_proto::v1::report::Kind;
use spear_types::{Call, Granted, Grants, Level, Limits, Payload, Settings, TaskId};
use spear_wire::Decode as _;

use super::*;
use crate::components::Key;

/// What the node does and did.
#[derive(Default)]
struct Told {
    slots: usize,
    ready: bool,
    /// Why a call does not fit.
    misfit: Option<Refusal>,
    started: Vec<Tag>,
    cancelled: Vec<Tag>,
    lines: HashMap<Tag, Vec<LogLine>>,
}

#[derive(Clone)]
struct Node(Rc<RefCell<Told>>);

struct Slot(Node);

struct Handle {
    node: Node,
    tag: Tag,
}

impl Host for Node {
    type Component = ();
    type Slot = Slot;
    type Run = Handle;

    fn slot(&self) -> Result<Slot, Refusal> {
        let mut told = self.0.borrow_mut();
        told.slots = told.slots.checked_sub(1).ok_or_else(|| Refusal::new(Code::QueueFull, "full"))?;
        Ok(Slot(self.clone()))
    }

    fn component(&self, _: &Arc<Version>) -> Option<()> {
        self.0.borrow().ready.then_some(())
    }

    fn start(&self, (): &(), _: Work, slot: Slot, tag: Tag, _: Instant) -> Result<Handle, Refusal> {
        if let Some(refusal) = &self.0.borrow().misfit {
            return Err(refusal.clone());
        }
        // The engine has it until the run ends.
        std::mem::forget(slot);
        self.0.borrow_mut().started.push(tag);
        Ok(Handle { node: self.clone(), tag })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.0.borrow_mut().slots += 1;
    }
}

impl Run for Handle {
    fn cancel(&self) {
        self.node.0.borrow_mut().cancelled.push(self.tag);
    }

    fn take_lines(&self) -> Vec<LogLine> {
        self.node.0.borrow_mut().lines.remove(&self.tag).unwrap_or_default()
    }
}

struct Test {
    attempts: Attempts<Node>,
    told: Rc<RefCell<Told>>,
    version: Arc<Version>,
    now: Instant,
}

impl Test {
    /// A node with room and with the component ready.
    fn new() -> Self {
        let told = Rc::new(RefCell::new(Told { slots: 100, ready: true, ..Told::default() }));
        let attempts = Attempts::new(Node(Rc::clone(&told)));
        Self { attempts, told, version: version(), now: Instant::now() }
    }

    /// The same, where the component is not ready.
    fn preparing() -> Self {
        let test = Self::new();
        test.told.borrow_mut().ready = false;
        test
    }

    fn assign(&mut self) -> AttemptId {
        let attempt = AttemptId { task: TaskId::generate(), attempt: 1 };
        self.assign_again(attempt, None);
        attempt
    }

    fn assign_again(&mut self, attempt: AttemptId, time: Option<Duration>) {
        let version = Arc::clone(&self.version);
        let call = Call::Payload(Payload::default());
        let until = time.map(|time| self.now + time);
        let work = Work { attempt, version, call, trace_parent: None, came: self.now, until };
        self.attempts.assign(attempt, Ok(work), self.now);
    }

    fn cancel(&mut self, attempt: AttemptId) {
        self.attempts.cancel(attempt, self.now);
    }

    fn prepared(&mut self, component: Result<(), Refusal>) {
        self.attempts.happened(Event::Prepared(Arc::clone(&self.version), component), self.now);
    }

    fn wrote(&mut self, tag: Tag, lines: &[&str]) {
        self.told.borrow_mut().lines.insert(tag, lines.iter().map(|text| line(text)).collect());
        self.attempts.happened(Event::Wrote(tag), self.now);
    }

    fn ends(&mut self, tag: Tag, outcome: Outcome, lines: &[&str]) {
        let log = TaskLog { lines: lines.iter().map(|text| line(text)).collect(), dropped: 3 };
        let report = Report { outcome, usage: Usage::default(), log, ran: None };
        self.attempts.happened(Event::Ended(tag, Ok(report)), self.now);
    }

    fn tag(&self) -> Tag {
        *self.told.borrow().started.last().unwrap()
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.attempts.wake(self.now);
    }

    fn held(&self) -> Vec<AttemptId> {
        let mut held: Vec<_> = self.attempts.held().collect();
        held.sort();
        held
    }

    /// What goes over the link next, in words.
    fn says(&mut self) -> Vec<String> {
        let messages = std::iter::from_fn(|| self.attempts.next_reports());
        messages.flat_map(|message| message.reports).map(|report| in_words(report.kind.unwrap())).collect()
    }
}

fn in_words(kind: Kind) -> String {
    match kind {
        Kind::Started(_) => "started".to_owned(),
        Kind::Log(v1::LogLines { first, lines }) => {
            let texts: Vec<_> = lines.into_iter().map(|line| line.message).collect();
            format!("{first}: {}", texts.join(" "))
        }
        Kind::Ended(ended) => Outcome::decode(ended.outcome.unwrap()).unwrap().name().to_owned(),
        Kind::Returned(returned) => returned.code,
    }
}

fn version() -> Arc<Version> {
    let granted = Arc::new(Granted::all(Grants::default()));
    let limits = Limits { payload: 100, ..Limits::DEFAULTS };
    let terms = spear_engine::Terms { limits, granted, settings: Settings::default(), owner: None };
    Arc::new(Version::new("f".parse().unwrap(), 1, Key { implementations: [].into(), terms }))
}

fn line(text: &str) -> LogLine {
    LogLine { time: SystemTime::UNIX_EPOCH, level: Level::Info, message: text.to_owned(), fields: Vec::new() }
}

fn succeeded() -> Outcome {
    Outcome::Succeeded(Payload::default())
}

#[test]
fn an_attempt_runs_once_and_is_told_of_until_its_end_is_acknowledged() {
    let mut test = Test::new();
    let attempt = test.assign();
    assert_eq!(test.says(), ["started"]);
    test.assign_again(attempt, None);
    test.ends(test.tag(), succeeded(), &[]);
    assert_eq!(test.says(), ["succeeded"]);
    test.attempts.acknowledged(1);
    test.assign_again(attempt, None);
    assert_eq!(test.held(), [attempt], "its end is not acknowledged");
    assert_eq!(test.told.borrow().started.len(), 1);
    test.attempts.acknowledged(2);
    assert!(test.attempts.is_empty());
}

#[test]
fn what_cannot_start_is_returned_and_takes_no_slot() {
    let mut test = Test::new();
    test.told.borrow_mut().misfit = Some(Refusal::new(Code::UnknownExport, "no such function"));
    test.assign();
    test.told.borrow_mut().misfit = None;
    let large = AttemptId { task: TaskId::generate(), attempt: 1 };
    let call = Call::Typed("x".repeat(101));
    let (version, came) = (Arc::clone(&test.version), test.now);
    let work = Work { attempt: large, version, call, trace_parent: None, came, until: None };
    test.attempts.assign(large, Ok(work), test.now);
    test.attempts.assign(
        AttemptId { task: TaskId::generate(), attempt: 1 },
        Err(Refusal::new(Code::LimitTooHigh, "too high")),
        test.now,
    );
    assert_eq!(test.told.borrow().slots, 100);
    test.told.borrow_mut().slots = 0;
    test.assign();
    assert_eq!(test.says(), ["UnknownExport", "TooLarge", "LimitTooHigh", "QueueFull"]);
    assert_eq!(test.held().len(), 4, "they are told of until the SMS knows");
}

#[test]
fn attempts_wait_for_their_component_with_their_slots() {
    let mut test = Test::preparing();
    test.assign();
    test.assign();
    assert!(test.says().is_empty() && test.told.borrow().slots == 98);
    test.prepared(Ok(()));
    assert_eq!(test.says(), ["started", "started"]);
    test.prepared(Ok(()));
    assert!(test.says().is_empty());
}

#[test]
fn attempts_of_a_component_that_cannot_be_prepared_are_returned() {
    let mut test = Test::preparing();
    test.assign();
    let other = std::mem::replace(&mut test.version, version());
    test.assign();
    test.version = other;
    test.prepared(Err(Refusal::new(Code::InvalidComponent, "no component")));
    assert_eq!(test.says(), ["InvalidComponent"]);
    assert_eq!((test.held().len(), test.told.borrow().slots), (2, 99), "the other one waits for its own");
}

#[test]
fn an_attempt_is_cancelled_before_it_starts_and_while_it_runs() {
    let mut test = Test::preparing();
    let waiting = test.assign();
    test.pass(Duration::from_secs(1));
    test.cancel(waiting);
    assert_eq!((test.says(), test.told.borrow().slots), (vec!["cancelled".to_owned()], 100));
    test.prepared(Ok(()));
    assert!(test.told.borrow().started.is_empty());

    test.told.borrow_mut().ready = true;
    let running = test.assign();
    test.cancel(running);
    assert_eq!(test.told.borrow().cancelled, [test.tag()]);
    assert_eq!(test.says(), ["started"], "it has not ended yet");
    test.ends(test.tag(), Outcome::Cancelled, &[]);
    assert_eq!(test.says(), ["cancelled"]);
    test.cancel(running);
    assert!(test.says().is_empty());
}

#[test]
fn to_cancel_an_unknown_attempt_needs_no_report() {
    let mut test = Test::new();
    test.cancel(AttemptId { task: TaskId::generate(), attempt: 1 });
    assert!(!test.attempts.has_reports() && test.attempts.is_empty());
}

#[test]
fn an_attempt_that_waits_until_its_tasks_deadline_ends_as_timed_out() {
    let mut test = Test::preparing();
    test.assign();
    let late = AttemptId { task: TaskId::generate(), attempt: 2 };
    test.assign_again(late, Some(Duration::from_secs(3)));
    assert_eq!(test.attempts.next_wake(), Some(test.now + Duration::from_secs(3)));
    test.pass(Duration::from_secs(2));
    assert!(test.says().is_empty());
    test.pass(Duration::from_secs(1));
    assert_eq!(test.says(), ["timed-out"]);
    assert_eq!((test.attempts.next_wake(), test.held().len()), (None, 2));
}

#[test]
fn lines_go_out_while_a_run_goes_on_numbered_and_gathered() {
    let mut test = Test::new();
    test.assign();
    assert_eq!(test.says(), ["started"]);
    let tag = test.tag();
    test.wrote(tag, &["a", "b"]);
    assert!(test.says().is_empty(), "not at once");
    test.pass(GATHER);
    assert_eq!(test.says(), ["1: a b"]);
    test.wrote(tag, &["c"]);
    test.pass(GATHER);
    test.wrote(tag, &["taken by the end"]);
    test.told.borrow_mut().lines.clear();
    test.ends(tag, succeeded(), &["d", "e"]);
    assert_eq!(test.says(), ["3: c", "4: d e", "succeeded"]);
    test.pass(GATHER);
    assert!(test.says().is_empty());
}

#[test]
fn of_many_attempts_only_those_that_last_say_that_they_started() {
    let mut test = Test::new();
    let tags: Vec<_> = (0..=FEW).map(|_| (test.assign(), test.tag()).1).collect();
    assert_eq!(test.says(), vec!["started"; FEW]);
    test.ends(tags[FEW], succeeded(), &[]);
    assert_eq!(test.says(), ["succeeded"]);
    test.assign();
    test.pass(GATHER);
    assert_eq!(test.says(), ["started"]);
    test.assign();
    test.ends(test.tag(), succeeded(), &["line"]);
    assert_eq!(test.says(), ["started", "1: line", "succeeded"]);
}

#[test]
fn a_new_link_knows_what_is_held_and_hears_what_was_not_acknowledged() {
    let mut test = Test::new();
    let ended = test.assign();
    test.ends(test.tag(), succeeded(), &[]);
    let running = test.assign();
    assert_eq!(test.says(), ["started", "succeeded", "started"]);
    test.attempts.rejoined();
    let mut held = [ended, running];
    held.sort();
    assert_eq!(test.held(), held);
    assert_eq!(test.says(), ["started", "succeeded", "started"]);
}

#[test]
fn when_the_lease_is_over_attempts_are_stopped_and_ends_are_kept() {
    let mut test = Test::new();
    let ended = test.assign();
    test.ends(test.tag(), succeeded(), &["line"]);
    let running = test.assign();
    let tag = test.tag();
    test.told.borrow_mut().ready = false;
    test.assign();
    test.says();
    test.attempts.abandon();
    assert_eq!(test.told.borrow().cancelled, [tag]);
    assert_eq!(test.held(), [ended]);
    test.attempts.rejoined();
    assert_eq!(test.says(), ["started", "1: line", "succeeded"], "nothing of what was given up");

    test.told.borrow_mut().ready = true;
    test.assign_again(running, None);
    test.ends(tag, Outcome::Cancelled, &[]);
    assert_eq!(test.says(), ["started"], "the end is the old run's");
    test.ends(test.tag(), succeeded(), &[]);
    assert_eq!(test.says(), ["succeeded"]);
}

#[test]
fn a_node_that_stops_returns_what_has_not_started_and_lets_the_rest_end() {
    let mut test = Test::new();
    test.assign();
    let tag = test.tag();
    test.told.borrow_mut().ready = false;
    test.assign();
    test.attempts.stop();
    test.assign();
    assert_eq!(test.says(), ["started", "Draining", "Draining"]);
    assert!(test.told.borrow().cancelled.is_empty());
    test.ends(tag, succeeded(), &[]);
    assert_eq!(test.says(), ["succeeded"]);
    assert!(!test.attempts.is_empty(), "the SMS does not know it yet");
    test.attempts.acknowledged(2);
    assert!(test.attempts.is_empty());
}

#[test]
fn what_a_node_gives_up_when_it_stops_is_stopped() {
    let mut test = Test::new();
    test.assign();
    test.attempts.stop();
    test.attempts.give_up();
    assert_eq!(test.told.borrow().cancelled, [test.tag()]);
}
