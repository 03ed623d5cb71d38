//! The node: what runs functions where it is told to.
//!
//! ```text
//!            ┌ link ◀─ orders ──────────────────────────────────── SMS
//!            │  │ attempts ─▶ node ┐        outbox ─ reports ─────▶ │
//! Spearlet ──┤                     ├▶ slots ─▶ components ─▶ engine ─▶ hostcalls
//!            └ server ─────────────┘  permit    │  prepare    one call    │
//!               Run                             ▼                         ▼
//!                                            artifacts ◀── by digest ── SMS ── objects
//! ```
//!
//! A task comes over the link and is reported over it, whatever breaks meanwhile. A call that somebody waits for comes
//! to the server, and its answer goes back the same way.

mod artifacts;
mod attempts;
mod components;
mod config;
mod door;
mod kv;
mod link;
mod machine;
mod node;
mod objects;
mod secrets;
mod server;
mod slots;
mod tasks;
mod user;
mod version;

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use spear_agents::Agents;
use spear_engine::{Allocation, Engine};
use spear_hostcalls::{Backends, Hostcalls, files::Folders, http::Network};
use spear_proto::v1::{
    Register, node_service_client::NodeServiceClient, spearlet_service_server::SpearletServiceServer,
};
use spear_types::{AgentInfo, AgentKind, Capacity, GrantPolicy, Labels, Limits, NodeName, Refusal};
use spear_wire::{
    Encode as _,
    client::kept_alive,
    max_message,
    server::{Listener, Services},
};
use tokio::{sync::watch, task::JoinError};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::transport::{Channel, Endpoint};
use uuid::Uuid;

use crate::{
    artifacts::Artifacts, components::Components, door::Door, kv::RemoteKv, link::Link, machine::capacity,
    objects::RemoteObjects, secrets::NodeSecrets, server::Runs, slots::Slots, tasks::RemoteTasks,
};
pub use crate::{config::Config, user::ProcessUser};

/// What the link may have on its way to the node before the node has looked at it: a stream of orders must not wait for
/// the network's round trips.
const LINK_WINDOW: u32 = 1 << 20;

/// Why a Spearlet could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The section `[spearlet]` makes no sense.
    #[error("[spearlet] {0}")]
    Config(String),
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
    /// The labels are not those of a node.
    #[error("[spearlet.labels]: {0}")]
    Labels(Refusal),
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
    /// The link broke off: a fault of ours.
    #[error("the link to the SMS broke off")]
    Link(#[from] JoinError),
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
    /// Looks what agents can run something.
    looks: AbortOnDropHandle<()>,
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
        config.check()?;
        let labels = config.labels().map_err(Error::Labels)?;
        let listener = Listener::bind(config.listen).await?;
        let sms = to_sms(&config.sms)?.connect_lazy();
        let (engine, hostcalls) = engine(&config, &maxima, sms.clone())?;
        let allocation = engine.allocation();
        let agents = Agents::new(engine, &hostcalls, agents(&config));
        let left = agents.remove_left().await;
        if left > 0 {
            tracing::info!(left, "what programs of an earlier start left is removed");
        }
        let (status, changes) = watch::channel(agents.info().await);
        let artifacts = Arc::new(Artifacts::open(&config.data.join("artifacts"), sms).await?);
        let register = register(&config, listener.address(), labels);
        let components = Components::new(agents, Arc::clone(&artifacts));
        let door = Arc::new(Door { node: config.node_name(), maxima, policy });
        let looks = AbortOnDropHandle::new(tokio::spawn(look(components.clone(), status)));
        let runs = Runs { door, components, slots: Slots::new(config.slots) };
        let link = Link::new(own_connection(&config.sms)?, &runs, artifacts, changes, register, config.reconnect);
        Ok(Self { listener, allocation, runs, link, looks })
    }

    /// Where the node's gRPC is reached.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The node's name.
    #[must_use]
    pub fn name(&self) -> &NodeName {
        &self.runs.door.node
    }

    /// How instances get their memory on this machine.
    #[must_use]
    pub fn allocation(&self) -> Allocation {
        self.allocation
    }

    /// Serves until `stop`, then finishes what is under way, and tells the SMS of it. A task that does not end within
    /// `grace` is stopped, and to the SMS it is lost with the node.
    ///
    /// # Errors
    /// When the server breaks off.
    pub async fn run(self, stop: CancellationToken, grace: Duration) -> Result<(), Error> {
        let Self { listener, runs, link, looks: _looks, .. } = self;
        let (limit, slots, stopped) = (max_message(&runs.door.maxima), runs.slots.clone(), stop.clone());
        let agents = runs.components.agents().clone();
        let runs = SpearletServiceServer::new(runs);
        let runs = runs.max_decoding_message_size(limit).max_encoding_message_size(limit);
        // Until the SMS knows that the node leaves, who calls it is refused, and not left without an answer.
        let left = CancellationToken::new();
        let refuse = async {
            stopped.cancelled().await;
            slots.close();
            Ok(())
        };
        // A task of its own: it shares a thread with its connection, and no wake-up lies between them.
        let link = AbortOnDropHandle::new(tokio::spawn(link.run(stop, grace)));
        let link = async {
            let _no_more_calls = left.clone().drop_guard();
            Ok(link.await?)
        };
        let serve = async { Ok(listener.serve(Services::default().with(runs), left.clone()).await?) };
        let served = tokio::try_join!(serve, link, refuse).map(|_| ());
        // What is not over by now ends with the node, and leaves nothing on the machine.
        agents.close().await;
        served
    }
}

