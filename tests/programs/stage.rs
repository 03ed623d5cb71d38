//! A node with one agent, and functions for it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use bollard::query_parameters::ListContainersOptionsBuilder;
use bytes::Bytes;
use spear_types::{
    AgentKind, Artifact, Body, Digest, Image, Implementation, LimitRequest, Outcome, Payload, Program, Reuse,
};

use super::engine;
use crate::harness::{Function, Home, Invoked, Sms, eventually};

/// A node that runs the cases of one agent.
pub(crate) struct Stage {
    pub(crate) sms: Sms,
    pub(crate) agent: AgentKind,
}

/// What a process of a case has among its arguments, and no other process of this machine.
pub(super) struct Mark(String);

pub(super) async fn wasm() -> Option<Stage> {
    on(AgentKind::Wasm, &[]).await
}

pub(super) async fn process() -> Option<Stage> {
    on(AgentKind::Process, &[]).await
}

pub(super) async fn docker() -> Option<Stage> {
    on(AgentKind::Docker, &[]).await
}

/// None where the machine cannot have it: somebody said so on stderr.
pub(super) async fn on(agent: AgentKind, settings: &[(&str, &str)]) -> Option<Stage> {
    at(Home::new().await, agent, settings).await
}

/// The same in a folder that is there.
pub(crate) async fn at(home: Home, agent: AgentKind, settings: &[(&str, &str)]) -> Option<Stage> {
    let engine = if agent == AgentKind::Docker { engine::host()? } else { "" };
    let agents = match agent {
        AgentKind::Wasm => r#"["wasm"]"#,
        AgentKind::Docker => r#"["wasm","process","docker"]"#,
        AgentKind::Process => r#"["wasm","process"]"#,
    };
    let own = [("SPEAR_SPEARLET_AGENTS", agents), ("SPEAR_SMS_HEARTBEAT", "20ms")];
    let docker = (agent == AgentKind::Docker).then_some(("SPEAR_SPEARLET_DOCKER", engine));
    let all: Vec<_> = own.into_iter().chain(docker).chain(settings.iter().copied()).collect();
    Some(Stage { sms: Sms::with_node_in(home, &all).await, agent })
}

/// The same shell for all agents; `$1` and the rest are the call's arguments.
pub(super) fn shell(script: &str) -> Vec<String> {
    ["busybox", "sh", "-c", script, "sh"].map(str::to_owned).into()
}

/// A program for an agent.
pub(crate) fn implementation(agent: AgentKind, command: Vec<String>, files: Option<Artifact>) -> Implementation {
    let program = Program::new(command, [("GIVEN".to_owned(), "by the manifest".to_owned())].into(), files).unwrap();
    let body = match agent {
        AgentKind::Docker => Body::Docker(image(engine::IMAGE), program),
        _ => Body::Process(program),
    };
    Implementation { body, reuse: Reuse::Never }
}

pub(super) fn image(name: &str) -> Image {
    name.to_owned().try_into().unwrap()
}

/// A program without files.
pub(super) fn function(name: &str, implementations: impl IntoIterator<Item = Implementation>) -> Function {
    Function::of(name, Bytes::new()).run_as(implementations)
}

impl Stage {
    /// A function of this script.
    pub(super) async fn script(&self, name: &str, script: &str, limits: LimitRequest) {
        let function = function(name, [implementation(self.agent, shell(script), None)]).limits(limits);
        self.sms.api.deploy(&function).await.unwrap();
    }

    /// The same; of a component, the guest of the same name.
    pub(super) async fn guest_or(&self, guest: &str, script: &str, limits: LimitRequest) {
        if self.agent == AgentKind::Wasm {
            self.sms.api.deploy(&Function::guest(guest).limits(limits)).await.unwrap();
        } else {
            self.script(guest, script, limits).await;
        }
    }

