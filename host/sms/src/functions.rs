//! Functions as they run: the stored versions, limited by the policy of today, in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use spear_placement::Ask;
use spear_store::Store;
use spear_types::{FunctionName, FunctionVersion, GrantPolicy, Limits, Refusal};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The most functions that are kept in memory.
const MAX_KEPT: usize = 10_000;

/// The most versions of one that are.
const MAX_VERSIONS: usize = 100;

/// Finds functions; a cheap clone.
#[derive(Clone)]
pub(crate) struct Functions {
    store: Store,
    policy: Arc<GrantPolicy>,
    maxima: Arc<Limits>,
    kept: Arc<Mutex<Kept>>,
    removals: Arc<RwLock<()>>,
}

/// A version of a function, and what its runs ask of a node.
#[derive(Debug, Clone)]
pub(crate) struct Runnable {
    /// The policy may be narrower than when the version was made: these are its grants and limits of today.
    pub(crate) function: Arc<FunctionVersion>,
    pub(crate) ask: Arc<Ask>,
}

#[derive(Default)]
struct Kept {
    /// By name and by the version that was asked for; none: the newest.
    functions: HashMap<FunctionName, HashMap<Option<u32>, Runnable>>,
    /// Counts changes: what was read before one is not kept after it.
    changes: u64,
}

impl Functions {
    pub(crate) fn new(store: Store, policy: Arc<GrantPolicy>, maxima: Limits) -> Self {
        Self { store, policy, maxima: Arc::new(maxima), kept: Arc::default(), removals: Arc::default() }
    }

    /// A version of a function; without a number the newest.
    ///
    /// # Errors
    /// `UnknownFunction`, `UnknownVersion`.
    pub(crate) async fn find(&self, name: &FunctionName, version: Option<u32>) -> Result<Runnable, Refusal> {
        let changes = {
            let kept = self.lock();
            if let Some(found) = kept.functions.get(name).and_then(|versions| versions.get(&version)) {
                return Ok(found.clone());
            }
            kept.changes
        };
        let found = self.limited(self.store.function(name, version).await?);
        self.keep(version, &found, changes);
        Ok(found)
    }

    /// A version as it runs under the policy of today.
    pub(crate) fn limited(&self, mut function: FunctionVersion) -> Runnable {
        function.grants = function.grants.limited(&self.policy, &function.name);
        function.limits = function.limits.at_most(&self.maxima);
        Runnable { ask: Arc::new(Ask::of(&function)), function: Arc::new(function) }
    }

    /// To be called once a function has another version, or none any more.
    pub(crate) fn changed(&self, name: &FunctionName) {
        let mut kept = self.lock();
        kept.changes += 1;
        kept.functions.remove(name);
    }

    /// While it is held no function is removed: what was found can be given to the state.
    pub(crate) async fn hold(&self) -> RwLockReadGuard<'_, ()> {
        self.removals.read().await
    }

    /// To be held from a function's removal until the state knows of it.
    pub(crate) async fn removal(&self) -> RwLockWriteGuard<'_, ()> {
        self.removals.write().await
    }

    fn keep(&self, version: Option<u32>, found: &Runnable, changes: u64) {
        let mut kept = self.lock();
        if kept.changes != changes {
            return;
        }
        if kept.functions.len() >= MAX_KEPT {
            kept.functions.clear();
        }
        let versions = kept.functions.entry(found.function.name.clone()).or_default();
        if versions.len() >= MAX_VERSIONS {
            versions.clear();
        }
        versions.insert(version, found.clone());
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Whatever is there was read from the store; what is not is read again.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
