//! What a program may send, and how much at once.

use bytes::Bytes;
use spear_types::{Access, Grants, Limits};
use spear_wire::v1::{self, tasks_error};
use tokio::{io::AsyncWriteExt as _, net::UnixStream, time::timeout};
use tonic::Code;

use super::{Clients, Function, PATIENCE};

fn object(size: usize) -> v1::ObjectsPutRequest {
    v1::ObjectsPutRequest {
        bucket: "mine".to_owned(),
        key: "k".to_owned(),
        bytes: Bytes::from(vec![0; size]),
        content_type: None,
        condition: None,
    }
}

fn writes() -> Grants {
    Grants { objects: [("mine".parse().unwrap(), Access::Write)].into(), ..Grants::default() }
}

#[tokio::test]
async fn a_message_over_the_limit_of_a_hostcall_is_refused_and_never_seen() {
    let limits = Limits { hostcall: 1_000, ..Limits::DEFAULTS };
    let function = Function::new(writes(), limits);
    let attempt = function.attempt(1);
    let mut clients = Clients::over(&attempt.connect().await);
    let status = clients.objects.put(object(1_000)).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status}");
    assert!(status.message().contains("bytes is over the limit `hostcall` of 1000"), "{status}");
    assert_eq!(spear_wire::from_status(status).code, spear_types::Code::MessageTooLarge);
    assert_eq!((function.cluster.asked(), attempt.session.meter().hostcalls), (0, 0));
    clients.objects.put(object(900)).await.unwrap();
    assert_eq!((function.cluster.asked(), attempt.session.meter().bytes_out), (1, 901));
}

#[tokio::test]
async fn a_large_object_goes_out_whole() {
    let limits = Limits { payload: 64 << 20, hostcall: 65 << 20, ..Limits::DEFAULTS };
    let function = Function::new(writes(), limits);
    let attempt = function.attempt(1);
    let mut clients = Clients::over(&attempt.connect().await);
    let put = clients.objects.put(object(64 << 20)).await.unwrap().into_inner();
    assert_eq!((put.error, put.info.unwrap().version), (None, 4));
}

