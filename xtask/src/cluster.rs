//! A running `spear up` with data of its own, and the command line beside it.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::shell;

/// How `spear` is built.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Build {
    /// It and nothing else.
    #[default]
    Alone,
    /// As the tests have it, where they were built before: their crates' features differ, so this saves building all again.
    WithTests,
}

/// `spear up` on free ports; ends when it is dropped.
pub(crate) struct Cluster {
    program: Child,
    binary: PathBuf,
    sms: String,
    folder: Option<TempDir>,
}

impl Cluster {
    /// Builds `spear` and starts it.
    pub(crate) fn start(build: Build) -> anyhow::Result<Self> {
        shell::run(&mut match build {
            Build::Alone => shell::cargo(["build", "--package", "spear"]),
            Build::WithTests => shell::cargo(["test", "--workspace", "--no-run"]),
        })?;
        let binary = built_binary()?;
        let folder = TempDir::with_prefix("spear-")?;
        let mut command = Command::new(&binary);
        command.args(["-o", "json", "up", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path());
        let mut program =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().context("cannot start spear up")?;
        let stdout = program.stdout.take().context("spear up has no output")?;
        let sms = addresses(stdout).inspect_err(|_| drop(program.kill()))?;
        let cluster = Self { program, binary, sms, folder: Some(folder) };
        cluster.wait_for_node()?;
        Ok(cluster)
    }

    /// The answer of a command, as JSON.
    pub(crate) fn ask<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, args: I) -> anyhow::Result<Value> {
        let Output { stdout, stderr, .. } = self.command(args).output()?;
        let answer = serde_json::from_slice(&stdout);
        answer.with_context(|| format!("spear did not answer: {}", String::from_utf8_lossy(&stderr)))
    }

    /// Runs a command that has to succeed, and shows it.
    pub(crate) fn show<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, args: I) -> anyhow::Result<()> {
        let mut command = Command::new(&self.binary);
        shell::run(command.args(["--sms", &self.sms]).args(args).current_dir(shell::root()))
    }

    /// Deploys the project in `folder`.
    pub(crate) fn deploy(&self, folder: &Path) -> anyhow::Result<()> {
        let deployed = self.ask([OsStr::new("-C"), folder.as_os_str(), OsStr::new("deploy")])?;
        ensure!(deployed["result"] == "created", "the deploy of {} answered {deployed}", folder.display());
        Ok(())
    }

    /// Leaves it running; says how to talk to it and how to end it.
    pub(crate) fn keep(mut self) -> String {
        let folder = self.folder.take().map(|folder| folder.keep().display().to_string()).unwrap_or_default();
        let (binary, pid) = (self.binary.display().to_string(), self.program.id());
        let sms = self.sms.clone();
        std::mem::forget(self);
        format!(
            "It keeps running, with its data in {folder}. Talk to it:\n\n  \
             export SPEAR_CLIENT_SMS={sms}\n  {binary} function ls\n  {binary} invoke hello --data you\n\n\
             End it:\n\n  kill {pid}"
        )
    }

    /// The Spearlet registers as soon as it listens, which takes it some milliseconds.
    fn wait_for_node(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.ask(["node", "ls"])?[0]["state"] != "live" {
            ensure!(Instant::now() < deadline, "the node did not register within 10 s");
            std::thread::yield_now();
        }
        Ok(())
    }

    fn command<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, args: I) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(["-o", "json", "--sms", &self.sms]).args(args).current_dir(shell::root());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Reads where the SMS listens, and waits until the Spearlet listens too.
fn addresses(stdout: impl std::io::Read) -> anyhow::Result<String> {
    let mut sms = None;
    for line in BufReader::new(stdout).lines() {
        let line: Value = serde_json::from_str(&line?)?;
        match line["listening"].as_str() {
            Some("sms") => sms = line["url"].as_str().map(str::to_owned),
            Some("spearlet") => return sms.context("the SMS did not say where it listens"),
            _ => {}
        }
    }
    anyhow::bail!("spear up ended before it listened; run it by hand to see why: cargo run -- up")
}

fn built_binary() -> anyhow::Result<PathBuf> {
    let metadata = shell::cargo(["metadata", "--format-version", "1", "--no-deps"]).output()?;
    let metadata: Value = serde_json::from_slice(&metadata.stdout)?;
    let target = metadata["target_directory"].as_str().context("cargo has no target directory")?;
    Ok(Path::new(target).join("debug/spear"))
}
