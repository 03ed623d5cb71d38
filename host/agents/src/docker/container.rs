//! One container that runs.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bollard::{container::AttachContainerResults, errors::Error, query_parameters::KillContainerOptionsBuilder};
use tokio::{
    runtime::Handle,
    sync::watch,
    task::{AbortHandle, JoinHandle},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    end::{Asked, ended},
    output::Output,
    streams::{self, Input},
    words,
};
use crate::sandbox::{Ended, Sandbox, Streams, Used};

/// Until a container that is killed has to have ended; an engine itself gives it 10 s. What takes longer is lost, and left to
/// its removal.
const KILLED: Duration = Duration::from_secs(15);

/// A program in a container.
#[derive(Debug)]
pub struct Container {
    asked: Asked,
    /// Never locked: with a lock around it a part that is for one thread at a time may be in what several refer to.
    streams: Mutex<Option<Streams<Input, Output>>>,
    ended: watch::Receiver<Option<Ended>>,
    watcher: AbortHandle,
    runtime: Handle,
    /// Whether nobody waits for its outputs to be read any more.
    killed: CancellationToken,
    removed: bool,
}

impl Container {
    /// One that was started just now; has to be called in a runtime.
    pub(super) fn new(asked: Asked, attached: AttachContainerResults) -> Self {
        let killed = CancellationToken::new();
        let streams = streams::of(attached, &killed);
        let (tell, ended) = watch::channel(None);
        let watcher = tokio::spawn(asked.clone().watch(tell)).abort_handle();
        Self {
            asked,
            streams: Mutex::new(Some(streams)),
            ended,
            watcher,
            runtime: Handle::current(),
            killed,
            removed: false,
        }
    }

    async fn signal(&self, signal: &str) {
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        match self.asked.docker.kill_container(&self.asked.name, Some(options)).await {
            // It has ended by itself.
            Ok(()) | Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) => {}
            Err(error) => {
                tracing::warn!(container = self.asked.name, signal, error = words::of(&error), "a signal was not sent");
                self.asked.engine.doubt();
            }
        }
    }

    /// Goes on also when nobody waits for it; none where it was begun before.
    fn begin_removal(&mut self) -> Option<JoinHandle<()>> {
        if std::mem::replace(&mut self.removed, true) {
            return None;
        }
        self.killed.cancel();
        self.watcher.abort();
        let Asked { engine, docker, name, .. } = self.asked.clone();
        Some(self.runtime.spawn(async move { engine.remove(&docker, &name).await }))
    }
}

impl Sandbox for Container {
    type Input = Input;
    type Output = Output;

    fn streams(&mut self) -> Option<Streams<Input, Output>> {
        self.streams.get_mut().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn ended(&mut self) -> Ended {
        ended(&mut self.ended).await
    }

    /// The program itself is asked; what it started is killed with its end.
    async fn stop(&mut self, grace: Duration) {
        if self.ended.borrow().is_some() {
            return;
        }
        if !grace.is_zero() {
            let asked = async {
                self.signal("SIGTERM").await;
                ended(&mut self.ended.clone()).await
            };
            if timeout(grace, asked).await.is_ok() {
                return;
            }
        }
        self.killed.cancel();
        let killed = async {
            self.signal("SIGKILL").await;
            ended(&mut self.ended.clone()).await
        };
        if timeout(KILLED, killed).await.is_err() {
            tracing::warn!(
                container = self.asked.name,
                "a container that was killed has not ended; nobody waits for it"
            );
            self.watcher.abort();
        }
    }

    /// What was seen last, where it has ended: of what ended within 50 ms, nothing.
    async fn used(&self) -> Used {
        if self.ended.borrow().is_none() {
            self.asked.look().await;
        }
        self.asked.used()
    }

    async fn remove(mut self) {
        if let Some(removal) = self.begin_removal()
            && let Err(error) = removal.await
        {
            tracing::warn!(container = self.asked.name, %error, "the removal of a container was cut off");
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // It goes on by itself.
        let _removal = self.begin_removal();
    }
}
