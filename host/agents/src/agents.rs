//! The agents of one node, behind one face.

use std::{path::PathBuf, sync::Arc};

use spear_engine::{Attempt, Engine, Listener, Report, Running, Terms};
use spear_hostcalls::Hostcalls;
use spear_types::{AgentInfo, AgentKind, Body, Implementation, InstanceCounts, Refusal};

use crate::{
    agent::{Agent, Artifacts, Unready},
    docker::{self, Containers},
    process::{self, Processes},
    program::{Places, Programs},
    sandbox::{Sandboxes, Status, Unrunnable},
    wasm::Wasm,
};

/// What a node runs implementations with; a cheap clone.
#[derive(Clone)]
pub struct Agents(Arc<Shared>);

/// Which agents a node has.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Components.
    pub wasm: bool,
    /// Programs as processes.
    pub process: Option<process::Config>,
    /// Programs as containers.
    pub docker: Option<docker::Config>,
    /// Where the folders of programs' runs are made.
    pub folders: PathBuf,
    /// Where programs' files are unpacked.
    pub files: PathBuf,
}

/// None: the operator does not want it.
struct Shared {
    wasm: Option<Arc<Wasm>>,
    docker: Option<Arc<Programs<Containers>>>,
    process: Option<Arc<Programs<Processes>>>,
}

/// An implementation that can be run here.
pub struct Prepared(Kind);

enum Kind {
    Wasm(Of<Wasm>),
    Docker(Of<Programs<Containers>>),
    Process(Of<Programs<Processes>>),
}

struct Of<A: Agent> {
    agent: Arc<A>,
    ready: Arc<A::Ready>,
}

impl Config {
    /// What the agents for programs would do on this machine, each asked once.
    pub async fn of_machine(self) -> Vec<(AgentKind, Status)> {
        let mut found = Vec::new();
        if let Some(docker) = self.docker {
            found.push((AgentKind::Docker, Containers::new(docker).status().await));
        }
        if let Some(process) = self.process {
            // Nobody comes for what would be made ahead.
            let process = process::Config { ahead: 0, ..process };
            found.push((AgentKind::Process, Processes::new(process).status().await));
        }
        found
    }
}

impl Agents {
    /// Those of one node. Nothing is looked at yet.
    #[must_use]
    pub fn new(engine: Engine, hostcalls: &Hostcalls, config: Config) -> Self {
        let Config { wasm, process, docker, folders, files } = config;
        let places =
            |prefix: &str| Places { prefix: prefix.to_owned(), folders: folders.clone(), files: files.clone() };
        let docker = docker.map(|config| {
            let places = places(&config.prefix);
            Arc::new(Programs::new(AgentKind::Docker, Containers::new(config), hostcalls.clone(), places))
        });
        let process = process.map(|config| {
            let places = places(&config.prefix);
            Arc::new(Programs::new(AgentKind::Process, Processes::new(config), hostcalls.clone(), places))
        });
        Self(Arc::new(Shared { wasm: wasm.then(|| Arc::new(Wasm::new(engine))), docker, process }))
    }

    /// What each of them can do now.
    pub async fn info(&self) -> Vec<AgentInfo> {
        let Shared { wasm, docker, process } = &*self.0;
        let (wasm, docker, process) =
            tokio::join!(info(wasm.as_deref()), info(docker.as_deref()), info(process.as_deref()));
        [wasm, docker, process].into_iter().flatten().collect()
    }

    /// What the instances of an agent that wait for calls were good for.
    #[must_use]
    pub fn instances(&self, kind: AgentKind) -> InstanceCounts {
        let Shared { wasm, docker, process } = &*self.0;
        let counts = match kind {
            AgentKind::Wasm => wasm.as_ref().map(|agent| agent.instances()),
            AgentKind::Docker => docker.as_ref().map(|agent| agent.instances()),
            AgentKind::Process => process.as_ref().map(|agent| agent.instances()),
        };
        counts.unwrap_or_default()
    }

