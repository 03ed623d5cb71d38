//! All that could be granted, and who asks for it.

use std::{fs, net::SocketAddr, path::PathBuf};

use spear_types::{AgentKind, Grants, LimitRequest, Outcome};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

use super::{
    program,
    rows::{Row, TREASURE},
};
use crate::{
    harness::{Function, Home, Web},
    programs::stage::{self, Stage},
};

/// The world around the functions: all that could be granted is there.
pub(super) struct World {
    /// Its agent is the client's.
    pub(super) stage: Stage,
    pub(super) web: Web,
    pub(super) echo: SocketAddr,
    pub(super) folder: PathBuf,
    serving: JoinHandle<()>,
}

impl World {
    /// None where the machine has no such client: somebody said so on stderr.
    pub(super) async fn of(agent: AgentKind) -> Option<Self> {
        let home = Home::new().await;
        let folder = home.path().join("folder");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("k"), TREASURE).unwrap();
        let (secrets, large) = (home.path().join("secrets"), vec![b'x'; 65 << 10]);
        fs::create_dir(&secrets).unwrap();
        fs::write(secrets.join("mine"), TREASURE.chars().rev().collect::<String>()).unwrap();
        fs::write(secrets.join("large"), large).unwrap();
        let files = format!("{{mine={folder:?},other={secrets:?}}}");
        let settings =
            [("SPEAR_SPEARLET_FILES", files.as_str()), ("SPEAR_SPEARLET_SECRETS", secrets.to_str().unwrap())];
        let stage = stage::at(home, agent, &settings).await?;
        stage.sms.api.put("mine", "k", TREASURE).await.unwrap();
        stage.sms.api.put("mine", "large", vec![0; 5 << 20]).await.unwrap();
        stage.sms.json(["kv", "put", "mine/k", TREASURE]).await;
        stage.sms.api.deploy(&Function::guest("echo")).await.unwrap();
        let (echo, serving) = echo().await;
        Some(Self { stage, web: Web::start().await, echo, folder, serving })
    }

    /// Deploys a row's client under a name, with these grants, and has it ask; the outcome and all that the log has.
    pub(super) async fn ask(
        &self,
        name: &str,
        row: &Row,
        grants: &str,
        limits: &LimitRequest,
        call: &serde_json::Value,
    ) -> (Outcome, String) {
        let grants: Grants = toml::from_str(grants).unwrap();
        let api = &self.stage.sms.api;
        let deployed = |function: Function| function.named(name).grants(grants).limits(limits.clone());
        let invoked = if self.stage.agent == AgentKind::Wasm {
            let guest = deployed(Function::guest(row.guest));
            api.deploy(&guest).await.unwrap_or_else(|status| panic!("{}: {status}", row.name));
            api.invoke(name, call.to_string()).await
        } else {
            let program = deployed(program::function(self.stage.agent));
            api.deploy(&program).await.unwrap_or_else(|status| panic!("{}: {status}", row.name));
            tokio::join!(api.invoke(name, ""), program::asks(&self.stage, row, call)).0
        };
        let invoked = invoked.unwrap_or_else(|status| panic!("{}: {status}", row.name));
        let log = api.log(&invoked.task).await;
        (invoked.outcome, format!("{:?}", log.lines))
    }

    pub(super) async fn outcome(&self, row: &Row, grants: &str) -> (Outcome, String) {
        self.ask("mine", row, grants, &LimitRequest::default(), &row.call).await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A server that answers whatever it is sent with the same.
async fn echo() -> (std::net::SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut ping = [0; 4];
            if stream.read_exact(&mut ping).await.is_ok() {
                // The guest may be gone.
                let _ = stream.write_all(&TREASURE.as_bytes()[..4]).await;
            }
        }
    });
    (address, serving)
}
