//! Who submits, waits, cancels and watches, and is not put off by an SMS that dies.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use spear_proto::v1::watch_tasks_request::{All, Of};
use spear_types::{Code, OutcomeKind, TaskId};
use spear_wire::from_status;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::ledger::Ledger;
use crate::harness::{Answer, Api, NewTask, Random, pause, retries};

/// How a task has to end.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) task: NewTask,
    kind: OutcomeKind,
    /// What it answers, where that is known.
    pub(super) answer: Option<String>,
    /// Its one attempt may go with its node.
    fragile: bool,
    pub(super) cancelled: bool,
    /// How many lines it writes.
    pub(super) lines: Option<usize>,
}

impl Wanted {
    /// It succeeds.
    fn plain(task: NewTask) -> Self {
        Self { task, kind: OutcomeKind::Succeeded, answer: None, fragile: false, cancelled: false, lines: None }
    }

    /// One that writes so many lines, one every 100 ms.
    pub(super) fn witness(key: &str, lines: usize) -> Self {
        let call = json!({ "lines": lines, "every_ms": 100 }).to_string();
        Self { lines: Some(lines), ..Self::plain(NewTask::of("witness", call).key(key).retry(retries(100))) }
    }

    /// One of those that there are.
    fn any(random: &mut Random, key: &str) -> Self {
        // Whatever is killed, and how often: another attempt is made.
        let task = |function: &str, body: &str| NewTask::of(function, body.to_owned()).key(key).retry(retries(100));
        let plain = Self::plain;
        let slow = json!({ "lines": 20, "every_ms": 10 }).to_string();
        let flaky = json!({ "succeed_on": 3 }).to_string();
        match random.below(20) {
            0 => Self { lines: Some(20), ..plain(task("slow-log", &slow)) },
            1 | 2 => plain(task("flaky", &flaky)),
            3 => Self { kind: OutcomeKind::TimedOut, ..plain(task("spin", "")) },
            4 => plain(task("status", "")),
            5 => Self { fragile: true, ..plain(NewTask::of("echo", key.to_owned()).key(key).once()) },
            6 => plain(task("echo", key).delay(Duration::from_millis(random.below(500)))),
            _ => Self { answer: Some(key.to_owned()), ..plain(task("echo", key)) },
        }
    }

    pub(super) fn allows(&self, kind: OutcomeKind) -> bool {
        // One that is being cancelled ends as its attempt does, if that ends first.
        let cut_short = matches!(kind, OutcomeKind::Cancelled | OutcomeKind::Failed | OutcomeKind::NodeLost);
        kind == self.kind || (self.fragile && kind == OutcomeKind::NodeLost) || (self.cancelled && cut_short)
    }
}

/// Asks until it is answered. Nothing but the death of the SMS is a reason to ask again.
pub(super) async fn insist<T, F: Future<Output = Answer<T>>>(mut ask: impl FnMut() -> F) -> (T, bool) {
    let mut again = false;
    loop {
        match ask().await {
            Ok(answer) => return (answer, again),
            Err(status) => excuse(status),
        }
        again = true;
        pause().await;
    }
}

fn excuse(status: Status) {
    let refusal = from_status(status);
    assert!(matches!(refusal.code, Code::Unreachable | Code::Draining), "{refusal}");
}

/// Submits batch after batch, each once the one before is on its way, until it is told to stop.
pub(super) async fn submit(name: usize, url: String, mut random: Random, ledger: Arc<Ledger>, stop: CancellationToken) {
    let api = Api::new(&url);
    let mut number = 0;
    while !stop.is_cancelled() {
        let batch: Vec<(String, Wanted)> = (0..=random.below(40))
            .map(|_| {
                number += 1;
                let key = format!("{name}-{number}");
                let wanted = Wanted::any(&mut random, &key);
                (key, wanted)
            })
            .collect();
        let tasks = || batch.iter().map(|(_, wanted)| wanted.task.clone()).collect::<Vec<_>>();
        let (submitted, again) = insist(|| api.submit_all(tasks())).await;
        assert_eq!(submitted.len(), batch.len());
        // All of them, or none: also of a batch whose answer was never heard.
        let existing = submitted.iter().filter(|(_, existing)| *existing).count();
        assert!(existing == 0 || (again && existing == batch.len()), "{existing} of {} were there", batch.len());
        for ((key, wanted), (task, _)) in batch.iter().zip(&submitted) {
            ledger.acknowledge(key, *task, wanted.clone());
        }
        let some = random.below(batch.len() as u64) as usize;
        if random.below(4) == 0 {
            cancel(&api, &ledger, &batch[some].0, submitted[some].0).await;
        }
        wait(&api, &ledger, submitted[some].0).await;
    }
}

async fn cancel(api: &Api, ledger: &Ledger, key: &str, task: TaskId) {
    ledger.cancel(key);
    loop {
        match api.cancel(task).await {
            Ok(info) => return ledger.see(&info),
            Err(status) if from_status(status.clone()).code == Code::TaskEnded => return,
            Err(status) => excuse(status),
        }
        pause().await;
    }
}

/// Waits for an end, so that there are never too many without one.
async fn wait(api: &Api, ledger: &Ledger, task: TaskId) {
    const AT_A_TIME: Duration = Duration::from_secs(5);
    loop {
        if let (Some(ended), _) = insist(|| api.result(task, Some(AT_A_TIME))).await {
            return ledger.see(&ended.task);
        }
    }
}

/// Sees every change that it can.
pub(super) async fn watch(url: String, ledger: Arc<Ledger>) {
    let api = Api::new(&url);
    loop {
        let mut ended = ledger.ended();
        let (mut changes, _) = insist(|| api.watch(Of::All(All {}))).await;
        // It breaks with the SMS, and where it was too slow.
        while let Ok(Some(task)) = changes.try_next().await {
            assert!(task.state.has_ended() || !ended.contains(&task.id), "it had ended, and is {task:?}");
            if task.state.has_ended() {
                ended.insert(task.id);
            }
            ledger.see(&task);
        }
    }
}
