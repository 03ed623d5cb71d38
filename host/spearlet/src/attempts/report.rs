//! What a node says of an attempt.

use spear_proto::v1::{self, report::Kind};
use spear_types::{AttemptId, LogLine, Outcome, Refusal, Usage};
use spear_wire::Encode as _;

pub(crate) fn started(attempt: AttemptId) -> v1::Report {
    report(attempt, Kind::Started(v1::report::Started {}))
}

/// The first line has the number `first`.
pub(crate) fn logged(attempt: AttemptId, first: u64, lines: Vec<LogLine>) -> v1::Report {
    let lines = lines.into_iter().map(|line| line.encode()).collect();
    report(attempt, Kind::Log(v1::LogLines { first, lines }))
}

pub(crate) fn ended(attempt: AttemptId, outcome: Outcome, usage: Usage, log_dropped: u64) -> v1::Report {
    let (outcome, usage) = (Some(outcome.encode()), Some(usage.encode()));
    report(attempt, Kind::Ended(v1::AttemptEnded { outcome, usage, log_dropped }))
}

/// The function did not run.
pub(crate) fn returned(attempt: AttemptId, refusal: Refusal) -> v1::Report {
    let Refusal { code, message, help: _, version: _ } = refusal;
    report(attempt, Kind::Returned(v1::Returned { code: code.to_string(), message }))
}

fn report(attempt: AttemptId, kind: Kind) -> v1::Report {
    v1::Report { attempt: Some(attempt.encode()), kind: Some(kind) }
}
