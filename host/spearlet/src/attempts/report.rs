//! What a node says of an attempt.

use spear_proto::v1::{self, report::Kind};
use spear_types::{AttemptId, LogLine, Refusal, TaskResult};
use spear_wire::Encode;

pub(crate) fn started(attempt: AttemptId) -> v1::Report {
    report(attempt, Kind::Started(v1::report::Started {}))
}

/// The first line has the number `first`.
pub(crate) fn logged(attempt: AttemptId, first: u64, lines: Vec<LogLine>) -> v1::Report {
    let lines = lines.into_iter().map(|line| line.encode()).collect();
    report(attempt, Kind::Log(v1::LogLines { first, lines }))
}

pub(crate) fn ended(attempt: AttemptId, result: TaskResult, log_dropped: u64) -> v1::Report {
    let TaskResult { outcome, usage, ran } = result;
    let (outcome, usage, ran) = (Some(outcome.encode()), Some(usage.encode()), ran.map(Encode::encode));
    report(attempt, Kind::Ended(v1::AttemptEnded { outcome, usage, log_dropped, ran }))
}

/// The function did not run.
pub(crate) fn returned(attempt: AttemptId, refusal: Refusal) -> v1::Report {
    let Refusal { code, message, help: _, version: _ } = refusal;
    report(attempt, Kind::Returned(v1::Returned { code: code.to_string(), message }))
}

fn report(attempt: AttemptId, kind: Kind) -> v1::Report {
    v1::Report { attempt: Some(attempt.encode()), kind: Some(kind) }
}
