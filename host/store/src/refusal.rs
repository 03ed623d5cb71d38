//! The store's errors as the one closed list of refusals.

use spear_types::{Code, FunctionName, Refusal};

use crate::Error;

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let refusal = Self::new(code(&error), error.to_string());
        match help(&error) {
            Some(help) => refusal.help(help),
            None => refusal,
        }
    }
}

fn code(error: &Error) -> Code {
    match error {
        Error::Full => Code::StorageFull,
        Error::TooLarge { .. } => Code::TooLarge,
        Error::UnknownFunction { .. } => Code::UnknownFunction,
        Error::UnknownVersion { .. } => Code::UnknownVersion,
        Error::UnknownBucket { .. } => Code::UnknownBucket,
        Error::UnknownObject { .. } => Code::UnknownObject,
        Error::UnknownBlob { .. } => Code::UnknownArtifact,
        Error::InUse { .. } | Error::Corrupted(_) | Error::Io(_) | Error::Database(_) => Code::Internal,
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
        Error::InUse { .. } => Some("stop the other process, or choose another directory".into()),
        Error::TooLarge { .. }
        | Error::UnknownBlob { .. }
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
