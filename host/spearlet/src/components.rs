//! Components that are ready to run, kept in memory.

use std::sync::Arc;

use quick_cache::sync::Cache;
use spear_engine::{Attempt, Engine, Prepared, Report};
use spear_types::{Code, Digest, Grants, Limits, Refusal};

use crate::artifacts::Artifacts;

/// How many are kept: their code is mapped from disk, what is held is a few KiB each.
const KEPT: usize = 1_000;

/// What makes two prepared components the same: never the function's name, which another SMS may use for other bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) digest: Digest,
    pub(crate) grants: Grants,
    pub(crate) limits: Limits,
}

/// The node's engine and what it has prepared.
pub(crate) struct Components {
    engine: Arc<Engine>,
    artifacts: Artifacts,
    prepared: Cache<Key, Arc<Prepared>>,
}

impl Components {
    pub(crate) fn new(engine: Engine, artifacts: Artifacts) -> Self {
        Self { engine: Arc::new(engine), artifacts, prepared: Cache::new(KEPT) }
    }

    /// The prepared component; of many that ask at once one does the work.
    pub(crate) async fn get(&self, key: Key) -> Result<Arc<Prepared>, Refusal> {
        self.prepared.get_or_insert_async(&key, self.prepare(&key)).await
    }

    pub(crate) async fn run(&self, prepared: &Arc<Prepared>, attempt: Attempt) -> Result<Report, Refusal> {
        self.engine.run(prepared, attempt).await
    }

    async fn prepare(&self, key: &Key) -> Result<Arc<Prepared>, Refusal> {
        let artifact = self.artifacts.get(&key.digest).await?;
        let (engine, key) = (Arc::clone(&self.engine), key.clone());
        let prepare = move || engine.prepare(&key.digest, &artifact, &key.grants, &key.limits);
        let prepared = tokio::task::spawn_blocking(prepare).await;
        let prepared =
            prepared.map_err(|error| Refusal::new(Code::Internal, format!("the compiler broke off: {error}")))?;
        Ok(Arc::new(prepared?))
    }
}