#[tokio::test]
async fn malformed_numbers_and_names_are_errors_of_the_call_and_no_end_of_it() {
    let function = Function::granted(Grants { tasks: ["mine".parse().unwrap()].into(), ..writes() });
    let attempt = function.attempt(1);
    let mut clients = Clients::over(&attempt.connect().await);
    let nowhere = v1::ObjectsPutRequest { bucket: "No Bucket".to_owned(), ..object(1) };
    let unconditional = v1::Condition { is: Some(v1::condition::Is::Etag("no etag".to_owned())) };
    let no_etag = v1::ObjectsPutRequest { condition: Some(unconditional), ..object(1) };
    for request in [nowhere, v1::ObjectsPutRequest { key: String::new(), ..object(1) }, no_etag] {
        let error = clients.objects.put(request).await.unwrap().into_inner().error.unwrap();
        assert!(matches!(error.kind, Some(v1::objects_error::Kind::Invalid(_))), "{error:?}");
    }
    let nothing = v1::ObjectsOperation { key: "k".to_owned(), kind: None };
    let batch = v1::ObjectsBatchRequest { bucket: "mine".to_owned(), operations: vec![nothing] };
    assert!(clients.objects.batch(batch).await.unwrap().into_inner().error.is_some());
    let options = v1::TasksOptions { priority: Some(300), ..Default::default() };
    let (function_name, call) = ("mine".to_owned(), Some(v1::Payload::default()));
    let submit = v1::TasksSubmitRequest { function: function_name, call, options: Some(options) };
    let error = clients.tasks.submit(submit).await.unwrap().into_inner().error.unwrap();
    assert!(matches!(error.kind, Some(tasks_error::Kind::Invalid(_))), "{error:?}");
    let no_level = v1::LogsWriteRequest { level: 0, ..Default::default() };
    assert_eq!(clients.logs.write(no_level).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(function.cluster.asked(), 0);
    assert_eq!(attempt.session.meter().hostcalls, 5, "a malformed call is a call");
}

#[tokio::test]
async fn calls_wait_for_their_turn_and_other_services_do_not() {
    let function = Function::granted(Grants {
        tasks: ["waits".parse().unwrap(), "mine".parse().unwrap()].into(),
        ..Grants::default()
    });
    let attempt = function.attempt(1);
    let clients = Clients::over(&attempt.connect().await);
    let waits = v1::TasksInvokeRequest { function: "waits".to_owned(), call: Some(v1::Payload::default()) };
    let mut invoked = Vec::new();
    for _ in 0..4 {
        let (mut tasks, waits) = (clients.tasks.clone(), waits.clone());
        invoked.push(tokio::spawn(async move { tasks.invoke(waits).await }));
        timeout(PATIENCE, function.cluster.waiting.notified()).await.unwrap();
    }
    let (mut tasks, mine) = (clients.tasks.clone(), v1::TasksInvokeRequest { function: "mine".to_owned(), ..waits });
    let fifth = tokio::spawn(async move { tasks.invoke(mine).await });
    let mut logs = clients.logs.clone();
    let line = v1::LogsWriteRequest { level: v1::Level::Info.into(), ..Default::default() };
    timeout(PATIENCE, logs.write(line)).await.expect("another service waits as well").unwrap();
    assert!(!fifth.is_finished() && attempt.session.meter().hostcalls == 5);
    invoked.pop().unwrap().abort();
    let reply = timeout(PATIENCE, fifth).await.expect("it has no turn").unwrap().unwrap().into_inner();
    assert_eq!(reply.error, None);
}

#[tokio::test]
async fn all_calls_of_an_attempt_have_one_budget_of_bytes() {
    let limits = Limits { hostcall: 1 << 20, payload: 1 << 20, ..Limits::DEFAULTS };
    let mine = |access| [("mine".parse().unwrap(), access)].into();
    let read = Grants { kv: [("mine".parse().unwrap(), Access::Read)].into(), ..Grants::default() };
    let grants = Grants { objects: mine(Access::Read), tasks: ["waits".parse().unwrap()].into(), ..read };
    let function = Function::new(grants, limits);
    let (attempt, cluster) = (function.attempt(1), &function.cluster);
    let waits = || timeout(PATIENCE, cluster.waiting.notified());
    // Four calls of a service that are as large as they may be, each over a connection of its own.
    let call = v1::Payload { body: vec![0; (1 << 20) - 64].into(), ..Default::default() };
    let large = v1::TasksInvokeRequest { function: "waits".to_owned(), call: Some(call) };
    let mut invoked = Vec::new();
    for _ in 0..4 {
        let (mut clients, large) = (Clients::over(&attempt.connect().await), large.clone());
        invoked.push(tokio::spawn(async move { clients.tasks.invoke(large).await }));
        waits().await.unwrap();
    }
    // There is room for one more: what waits for nobody is answered.
    let clients = Clients::over(&attempt.connect().await);
    let line = v1::LogsWriteRequest { level: v1::Level::Info.into(), ..Default::default() };
    timeout(PATIENCE, clients.logs.clone().write(line)).await.expect("no room for a log").unwrap();
    let (mut objects, mut kv) = (clients.objects.clone(), clients.kv.clone());
    let object = v1::ObjectsKeyRequest { bucket: "mine".to_owned(), key: "waits".to_owned() };
    let _object = tokio::spawn(async move { objects.get(object).await });
    waits().await.unwrap();
    let value = v1::KvGetRequest { store: "mine".to_owned(), key: "waits".to_owned() };
    let value = tokio::spawn(async move { kv.get(value).await });
    // What comes later of another attempt is answered, again and again: whoever may begin has begun.
    let (other, _log) = function.session(2);
    attempt.server.admit(&other);
    let mut others = Clients::over(&super::connect(attempt.server.path(), other.token()).await);
    for _ in 0..10 {
        timeout(PATIENCE, others.resources.who_am_i(v1::ResourcesWhoAmIRequest {})).await.unwrap().unwrap();
    }
    let began = timeout(std::time::Duration::ZERO, cluster.waiting.notified()).await;
    assert!(began.is_err() && !value.is_finished(), "it goes beyond the budget");
    invoked.pop().unwrap().abort();
    waits().await.expect("room that was given back is not given out");
}

#[tokio::test]
async fn what_waits_for_its_turn_holds_up_nothing_of_its_connection() {
    let limits = Limits { payload: 4 << 20, hostcall: 5 << 20, ..Limits::DEFAULTS };
    let function = Function::new(writes(), limits);
    let attempt = function.attempt(1);
    let clients = Clients::over(&attempt.connect().await);
    let puts = (0..16).map(|_| {
        let mut objects = clients.objects.clone();
        async move { objects.put(object(4 << 20)).await }
    });
    let all = timeout(PATIENCE, futures::future::join_all(puts)).await.expect("they hold each other up");
    assert!(all.into_iter().all(|put| put.unwrap().into_inner().error.is_none()));
}

#[tokio::test]
async fn what_is_no_http_closes_its_own_connection_only() {
    let function = Function::granted(Grants::default());
    let attempt = function.attempt(1);
    let mut clients = Clients::over(&attempt.connect().await);
    let mut raw = UnixStream::connect(attempt.server.path()).await.unwrap();
    raw.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut end = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut raw, &mut end);
    let _ = timeout(PATIENCE, read).await.expect("it stays open");
    let line = v1::LogsWriteRequest { level: v1::Level::Info.into(), ..Default::default() };
    clients.logs.write(line).await.unwrap();
}
