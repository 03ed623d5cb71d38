//! A Spearlet's own gRPC, which trusts nobody either: not the SMS, and not the network between them.

use std::{collections::HashMap, fs, time::Duration};

use rustix::process::Signal;
use serde_json::json;
use spear_proto::v1;
use spear_types::{Access, Code, FunctionVersion, LimitRequest, Outcome, Usage};
use spear_wire::{Decode as _, Encode as _};
use tonic::{Code as Grpc, Status};

use crate::harness::{Api, Function, Home, ROUNDS, Refused as _, Sms, Spearlet, assert_in_time, payload};

const TASK: &str = "01890000-0000-7000-8000-000000000000";

#[tokio::test]
async fn what_it_has_run_it_runs_again_without_its_sms() {
    let mut sms = Sms::alone().await;
    let node = Spearlet::of(&sms, "one").await;
    let hello = sms.api.deploy(&Function::guest("hello")).await.unwrap();
    let counter = sms.api.deploy(&Function::guest("counter")).await.unwrap();
    assert_eq!(run(&node.api, request(&hello, "Ada")).await.unwrap().0.name(), "succeeded");
    sms.program.kill();
    assert_eq!(run(&node.api, request(&hello, "Ada")).await.unwrap().0.name(), "succeeded");
    let refusal = run(&node.api, request(&counter, "")).await.refused(Code::Internal, Grpc::Internal);
    assert!(refusal.message.contains("the node cannot fetch the artifact"), "{refusal}");
}

#[tokio::test]
async fn a_request_that_is_malformed_or_over_its_limits_is_refused() {
    let sms = Sms::with_node_set(&[("SPEAR_MAXIMA_MEMORY", "64MiB")]).await;
    let hello = sms.api.deploy(&Function::guest("hello")).await.unwrap();
    let node = sms.node().await;
    let sound = request(&hello, "Ada");
    let limits = sound.limits.unwrap();
    let greedy = v1::Limits { memory_bytes: Some(65 << 20), ..limits };
    let tight = v1::Limits { payload_bytes: Some(2), ..limits };
    let of = |digest: String| {
        let artifact = v1::Artifact { digest, size: 1 };
        let body = Some(v1::implementation::Body::Wasm(artifact));
        v1::RunRequest { implementations: vec![v1::Implementation { body, serial: None }], ..sound.clone() }
    };
    let incomplete = v1::Limits { memory_bytes: None, ..limits };
    for (bad, code, grpc) in [
        (v1::RunRequest { limits: Some(greedy), ..sound.clone() }, Code::LimitTooHigh, Grpc::FailedPrecondition),
        (v1::RunRequest { limits: Some(tight), ..sound.clone() }, Code::TooLarge, Grpc::InvalidArgument),
        (v1::RunRequest { limits: Some(incomplete), ..sound.clone() }, Code::InvalidRequest, Grpc::InvalidArgument),
        (v1::RunRequest { limits: None, ..sound.clone() }, Code::InvalidRequest, Grpc::InvalidArgument),
        (v1::RunRequest { call: None, ..sound.clone() }, Code::InvalidRequest, Grpc::InvalidArgument),
        (v1::RunRequest { task: "1".to_owned(), ..sound.clone() }, Code::InvalidRequest, Grpc::InvalidArgument),
        (of("../1".to_owned()), Code::InvalidRequest, Grpc::InvalidArgument),
        (of("0".repeat(64)), Code::UnknownArtifact, Grpc::NotFound),
        (v1::RunRequest { implementations: Vec::new(), ..sound.clone() }, Code::InvalidRequest, Grpc::InvalidArgument),
        (v1::RunRequest { function: String::new(), ..sound.clone() }, Code::InvalidName, Grpc::InvalidArgument),
    ] {
        run(&node, bad).await.refused(code, grpc);
    }
    assert_eq!(run(&node, sound).await.unwrap().0.name(), "succeeded");
}

#[tokio::test]
async fn an_artifact_that_was_damaged_on_its_way_does_not_run_and_is_not_kept() {
    let sms = Sms::with_node().await;
    let hello = Function::guest("hello");
    sms.api.deploy(&hello).await.unwrap();
    let file = sms.home.path().join("state/spear/sms/blobs").join(sms.blobs().first().unwrap());
    // A component all right, and sound in itself: only its digest tells.
    fs::write(&file, Function::guest("counter").artifact).unwrap();
    let refusal = sms.api.invoke("hello", "Ada").await.refused(Code::DigestMismatch, Grpc::InvalidArgument);
    assert!(refusal.message.contains(&hello.described().digest.to_string()), "{refusal}");

    fs::write(&file, &hello.artifact).unwrap();
    assert_eq!(sms.api.invoke("hello", "Ada").await.unwrap().text(), "Hello, Ada!");
}

#[tokio::test]
async fn a_guest_that_waits_for_its_host_ends_within_10_ms_of_its_limit_too() {
    const LIMIT: Duration = Duration::from_millis(150);
    let sms = Sms::alone_in(Home::alone().await, &[]).await;
    let node = Spearlet::of(&sms, "one").await;
    for (name, fuel) in [("timed", None), ("metered", Some(1 << 60))] {
        let limits = LimitRequest { timeout: Some(LIMIT), fuel, ..LimitRequest::default() };
        let store = Function::guest("store").named(name).limits(limits).grant("shelf", Access::ReadWrite);
        let store = sms.api.deploy(&store).await.unwrap();
        let put = json!({ "op": "put", "bucket": "shelf", "key": "k", "text": "x" }).to_string();
        // The node fetches and compiles. Then it still has its connection, and gets no answer.
        run(&node.api, request(&store, &put)).await.unwrap();
        sms.program.signal(Signal::STOP);
        let mut runs = Vec::new();
        for _ in 0..ROUNDS {
            let (outcome, usage) = run(&node.api, request(&store, &put)).await.unwrap();
            assert_eq!(outcome, Outcome::TimedOut { limit: LIMIT }, "{name}");
            assert!(usage.wall >= LIMIT && usage.cpu < LIMIT / 2, "it waited: {usage:?}");
            runs.push(usage.wall - LIMIT);
        }
        sms.program.signal(Signal::CONT);
        assert_in_time(name, runs);
    }
}

/// What an SMS would send to run this version.
pub(crate) fn request(version: &FunctionVersion, body: &str) -> v1::RunRequest {
    v1::RunRequest {
        task: TASK.to_owned(),
        attempt: 1,
        function: version.name.to_string(),
        version: version.version,
        implementations: version.implementations.clone().encode(),
        limits: Some(version.limits.clone().encode()),
        grants: Some(version.grants.clone().encode()),
        call: Some(payload(v1::Payload { body: body.to_owned().into(), ..v1::Payload::default() })),
        trace_parent: None,
        settings: HashMap::new(),
        callers: Vec::new(),
    }
}

async fn run(node: &Api, request: v1::RunRequest) -> Result<(Outcome, Usage), Status> {
    let v1::RunResponse { outcome, usage, .. } = node.spearlet().run(request).await?.into_inner();
    Ok((Outcome::decode(outcome.unwrap()).unwrap(), Usage::decode(usage.unwrap()).unwrap()))
}
