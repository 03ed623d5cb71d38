//! The store's errors as the one closed list of refusals.

use spear_types::{Code, FunctionName, Refusal};

use crate::Error;

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let version = if let Error::ConditionFailed { version, .. } = error { version } else { None };
        Self { code: code(&error), message: error.to_string(), help: help(&error), version }
    }
}

fn code(error: &Error) -> Code {
    match error {
        Error::Full => Code::StorageFull,
        Error::TooLarge { .. }
        | Error::ValueTooLarge { .. }
        | Error::TooManyBytes { .. }
        | Error::TooManyOperations { .. } => Code::TooLarge,
        Error::UnknownFunction { .. } => Code::UnknownFunction,
        Error::UnknownVersion { .. } => Code::UnknownVersion,
        Error::UnknownBucket { .. } => Code::UnknownBucket,
        Error::UnknownObject { .. } => Code::UnknownObject,
        Error::ConditionFailed { .. } => Code::ConditionFailed,
        Error::ObjectInUse { .. } => Code::ObjectInUse,
        Error::NotANumber { .. } => Code::NotANumber,
        Error::UnknownBlob { .. } => Code::UnknownArtifact,
        Error::InUse { .. } | Error::Contradiction { .. } | Error::Corrupted(_) | Error::Io(_) | Error::Database(_) => {
            Code::Internal
        }
    }
}

fn help(error: &Error) -> Option<String> {
    match error {
        Error::Full => Some(
            "delete objects or functions that are no longer needed, or give the data directory a larger disk".into(),
        ),
        Error::UnknownFunction { known, .. } => Some(suggest(known)),
        Error::UnknownVersion { name, .. } => Some(format!("leave the version out to run the newest {name}")),
        Error::UnknownBucket { .. } => Some("a bucket comes to be when an object is first put into it".into()),
        Error::UnknownObject { bucket, .. } => Some(format!("`spear object ls {bucket}` lists what it has")),
        Error::ConditionFailed { .. } => Some("read it again, and decide by what is there now".into()),
        Error::ObjectInUse { .. } => Some("unpin it and remove its references first, or force the removal".into()),
        Error::ValueTooLarge { .. } => Some("keep what is larger as an object, and its key as the value".into()),
        Error::TooManyBytes { .. } | Error::TooManyOperations { .. } => Some("make it several calls".into()),
        Error::InUse { .. } => Some("stop the other process, or choose another directory".into()),
        Error::TooLarge { .. }
        | Error::NotANumber { .. }
        | Error::UnknownBlob { .. }
        | Error::Contradiction { .. }
        | Error::Corrupted(_)
        | Error::Io(_)
        | Error::Database(_) => None,
    }
}

fn suggest(known: &[FunctionName]) -> String {
    if known.is_empty() {
        return "no function is deployed yet; `spear deploy` deploys one".into();
    }
    let names: Vec<&str> = known.iter().map(FunctionName::as_str).collect();
    format!("deployed functions: {}", names.join(", "))
}
