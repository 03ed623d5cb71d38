//! The agents of one node, behind one face.

use std::{path::PathBuf, sync::Arc};

use spear_engine::{
    Attempt, Engine, Listener, Report, Running, Terms,
    warm::{Keeper, keep},
};
use spear_hostcalls::{Hostcalls, logs::LogBuffer};
use spear_types::{AgentInfo, AgentKind, Artifact, Body, Code, Digest, Implementation, InstanceCounts, Refusal, Reuse};
use tokio::sync::Semaphore;
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};

use crate::{
    docker::{self, Containers},
    process::{self, Processes},
    program::{self, Places, Programs, Unready},
    sandbox::{Sandboxes, Status, Unrunnable},
};

/// Components compiled at once: the compiler uses every core by itself, and much memory.
const COMPILING: usize = 1;

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

struct Shared {
    engine: Engine,
    wasm: bool,
    compiling: Semaphore,
    process: Option<Arc<Programs<Processes>>>,
    docker: Option<Arc<Programs<Containers>>>,
    /// The runs of programs and what keeps their pools: what they have on the machine is removed within them.
    runs: TaskTracker,
    closing: CancellationToken,
}

/// An implementation that can be run here.
pub struct Prepared(Kind);

enum Kind {
    Wasm(Arc<spear_engine::Prepared>),
    Process(Arc<program::Ready<Processes>>),
    Docker(Arc<program::Ready<Containers>>),
}

/// Where artifacts come from.
pub trait Artifacts: Sync {
    /// The file of a component, which was looked at; fetched where it is not there.
    fn component(&self, digest: &Digest) -> impl Future<Output = Result<PathBuf, Refusal>> + Send;

    /// The file of an archive; fetched where it is not there.
    fn archive(&self, digest: &Digest) -> impl Future<Output = Result<PathBuf, Refusal>> + Send;
}

impl Config {
    /// What the agents for programs would do on this machine, each asked once.
    pub async fn of_machine(self) -> Vec<(AgentKind, Status)> {
        let mut found = Vec::new();
        if let Some(docker) = self.docker {
            found.push((AgentKind::Docker, Containers::new(docker).status().await));
        }
        if let Some(process) = self.process {
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
        let process = process.map(|config| {
            let places = places(&config.prefix);
            Arc::new(Programs::new(AgentKind::Process, Processes::new(config), hostcalls.clone(), places))
        });
        let docker = docker.map(|config| {
            let places = places(&config.prefix);
            Arc::new(Programs::new(AgentKind::Docker, Containers::new(config), hostcalls.clone(), places))
        });
        let (runs, closing) = (TaskTracker::new(), CancellationToken::new());
        Self(Arc::new(Shared { engine, wasm, compiling: Semaphore::new(COMPILING), process, docker, runs, closing }))
    }

    /// What each of them can do now.
    pub async fn info(&self) -> Vec<AgentInfo> {
        let wasm = AgentInfo { instances: self.instances(AgentKind::Wasm), ..AgentInfo::able(AgentKind::Wasm) };
        let mut infos: Vec<AgentInfo> = self.0.wasm.then_some(wasm).into_iter().collect();
        if let Some(docker) = &self.0.docker {
            infos.push(docker.info().await);
        }
        if let Some(process) = &self.0.process {
            infos.push(process.info().await);
        }
        infos
    }

    /// What the instances of an agent that wait for calls were good for.
    #[must_use]
    pub fn instances(&self, kind: AgentKind) -> InstanceCounts {
        let Shared { engine, process, docker, .. } = &*self.0;
        match kind {
            AgentKind::Wasm => engine.counts(),
            AgentKind::Process => process.as_ref().map(|programs| programs.counts()).unwrap_or_default(),
            AgentKind::Docker => docker.as_ref().map(|programs| programs.counts()).unwrap_or_default(),
        }
    }

    /// Removes what an earlier program of this node left of its programs. How many there were.
    pub async fn remove_left(&self) -> usize {
        let mut removed = 0;
        if let Some(docker) = &self.0.docker {
            removed += docker.remove_left().await;
        }
        if let Some(process) = &self.0.process {
            removed += process.remove_left().await;
        }
        removed
    }

    /// Stops the programs that run, and waits until nothing of them is left.
    pub async fn close(&self) {
        self.0.closing.cancel();
        self.0.runs.close();
        self.0.runs.wait().await;
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
        let reuse = implementation.reuse;
        let prepared = match &implementation.body {
            Body::Wasm(_) if !self.0.wasm => return Err(not_here()),
            Body::Wasm(artifact) => Kind::Wasm(self.component(artifact.digest, terms, reuse, artifacts).await?),
            Body::Process(program) => {
                let programs = self.0.process.as_ref().ok_or_else(not_here)?;
                let archive = archive(program.files(), artifacts).await?;
                Kind::Process(self.kept(programs.prepare(program, None, archive, terms, reuse).await?))
            }
            Body::Docker(image, program) => {
                let programs = self.0.docker.as_ref().ok_or_else(not_here)?;
                let archive = archive(program.files(), artifacts).await?;
                Kind::Docker(self.kept(programs.prepare(program, Some(image), archive, terms, reuse).await?))
            }
        };
        Ok(Prepared(prepared))
    }

    /// Has the pool of a program kept, where it has one.
    fn kept<S: Sandboxes>(&self, ready: program::Ready<S>) -> Arc<program::Ready<S>> {
        let ready = Arc::new(ready);
        if ready.warm().is_some() {
            self.0.runs.spawn(keep(Arc::downgrade(&ready), self.0.closing.clone()));
        }
        ready
    }

    async fn component(
        &self,
        digest: Digest,
        terms: &Terms,
        reuse: Reuse,
        artifacts: &impl Artifacts,
    ) -> Result<Arc<spear_engine::Prepared>, Unready> {
        let _turn = self.0.compiling.acquire().await;
        let artifact = artifacts.component(&digest).await.map_err(Unready::Refused)?;
        let (shared, terms) = (Arc::clone(&self.0), terms.clone());
        let prepare = move || shared.engine.prepare(&digest, &artifact, &terms, reuse);
        let broke_off = |error| {
            Unready::Refused(Refusal::new(Code::Internal, format!("preparing the component broke off: {error}")))
        };
        let prepared = tokio::task::spawn_blocking(prepare).await.map_err(broke_off)?;
        prepared.map_err(Unready::Refused)
    }

    /// Runs one call to its end. Dropping the future cancels the run; `slot` is dropped with it.
    ///
    /// # Errors
    /// When the function did not run.
    pub async fn run<S: Send + 'static>(
        &self,
        prepared: &Arc<Prepared>,
        attempt: Attempt,
        slot: S,
    ) -> Result<Report, Refusal> {
        let cancel = CancellationToken::new();
        match &prepared.0 {
            Kind::Wasm(component) => self.0.engine.run(component, attempt, slot).await,
            Kind::Process(_) | Kind::Docker(_) => {
                let log = Arc::new(LogBuffer::new(prepared.log()));
                let cancelled = cancel.clone().drop_guard();
                let report = self.clone().drive(Arc::clone(prepared), attempt, log, cancel, slot);
                // A task of its own: a caller that goes away must not leave a sandbox half-removed.
                let report = self.0.runs.spawn(report).await;
                drop(cancelled);
                report.map_err(|error| Refusal::new(Code::Internal, format!("the run broke off: {error}")))?
            }
        }
    }

