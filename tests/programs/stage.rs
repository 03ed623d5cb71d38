//! A node with one agent, and functions for it.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use spear_types::{AgentKind, Artifact, Body, Image, Implementation, LimitRequest, Outcome, Payload, Program, Reuse};

use super::{
    engine,
    traces::{Traces, with_argument},
};
use crate::harness::{Function, Home, Invoked, Sms, eventually};

/// A node that runs the cases of one agent.
pub(crate) struct Stage {
    pub(crate) sms: Sms,
    pub(crate) agent: AgentKind,
}

/// What a process of a case has among its arguments, and no other process of this machine.
pub(crate) struct Mark(String);

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
    if agent != AgentKind::Wasm {
        engine::busybox()?;
    }
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
pub(crate) fn shell(script: &str) -> Vec<String> {
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
pub(crate) fn function(name: &str, implementations: impl IntoIterator<Item = Implementation>) -> Function {
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

    /// What its programs have on the machine.
    pub(super) fn traces(&self) -> Traces {
        Traces::of(self.sms.home.path(), self.agent == AgentKind::Docker)
    }

    /// The folder of its only run, as the program has it.
    pub(crate) async fn only_folder(&self) -> PathBuf {
        eventually("the folder of a run", async || self.traces().folders().pop()).await
    }

    /// Waits until nothing of any run is there.
    pub(super) async fn is_empty(&self) {
        eventually("no folder of a run", async || self.traces().folders().is_empty().then_some(())).await;
        assert_eq!(self.traces().containers().await, [""; 0]);
    }
}

impl Mark {
    /// Seconds that no other process sleeps for.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(format!("{}{number:03}", u64::from(std::process::id()) + 80_000_000))
    }

    /// A script that has it in place of `MARK`.
    pub(crate) fn of(&self, script: &str) -> String {
        script.replace("MARK", &self.0)
    }

    /// The processes that have it.
    pub(crate) fn processes(&self) -> Vec<String> {
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

/// The answer of a run that did not fail.
pub(super) fn reply(invoked: &Invoked) -> &Payload {
    let Outcome::Succeeded(reply) = &invoked.outcome else { panic!("{}", invoked.outcome) };
    reply
}
