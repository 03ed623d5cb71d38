//! Says who runs, and what the run may use, has used and has left. Times are in milliseconds.

use serde_json::{Value, json};
use spear_guest::{Json, resources};

#[spear_guest::function]
fn status() -> Json<Value> {
    let (me, limits) = (resources::who_am_i(), resources::limits());
    let (usage, remaining) = (resources::usage(), resources::remaining());
    Json(json!({
        "who_am_i": {
            "task": me.task,
            "attempt": me.attempt,
            "function": me.function,
            "version": me.version,
            "node": me.node,
            "trace_parent": me.trace_parent,
        },
        "limits": {
            "memory_bytes": limits.memory_bytes,
            "timeout_ms": limits.timeout.as_millis() as u64,
            "fuel": limits.fuel,
            "payload_bytes": limits.payload_bytes,
            "log_bytes": limits.log_bytes,
            "hostcall_bytes": limits.hostcall_bytes,
            "table_elements": limits.table_elements,
            "handles": limits.handles,
        },
        "usage": {
            "memory_bytes": usage.memory_bytes,
            "wall_ms": usage.wall.as_millis() as u64,
            "fuel": usage.fuel,
            "hostcalls": usage.hostcalls,
            "log_bytes": usage.log_bytes,
        },
        "remaining": {
            "memory_bytes": remaining.memory_bytes,
            "wall_ms": remaining.wall.as_millis() as u64,
            "fuel": remaining.fuel,
            "log_bytes": remaining.log_bytes,
        },
    }))
}
