//! The journal of tasks as the SMS uses it: a real file, in a directory that is gone afterwards.

mod damage;
mod full;
mod logs;
mod model;
mod pages;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use spear_state::{Change, End, Incarnation, Journal, KeyHash, PageRequest, Phase, Progress, TaskRecord};
use spear_store::TaskJournal;
use spear_types::{
    AttemptId, Call, Failure, FunctionName, IdempotencyKey, Level, LogLine, NodeName, Outcome, OutcomeKind, Payload,
    Priority, RetryPolicy, TaskId, TaskResult, Timestamp, Trap, Usage,
};
use tempfile::TempDir;

/// A journal in a directory of its own.
struct Fixture {
    dir: TempDir,
    journal: TaskJournal,
}

impl Fixture {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let journal = TaskJournal::open(dir.path()).unwrap();
        Self { dir, journal }
    }

    fn reopened(self) -> Self {
        let Self { dir, journal } = self;
        drop(journal);
        let journal = TaskJournal::open(dir.path()).unwrap();
        Self { dir, journal }
    }

    fn commit(&self, changes: impl Into<Vec<Change>>) {
        self.journal.commit(&changes.into()).unwrap();
    }
}

/// The first moment of a test's ids.
const START: u64 = 1_800_000_000_000;

/// The id that is made so many ms after the start.
fn id(number: u64) -> TaskId {
    let mut bytes = [0x77; 16];
    bytes[..6].copy_from_slice(&(START + number).to_be_bytes()[2..]);
    TaskId::from_bytes(bytes)
}

/// So many ms after the start.
fn moment(millis: u64) -> Timestamp {
    Timestamp::from_micros((START + millis) * 1_000)
}

fn function(name: &str) -> FunctionName {
    name.parse().unwrap()
}

fn node(number: u32) -> NodeName {
    format!("node-{number}").parse().unwrap()
}

fn key(function: &FunctionName, key: &str) -> KeyHash {
    KeyHash::of(function, &key.parse::<IdempotencyKey>().unwrap(), &call(0))
}

fn record(number: u64, name: &str) -> TaskRecord {
    TaskRecord {
        id: id(number),
        function: function(name),
        version: 7,
        priority: Priority::DEFAULT,
        schedule: None,
        submitted: moment(number),
        deadline: Some(moment(number + 60_000)),
        retry: RetryPolicy::default(),
        key: None,
        key_text: None,
        trace_parent: None,
        call_size: 0,
    }
}

fn queued() -> Progress {
    let phase = Phase::Queued { not_before: None };
    Progress { attempt: 0, tries: 0, after: None, cancelling: false, phase, changed: Timestamp::ZERO }
}

fn assigned(attempt: u32) -> Progress {
    let phase = Phase::Assigned { node: node(attempt), incarnation: Incarnation(uuid_of(attempt)) };
    Progress { attempt, tries: attempt, after: None, cancelling: false, phase, changed: Timestamp::ZERO }
}

/// An incarnation is a UUID, which is told by its text.
fn uuid_of(number: u32) -> uuid::Uuid {
    uuid::Uuid::from_u128(u128::from(number))
}

fn call(size: usize) -> Call {
    Payload { content_type: Some("text/plain".into()), headers: vec![], body: vec![b'c'; size].into() }.into()
}

fn submitted(record: &TaskRecord, call: Call) -> Change {
    Change::Submitted { record: Arc::new(record.clone()), progress: queued(), call }
}

fn progressed(record: &TaskRecord, progress: Progress) -> Change {
    Change::Progressed { task: record.id, progress }
}

fn ended(record: &TaskRecord, at: u64, outcome: Outcome) -> Change {
    Change::Ended { record: Arc::new(record.clone()), end: end(at, outcome) }
}

fn end(at: u64, outcome: Outcome) -> End {
    let usage = Usage { wall: Duration::from_millis(at), hostcalls: at, ..Usage::default() };
    End {
        at: moment(at),
        attempt: 1,
        node: Some(node(1)),
        result: TaskResult { outcome, usage, ran: None },
        log_dropped: 3,
    }
}

/// An outcome that carries so many bytes, as far as it carries any.
fn outcome(kind: OutcomeKind, size: usize) -> Outcome {
    let text = "t".repeat(size);
    match kind {
        OutcomeKind::Failed => {
            Outcome::Failed(Failure { code: "c".into(), message: text, retryable: false, exit: None })
        }
        OutcomeKind::Trapped => Outcome::Trapped(Trap { message: text, frames: vec![] }),
        OutcomeKind::Cancelled => Outcome::Cancelled,
        _ => Outcome::Succeeded(Payload { body: text.into(), ..Payload::default() }),
    }
}

fn logged(record: &TaskRecord, attempt: u32, first: u64, texts: &[&str], dropped: u64) -> Change {
    let attempt = AttemptId { task: record.id, attempt };
    let (function, node) = (record.function.clone(), node(attempt.attempt));
    let lines = texts.iter().map(|text| line(text)).collect();
    Change::Logged { attempt, function, version: record.version, node, first, lines, dropped }
}

fn line(text: &str) -> LogLine {
    LogLine {
        time: SystemTime::UNIX_EPOCH + Duration::new(1_800_000_000, 123_456_789),
        level: Level::Info,
        message: text.to_owned(),
        fields: vec![("field".into(), text.to_owned())],
    }
}

fn all() -> PageRequest {
    PageRequest { limit: 100, ..PageRequest::default() }
}
