//! Tasks, as a client in any language has them.

use std::time::Duration;

use bytes::Bytes;
use spear_proto::v1::{self, task_service_client::TaskServiceClient, watch_tasks_request::Of};
use spear_types::{Outcome, RetryPolicy, TaskId, TaskInfo, TaskState, Timestamp, Usage};
use spear_wire::Encode as _;
use tonic::{Streaming, transport::Channel};

use super::{Answer, Api, api::decode, payload, soon};

/// A task to submit.
#[derive(Debug, Clone)]
pub(crate) struct NewTask(pub(crate) v1::TaskSpec);

/// A task that has ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) task: TaskInfo,
    pub(crate) outcome: Outcome,
    pub(crate) usage: Usage,
}

/// Tasks as they change.
pub(crate) struct Watch(Streaming<v1::WatchTasksResponse>);

impl NewTask {
    pub(crate) fn of(function: &str, body: impl Into<Bytes>) -> Self {
        let call = payload(v1::Payload { body: body.into(), ..v1::Payload::default() });
        let options = Some(v1::TaskOptions::default());
        Self(v1::TaskSpec { function: function.to_owned(), version: None, call: Some(call), options })
    }

    pub(crate) fn version(mut self, version: u32) -> Self {
        self.0.version = Some(version);
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.with(|options| options.key = Some(key.to_owned()))
    }

    pub(crate) fn priority(self, priority: u32) -> Self {
        self.with(|options| options.priority = Some(priority))
    }

    pub(crate) fn delay(self, delay: Duration) -> Self {
        self.with(|options| options.delay = Some(delay.encode()))
    }

    pub(crate) fn deadline(self, deadline: Duration) -> Self {
        self.with(|options| options.deadline = Some(deadline.encode()))
    }

    pub(crate) fn retry(self, retry: RetryPolicy) -> Self {
        self.with(|options| options.retry = Some(retry.encode()))
    }

    /// One attempt and no other.
    pub(crate) fn once(self) -> Self {
        self.retry(RetryPolicy { max_attempts: 1, ..RetryPolicy::default() })
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut v1::TaskOptions)) -> Self {
        change(self.0.options.get_or_insert_default());
        self
    }
}

impl Api {
    pub(crate) fn tasks(&self) -> TaskServiceClient<Channel> {
        let client = TaskServiceClient::new(self.channel());
        client.max_decoding_message_size(usize::MAX).max_encoding_message_size(usize::MAX)
    }

    /// One task; its id.
    pub(crate) async fn submit(&self, task: NewTask) -> Answer<TaskId> {
        Ok(self.submit_all([task]).await?[0].0)
    }

    /// Tasks in one call; their ids, and whether each is an earlier submission's.
    pub(crate) async fn submit_all(&self, tasks: impl IntoIterator<Item = NewTask>) -> Answer<Vec<(TaskId, bool)>> {
        let tasks = tasks.into_iter().map(|task| task.0).collect();
        let response = self.tasks().submit_tasks(v1::SubmitTasksRequest { tasks }).await?;
        let submitted = response.into_inner().tasks.into_iter();
        Ok(submitted.map(|v1::Submitted { task, existing }| (task.parse().expect("an id"), existing)).collect())
    }

    pub(crate) async fn task(&self, task: TaskId) -> Answer<TaskInfo> {
        let response = self.tasks().get_task(v1::GetTaskRequest { task: task.to_string() }).await?;
        Ok(decode(response.into_inner().task))
    }

    /// One page, and what the next one comes after.
    pub(crate) async fn page(&self, request: v1::ListTasksRequest) -> Answer<(Vec<TaskInfo>, Option<String>)> {
        let v1::ListTasksResponse { tasks, next } = self.tasks().list_tasks(request).await?.into_inner();
        Ok((tasks.into_iter().map(|task| decode(Some(task))).collect(), next))
    }

    /// All pages.
    pub(crate) async fn list(&self, function: Option<&str>, states: &[&str]) -> Answer<Vec<TaskInfo>> {
        let states = states.iter().map(|state| (*state).to_owned()).collect();
        let mut request =
            v1::ListTasksRequest { function: function.map(str::to_owned), states, limit: Some(1_000), after: None };
        let mut all = Vec::new();
        loop {
            let (page, next) = self.page(request.clone()).await?;
            all.extend(page);
            if next.is_none() {
                return Ok(all);
            }
            request.after = next;
        }
    }

