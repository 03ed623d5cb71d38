//! The SMS as commands see it: values in, values out.

mod kv;
mod logs;
mod nodes;
mod objects;
mod schedules;
mod tasks;

use std::time::Duration;

use bytes::Bytes;
use spear_proto::v1::{
    self, deploy_request, deploy_response, function_service_client::FunctionServiceClient,
    invoke_service_client::InvokeServiceClient,
};
use spear_types::{
    Call, Code, FunctionName, FunctionSpec, FunctionVersion, Granted, Grants, NodeName, Outcome, Ran, Refusal, TaskId,
    Usage,
};
use spear_wire::{Decode, Encode, client::kept_alive, from_status, required, stream::chunks};
use tonic::{
    Status,
    transport::{Channel, Endpoint},
};

pub(crate) use self::{
    logs::{Following, LogCursor, LogPiece, LogsOf, TaskLog},
    nodes::NewDuty,
    tasks::{Considered, Decision, Ended, Explained, NewTask, PassedOver, Submitted, Verdict, Watched, Watching},
};

/// The largest reply a command takes: the operator bounds payloads, not we.
const MAX_MESSAGE: usize = 1 << 30;

/// How often a quiet connection is asked whether it is there: who follows something waits for what may not come for hours.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

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
    /// By what it was run.
    pub(crate) ran: Option<Ran>,
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
        let endpoint = kept_alive(Endpoint::from_shared(address.to_owned()).map_err(invalid)?, KEEP_ALIVE);
        Ok(Self { address: address.to_owned(), channel: endpoint.connect_lazy() })
    }

    pub(crate) async fn deploy(
        &self,
        spec: FunctionSpec,
        artifacts: Vec<Bytes>,
        sent: impl Fn(u64) + Send + 'static,
    ) -> Answer<Deployed> {
        let header = std::iter::once(deploy_request::Part::Header(v1::DeployHeader { spec: Some(spec.encode()) }));
        let body = artifacts
            .into_iter()
            .flat_map(chunks)
            .inspect(move |chunk| sent(chunk.data.len() as u64))
            .map(deploy_request::Part::Chunk);
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
        let v1::InvokeResponse { task, function: _, version, node, outcome, usage, ran } =
            self.answered(client.invoke(request).await)?;
        Ok(Invoked {
            task: task.parse()?,
            version,
            node: node.try_into()?,
            outcome: Outcome::decode(required(outcome, "outcome")?)?,
            usage: Usage::decode(required(usage, "usage")?)?,
            ran: ran.map(Ran::decode).transpose()?,
        })
    }

    fn functions(&self) -> FunctionServiceClient<Channel> {
        FunctionServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Takes the answer out.
    fn answered<T>(&self, response: Result<tonic::Response<T>, Status>) -> Answer<T> {
        response.map(tonic::Response::into_inner).map_err(|status| self.refused(status))
    }

    /// What kept an answer from coming; an SMS that is not there is named, with what to do.
    fn refused(&self, status: Status) -> Refusal {
        let refusal = from_status(status);
        if refusal.code != Code::Unreachable {
            return refusal;
        }
        Refusal::new(Code::Unreachable, format!("cannot reach the SMS at {}: {}", self.address, refusal.message))
            .help("start one with `spear up`, or say where it is with --sms or SPEAR_CLIENT_SMS")
    }
}
