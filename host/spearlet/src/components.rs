//! Components that are ready to run, kept in memory.

use std::sync::Arc;

use quick_cache::sync::Cache;
use spear_engine::{Attempt, Engine, Listener, Prepared, Report, Running, Terms};
use spear_types::{Code, Digest, Refusal};
use tokio::{sync::Semaphore, task::JoinError};

use crate::artifacts::Artifacts;

/// How many are kept: their code is mapped from disk, what is held is a few KiB each.
const KEPT: usize = 1_000;

/// What makes two prepared components the same: never the function's name, which another SMS may use for other bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) digest: Digest,
    pub(crate) terms: Terms,
}

/// Components compiled at once: the compiler uses every core by itself, and much memory.
const COMPILING: usize = 1;

/// The node's engine and what it has prepared; a cheap clone.
#[derive(Clone)]
pub(crate) struct Components(Arc<Shared>);

struct Shared {
    engine: Engine,
    artifacts: Arc<Artifacts>,
    prepared: Cache<Key, Arc<Prepared>>,
    compiling: Semaphore,
}

impl Components {
    pub(crate) fn new(engine: Engine, artifacts: Arc<Artifacts>) -> Self {
        let shared = Shared { engine, artifacts, prepared: Cache::new(KEPT), compiling: Semaphore::new(COMPILING) };
        Self(Arc::new(shared))
    }

    /// The component, where it is prepared.
    pub(crate) fn kept(&self, key: &Key) -> Option<Arc<Prepared>> {
        self.0.prepared.get(key)
    }

    /// The prepared component; of many that ask at once one does the work.
    ///
    /// The work goes on when nobody waits for it any more: the next one who asks must not start it again.
    pub(crate) async fn get(&self, key: Key) -> Result<Arc<Prepared>, Refusal> {
        if let Some(prepared) = self.kept(&key) {
            return Ok(prepared);
        }
        let shared = Arc::clone(&self.0);
        let made = tokio::spawn(async move { shared.prepared.get_or_insert_async(&key, shared.prepare(&key)).await });
        made.await.map_err(broke_off)?
    }

    pub(crate) async fn run<S: Send + 'static>(
        &self,
        prepared: &Arc<Prepared>,
        attempt: Attempt,
        slot: S,
    ) -> Result<Report, Refusal> {
        self.0.engine.run(prepared, attempt, slot).await
    }

    pub(crate) fn start<S: Send + 'static>(
        &self,
        prepared: &Arc<Prepared>,
        attempt: Attempt,
        slot: S,
        listener: impl Listener,
    ) -> Result<Running, Refusal> {
        self.0.engine.start(prepared, attempt, slot, listener)
    }
}

impl Shared {
    async fn prepare(self: &Arc<Self>, key: &Key) -> Result<Arc<Prepared>, Refusal> {
        let _turn = self.compiling.acquire().await;
        let artifact = self.artifacts.get(&key.digest).await?;
        let (shared, key) = (Arc::clone(self), key.clone());
        let prepare = move || shared.engine.prepare(&key.digest, &artifact, &key.terms);
        Ok(Arc::new(tokio::task::spawn_blocking(prepare).await.map_err(broke_off)??))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn broke_off(error: JoinError) -> Refusal {
    Refusal::new(Code::Internal, format!("preparing the component broke off: {error}"))
}
