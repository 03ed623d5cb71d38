//! One run: an instance, one call, what came of it.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use spear_hostcalls::{
    PrepareContext,
    logs::{LogBuffer, TaskLog},
};
use spear_types::{Call, Code, Identity, Limits, Outcome, Ran, Refusal, Usage};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use wasmtime::PoolConcurrencyLimitError;

use crate::{
    instance::Instance,
    outcome,
    prepared::Prepared,
    warm::Warm,
    watch::{Deadline, Left, Watched, watch},
    worlds::{self, Answer, Lowered, Refused},
};

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

impl Attempt {
    /// How long it may take under these limits.
    #[must_use]
    pub fn timeout(&self, limits: &Limits) -> Duration {
        self.time.map_or(limits.timeout, |time| time.min(limits.timeout))
    }
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
    context: PrepareContext,
    call: Lowered,
    bill: Bill,
    timer: Sleep,
}

/// What a report is made with.
struct Bill {
    log: Arc<LogBuffer>,
    started: Instant,
    call_size: u64,
}

impl Run {
    /// A run that writes to `log`.
    ///
    /// # Errors
    /// When the call does not fit the component.
    pub(crate) fn new(prepared: Arc<Prepared>, attempt: Attempt, log: Arc<LogBuffer>) -> Result<Self, Refusal> {
        let timeout = attempt.timeout(&prepared.limits);
        let Attempt { identity, call, time: _ } = attempt;
        let call_size = call.size();
        let (call, command) = worlds::lower(&prepared, call, &identity)?;
        let bill = Bill { log, started: Instant::now(), call_size };
        let limits = Limits { timeout, ..prepared.limits.clone() };
        let context = prepared.context(identity, limits, bill.started + timeout, &bill.log, command);
        let timer = tokio::time::sleep_until(context.deadline.into());
        Ok(Self { prepared, context, call, bill, timer })
    }

    /// Runs it to its end, or until it is cancelled.
    ///
    /// # Errors
    /// When the function did not run.
    pub(crate) async fn drive(self, cancel: &CancellationToken) -> Result<Report, Refusal> {
        let Self { prepared, context, call, bill, timer } = self;
        let timer = pin!(timer);
        let mut deadline = Deadline::new(context.deadline, context.limits.timeout, timer);
        if let Some(warm) = &prepared.warm {
            return Box::pin(serve(warm, &prepared, context, call, &bill, (&mut deadline, cancel))).await;
        }
        let mut instance = Instance::fresh(&prepared, prepared.places.take()?, &context)?;
        let called = watch(call.run(&mut instance, &prepared), &mut deadline, cancel).await;
        bill.report(called, &mut instance, &prepared)
    }
}

/// Runs it in an instance of the pool, which keeps it where the function has returned.
async fn serve(
    warm: &Warm<Instance>,
    prepared: &Prepared,
    context: PrepareContext,
    call: Lowered,
    bill: &Bill,
    (deadline, cancel): (&mut Deadline<'_>, &CancellationToken),
) -> Result<Report, Refusal> {
    let turn = match warm.try_turn() {
        Some(turn) => turn,
        None => match watch(warm.turn(), deadline, cancel).await.left {
            Left::Done(turn) => turn.ok_or_else(|| Refusal::new(Code::Draining, "the engine is stopping"))?,
            Left::Late { limit } => return Ok(bill.of_nothing(Outcome::TimedOut { limit })),
            Left::Cancelled => return Ok(bill.of_nothing(Outcome::Cancelled)),
        },
    };
    let mut kept = match turn.take() {
        Ok(mut kept) => {
            kept.renew(prepared, context)?;
            kept
        }
        Err(vacancy) => vacancy.filled(Instance::fresh(prepared, prepared.places.take()?, &context)?),
    };
    let called = watch(call.run(&mut kept, prepared), deadline, cancel).await;
    let sound = matches!(called.left, Left::Done(_)) && kept.is_ready();
    let report = bill.report(called, &mut kept, prepared);
    if sound {
        kept.rest();
        drop(warm.give_back(kept));
    }
    report
}

impl Bill {
    /// The report of a call.
    ///
    /// # Errors
    /// When the function did not run.
    fn report(
        &self,
        called: Watched<wasmtime::Result<Answer>>,
        instance: &mut Instance,
        prepared: &Prepared,
    ) -> Result<Report, Refusal> {
        let Watched { left, cpu } = called;
        if let Left::Done(Err(error)) = &left
            && let Some(refusal) = refused(error)
        {
            return Err(refusal);
        }
        instance.store.data_mut().hostcalls.finish();
        let outcome = outcome::of(left, &instance.store, &prepared.limits);
        let mut usage = Usage { wall: self.started.elapsed(), cpu, ..used(instance, prepared) };
        usage.bytes_in += self.call_size;
        usage.bytes_out += outcome.answered();
        Ok(Report { outcome, usage, log: self.log.take(), ran: None })
    }

    /// The report of a call that found no instance.
    fn of_nothing(&self, outcome: Outcome) -> Report {
        let usage = Usage { wall: self.started.elapsed(), bytes_in: self.call_size, ..Usage::default() };
        Report { outcome, usage, log: self.log.take(), ran: None }
    }
}

/// What is not the guest's doing, before its function ran.
fn refused(error: &wasmtime::Error) -> Option<Refusal> {
    let full = || error.is::<PoolConcurrencyLimitError>().then(|| format!("the node's instances are used up: {error}"));
    let other = || error.downcast_ref::<Refused>().map(|Refused(refusal)| refusal.clone());
    full().map(|message| Refusal::new(Code::QueueFull, message)).or_else(other)
}

fn used(instance: &Instance, prepared: &Prepared) -> Usage {
    let guest = instance.store.data();
    let meter = guest.hostcalls.meter();
    let left = instance.store.get_fuel().ok();
    Usage {
        fuel: prepared.limits.fuel.zip(left).map(|(limit, left)| limit.saturating_sub(left)),
        peak_memory: spear_hostcalls::Host::peak_memory(&guest.host),
        hostcalls: meter.hostcalls,
        bytes_in: meter.bytes_in,
        bytes_out: meter.bytes_out,
        ..Usage::default()
    }
}
