//! `spear:hostcalls/resources`: the manifest's limits, and a run that has used next to nothing.

use std::time::Duration;

use super::{World, current};
pub(crate) use crate::bindings::spear::hostcalls::resources::*;

/// What a small function takes when it starts.
const MEMORY: u64 = 2 << 20;

pub(crate) fn who_am_i() -> Identity {
    called(|world| Identity {
        task: "00000000-0000-7000-8000-000000000001".to_owned(),
        attempt: 1,
        function: world.function.to_string(),
        version: 1,
        node: "test".to_owned(),
        trace_parent: None,
    })
}

pub(crate) fn get_limits() -> Limits {
    called(|world| Limits {
        memory_bytes: world.limits.memory,
        timeout_ms: millis(world.limits.timeout),
        fuel: world.limits.fuel,
        payload_bytes: world.limits.payload,
        log_bytes: world.limits.log,
        hostcall_bytes: world.limits.hostcall,
        table_elements: world.limits.tables,
        handles: world.limits.handles,
        calls: world.limits.calls,
        requests: world.limits.requests,
    })
}

pub(crate) fn get_usage() -> Usage {
    called(|world| Usage {
        memory_bytes: MEMORY.min(world.limits.memory),
        wall_ms: millis(world.started.elapsed()),
        fuel: world.limits.fuel.map(|_| 0),
        hostcalls: world.hostcalls,
        log_bytes: world.log.used(),
    })
}

pub(crate) fn get_remaining() -> Remaining {
    called(|world| Remaining {
        memory_bytes: world.limits.memory.saturating_sub(MEMORY),
        wall_ms: millis(world.limits.timeout.saturating_sub(world.started.elapsed())),
        fuel: world.limits.fuel,
        log_bytes: world.log.left(),
    })
}

fn called<T>(ask: impl FnOnce(&World) -> T) -> T {
    let world = current();
    world.borrow_mut().hostcalls += 1;
    let world = world.borrow();
    ask(&world)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
