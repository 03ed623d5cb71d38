//! The pure state, between those who ask and the disk.
//!
//! ```text
//! api, nodes, ticker ─▶ Scheduler ─▶ Core: State::apply ─▶ the pending group
//!                           ▲                                   │ one at a time, all that gathered
//!                           └───── durable ◀──── committer ◀────┘
//!                                                  └▶ Journal, and then Effects ─▶ links, watches, logs
//! ```
//!
//! Whoever asks holds the lock for microseconds: the state is changed, and what came of it is put into the pending
//! group. One thread takes that group, has it remembered with one wait for the disk, and only then sends orders, tells
//! who watches and has the answers go, in the order of the commands. Meanwhile the next group gathers.

mod calls;
mod committer;
mod core;
mod effects;
mod ticker;
mod watches;

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use futures::future::BoxFuture;
use spear_state::{Answer, Change, Command, State};
use spear_types::{Code, Refusal, Timestamp};
use tokio::sync::{Notify, watch};

use self::{committer::Memory, core::Core};
pub(crate) use self::{
    committer::{Committer, start},
    effects::Effects,
    ticker::run as tick,
    watches::Watches,
};

/// Resolves once what was there before is remembered; fails where the SMS ends first.
pub(crate) type Durable = BoxFuture<'static, Result<(), Refusal>>;

/// The state's handle; a cheap clone.
#[derive(Clone)]
pub(crate) struct Scheduler {
    shared: Arc<Shared>,
    memory: watch::Receiver<Memory>,
}

/// What the handles, the committer and the ticker share.
struct Shared {
    core: Mutex<Core>,
    /// The committer waits here for a group, and for the end.
    work: Condvar,
    /// The ticker waits here for an earlier time.
    sooner: Notify,
}

impl Scheduler {
    /// Does what somebody wants, and answers once it is remembered.
    ///
    /// # Errors
    /// The state's refusal; `StorageFull` while nothing can be remembered; `Draining` where the SMS ends first.
    pub(crate) async fn apply(&self, command: Command) -> Result<Answer, Refusal> {
        let (applied, number) = self.shared.change(|core, now| core.apply(command, now));
        // What was not even tried promises nothing.
        let answer = applied?;
        self.until(number).await?;
        answer
    }

    /// Several commands at once, with nothing between them. The answers are true once the future resolves.
    pub(crate) fn apply_all(&self, commands: Vec<Command>) -> (Vec<Result<Answer, Refusal>>, Durable) {
        let all = |core: &mut Core, now| commands.into_iter().map(|command| core.apply(command, now)).collect();
        let (applied, number): (Vec<_>, u64) = self.shared.change(all);
        // Where none was even tried there is nothing to wait for.
        let number = if applied.iter().any(Result::is_ok) { number } else { 0 };
        (applied.into_iter().map(Result::flatten).collect(), Box::pin(self.until(number)))
    }

    /// A command whose answer promises nothing that outlives the SMS: it waits for no disk.
    ///
    /// # Errors
    /// The state's refusal.
    pub(crate) fn apply_now(&self, command: Command) -> Result<Answer, Refusal> {
        self.shared.change(|core, now| core.apply(command, now)).0.flatten()
    }

    /// Has a line of a log remembered with the next group, and nobody waits for it.
    pub(crate) fn log(&self, change: Change) {
        self.shared.change(|core, _| core.log(change));
    }

    /// What the state is, remembered or not: for what is forgotten with the SMS, as nodes are.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.shared.lock().state)
    }

    /// What the state is, shown once it is remembered. What had ended by then is on the disk.
    ///
    /// # Errors
    /// `StorageFull` while nothing can be remembered.
    pub(crate) async fn look<T>(&self, look: impl FnOnce(&State) -> T) -> Result<T, Refusal> {
        let (found, number) = {
            let core = self.shared.lock();
            (look(&core.state), core.newest())
        };
        let mut memory = self.memory.clone();
        let known = memory.wait_for(|memory| memory.number >= number || memory.failing.is_some());
        let memory = known.await.map_err(|_| ended())?.clone();
        if memory.number >= number { Ok(found) } else { Err(memory.failing.unwrap_or_else(ended)) }
    }

    /// Resolves once all that was done before is remembered.
    #[cfg(test)]
    pub(crate) fn durable(&self) -> Durable {
        let number = self.shared.lock().newest();
        Box::pin(self.until(number))
    }

    /// Resolves when nothing will be remembered any more: the committer has ended.
    pub(crate) async fn broken(&self) {
        let mut memory = self.memory.clone();
        while memory.changed().await.is_ok() {}
    }

    fn until(&self, number: u64) -> impl Future<Output = Result<(), Refusal>> + Send + use<> {
        let mut memory = self.memory.clone();
        async move { memory.wait_for(|memory| memory.number >= number).await.map(drop).map_err(|_| ended()) }
    }
}

impl Shared {
    /// Changes the state, and wakes who has to know. The number is that of the group that has to be remembered before
    /// anybody is told.
    fn change<T>(&self, work: impl FnOnce(&mut Core, Timestamp) -> T) -> (T, u64) {
        let mut core = self.lock();
        let was_empty = core.is_empty();
        let result = work(&mut core, Timestamp::now());
        let (filled, sooner, number) = (was_empty && !core.is_empty(), core.arm(), core.newest());
        drop(core);
        if filled {
            self.work.notify_all();
        }
        if sooner {
            self.sooner.notify_one();
        }
        (result, number)
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(|_| {
            // A panic left the state half-changed, and only the disk knows what is true. Whatever is not there was
            // promised to nobody, so that the next start loses nothing; going on might.
            tracing::error!("the state broke off in the middle of a change: the SMS ends, start it again");
            std::process::abort()
        })
    }
}

fn ended() -> Refusal {
    Refusal::new(Code::Draining, "the SMS stopped before this was remembered").help("ask again once it is back")
}

#[cfg(test)]
mod tests;