    /// Removes what an earlier program of this node left of its runs. How many there were.
    pub async fn remove_left(&self) -> usize {
        let Shared { wasm, docker, process } = &*self.0;
        left(wasm.as_deref()).await + left(docker.as_deref()).await + left(process.as_deref()).await
    }

    /// Stops what would outlive the node, and waits until nothing of it is left.
    pub async fn close(&self) {
        let Shared { wasm, docker, process } = &*self.0;
        tokio::join!(close(wasm.as_deref()), close(docker.as_deref()), close(process.as_deref()));
    }

    /// Makes an implementation ready to run.
    ///
    /// # Errors
    /// [`Unready::Unrunnable`] where this node cannot run it, and another may be tried.
    pub async fn prepare(
        &self,
        implementation: &Implementation,
        terms: &Terms,
        artifacts: &impl Artifacts,
    ) -> Result<Prepared, Unready> {
        let Shared { wasm, docker, process } = &*self.0;
        Ok(Prepared(match &implementation.body {
            Body::Wasm(_) => Kind::Wasm(of(wasm.as_ref(), implementation, terms, artifacts).await?),
            Body::Docker(..) => Kind::Docker(of(docker.as_ref(), implementation, terms, artifacts).await?),
            Body::Process(_) => Kind::Process(of(process.as_ref(), implementation, terms, artifacts).await?),
        }))
    }
}

impl Prepared {
    /// Runs one call to its end; what it used is in the report. Dropping the future cancels the run; `slot` is dropped with it.
    ///
    /// # Errors
    /// When the function did not run.
    pub async fn run<S: Send + 'static>(&self, attempt: Attempt, slot: S) -> Result<Report, Refusal> {
        match &self.0 {
            Kind::Wasm(Of { agent, ready }) => agent.run(ready, attempt, slot).await,
            Kind::Docker(Of { agent, ready }) => agent.run(ready, attempt, slot).await,
            Kind::Process(Of { agent, ready }) => agent.run(ready, attempt, slot).await,
        }
    }

    /// Starts the same run, and tells `listener` of it. It goes on whoever waits for it, until what is returned cancels it.
    ///
    /// # Errors
    /// For a call that does not fit. What is refused later, the listener is told.
    pub fn start<S: Send + 'static>(
        &self,
        attempt: Attempt,
        slot: S,
        listener: impl Listener,
    ) -> Result<Running, Refusal> {
        match &self.0 {
            Kind::Wasm(Of { agent, ready }) => agent.start(ready, attempt, slot, listener),
            Kind::Docker(Of { agent, ready }) => agent.start(ready, attempt, slot, listener),
            Kind::Process(Of { agent, ready }) => agent.start(ready, attempt, slot, listener),
        }
    }

    /// Another version is called instead: no instance is kept for calls that may never come.
    pub fn retire(&self) {
        match &self.0 {
            Kind::Wasm(Of { agent, ready }) => agent.retire(ready),
            Kind::Docker(Of { agent, ready }) => agent.retire(ready),
            Kind::Process(Of { agent, ready }) => agent.retire(ready),
        }
    }
}

async fn of<A: Agent>(
    agent: Option<&Arc<A>>,
    implementation: &Implementation,
    terms: &Terms,
    artifacts: &impl Artifacts,
) -> Result<Of<A>, Unready> {
    let not_here = || Unready::Unrunnable(Unrunnable::new("the node has no such agent"));
    let agent = Arc::clone(agent.ok_or_else(not_here)?);
    let ready = agent.prepare(implementation, terms, artifacts).await?;
    Ok(Of { agent, ready })
}

async fn info<A: Agent>(agent: Option<&A>) -> Option<AgentInfo> {
    Some(agent?.info().await)
}

async fn left<A: Agent>(agent: Option<&A>) -> usize {
    match agent {
        Some(agent) => agent.remove_left().await,
        None => 0,
    }
}

async fn close<A: Agent>(agent: Option<&A>) {
    if let Some(agent) = agent {
        agent.close().await;
    }
}