    /// Runs a script once, under the operator's limits and without a body.
    pub(super) async fn run(&self, script: &str) -> Invoked {
        self.script("once", script, LimitRequest::default()).await;
        self.sms.api.invoke("once", "").await.unwrap()
    }

    /// What a script says.
    pub(super) async fn says(&self, script: &str) -> String {
        self.run(script).await.text().to_owned()
    }

    fn data(&self) -> PathBuf {
        self.sms.home.path().join("state/spear/spearlet")
    }

    /// What the names of everything that this node makes begin with.
    fn prefix(&self) -> String {
        format!("spear-{}", &Digest::of(self.data().as_os_str().as_encoded_bytes()).to_string()[..12])
    }

    /// The folders of its runs.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        entries(&self.data().join("runs"))
    }

    /// The folder of its only run, as the program has it.
    pub(crate) async fn only_folder(&self) -> PathBuf {
        eventually("the folder of a run", async || self.folders().pop()).await
    }

    /// Waits until nothing of any run is there.
    pub(super) async fn is_empty(&self) {
        eventually("no folder of a run", async || self.folders().is_empty().then_some(())).await;
        self.has_no_container().await;
    }

    pub(super) async fn has_no_container(&self) {
        if self.agent == AgentKind::Docker {
            let client = engine::client(engine::host().unwrap());
            let label = format!("spear.prefix={}-d", self.prefix());
            let filters = [("label".to_owned(), vec![label])].into();
            let of_this_node = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
            let containers = client.list_containers(Some(of_this_node)).await.unwrap();
            assert!(containers.is_empty(), "{containers:?}");
        }
    }

    /// The control groups of its processes.
    pub(super) fn groups(&self) -> Vec<PathBuf> {
        let prefix = format!("{}-p", self.prefix());
        below(Path::new("/sys/fs/cgroup"), 6)
            .into_iter()
            .filter(|folder| folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix)))
            .collect()
    }

    /// Whether a process of it is there that has this among its arguments.
    pub(super) fn has_processes(&self) -> bool {
        !with_argument(&format!("{}-p", self.prefix())).is_empty()
    }

    pub(super) fn mounts(&self) -> Vec<String> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let data = self.data().display().to_string();
        mounts.lines().filter(|line| line.contains(&data)).map(str::to_owned).collect()
    }
}

impl Mark {
    /// Seconds that no other process sleeps for.
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(format!("{}{number:03}", u64::from(std::process::id()) + 80_000_000))
    }

    /// A script that has it in place of `MARK`.
    pub(super) fn of(&self, script: &str) -> String {
        script.replace("MARK", &self.0)
    }

    /// The processes that have it.
    pub(super) fn processes(&self) -> Vec<String> {
        with_argument(&self.0)
    }

    /// Waits until there are so many that sleep.
    pub(super) async fn sleeps(&self, count: usize) {
        let sleeping = || self.processes().iter().filter(|line| !line.contains("sh\0-c")).count();
        eventually("what sleeps", async || (sleeping() >= count).then_some(())).await;
    }

    pub(super) async fn is_gone(&self) {
        eventually("the end of all processes", async || self.processes().is_empty().then_some(())).await;
    }
}

/// The command lines of what runs on this machine, with this in them.
fn with_argument(text: &str) -> Vec<String> {
    let lines = entries(Path::new("/proc")).into_iter().filter_map(|process| fs::read(process.join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).into_owned()).filter(|line| line.contains(text)).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    // What is not there has nothing in it.
    fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

/// Folders below a folder that others change.
fn below(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let Some(depth) = depth.checked_sub(1) else { return Vec::new() };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path());
    folders.flat_map(|folder| [vec![folder.clone()], below(&folder, depth)].concat()).collect()
}

/// The answer of a run that did not fail.
pub(super) fn reply(invoked: &Invoked) -> &Payload {
    let Outcome::Succeeded(reply) = &invoked.outcome else { panic!("{}", invoked.outcome) };
    reply
}
