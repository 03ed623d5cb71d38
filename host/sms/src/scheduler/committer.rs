//! The one thread that has groups remembered, one after the other.

use std::{
    sync::{Arc, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use spear_state::{Change, Journal, JournalError, Out, State};
use spear_types::{Code, Refusal};
use tokio::sync::{Notify, watch};

use super::{Scheduler, Shared, core::Core};

/// How long the disk is left alone after it did not take a group: somebody has to make room first.
const AGAIN: Duration = Duration::from_millis(500);

/// How far everything is remembered.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    /// The newest group on the disk.
    pub(super) number: u64,
    /// Why the next one is not.
    pub(super) failing: Option<Refusal>,
}

/// The thread. When it is dropped, it ends after what is pending.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread has.
struct Work<P> {
    shared: Arc<Shared>,
    journal: Arc<dyn Journal>,
    perform: P,
    memory: watch::Sender<Memory>,
}

/// Begins to serve a state. `out` is what came of making it; `perform` does what is to be done once a group of changes
/// is remembered, in their order.
///
/// # Errors
/// When the system gives no thread.
pub(crate) fn start(
    state: State,
    out: Out,
    journal: Arc<dyn Journal>,
    perform: impl FnMut(Out) -> bool + Send + 'static,
) -> std::io::Result<(Scheduler, Committer)> {
    let core = std::sync::Mutex::new(Core::new(state, out));
    let shared = Arc::new(Shared { core, work: std::sync::Condvar::new(), sooner: Notify::new() });
    let (sender, memory) = watch::channel(Memory::default());
    let mut work = Work { shared: Arc::clone(&shared), journal, perform, memory: sender };
    let thread = thread::Builder::new().name("sms-committer".to_owned()).spawn(move || work.run())?;
    Ok((Scheduler { shared: Arc::clone(&shared), memory }, Committer { shared, thread: Some(thread) }))
}

impl Committer {
    /// Has everything remembered that was done before, and ends. Blocks.
    pub(crate) fn stop(mut self) {
        self.tell();
        // A thread that panicked has said so, and everybody who waited for it was refused.
        let _ = self.thread.take().map(JoinHandle::join);
    }

    fn tell(&self) {
        self.shared.lock().stopping = true;
        self.shared.work.notify_all();
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.tell();
    }
}

impl<P: FnMut(Out) -> bool> Work<P> {
    fn run(&mut self) {
        let mut all_done = true;
        while let Some((number, out)) = self.next(all_done) {
            if !self.remember(&out.changes) {
                return;
            }
            all_done = (self.perform)(out);
            self.memory.send_modify(|memory| memory.number = number);
        }
    }

    /// Waits for a group; none at the end. Where something is left to do it waits no longer than [`AGAIN`]: then it is the
    /// last group once more, with nothing in it.
    fn next(&self, all_done: bool) -> Option<(u64, Out)> {
        let wanting = |core: &mut Core| core.is_empty() && !core.stopping;
        let longest = if all_done { Duration::MAX } else { AGAIN };
        let waited = self.shared.work.wait_timeout_while(self.shared.lock(), longest, wanting);
        // The lock itself says what a poisoned one means.
        let mut core = waited.map_or_else(|_| self.shared.lock(), |(core, _)| core);
        let last = (!core.stopping).then(|| (core.newest(), Out::default()));
        core.take().or(last)
    }

    /// Has a group remembered, however long that takes; false where that is given up: nobody is told of it.
    fn remember(&self, changes: &[Change]) -> bool {
        if changes.is_empty() {
            return true;
        }
        let mut failing = false;
        loop {
            match self.journal.commit(changes) {
                Ok(()) if failing => return self.works_again(),
                Ok(()) => return true,
                Err(JournalError::Contradiction(error)) => {
                    tracing::error!(error, "the state is not what is remembered: the SMS ends, start it again");
                    return false;
                }
                Err(error) if !failing => self.fails(&error),
                Err(_) => {}
            }
            failing = true;
            if !self.wait_to_try_again() {
                tracing::error!(changes = changes.len(), "the SMS ends, and the disk did not take the last changes");
                return false;
            }
        }
    }

    /// From now on nothing new is taken on.
    fn fails(&self, error: &JournalError) {
        tracing::error!(%error, "nothing can be remembered: the SMS takes nothing new until the disk does");
        let message = format!("the SMS can remember nothing now: {error}");
        let refusal = Refusal::new(Code::StorageFull, message)
            .help("make room on the disk of the SMS's data, and try again: it goes on by itself");
        self.shared.lock().failing = Some(refusal.clone());
        self.memory.send_modify(|memory| memory.failing = Some(refusal));
    }

    fn works_again(&self) -> bool {
        tracing::info!("the disk takes changes again");
        self.shared.lock().failing = None;
        self.memory.send_modify(|memory| memory.failing = None);
        true
    }

    /// Waits, and says whether to go on. What fails after the end was asked for is given up.
    fn wait_to_try_again(&self) -> bool {
        let waited = self.shared.work.wait_timeout_while(self.shared.lock(), AGAIN, |core| !core.stopping);
        !waited.unwrap_or_else(PoisonError::into_inner).0.stopping
    }
}
