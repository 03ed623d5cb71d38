//! This run: who it is, what it may use and what it has used.

use std::time::Duration;

use crate::host::resources as wire;

/// Who runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The task's id.
    pub task: String,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The function's name.
    pub function: String,
    /// The function's version.
    pub version: u32,
    /// The node that runs it.
    pub node: String,
    /// W3C trace context of the caller, where there is one.
    pub trace_parent: Option<String>,
}

/// What the run may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory in bytes, all memories together.
    pub memory_bytes: u64,
    /// Wall time from the start of the run.
    pub timeout: Duration,
    /// Fuel; `None` where the run is timed and not metered.
    pub fuel: Option<u64>,
    /// Bytes of a call's body, of a reply's body and of one object.
    pub payload_bytes: u64,
    /// Bytes of log.
    pub log_bytes: u64,
    /// Bytes that one hostcall may carry out of the guest.
    pub hostcall_bytes: u64,
    /// Elements of all tables together.
    pub table_elements: u32,
    /// Handles to buckets, stores, streams and so on that are held at once.
    pub handles: u32,
    /// Other functions that it may invoke.
    pub calls: u32,
    /// HTTP requests that it may send.
    pub requests: u32,
}

/// What the run has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Linear memory in bytes, at its peak.
    pub memory_bytes: u64,
    /// Wall time.
    pub wall: Duration,
    /// Fuel; `None` where the run is not metered.
    pub fuel: Option<u64>,
    /// Calls of the host.
    pub hostcalls: u64,
    /// Bytes of log.
    pub log_bytes: u64,
}

/// What is left of the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// Linear memory in bytes below the limit.
    pub memory_bytes: u64,
    /// Wall time to the deadline.
    pub wall: Duration,
    /// Fuel; `None` where the run is not metered.
    pub fuel: Option<u64>,
    /// Bytes of log.
    pub log_bytes: u64,
}

/// Who runs.
pub fn who_am_i() -> Identity {
    let wire::Identity { task, attempt, function, version, node, trace_parent } = wire::who_am_i();
    Identity { task, attempt, function, version, node, trace_parent }
}

/// What the run may use.
pub fn limits() -> Limits {
    let limits = wire::get_limits();
    Limits {
        memory_bytes: limits.memory_bytes,
        timeout: Duration::from_millis(limits.timeout_ms),
        fuel: limits.fuel,
        payload_bytes: limits.payload_bytes,
        log_bytes: limits.log_bytes,
        hostcall_bytes: limits.hostcall_bytes,
        table_elements: limits.table_elements,
        handles: limits.handles,
        calls: limits.calls,
        requests: limits.requests,
    }
}

/// What the run has used up to now.
pub fn usage() -> Usage {
    let wire::Usage { memory_bytes, wall_ms, fuel, hostcalls, log_bytes } = wire::get_usage();
    Usage { memory_bytes, wall: Duration::from_millis(wall_ms), fuel, hostcalls, log_bytes }
}

/// What is left of the limits now.
pub fn remaining() -> Remaining {
    let wire::Remaining { memory_bytes, wall_ms, fuel, log_bytes } = wire::get_remaining();
    Remaining { memory_bytes, wall: Duration::from_millis(wall_ms), fuel, log_bytes }
}