    pub(crate) async fn cancel(&self, task: TaskId) -> Answer<TaskInfo> {
        let response = self.tasks().cancel_task(v1::CancelTaskRequest { task: task.to_string() }).await?;
        Ok(decode(response.into_inner().task))
    }

    /// How a task ended, where it has.
    pub(crate) async fn result(&self, task: TaskId, wait: Option<Duration>) -> Answer<Option<Ended>> {
        let request = v1::GetResultRequest { task: task.to_string(), wait: wait.map(spear_wire::Encode::encode) };
        let v1::GetResultResponse { task, outcome, usage, ran: _ } =
            self.tasks().get_result(request).await?.into_inner();
        let task: TaskInfo = decode(task);
        assert_eq!(task.state.has_ended(), outcome.is_some(), "{task:?}");
        Ok(outcome.map(|outcome| Ended { task, outcome: decode(Some(outcome)), usage: decode(usage) }))
    }

    /// Waits until a task has ended.
    pub(crate) async fn ended(&self, task: TaskId) -> Ended {
        const AT_A_TIME: Duration = Duration::from_secs(20);
        soon("a task's end", async {
            loop {
                if let Some(ended) = self.result(task, Some(AT_A_TIME)).await.expect("an answer") {
                    return ended;
                }
            }
        })
        .await
    }

    /// Waits until a task is in a state.
    pub(crate) async fn reaches(&self, task: TaskId, wanted: impl Fn(&TaskState) -> bool) -> TaskInfo {
        let mut watch = self.watch_tasks([task]).await.expect("a watch");
        let mut seen = Vec::new();
        while let Some(info) = watch.next().await {
            if wanted(&info.state) {
                return info;
            }
            seen.push(info.state);
        }
        panic!("it ended and was never as it should be: {seen:?}");
    }

    /// Waits until a task runs.
    pub(crate) async fn runs(&self, task: TaskId) -> TaskInfo {
        self.reaches(task, |state| matches!(state, TaskState::Running { .. })).await
    }

    pub(crate) async fn watch_tasks(&self, tasks: impl IntoIterator<Item = TaskId>) -> Answer<Watch> {
        let tasks = tasks.into_iter().map(|task| task.to_string()).collect();
        self.watch(Of::Tasks(v1::watch_tasks_request::TaskIds { tasks })).await
    }

    pub(crate) async fn watch(&self, of: Of) -> Answer<Watch> {
        let response = self.tasks().watch_tasks(v1::WatchTasksRequest { of: Some(of) }).await?;
        Ok(Watch(response.into_inner()))
    }

    /// The last decision about where it runs.
    pub(crate) async fn why(&self, task: TaskId) -> Answer<Option<v1::Decision>> {
        let request = v1::ExplainTaskRequest { task: task.to_string() };
        Ok(self.tasks().explain_task(request).await?.into_inner().decision)
    }
}

impl Watch {
    /// The next change; none where the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<TaskInfo> {
        let message = soon("a change of a task", self.0.message()).await.expect("a watch goes on");
        message.map(|v1::WatchTasksResponse { task }| decode(task))
    }

    /// The same, where the other side may be killed.
    pub(crate) async fn try_next(&mut self) -> Answer<Option<TaskInfo>> {
        Ok(self.0.message().await?.map(|v1::WatchTasksResponse { task }| decode(task)))
    }
}

impl Ended {
    /// The body of its answer.
    pub(crate) fn text(&self) -> &str {
        let Outcome::Succeeded(reply) = &self.outcome else { panic!("{}", self.outcome) };
        std::str::from_utf8(&reply.body).expect("text")
    }

    pub(crate) fn at(&self) -> Timestamp {
        ended_at(&self.task)
    }
}

/// When a task ended.
pub(crate) fn ended_at(task: &TaskInfo) -> Timestamp {
    let TaskState::Ended { at, .. } = task.state else { panic!("{task:?} has not ended") };
    at
}

/// So many attempts without a wait between them that matters.
pub(crate) fn retries(max_attempts: u32) -> RetryPolicy {
    let backoff = Duration::from_millis(1);
    RetryPolicy { max_attempts, backoff, max_backoff: backoff, ..RetryPolicy::default() }
}
