//! What the guest is told, whatever the cluster behind answers.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::{Duration, Instant},
};

use futures::{FutureExt as _, future::BoxFuture};
use spear_types::{
    Code, Failure, FunctionName, Granted, Grants, Outcome, OutcomeKind, Payload, Priority, Refusal, TaskId, TaskInfo,
    TaskState, Timestamp,
};

use super::{Backend, Calls, Invocation, NewTask, State, View, wit, wit::Host as _};
use crate::{Gate, logs::LogBuffer, meter::Count};

/// A cluster that knows one task, and remembers what was submitted.
#[derive(Default)]
struct Cluster {
    submitted: Mutex<Vec<NewTask>>,
    task: Mutex<Option<(TaskInfo, Option<Outcome>)>>,
}

impl Backend for Cluster {
    fn invoke(&self, _: Invocation) -> BoxFuture<'_, Result<Outcome, Refusal>> {
        unreachable!("nothing is invoked here")
    }

    fn submit(&self, task: NewTask) -> BoxFuture<'_, Result<TaskId, Refusal>> {
        self.submitted.lock().unwrap().push(task);
        async { Ok(TaskId::from_bytes([7; 16])) }.boxed()
    }

    fn status(&self, task: TaskId, _: Duration) -> BoxFuture<'_, Result<(TaskInfo, Option<Outcome>), Refusal>> {
        let unknown = move || Refusal::new(Code::UnknownTask, format!("no task {task}"));
        let known = self.task.lock().unwrap().clone().filter(|(known, _)| known.id == task);
        async move { known.ok_or_else(unknown) }.boxed()
    }
}

/// A run of a function that may submit `a` and make two calls, with payloads of 10 bytes.
struct Run {
    cluster: Arc<Cluster>,
    state: State,
    meter: Count,
    gate: Gate,
    log: Arc<LogBuffer>,
}

fn name(name: &str) -> FunctionName {
    name.parse().unwrap()
}

impl Run {
    fn new() -> Self {
        let (cluster, log) = (Arc::new(Cluster::default()), Arc::new(LogBuffer::new(1 << 20)));
        let grants = Grants { tasks: [name("a")].into(), ..Grants::default() };
        let state = State {
            backend: Arc::clone(&cluster) as Arc<dyn Backend>,
            callers: vec![name("caller")],
            trace_parent: Some("00-trace".to_owned()),
            deadline: Instant::now() + Duration::from_secs(60),
            payload: 10,
            calls: Calls::new(2),
        };
        let gate = Gate::new(&Arc::new(Granted::all(grants)), &log);
        Self { cluster, state, meter: Count::default(), gate, log }
    }

    fn view(&self) -> View<'_> {
        View { state: &self.state, meter: &self.meter, gate: &self.gate }
    }

    fn submit(&self, function: &str, body: &[u8], options: wit::Options) -> Result<String, wit::Error> {
        let call = wit::Call { content_type: None, headers: Vec::new(), body: body.to_vec() };
        let submitted = self.view().submit(function.to_owned(), call, options).now_or_never();
        submitted.unwrap().unwrap()
    }

    fn status(&self, task: &str) -> Result<wit::TaskStatus, wit::Error> {
        self.view().status(task.to_owned()).now_or_never().unwrap().unwrap()
    }

    /// The cluster has a task of this function in this state.
    fn has(&self, function: &str, state: TaskState, outcome: Option<Outcome>) -> String {
        let id = TaskId::from_bytes([1; 16]);
        let info = TaskInfo {
            id,
            function: name(function),
            version: 1,
            priority: Priority::DEFAULT,
            schedule: None,
            submitted: Timestamp::ZERO,
            deadline: None,
            attempt: 1,
            state,
            changed: Timestamp::ZERO,
        };
        *self.cluster.task.lock().unwrap() = Some((info, outcome));
        id.to_string()
    }

    fn has_ended(&self, function: &str, outcome: Outcome) -> String {
        let state = TaskState::Ended { outcome: outcome.kind(), at: Timestamp::ZERO, node: None };
        self.has(function, state, Some(outcome))
    }
}

fn options() -> wit::Options {
    wit::Options { key: None, priority: None, delay_ms: None, deadline_ms: None, max_attempts: None }
}

fn reply(body: &'static [u8]) -> Outcome {
    Outcome::Succeeded(Payload { body: body.into(), ..Payload::default() })
}

