//! A real socket, real clients, and a cluster behind them that counts what reaches it.

mod asks;
mod cluster;
mod grants;
mod limits;
mod sessions;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use spear_types::{Granted, Grants, Identity, Limits, Settings, TaskId};
use spear_wire::v1::{
    config_client::ConfigClient, kv_client::KvClient, logs_client::LogsClient, objects_client::ObjectsClient,
    resources_client::ResourcesClient, secrets_client::SecretsClient, tasks_client::TasksClient,
};
use tempfile::TempDir;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint},
};

use self::cluster::Cluster;
use super::{SOCKET, Server, Session, SessionContext, address};
use crate::{ConfigureContext, Configured, Host, Hostcalls, PrepareContext, State, logs::LogBuffer};

/// How long anything may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A run that has used 7 bytes.
struct Seven;

impl Host for Seven {
    fn peak_memory(&self) -> u64 {
        7
    }
}

/// One function that may run as a component and as a program.
struct Function {
    cluster: Arc<Cluster>,
    hostcalls: Hostcalls,
    configured: Configured,
    limits: Limits,
}

/// An attempt of it as a program, in a sandbox of its own.
struct Attempt {
    session: Session,
    server: Server,
    log: Arc<LogBuffer>,
    folder: TempDir,
}

/// A client with a token.
#[derive(Clone)]
struct Bearer(MetadataValue<Ascii>);

type Connection = InterceptedService<Channel, Bearer>;

impl Function {
    fn new(grants: Grants, limits: Limits) -> Self {
        let cluster = Arc::new(Cluster::default());
        let hostcalls = Hostcalls::new(cluster::backends(&cluster));
        let settings = Settings::try_from(BTreeMap::from([("key".to_owned(), "value".to_owned())])).unwrap();
        let granted = Arc::new(Granted::all(grants));
        let version = ConfigureContext { granted: &granted, settings: &settings };
        let configured = hostcalls.configure(&version).unwrap();
        Self { cluster, hostcalls, configured, limits }
    }

    fn granted(grants: Grants) -> Self {
        Self::new(grants, Limits::DEFAULTS)
    }

    /// An attempt as a component: what its store has.
    fn component(&self) -> (State, Arc<LogBuffer>) {
        let log = Arc::new(LogBuffer::new(self.limits.log));
        let gate = self.configured.gate(&log);
        let (identity, limits, deadline) = (identity(1), self.limits.clone(), Instant::now() + PATIENCE);
        let context = PrepareContext { identity, limits, deadline, log: Arc::clone(&log), gate, command: None };
        (self.hostcalls.prepare(&self.configured, &context), log)
    }

    fn session(&self, number: u32) -> (Session, Arc<LogBuffer>) {
        self.session_until(number, Instant::now() + PATIENCE)
    }

    fn session_until(&self, number: u32, deadline: Instant) -> (Session, Arc<LogBuffer>) {
        let log = Arc::new(LogBuffer::new(self.limits.log));
        let (identity, limits, host) = (identity(number), self.limits.clone(), Arc::new(Seven));
        let context = SessionContext { identity, limits, deadline, log: Arc::clone(&log), host };
        (self.hostcalls.session(&self.configured, context).unwrap(), log)
    }

    /// An attempt as a program.
    fn attempt(&self, number: u32) -> Attempt {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::bind(&folder.path().join("own")).unwrap();
        let (session, log) = self.session(number);
        server.admit(&session);
        Attempt { session, server, log, folder }
    }
}

fn identity(attempt: u32) -> Identity {
    Identity {
        task: TaskId::from_bytes([9; 16]),
        attempt,
        function: "f".parse().unwrap(),
        version: 3,
        node: "n".parse().unwrap(),
        trace_parent: None,
        callers: Vec::new(),
    }
}

impl Attempt {
    async fn connect(&self) -> Connection {
        connect(self.server.path(), self.session.token()).await
    }
}

async fn connect(socket: &Path, token: &str) -> Connection {
    let channel = Endpoint::try_from(address(socket)).unwrap().connect().await.unwrap();
    InterceptedService::new(channel, Bearer(format!("Bearer {token}").parse().unwrap()))
}

impl tonic::service::Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// One client for each service, over one connection.
struct Clients {
    config: ConfigClient<Connection>,
    kv: KvClient<Connection>,
    logs: LogsClient<Connection>,
    objects: ObjectsClient<Connection>,
    resources: ResourcesClient<Connection>,
    secrets: SecretsClient<Connection>,
    tasks: TasksClient<Connection>,
}

impl Clients {
    fn over(connection: &Connection) -> Self {
        let connection = || connection.clone();
        Self {
            config: ConfigClient::new(connection()),
            kv: KvClient::new(connection()),
            logs: LogsClient::new(connection()),
            objects: ObjectsClient::new(connection()),
            resources: ResourcesClient::new(connection()),
            secrets: SecretsClient::new(connection()),
            tasks: TasksClient::new(connection()),
        }
    }
}
