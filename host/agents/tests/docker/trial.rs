//! One program in a container, from its start to its end.

use std::{
    future::Future,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::Duration,
};

use bollard::query_parameters::ListContainersOptionsBuilder;
use spear_agents::{
    docker::{Config, Container, Containers, Input, Output},
    sandbox::{Bounds, Ended, Sandbox, Sandboxes, Spec, Streams, Unrunnable},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{interval, timeout},
};

use crate::engine;

/// Longer than anything here takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// Containers with a prefix of their own.
pub(crate) struct Trial {
    pub(crate) containers: Containers,
    pub(crate) host: String,
    pub(crate) prefix: String,
    folder: TempDir,
    next: AtomicU32,
}

pub(crate) struct Ran {
    pub(crate) ended: Ended,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Ran {
    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

impl Trial {
    /// None where there is no engine.
    pub(crate) fn new() -> Option<Self> {
        engine::host().map(Self::on)
    }

    pub(crate) fn on(host: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let prefix = format!("t{}x{}", std::process::id(), NEXT.fetch_add(1, SeqCst));
        let containers = containers(host, &prefix);
        let folder = TempDir::new().expect("a folder");
        Self { containers, host: host.to_owned(), prefix, folder, next: AtomicU32::new(1) }
    }

    pub(crate) fn spec(&self, command: &[&str]) -> Spec {
        let number = self.next.fetch_add(1, SeqCst);
        let folder = self.folder.path().join(number.to_string());
        std::fs::create_dir(&folder).expect("a folder");
        Spec {
            name: format!("{}-{number}", self.prefix),
            command: command.iter().map(|&word| word.to_owned()).collect(),
            image: Some(engine::IMAGE.to_owned()),
            env: Vec::new(),
            files: None,
            folder,
            hostcalls: None,
            bounds: Bounds { memory: 64 << 20, cpu: None, processes: 32, open_files: 128, file_size: 1 << 20 },
            network: false,
        }
    }

    pub(crate) fn shell(&self, script: &str) -> Spec {
        self.spec(&["sh", "-c", script])
    }

    pub(crate) async fn start(&self, spec: &Spec) -> (Container, Streams<Input, Output>) {
        let mut container = soon(self.containers.start(spec)).await.expect("it starts");
        let streams = container.streams().expect("the first time");
        (container, streams)
    }

    pub(crate) async fn refused(&self, spec: &Spec) -> Unrunnable {
        soon(self.containers.start(spec)).await.expect_err("it does not start")
    }

    /// Runs it with this input to its end, and removes it.
    pub(crate) async fn run(&self, spec: &Spec, input: &[u8]) -> Ran {
        let (mut container, streams) = self.start(spec).await;
        let (stdout, stderr) = soon(talk(streams, input)).await;
        let ended = soon(container.ended()).await;
        soon(container.remove()).await;
        Ran { ended, stdout, stderr }
    }

    /// The containers of this prefix, as the engine says.
    pub(crate) async fn there(&self) -> Vec<String> {
        let ours = [("label".to_owned(), vec![format!("spear.prefix={}", self.prefix)])].into();
        let all = ListContainersOptionsBuilder::new().all(true).filters(&ours).build();
        let all = engine::client(&self.host).list_containers(Some(all)).await.expect("the engine answers");
        all.into_iter().flat_map(|container| container.names.unwrap_or_default()).collect()
    }

    pub(crate) async fn nothing_is_left(&self) {
        until(async || self.there().await.is_empty()).await;
    }
}

impl Drop for Trial {
    /// The test's runtime ends before what it dropped last is removed.
    fn drop(&mut self) {
        let (host, prefix) = (self.host.clone(), self.prefix.clone());
        engine::on_its_own_thread(move || async move { containers(&host, &prefix).remove_left().await });
    }
}

pub(crate) fn containers(host: &str, prefix: &str) -> Containers {
    Containers::new(Config { host: Some(host.to_owned()), prefix: prefix.to_owned(), pull: false })
}

async fn talk(streams: Streams<Input, Output>, input: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let Streams { mut stdin, mut stdout, mut stderr } = streams;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let write = async {
        // A program that does not read its input is no failure here.
        let written = stdin.write_all(input).await;
        stdin.shutdown().await.and(written).ok();
    };
    let (_, read, also) = tokio::join!(write, stdout.read_to_end(&mut out), stderr.read_to_end(&mut err));
    read.and(also).expect("memory does not fail");
    (out, err)
}

/// What takes too long fails.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(DEADLINE, work).await.expect("it takes no longer than the deadline")
}

/// Asks again and again.
pub(crate) async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let mut again = interval(Duration::from_millis(20));
    let asked = async {
        while !holds().await {
            again.tick().await;
        }
    };
    soon(asked).await;
}