#[test]
fn a_submission_arrives_as_it_was_made_with_the_trace_of_the_run() {
    let run = Run::new();
    let key = Some("k".to_owned());
    let id = run.submit("a", b"body", wit::Options { key, delay_ms: Some(5), ..options() }).unwrap();
    assert_eq!(id, TaskId::from_bytes([7; 16]).to_string());
    let submitted = run.cluster.submitted.lock().unwrap();
    let NewTask { function, call, options, time } = &submitted[0];
    assert_eq!((function.as_str(), &call.body[..]), ("a", &b"body"[..]));
    assert_eq!((options.delay, options.trace_parent.as_deref()), (Duration::from_millis(5), Some("00-trace")));
    assert!(*time <= Duration::from_secs(60) && *time > Duration::from_secs(50), "{time:?}");
    assert_eq!((run.meter.read().hostcalls, run.meter.read().bytes_in), (1, id.len() as u64));
}

#[test]
fn what_is_not_granted_too_large_or_out_of_range_reaches_nobody_and_costs_no_call() {
    let run = Run::new();
    assert!(matches!(run.submit("b", b"", options()), Err(wit::Error::Denied(_))));
    assert!(matches!(run.submit("No Name", b"", options()), Err(wit::Error::Invalid(_))));
    assert!(matches!(run.submit("a", &[0; 11], options()), Err(wit::Error::OverLimit(_))));
    let bad = wit::Options { priority: Some(101), ..options() };
    assert!(matches!(run.submit("a", b"", bad), Err(wit::Error::Invalid(_))));
    assert!(run.cluster.submitted.lock().unwrap().is_empty());
    assert_eq!(run.state.calls.made.load(Ordering::Relaxed), 0);
}

#[test]
fn submissions_count_against_the_limit_of_calls() {
    let run = Run::new();
    run.submit("a", b"", options()).unwrap();
    run.submit("a", b"", options()).unwrap();
    let Err(wit::Error::OverLimit(text)) = run.submit("a", b"", options()) else { panic!("a third") };
    assert!(text.contains("the limit `calls` is 2"), "{text}");
    assert_eq!(run.cluster.submitted.lock().unwrap().len(), 2);
}

#[test]
fn each_state_is_told_as_the_guest_has_it() {
    let run = Run::new();
    let node = "n".parse().unwrap();
    let queued = run.has("a", TaskState::Queued { not_before: None, after: Some(OutcomeKind::Failed) }, None);
    assert!(matches!(run.status(&queued), Ok(wit::TaskStatus::Queued)));
    let assigned = run.has("a", TaskState::Assigned { node }, None);
    assert!(matches!(run.status(&assigned), Ok(wit::TaskStatus::Running)));
    let succeeded = run.has_ended("a", reply(b"done"));
    assert!(matches!(run.status(&succeeded), Ok(wit::TaskStatus::Succeeded(reply)) if reply.body == b"done"));
    let failure = Failure { code: "no".to_owned(), message: String::new(), retryable: true, exit: None };
    let failed = run.has_ended("a", Outcome::Failed(failure));
    assert!(matches!(run.status(&failed), Ok(wit::TaskStatus::Failed(failure)) if failure.retryable));
    let cancelled = run.has_ended("a", Outcome::Cancelled);
    assert!(matches!(run.status(&cancelled), Ok(wit::TaskStatus::Ended(text)) if text == "cancelled"));
}

#[test]
fn a_task_of_a_function_that_is_not_granted_is_as_unknown_as_one_that_is_not_there() {
    let run = Run::new();
    let other = run.has_ended("b", reply(b"secret"));
    let Err(wit::Error::UnknownTask(_)) = run.status(&other) else { panic!("it is told") };
    assert_eq!((run.gate.denial(), run.log.take_lines().len()), (None, 0), "and the log does not name its function");
    let nobody = TaskId::from_bytes([2; 16]).to_string();
    assert!(matches!(run.status(&nobody), Err(wit::Error::UnknownTask(_))));
    assert!(matches!(run.status("no id"), Err(wit::Error::Invalid(_))));
}

#[test]
fn a_reply_that_the_run_has_no_room_for_is_over_its_limit() {
    let run = Run::new();
    let large = run.has_ended("a", reply(b"eleven byte"));
    let Err(wit::Error::OverLimit(text)) = run.status(&large) else { panic!("it is given") };
    assert!(text.contains("the limit `payload` is 10"), "{text}");
}
