//! The threads that guests run on, and the handle to a run on them.

use std::{io, sync::Arc};

use spear_hostcalls::logs::LogBuffer;
use spear_types::{Code, LogLine, Outcome, Refusal, Trap, Usage};
use tokio::runtime::{Builder, Runtime};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    prepared::Prepared,
    run::{Attempt, Report, Run},
};

/// Guests polled before timers are looked at, for the guests that sleep: each may take 1 ms.
const EVENTS: u32 = 3;

/// Who is told of a run while it goes on, by the thread of the guest: it must not wait.
pub trait Listener: Clone + Send + Sync + 'static {
    /// There are lines to take where there were none: see [`Running::take_lines`].
    fn wrote(&self);

    /// It ended, or its function did not run; told once, when the slot is free again.
    fn ended(&self, report: Result<Report, Refusal>);
}

/// A run that was started. It goes on when this is dropped.
#[derive(Debug)]
pub struct Running {
    log: Arc<LogBuffer>,
    cancel: CancellationToken,
}

impl Running {
    /// A run that writes to this log, and ends when its [`Running::token`] is cancelled.
    #[must_use]
    pub fn new(log: &Arc<LogBuffer>) -> Self {
        Self { log: Arc::clone(log), cancel: CancellationToken::new() }
    }

    /// What is cancelled when it is to stop.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Stops it at its next yield, or where it waits; it ends as cancelled, unless it ends by itself before that.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// What it wrote and nobody took yet. The rest is in its report.
    #[must_use]
    pub fn take_lines(&self) -> Vec<LogLine> {
        self.log.take_lines()
    }
}

/// The threads that guests run on. They are not the threads of the network and the timers, so guests that keep every
/// one of them busy delay nothing else.
pub(crate) struct Threads(Option<Runtime>);

impl Threads {
    pub(crate) fn start(threads: usize) -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(threads).thread_name("spear-guest").enable_all().event_interval(EVENTS);
        Ok(Self(Some(builder.build()?)))
    }

    pub(crate) async fn run<S: Send + 'static>(
        &self,
        prepared: &Arc<Prepared>,
        attempt: Attempt,
        slot: S,
    ) -> Result<Report, Refusal> {
        let log = Arc::new(LogBuffer::new(prepared.limits.log));
        let run = Run::new(Arc::clone(prepared), attempt, log)?;
        let held = async move {
            let _slot = slot;
            run.drive(&CancellationToken::new()).await
        };
        match AbortOnDropHandle::new(self.runtime()?.spawn(held)).await {
            Ok(report) => report,
            Err(error) => Err(Refusal::new(Code::Internal, format!("the run broke off: {error}"))),
        }
    }

    pub(crate) fn begin<S: Send + 'static>(
        &self,
        prepared: &Arc<Prepared>,
        attempt: Attempt,
        slot: S,
        listener: impl Listener,
    ) -> Result<Running, Refusal> {
        let runtime = self.runtime()?;
        let told = listener.clone();
        let log = Arc::new(LogBuffer::telling(prepared.limits.log, move || told.wrote()));
        let run = Run::new(Arc::clone(prepared), attempt, Arc::clone(&log))?;
        let running = Running::new(&log);
        let (cancel, end) = (running.token(), End { listener: Some(listener), log });
        runtime.spawn(async move {
            let report = run.drive(&cancel).await;
            drop(slot);
            end.tell(report);
        });
        Ok(running)
    }

    /// Has something go on beside the runs, on their threads.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Result<(), Refusal> {
        self.runtime().map(|runtime| drop(runtime.spawn(task)))
    }

    fn runtime(&self) -> Result<&Runtime, Refusal> {
        self.0.as_ref().ok_or_else(|| Refusal::new(Code::Draining, "the engine is stopping"))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Waiting here would block a thread of the runtime that drops us; what still runs is dropped at its next yield.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Tells the end of a run, also of one that a fault of ours broke off.
struct End<L: Listener> {
    listener: Option<L>,
    log: Arc<LogBuffer>,
}

impl<L: Listener> End<L> {
    fn tell(mut self, report: Result<Report, Refusal>) {
        if let Some(listener) = self.listener.take() {
            listener.ended(report);
        }
    }
}

impl<L: Listener> Drop for End<L> {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.take() {
            // Not refused: the function may have run.
            let trap = Trap { message: "the run broke off: a fault of the node".to_owned(), frames: Vec::new() };
            let (outcome, usage) = (Outcome::Trapped(trap), Usage::default());
            listener.ended(Ok(Report { outcome, usage, log: self.log.take(), ran: None }));
        }
    }
}
