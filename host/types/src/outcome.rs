//! How a run ended and what it cost.

use std::{fmt, time::Duration};

use bytes::Bytes;
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use crate::{Code, Denial, NodeName, Payload};

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The function answered.
    Succeeded(Payload),
    /// The function said that it failed.
    Failed(Failure),
    /// The guest broke off.
    Trapped(Trap),
    /// The fuel was used up.
    OutOfFuel {
        /// The limit.
        limit: u64,
    },
    /// The guest needed more memory than its limit.
    OutOfMemory {
        /// The limit in bytes.
        limit: u64,
        /// What it asked for, in bytes.
        asked: u64,
    },
    /// The deadline passed.
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// The function asked for what it was not granted, and gave up over it.
    Denied(Denial),
    /// Somebody cancelled the task.
    Cancelled,
    /// The node was lost while it had the task; whether the function ran is not known.
    NodeLost {
        /// The node.
        node: NodeName,
        /// Why it was given up.
        reason: String,
    },
    /// SPEAR did not run it: its function was removed, or no node can run it. The function did not start.
    Refused {
        /// The refusal's code.
        code: Code,
        /// Its message.
        message: String,
    },
}

/// An outcome without what it carries: what is decided, counted and filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// See [`Outcome::Succeeded`].
    Succeeded,
    /// See [`Outcome::Failed`].
    Failed,
    /// See [`Outcome::Trapped`].
    Trapped,
    /// See [`Outcome::OutOfFuel`].
    OutOfFuel,
    /// See [`Outcome::OutOfMemory`].
    OutOfMemory,
    /// See [`Outcome::TimedOut`].
    TimedOut,
    /// See [`Outcome::Denied`].
    Denied,
    /// See [`Outcome::Cancelled`].
    Cancelled,
    /// See [`Outcome::NodeLost`].
    NodeLost,
    /// See [`Outcome::Refused`].
    Refused,
}

/// The function's own failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A short name for programs.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// How a command ended.
    pub exit: Option<Exit>,
}

/// The end of a command that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Its exit code, not 0.
    pub code: u8,
    /// What it had written to standard output.
    pub stdout: Bytes,
}

/// A panic, an unreachable instruction, an access out of bounds, …
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trap {
    /// The panic's message where the guest printed one, else the kind of trap.
    pub message: String,
    /// The guest's frames, innermost first.
    pub frames: Vec<Frame>,
}

/// One of the guest's functions on the stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Its demangled name, or its index.
    pub function: String,
    /// The source file, where the component has debug information.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
}

/// What a run cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// From the start of the run to its end.
    pub wall: Duration,
    /// The time that its thread spent on it.
    pub cpu: Duration,
    /// Fuel, where the run was metered.
    pub fuel: Option<u64>,
    /// Linear memory at its peak, in bytes.
    pub peak_memory: u64,
    /// Calls of `spear:hostcalls` by the guest; the standard interfaces are not counted.
    pub hostcalls: u64,
    /// Bytes given to the guest: the call and what hostcalls answered.
    pub bytes_in: u64,
    /// Bytes taken from the guest: the reply and what hostcalls were given.
    pub bytes_out: u64,
}

impl Outcome {
    /// Bytes of the answer, a failed command's too.
    #[must_use]
    pub fn answered(&self) -> u64 {
        match self {
            Self::Succeeded(reply) => reply.size(),
            Self::Failed(failure) => failure.exit.as_ref().map_or(0, |exit| exit.stdout.len() as u64),
            _ => 0,
        }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Succeeded(_) => OutcomeKind::Succeeded,
            Self::Failed(_) => OutcomeKind::Failed,
            Self::Trapped(_) => OutcomeKind::Trapped,
            Self::OutOfFuel { .. } => OutcomeKind::OutOfFuel,
            Self::OutOfMemory { .. } => OutcomeKind::OutOfMemory,
            Self::TimedOut { .. } => OutcomeKind::TimedOut,
            Self::Denied(_) => OutcomeKind::Denied,
            Self::Cancelled => OutcomeKind::Cancelled,
            Self::NodeLost { .. } => OutcomeKind::NodeLost,
            Self::Refused { .. } => OutcomeKind::Refused,
        }
    }

    /// The outcome's name: `succeeded`, `timed-out`, ….
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }
}

impl OutcomeKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Succeeded,
        Self::Failed,
        Self::Trapped,
        Self::OutOfFuel,
        Self::OutOfMemory,
        Self::TimedOut,
        Self::Denied,
        Self::Cancelled,
        Self::NodeLost,
        Self::Refused,
    ];

    /// The name: `succeeded`, `timed-out`, ….
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Trapped => "trapped",
            Self::OutOfFuel => "out-of-fuel",
            Self::OutOfMemory => "out-of-memory",
            Self::TimedOut => "timed-out",
            Self::Denied => "denied",
            Self::Cancelled => "cancelled",
            Self::NodeLost => "node-lost",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name())?;
        match self {
            Self::Succeeded(_) => Ok(()),
            Self::Failed(Failure { code, message, .. }) => write!(f, ": {code}: {message}"),
            Self::Trapped(trap) => write!(f, ": {trap}"),
            Self::OutOfFuel { limit } => write!(f, ": the limit of {limit} fuel was used up"),
            Self::OutOfMemory { limit, asked } => {
                write!(f, ": {} were needed, the limit is {}", iec(*asked), iec(*limit))
            }
            Self::TimedOut { limit } => write!(f, ": the limit is {}", humantime::format_duration(*limit)),
            Self::Denied(denial) => write!(f, ": {denial}"),
            Self::Cancelled => Ok(()),
            Self::NodeLost { node, reason } => write!(f, ": the node {node}: {reason}"),
            Self::Refused { code, message } => write!(f, ": {code}: {message}"),
        }
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.frames.iter().try_for_each(|frame| write!(f, "\n  at {frame}"))
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function)?;
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, " ({file}:{line})"),
            (Some(file), None) => write!(f, " ({file})"),
            (None, _) => Ok(()),
        }
    }
}

fn iec(bytes: u64) -> impl fmt::Display {
    ByteSize(bytes).display().iec()
}
