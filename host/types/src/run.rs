//! One run: what goes in and who runs.

use std::{fmt, str::FromStr};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Code, FunctionName, Limits, NodeName, Refusal};

/// A call's or a reply's content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The media type of the body.
    pub content_type: Option<String>,
    /// Name and value pairs, in order; a name may repeat.
    pub headers: Vec<(String, String)>,
    /// The bytes.
    pub body: Bytes,
}

/// What a client sends to a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// To the function's main export: a handler, an HTTP handler, or a command whose standard input is the body.
    Payload(Payload),
    /// To a command, with arguments.
    Command {
        /// The arguments, without the program's name.
        args: Vec<String>,
        /// Standard input.
        stdin: Bytes,
    },
    /// To an exported function: its name and its arguments in WAVE, as in `add(1, 2)`.
    Typed(String),
}

/// A task's id: a version 7 UUID, so ids sort by the time they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(Uuid);

/// Who runs, as a guest may know it.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The task.
    pub task: TaskId,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The function.
    pub function: FunctionName,
    /// Its version.
    pub version: u32,
    /// The node.
    pub node: NodeName,
    /// W3C trace context of the caller.
    pub trace_parent: Option<String>,
    /// The functions that wait for this run, outermost first: each invoked the next.
    pub callers: Vec<FunctionName>,
}

impl Payload {
    /// The most headers a call or a reply may have; their bytes count against the payload limit.
    pub const MAX_HEADERS: usize = 1_000;

    /// Bytes of the body, headers and content type together: what a payload limit counts.
    #[must_use]
    pub fn size(&self) -> u64 {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let content_type = self.content_type.as_ref().map_or(0, String::len);
        (self.body.len() + headers + content_type) as u64
    }
}

impl Call {
    /// The most arguments of a command; their bytes count against the payload limit.
    pub const MAX_ARGS: usize = 1_000;

    /// Bytes of all of it: what a payload limit counts.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Payload(payload) => payload.size(),
            Self::Command { args, stdin } => (stdin.len() + args.iter().map(String::len).sum::<usize>()) as u64,
            Self::Typed(text) => text.len() as u64,
        }
    }

    /// Whether a function with these limits takes it.
    ///
    /// # Errors
    /// `TooLarge` with both sizes.
    pub fn within(&self, limits: &Limits) -> Result<(), Refusal> {
        let (size, limit) = (self.size(), limits.payload);
        if size <= limit {
            return Ok(());
        }
        Err(Refusal::new(
            Code::TooLarge,
            format!("the call has {size} bytes, the function's limit `payload` is {limit}"),
        )
        .help("raise it under [limits] in spear.toml, or pass an object's key instead"))
    }
}

impl From<Payload> for Call {
    fn from(payload: Payload) -> Self {
        Self::Payload(payload)
    }
}

impl TaskId {
    /// A new id; reads the clock and the system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id of no task.
    pub const NONE: Self = Self(Uuid::nil());

    /// The id as bytes; they sort as ids do.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    /// The id of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for TaskId {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let shown: String = text.chars().take(64).collect();
        let invalid = |_| Refusal::new(Code::InvalidRequest, format!("{shown:?} is not a task id: a UUID is needed"));
        text.parse().map(Self).map_err(invalid)
    }
}
