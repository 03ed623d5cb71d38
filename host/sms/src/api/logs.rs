//! `LogService`.

use futures::{FutureExt as _, Stream, StreamExt as _, stream::BoxStream};
use spear_proto::v1::{self, log_service_server::LogService, read_logs_request::Of};
use spear_state::Journal;
use spear_types::{Code, Refusal, TaskId};
use spear_wire::{required, to_status};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::{
    disk::{Disk, unknown},
    logs::{Cursor, Followed, Logs, TaskLog},
    scheduler::{Scheduler, Watches},
};

pub(super) struct LogsApi {
    pub(super) logs: Logs,
    pub(super) scheduler: Scheduler,
    pub(super) watches: Watches,
    pub(super) disk: Disk,
    pub(super) stop: CancellationToken,
}

#[tonic::async_trait]
impl LogService for LogsApi {
    type FollowLogsStream = BoxStream<'static, Result<v1::FollowLogsResponse, Status>>;

    async fn read_logs(&self, request: Request<v1::ReadLogsRequest>) -> Result<Response<v1::ReadLogsResponse>, Status> {
        self.read(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn follow_logs(
        &self,
        request: Request<v1::FollowLogsRequest>,
    ) -> Result<Response<Self::FollowLogsStream>, Status> {
        let log = self.follow(request.into_inner()).await.map_err(to_status)?;
        let messages = log.map(|followed| followed.map(followed_message).map_err(to_status));
        Ok(Response::new(messages.boxed()))
    }
}

impl LogsApi {
    async fn read(&self, request: v1::ReadLogsRequest) -> Result<v1::ReadLogsResponse, Refusal> {
        let v1::ReadLogsRequest { of, last } = request;
        let last = last.map_or(usize::MAX, |last| last as usize);
        let logs = match required(of, "of")? {
            Of::Task(task) => self.of_task(task.parse()?, last).await?,
            Of::Function(function) => {
                let function = function.try_into()?;
                // As below. A disk that takes nothing more is read all the same.
                let _ = self.scheduler.look(|_| ()).await;
                self.logs.of_function(function, last).await?
            }
        };
        Ok(v1::ReadLogsResponse { logs: logs.into_iter().map(log_message).collect() })
    }

    async fn of_task(&self, task: TaskId, last: usize) -> Result<Vec<TaskLog>, Refusal> {
        // What was written by now is remembered when this answers.
        let lives = self.lives(task).await;
        let logs = self.logs.of_task(task, last).await?;
        if logs.is_empty() && !lives? {
            self.is_known(task).await?;
        }
        Ok(logs)
    }

    async fn follow(
        &self,
        request: v1::FollowLogsRequest,
    ) -> Result<impl Stream<Item = Result<Followed, Refusal>> + use<>, Refusal> {
        let v1::FollowLogsRequest { task, after } = request;
        let task: TaskId = task.parse()?;
        let v1::LogCursor { attempt, sequence } = after.unwrap_or_default();
        // Both listen before anybody looks, so that nothing is missed in between.
        let follower = self.logs.follow(task, Cursor { attempt, sequence });
        let mut end = self.watches.end(task);
        let lives = self.lives(task).await?;
        if !lives {
            self.is_known(task).await?;
        }
        let ended = async move {
            if lives {
                end.reached().await;
            }
        };
        Ok(until_stopped(follower.until(ended), self.stop.clone()))
    }

    /// Whether the task has not ended.
    async fn lives(&self, task: TaskId) -> Result<bool, Refusal> {
        self.scheduler.look(|state| state.task(task).is_some()).await
    }

    /// A task that has ended, or a call, is known by its end or by its lines.
    async fn is_known(&self, task: TaskId) -> Result<(), Refusal> {
        let known = move |journal: &dyn Journal| {
            Ok(!journal.lines(task, (0, 0), 1)?.is_empty() || journal.ended(task)?.is_some())
        };
        if self.logs.is_quiet(task) || self.disk.read(known).await? { Ok(()) } else { Err(unknown(task)) }
    }
}

/// A log whose end nobody waits for when the SMS stops: whoever follows goes on where it was once that is back.
fn until_stopped(
    log: impl Stream<Item = Result<Followed, Refusal>> + Send,
    stop: CancellationToken,
) -> impl Stream<Item = Result<Followed, Refusal>> + Send {
    let stopping = || Refusal::new(Code::Draining, "the SMS is stopping").help("follow again once it is back");
    let stopped = stop.clone();
    let last = futures::stream::once(async move { stopped.is_cancelled().then(|| Err(stopping())) });
    log.take_until(stop.cancelled_owned().boxed()).chain(last.filter_map(std::future::ready))
}

fn log_message(log: TaskLog) -> v1::TaskLog {
    let TaskLog { task, attempt, function, version, node, lines, dropped } = log;
    v1::TaskLog {
        task: task.to_string(),
        function: function.into(),
        version,
        node: node.into(),
        lines: lines.into_iter().map(spear_wire::Encode::encode).collect(),
        dropped,
        attempt,
    }
}

fn followed_message(followed: Followed) -> v1::FollowLogsResponse {
    let Followed { attempt, first, lines, dropped } = followed;
    let lines = lines.into_iter().map(spear_wire::Encode::encode).collect();
    v1::FollowLogsResponse { attempt, first, lines, dropped }
}
