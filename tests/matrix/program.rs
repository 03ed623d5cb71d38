//! A process or a container as the client: what a guest does with a call, over the socket in the sandbox.

use std::{fmt::Debug, fs, path::Path, process::Command, sync::LazyLock};

use bytes::Bytes;
use serde_json::{Value, json};
use spear_proto::v1::{
    self, kv_client::KvClient, objects_client::ObjectsClient, secrets_client::SecretsClient, tasks_client::TasksClient,
};
use spear_types::{AgentKind, Artifact};
use tokio::{io::AsyncWriteExt as _, net::UnixStream};
use tonic::{
    Request, Status,
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint},
};

use super::rows::Row;
use crate::{
    harness::{Answer, Function, eventually, root},
    programs::stage::{self, Stage},
};

/// What is behind the socket, as rows name it; the rest is for components.
pub(super) fn may_ask(row: &Row) -> bool {
    ["objects", "kv", "tasks", "secrets"].contains(&row.name)
}

/// A program that has [`asks`] speak for it.
pub(super) fn function(agent: AgentKind) -> Function {
    let files = Artifact::of(&WAY);
    let body = stage::implementation(agent, vec!["./way".to_owned()], Some(files));
    Function::of("way", WAY.clone()).run_as([body])
}

/// `way.rs` for any image, in an archive.
static WAY: LazyLock<Bytes> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let way = folder.path().join("way");
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "-C", "target-feature=+crt-static", "-C", "strip=symbols", "-o"]).arg(&way);
    let status = rustc.arg("tests/matrix/way.rs").current_dir(root()).status().expect("rustc can be run");
    assert!(status.success(), "way.rs is compiled without anything that has to be there: {status}");
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_path_with_name(&way, "way").expect("memory");
    archive.into_inner().expect("memory").into()
});

type Connection = InterceptedService<Channel, Box<dyn FnMut(Request<()>) -> Result<Request<()>, Status> + Send>>;

/// Asks what the row's guest would ask, and has the program end with what came of it.
pub(super) async fn asks(stage: &Stage, row: &Row, call: &Value) {
    let folder = stage.only_folder().await.join("work");
    let token = eventually("its token", async || fs::read_to_string(folder.join("token")).ok()).await;
    let last = match answer(|| connect(&folder, &token), row, call).await {
        Ok(body) => [b"\0", &*body].concat(),
        Err((code, message)) => [b"\x01", json!({ "code": code, "message": message }).to_string().as_bytes()].concat(),
    };
    let mut word = UnixStream::connect(folder.join("word")).await.expect("it listens");
    word.write_all(&last).await.expect("it reads");
}

fn connect(folder: &Path, token: &str) -> Connection {
    let bearer: tonic::metadata::MetadataValue<_> = format!("Bearer {token}").parse().expect("a token");
    let channel = Endpoint::try_from(format!("unix:{}", folder.join("way").display())).expect("a path").connect_lazy();
    InterceptedService::new(
        channel,
        Box::new(move |mut request| {
            request.metadata_mut().insert("authorization", bearer.clone());
            Ok(request)
        }),
    )
}

/// The kind of an error and its text.
type Told<T> = Result<T, (&'static str, String)>;

async fn answer(connect: impl Fn() -> Connection, row: &Row, call: &Value) -> Told<Vec<u8>> {
    let text = |name: &str| call[name].as_str().unwrap_or_default().to_owned();
    let (bucket, store, key) = (text("bucket"), text("store"), text("key"));
    let mut kv = KvClient::new(connect());
    let mut objects = ObjectsClient::new(connect()).max_decoding_message_size(usize::MAX);
    Ok(match (row.name, call["op"].as_str()) {
        ("objects", Some("get")) => {
            let got = said(objects.get(v1::ObjectsKeyRequest { bucket, key }).await);
            told(got.error.map(|error| error.kind)).map(|()| got.bytes.to_vec())?
        }
        ("objects", _) => {
            let bytes = text("text").into();
            let put = v1::ObjectsPutRequest { bucket, key, bytes, content_type: None, condition: None };
            told(said(objects.put(put).await).error.map(|error| error.kind)).map(|()| Vec::new())?
        }
        ("kv", Some("get")) => {
            let got = said(kv.get(v1::KvGetRequest { store, key }).await);
            told(got.error.map(|error| error.kind)).map(|()| got.entry.unwrap().value.to_vec())?
        }
        ("kv", Some("get-many")) => {
            let keys = (0..call["count"].as_u64().unwrap()).map(|key| key.to_string()).collect();
            let got = said(kv.get_many(v1::KvGetManyRequest { store, keys }).await);
            told(got.error.map(|error| error.kind)).map(|()| Vec::new())?
        }
        ("kv", _) => {
            let put = v1::KvPutRequest { store, key, value: text("text").into(), expected: None };
            told(said(kv.put(put).await).error.map(|error| error.kind)).map(|()| Vec::new())?
        }
        ("tasks", _) => {
            let call_of = v1::Payload { body: text("call").into(), ..v1::Payload::default() };
            let invoke = v1::TasksInvokeRequest { function: text("function"), call: Some(call_of) };
            let (mut tasks, mut reply) = (TasksClient::new(connect()), Vec::new());
            for _ in 0..call["times"].as_u64().unwrap_or(1) {
                let invoked = said(tasks.invoke(invoke.clone()).await);
                told(invoked.error.map(|error| error.kind))?;
                reply = invoked.reply.unwrap().body.to_vec();
            }
            reply
        }
        ("secrets", _) => {
            let got = said(SecretsClient::new(connect()).get(v1::SecretsGetRequest { name: text("secret") }).await);
            told(got.error.map(|error| error.kind)).map(|()| got.value.iter().rev().copied().collect())?
        }
        (other, _) => panic!("{other} is not behind the socket"),
    })
}

fn said<T>(answer: Answer<tonic::Response<T>>) -> T {
    answer.expect("a hostcall's error is in its answer").into_inner()
}

/// Each service has kinds of its own, with a text; those that the table is about have the same names in all of them.
fn told<K: Debug>(error: Option<Option<K>>) -> Told<()> {
    let Some(kind) = error else { return Ok(()) };
    let text = format!("{:?}", kind.expect("an error has a kind"));
    Err((if text.starts_with("Denied") { "denied" } else { "error" }, text))
}
