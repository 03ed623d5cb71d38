//! Programs as processes of the node's machine.
//!
//! ```text
//! check ─▶ command              start ─▶ pool ─▶ cell ═ orders ═▶ starter ─▶ the program ─▶ sandbox
//!          is it here?                   cells that wait          exec       in its cell
//!                                        for a program
//! ```
//!
//! A cell has control groups, namespaces and a keeper, as far as the machine gives them; `means` chooses. It is made ahead,
//! because joining a control group takes milliseconds: a start is its orders and `exec`. Where the machine gives namespaces, a
//! program sees folders of its own and none of the node's (`layout`). Where programs run as the node's own user and without
//! namespaces, they see each other's environment, as all programs of one user do.

mod cell;
mod command;
mod frame;
mod groups;
mod launch;
mod layout;
mod left;
mod means;
mod mother;
mod mounts;
mod orders;
mod pool;
mod sandbox;

use std::{ffi::OsString, io, os::unix::fs::chown, path::PathBuf, sync::Arc};

use rustix::process::geteuid;

pub(crate) use self::groups::Groups;
use self::{cell::blocking, layout::Layout, means::Taken, orders::Start, pool::Pool};
pub use self::{launch::launch, sandbox::Process};
use crate::sandbox::{Inside, Sandboxes, Spec, Status, Unrunnable};

/// How many cells are tried for one program: one that waits, or who makes them, may have been killed by somebody else.
const ATTEMPTS: usize = 3;

/// How the node runs processes.
#[derive(Debug, Clone)]
pub struct Config {
    /// The program, and its arguments, that calls [`launch()`] before it does anything else: the node's own.
    pub launcher: Vec<OsString>,
    /// What every sandbox of this node begins with, and no other node's on this machine.
    pub prefix: String,
    /// Where the folders of sandboxes are: what begins with the prefix there and was left is removed.
    pub folders: PathBuf,
    /// The user and group that programs become; only a node that is root can have one. Where it is another than the node's
    /// own, the machine has to give namespaces: that user does not get to folders of the node.
    pub user: Option<(u32, u32)>,
    /// Folders, and files, that programs are not to see where the machine gives namespaces: those of the node. Absolute.
    pub hidden: Vec<PathBuf>,
    /// `PATH` of programs whose manifest has none.
    pub path: String,
    /// Whether programs may write nothing but their folder, where the machine allows it.
    pub read_only: bool,
    /// Whether control groups are used where the machine has them.
    pub groups: bool,
    /// Whether namespaces are used where the machine has them.
    pub namespaces: bool,
    /// How many cells wait for a program, of each kind that was asked for.
    pub ahead: usize,
}

impl Config {
    /// With everything that the machine has.
    pub fn new(launcher: Vec<OsString>, prefix: impl Into<String>, folders: impl Into<PathBuf>) -> Self {
        Self {
            launcher,
            prefix: prefix.into(),
            folders: folders.into(),
            user: None,
            hidden: Vec::new(),
            path: command::PATH.into(),
            read_only: true,
            groups: true,
            namespaces: true,
            ahead: 4,
        }
    }
}

/// Makes processes.
#[derive(Debug, Clone)]
pub struct Processes {
    config: Arc<Config>,
    pool: Arc<Pool>,
}

impl Processes {
    /// Starts nothing yet.
    pub fn new(config: Config) -> Self {
        let config = Arc::new(config);
        Self { pool: Arc::new(Pool::new(Arc::clone(&config))), config }
    }

    async fn taken(&self) -> Result<Arc<Taken>, Unrunnable> {
        if self.config.user.is_some() && !geteuid().is_root() {
            return Err(Unrunnable::new("only a node that is root can run processes as another user"));
        }
        let taken = self.pool.taken().await;
        let taken = taken.map_err(|error| Unrunnable::new(format_args!("no process can be started here: {error}")))?;
        if self.config.user.is_some_and(|(user, _)| user != 0) && !taken.own_folders {
            let what = "a process cannot be given folders of its own on this node, and so no other user than root";
            return Err(Unrunnable::new(format_args!("{what}{}", taken.because())));
        }
        Ok(taken)
    }

