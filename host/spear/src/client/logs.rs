//! What tasks wrote.

use spear_proto::v1::{self, log_service_client::LogServiceClient, read_logs_request};
use spear_types::{FunctionName, LogLine, TaskId};
use spear_wire::Decode as _;
use tonic::{Streaming, transport::Channel};

use super::{Answer, Client, MAX_MESSAGE};

/// One task's log.
pub(crate) struct TaskLog {
    pub(crate) task: TaskId,
    pub(crate) function: FunctionName,
    pub(crate) version: u32,
    pub(crate) attempt: u32,
    pub(crate) lines: Vec<LogLine>,
    pub(crate) dropped: u64,
}

/// Whose logs.
pub(crate) enum LogsOf {
    Task(TaskId),
    Function(FunctionName),
}

/// One line's place: lines of an attempt are numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogCursor {
    pub(crate) attempt: u32,
    pub(crate) sequence: u64,
}

/// Some lines of one attempt, each with its number.
pub(crate) struct LogPiece {
    pub(crate) attempt: u32,
    pub(crate) lines: Vec<(u64, LogLine)>,
    /// Lines that the log limit dropped.
    pub(crate) dropped: u64,
}

/// A log that is followed.
pub(crate) struct Following<'a> {
    client: &'a Client,
    pieces: Streaming<v1::FollowLogsResponse>,
}

impl Client {
    pub(crate) async fn logs(&self, of: LogsOf, last: Option<u32>) -> Answer<Vec<TaskLog>> {
        let of = match of {
            LogsOf::Task(task) => read_logs_request::Of::Task(task.to_string()),
            LogsOf::Function(function) => read_logs_request::Of::Function(function.to_string()),
        };
        let response = self.log_service().read_logs(v1::ReadLogsRequest { of: Some(of), last }).await;
        self.answered(response)?.logs.into_iter().map(task_log).collect()
    }

    /// A task's lines after this one, those to come included.
    pub(crate) async fn follow_logs(&self, task: TaskId, after: Option<LogCursor>) -> Answer<Following<'_>> {
        let after = after.map(|LogCursor { attempt, sequence }| v1::LogCursor { attempt, sequence });
        let request = v1::FollowLogsRequest { task: task.to_string(), after };
        let response = self.log_service().follow_logs(request).await;
        Ok(Following { client: self, pieces: self.answered(response)? })
    }

    fn log_service(&self) -> LogServiceClient<Channel> {
        LogServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE)
    }
}

impl Following<'_> {
    /// What comes next; nothing once the task has ended.
    pub(crate) async fn next(&mut self) -> Answer<Option<LogPiece>> {
        let response = self.pieces.message().await.map_err(|status| self.client.refused(status))?;
        response.map(piece).transpose()
    }
}

fn piece(response: v1::FollowLogsResponse) -> Answer<LogPiece> {
    let v1::FollowLogsResponse { attempt, first, lines, dropped } = response;
    let numbered = |(number, line)| Ok((number, LogLine::decode(line)?));
    let lines = (first..).zip(lines).map(numbered).collect::<Answer<_>>()?;
    Ok(LogPiece { attempt, lines, dropped })
}

fn task_log(log: v1::TaskLog) -> Answer<TaskLog> {
    let v1::TaskLog { task, function, version, node: _, lines, dropped, attempt } = log;
    let lines = lines.into_iter().map(LogLine::decode).collect::<Result<_, _>>()?;
    Ok(TaskLog { task: task.parse()?, function: function.try_into()?, version, attempt, lines, dropped })
}
