//! Durable tasks.

mod decision;

use std::time::Duration;

use spear_proto::v1::{self, task_service_client::TaskServiceClient, watch_tasks_request};
use spear_types::{Call, FunctionName, Outcome, Ran, Refusal, TaskId, TaskInfo, TaskOptions, TaskResult, Usage};
use spear_wire::{Decode as _, Encode as _, required};
use tonic::{Streaming, transport::Channel};

pub(crate) use self::decision::{Considered, Decision, PassedOver, Verdict};
use super::{Answer, Client, MAX_MESSAGE};

/// One call, and how it is to be made.
#[derive(Clone)]
pub(crate) struct NewTask {
    pub(crate) function: FunctionName,
    pub(crate) version: Option<u32>,
    pub(crate) call: Call,
    pub(crate) options: TaskOptions,
}

/// A task that is remembered.
pub(crate) struct Submitted {
    pub(crate) task: TaskId,
    /// Whether it is an earlier submission's, by its key.
    pub(crate) existing: bool,
}

/// A page of a listing.
pub(crate) struct TaskPage {
    pub(crate) tasks: Vec<TaskInfo>,
    /// Where the next one starts.
    pub(crate) next: Option<String>,
}

/// Which tasks are watched.
#[derive(Clone)]
pub(crate) enum Watched {
    Tasks(Vec<TaskId>),
    Function(FunctionName),
    All,
}

/// Tasks that are watched.
pub(crate) struct Watching<'a> {
    client: &'a Client,
    changes: Streaming<v1::WatchTasksResponse>,
}

/// A task, and how it ended where it has.
pub(crate) struct Ended {
    pub(crate) task: TaskInfo,
    pub(crate) result: Option<TaskResult>,
}

/// A task, and the last decision about where it runs.
pub(crate) struct Explained {
    pub(crate) task: TaskInfo,
    pub(crate) decision: Option<Decision>,
}

impl Client {
    /// Submits all of them or none.
    pub(crate) async fn submit(&self, tasks: Vec<NewTask>) -> Answer<Vec<Submitted>> {
        let tasks = tasks.into_iter().map(NewTask::into_spec).collect();
        let response = self.tasks().submit_tasks(v1::SubmitTasksRequest { tasks }).await;
        self.answered(response)?.tasks.into_iter().map(submitted).collect()
    }

    pub(crate) async fn task(&self, task: TaskId) -> Answer<TaskInfo> {
        let response = self.tasks().get_task(v1::GetTaskRequest { task: task.to_string() }).await;
        info(self.answered(response)?.task)
    }

    /// The same, and how it is tried.
    pub(crate) async fn task_and_options(&self, task: TaskId) -> Answer<(TaskInfo, TaskOptions, Option<Ran>)> {
        let response = self.tasks().get_task(v1::GetTaskRequest { task: task.to_string() }).await;
        let v1::GetTaskResponse { task, options, ran } = self.answered(response)?;
        let options = TaskOptions::decode(required(options, "options")?)?;
        Ok((info(task)?, options, ran.map(Ran::decode).transpose()?))
    }

    /// Newest first.
    pub(crate) async fn list_tasks(
        &self,
        function: Option<&FunctionName>,
        states: Vec<String>,
        limit: u32,
        after: Option<String>,
    ) -> Answer<TaskPage> {
        let function = function.map(ToString::to_string);
        let response =
            self.tasks().list_tasks(v1::ListTasksRequest { function, states, limit: Some(limit), after }).await;
        let v1::ListTasksResponse { tasks, next } = self.answered(response)?;
        Ok(TaskPage { tasks: tasks.into_iter().map(TaskInfo::decode).collect::<Result<_, _>>()?, next })
    }

    /// Where they are, and then each change.
    pub(crate) async fn watch(&self, of: Watched) -> Answer<Watching<'_>> {
        let of = match of {
            Watched::Tasks(tasks) => {
                let tasks = tasks.iter().map(ToString::to_string).collect();
                watch_tasks_request::Of::Tasks(watch_tasks_request::TaskIds { tasks })
            }
            Watched::Function(function) => watch_tasks_request::Of::Function(function.into()),
            Watched::All => watch_tasks_request::Of::All(watch_tasks_request::All {}),
        };
        let response = self.tasks().watch_tasks(v1::WatchTasksRequest { of: Some(of) }).await;
        Ok(Watching { client: self, changes: self.answered(response)? })
    }

    pub(crate) async fn cancel(&self, task: TaskId) -> Answer<TaskInfo> {
        let response = self.tasks().cancel_task(v1::CancelTaskRequest { task: task.to_string() }).await;
        info(self.answered(response)?.task)
    }

    /// How it ended; waits for that so long.
    pub(crate) async fn result(&self, task: TaskId, wait: Duration) -> Answer<Ended> {
        let request = v1::GetResultRequest { task: task.to_string(), wait: Some(wait.encode()) };
        let v1::GetResultResponse { task, outcome, usage, ran } =
            self.answered(self.tasks().get_result(request).await)?;
        let result = |outcome| -> Answer<TaskResult> {
            let usage = usage.map(Usage::decode).transpose()?.unwrap_or_default();
            Ok(TaskResult { outcome: Outcome::decode(outcome)?, usage, ran: ran.map(Ran::decode).transpose()? })
        };
        Ok(Ended { task: info(task)?, result: outcome.map(result).transpose()? })
    }

    pub(crate) async fn explain(&self, task: TaskId) -> Answer<Explained> {
        let response = self.tasks().explain_task(v1::ExplainTaskRequest { task: task.to_string() }).await;
        let v1::ExplainTaskResponse { task, decision } = self.answered(response)?;
        Ok(Explained { task: info(task)?, decision: decision.map(decision::decode).transpose()? })
    }

    pub(super) fn tasks(&self) -> TaskServiceClient<Channel> {
        let client = TaskServiceClient::new(self.channel.clone());
        client.max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE)
    }
}

impl NewTask {
    pub(super) fn into_spec(self) -> v1::TaskSpec {
        let Self { function, version, call, options } = self;
        v1::TaskSpec { function: function.into(), version, call: Some(call.encode()), options: Some(options.encode()) }
    }

    pub(super) fn from_spec(spec: v1::TaskSpec) -> Answer<Self> {
        let v1::TaskSpec { function, version, call, options } = spec;
        Ok(Self {
            function: function.try_into()?,
            version,
            call: Call::decode(required(call, "call")?)?,
            options: TaskOptions::decode(required(options, "options")?)?,
        })
    }
}

impl Watching<'_> {
    /// What changes next; nothing once all of them have ended.
    pub(crate) async fn next(&mut self) -> Answer<Option<TaskInfo>> {
        let response = self.changes.message().await.map_err(|status| self.client.refused(status))?;
        response.map(|v1::WatchTasksResponse { task }| info(task)).transpose()
    }
}

fn info(task: Option<v1::Task>) -> Answer<TaskInfo> {
    TaskInfo::decode(required(task, "task")?)
}

fn submitted(message: v1::Submitted) -> Result<Submitted, Refusal> {
    let v1::Submitted { task, existing } = message;
    Ok(Submitted { task: task.parse()?, existing })
}
