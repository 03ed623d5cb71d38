//! Compiles, caches, limits and runs components.
//!
//! ```text
//! artifact ─▶ cache ─▶ prepared ─▶ run ─────────────────▶ Report
//!             (cwasm)  (linked,     │  deadline, one call  outcome, usage, log
//!                      granted)     ▼
//!                                  instance: a fresh one, or one that waits in a pool (warm)
//!                                  store, limiter
//! ```
//!
//! Two classes of engine stand behind one [`Engine`]: *metered* code counts fuel and is interrupted by it, *timed* code
//! is interrupted by the epoch. Code never carries both instrumentations: together they cost 2.6 times on call-heavy
//! code, alone 1.1 (epoch) to 1.6 (fuel).

mod cache;
mod class;
mod epoch;
mod instance;
mod limiter;
mod outcome;
mod places;
mod pool;
mod prepared;
mod run;
mod threads;
pub mod warm;
mod watch;
mod worlds;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use spear_hostcalls::Hostcalls;
use spear_types::{Digest, InstanceCounts, Limits, Refusal, Reuse};
use tokio_util::sync::CancellationToken;

use crate::{
    cache::CompiledCache,
    class::{Class, Classes},
    places::Places,
    prepared::House,
    threads::Threads,
    warm::Counts,
};
pub use crate::{
    pool::Allocation,
    prepared::{Owner, Prepared, Terms},
    run::{Attempt, Report},
    threads::{Listener, Running},
};

/// What a node gives to its guests.
#[derive(Debug, Clone)]
pub struct Config {
    /// Runs at once; sizes the pools.
    pub slots: u32,
    /// Threads that guests run on.
    pub threads: usize,
    /// The most that any run may ask for; memory and tables size the pools.
    pub maxima: Limits,
    /// Where compiled code is kept.
    pub cache: PathBuf,
}

/// Why a node's engine could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// wasmtime refused its configuration, or two capabilities define one name.
    #[error("cannot make the engine: {0:#}")]
    Wasmtime(wasmtime::Error),
    /// The threads or the folder for compiled code could not be made.
    #[error("cannot make the engine")]
    Io(#[from] std::io::Error),
}

impl From<wasmtime::Error> for Error {
    fn from(error: wasmtime::Error) -> Self {
        Self::Wasmtime(error)
    }
}

/// Runs components. Dropping it stops its threads.
pub struct Engine {
    // Dropped in this order: guests that still run need the epoch to come to their next yield.
    guests: Threads,
    classes: Classes,
    cache: CompiledCache,
    hostcalls: Hostcalls,
    places: Arc<Places>,
    counts: Arc<Counts>,
}

impl Engine {
    /// An engine for these guests.
    ///
    /// # Errors
    /// See [`Error`]. A machine whose address space does not allow the pools gets on-demand allocation, with a warning.
    pub fn new(config: &Config, hostcalls: Hostcalls) -> Result<Self, Error> {
        Ok(Self {
            classes: Classes::new(config, &hostcalls)?,
            cache: CompiledCache::open(&config.cache)?,
            guests: Threads::start(config.threads)?,
            hostcalls,
            places: Arc::new(Places::new(config.slots)),
            counts: Arc::default(),
        })
    }

    /// How instances get their memory on this machine.
    #[must_use]
    pub fn allocation(&self) -> Allocation {
        self.classes.allocation
    }

    /// Compiles an artifact, or takes its compiled code from the cache, links it and checks its grants.
    ///
    /// Blocks for as long as the compiler needs: 0.1 ms from the cache, about a second for each MiB of component.
    ///
    /// # Errors
    /// `InvalidComponent` when it does not compile or link or exports no function, or is a command that is to serve more
    /// than one call; and what a capability says of its grant.
    pub fn prepare(
        &self,
        digest: &Digest,
        artifact: &Path,
        terms: &Terms,
        reuse: Reuse,
    ) -> Result<Arc<Prepared>, Refusal> {
        let class = self.classes.of(&terms.limits);
        let component = self.compiled(class, digest, artifact)?;
        let Self { hostcalls, places, counts, .. } = self;
        let prepared = Prepared::new(&House { class, hostcalls, places, counts }, &component, terms, reuse)?;
        let prepared = Arc::new(prepared);
        if prepared.warm.is_some() {
            self.places.know(&prepared);
            self.guests.spawn(warm::keep(Arc::downgrade(&prepared), CancellationToken::new()))?;
        }
        Ok(prepared)
    }

    /// What instances that served more than one call were good for.
    #[must_use]
    pub fn counts(&self) -> InstanceCounts {
        self.counts.read()
    }

    fn compiled(
        &self,
        class: &Class,
        digest: &Digest,
        artifact: &Path,
    ) -> Result<wasmtime::component::Component, Refusal> {
        if let Some(component) = self.cache.load(&class.engine, digest) {
            return Ok(component);
        }
        let component = prepared::compile(&class.engine, artifact)?;
        self.cache.store(&class.engine, digest, &component);
        // What was compiled sits in memory for good, what is loaded is mapped from its file.
        Ok(self.cache.load(&class.engine, digest).unwrap_or(component))
    }

    /// Runs one call in a fresh instance or in one that waits, on the engine's own threads. Dropping the future cancels the run; `slot` is
    /// dropped with the instance.
    ///
    /// # Errors
    /// `QueueFull` when the pools are used up, `InvalidComponent` when what is called has another type than it should,
    /// and for a call that does not fit the component `InvalidRequest` or `UnknownExport`. All that happens once the
    /// guest has started is in the report.
    pub async fn run<S: Send + 'static>(
        &self,
        prepared: &Arc<Prepared>,
        attempt: Attempt,
        slot: S,
    ) -> Result<Report, Refusal> {
        self.guests.run(prepared, attempt, slot).await
    }

    /// Starts the same run, and tells `listener` of it. It goes on whoever waits for it.
    ///
    /// # Errors
    /// For a call that does not fit the component. What [`Engine::run`] refuses later, the listener is told.
    pub fn start<S: Send + 'static>(
        &self,
        prepared: &Arc<Prepared>,
        attempt: Attempt,
        slot: S,
        listener: impl Listener,
    ) -> Result<Running, Refusal> {
        self.guests.begin(prepared, attempt, slot, listener)
    }
}
