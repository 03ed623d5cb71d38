//! What is said when, with a journal that does what it is told.

use std::{
    sync::{
        Mutex,
        mpsc::{self, Receiver, Sender},
    },
    time::{Duration, SystemTime},
};

use futures::{FutureExt as _, poll};
use spear_state::{
    Effect, EndedTask, Journal, JournalError, KeyHash, LoggedLines, MemoryJournal, Out, Page, PageRequest, Remembered,
};
use spear_types::{AttemptId, Call, FunctionName, Level, LogLine, TaskId};
use tokio::{task::spawn_blocking, time::timeout};

use super::*;
use crate::testing::state;

/// Commits as it is told: one word for each commit, and all once nobody tells it any more.
struct Told {
    memory: MemoryJournal,
    words: Mutex<Receiver<Result<(), JournalError>>>,
    /// Where it says how many changes it was given.
    given: Sender<usize>,
}

impl Journal for Told {
    fn commit(&self, changes: &[Change]) -> Result<(), JournalError> {
        let _ = self.given.send(changes.len());
        self.words.lock().unwrap().recv().unwrap_or(Ok(()))?;
        self.memory.commit(changes)
    }

    fn load(&self) -> Result<Remembered, JournalError> {
        self.memory.load()
    }

    fn call(&self, task: TaskId) -> Result<Option<Call>, JournalError> {
        self.memory.call(task)
    }

    fn ended(&self, task: TaskId) -> Result<Option<EndedTask>, JournalError> {
        self.memory.ended(task)
    }

    fn page(&self, request: &PageRequest) -> Result<Page, JournalError> {
        self.memory.page(request)
    }

    fn lines(&self, task: TaskId, after: (u32, u64), limit: usize) -> Result<Vec<LoggedLines>, JournalError> {
        self.memory.lines(task, after, limit)
    }

    fn logged(&self, function: &FunctionName, limit: usize) -> Result<Vec<TaskId>, JournalError> {
        self.memory.logged(function, limit)
    }

    fn expired(
        &self,
        ended_before: Timestamp,
        keep: u64,
        limit: usize,
    ) -> Result<Vec<(TaskId, Option<KeyHash>)>, JournalError> {
        self.memory.expired(ended_before, keep, limit)
    }

    fn trim_logs(&self, tasks: u64, bytes: u64) -> Result<(), JournalError> {
        self.memory.trim_logs(tasks, bytes)
    }
}

struct Rig {
    scheduler: Scheduler,
    committer: Committer,
    journal: MemoryJournal,
    words: Sender<Result<(), JournalError>>,
    given: Receiver<usize>,
    effects: Receiver<Effect>,
}

impl Rig {
    fn new() -> Self {
        let journal = MemoryJournal::default();
        let ((words, told), (give, given), (effect, effects)) = (mpsc::channel(), mpsc::channel(), mpsc::channel());
        let told = Told { memory: journal.clone(), words: Mutex::new(told), given: give };
        let perform = move |out: Out| {
            out.effects.into_iter().for_each(|each| effect.send(each).unwrap());
            true
        };
        let (scheduler, committer) = start(state(), Out::default(), Arc::new(told), perform).unwrap();
        Self { scheduler, committer, journal, words, given, effects }
    }

    /// Waits until the committer has a group, and says how many changes it has.
    fn committing(&self) -> usize {
        self.given.recv_timeout(LONG).expect("a group")
    }

    fn logged(&self) -> Vec<TaskId> {
        self.journal.logged(&"f".parse().unwrap(), 100).unwrap()
    }

    /// The tasks whose followers were told.
    fn told(&self) -> Vec<TaskId> {
        let task = |effect| if let Effect::Logged(task) = effect { Some(task) } else { None };
        self.effects.try_iter().filter_map(task).collect()
    }
}

const LONG: Duration = Duration::from_secs(20);

fn line(task: TaskId) -> Change {
    let line =
        LogLine { time: SystemTime::UNIX_EPOCH, level: Level::Info, message: "here".to_owned(), fields: Vec::new() };
    Change::Logged {
        attempt: AttemptId { task, attempt: 1 },
        function: "f".parse().unwrap(),
        version: 1,
        node: "n".parse().unwrap(),
        first: 1,
        lines: vec![line],
        dropped: 0,
    }
}

