//! The one place that builds a gRPC status, and its way back.

use std::{collections::HashMap, error::Error as _};

use spear_types::{Code, Refusal};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Whose error details these are, as `google.rpc.ErrorInfo` wants it.
const DOMAIN: &str = "spear";
const HELP: &str = "help";
const VERSION: &str = "version";

// A status travels in headers, of which a client takes 16 KiB in all: what is longer would arrive as a broken connection.
const MAX_MESSAGE: usize = 3 << 10;
const MAX_HELP: usize = 2 << 10;

/// The status of a refusal: its name travels as `ErrorInfo.reason`, its help and version as metadata.
#[must_use]
pub fn to_status(refusal: Refusal) -> tonic::Status {
    let Refusal { code, message, help, version } = refusal;
    let message = cut(message, MAX_MESSAGE);
    let help = help.map(|help| (HELP.to_owned(), cut(help, MAX_HELP)));
    let version = version.map(|version| (VERSION.to_owned(), version.to_string()));
    let metadata: HashMap<String, String> = help.into_iter().chain(version).collect();
    let details = ErrorDetails::with_error_info(code.to_string(), DOMAIN, metadata);
    tonic::Status::with_error_details(grpc_code(code), message, details)
}

/// The refusal behind a status, on the client's side.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
pub fn from_status(status: tonic::Status) -> Refusal {
    let info = status.get_details_error_info().filter(|info| info.domain == DOMAIN);
    let named = info.as_ref().and_then(|info| Code::from_name(&info.reason));
    let foreign = || if broke_off(&status) { Code::Unreachable } else { foreign_code(status.code()) };
    let code = named.unwrap_or_else(foreign);
    let mut metadata = info.map(|info| info.metadata).unwrap_or_default();
    let version = metadata.remove(VERSION).and_then(|version| version.parse().ok());
    Refusal { code, message: status.message().to_owned(), help: metadata.remove(HELP), version }
}

fn grpc_code(code: Code) -> tonic::Code {
    match code {
        Code::InvalidRequest
        | Code::InvalidName
        | Code::InvalidManifest
        | Code::DigestMismatch
        | Code::TooLarge
        | Code::NotANumber => tonic::Code::InvalidArgument,
        Code::InvalidComponent
        | Code::NotGranted
        | Code::LimitTooHigh
        | Code::ConditionFailed
        | Code::ObjectInUse
        | Code::CallCycle
        | Code::CallTooDeep
        | Code::TaskEnded
        | Code::StaleAttempt => tonic::Code::FailedPrecondition,
        Code::UnknownFunction
        | Code::UnknownVersion
        | Code::UnknownArtifact
        | Code::UnknownBucket
        | Code::UnknownObject
        | Code::UnknownNode
        | Code::UnknownSecret
        | Code::UnknownValue
        | Code::UnknownExport
        | Code::UnknownTask
        | Code::UnknownSchedule => tonic::Code::NotFound,
        Code::NameTaken | Code::KeyTaken => tonic::Code::AlreadyExists,
        Code::DeployInProgress => tonic::Code::Aborted,
        Code::QueueFull | Code::StorageFull => tonic::Code::ResourceExhausted,
        Code::NoNodeFits | Code::NodeLost | Code::Draining | Code::Unreachable => tonic::Code::Unavailable,
        Code::Internal => tonic::Code::Internal,
        Code::MessageTooLarge => tonic::Code::OutOfRange,
        Code::WrongToken => tonic::Code::Unauthenticated,
    }
}

/// Whether the connection broke under the call, or the answer did not come in time: then this side's tonic built the
/// status from an error, under whatever code. What came over the wire has no source.
fn broke_off(status: &tonic::Status) -> bool {
    status.source().is_some() && status.code() != tonic::Code::OutOfRange
}

fn cut(mut text: String, max: usize) -> String {
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max));
        text.push('…');
    }
    text
}

/// What a status means that another layer built: tonic itself, a proxy, a server that is none of ours.
fn foreign_code(code: tonic::Code) -> Code {
    match code {
        tonic::Code::Unavailable => Code::Unreachable,
        tonic::Code::OutOfRange | tonic::Code::ResourceExhausted => Code::TooLarge,
        tonic::Code::InvalidArgument | tonic::Code::Unimplemented => Code::InvalidRequest,
        tonic::Code::Ok
        | tonic::Code::Cancelled
        | tonic::Code::Unknown
        | tonic::Code::DeadlineExceeded
        | tonic::Code::NotFound
        | tonic::Code::AlreadyExists
        | tonic::Code::PermissionDenied
        | tonic::Code::FailedPrecondition
        | tonic::Code::Aborted
        | tonic::Code::Internal
        | tonic::Code::DataLoss
        | tonic::Code::Unauthenticated => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_survives_its_status() {
        for code in Code::ALL {
            let refusal = Refusal::new(code, "what was wrong").help("what to do");
            assert_eq!(from_status(to_status(refusal.clone())), refusal);
            let versioned = Refusal { version: Some(u64::MAX), ..refusal };
            assert_eq!(from_status(to_status(versioned.clone())), versioned);
        }
    }

    #[test]
    fn a_long_refusal_fits_into_the_headers_of_a_status() {
        let status = to_status(Refusal::new(Code::Internal, "ä".repeat(100_000)).help("ö".repeat(100_000)));
        let mut headers = tonic::codegen::http::HeaderMap::new();
        status.add_header(&mut headers).unwrap();
        let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
        assert!(size < 16 << 10, "{size}");
    }

    #[test]
    fn a_status_of_another_layer_gets_a_code_of_ours() {
        assert_eq!(from_status(tonic::Status::unavailable("gone")).code, Code::Unreachable);
        assert_eq!(from_status(tonic::Status::unknown("?")).code, Code::Internal);
    }
}
