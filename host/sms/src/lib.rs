//! The Spear Management Service: knows functions, nodes and objects, decides what runs where.
//!
//! ```text
//!          ┌ functions ─▶ deploys ────────────────────▶ store
//!  api ────┤ invoke ───▶ scheduler ─▶ nodes ─▶ Spearlet
//! convert  │              place        slot     │
//!          │                             logs ◀─┘
//!          ├ logs ─────▶ logs
//!          ├ nodes ────▶ nodes (links in)
//!          └ objects ─────────────────────────────────▶ store
//! ```

mod api;
mod config;
mod deploys;
mod logs;
mod nodes;
mod scheduler;

use std::{net::SocketAddr, sync::Arc};

use spear_store::Store;
use spear_types::{GrantPolicy, LimitPolicy};
use spear_wire::{
    max_message,
    server::{self, Listener},
};
use tokio_util::sync::CancellationToken;

pub use crate::config::Config;
use crate::{
    api::Api,
    deploys::Deploys,
    logs::Logs,
    nodes::{Lease, Nodes},
    scheduler::Scheduler,
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
    /// The address could not be bound, or serving broke off.
    #[error(transparent)]
    Server(#[from] server::Error),
}

/// An SMS that is bound to its address and has not started to serve.
pub struct Sms {
    listener: Listener,
    api: Api,
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
        let grants = Arc::new(grants);
        let logs = Logs::new(config.log_tasks, config.log_bytes);
        let nodes = Nodes::default();
        let max_message = max_message(&policy.maxima);
        let lease = Lease { heartbeat: config.heartbeat, silence: config.lease, max_message };
        let api = Api {
            deploys: Deploys::new(store.clone(), policy, Arc::clone(&grants)),
            scheduler: Scheduler::new(nodes.clone(), logs.clone(), config.depth, grants),
            store,
            logs,
            nodes,
            lease,
        };
        Ok(Self { listener, api })
    }

    /// Where the SMS's gRPC is reached.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Serves until `stop`, then finishes what is under way.
    ///
    /// # Errors
    /// When the server breaks off.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let services = self.api.services(stop.clone());
        Ok(self.listener.serve(services, stop).await?)
    }
}
