//! One instance that serves one call after another: a program that reads calls from its standard input.

use std::{io, mem, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::FutureExt as _;
use spear_engine::warm;
use spear_hostcalls::{
    logs::LogBuffer,
    remote::{Server, Session},
};
use spear_types::Outcome;
use tokio::io::BufReader;
use tokio_util::task::AbortOnDropHandle;

use super::{frames, lines, room::Room};
use crate::sandbox::{Sandbox, Streams, Used};

/// How long an instance that is not needed may take to end.
const GRACE: Duration = Duration::from_millis(500);

/// One instance.
pub struct Instance<S: Sandbox> {
    sandbox: S,
    stdin: S::Input,
    stdout: BufReader<S::Output>,
    target: Arc<lines::Target>,
    _lines: AbortOnDropHandle<()>,
    server: Server,
    room: Room,
    /// The log of the last call: what it hides, the next one hides.
    log: Arc<LogBuffer>,
    used: Used,
}

impl<S: Sandbox> Instance<S> {
    /// One that was just started; none where its streams are gone.
    pub(super) fn new(mut sandbox: S, server: Server, room: Room) -> Option<Self> {
        let Streams { stdin, stdout, stderr } = sandbox.streams()?;
        let target = Arc::<lines::Target>::default();
        let lines = AbortOnDropHandle::new(tokio::spawn(lines::read(stderr, Arc::clone(&target))));
        let (stdout, log, used) = (BufReader::new(stdout), Arc::new(LogBuffer::new(0)), Used::default());
        Some(Self { sandbox, stdin, stdout, target, _lines: lines, server, room, log, used })
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
        let before = mem::replace(&mut self.log, Arc::clone(log));
        log.hide_as(&before);
        self.target.set(Some(Arc::clone(log)));
        frames::write(&mut self.stdin, line, body).await?;
        frames::read(&mut self.stdout, limit).await
    }

    /// What it has used since this was asked last.
    pub(super) async fn used(&mut self) -> Used {
        self.target.set(None);
        let used = self.sandbox.used().await;
        let before = mem::replace(&mut self.used, used);
        Used { cpu: used.cpu.saturating_sub(before.cpu), peak_memory: used.peak_memory }
    }

    /// How its program ended; waits for that.
    pub(super) async fn ended(&mut self) -> crate::sandbox::Ended {
        self.sandbox.ended().await
    }
}

impl<S: Sandbox> warm::Instance for Instance<S> {
    fn is_over(&mut self) -> bool {
        self.sandbox.ended().now_or_never().is_some()
    }

    async fn end(mut self) {
        self.sandbox.stop(GRACE).await;
        self.sandbox.remove().await;
        drop(self.server);
        self.room.remove().await;
    }
}
