//! A running Spearlet: a node in a process of its own.

use super::{Api, Home, Program, Sms, eventually, sms::listening};

/// `spear spearlet` on a free port with data of its own.
pub(crate) struct Spearlet {
    // Before the folder that it has open.
    pub(crate) program: Program,
    home: Home,
    pub(crate) api: Api,
    pub(crate) name: String,
}

impl Spearlet {
    /// A node of this SMS, live.
    pub(crate) async fn of(sms: &Sms, name: &str) -> Self {
        Self::of_set(sms, name, &[]).await
    }

    pub(crate) async fn of_set(sms: &Sms, name: &str, settings: &[(&str, &str)]) -> Self {
        let node = Self::started(sms, name, settings).await;
        node.is_live(sms).await;
        node
    }

    /// One that the SMS need not accept.
    pub(crate) async fn started(sms: &Sms, name: &str, settings: &[(&str, &str)]) -> Self {
        let home = sms.home.beside();
        let program = start(&home, sms, name, settings);
        let api = Api::new(&listening(&program, "spearlet").await);
        Self { program, home, api, name: name.to_owned() }
    }

    /// Starts another in place of one that is gone, with its data.
    pub(crate) async fn start_again(&mut self, sms: &Sms) {
        self.program = start(&self.home, sms, &self.name, &[]);
        self.api = Api::new(&listening(&self.program, "spearlet").await);
        self.is_live(sms).await;
    }

    /// Waits until the SMS knows that it is there.
    pub(crate) async fn is_live(&self, sms: &Sms) {
        let live = async || sms.api.live_nodes().await.into_iter().find(|node| node.name.as_str() == self.name);
        eventually("a live node", live).await;
    }
}

fn start(home: &Home, sms: &Sms, name: &str, settings: &[(&str, &str)]) -> Program {
    let args = ["-o", "json", "spearlet", "--listen", "127.0.0.1:0", "--sms", &sms.url, "--name", name];
    let mut command = home.spear(args);
    command.envs(settings.iter().copied());
    Program::start(command)
}
