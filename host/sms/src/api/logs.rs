//! `LogService`.

use futures::stream::BoxStream;
use spear_proto::v1::{self, log_service_server::LogService};
use spear_types::{Code, Refusal};
use spear_wire::to_status;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::{logs::Logs, scheduler::Scheduler};

pub(super) struct LogsApi {
    pub(super) logs: Logs,
    pub(super) scheduler: Scheduler,
    pub(super) stop: CancellationToken,
}

#[tonic::async_trait]
impl LogService for LogsApi {
    type FollowLogsStream = BoxStream<'static, Result<v1::FollowLogsResponse, Status>>;

    async fn follow_logs(&self, _: Request<v1::FollowLogsRequest>) -> Result<Response<Self::FollowLogsStream>, Status> {
        Err(to_status(Refusal::new(Code::Internal, "not yet")))
    }

    async fn read_logs(&self, _: Request<v1::ReadLogsRequest>) -> Result<Response<v1::ReadLogsResponse>, Status> {
        Err(to_status(Refusal::new(Code::Internal, "not yet")))
    }
}
