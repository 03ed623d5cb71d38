//! An SMS that a test speaks for.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream::BoxStream};
use spear_proto::v1::{
    self, LinkRequest, LinkResponse, link_request, link_response,
    node_service_server::{NodeService, NodeServiceServer},
    order, report,
};
use spear_types::{Artifact, Code, Digest, GrantPolicy, Granted, Grants, Implementation, Limits, Refusal, TaskId};
use spear_wire::{Encode as _, to_status};
use spearlet::{Config, Spearlet};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle, time::timeout};
use tokio_stream::wrappers::{TcpListenerStream, UnboundedReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, transport::Server};

/// Longer than anything here takes on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// One function answers at once, the other never.
const COMPONENT: &str = r#"(component
    (core module $m (func (export "answer")) (func (export "spin") (loop (br 0))))
    (core instance $i (instantiate $m))
    (func $answer (canon lift (core func $i "answer")))
    (func $spin (canon lift (core func $i "spin")))
    (export "answer" (func $answer))
    (export "spin" (func $spin)))"#;

/// A node and its SMS.
pub(crate) struct Test {
    links: mpsc::UnboundedReceiver<Linked>,
    artifact: Bytes,
    node: JoinHandle<()>,
    stop: CancellationToken,
    _data: tempfile::TempDir,
}

/// One link, from the SMS's side.
pub(crate) struct Linked {
    inbound: Streaming<LinkRequest>,
    out: mpsc::UnboundedSender<Result<LinkResponse, Status>>,
    orders: u64,
    artifact: Digest,
}

struct Sms {
    links: mpsc::UnboundedSender<Linked>,
    artifact: Bytes,
}

