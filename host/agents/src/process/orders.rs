//! What the node and its launchers say to each other.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// To the mother: one more cell. With it come its keeper's socket, its starter's, and a pipe that is closed when nothing of
/// the cell is there any more.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cell {
    /// Its name, for those who look at the machine's processes.
    pub(super) label: String,
    /// Whether its keeper is the first process of a namespace.
    pub(super) pid_namespace: bool,
    /// Its control groups, which are removed with it.
    pub(super) groups: Vec<PathBuf>,
}

/// To a keeper, once.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Keep {
    /// Mounts, IPC and host name of its own, and with a process namespace its own `/proc`.
    pub(super) namespaces: bool,
    /// No network.
    pub(super) no_network: bool,
    /// Whether nobody else counts what is used.
    pub(super) counts: bool,
}

/// To a keeper, again and again, one byte each. The end of the node's words is [`word::KILL`] and the end of the keeper.
pub(super) mod word {
    /// SIGTERM for all.
    pub(in crate::process) const TERM: u8 = b't';
    /// SIGKILL for all.
    pub(in crate::process) const KILL: u8 = b'k';
    /// What was used.
    pub(in crate::process) const USED: u8 = b'u';
}

/// From a keeper, one line each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Told {
    /// It stands; what the machine did not give, and why.
    Ready(Vec<(Means, String)>),
    /// The program returned.
    Exited(i32),
    /// A signal ended the program.
    Signaled(i32),
    /// No process of the cell is left but the keeper.
    Empty,
    /// What the cell's processes have used.
    Used {
        /// Computing time in ticks of a hundredth of a second.
        ticks: u64,
        /// The most memory that one process was seen to have, in bytes.
        memory: u64,
    },
}

/// What a machine may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Means {
    /// A namespace of processes with its own `/proc`.
    Processes,
    /// A namespace of mounts.
    Mounts,
    /// A namespace without network.
    Network,
    /// A file system that can only be read.
    ReadOnly,
    /// Folders of its own, and the node's hidden.
    Folders,
}

/// To a starter, ahead of its program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Prepare {
    /// The `cgroup.procs` to join.
    pub(super) groups: Vec<PathBuf>,
    /// What is to be hidden, beside `/run`, where programs have folders of their own; none: they have not.
    pub(super) hidden: Option<Vec<PathBuf>>,
    /// Whether the file system is to be for reading only, apart from the program's folder.
    pub(super) read_only: bool,
}

/// From a starter that is prepared; what the machine did not give, and why.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Prepared {
    /// As of [`Told::Ready`].
    pub(super) lacks: Vec<(Means, String)>,
}

/// A folder that a program has at another place, or in another way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bind {
    /// Where the node has it.
    pub(super) from: PathBuf,
    /// Where the program has it.
    pub(super) to: PathBuf,
    /// Whether it may write there.
    pub(super) writable: bool,
}

/// To a starter: the program. With it come its standard streams.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Start {
    /// The file to execute.
    pub(super) program: PathBuf,
    /// What it is called by, and its arguments.
    pub(super) args: Vec<String>,
    /// Its whole environment.
    pub(super) env: Vec<(String, String)>,
    /// Where it starts.
    pub(super) directory: PathBuf,
    /// What is mounted for it.
    pub(super) binds: Vec<Bind>,
    /// User and group to become.
    pub(super) user: Option<(u32, u32)>,
    /// What the kernel bounds of each process.
    pub(super) rlimits: Rlimits,
}

/// Bounds of each process; none: as the node has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rlimits {
    /// Computing time in seconds.
    pub(super) cpu: u64,
    /// Open files.
    pub(super) files: u64,
    /// Bytes of a file.
    pub(super) file_size: u64,
    /// Processes of the user, where no control group counts them.
    pub(super) processes: Option<u64>,
    /// Bytes of address space, where no control group counts memory.
    pub(super) memory: Option<u64>,
}

/// From a starter whose program did not start; the socket's end without a word says that it did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Failed {
    /// Why, for people.
    pub(super) reason: String,
}
