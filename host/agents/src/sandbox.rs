//! Where a program is shut in: what processes and containers have in common.
//!
//! A sandbox is one program with all that it starts, under bounds that the machine enforces. It is found by its name, also by
//! a node that was killed and is started again: whatever carries the node's prefix then is removed.

use std::{fmt, fs, future::Future, io, path::PathBuf, time::Duration};

use spear_types::Cpu;
use tokio::io::{AsyncRead, AsyncWrite};

/// A user, and a group, who has nothing on any machine: who programs are on a node that is root, unless somebody said else.
pub const NOBODY: u32 = 65_534;

/// Makes sandboxes of one kind.
pub trait Sandboxes: Send + Sync + 'static {
    /// One of them.
    type Sandbox: Sandbox;

    /// Whether it can make any, as it looks now; asked again and again, so it has to be cheap or remembered.
    fn status(&self) -> impl Future<Output = Status> + Send;

    /// Where a program finds its folders.
    fn inside(&self, spec: &Spec) -> Inside;

    /// Whether what is asked for is there: the command, or the image, which is fetched where it may be.
    ///
    /// # Errors
    /// Why not, for people: the next implementation is tried.
    fn check(&self, spec: &Spec) -> impl Future<Output = Result<(), Unrunnable>> + Send;

    /// Starts a program.
    ///
    /// # Errors
    /// [`Unrunnable`] when the program did not start. Nothing of it is left then.
    fn start(&self, spec: &Spec) -> impl Future<Output = Result<Self::Sandbox, Unrunnable>> + Send;

    /// Removes every sandbox of this node's that an earlier program of it left: processes, containers, control groups, mounts,
    /// folders. How many there were.
    fn remove_left(&self) -> impl Future<Output = usize> + Send;
}

/// One program that runs, with all that it started. Dropping it kills all of it and removes what is left, in the background.
pub trait Sandbox: Send + 'static {
    /// Its standard input.
    type Input: AsyncWrite + Send + Unpin + 'static;
    /// Its standard output and error.
    type Output: AsyncRead + Send + Unpin + 'static;

    /// Its standard streams; the first time only.
    fn streams(&mut self) -> Option<Streams<Self::Input, Self::Output>>;

    /// Waits for the end of the program itself; what it started may go on until [`Sandbox::remove`].
    fn ended(&mut self) -> impl Future<Output = Ended> + Send;

    /// Asks all of it to end (SIGTERM), and kills what has not after `grace`.
    fn stop(&mut self, grace: Duration) -> impl Future<Output = ()> + Send;

    /// What it has used up to now, of all its processes, also of those that have ended.
    fn used(&self) -> impl Future<Output = Used> + Send;

    /// Kills what is left of it and removes all of it; returns when nothing is there any more.
    fn remove(self) -> impl Future<Output = ()> + Send;
}

/// Standard streams.
#[derive(Debug)]
pub struct Streams<I, O> {
    /// Input.
    pub stdin: I,
    /// Output.
    pub stdout: O,
    /// Error.
    pub stderr: O,
}

/// What runs in a sandbox, and in which bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Names the sandbox on this machine: `PREFIX-TASK-ATTEMPT-NUMBER`, of lower-case letters, digits and hyphens, at most
    /// 100 bytes.
    pub name: String,
    /// The program and its arguments. Of a container it may be empty: then the image says.
    pub command: Vec<String>,
    /// Of a container: its image.
    pub image: Option<String>,
    /// All of its environment, beside `PATH` and `HOME`: nothing of the node's own is there.
    pub env: Vec<(String, String)>,
    /// A folder that it may read, at [`Sandboxes`]' place for it; the program's working directory where it is given.
    pub files: Option<PathBuf>,
    /// Its own folder, empty, which it may write: the working directory where there are no files, `HOME`, `TMPDIR`.
    pub folder: PathBuf,
    /// A folder with the socket for hostcalls, which it may read and connect to.
    pub hostcalls: Option<PathBuf>,
    /// What it may use.
    pub bounds: Bounds,
    /// Whether it may reach the network.
    pub network: bool,
}

/// Folders as the program sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// [`Spec::folder`].
    pub folder: PathBuf,
    /// [`Spec::hostcalls`].
    pub hostcalls: Option<PathBuf>,
}

/// What a sandbox may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of memory of all its processes together; without control groups, of each.
    pub memory: u64,
    /// Cores that it may keep busy; none: all.
    pub cpu: Option<Cpu>,
    /// Processes and threads at once.
    pub processes: u32,
    /// Open files of each process.
    pub open_files: u32,
    /// The largest file that it may write, in bytes.
    pub file_size: u64,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It returned this.
    Exited(u8),
    /// A signal ended it.
    Killed(i32),
    /// It, or what it started, needed more memory than it may have.
    OutOfMemory,
    /// Nobody knows: the daemon that had it is gone.
    Lost,
}

/// What a sandbox has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Computing time.
    pub cpu: Duration,
    /// Memory at its peak, in bytes.
    pub peak_memory: u64,
}

impl Used {
    /// The larger of each: what was used never becomes less, whoever is asked.
    #[must_use]
    pub(crate) fn or_more(self, other: Self) -> Self {
        Self { cpu: self.cpu.max(other.cpu), peak_memory: self.peak_memory.max(other.peak_memory) }
    }
}

/// Whether an agent can run anything, as it looks now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It can.
    Available {
        /// What enforces each bound: `memory: cgroup v1`, `processes: rlimit` …; what is not named is not enforced.
        enforces: Vec<(&'static str, &'static str)>,
        /// What is not there, and why, for people.
        without: Vec<String>,
    },
    /// It cannot.
    Unavailable {
        /// Why, for people.
        reason: String,
    },
}

/// Why an implementation cannot be run on this node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unrunnable {
    /// For people.
    pub reason: String,
}

impl Spec {
    /// What has to be the program's own: its folder, that of the socket for hostcalls, and the sockets in it. Blocks.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn owned(&self) -> io::Result<Vec<PathBuf>> {
        let mut owned = vec![self.folder.clone()];
        if let Some(hostcalls) = &self.hostcalls {
            owned.push(hostcalls.clone());
            let sockets = fs::read_dir(hostcalls)?.map(|entry| Ok(entry?.path()));
            owned.extend(sockets.collect::<io::Result<Vec<_>>>()?);
        }
        Ok(owned)
    }
}

impl Unrunnable {
    /// For this reason.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string() }
    }
}
