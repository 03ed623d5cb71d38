//! A program's gRPC, as a client in any language has it.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use spear_proto::v1::{
    self, function_service_client::FunctionServiceClient, invoke_service_client::InvokeServiceClient,
    kv_service_client::KvServiceClient, log_service_client::LogServiceClient, node_service_client::NodeServiceClient,
    object_service_client::ObjectServiceClient, spearlet_service_client::SpearletServiceClient,
};
use spear_types::{Call, FunctionVersion, LogLine, NodeInfo, ObjectInfo, Outcome, Ran, Usage};
use spear_wire::{Decode, Encode, required, stream::chunks};
use tonic::{
    Status,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::health_client::HealthClient;

use super::{Function, PATIENCE};

/// A connection to the SMS or to a Spearlet.
#[derive(Clone)]
pub(crate) struct Api {
    channel: Channel,
}

/// What came of an invoke.
#[derive(Debug)]
pub(crate) struct Invoked {
    pub(crate) task: String,
    pub(crate) version: u32,
    pub(crate) node: String,
    pub(crate) outcome: Outcome,
    pub(crate) usage: Usage,
    pub(crate) ran: Ran,
}

/// What a task wrote.
#[derive(Debug)]
pub(crate) struct TaskLog {
    pub(crate) lines: Vec<LogLine>,
    pub(crate) dropped: u64,
}

/// What a program answered, or why it did not.
pub(crate) type Answer<T> = Result<T, Status>;

impl Api {
    pub(crate) fn new(url: &str) -> Self {
        let endpoint = Endpoint::from_shared(url.to_owned()).expect("a URL");
        Self { channel: endpoint.tcp_nodelay(true).timeout(PATIENCE).connect_lazy() }
    }

    pub(crate) fn functions(&self) -> FunctionServiceClient<Channel> {
        FunctionServiceClient::new(self.channel.clone())
    }

    pub(crate) fn invokes(&self) -> InvokeServiceClient<Channel> {
        let client = InvokeServiceClient::new(self.channel.clone());
        client.max_decoding_message_size(usize::MAX).max_encoding_message_size(usize::MAX)
    }

    pub(crate) fn logs(&self) -> LogServiceClient<Channel> {
        LogServiceClient::new(self.channel.clone()).max_decoding_message_size(usize::MAX)
    }

    pub(crate) fn nodes(&self) -> NodeServiceClient<Channel> {
        NodeServiceClient::new(self.channel.clone())
    }

    pub(crate) fn objects(&self) -> ObjectServiceClient<Channel> {
        ObjectServiceClient::new(self.channel.clone())
    }

    pub(crate) fn kv(&self) -> KvServiceClient<Channel> {
        KvServiceClient::new(self.channel.clone()).max_decoding_message_size(usize::MAX)
    }

    pub(crate) fn spearlet(&self) -> SpearletServiceClient<Channel> {
        SpearletServiceClient::new(self.channel.clone())
    }

    pub(crate) fn health(&self) -> HealthClient<Channel> {
        HealthClient::new(self.channel.clone())
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(crate) async fn deploy(&self, function: &Function) -> Answer<FunctionVersion> {
        let response = self.functions().deploy(futures::stream::iter(function.messages())).await?;
        Ok(decode(response.into_inner().function))
    }

    pub(crate) async fn versions(&self, name: &str) -> Answer<Vec<FunctionVersion>> {
        let response = self.functions().list_versions(v1::ListVersionsRequest { name: name.to_owned() }).await?;
        Ok(response.into_inner().versions.into_iter().map(|version| decode(Some(version))).collect())
    }

    pub(crate) async fn invoke(&self, function: &str, body: impl Into<Bytes>) -> Answer<Invoked> {
        let call = v1::Payload { body: body.into(), ..v1::Payload::default() };
        self.call(v1::InvokeRequest { function: function.to_owned(), call: Some(payload(call)), ..Default::default() })
            .await
    }

    /// A call of any kind.
    pub(crate) async fn invoke_by(&self, function: &str, call: impl Into<Call>) -> Answer<Invoked> {
        let call = Some(call.into().encode());
        self.call(v1::InvokeRequest { function: function.to_owned(), call, ..Default::default() }).await
    }

    pub(crate) async fn call(&self, request: v1::InvokeRequest) -> Answer<Invoked> {
        let v1::InvokeResponse { task, function: _, version, node, outcome, usage, ran } =
            self.invokes().invoke(request).await?.into_inner();
        Ok(Invoked { task, version, node, outcome: decode(outcome), usage: decode(usage), ran: decode(ran) })
    }

    pub(crate) async fn log(&self, task: &str) -> TaskLog {
        let of = Some(v1::read_logs_request::Of::Task(task.to_owned()));
        let response = self.logs().read_logs(v1::ReadLogsRequest { of, last: None }).await.expect("the task's log");
        // A task without a line has no log to show.
        let v1::TaskLog { lines, dropped, .. } = response.into_inner().logs.pop().unwrap_or_default();
        TaskLog { lines: lines.into_iter().map(|line| decode(Some(line))).collect(), dropped }
    }

    pub(crate) async fn live_nodes(&self) -> Vec<NodeInfo> {
        let nodes = self.all_nodes().await.into_iter();
        nodes.filter(|node| node.state == spear_types::NodeState::Live).collect()
    }

    pub(crate) async fn all_nodes(&self) -> Vec<NodeInfo> {
        let response = self.nodes().list_nodes(v1::ListNodesRequest {}).await.expect("a listing");
        response.into_inner().nodes.into_iter().map(|node| decode(Some(node))).collect()
    }

    pub(crate) async fn node(&self, name: &str) -> Answer<NodeInfo> {
        let response = self.nodes().get_node(v1::GetNodeRequest { name: name.to_owned() }).await?;
        Ok(decode(response.into_inner().node))
    }

    /// Whether a node takes work; `within` is for draining.
    pub(crate) async fn set_duty(&self, name: &str, duty: v1::Duty, within: Option<Duration>) -> Answer<NodeInfo> {
        let within = within.map(Encode::encode);
        let request = v1::SetDutyRequest { name: name.to_owned(), duty: duty.into(), within };
        Ok(decode(self.nodes().set_duty(request).await?.into_inner().node))
    }

    pub(crate) async fn put(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>) -> Answer<ObjectInfo> {
        let bytes = bytes.into();
        let size = Some(bytes.len() as u64);
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let header = v1::PutObjectHeader { bucket, key, size, ..Default::default() };
        self.put_parts(header, bytes).await
    }

    /// A put whose header and bytes need not fit together.
    pub(crate) async fn put_parts(&self, header: v1::PutObjectHeader, bytes: Bytes) -> Answer<ObjectInfo> {
        let header = std::iter::once(v1::put_object_request::Part::Header(header));
        let parts = header.chain(chunks(bytes).map(v1::put_object_request::Part::Chunk));
        let requests = parts.map(|part| v1::PutObjectRequest { part: Some(part) });
        let response = self.objects().put_object(futures::stream::iter(requests)).await?;
        Ok(decode(response.into_inner().object))
    }

    pub(crate) async fn stat(&self, bucket: &str, key: &str) -> Answer<ObjectInfo> {
        let request = v1::StatObjectRequest { bucket: bucket.to_owned(), key: key.to_owned() };
        Ok(decode(self.objects().stat_object(request).await?.into_inner().object))
    }

    /// A reference or a pin; nothing when the object went with its last reference.
    pub(crate) async fn change(&self, bucket: &str, key: &str, change: v1::ObjectChange) -> Answer<Option<ObjectInfo>> {
        let (bucket, key, change) = (bucket.to_owned(), key.to_owned(), change.into());
        let response = self.objects().change_object(v1::ChangeObjectRequest { bucket, key, change }).await?;
        Ok(response.into_inner().object.map(|object| decode(Some(object))))
    }

    /// A batch of operations on objects.
    pub(crate) async fn apply(
        &self,
        parts: impl IntoIterator<Item = v1::apply_objects_request::Part>,
    ) -> Answer<Vec<Option<ObjectInfo>>> {
        let requests: Vec<_> = parts.into_iter().map(|part| v1::ApplyObjectsRequest { part: Some(part) }).collect();
        let response = self.objects().apply_objects(futures::stream::iter(requests)).await?;
        let results = response.into_inner().results.into_iter();
        Ok(results.map(|result| result.object.map(|object| decode(Some(object)))).collect())
    }

    /// One change of a value.
    pub(crate) async fn change_value(
        &self,
        store: &str,
        key: &str,
        kind: v1::value_change::Kind,
    ) -> Answer<v1::value_changed::Kind> {
        let changes = vec![v1::ValueChange { key: key.to_owned(), kind: Some(kind) }];
        let request = v1::ChangeValuesRequest { store: store.to_owned(), changes };
        let result = self.kv().change_values(request).await?.into_inner().results.pop();
        Ok(result.and_then(|result| result.kind).expect("one result"))
    }

    /// A value and its version.
    pub(crate) async fn value(&self, store: &str, key: &str) -> Answer<Option<(Bytes, u64)>> {
        let request = v1::GetValuesRequest { store: store.to_owned(), keys: vec![key.to_owned()] };
        let value = self.kv().get_values(request).await?.into_inner().values.pop().expect("one answer").value;
        Ok(value.map(|v1::Value { value, version }| (value, version)))
    }

    pub(crate) async fn get(&self, bucket: &str, key: &str) -> Answer<Vec<u8>> {
        self.get_range(bucket, key, None, None).await
    }

    pub(crate) async fn get_range(
        &self,
        bucket: &str,
        key: &str,
        offset: Option<u64>,
        length: Option<u64>,
    ) -> Answer<Vec<u8>> {
        let request = v1::GetObjectRequest { bucket: bucket.to_owned(), key: key.to_owned(), offset, length };
        let mut parts = self.objects().get_object(request).await?.into_inner();
        let mut bytes = Vec::new();
        while let Some(response) = parts.message().await? {
            if let Some(v1::get_object_response::Part::Chunk(chunk)) = response.part {
                bytes.extend_from_slice(&chunk.data);
            }
        }
        Ok(bytes)
    }
}

/// A call of a handler.
pub(crate) fn payload(payload: v1::Payload) -> v1::Call {
    v1::Call { kind: Some(v1::call::Kind::Payload(payload)) }
}

impl Invoked {
    /// The body of its answer.
    pub(crate) fn text(&self) -> &str {
        let Outcome::Succeeded(reply) = &self.outcome else { panic!("{}", self.outcome) };
        std::str::from_utf8(&reply.body).expect("text")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.text()).expect("JSON")
    }
}

impl TaskLog {
    pub(crate) fn messages(&self) -> Vec<&str> {
        self.lines.iter().map(|line| line.message.as_str()).collect()
    }
}

pub(crate) fn decode<T: Decode<M>, M>(message: Option<M>) -> T {
    required(message, "what the program has to send").and_then(T::decode).expect("a sound answer")
}
