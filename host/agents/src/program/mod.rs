//! Programs: one contract of calls, however a program is shut in.
//!
//! ```text
//! prepare: files ─ unpacked once ─┐            call ─▶ command, environment, standard input
//!          check ─ is it here? ───┴─▶ Ready ─▶ run ─▶ sandbox ─▶ standard output ─▶ outcome
//!                                               │       │  └──── standard error ──▶ log
//!                                               └ hostcalls: a socket in the sandbox, a token for the attempt
//! ```

mod agent;
mod call;
mod called;
mod files;
mod frames;
mod instance;
mod lines;
mod outcome;
mod room;
mod run;
mod serve;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use spear_engine::{
    Attempt, Report, Terms,
    warm::{Counts, Keeper, Warm},
};
use spear_hostcalls::{ConfigureContext, Configured, Hostcalls, logs::LogBuffer};
use spear_types::{AgentKind, Artifact, Code, Granted, Grants, Image, Limits, Program, Refusal, Reuse};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::instance::Instance;
use crate::{
    agent::Unready,
    sandbox::{Bounds, Sandboxes, Spec, Unrunnable},
};

/// Processes and threads that one run may have at once.
const PROCESSES: u32 = 256;

/// Open files of each of them.
const OPEN_FILES: u32 = 1_024;

/// The largest file that one may write: what it writes is not counted against its memory.
const FILE_SIZE: u64 = 1 << 30;

/// Runs programs in sandboxes of one kind.
pub struct Programs<S> {
    kind: AgentKind,
    sandboxes: S,
    hostcalls: Hostcalls,
    /// What its sandboxes' names begin with.
    prefix: String,
    /// Where their folders are made.
    folders: PathBuf,
    /// Where files are unpacked, by digest.
    files: PathBuf,
    started: AtomicU64,
    counts: Arc<Counts>,
    /// Runs and what keeps pools: what they have on the machine is removed within them.
    runs: TaskTracker,
    closing: CancellationToken,
}

/// Where a kind of programs keeps what it has on the disk.
#[derive(Debug, Clone)]
pub struct Places {
    /// What the names of its sandboxes begin with.
    pub prefix: String,
    /// Where their folders are made.
    pub folders: PathBuf,
    /// Where files are unpacked, by digest.
    pub files: PathBuf,
}

/// What is run: a version's program, ready.
pub struct Ready<S: Sandboxes> {
    programs: Arc<Programs<S>>,
    program: Program,
    image: Option<Image>,
    files: Option<PathBuf>,
    configured: Configured,
    limits: Limits,
    /// Whether it may reach the network, which is all of it.
    network: bool,
    /// Where instances serve one call after another.
    warm: Option<Warm<Instance<S::Sandbox>>>,
}

impl<S: Sandboxes> Programs<S> {
    /// Nothing is started, and nothing looked at.
    pub fn new(kind: AgentKind, sandboxes: S, hostcalls: Hostcalls, places: Places) -> Self {
        let Places { prefix, folders, files } = places;
        let (started, counts, runs, closing) = Default::default();
        Self { kind, sandboxes, hostcalls, prefix, folders, files, started, counts, runs, closing }
    }

    async fn ready(
        self: &Arc<Self>,
        (program, image): (&Program, Option<&Image>),
        archive: Option<(Artifact, PathBuf)>,
        terms: &Terms,
        reuse: Reuse,
    ) -> Result<Ready<S>, Unready> {
        let granted = Arc::new(without_folders(&terms.granted));
        let configured = ConfigureContext { granted: &granted, settings: &terms.settings };
        let configured = self.hostcalls.configure(&configured).map_err(Unready::Refused)?;
        let files = match archive {
            Some((artifact, path)) => Some(self.unpacked(artifact, path).await.map_err(Unready::Refused)?),
            None => None,
        };
        let (program, image) = (program.clone(), image.cloned());
        let warm = match reuse {
            Reuse::Never => None,
            Reuse::Serial(pool) => Some(Warm::new(pool, &self.counts)),
        };
        let (programs, network) = (Arc::clone(self), terms.granted.effective.whole_network());
        let limits = terms.limits.clone();
        let ready = Ready { programs, program, image, files, configured, limits, network, warm };
        let spec = ready.spec(self.name(), self.folders.clone());
        self.sandboxes.check(&spec).await.map_err(Unready::Unrunnable)?;
        Ok(ready)
    }

    async fn unpacked(&self, artifact: Artifact, archive: PathBuf) -> Result<PathBuf, Refusal> {
        let folder = self.files.join(artifact.digest.to_string());
        let unpacked = folder.clone();
        let failed = |error: std::io::Error| {
            Refusal::new(Code::InvalidRequest, format!("the files cannot be unpacked: {error}"))
        };
        let unpack = move || files::unpack(&archive, &unpacked);
        let broke_off = |error| Refusal::new(Code::Internal, format!("unpacking the files broke off: {error}"));
        tokio::task::spawn_blocking(unpack).await.map_err(broke_off)?.map_err(failed)?;
        Ok(folder)
    }

    fn name(&self) -> String {
        format!("{}-{}", self.prefix, self.started.fetch_add(1, Ordering::Relaxed))
    }
}

impl<S: Sandboxes> Ready<S> {
    /// Runs one call, in a fresh sandbox or in one that waits.
    ///
    /// # Errors
    /// [`Unready`] when the program did not start.
    async fn run(&self, attempt: Attempt, log: Arc<LogBuffer>, cancel: &CancellationToken) -> Result<Report, Unready> {
        match &self.warm {
            None => run::run(&self.programs, self, attempt, log, cancel).await,
            Some(warm) => serve::serve(&self.programs, self, warm, attempt, log, cancel).await,
        }
    }

    fn spec(&self, name: String, folder: PathBuf) -> Spec {
        Spec {
            name,
            command: self.program.command().to_vec(),
            image: self.image.as_ref().map(|image| image.as_str().to_owned()),
            env: self.program.env().iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            files: self.files.clone(),
            folder,
            hostcalls: None,
            bounds: Bounds {
                memory: self.limits.memory,
                cpu: self.limits.cpu,
                processes: PROCESSES,
                open_files: OPEN_FILES,
                file_size: FILE_SIZE,
            },
            network: self.network,
        }
    }
}

impl<S: Sandboxes> Keeper for Ready<S> {
    type Instance = Instance<S::Sandbox>;

    fn warm(&self) -> Option<&Warm<Self::Instance>> {
        self.warm.as_ref()
    }

    async fn start(&self) -> Result<Self::Instance, String> {
        serve::start(&self.programs, self).await.map_err(|unready| match unready {
            Unready::Unrunnable(Unrunnable { reason }) => reason,
            Unready::Refused(refusal) | Unready::Lacking(refusal) => refusal.message,
        })
    }
}

/// Folders of the node are for components: a program that is beside one does not need them to be here.
fn without_folders(granted: &Granted) -> Granted {
    let without = |grants: &Grants| Grants { files: <_>::default(), ..grants.clone() };
    Granted { asked: without(&granted.asked), effective: without(&granted.effective) }
}

/// A folder that only this program may enter.
fn private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
