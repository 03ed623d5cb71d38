//! A task's log.

use std::{fmt, time::SystemTime};

use serde::{Deserialize, Serialize};

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Every step.
    Trace,
    /// What helps to find an error.
    Debug,
    /// What happened.
    Info,
    /// What may become an error.
    Warn,
    /// What went wrong.
    Error,
}

/// One line of a task's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When, by the node's clock.
    pub time: SystemTime,
    /// How much it matters.
    pub level: Level,
    /// What the guest said.
    pub message: String,
    /// Named values beside it.
    pub fields: Vec<(String, String)>,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}
