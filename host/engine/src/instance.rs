//! One instance: a store with every limit set, and what runs in it.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use spear_hostcalls::{Guest, PrepareContext};
use spear_types::Refusal;
use wasmtime::{CallHook, CallHookHandler, Store, StoreContextMut, component};

use crate::{
    class::Interruption,
    limiter::Limiter,
    places::Place,
    prepared::{Prepared, invalid},
    warm,
};

/// Fuel after which a metered guest yields to the others on its thread: at 1,000 to 29,000 fuel a µs, which is what
/// guests were measured to use, it runs for 1 ms at the most.
const FUEL_YIELD: u64 = 1_000_000;

/// One instance, for one call or for one after another.
pub struct Instance {
    // Dropped before its place is another's.
    pub(crate) store: Store<Guest<Limiter>>,
    state: State,
    _place: Place,
}

/// What of the guest's code runs.
#[derive(Clone, Copy)]
enum State {
    /// Nothing did yet.
    Fresh,
    /// It waits to be called.
    Ready(component::Instance),
    /// A call is in it. What breaks off there leaves it so for good.
    Entered(component::Instance),
}

impl Instance {
    /// One whose first call is this one; nothing of the guest has run.
    pub(crate) fn fresh(prepared: &Prepared, place: Place, run: &PrepareContext) -> Result<Self, Refusal> {
        let hostcalls = prepared.hostcalls.prepare(&prepared.configured, run);
        let guest = Guest { hostcalls, host: Limiter::new(&run.limits) };
        let mut store = new_store(prepared, guest)?;
        begin(&mut store, prepared)?;
        Ok(Self { store, state: State::Fresh, _place: place })
    }

    /// Another call begins: all that is of one call is as in a fresh instance.
    pub(crate) fn renew(&mut self, prepared: &Prepared, run: PrepareContext) -> Result<(), Refusal> {
        let guest = self.store.data_mut();
        prepared.hostcalls.renew(&prepared.configured, &mut guest.hostcalls, run);
        guest.host.begin();
        begin(&mut self.store, prepared)
    }

    /// What is called, started where it was not. It is entered until it is [left](Self::leave).
    pub(crate) async fn enter(&mut self, prepared: &Prepared) -> wasmtime::Result<component::Instance> {
        let instance = match self.state {
            State::Ready(instance) => instance,
            State::Fresh => prepared.instance.instantiate_async(&mut self.store).await?,
            State::Entered(_) => wasmtime::bail!("an instance was entered that a call broke off in"),
        };
        self.state = State::Entered(instance);
        Ok(instance)
    }

    /// The guest's function has returned.
    pub(crate) fn leave(&mut self) {
        if let State::Entered(instance) = self.state {
            self.state = State::Ready(instance);
        }
    }

    /// Whether it may serve another call.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready(_))
    }

    /// The call is over and was reported.
    pub(crate) fn rest(&mut self) {
        self.store.data_mut().hostcalls.rest();
    }
}

impl warm::Instance for Instance {
    fn is_over(&mut self) -> bool {
        false
    }

    async fn end(self) {}
}

/// A store with every limit set that is for good.
fn new_store(prepared: &Prepared, guest: Guest<Limiter>) -> Result<Store<Guest<Limiter>>, Refusal> {
    let limits = &prepared.limits;
    let mut store = Store::try_new(prepared.instance.engine(), guest).map_err(|error| invalid(&error))?;
    store.limiter(|guest| &mut guest.host);
    store.set_hostcall_fuel(usize::try_from(limits.hostcall).unwrap_or(usize::MAX));
    // The hostcalls' table counts what is held of the host, and names the limit. Here its handles are counted again, with
    // those that are lent for one call and those to the guest's own resources.
    store.set_max_component_handles((limits.handles as usize).saturating_mul(2));
    match prepared.interruption {
        Interruption::Epoch => store.epoch_deadline_async_yield_and_update(1),
        Interruption::Fuel => {
            store.fuel_async_yield_interval(Some(FUEL_YIELD)).map_err(|error| invalid(&error))?;
            store.call_hook_async(YieldAfterHostcalls::default());
        }
    }
    Ok(store)
}

/// Sets when the guest first yields in a call, or what fuel it has in it.
fn begin(store: &mut Store<Guest<Limiter>>, prepared: &Prepared) -> Result<(), Refusal> {
    match prepared.interruption {
        Interruption::Epoch => store.set_epoch_deadline(1),
        Interruption::Fuel => {
            let fuel = prepared.limits.fuel.unwrap_or(u64::MAX);
            store.set_fuel(fuel).map_err(|error| invalid(&error))?;
        }
    }
    Ok(())
}

/// Lets a metered guest yield that spends its time in hostcalls: they take next to no fuel, however long they last.
#[derive(Default)]
struct YieldAfterHostcalls {
    /// When its first hostcall returned.
    since: OnceLock<Instant>,
    /// Milliseconds from then to the last yield.
    last: AtomicU64,
}

#[async_trait::async_trait]
impl CallHookHandler<Guest<Limiter>> for YieldAfterHostcalls {
    async fn handle_call_event(&self, _: StoreContextMut<'_, Guest<Limiter>>, event: CallHook) -> wasmtime::Result<()> {
        if matches!(event, CallHook::ReturningFromHost) {
            let now = self.since.get_or_init(Instant::now).elapsed().as_millis() as u64;
            if self.last.swap(now, Ordering::Relaxed) < now {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }
}
