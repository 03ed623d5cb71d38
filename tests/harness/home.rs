//! A machine of its own for each test: folders and environment, and the command line.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use super::Program;

/// Held by every test that runs; by one alone, where time is measured.
static MACHINE: std::sync::LazyLock<Arc<RwLock<()>>> = std::sync::LazyLock::new(Arc::default);

/// A folder that is home, configuration and data of whatever runs in it.
pub(crate) struct Home {
    folder: TempDir,
    turn: Arc<Turn>,
}

#[expect(dead_code, reason = "what matters is how long they are held")]
enum Turn {
    Shared(OwnedRwLockReadGuard<()>),
    Alone(OwnedRwLockWriteGuard<()>),
}

/// A command that came to its end.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) async fn new() -> Self {
        Self::with(Turn::Shared(Arc::clone(&MACHINE).read_owned().await).into())
    }

    /// While no other test runs: for those that measure time.
    pub(crate) async fn alone() -> Self {
        Self::with(Turn::Alone(Arc::clone(&MACHINE).write_owned().await).into())
    }

    /// Another folder on the same disk, in the same test and in the same turn.
    pub(crate) fn beside(&self) -> Self {
        let disk = self.path().parent().expect("it is in another");
        let folder = TempDir::with_prefix_in("spear-test-", disk).expect("a folder");
        Self { folder, turn: Arc::clone(&self.turn) }
    }

    /// On the disk that this folder is on, while nothing else runs.
    #[allow(dead_code, reason = "for what is measured: no test")]
    pub(crate) async fn alone_in(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let folder = TempDir::with_prefix_in("spear-", folder).expect("a folder");
        Self { folder, turn: Turn::Alone(Arc::clone(&MACHINE).write_owned().await).into() }
    }

    fn with(turn: Arc<Turn>) -> Self {
        Self { folder: TempDir::with_prefix("spear-test-").expect("a folder"), turn }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `spear` with these arguments, in this folder and with nothing of our own environment but where programs are.
    pub(crate) fn spear<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut spear = self.command(env!("CARGO_BIN_EXE_spear"));
        spear.args(args);
        spear
    }

    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).stdin(Stdio::null()).env_clear().env("HOME", self.path());
        command.env("XDG_CONFIG_HOME", self.path().join("config")).env("XDG_STATE_HOME", self.path().join("state"));
        command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH"));
        command
    }

    pub(crate) async fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        Ran::of(self.spear(args)).await
    }
}

impl Ran {
    /// Runs a command to its end.
    pub(crate) async fn of(command: Command) -> Self {
        let mut program = Program::start(command);
        let status = program.exited().await;
        let code = status.code().unwrap_or_else(|| panic!("it ended with {status}: {}", program.stderr.text()));
        Self { code, stdout: program.stdout.text(), stderr: program.stderr.text() }
    }

    /// What it answered, once it did what it was asked.
    pub(crate) fn answer(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }

    /// What it answered to `-o json`, whatever came of it.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The error that it ended with under `-o json`: SPEAR refused.
    pub(crate) fn error(&self) -> Value {
        assert_eq!(self.code, 3, "{self:?}");
        let error: Value = serde_json::from_str(&self.stderr).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        error["error"].clone()
    }
}
