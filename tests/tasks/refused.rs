//! What is not accepted: each gets a name, and nothing of it stays.

use std::time::Duration;

use spear_proto::v1;
use spear_types::{Code, Cpu, LimitRequest, OutcomeKind, Placement, RetryPolicy};
use spear_wire::Encode as _;
use tonic::Code as Grpc;

use crate::harness::{Function, NewTask, Refused as _, Sms, retries};

fn ada() -> NewTask {
    NewTask::of("hello", "Ada")
}

/// With a retry policy as only a client that is none of ours would send it.
fn with_retry(change: impl FnOnce(&mut v1::RetryPolicy)) -> NewTask {
    ada().retry(retries(3)).with(|options| change(options.retry.as_mut().unwrap()))
}

#[tokio::test]
async fn what_is_malformed_or_unknown_is_refused() {
    let sms = Sms::with_node().await;
    let limits = LimitRequest { payload: Some(10), ..LimitRequest::default() };
    sms.api.deploy(&Function::guest("hello").limits(limits)).await.unwrap();
    let mut negative = Duration::ZERO.encode();
    negative.seconds = -1;
    let mut long = Duration::ZERO.encode();
    long.seconds = i64::MAX;
    let mut no_call = ada();
    no_call.0.call = None;
    let request = (Code::InvalidRequest, Grpc::InvalidArgument);
    for (task, (code, grpc)) in [
        (NewTask::of("nobody", ""), (Code::UnknownFunction, Grpc::NotFound)),
        (ada().version(2), (Code::UnknownVersion, Grpc::NotFound)),
        (ada().version(0), (Code::UnknownVersion, Grpc::NotFound)),
        (NewTask::of("hello", "more than ten bytes"), (Code::TooLarge, Grpc::InvalidArgument)),
        (no_call, request),
        (ada().key(""), (Code::InvalidName, Grpc::InvalidArgument)),
        (ada().key(&"k".repeat(257)), (Code::InvalidName, Grpc::InvalidArgument)),
        (ada().key(&"k".repeat(1 << 20)), (Code::InvalidName, Grpc::InvalidArgument)),
        (ada().key("a\nb"), (Code::InvalidName, Grpc::InvalidArgument)),
        (ada().priority(101), request),
        (ada().priority(u32::MAX), request),
        (ada().with(|options| options.delay = Some(negative)), request),
        (ada().with(|options| options.deadline = Some(long)), request),
        (ada().with(|options| options.trace_parent = Some("x".repeat(1 << 20))), request),
        (with_retry(|retry| retry.max_attempts = 0), request),
        (with_retry(|retry| retry.max_attempts = 101), request),
        (with_retry(|retry| retry.backoff = None), request),
        (with_retry(|retry| retry.backoff = Some(Duration::from_secs(9).encode())), request),
        (with_retry(|retry| retry.max_backoff = Some(long)), request),
        (with_retry(|retry| retry.on = vec!["succeeded".to_owned()]), request),
        (with_retry(|retry| retry.on = vec!["nonsense".to_owned()]), request),
        (with_retry(|retry| retry.on = vec!["failed".to_owned(); 1_000]), request),
    ] {
        let shown = format!("{task:?}").chars().take(200).collect::<String>();
        let submitted = sms.api.submit(task).await;
        assert!(submitted.is_err(), "{shown}");
        let refusal = submitted.refused(code, grpc);
        assert!(refusal.message.len() < 1_000, "{refusal}");
    }
    assert_eq!(sms.api.list(None, &[]).await.unwrap(), []);
}

#[tokio::test]
async fn what_no_node_could_ever_run_is_refused_at_once_and_says_why_of_each_node() {
    let sms = Sms::with_node().await;
    let too_much = [
        ("cores", Placement { cpu: Cpu::from_millis(9_999_000), ..Placement::default() }, "9999 cores"),
        ("memory", Placement { memory: Some(1 << 60), ..Placement::default() }, "memory"),
        ("gpu", Placement { constraints: constraints("gpu = true"), ..Placement::default() }, "gpu = true"),
    ];
    let node = sms.api.live_nodes().await.pop().unwrap().name;
    for (name, placement, why) in too_much {
        sms.api.deploy(&Function::guest("hello").named(name).placement(placement)).await.unwrap();
        let refusal = sms.api.submit(NewTask::of(name, "")).await.refused(Code::NoNodeFits, Grpc::Unavailable);
        assert!(refusal.message.contains(why) && refusal.message.contains(node.as_str()), "{refusal}");
        let refusal = sms.api.invoke(name, "").await.refused(Code::NoNodeFits, Grpc::Unavailable);
        assert!(refusal.message.contains(why), "{refusal}");
    }
    assert_eq!(sms.api.list(None, &[]).await.unwrap(), []);
}

