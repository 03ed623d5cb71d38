//! The SMS as commands see it: values in, values out.

mod kv;
mod objects;

use bytes::Bytes;
use spear_proto::v1::{
    self, deploy_request, deploy_response, function_service_client::FunctionServiceClient,
    invoke_service_client::InvokeServiceClient, log_service_client::LogServiceClient,
    node_service_client::NodeServiceClient, read_logs_request,
};
use spear_types::{
    Call, Code, Digest, FunctionName, FunctionSpec, FunctionVersion, Granted, Grants, LogLine, NodeInfo, NodeName,
    Outcome, Refusal, TaskId, Usage,
};
use spear_wire::{Decode, Encode, from_status, required, stream::chunks};
use tonic::{
    Status,
    transport::{Channel, Endpoint},
};

/// The largest reply a command takes: the operator bounds payloads, not we.
const MAX_MESSAGE: usize = 1 << 30;

/// A connection to the SMS.
pub(crate) struct Client {
    address: String,
    channel: Channel,
}

/// What a deploy did.
pub(crate) enum Deployed {
    /// A version was made.
    Created(FunctionVersion),
    /// The newest version was the same.
    Unchanged(FunctionVersion),
}

/// What an invoke answered.
pub(crate) struct Invoked {
    pub(crate) task: TaskId,
    pub(crate) version: u32,
    pub(crate) node: NodeName,
    pub(crate) outcome: Outcome,
    pub(crate) usage: Usage,
}

/// One task's log.
pub(crate) struct TaskLog {
    pub(crate) task: TaskId,
    pub(crate) function: FunctionName,
    pub(crate) version: u32,
    pub(crate) attempt: u32,
    pub(crate) lines: Vec<LogLine>,
    pub(crate) dropped: u64,
}

/// Whose logs.
pub(crate) enum LogsOf {
    Task(TaskId),
    Function(FunctionName),
}

type Answer<T> = Result<T, Refusal>;

impl Client {
    /// A client that connects with its first call.
    ///
    /// # Errors
    /// When the address is no URL.
    pub(crate) fn new(address: &str) -> Answer<Self> {
        let invalid =
            |error| Refusal::new(Code::InvalidRequest, format!("{address:?} is no address of an SMS: {error}"));
        let endpoint = Endpoint::from_shared(address.to_owned()).map_err(invalid)?.tcp_nodelay(true);
        Ok(Self { address: address.to_owned(), channel: endpoint.connect_lazy() })
    }

    pub(crate) async fn deploy(
        &self,
        spec: FunctionSpec,
        artifact: Bytes,
        sent: impl Fn(u64) + Send + 'static,
    ) -> Answer<Deployed> {
        let header = v1::DeployHeader {
            spec: Some(spec.encode()),
            digest: Digest::of(&artifact).to_string(),
            size: artifact.len() as u64,
        };
        let header = std::iter::once(deploy_request::Part::Header(header));
        let body =
            chunks(artifact).inspect(move |chunk| sent(chunk.data.len() as u64)).map(deploy_request::Part::Chunk);
        let requests = header.chain(body).map(|part| v1::DeployRequest { part: Some(part) });
        let response = self.functions().deploy(futures::stream::iter(requests)).await;
        let v1::DeployResponse { function, result } = self.answered(response)?;
        let function = FunctionVersion::decode(required(function, "function")?)?;
        Ok(match required(result, "result")? {
            deploy_response::Result::Created(deploy_response::Created {}) => Deployed::Created(function),
            deploy_response::Result::Unchanged(deploy_response::Unchanged {}) => Deployed::Unchanged(function),
        })
    }

    pub(crate) async fn function(&self, name: &FunctionName, version: Option<u32>) -> Answer<FunctionVersion> {
        let request = v1::GetFunctionRequest { name: name.to_string(), version };
        let response = self.functions().get_function(request).await;
        FunctionVersion::decode(required(self.answered(response)?.function, "function")?)
    }

