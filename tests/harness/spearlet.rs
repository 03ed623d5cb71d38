//! A running Spearlet: a node in a process of its own.

use rustix::process::Signal;

use super::{
    Api, Home, Program, Sms, eventually,
    sms::{Settings, listening},
};

/// `spear spearlet` on a free port with data of its own.
pub(crate) struct Spearlet {
    // Before the folder that it has open.
    pub(crate) program: Program,
    pub(crate) home: Home,
    pub(crate) api: Api,
    pub(crate) name: String,
    /// Where it finds its SMS.
    sms: String,
    environment: Vec<(String, String)>,
}

impl Spearlet {
    /// A node of this SMS, live.
    pub(crate) async fn of(sms: &Sms, name: &str) -> Self {
        Self::of_set(sms, name, &[]).await
    }

    pub(crate) async fn of_set(sms: &Sms, name: &str, settings: Settings<'_>) -> Self {
        Self::by_way_of(&sms.url, sms, name, settings).await
    }

    /// A live one that reaches its SMS at another URL.
    pub(crate) async fn by_way_of(way: &str, sms: &Sms, name: &str, settings: Settings<'_>) -> Self {
        let node = Self::begun(way, sms, name, settings).await;
        node.is_live(sms).await;
        node
    }

    /// One that the SMS need not accept.
    pub(crate) async fn started(sms: &Sms, name: &str, settings: Settings<'_>) -> Self {
        Self::begun(&sms.url, sms, name, settings).await
    }

    async fn begun(way: &str, sms: &Sms, name: &str, settings: Settings<'_>) -> Self {
        let home = sms.home.beside();
        let environment: Vec<_> =
            settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let program = start(&home, way, name, &environment);
        let api = Api::new(&listening(&program, "spearlet").await);
        Self { program, home, api, name: name.to_owned(), sms: way.to_owned(), environment }
    }

    /// Starts another in place of one that is gone, with its data.
    pub(crate) async fn start_again(&mut self, sms: &Sms) {
        self.kill_and_begin_again();
        self.api = Api::new(&listening(&self.program, "spearlet").await);
        self.is_live(sms).await;
    }

    /// Kills it where it is not gone, and starts another; it need not be up yet.
    pub(crate) fn kill_and_begin_again(&mut self) {
        self.program.kill();
        self.program = start(&self.home, &self.sms, &self.name, &self.environment);
    }

    /// Tells it to stop and waits for it; the answer is its exit code.
    pub(crate) async fn stop(&mut self) -> Option<i32> {
        self.program.signal(Signal::TERM);
        self.program.exited().await.code()
    }

    /// Waits until the SMS knows that it is there.
    pub(crate) async fn is_live(&self, sms: &Sms) {
        let live = async || sms.api.live_nodes().await.into_iter().find(|node| node.name.as_str() == self.name);
        eventually("a live node", live).await;
    }
}

fn start(home: &Home, sms: &str, name: &str, environment: &[(String, String)]) -> Program {
    let mut command = home.spear(["-o", "json", "spearlet", "--listen", "127.0.0.1:0", "--sms", sms, "--name", name]);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    Program::start(command)
}
