use std::fmt;

use serde::{Deserialize, Serialize};

use super::Error;
use crate::{Failure, FromReply, Reply, host::tasks as wire};

/// A task's id: a text that is kept or passed on, and asked about later.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(String);

/// Where a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It waits for a node, or for its next attempt.
    Queued,
    /// A node has it or runs it.
    Running,
    /// It succeeded.
    Succeeded(Reply),
    /// It answered that it failed, and is not tried again.
    Failed(Failure),
    /// It was ended: it trapped, ran out of time, fuel or memory, was denied something or was cancelled. The text starts
    /// with the name of the outcome.
    Ended(String),
}

impl TaskId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for TaskId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl From<&str> for TaskId {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Status {
    /// Whether nothing will happen to it any more.
    pub fn has_ended(&self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// What [`invoke`](super::invoke) would have answered; nothing while it has not ended.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`], [`Error::Ended`], and [`Error::BadReply`] where the reply is none of what is asked for.
    pub fn into_reply<O: FromReply>(self) -> Result<Option<O>, Error> {
        match self {
            Self::Queued | Self::Running => Ok(None),
            Self::Succeeded(reply) => {
                let bad = |why| Error::BadReply(format!("the reply of the task: {why}"));
                O::from_reply(reply).map(Some).map_err(bad)
            }
            Self::Failed(failure) => Err(Error::Failed(failure)),
            Self::Ended(text) => Err(Error::Ended(text)),
        }
    }
}

impl From<wire::TaskStatus> for Status {
    fn from(status: wire::TaskStatus) -> Self {
        match status {
            wire::TaskStatus::Queued => Self::Queued,
            wire::TaskStatus::Running => Self::Running,
            wire::TaskStatus::Succeeded(reply) => Self::Succeeded(reply.into()),
            wire::TaskStatus::Failed(wire::Failure { code, message, retryable }) => {
                Self::Failed(Failure { code, message, retryable })
            }
            wire::TaskStatus::Ended(text) => Self::Ended(text),
        }
    }
}
