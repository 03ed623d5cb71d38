//! What the guest calls. Fuel is the store's own count, so these functions take the store and not only its data.

use wasmtime::{StoreContextMut, component::Linker};

use super::{State, wit};
use crate::capability::{Guest, Host};

pub(crate) fn add_to_linker<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("spear:hostcalls/resources@0.1.0")?;
    instance.func_wrap("who-am-i", |store: StoreContextMut<'_, Guest<H>>, ()| Ok((called(&store).who_am_i(),)))?;
    instance.func_wrap("get-limits", |store: StoreContextMut<'_, Guest<H>>, ()| Ok((called(&store).limits(),)))?;
    instance.func_wrap("get-usage", |store: StoreContextMut<'_, Guest<H>>, ()| Ok((usage(&store),)))?;
    instance.func_wrap("get-remaining", |store: StoreContextMut<'_, Guest<H>>, ()| Ok((remaining(&store),)))
}

/// Counts the hostcall.
fn called<'a, H: Host>(store: &'a StoreContextMut<'_, Guest<H>>) -> &'a State {
    let own = &store.data().hostcalls.own;
    own.meter.hostcall(0);
    &own.resources
}

fn usage<H: Host>(store: &StoreContextMut<'_, Guest<H>>) -> wit::Usage {
    let left = store.get_fuel().ok();
    let memory_bytes = store.data().host.peak_memory();
    let hostcalls = store.data().hostcalls.own.meter().hostcalls + 1;
    let state = called(store);
    wit::Usage {
        memory_bytes,
        wall_ms: millis(state.wall()),
        fuel: left.zip(state.limits.fuel).map(|(left, limit)| limit.saturating_sub(left)),
        hostcalls,
        log_bytes: state.log.used(),
    }
}

fn remaining<H: Host>(store: &StoreContextMut<'_, Guest<H>>) -> wit::Remaining {
    let left = store.get_fuel().ok();
    let memory = store.data().host.peak_memory();
    let state = called(store);
    wit::Remaining {
        memory_bytes: state.limits.memory.saturating_sub(memory),
        wall_ms: millis(state.wall_left()),
        fuel: state.limits.fuel.and(left),
        log_bytes: state.log_left(),
    }
}

impl State {
    fn who_am_i(&self) -> wit::Identity {
        wit::Identity {
            task: self.identity.task.to_string(),
            attempt: self.identity.attempt,
            function: self.identity.function.to_string(),
            version: self.identity.version,
            node: self.identity.node.to_string(),
            trace_parent: self.identity.trace_parent.clone(),
        }
    }

    fn limits(&self) -> wit::Limits {
        wit::Limits {
            memory_bytes: self.limits.memory,
            timeout_ms: millis(self.limits.timeout),
            fuel: self.limits.fuel,
            payload_bytes: self.limits.payload,
            log_bytes: self.limits.log,
            hostcall_bytes: self.limits.hostcall,
            table_elements: self.limits.tables,
            handles: self.limits.handles,
            calls: self.limits.calls,
            requests: self.limits.requests,
        }
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
