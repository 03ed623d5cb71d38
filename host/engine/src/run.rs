//! One run: a store, its limits, one call, what came of it.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use spear_hostcalls::{
    Guest, Hostcalls, PrepareContext,
    logs::{LogBuffer, TaskLog},
};
use spear_types::{Call, Code, Identity, Limits, Outcome, Ran, Refusal, Usage};
use tokio_util::sync::CancellationToken;
use wasmtime::{CallHook, CallHookHandler, PoolConcurrencyLimitError, Store, StoreContextMut};

use crate::{
    class::Interruption,
    limiter::Limiter,
    outcome,
    prepared::{Prepared, invalid},
    watch::{Deadline, Left, Watched, watch},
    worlds::{self, Lowered, Refused},
};

/// Fuel after which a metered guest yields to the others on its thread: at 1,000 to 29,000 fuel a µs, which is what
/// guests were measured to use, it runs for 1 ms at the most.
const FUEL_YIELD: u64 = 1_000_000;

/// Who runs, on what.
#[derive(Debug)]
pub struct Attempt {
    /// Who runs.
    pub identity: Identity,
    /// What the function is given.
    pub call: Call,
    /// How long it may take where that is less than its limit.
    pub time: Option<Duration>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// What it cost.
    pub usage: Usage,
    /// What it wrote.
    pub log: TaskLog,
    /// By what it was run, where somebody above chose.
    pub ran: Option<Ran>,
}

/// A run that has not started.
pub(crate) struct Run {
    prepared: Arc<Prepared>,
    guest: Guest<Limiter>,
    log: Arc<LogBuffer>,
    call: Lowered,
    call_size: u64,
    started: Instant,
    deadline: Deadline,
}

impl Run {
    /// A run that writes to `log`.
    ///
    /// # Errors
    /// When the call does not fit the component.
    pub(crate) fn new(
        hostcalls: &Hostcalls,
        prepared: Arc<Prepared>,
        attempt: Attempt,
        log: Arc<LogBuffer>,
    ) -> Result<Self, Refusal> {
        let Attempt { identity, call, time } = attempt;
        let call_size = call.size();
        let (call, command) = worlds::lower(&prepared, call, &identity)?;
        let timeout = time.map_or(prepared.limits.timeout, |time| time.min(prepared.limits.timeout));
        let limits = Limits { timeout, ..prepared.limits.clone() };
        let started = Instant::now();
        let deadline = Deadline::new(started, timeout);
        let gate = prepared.configured.gate(&log);
        let limiter = Limiter::new(&limits);
        let context =
            PrepareContext { identity, limits, deadline: deadline.at(), log: Arc::clone(&log), gate, command };
        let hostcalls = hostcalls.prepare(&prepared.configured, &context);
        let guest = Guest { hostcalls, host: limiter };
        Ok(Self { prepared, guest, log, call, call_size, started, deadline })
    }

    /// Runs it to its end, or until it is cancelled.
    ///
    /// # Errors
    /// When the function did not run.
    pub(crate) async fn drive(self, cancel: &CancellationToken) -> Result<Report, Refusal> {
        let Self { prepared, guest, log, call, call_size, started, deadline } = self;
        let mut store = new_store(&prepared, guest)?;
        let Watched { left, cpu } = watch(call.run(&mut store, &prepared), deadline, cancel).await;
        if let Left::Done(Err(error)) = &left
            && let Some(refusal) = refused(error)
        {
            return Err(refusal);
        }
        store.data_mut().hostcalls.finish();
        let outcome = outcome::of(left, &store, &prepared.limits);
        let mut usage = Usage { wall: started.elapsed(), cpu, ..usage(&store, &prepared) };
        usage.bytes_in += call_size;
        usage.bytes_out += answered(&outcome);
        Ok(Report { outcome, usage, log: log.take(), ran: None })
    }
}

/// A store with every limit set, before any of the guest's code runs.
fn new_store(prepared: &Prepared, guest: Guest<Limiter>) -> Result<Store<Guest<Limiter>>, Refusal> {
    let limits = &prepared.limits;
    let mut store = Store::try_new(prepared.instance.engine(), guest).map_err(|error| invalid(&error))?;
    store.limiter(|guest| &mut guest.host);
    store.set_hostcall_fuel(usize::try_from(limits.hostcall).unwrap_or(usize::MAX));
    // The hostcalls' table counts what is held of the host, and names the limit. Here its handles are counted again, with
    // those that are lent for one call and those to the guest's own resources.
    store.set_max_component_handles((limits.handles as usize).saturating_mul(2));
    match prepared.interruption {
        Interruption::Epoch => {
            store.set_epoch_deadline(1);
            store.epoch_deadline_async_yield_and_update(1);
        }
        Interruption::Fuel => {
            let fuel = limits.fuel.unwrap_or(u64::MAX);
            let metered = store.set_fuel(fuel).and_then(|()| store.fuel_async_yield_interval(Some(FUEL_YIELD)));
            metered.map_err(|error| invalid(&error))?;
            store.call_hook_async(YieldAfterHostcalls::default());
        }
    }
    Ok(store)
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

/// What is not the guest's doing, before its function ran.
fn refused(error: &wasmtime::Error) -> Option<Refusal> {
    let full = || error.is::<PoolConcurrencyLimitError>().then(|| format!("the node's instances are used up: {error}"));
    let other = || error.downcast_ref::<Refused>().map(|Refused(refusal)| refusal.clone());
    full().map(|message| Refusal::new(Code::QueueFull, message)).or_else(other)
}

/// Bytes of the answer, a failed command's too.
fn answered(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Succeeded(reply) => reply.size(),
        Outcome::Failed(failure) => failure.exit.as_ref().map_or(0, |exit| exit.stdout.len() as u64),
        _ => 0,
    }
}

fn usage(store: &Store<Guest<Limiter>>, prepared: &Prepared) -> Usage {
    let guest = store.data();
    let meter = guest.hostcalls.meter();
    let left = store.get_fuel().ok();
    Usage {
        fuel: prepared.limits.fuel.zip(left).map(|(limit, left)| limit.saturating_sub(left)),
        peak_memory: spear_hostcalls::Host::peak_memory(&guest.host),
        hostcalls: meter.hostcalls,
        bytes_in: meter.bytes_in,
        bytes_out: meter.bytes_out,
        ..Usage::default()
    }
}
