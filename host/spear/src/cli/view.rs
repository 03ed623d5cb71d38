//! How values look to programs. The names are a promise: they change only with a new major version.

mod node;
mod task;

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use spear_types::{
    Body, FunctionVersion, Implementation, KvEntry, KvKey, LogLine, ObjectInfo, Outcome, Payload, Placement, Reuse,
    StoreName, Trap, Usage,
};

pub(crate) use self::{
    node::node,
    task::{explained, schedule, schedule_and_task, task, task_and_options},
};
use crate::output;

pub(crate) fn function(function: &FunctionVersion) -> Value {
    let limits = |agent| {
        let limit =
            move |(name, value, by)| json!({ "agent": agent, "limit": name, "value": value, "enforced_by": by });
        function.limits.enforcement(agent).into_iter().map(limit)
    };
    json!({
        "name": function.name,
        "version": function.version,
        "description": function.description,
        "implementations": function.implementations.iter().map(implementation).collect::<Vec<_>>(),
        "limits": function.limits,
        "enforcement": function.agents().iter().flat_map(limits).collect::<Vec<_>>(),
        "grants": function.grants.effective,
        "asked": function.grants.asked,
        "cut": function.grants.cuts(),
        "config": function.settings,
        "placement": placement(&function.placement, Some(function.limits.memory)),
        "created": output::time(function.created),
    })
}

fn implementation(implementation: &Implementation) -> Value {
    let artifact = implementation.artifact();
    let mut value = json!({
        "agent": implementation.agent(),
        "digest": artifact.map(|artifact| artifact.digest),
        "size": artifact.map(|artifact| artifact.size),
        "reuse": match implementation.reuse {
            Reuse::Never => json!("never"),
            Reuse::Serial(pool) => json!({ "serial": pool }),
        },
    });
    if let Body::Docker(image, _) = &implementation.body {
        value["image"] = json!(image);
    }
    if let Body::Process(program) | Body::Docker(_, program) = &implementation.body {
        value["command"] = json!(program.command());
        value["env"] = json!(program.env());
    }
    value
}

/// `memory` is what is kept for a run where the manifest does not say, if that is known.
pub(crate) fn placement(placement: &Placement, memory: Option<u64>) -> Value {
    json!({
        "cpu_millis": placement.cpu.as_millis(),
        "memory_bytes": placement.memory.or(memory),
        "constraints": placement.constraints,
        "prefer": placement.prefer,
        "avoid": placement.avoid,
        "priority": placement.priority,
        "policy": placement.policy,
    })
}

pub(crate) fn object(object: &ObjectInfo) -> Value {
    json!({
        "bucket": object.bucket,
        "key": object.key,
        "size": object.size,
        "etag": object.etag,
        "version": object.version,
        "content_type": object.content_type,
        "modified": output::time(object.modified),
        "references": object.references,
        "pinned": object.pinned,
    })
}

pub(crate) fn value(store: &StoreName, key: &KvKey, entry: &KvEntry) -> Value {
    let mut view = json!({ "store": store, "key": key, "version": entry.version });
    bytes(&mut view, "value", &entry.value);
    view
}

pub(crate) fn outcome(outcome: &Outcome) -> Value {
    let mut view = match outcome {
        Outcome::Succeeded(reply) => payload(reply),
        Outcome::Failed(failure) => {
            let (code, message, retryable) = (&failure.code, &failure.message, failure.retryable);
            let mut view = json!({ "code": code, "message": message, "retryable": retryable, "exit_code": null });
            if let Some(exit) = &failure.exit {
                view["exit_code"] = json!(exit.code);
                bytes(&mut view, "stdout", &exit.stdout);
            }
            view
        }
        Outcome::Trapped(trap) => trapped(trap),
        Outcome::OutOfFuel { limit } => json!({ "limit": limit }),
        Outcome::OutOfMemory { limit, asked } => json!({ "limit_bytes": limit, "asked_bytes": asked }),
        Outcome::TimedOut { limit } => json!({ "limit_ms": millis(*limit) }),
        Outcome::Cancelled => json!({}),
        Outcome::NodeLost { node, reason } => json!({ "node": node, "reason": reason }),
        Outcome::Refused { code, message } => json!({ "code": code.to_string(), "message": message }),
        Outcome::Denied(denial) => json!({ "what": denial.what, "grant": denial.grant, "lacking": denial.lacking }),
    };
    view["kind"] = json!(outcome.name());
    view
}

pub(crate) fn usage(usage: &Usage) -> Value {
    json!({
        "wall_ms": millis(usage.wall),
        "cpu_ms": millis(usage.cpu),
        "fuel": usage.fuel,
        "peak_memory_bytes": usage.peak_memory,
        "hostcalls": usage.hostcalls,
        "bytes_in": usage.bytes_in,
        "bytes_out": usage.bytes_out,
    })
}

pub(crate) fn log_line(line: &LogLine) -> Value {
    let fields: serde_json::Map<String, Value> =
        line.fields.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    let time = humantime::format_rfc3339_micros(line.time).to_string();
    json!({ "time": time, "level": line.level, "message": line.message, "fields": fields })
}

fn payload(payload: &Payload) -> Value {
    let mut view = json!({ "content_type": payload.content_type, "headers": payload.headers });
    let status = payload.headers.iter().find(|(name, _)| name == ":status");
    if let Some(status) = status.and_then(|(_, status)| status.parse::<u16>().ok()) {
        view["status"] = json!(status);
    }
    bytes(&mut view, "body", &payload.body);
    view
}

/// Bytes that are text stand as text; others as base64.
fn bytes(view: &mut Value, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => view[name] = json!(text),
        Err(_) => view[format!("{name}_base64")] = json!(BASE64_STANDARD.encode(bytes)),
    }
}

fn trapped(trap: &Trap) -> Value {
    let frame =
        |frame: &spear_types::Frame| json!({ "function": frame.function, "file": frame.file, "line": frame.line });
    json!({ "message": trap.message, "frames": trap.frames.iter().map(frame).collect::<Vec<_>>() })
}

/// Milliseconds to the µs.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
