//! Programs as containers of a Docker engine, or of one that speaks its language, as Podman does.
//!
//! ```text
//! check:  image ── there? ── pulled where it may be
//! start:  create ─▶ attach ─▶ start                    three requests, and the engine's own time
//!                     │         └▶ watch: wait, stats ──▶ ended, used
//!                     └▶ streams: stdin │ stdout, stderr
//! remove: delete by force, with volumes; what the engine could not be told is swept when it is back
//! ```
//!
//! Everything of one node is found by a label with its prefix. The engine has to be on the node's own machine: folders are
//! mounted from there. What is in a container's environment can be read by whoever may speak to the engine.
//!
//! # Who a program is
//! The image's user where it says one other than root. Else, on an engine that runs as root: the node's own user, or
//! `65534:65534` where the node is root. On a rootless engine root in the container is the node's own user outside, and that
//! it is. The sandbox's folder and the hostcalls' socket are given to that user; the folder of files only has to be readable.

use std::sync::Arc;

use crate::sandbox::{Inside, Sandboxes, Spec, Status, Unrunnable};

mod container;
mod create;
mod end;
mod engine;
mod find;
mod image;
mod link;
mod output;
mod removal;
mod start;
mod streams;
mod user;
mod words;

pub use container::Container;
pub use output::Output;
pub use streams::Input;

/// How containers are made.
#[derive(Debug, Clone)]
pub struct Config {
    /// The engine: `unix:///run/docker.sock`, `tcp://127.0.0.1:2375` or a path. None: `DOCKER_HOST`, else the first of the usual
    /// sockets that answers, Docker's before Podman's.
    pub host: Option<String>,
    /// What the names of this node's sandboxes begin with; two nodes on one machine have different ones.
    pub prefix: String,
    /// Whether images that are not there are fetched.
    pub pull: bool,
}

/// Containers of one node.
#[derive(Debug)]
pub struct Containers {
    engine: Arc<engine::Engine>,
    pull: bool,
}

impl Containers {
    /// Those of this configuration. Nothing is asked of the engine yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let hosts = find::hosts(config.host, &find::Surroundings::of_this_process());
        Self { engine: Arc::new(engine::Engine::new(hosts, config.prefix)), pull: config.pull }
    }
}

impl Sandboxes for Containers {
    type Sandbox = Container;

    async fn status(&self) -> Status {
        match self.engine.link().await {
            Ok(link) => Status::Available { enforces: link.facts.enforces(), without: link.facts.without() },
            Err(reason) => Status::Unavailable { reason },
        }
    }

    fn inside(&self, spec: &Spec) -> Inside {
        let hostcalls = spec.hostcalls.as_ref().map(|_| create::HOSTCALLS.into());
        Inside { folder: create::WORK.into(), hostcalls }
    }

    async fn check(&self, spec: &Spec) -> Result<(), Unrunnable> {
        let link = self.engine.link().await.map_err(Unrunnable::new)?;
        link.facts.cover(&spec.bounds)?;
        self.engine.image(&link, image::reference(spec)?, self.pull).await.map(drop)
    }

    /// A command that the image does not have is no [`Unrunnable`]: the container's init process, which has started by then,
    /// ends with 127.
    async fn start(&self, spec: &Spec) -> Result<Container, Unrunnable> {
        let link = self.engine.link().await.map_err(Unrunnable::new)?;
        start::start(&self.engine, link, spec, self.pull).await
    }

    async fn remove_left(&self) -> usize {
        match self.engine.link().await {
            Ok(link) => self.engine.sweep(&link.docker).await,
            Err(_) => self.engine.owe(),
        }
    }
}
