//! A running SMS, alone or with a node in its process.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, SystemTime},
};

use rustix::process::Signal;
use serde_json::Value;
use spear_proto::v1;
use spear_types::LimitRequest;

use super::{Api, Function, Home, Program, Ran, eventually, example};

/// `spear sms`, or `spear up`, on a free port with data of its own.
pub(crate) struct Sms {
    // Before the folder that it has open.
    pub(crate) program: Program,
    pub(crate) home: Home,
    pub(crate) api: Api,
    pub(crate) url: String,
    /// What it is started with.
    environment: Vec<(String, String)>,
}

/// Settings as the environment has them: `("SPEAR_SPEARLET_SLOTS", "1")`.
pub(crate) type Settings<'a> = &'a [(&'a str, &'a str)];

/// What an SMS keeps: nothing that is refused may change it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) functions: Vec<(String, u32)>,
    /// The files of artifacts and objects, and those in the making.
    pub(crate) blobs: BTreeSet<String>,
}

impl Sms {
    /// `spear up` with its node live.
    pub(crate) async fn with_node() -> Self {
        Self::with_node_set(&[]).await
    }

    pub(crate) async fn with_node_set(settings: Settings<'_>) -> Self {
        Self::with_node_in(Home::new().await, settings).await
    }

    pub(crate) async fn with_node_in(home: Home, settings: Settings<'_>) -> Self {
        let sms = Self::started("up", home, settings).await;
        eventually("a live node", async || sms.api.live_nodes().await.pop()).await;
        sms
    }

    /// `spear sms`.
    pub(crate) async fn alone() -> Self {
        Self::alone_set(&[]).await
    }

    pub(crate) async fn alone_set(settings: Settings<'_>) -> Self {
        Self::alone_in(Home::new().await, settings).await
    }

    pub(crate) async fn alone_in(home: Home, settings: Settings<'_>) -> Self {
        Self::started("sms", home, settings).await
    }

    /// One whose port nobody takes while it is dead: clients that look for it would take one of those given out.
    pub(crate) async fn alone_at_a_port_of_its_own(home: Home, settings: Settings<'_>) -> Self {
        const PORTS: usize = 10_000;
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let address = (20_000..30_000).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        // Each test looks from another place on, and finds another one before that: the first may be dead just then.
        let place = std::process::id() as usize + NEXT.fetch_add(PORTS / 10, Ordering::Relaxed);
        let address = address.cycle().skip(place % PORTS);
        let address = address.take(PORTS).find(|address| TcpListener::bind(address).is_ok()).expect("a free port");
        Self::at(address, "sms", home, settings).await
    }

    async fn started(role: &str, home: Home, settings: Settings<'_>) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), role, home, settings).await
    }

    async fn at(address: SocketAddr, role: &str, home: Home, settings: Settings<'_>) -> Self {
        let mut command = home.spear(["-o", "json", role, "--listen", &address.to_string()]);
        command.envs(settings.iter().copied());
        let environment = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { environment, ..Self::by(command, home).await }
    }

    /// Whatever command starts one.
    pub(crate) async fn by(command: Command, home: Home) -> Self {
        let program = Program::start(command);
        let url = listening(&program, "sms").await;
        Self { program, home, api: Api::new(&url), url, environment: Vec::new() }
    }

    /// The same under other settings.
    pub(crate) async fn kill_and_start_again_with(&mut self, role: &str, settings: Settings<'_>) {
        self.environment.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.kill_and_start_again(role).await;
    }

    /// Kills it, and starts another on the same port with the same data, with a node in its process or without.
    pub(crate) async fn kill_and_start_again(&mut self, role: &str) {
        self.kill_and_begin_again(role);
        self.is_up().await;
    }

    /// The same; it need not be up yet.
    pub(crate) fn kill_and_begin_again(&mut self, role: &str) {
        self.program.kill();
        let mut command = self.home.spear(["-o", "json", role, "--listen", self.url.trim_start_matches("http://")]);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        self.program = Program::start(command);
    }

    pub(crate) async fn is_up(&mut self) {
        assert_eq!(listening(&self.program, "sms").await, self.url);
        // The connection to the old one may not have heard of its end yet.
        self.api = Api::new(&self.url);
    }

    /// Tells it to stop and waits for it; the answer is its exit code.
    pub(crate) async fn stop(&mut self) -> Option<i32> {
        self.program.signal(Signal::TERM);
        self.program.exited().await.code()
    }

    /// The gRPC of the node in its process.
    pub(crate) async fn node(&self) -> Api {
        Api::new(&listening(&self.program, "spearlet").await)
    }

    /// A command that talks to it.
    pub(crate) async fn spear<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        let mut command = self.home.spear(["--sms", &self.url]);
        command.args(args);
        Ran::of(command).await
    }

    /// What a command answers to programs.
    pub(crate) async fn json<const N: usize>(&self, args: [&str; N]) -> Value {
        let ran = self.spear(["-o", "json"].into_iter().chain(args)).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.json()
    }

    /// Deploys a guest as its folder has it, as a person would.
    pub(crate) async fn deploy(&self, guest: &str) {
        self.spear([OsStr::new("deploy"), OsStr::new("-C"), example(guest).as_os_str()]).await.answer();
    }

    /// Deploys a function and has its code compiled: from then on, a call that is under way really runs.
    pub(crate) async fn deploy_compiled(&self, function: &Function) {
        let brief = LimitRequest { timeout: Some(Duration::from_millis(1)), ..function.spec.limits.clone() };
        self.api.deploy(&function.clone().limits(brief)).await.expect("a version");
        self.api.invoke(function.spec.name.as_str(), "").await.expect("a run");
        self.is_running(0).await;
        self.api.deploy(function).await.expect("another version");
    }

    /// Waits until its nodes say that so many runs are under way, each in a heartbeat that is newer than this call.
    pub(crate) async fn is_running(&self, runs: u32) {
        let now = SystemTime::now();
        let say_so = async || {
            let nodes = self.api.live_nodes().await;
            let count: u32 = nodes.iter().map(|node| node.load.running).sum();
            (count == runs && nodes.iter().all(|node| node.last_heard > now)).then_some(())
        };
        eventually("runs under way", say_so).await;
    }

    pub(crate) async fn kept(&self) -> Kept {
        let response = self.api.functions().list_functions(v1::ListFunctionsRequest {}).await.expect("a listing");
        let functions = response.into_inner().functions.into_iter();
        Kept { functions: functions.map(|function| (function.name, function.version)).collect(), blobs: self.blobs() }
    }

    /// The files of artifacts and objects, and those in the making.
    pub(crate) fn blobs(&self) -> BTreeSet<String> {
        files(&self.home.path().join("state/spear/sms/blobs"))
    }
}

/// Where a program says that it is reached.
pub(crate) async fn listening(program: &Program, role: &str) -> String {
    let line = program.stdout.line_with(&format!("\"listening\":\"{role}\"")).await;
    let line: Value = serde_json::from_str(&line).expect("JSON");
    line["url"].as_str().expect("its URL").to_owned()
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = |folder: &Path| fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let shelves = entries(folder).flat_map(|shelf| entries(&shelf).collect::<Vec<_>>());
    shelves.map(|file| file.strip_prefix(folder).expect("it is in it").display().to_string()).collect()
}
