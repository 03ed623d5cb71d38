//! Why something was not accepted: one closed list of codes for all of SPEAR.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a refusal. `Display` and [`Code::from_name`] use the variant's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Code {
    /// The message itself is malformed.
    InvalidRequest,
    /// A name or a key is malformed.
    InvalidName,
    /// `spear.toml` is malformed.
    InvalidManifest,
    /// The artifact is not a WebAssembly component that can run here.
    InvalidComponent,
    /// The component needs what its manifest does not grant.
    NotGranted,
    /// A limit is over what the operator allows, or over what the node can enforce.
    LimitTooHigh,
    /// The bytes have another digest than was said.
    DigestMismatch,
    /// The artifact, payload or object is over its limit.
    TooLarge,
    /// No function of this name.
    UnknownFunction,
    /// The function has no such version.
    UnknownVersion,
    /// No artifact of this digest.
    UnknownArtifact,
    /// Nothing was ever put into a bucket of this name.
    UnknownBucket,
    /// The bucket has no object under this key.
    UnknownObject,
    /// No node of this name.
    UnknownNode,
    /// No task of this id is kept, or no log of it.
    UnknownTask,
    /// No schedule of this name.
    UnknownSchedule,
    /// The task has ended already.
    TaskEnded,
    /// The idempotency key belongs to a task with another call.
    KeyTaken,
    /// The report is of an attempt that the task is not in any more.
    StaleAttempt,
    /// The object or the value is another one than was expected.
    ConditionFailed,
    /// The object is pinned or referenced.
    ObjectInUse,
    /// The value is not the text of a 64-bit number, or would leave its range.
    NotANumber,
    /// The operator gave the node no secret of this name.
    UnknownSecret,
    /// The store has no value under this key.
    UnknownValue,
    /// The component exports no function of this name.
    UnknownExport,
    /// A function would invoke one that waits for it.
    CallCycle,
    /// Functions invoke functions deeper than the operator allows.
    CallTooDeep,
    /// Another deploy of the same function is under way.
    DeployInProgress,
    /// A live node, or a schedule, has this name already.
    NameTaken,
    /// No node is live, or none could ever run it.
    NoNodeFits,
    /// No node has room for a call, or the queue of tasks is full.
    QueueFull,
    /// The node was lost while it ran the call.
    NodeLost,
    /// The program is stopping and takes nothing new.
    Draining,
    /// The disk is full.
    StorageFull,
    /// The other side cannot be reached.
    Unreachable,
    /// A fault of SPEAR itself; the log of the program has more.
    Internal,
    /// The message of a hostcall is over its limit.
    MessageTooLarge,
    /// A hostcall came without the token of an attempt that runs.
    WrongToken,
}

/// Something was not accepted, and nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The name, for programs.
    pub code: Code,
    /// What was wrong, with the value and the limit, for people.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The version that the object or the value has, for [`Code::ConditionFailed`]; none where there is nothing.
    pub version: Option<u64>,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 38] = [
        Self::InvalidRequest,
        Self::InvalidName,
        Self::InvalidManifest,
        Self::InvalidComponent,
        Self::NotGranted,
        Self::LimitTooHigh,
        Self::DigestMismatch,
        Self::TooLarge,
        Self::UnknownFunction,
        Self::UnknownVersion,
        Self::UnknownArtifact,
        Self::UnknownBucket,
        Self::UnknownObject,
        Self::UnknownNode,
        Self::UnknownTask,
        Self::UnknownSchedule,
        Self::TaskEnded,
        Self::KeyTaken,
        Self::StaleAttempt,
        Self::ConditionFailed,
        Self::ObjectInUse,
        Self::NotANumber,
        Self::UnknownSecret,
        Self::UnknownValue,
        Self::UnknownExport,
        Self::CallCycle,
        Self::CallTooDeep,
        Self::DeployInProgress,
        Self::NameTaken,
        Self::NoNodeFits,
        Self::QueueFull,
        Self::NodeLost,
        Self::Draining,
        Self::StorageFull,
        Self::Unreachable,
        Self::Internal,
        Self::MessageTooLarge,
        Self::WrongToken,
    ];

    /// The code of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.to_string() == name)
    }
}

impl Refusal {
    /// A refusal without help.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None, version: None }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        self.help.iter().try_for_each(|help| write!(f, "\n{help}"))
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_name() {
        for code in Code::ALL {
            assert_eq!(Code::from_name(&code.to_string()), Some(code));
        }
        assert_eq!(Code::from_name("NoSuchCode"), None);
    }
}