impl Test {
    /// A node with these settings that knows where its SMS is; `grace` is what its runs have when it stops.
    pub(crate) async fn start(config: Config, grace: Duration) -> Self {
        let artifact = Bytes::from(wat::parse_str(COMPONENT).unwrap());
        let (sender, links) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let sms = NodeServiceServer::new(Sms { links: sender, artifact: artifact.clone() });
        tokio::spawn(Server::builder().add_service(sms).serve_with_incoming(TcpListenerStream::new(listener)));
        let data = tempfile::tempdir().unwrap();
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            sms: address,
            name: Some("n1".parse().unwrap()),
            data: data.path().to_owned(),
            slots: 16,
            ..config
        };
        let spearlet = Spearlet::bind(config, Limits::MAXIMA, GrantPolicy::Everything).await.unwrap();
        let stop = CancellationToken::new();
        let told = stop.clone();
        let node = tokio::spawn(async move { spearlet.run(told, grace).await.unwrap() });
        Self { links, artifact, node, stop, _data: data }
    }

    /// The node's next link, and how it registers there.
    pub(crate) async fn link(&mut self, lease: Duration) -> (Linked, v1::Register) {
        let (mut linked, register) = self.unanswered().await;
        linked.say(link_response::Message::Registered(v1::Registered {
            heartbeat_every: Some(Duration::from_secs(1).encode()),
            lease: Some(lease.encode()),
        }));
        (linked, register)
    }

    /// A link whose registration has no answer.
    pub(crate) async fn unanswered(&mut self) -> (Linked, v1::Register) {
        let mut linked = timeout(SOON, self.links.recv()).await.unwrap().unwrap();
        linked.artifact = Digest::of(&self.artifact);
        match linked.hear().await {
            Some(link_request::Message::Register(register)) => (linked, register),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// The node's program ends.
    pub(crate) async fn ended(self) {
        timeout(SOON, self.node).await.unwrap().unwrap();
    }
}

impl Linked {
    /// Agrees on the version that every test runs, as number 1.
    pub(crate) fn agree(&mut self, limits: &Limits) {
        let terms = v1::Terms {
            id: 1,
            function: "f".to_owned(),
            version: 1,
            implementations: vec![Implementation::wasm(Artifact { digest: self.artifact, size: 0 }).encode()],
            limits: Some(limits.clone().encode()),
            grants: Some(Granted::all(Grants::default()).encode()),
            settings: Default::default(),
        };
        self.order(order::Kind::Terms(terms));
    }

    /// Assigns a new task's first attempt.
    pub(crate) fn assign(&mut self, call: &str, time: Option<Duration>) -> v1::Attempt {
        let attempt = v1::Attempt { task: TaskId::generate().to_string(), number: 1 };
        self.assign_again(attempt.clone(), call, time);
        attempt
    }

    pub(crate) fn assign_again(&mut self, attempt: v1::Attempt, call: &str, time: Option<Duration>) {
        let call = v1::Call { kind: Some(v1::call::Kind::Typed(call.to_owned())) };
        self.order(order::Kind::Assign(v1::Assign {
            attempt: Some(attempt),
            terms: 1,
            call: prost::Message::encode_to_vec(&call).into(),
            trace_parent: None,
            time: time.map(|time| time.encode()),
        }));
    }

    pub(crate) fn order(&mut self, kind: order::Kind) {
        self.orders += 1;
        let orders = v1::Orders { number: self.orders, orders: vec![v1::Order { kind: Some(kind) }] };
        self.say(link_response::Message::Orders(orders));
    }

    pub(crate) fn acknowledge(&mut self, number: u64) {
        self.say(link_response::Message::Acknowledged(number));
    }

    /// The next message of reports, and what is in it.
    pub(crate) async fn reports(&mut self) -> (u64, Vec<(v1::Attempt, report::Kind)>) {
        loop {
            match self.hear().await {
                Some(link_request::Message::Reports(v1::Reports { number, reports })) => {
                    let taken = reports.into_iter().map(|report| (report.attempt.unwrap(), report.kind.unwrap()));
                    return (number, taken.collect());
                }
                Some(_) => {}
                None => panic!("the link ended"),
            }
        }
    }

    /// The end of this attempt, and the number of the message that tells it.
    pub(crate) async fn end_of(&mut self, wanted: &v1::Attempt) -> (u64, report::Kind) {
        loop {
            let (number, reports) = self.reports().await;
            let ends = |kind: &report::Kind| matches!(kind, report::Kind::Ended(_) | report::Kind::Returned(_));
            if let Some((_, kind)) = reports.into_iter().find(|(attempt, kind)| attempt == wanted && ends(kind)) {
                return (number, kind);
            }
        }
    }

    /// The next message; none at the link's end.
    pub(crate) async fn hear(&mut self) -> Option<link_request::Message> {
        timeout(SOON, self.inbound.message()).await.unwrap().ok().flatten().map(|message| message.message.unwrap())
    }

    fn say(&mut self, message: link_response::Message) {
        // A link that the node has closed is no matter of this.
        let _ = self.out.send(Ok(LinkResponse { message: Some(message) }));
    }
}

#[tonic::async_trait]
impl NodeService for Sms {
    type LinkStream = BoxStream<'static, Result<LinkResponse, Status>>;
    type FetchArtifactStream = BoxStream<'static, Result<v1::Chunk, Status>>;

    async fn link(&self, request: Request<Streaming<LinkRequest>>) -> Result<Response<Self::LinkStream>, Status> {
        let (out, outbound) = mpsc::unbounded_channel();
        let linked = Linked { inbound: request.into_inner(), out, orders: 0, artifact: Digest::of(b"") };
        self.links.send(linked).map_err(|_| not_here())?;
        Ok(Response::new(UnboundedReceiverStream::new(outbound).boxed()))
    }

    async fn fetch_artifact(
        &self,
        _: Request<v1::FetchArtifactRequest>,
    ) -> Result<Response<Self::FetchArtifactStream>, Status> {
        let chunk = v1::Chunk { data: self.artifact.clone() };
        Ok(Response::new(futures::stream::once(std::future::ready(Ok(chunk))).boxed()))
    }

    async fn list_nodes(&self, _: Request<v1::ListNodesRequest>) -> Result<Response<v1::ListNodesResponse>, Status> {
        Err(not_here())
    }

    async fn get_node(&self, _: Request<v1::GetNodeRequest>) -> Result<Response<v1::GetNodeResponse>, Status> {
        Err(not_here())
    }

    async fn set_duty(&self, _: Request<v1::SetDutyRequest>) -> Result<Response<v1::SetDutyResponse>, Status> {
        Err(not_here())
    }
}

fn not_here() -> Status {
    to_status(Refusal::new(Code::Internal, "a test's SMS has links and artifacts"))
}