fn constraints(text: &str) -> spear_types::Constraints {
    vec![text.parse().unwrap()].try_into().unwrap()
}

#[tokio::test]
async fn a_manifest_with_unsound_constraints_is_not_deployed() {
    let sms = Sms::alone().await;
    let hello = Function::guest("hello");
    let long = "zone = ".to_owned() + &"a".repeat(1 << 20);
    let many = vec!["zone = a".to_owned(); 100_000];
    let values = format!("zone in [{}]", vec!["a"; 33].join(","));
    for constraints in [vec![long], many, vec![values], vec!["nonsense".to_owned()], vec![String::new()]] {
        let unsound = v1::Placement { constraints, ..v1::Placement::default() };
        let mut header = hello.header();
        header.spec.as_mut().unwrap().placement = Some(unsound);
        let messages = crate::harness::messages(header, hello.artifact.clone());
        let deploy = sms.api.functions().deploy(futures::stream::iter(messages.collect::<Vec<_>>())).await;
        let refusal = deploy.refused(Code::InvalidRequest, Grpc::InvalidArgument);
        assert!(refusal.message.len() < 1_000, "{refusal}");
    }
    assert!(sms.kept().await.functions.is_empty());
}

#[tokio::test]
async fn a_full_queue_refuses_before_it_changes_anything() {
    let sms = Sms::alone_set(&[("SPEAR_SMS_QUEUE", "5"), ("SPEAR_SMS_QUEUE_PER_FUNCTION", "3")]).await;
    for guest in ["hello", "echo"] {
        sms.deploy(guest).await;
    }
    let tasks = |function: &'static str, count: usize| (0..count).map(move |_| NewTask::of(function, ""));
    let full = async |function, count| {
        let before = sms.api.list(None, &[]).await.unwrap();
        let submitted = sms.api.submit_all(tasks(function, count)).await;
        let refusal = submitted.refused(Code::QueueFull, Grpc::ResourceExhausted);
        assert_eq!(sms.api.list(None, &[]).await.unwrap(), before);
        refusal.message
    };
    assert!(full("hello", 4).await.contains("hello"));
    sms.api.submit_all(tasks("hello", 3)).await.unwrap();
    assert!(full("hello", 1).await.contains('3'));
    sms.api.submit_all(tasks("echo", 1)).await.unwrap();
    assert!(full("echo", 2).await.contains('5'));
    // What is there already takes no room: its key finds it.
    let keyed = || NewTask::of("echo", "").key("k");
    sms.api.submit(keyed()).await.unwrap();
    full("echo", 1).await;
    assert!(sms.api.submit_all([keyed()]).await.unwrap()[0].1);
    // An end makes room.
    let some = sms.api.list(Some("hello"), &[]).await.unwrap()[0].id;
    sms.api.cancel(some).await.unwrap();
    sms.api.submit_all(tasks("hello", 1)).await.unwrap();
    full("hello", 1).await;
}

#[tokio::test]
async fn calls_of_many_bytes_fill_the_queue_too() {
    let sms = Sms::alone_set(&[("SPEAR_SMS_QUEUE_BYTES", "1000000")]).await;
    sms.deploy("echo").await;
    let large = || NewTask::of("echo", vec![b'x'; 400_000]);
    sms.api.submit_all([large(), large()]).await.unwrap();
    sms.api.submit(large()).await.refused(Code::QueueFull, Grpc::ResourceExhausted);
    assert_eq!(sms.api.list(None, &[]).await.unwrap().len(), 2);
    let retry = RetryPolicy { on: vec![OutcomeKind::Failed], backoff: Duration::ZERO, ..retries(1) };
    sms.api.submit(NewTask::of("echo", "small").retry(retry)).await.unwrap();
}