    /// Starts the same run, and tells `listener` of it. It goes on whoever waits for it.
    ///
    /// # Errors
    /// For a call that does not fit. What is refused later, the listener is told.
    pub fn start<S: Send + 'static>(
        &self,
        prepared: &Arc<Prepared>,
        attempt: Attempt,
        slot: S,
        listener: impl Listener,
    ) -> Result<Running, Refusal> {
        match &prepared.0 {
            Kind::Wasm(component) => self.0.engine.start(component, attempt, slot, listener),
            Kind::Process(_) | Kind::Docker(_) => {
                let told = listener.clone();
                let log = Arc::new(LogBuffer::telling(prepared.log(), move || told.wrote()));
                let running = Running::new(&log);
                let drive = self.clone().drive(Arc::clone(prepared), attempt, log, running.token(), slot);
                self.0.runs.spawn(async move { listener.ended(drive.await) });
                Ok(running)
            }
        }
    }

    async fn drive<S: Send + 'static>(
        self,
        prepared: Arc<Prepared>,
        attempt: Attempt,
        log: Arc<LogBuffer>,
        cancel: CancellationToken,
        slot: S,
    ) -> Result<Report, Refusal> {
        let (closing, stop) = (self.0.closing.clone(), cancel.clone());
        let _closing = AbortOnDropHandle::new(tokio::spawn(async move {
            closing.cancelled().await;
            stop.cancel();
        }));
        let report = match &prepared.0 {
            Kind::Process(program) => driven(program, attempt, log, &cancel).await,
            Kind::Docker(program) => driven(program, attempt, log, &cancel).await,
            Kind::Wasm(_) => Err(Refusal::new(Code::Internal, "what was prepared is no program")),
        };
        drop(slot);
        report
    }
}

impl Prepared {
    /// Another version is called instead: no instance is kept for calls that may never come.
    pub fn retire(&self) {
        match &self.0 {
            Kind::Wasm(component) => retire(&**component),
            Kind::Process(program) => retire(&**program),
            Kind::Docker(program) => retire(&**program),
        }
    }

    /// The limit of its runs' logs.
    fn log(&self) -> u64 {
        match &self.0 {
            Kind::Wasm(component) => component.limits().log,
            Kind::Process(program) => program.limits().log,
            Kind::Docker(program) => program.limits().log,
        }
    }
}

fn retire(keeper: &impl Keeper) {
    if let Some(warm) = keeper.warm() {
        warm.retire();
    }
}

async fn driven<S: Sandboxes>(
    program: &program::Ready<S>,
    attempt: Attempt,
    log: Arc<LogBuffer>,
    cancel: &CancellationToken,
) -> Result<Report, Refusal> {
    program.run(attempt, log, cancel).await.map_err(|unready| match unready {
        Unready::Refused(refusal) => refusal,
        // It could a moment ago: another node may, or this one again.
        Unready::Unrunnable(Unrunnable { reason }) => {
            Refusal::new(Code::QueueFull, format!("it could not be started: {reason}"))
        }
    })
}

async fn archive(files: Option<Artifact>, artifacts: &impl Artifacts) -> Result<Option<(Artifact, PathBuf)>, Unready> {
    let Some(artifact) = files else { return Ok(None) };
    Ok(Some((artifact, artifacts.archive(&artifact.digest).await.map_err(Unready::Refused)?)))
}

fn not_here() -> Unready {
    Unready::Unrunnable(Unrunnable::new("the node has no such agent"))
}
