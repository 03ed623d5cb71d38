//! Programs as an agent: runs that go on without whoever asked, and end with the node.

use std::{path::PathBuf, sync::Arc};

use spear_engine::{
    Attempt, Listener, Report, Running, Terms,
    warm::{Keeper as _, keep},
};
use spear_hostcalls::logs::LogBuffer;
use spear_types::{AgentInfo, Artifact, Body, Code, Image, Implementation, InstanceCounts, Program, Refusal};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{Programs, Ready, room};
use crate::{
    agent::{Agent, Artifacts, Unready},
    sandbox::{Sandboxes, Status, Unrunnable},
};

impl<S: Sandboxes> Agent for Programs<S> {
    type Ready = Ready<S>;

    async fn info(&self) -> AgentInfo {
        let unavailable = match self.sandboxes.status().await {
            Status::Available { .. } => None,
            Status::Unavailable { reason } => Some(reason),
        };
        AgentInfo { kind: self.kind, unavailable, instances: self.instances() }
    }

    fn instances(&self) -> InstanceCounts {
        self.counts.read()
    }

    /// Its files are unpacked, its grants checked, and whether it is here at all; what keeps its pool is started.
    async fn prepare(
        self: &Arc<Self>,
        implementation: &Implementation,
        terms: &Terms,
        artifacts: &impl Artifacts,
    ) -> Result<Arc<Ready<S>>, Unready> {
        let Some((program, image)) = program(&implementation.body) else {
            return Err(Unready::Unrunnable(Unrunnable::new("a component is no program")));
        };
        let archive = archive(program.files(), artifacts).await?;
        let ready = Arc::new(self.ready((program, image), archive, terms, implementation.reuse).await?);
        if ready.warm().is_some() {
            self.runs.spawn(keep(Arc::downgrade(&ready), self.closing.clone()));
        }
        Ok(ready)
    }

    async fn run<Slot: Send + 'static>(
        &self,
        ready: &Arc<Ready<S>>,
        attempt: Attempt,
        slot: Slot,
    ) -> Result<Report, Refusal> {
        let (cancel, log) = (CancellationToken::new(), Arc::new(LogBuffer::new(ready.limits.log)));
        let _cancelled = cancel.clone().drop_guard();
        // A task of its own: a caller that goes away must not leave a sandbox half-removed.
        let report = self.runs.spawn(drive(Arc::clone(ready), attempt, log, cancel, slot)).await;
        report.map_err(|error| Refusal::new(Code::Internal, format!("the run broke off: {error}")))?
    }

    fn start<Slot: Send + 'static>(
        &self,
        ready: &Arc<Ready<S>>,
        attempt: Attempt,
        slot: Slot,
        listener: impl Listener,
    ) -> Result<Running, Refusal> {
        let told = listener.clone();
        let log = Arc::new(LogBuffer::telling(ready.limits.log, move || told.wrote()));
        let running = Running::new(&log);
        let drive = drive(Arc::clone(ready), attempt, log, running.token(), slot);
        self.runs.spawn(async move { listener.ended(drive.await) });
        Ok(running)
    }

    async fn remove_left(&self) -> usize {
        let sandboxes = self.sandboxes.remove_left().await;
        let (folders, prefix) = (self.folders.clone(), format!("{}-", self.prefix));
        // What was mounted into a sandbox is the programs', and no agent removes it for them.
        let folders = tokio::task::spawn_blocking(move || room::remove_all(&folders, &prefix)).await;
        sandboxes.max(folders.unwrap_or_default())
    }

    async fn close(&self) {
        self.closing.cancel();
        self.runs.close();
        self.runs.wait().await;
    }
}

/// A run until its end, its cancelling or the node's end.
async fn drive<S: Sandboxes, Slot: Send + 'static>(
    ready: Arc<Ready<S>>,
    attempt: Attempt,
    log: Arc<LogBuffer>,
    cancel: CancellationToken,
    slot: Slot,
) -> Result<Report, Refusal> {
    let (closing, stop) = (ready.programs.closing.clone(), cancel.clone());
    let _closing = AbortOnDropHandle::new(tokio::spawn(async move {
        closing.cancelled().await;
        stop.cancel();
    }));
    let report = ready.run(attempt, log, &cancel).await.map_err(|unready| match unready {
        Unready::Refused(refusal) | Unready::Lacking(refusal) => refusal,
        // It could a moment ago: another node may, or this one again.
        Unready::Unrunnable(Unrunnable { reason }) => {
            Refusal::new(Code::QueueFull, format!("it could not be started: {reason}"))
        }
    });
    drop(slot);
    report
}

fn program(body: &Body) -> Option<(&Program, Option<&Image>)> {
    match body {
        Body::Wasm(_) => None,
        Body::Process(program) => Some((program, None)),
        Body::Docker(image, program) => Some((program, Some(image))),
    }
}

async fn archive(files: Option<Artifact>, artifacts: &impl Artifacts) -> Result<Option<(Artifact, PathBuf)>, Unready> {
    let Some(artifact) = files else { return Ok(None) };
    Ok(Some((artifact, artifacts.archive(&artifact.digest).await.map_err(Unready::Refused)?)))
}
