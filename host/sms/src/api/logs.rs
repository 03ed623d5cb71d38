//! `LogService`.

use spear_proto::v1::{self, log_service_server::LogService, read_logs_request};
use spear_types::Refusal;
use spear_wire::{required, to_status};
use tonic::{Request, Response, Status};

use crate::logs::{Logs, Of, TaskLog};

pub(super) struct LogsApi {
    pub(super) logs: Logs,
}

#[tonic::async_trait]
impl LogService for LogsApi {
    type FollowLogsStream = futures::stream::BoxStream<'static, Result<v1::FollowLogsResponse, Status>>;

    async fn follow_logs(&self, _: Request<v1::FollowLogsRequest>) -> Result<Response<Self::FollowLogsStream>, Status> {
        Err(to_status(Refusal::new(spear_types::Code::Internal, "not yet")))
    }

    async fn read_logs(&self, request: Request<v1::ReadLogsRequest>) -> Result<Response<v1::ReadLogsResponse>, Status> {
        self.read(request.into_inner()).map(Response::new).map_err(to_status)
    }
}

impl LogsApi {
    fn read(&self, request: v1::ReadLogsRequest) -> Result<v1::ReadLogsResponse, Refusal> {
        let v1::ReadLogsRequest { of, last } = request;
        let of = match required(of, "of")? {
            read_logs_request::Of::Task(task) => Of::Task(task.parse()?),
            read_logs_request::Of::Function(function) => Of::Function(function.try_into()?),
        };
        let last = last.map_or(usize::MAX, |last| last as usize);
        Ok(v1::ReadLogsResponse { logs: self.logs.read(&of, last)?.into_iter().map(encode).collect() })
    }
}

fn encode(log: TaskLog) -> v1::TaskLog {
    let TaskLog { task, function, version, node, lines, dropped } = log;
    v1::TaskLog {
        task: task.to_string(),
        function: function.into(),
        version,
        node: node.into(),
        attempt: 1,
        lines: lines.into_iter().map(spear_wire::Encode::encode).collect(),
        dropped,
    }
}
