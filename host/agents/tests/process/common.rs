use std::{fs, path::Path, time::Duration};

use spear_agents::{
    process::{Config, Process, Processes},
    sandbox::{Bounds, Ended, Sandbox, Sandboxes, Spec, Status},
};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

/// How long anything may take, on a machine that is busy with other things.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) const HELPER: &str = env!("CARGO_BIN_EXE_process-helper");

/// A node's processes, and its folder.
pub(crate) struct Node {
    pub(crate) processes: Processes,
    pub(crate) folders: TempDir,
    pub(crate) prefix: String,
}

impl Node {
    pub(crate) fn new(test: &str) -> Self {
        Self::with(test, |_| {})
    }

    pub(crate) fn with(test: &str, change: impl FnOnce(&mut Config)) -> Self {
        let folders = tempfile::tempdir().unwrap();
        let prefix = format!("sptest-{}-{test}", std::process::id());
        let mut config = Config::new(vec![HELPER.into(), "launch".into()], &prefix, folders.path());
        config.ahead = 1;
        change(&mut config);
        Self { processes: Processes::new(config), folders, prefix }
    }

    /// A command in an own folder. Without namespaces there is no keeping it from the network.
    pub(crate) async fn spec(&self, number: u32, command: &[&str]) -> Spec {
        let name = format!("{}-task-1-{number}", self.prefix);
        let folder = self.folders.path().join(&name);
        fs::create_dir_all(&folder).unwrap();
        let bounds = Bounds { memory: 256 << 20, cpu: None, processes: 64, open_files: 64, file_size: 8 << 20 };
        let network = !self.enforces("network").await;
        let command = command.iter().map(|part| (*part).to_owned()).collect();
        Spec { name, command, image: None, env: vec![], files: None, folder, hostcalls: None, bounds, network }
    }

    pub(crate) async fn enforces(&self, what: &str) -> bool {
        match self.processes.status().await {
            Status::Available { enforces, .. } => enforces.iter().any(|(bound, _)| *bound == what),
            Status::Unavailable { reason } => panic!("{reason}"),
        }
    }

    pub(crate) async fn start(&self, command: &[&str]) -> Process {
        self.processes.start(&self.spec(0, command).await).await.unwrap()
    }

    pub(crate) async fn shell(&self, script: &str) -> Process {
        self.start(&["sh", "-c", script]).await
    }

    /// Runs a script to its end: how it ended, its output, its errors.
    pub(crate) async fn run(&self, script: &str) -> (Ended, String, String) {
        finish(self.shell(script).await).await
    }
}

pub(crate) async fn finish(mut process: Process) -> (Ended, String, String) {
    let mut streams = process.streams().unwrap();
    drop(streams.stdin);
    let (mut output, mut errors) = (String::new(), String::new());
    let read = async {
        tokio::try_join!(streams.stdout.read_to_string(&mut output), streams.stderr.read_to_string(&mut errors))
            .unwrap();
        process.ended().await
    };
    let ended = tokio::time::timeout(LONG, read).await.expect("it ends");
    tokio::time::timeout(LONG, process.remove()).await.expect("it is removed");
    (ended, output, errors)
}

/// Waits for a line of a stream.
pub(crate) async fn line(from: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let read = async {
        let mut line = Vec::new();
        loop {
            match from.read_u8().await {
                Ok(b'\n') | Err(_) => break String::from_utf8(line).unwrap(),
                Ok(byte) => line.push(byte),
            }
        }
    };
    tokio::time::timeout(LONG, read).await.expect("a line")
}

/// The machine's processes that have `text` in their arguments or environment.
pub(crate) fn processes_with(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let path = entry.path();
        if !entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit())
            || entry.file_name().to_string_lossy() == std::process::id().to_string()
        {
            continue;
        }
        let read = |name: &str| fs::read(path.join(name)).unwrap_or_default();
        let all = [read("cmdline"), read("environ")].concat();
        let all = String::from_utf8_lossy(&all);
        if all.contains(text) {
            found.push(format!("{}: {}", path.display(), all.replace('\0', " ")));
        }
    }
    found
}

/// Launchers of these stages whose label begins with `prefix`.
pub(crate) fn launchers(prefix: &str, stages: &[&str]) -> Vec<rustix::process::Pid> {
    let is = |line: &String| stages.iter().any(|stage| line.contains(&format!(" {stage} {prefix}")));
    let pid = |line: String| line.strip_prefix("/proc/")?.split(':').next()?.parse().ok();
    let all = processes_with(prefix).into_iter().filter(is);
    all.filter_map(|line| rustix::process::Pid::from_raw(pid(line)?)).collect()
}

/// Control groups with `text` in their names.
pub(crate) fn groups_with(text: &str) -> Vec<String> {
    fn search(folder: &Path, text: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_string_lossy().contains(text) {
                    found.push(entry.path().display().to_string());
                }
                search(&entry.path(), text, found);
            }
        }
    }
    let mut found = Vec::new();
    search(Path::new("/sys/fs/cgroup"), text, &mut found);
    found
}

/// Waits until a question has the answer it is waited for; the last answer otherwise.
pub(crate) async fn until<T: PartialEq + std::fmt::Debug>(wanted: T, mut ask: impl FnMut() -> T) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let begun = std::time::Instant::now();
    loop {
        ticks.tick().await;
        let answer = ask();
        if answer == wanted {
            return;
        }
        assert!(begun.elapsed() < LONG, "{answer:?} instead of {wanted:?}");
    }
}

impl Node {
    async fn enforces_by(&self, what: &str, by: &str) -> bool {
        let Status::Available { enforces, .. } = self.processes.status().await else { return false };
        enforces.iter().any(|(one, other)| *one == what && other.starts_with(by))
    }

    /// Whether processes have a namespace.
    pub(crate) async fn processes_are_apart(&self) -> bool {
        self.enforces_by("end", "namespace").await
    }

    /// Whether memory is that of all processes together.
    pub(crate) async fn counts_memory(&self) -> bool {
        self.enforces_by("memory", "cgroup").await
    }
}