fn register(config: &Config, address: SocketAddr, labels: Labels) -> Register {
    let Capacity { slots, cpu, memory } = capacity(config);
    Register {
        name: config.node_name().to_string(),
        address: config.advertised(address),
        slots,
        spear_version: env!("CARGO_PKG_VERSION").to_owned(),
        incarnation: Uuid::now_v7().to_string(),
        cpu_millis: cpu.as_millis(),
        memory_bytes: memory,
        labels: labels.encode(),
        ..Register::default()
    }
}

/// How often an SMS that says nothing is asked whether it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

fn to_sms(address: &str) -> Result<Endpoint, Error> {
    let endpoint = Endpoint::from_shared(address.to_owned())
        .map_err(|source| Error::SmsAddress { address: address.to_owned(), source })?;
    Ok(kept_alive(endpoint, KEEP_ALIVE))
}

/// The link's connection carries nothing else: an object that a guest is slow to read must not hold up its orders.
///
/// A call that is larger than this node takes is refused by itself: a limit here would end the link over it, and the next
/// one, on which it would come again.
fn own_connection(address: &str) -> Result<NodeServiceClient<Channel>, Error> {
    let endpoint = to_sms(address)?.initial_stream_window_size(LINK_WINDOW).initial_connection_window_size(LINK_WINDOW);
    let sms = NodeServiceClient::new(endpoint.connect_lazy());
    Ok(sms.max_decoding_message_size(usize::MAX).max_encoding_message_size(usize::MAX))
}

fn engine(config: &Config, maxima: &Limits, sms: Channel) -> Result<(Engine, Hostcalls), Error> {
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
    Ok((Engine::new(&settings, hostcalls.clone())?, hostcalls))
}

/// How often it is looked what agents can run something: a daemon that came back is used within seconds.
const LOOK: Duration = Duration::from_secs(2);

/// Tells of agents that can run something now and could not, or the other way round.
async fn look(components: Components, status: watch::Sender<Vec<AgentInfo>>) {
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        let now = components.agents().info().await;
        let changed = status.send_if_modified(|known| {
            let same = |(known, now): (&AgentInfo, &AgentInfo)| known.is_as_able_as(now);
            let changed = known.len() != now.len() || !known.iter().zip(&now).all(same);
            *known = now;
            changed
        });
        if changed {
            components.choose_anew();
        }
    }
}

/// The agents, as the operator wants them.
#[must_use]
pub fn agents(config: &Config) -> spear_agents::Config {
    let (prefix, folders) = (config.prefix(), config.runs());
    let wanted = |kind| config.agents.contains(&kind);
    spear_agents::Config {
        wasm: wanted(AgentKind::Wasm),
        process: wanted(AgentKind::Process).then(|| spear_agents::process::Config {
            user: config.user_of_processes(),
            hidden: config.hidden_from_processes(),
            ..spear_agents::process::Config::new(config.launcher.clone(), format!("{prefix}-p"), folders.clone())
        }),
        docker: wanted(AgentKind::Docker).then(|| spear_agents::docker::Config {
            host: config.docker.clone(),
            prefix: format!("{prefix}-d"),
            pull: true,
        }),
        folders,
        files: config.data.join("files"),
    }
}
