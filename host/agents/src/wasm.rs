//! Components, by the engine.

use std::sync::Arc;

use spear_engine::{Attempt, Engine, Listener, Report, Running, Terms};
use spear_types::{AgentInfo, AgentKind, Body, Code, Implementation, InstanceCounts, Refusal};
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::{
    agent::{Agent, Artifacts, Unready},
    sandbox::Unrunnable,
};

/// Components compiled at once: the compiler uses every core by itself, and much memory.
const COMPILING: usize = 1;

/// Runs components.
pub(crate) struct Wasm {
    engine: Engine,
    compiling: Semaphore,
}

impl Wasm {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, compiling: Semaphore::new(COMPILING) }
    }
}

/// What was deployed was found to be sound: what is wrong with it here, this node lacks. An import, or a folder.
fn unready(refusal: Refusal) -> Unready {
    match refusal.code {
        Code::InvalidComponent | Code::NotGranted => Unready::Lacking(refusal),
        _ => Unready::Refused(refusal),
    }
}

impl Agent for Wasm {
    type Ready = spear_engine::Prepared;

    async fn info(&self) -> AgentInfo {
        AgentInfo { instances: self.instances(), ..AgentInfo::able(AgentKind::Wasm) }
    }

    fn instances(&self) -> InstanceCounts {
        self.engine.counts()
    }

    async fn prepare(
        self: &Arc<Self>,
        implementation: &Implementation,
        terms: &Terms,
        artifacts: &impl Artifacts,
    ) -> Result<Arc<Self::Ready>, Unready> {
        let Body::Wasm(artifact) = &implementation.body else {
            return Err(Unready::Unrunnable(Unrunnable::new("a program is no component")));
        };
        let _turn = self.compiling.acquire().await;
        let (digest, reuse) = (artifact.digest, implementation.reuse);
        let artifact = artifacts.component(&digest).await.map_err(Unready::Refused)?;
        let (wasm, terms) = (Arc::clone(self), terms.clone());
        let prepare = move || wasm.engine.prepare(&digest, &artifact, &terms, reuse);
        let broke_off = |error| {
            Unready::Refused(Refusal::new(Code::Internal, format!("preparing the component broke off: {error}")))
        };
        spawn_blocking(prepare).await.map_err(broke_off)?.map_err(unready)
    }

    async fn run<S: Send + 'static>(
        &self,
        ready: &Arc<Self::Ready>,
        attempt: Attempt,
        slot: S,
    ) -> Result<Report, Refusal> {
        self.engine.run(ready, attempt, slot).await
    }

    fn start<S: Send + 'static>(
        &self,
        ready: &Arc<Self::Ready>,
        attempt: Attempt,
        slot: S,
        listener: impl Listener,
    ) -> Result<Running, Refusal> {
        self.engine.start(ready, attempt, slot, listener)
    }

    /// A component is in the node's own program: nothing of it outlives that.
    async fn remove_left(&self) -> usize {
        0
    }

    /// As [`Agent::remove_left`].
    async fn close(&self) {}
}