    /// A cell that becomes the program; nothing of it is left where it does not.
    async fn start_one(&self, spec: &Spec, taken: &Arc<Taken>) -> io::Result<Process> {
        let mut cell = self.pool.take(taken, spec.network).await?;
        match self.run(&mut cell, spec, taken).await {
            Ok(streams) => Process::new(cell, streams),
            Err(error) => {
                sandbox::end(cell).await;
                Err(error)
            }
        }
    }

    /// Has a cell become the program.
    async fn run(
        &self,
        cell: &mut cell::Cell,
        spec: &Spec,
        taken: &Arc<Taken>,
    ) -> io::Result<[std::os::fd::OwnedFd; 3]> {
        let (config, spec, taken) = (Arc::clone(&self.config), spec.clone(), Arc::clone(taken));
        let mut groups = cell.groups.clone();
        let starter = cell.starter()?;
        let (streams, groups) = blocking(move || {
            let start = start(&config, &spec, &taken)?;
            groups.bound(&spec.bounds)?;
            Ok((cell::order(&starter, &start)?, groups))
        })
        .await?;
        cell.groups = groups;
        cell.runs().await?;
        Ok(streams)
    }
}

/// The orders for a program. Blocks for what it looks up.
fn start(config: &Config, spec: &Spec, taken: &Taken) -> io::Result<Start> {
    let layout = Layout::of(spec, taken.own_folders);
    let program = command::find(spec, &layout, &config.path).map_err(io::Error::other)?;
    if let Some((user, group)) = config.user {
        spec.owned()?.iter().try_for_each(|path| chown(path, Some(user), Some(group)))?;
    }
    let others = if taken.counts_others() { left::processes_of(config.user.map(|(user, _)| user)) } else { 0 };
    Ok(Start {
        program,
        args: spec.command.clone(),
        env: command::environment(spec, &layout, &config.path),
        directory: layout.directory().to_owned(),
        binds: if taken.own_folders || taken.read_only { layout.binds(spec) } else { Vec::new() },
        user: config.user,
        rlimits: taken.rlimits(&spec.bounds, others),
    })
}

impl Sandboxes for Processes {
    type Sandbox = Process;

    async fn status(&self) -> Status {
        match self.taken().await {
            Ok(taken) => Status::Available { enforces: taken.enforces(), without: taken.without.clone() },
            Err(Unrunnable { reason }) => Status::Unavailable { reason },
        }
    }

    fn inside(&self, spec: &Spec) -> Inside {
        Layout::of(spec, self.pool.gives_own_folders()).into()
    }

    async fn check(&self, spec: &Spec) -> Result<(), Unrunnable> {
        self.taken().await?.covers(spec)?;
        let (config, spec) = (Arc::clone(&self.config), spec.clone());
        let find = move || command::find(&spec, &Layout::of(&spec, false), &config.path).map_err(io::Error::other);
        let found = blocking(find).await;
        found.map(|_| ()).map_err(Unrunnable::new)
    }

    async fn start(&self, spec: &Spec) -> Result<Process, Unrunnable> {
        let taken = self.taken().await?;
        taken.covers(spec)?;
        let mut last = io::Error::other("nobody tried");
        for _ in 0..ATTEMPTS {
            match self.start_one(spec, &taken).await {
                Ok(process) => return Ok(process),
                Err(error) => last = error,
            }
            if !launch::GONE.contains(&last.kind()) {
                break;
            }
        }
        Err(Unrunnable::new(format_args!("no process can be started here: {last}")))
    }

    async fn remove_left(&self) -> usize {
        let (config, own) = (Arc::clone(&self.config), self.pool.label().to_owned());
        blocking(move || Ok(left::remove(&config, &own))).await.unwrap_or_default()
    }
}
