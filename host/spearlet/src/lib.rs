//! The node: what runs functions where it is told to.
//!
//! ```text
//!            ┌ link ──────── registers, beats, reconnects ───────▶ SMS
//! Spearlet ──┤
//!            └ server ─▶ slots ─▶ components ─▶ engine ─▶ hostcalls
//!               Run      permit    │  prepare    one call    │
//!                                  ▼                         ▼
//!                               artifacts ◀── by digest ── SMS ── objects
//! ```

mod artifacts;
mod components;
mod config;
mod kv;
mod link;
mod objects;
mod secrets;
mod server;
mod slots;
mod tasks;

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use spear_engine::{Allocation, Engine};
use spear_hostcalls::{Backends, Hostcalls, files::Folders, http::Network};
use spear_proto::v1::spearlet_service_server::SpearletServiceServer;
use spear_types::{GrantPolicy, Limits, NodeName};
use spear_wire::{
    max_message,
    server::{Listener, Services},
};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

pub use crate::config::Config;
use crate::{
    artifacts::Artifacts, components::Components, kv::RemoteKv, link::Link, objects::RemoteObjects,
    secrets::NodeSecrets, server::Runs, slots::Slots, tasks::RemoteTasks,
};

/// Why a Spearlet could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `sms` is not a URL.
    #[error("{address:?} is not the address of an SMS")]
    SmsAddress {
        /// The address.
        address: String,
        /// Why.
        source: tonic::transport::Error,
    },
    /// The node listens everywhere and would tell the SMS to reach it nowhere.
    #[error("listening on {0}, the node has to say where it is reached: set [spearlet] advertise, or --advertise URL")]
    Advertise(SocketAddr),
    /// The engine could not be made.
    #[error(transparent)]
    Engine(#[from] spear_engine::Error),
    /// The certificates of `ca` could not be read.
    #[error("cannot read the certificates of [spearlet] ca, {}", path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder of secrets could not be opened.
    #[error("cannot open the folder [spearlet] secrets, {}", path.display())]
    Secrets {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The artifacts' folder could not be opened.
    #[error("cannot open the artifacts")]
    Artifacts(#[from] spear_store::Error),
    /// The address could not be bound, or serving broke off.
    #[error(transparent)]
    Server(#[from] spear_wire::server::Error),
}

/// A node that is bound to its address and has not started to serve.
pub struct Spearlet {
    listener: Listener,
    allocation: Allocation,
    runs: Runs,
    link: Link,
    maxima: Limits,
}

impl Spearlet {
    /// Binds the address, opens the folders and makes the engine.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn bind(config: Config, maxima: Limits, policy: GrantPolicy) -> Result<Self, Error> {
        if config.listen.ip().is_unspecified() && config.advertise.is_none() {
            return Err(Error::Advertise(config.listen));
        }
        let listener = Listener::bind(config.listen).await?;
        let sms = connect(&config.sms)?;
        let name = config.node_name();
        let slots = Slots::new(config.slots);
        let engine = engine(&config, &maxima, sms.clone())?;
        let allocation = engine.allocation();
        let artifacts = Artifacts::open(&config.data.join("artifacts"), sms.clone()).await?;
        let link = Link::new(sms, &config, name.clone(), listener.address(), slots.clone());
        let runs = Runs::new(name, Components::new(engine, artifacts), slots, maxima.clone(), policy);
        Ok(Self { listener, allocation, runs, link, maxima })
    }

    /// Where the node's gRPC is reached.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The node's name.
    #[must_use]
    pub fn name(&self) -> &NodeName {
        self.link.name()
    }

    /// How instances get their memory on this machine.
    #[must_use]
    pub fn allocation(&self) -> Allocation {
        self.allocation
    }

    /// Serves until `stop`, then finishes the runs that are under way.
    ///
    /// # Errors
    /// When the server breaks off.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let limit = max_message(&self.maxima);
        let runs = SpearletServiceServer::new(self.runs);
        let runs = runs.max_decoding_message_size(limit).max_encoding_message_size(limit);
        let serve = self.listener.serve(Services::default().with(runs), stop.clone());
        // The link ends with `stop`, so the SMS sends nothing more while the last runs finish.
        let (served, ()) = tokio::join!(serve, self.link.run(stop));
        Ok(served?)
    }
}

fn connect(address: &str) -> Result<Channel, Error> {
    let endpoint = Endpoint::from_shared(address.to_owned())
        .map_err(|source| Error::SmsAddress { address: address.to_owned(), source })?;
    Ok(link::kept_alive(endpoint).connect_lazy())
}

fn engine(config: &Config, maxima: &Limits, sms: Channel) -> Result<Engine, Error> {
    let unread = |source| Error::Ca { path: config.ca.clone().unwrap_or_default(), source };
    let unopened = |source| Error::Secrets { path: config.secrets.clone().unwrap_or_default(), source };
    let hostcalls = Hostcalls::new(Backends {
        objects: Arc::new(RemoteObjects::new(sms.clone())),
        kv: Arc::new(RemoteKv::new(sms.clone())),
        tasks: Arc::new(RemoteTasks::new(sms, max_message(maxima))),
        secrets: Arc::new(NodeSecrets::open(config.secrets.as_deref()).map_err(unopened)?),
        network: Network::new(config.ca.as_deref()).map_err(unread)?,
        folders: Folders::new(config.files.clone()),
    });
    let settings = spear_engine::Config {
        slots: config.slots,
        threads: config.threads(),
        maxima: maxima.clone(),
        cache: config.data.join("compiled"),
    };
    Ok(Engine::new(&settings, hostcalls)?)
}
