//! A node that is full whatever it is asked, and counts how often it is.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use spear_proto::v1::{
    self,
    spearlet_service_server::{SpearletService, SpearletServiceServer},
};
use spear_types::{Code, Refusal};
use spear_wire::to_status;
use tokio::{net::TcpListener, task::JoinHandle};
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

use super::{Api, Link, register};

/// Live at its SMS; ends with its test.
pub(crate) struct FullNode {
    calls: Arc<AtomicU32>,
    _link: Link,
    serving: JoinHandle<()>,
}

struct Full(Arc<AtomicU32>);

#[tonic::async_trait]
impl SpearletService for Full {
    async fn run(&self, _: Request<v1::RunRequest>) -> Result<Response<v1::RunResponse>, Status> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(to_status(Refusal::new(Code::QueueFull, "somebody else has all of it")))
    }
}

impl FullNode {
    /// One that says it has a slot.
    pub(crate) async fn of(api: &Api, name: &str) -> Self {
        let calls = Arc::<AtomicU32>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("it is bound"));
        let server = Server::builder().add_service(SpearletServiceServer::new(Full(Arc::clone(&calls))));
        let serving = server.serve_with_incoming(TcpIncoming::from(listener));
        let serving = tokio::spawn(async move { serving.await.expect("it serves") });
        let link = Link::open(api, v1::Register { address, ..register(name, 1) }).await.expect("it is let in");
        Self { calls, _link: link, serving }
    }

    /// How many calls it was offered.
    pub(crate) fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Drop for FullNode {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
