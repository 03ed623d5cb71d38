//! Instances that serve one call after another, and wait between them.
//!
//! ```text
//! call ─▶ turn: no more than `max` at once ─▶ idle? ─ yes ─▶ frame ─▶ reply ─▶ idle again
//!                                               └ no: a fresh one ─┘      └ failed, late, too old: removed
//! ```

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use spear_hostcalls::{
    logs::LogBuffer,
    remote::{Server, Session},
};
use spear_types::{Outcome, Pool};
use tokio::{io::BufReader, sync::Semaphore};
use tokio_util::task::AbortOnDropHandle;

use super::{frames, lines, room::Room};
use crate::sandbox::{Sandbox, Streams, Used};

/// How long an instance that is not needed may take to end.
const GRACE: Duration = Duration::from_millis(500);

/// It is looked at least and at most so often for instances that nobody needs.
const SOON: Duration = Duration::from_millis(100);
const LATE: Duration = Duration::from_secs(10);

/// The instances of one version's program.
pub(super) struct Warm<S: Sandbox> {
    pool: Pool,
    /// One permit for each instance that may be busy.
    pub(super) turns: Semaphore,
    idle: Mutex<Vec<Waiting<S>>>,
}

struct Waiting<S: Sandbox> {
    instance: Instance<S>,
    since: Instant,
}

/// One instance.
pub(super) struct Instance<S: Sandbox> {
    sandbox: S,
    stdin: S::Input,
    stdout: BufReader<S::Output>,
    target: Arc<lines::Target>,
    _lines: AbortOnDropHandle<()>,
    server: Server,
    room: Room,
    calls: u32,
    born: Instant,
    used: Used,
}

/// Instances that are ended in time, for as long as anybody holds this.
pub(super) fn kept<S: Sandbox>(pool: Pool) -> Arc<Warm<S>> {
    let warm = Arc::new(Warm::new(pool));
    let kept = Arc::downgrade(&warm);
    tokio::spawn(async move {
        let mut looks = tokio::time::interval((pool.idle / 2).clamp(SOON, LATE));
        loop {
            looks.tick().await;
            let Some(warm) = kept.upgrade() else { return };
            warm.shrink().await;
        }
    });
    warm
}

impl<S: Sandbox> Warm<S> {
    fn new(pool: Pool) -> Self {
        Self { pool, turns: Semaphore::new(pool.max as usize), idle: Mutex::default() }
    }

    /// One that waits: the one that waited least, so that the others may go.
    pub(super) fn take(&self) -> Option<Instance<S>> {
        self.lock().pop().map(|waiting| waiting.instance)
    }

    /// Has an instance wait for the next call, or be replaced by then.
    pub(super) fn give_back(&self, instance: Instance<S>) {
        if instance.calls >= self.pool.calls || instance.born.elapsed() >= self.pool.age {
            // Nobody waits for it.
            tokio::spawn(instance.end());
            return;
        }
        self.lock().push(Waiting { instance, since: Instant::now() });
    }

    /// Ends those that nobody called for long, down to so many as are kept.
    pub(super) async fn shrink(&self) {
        for instance in self.unneeded() {
            instance.end().await;
        }
    }

    fn unneeded(&self) -> Vec<Instance<S>> {
        let mut idle = self.lock();
        let spare = idle.len().saturating_sub(self.pool.min as usize);
        let old = |waiting: &Waiting<S>| waiting.since.elapsed() >= self.pool.idle;
        // Those that wait longest come first.
        let count = idle.iter().take(spare).take_while(|waiting| old(waiting)).count();
        idle.drain(..count).map(|waiting| waiting.instance).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waiting<S>>> {
        // An instance is put in or taken out whole.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Sandbox> Instance<S> {
    /// One that was just started; none where its streams are gone.
    pub(super) fn new(mut sandbox: S, server: Server, room: Room) -> Option<Self> {
        let Streams { stdin, stdout, stderr } = sandbox.streams()?;
        let target = Arc::<lines::Target>::default();
        let lines = AbortOnDropHandle::new(tokio::spawn(lines::read(stderr, Arc::clone(&target))));
        let (stdout, born, used) = (BufReader::new(stdout), Instant::now(), Used::default());
        Some(Self { sandbox, stdin, stdout, target, _lines: lines, server, room, calls: 0, born, used })
    }

    /// Serves one call. After an error it serves no other.
    ///
    /// # Errors
    /// It ended, or does not keep to the protocol.
    pub(super) async fn serve(
        &mut self,
        line: Vec<u8>,
        body: &Bytes,
        (session, log): (&Session, &Arc<LogBuffer>),
        limit: u64,
    ) -> io::Result<Outcome> {
        self.server.admit(session);
        self.target.set(Some(Arc::clone(log)));
        self.calls += 1;
        frames::write(&mut self.stdin, line, body).await?;
        frames::read(&mut self.stdout, limit).await
    }

    /// What it has used since this was asked last.
    pub(super) async fn used(&mut self) -> Used {
        self.target.set(None);
        let used = self.sandbox.used().await;
        let before = std::mem::replace(&mut self.used, used);
        Used { cpu: used.cpu.saturating_sub(before.cpu), peak_memory: used.peak_memory }
    }

    /// How its program ended; waits for that.
    pub(super) async fn ended(&mut self) -> crate::sandbox::Ended {
        self.sandbox.ended().await
    }

    /// Ends it.
    pub(super) async fn end(mut self) {
        self.sandbox.stop(GRACE).await;
        self.sandbox.remove().await;
        drop(self.server);
        self.room.remove().await;
    }
}
