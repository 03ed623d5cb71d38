//! The Spear Management Service: knows functions, nodes, tasks and objects, decides what runs where.
//!
//! ```text
//!          ┌ functions ─▶ deploys ───────────────────────────▶ store
//!          ├ invoke ────▶ direct ──┐                ┌▶ journal
//!  api ────┤ tasks ────────────────┼▶ scheduler ────┤
//! convert  │ schedules ────────────┘  state         └▶ effects ─▶ nodes (links out), watches, logs
//!          ├ nodes ─────▶ nodes (links in) ─▶ scheduler
//!          ├ logs ──────▶ logs ──────────────▶ journal
//!          └ objects, kv ────────────────────────────────────▶ store
//! ```

mod api;
mod config;
mod deploys;
mod direct;
mod disk;
mod enforceable;
mod functions;
mod logs;
mod nodes;
mod retention;
mod scheduler;
mod start;
#[cfg(test)]
mod testing;

use std::{net::SocketAddr, sync::Arc};

use spear_state::Journal;
use spear_store::{Store, TaskJournal};
use spear_types::{GrantPolicy, LimitPolicy, Refusal};
use spear_wire::{
    max_message,
    server::{self, Listener},
};
use tokio_util::sync::CancellationToken;

pub use crate::config::Config;
use crate::{
    api::Api,
    deploys::Deploys,
    direct::Direct,
    disk::Disk,
    functions::Functions,
    logs::Logs,
    nodes::{Lease, Links},
    retention::Retention,
    scheduler::{Committer, Effects, Scheduler, Watches},
};

/// Why an SMS could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The section `[sms]` makes no sense.
    #[error("[sms] {0}")]
    Config(String),
    /// The data could not be opened.
    #[error("cannot open the data")]
    Store(#[from] spear_store::Error),
    /// The tasks that were remembered could not be read.
    #[error("cannot read the tasks")]
    Tasks(#[source] Refusal),
    /// The thread that remembers could not start, or broke off.
    #[error("nothing can be remembered: {0}")]
    Committer(String),
    /// The address could not be bound, or serving broke off.
    #[error(transparent)]
    Server(#[from] server::Error),
}

/// An SMS that is bound to its address and has not started to serve.
pub struct Sms {
    listener: Listener,
    api: Api,
    scheduler: Scheduler,
    committer: Committer,
    retention: Retention,
    disk: Disk,
}

impl Sms {
    /// Binds the address and opens the data.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn bind(config: Config, policy: LimitPolicy, grants: GrantPolicy) -> Result<Self, Error> {
        config.check()?;
        let listener = Listener::bind(config.listen).await?;
        let store = Store::open(&config.data).await?;
        let journal = open_journal(&config).await?;
        let (disk, grants) = (Disk::new(Arc::clone(&journal)), Arc::new(grants));
        let functions = Functions::new(store.clone(), Arc::clone(&grants), policy.maxima.clone());
        let (state, out) = start::restore(&config, &disk, &functions).await.map_err(Error::Tasks)?;
        let (links, logs, watches) = (Links::default(), Logs::new(Arc::clone(&journal)), Watches::new());
        let effects = Effects::new(Arc::clone(&journal), watches.clone(), links.clone(), logs.clone());
        let (scheduler, committer) = scheduler::start(state, out, journal, effects.performing())
            .map_err(|error| Error::Committer(error.to_string()))?;
        // What came of the start is remembered before anybody asks.
        scheduler.look(|_| ()).await.map_err(Error::Tasks)?;
        let max_message = max_message(&policy.maxima);
        let api = Api {
            deploys: Deploys::new(store.clone(), policy, grants, functions.clone(), scheduler.clone()),
            direct: Direct::new(scheduler.clone(), links.clone(), logs.clone(), config.depth),
            functions,
            scheduler: scheduler.clone(),
            watches,
            disk: disk.clone(),
            store,
            logs,
            links,
            lease: Lease { heartbeat: config.heartbeat, silence: config.lease, max_message },
        };
        Ok(Self { listener, api, scheduler, committer, retention: Retention::of(&config), disk })
    }

    /// Where the SMS's gRPC is reached.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Serves until `stop`, then finishes what is under way and has it remembered.
    ///
    /// # Errors
    /// When the server breaks off, or nothing can be remembered any more.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let Self { listener, api, scheduler, committer, retention, disk } = self;
        let services = api.services(stop.clone());
        let served = tokio::select! {
            served = listener.serve(services, stop) => served.map_err(Error::from),
            () = scheduler.broken() => Err(Error::Committer("its thread broke off".to_owned())),
            never = scheduler::tick(scheduler.clone()) => match never {},
            never = retention.run(scheduler.clone(), disk) => match never {},
        };
        let stopped = tokio::task::spawn_blocking(|| committer.stop()).await;
        stopped.map_err(|error| Error::Committer(error.to_string())).and(served)
    }
}

async fn open_journal(config: &Config) -> Result<Arc<dyn Journal>, Error> {
    let data = config.data.clone();
    let opened = tokio::task::spawn_blocking(move || TaskJournal::open(&data)).await;
    let journal = opened.map_err(|error| Error::Committer(error.to_string()))??;
    Ok(Arc::new(journal))
}