    pub(crate) async fn list_functions(&self) -> Answer<Vec<FunctionVersion>> {
        let response = self.functions().list_functions(v1::ListFunctionsRequest {}).await;
        self.answered(response)?.functions.into_iter().map(FunctionVersion::decode).collect()
    }

    pub(crate) async fn versions(&self, name: &FunctionName) -> Answer<Vec<FunctionVersion>> {
        let response = self.functions().list_versions(v1::ListVersionsRequest { name: name.to_string() }).await;
        self.answered(response)?.versions.into_iter().map(FunctionVersion::decode).collect()
    }

    pub(crate) async fn delete_function(&self, name: &FunctionName) -> Answer<u32> {
        let response = self.functions().delete_function(v1::DeleteFunctionRequest { name: name.to_string() }).await;
        Ok(self.answered(response)?.versions)
    }

    /// What a function of this name would have of what it asks for: the operator's word.
    pub(crate) async fn review_grants(&self, name: &FunctionName, asked: Grants) -> Answer<Granted> {
        let request = v1::ReviewGrantsRequest { name: name.to_string(), asked: Some(asked.encode()) };
        let response = self.functions().review_grants(request).await;
        Granted::decode(required(self.answered(response)?.granted, "granted")?)
    }

    pub(crate) async fn invoke(&self, function: &FunctionName, version: Option<u32>, call: Call) -> Answer<Invoked> {
        let call = Some(call.encode());
        let request = v1::InvokeRequest {
            function: function.to_string(),
            version,
            call,
            trace_parent: None,
            callers: Vec::new(),
        };
        let client = InvokeServiceClient::new(self.channel.clone());
        let mut client = client.max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE);
        let v1::InvokeResponse { task, function: _, version, node, outcome, usage } =
            self.answered(client.invoke(request).await)?;
        Ok(Invoked {
            task: task.parse()?,
            version,
            node: node.try_into()?,
            outcome: Outcome::decode(required(outcome, "outcome")?)?,
            usage: Usage::decode(required(usage, "usage")?)?,
        })
    }

    pub(crate) async fn logs(&self, of: LogsOf, last: Option<u32>) -> Answer<Vec<TaskLog>> {
        let of = match of {
            LogsOf::Task(task) => read_logs_request::Of::Task(task.to_string()),
            LogsOf::Function(function) => read_logs_request::Of::Function(function.to_string()),
        };
        let request = v1::ReadLogsRequest { of: Some(of), last };
        let mut client = LogServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE);
        self.answered(client.read_logs(request).await)?.logs.into_iter().map(task_log).collect()
    }

    pub(crate) async fn nodes(&self) -> Answer<Vec<NodeInfo>> {
        let response = NodeServiceClient::new(self.channel.clone()).list_nodes(v1::ListNodesRequest {}).await;
        self.answered(response)?.nodes.into_iter().map(NodeInfo::decode).collect()
    }

    fn functions(&self) -> FunctionServiceClient<Channel> {
        FunctionServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Takes the answer out; an SMS that is not there is named, with what to do.
    fn answered<T>(&self, response: Result<tonic::Response<T>, Status>) -> Answer<T> {
        let refusal = match response.map_err(from_status) {
            Ok(response) => return Ok(response.into_inner()),
            Err(refusal) => refusal,
        };
        if refusal.code != Code::Unreachable {
            return Err(refusal);
        }
        Err(Refusal::new(Code::Unreachable, format!("cannot reach the SMS at {}: {}", self.address, refusal.message))
            .help("start one with `spear up`, or say where it is with --sms or SPEAR_CLIENT_SMS"))
    }
}

fn task_log(log: v1::TaskLog) -> Answer<TaskLog> {
    let v1::TaskLog { task, function, version, node: _, lines, dropped, attempt } = log;
    let lines = lines.into_iter().map(LogLine::decode).collect::<Result<_, _>>()?;
    Ok(TaskLog { task: task.parse()?, function: function.try_into()?, version, attempt, lines, dropped })
}
