//! `TaskService`.

mod explain;
mod list;
mod result;
mod submit;
mod watch;

use futures::stream::BoxStream;
use spear_proto::v1::{self, task_service_server::TaskService};
use spear_state::{Answer, Command};
use spear_types::{Code, Refusal, TaskId, TaskInfo};
use spear_wire::{Encode as _, to_status};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::schedules;
use crate::{
    disk::Disk,
    functions::Functions,
    scheduler::{Scheduler, Watches},
};

/// The largest message: a whole batch of small calls, whatever one payload may be.
pub(super) const MAX_BATCH_MESSAGE: usize = 64 << 20;

pub(super) struct Tasks {
    pub(super) functions: Functions,
    pub(super) view: View,
}

/// Where tasks are looked at: in the state while they live, on the disk once they have ended.
pub(crate) struct View {
    pub(crate) scheduler: Scheduler,
    pub(crate) watches: Watches,
    pub(crate) disk: Disk,
    pub(crate) stop: CancellationToken,
}

#[tonic::async_trait]
impl TaskService for Tasks {
    type WatchTasksStream = BoxStream<'static, Result<v1::WatchTasksResponse, Status>>;

    async fn submit_tasks(
        &self,
        request: Request<v1::SubmitTasksRequest>,
    ) -> Result<Response<v1::SubmitTasksResponse>, Status> {
        submit::submit(self, request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn get_task(&self, request: Request<v1::GetTaskRequest>) -> Result<Response<v1::GetTaskResponse>, Status> {
        self.view.get(&request.into_inner().task).await.map(Response::new).map_err(to_status)
    }

    async fn list_tasks(
        &self,
        request: Request<v1::ListTasksRequest>,
    ) -> Result<Response<v1::ListTasksResponse>, Status> {
        list::list(&self.view, request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn watch_tasks(
        &self,
        request: Request<v1::WatchTasksRequest>,
    ) -> Result<Response<Self::WatchTasksStream>, Status> {
        watch::watch(&self.view, request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn cancel_task(
        &self,
        request: Request<v1::CancelTaskRequest>,
    ) -> Result<Response<v1::CancelTaskResponse>, Status> {
        let task = self.view.cancel(&request.into_inner().task).await.map_err(to_status)?;
        Ok(Response::new(v1::CancelTaskResponse { task: Some(task.encode()) }))
    }

    async fn get_result(
        &self,
        request: Request<v1::GetResultRequest>,
    ) -> Result<Response<v1::GetResultResponse>, Status> {
        result::result(&self.view, request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn explain_task(
        &self,
        request: Request<v1::ExplainTaskRequest>,
    ) -> Result<Response<v1::ExplainTaskResponse>, Status> {
        explain::explain(&self.view, &request.into_inner().task).await.map(Response::new).map_err(to_status)
    }

    async fn create_schedule(
        &self,
        request: Request<v1::CreateScheduleRequest>,
    ) -> Result<Response<v1::CreateScheduleResponse>, Status> {
        let schedule = schedules::create(self, request.into_inner()).await.map_err(to_status)?;
        Ok(Response::new(v1::CreateScheduleResponse { schedule: Some(schedule.encode()) }))
    }

    async fn list_schedules(
        &self,
        _: Request<v1::ListSchedulesRequest>,
    ) -> Result<Response<v1::ListSchedulesResponse>, Status> {
        let schedules = schedules::list(&self.view).await.map_err(to_status)?;
        let schedules = schedules.into_iter().map(spear_wire::Encode::encode).collect();
        Ok(Response::new(v1::ListSchedulesResponse { schedules }))
    }

    async fn get_schedule(
        &self,
        request: Request<v1::GetScheduleRequest>,
    ) -> Result<Response<v1::GetScheduleResponse>, Status> {
        schedules::get(&self.view, request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn delete_schedule(
        &self,
        request: Request<v1::DeleteScheduleRequest>,
    ) -> Result<Response<v1::DeleteScheduleResponse>, Status> {
        schedules::delete(&self.view, request.into_inner()).await.map_err(to_status)?;
        Ok(Response::new(v1::DeleteScheduleResponse {}))
    }
}

impl View {
    /// A task, wherever it is, and how it is tried.
    async fn get(&self, task: &str) -> Result<v1::GetTaskResponse, Refusal> {
        let task: TaskId = task.parse()?;
        let (task, options, ran) = match self.scheduler.look(|state| state.task(task).zip(state.options(task))).await? {
            Some((task, options)) => (task, options, None),
            // Whatever is not there any more has ended, and its end is on the disk.
            None => {
                let ended = self.disk.ended(task).await?;
                (ended.info(), ended.record.options(), ended.end.result.ran)
            }
        };
        let (task, options) = (Some(task.encode()), Some(options.encode()));
        Ok(v1::GetTaskResponse { task, options, ran: ran.map(spear_wire::Encode::encode) })
    }

    async fn cancel(&self, task: &str) -> Result<TaskInfo, Refusal> {
        let task: TaskId = task.parse()?;
        match self.scheduler.apply(Command::Cancel(task)).await {
            Ok(Answer::Task(info)) => Ok(info),
            Ok(_) => Err(Refusal::new(Code::Internal, "a cancel was answered with something else")),
            Err(refusal) if refusal.code == Code::UnknownTask => {
                let state = self.disk.ended(task).await?.info().state;
                let message = format!("the task {task} has ended already, as {}", state.name());
                Err(Refusal::new(Code::TaskEnded, message))
            }
            Err(refusal) => Err(refusal),
        }
    }
}