fn ids(count: usize) -> Vec<TaskId> {
    std::iter::repeat_with(TaskId::generate).take(count).collect()
}

#[tokio::test]
async fn nothing_is_said_before_it_is_remembered_and_then_in_order() {
    let rig = Rig::new();
    let tasks = ids(4);
    rig.scheduler.log(line(tasks[0]));
    let mut first = rig.scheduler.durable();
    assert_eq!(rig.committing(), 1);
    // These gather while the disk is busy, and go together.
    tasks[1..].iter().for_each(|task| rig.scheduler.log(line(*task)));
    let mut second = rig.scheduler.durable();
    assert!(poll!(&mut first).is_pending() && rig.told().is_empty());

    rig.words.send(Ok(())).unwrap();
    first.await.unwrap();
    assert_eq!((rig.told(), rig.logged().len()), (tasks[..1].to_vec(), 1));
    assert_eq!(rig.committing(), 3);
    assert!(poll!(&mut second).is_pending() && rig.told().is_empty());

    rig.words.send(Ok(())).unwrap();
    second.await.unwrap();
    assert_eq!(rig.told(), tasks[1..]);
    assert!(rig.scheduler.durable().now_or_never().is_some(), "there is nothing left to wait for");
}

#[tokio::test]
async fn a_disk_that_is_full_takes_the_same_group_later_and_nothing_new_is_taken_on_meanwhile() {
    let rig = Rig::new();
    let task = TaskId::generate();
    rig.scheduler.log(line(task));
    let mut durable = rig.scheduler.durable();
    rig.committing();
    rig.words.send(Err(JournalError::Full)).unwrap();
    // It tries again: by then it has said that it failed.
    assert_eq!(rig.committing(), 1);

    let refusal = rig.scheduler.apply(Command::Submit(Vec::new())).await.unwrap_err();
    assert_eq!(refusal.code, Code::StorageFull, "{refusal}");
    rig.scheduler.log(line(TaskId::generate()));
    let read = timeout(LONG, rig.scheduler.look(|_| ())).await.expect("a read does not wait for the disk");
    assert_eq!(read.unwrap_err().code, Code::StorageFull);
    assert!(poll!(&mut durable).is_pending() && rig.told().is_empty() && rig.logged().is_empty());

    rig.words.send(Ok(())).unwrap();
    durable.await.unwrap();
    assert_eq!((rig.told(), rig.logged()), (vec![task], vec![task]));
    rig.scheduler.look(|_| ()).await.unwrap();
}

#[tokio::test]
async fn what_is_pending_at_the_end_is_remembered() {
    let rig = Rig::new();
    let tasks = ids(2);
    rig.scheduler.log(line(tasks[0]));
    rig.committing();
    rig.scheduler.log(line(tasks[1]));
    let durable = rig.scheduler.durable();
    drop(rig.words);
    spawn_blocking(|| rig.committer.stop()).await.unwrap();
    durable.await.unwrap();
    assert_eq!(rig.journal.logged(&"f".parse().unwrap(), 100).unwrap().len(), 2);
    rig.scheduler.log(line(TaskId::generate()));
    assert_eq!(rig.scheduler.durable().await.unwrap_err().code, Code::Draining);
}

#[tokio::test]
async fn a_full_disk_does_not_keep_the_sms_from_ending() {
    let rig = Rig::new();
    rig.scheduler.log(line(TaskId::generate()));
    let durable = rig.scheduler.durable();
    rig.committing();
    rig.words.send(Err(JournalError::Full)).unwrap();
    rig.committing();
    rig.words.send(Err(JournalError::Full)).unwrap();
    let stopped = spawn_blocking(|| rig.committer.stop());
    timeout(LONG, stopped).await.expect("an end").unwrap();
    assert_eq!(durable.await.unwrap_err().code, Code::Draining);
}

#[tokio::test]
async fn a_state_that_contradicts_the_disk_ends_the_sms() {
    let rig = Rig::new();
    rig.scheduler.log(line(TaskId::generate()));
    let durable = rig.scheduler.durable();
    rig.words.send(Err(JournalError::Contradiction("twice".to_owned()))).unwrap();
    assert_eq!(durable.await.unwrap_err().code, Code::Draining);
    timeout(LONG, rig.scheduler.broken()).await.expect("it is noticed");
    assert!(rig.told().is_empty());
}
