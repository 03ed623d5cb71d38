//! What is no artifact of a function: each gets a name, and nothing of it stays.

use std::fs;

use bytes::Bytes;
use futures::channel::mpsc;
use spear_proto::v1;
use spear_types::{Code, Digest};
use spear_wire::Encode as _;
use tonic::{Code as Grpc, Status};

use crate::harness::{Function, Refused as _, Sms, messages, soon};

/// A component that exports what another host would call, and nothing for this one.
const FOREIGN: &str = r#"
(component
  (core module $m (func (export "run") (result i32) i32.const 0))
  (core instance $i (instantiate $m))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $run-interface (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $run-interface)))"#;

/// One that wants what SPEAR does not have.
const BLOBS: &str = r#"
(component
  (import "wasi:blobstore/container@0.2.0" (instance (export "create" (func)))))"#;

#[tokio::test]
async fn what_is_no_component_of_ours_is_refused_by_name_and_leaves_nothing() {
    let sms = Sms::alone().await;
    let hello = Function::guest("hello").artifact;
    let before = sms.kept().await;
    for (artifact, wrong) in [
        (Bytes::new(), "is empty: 0 bytes"),
        (hello.slice(..4), "not valid"),
        (hello.slice(..hello.len() / 2), "not valid"),
        (hello.slice(..hello.len() - 1), "not valid"),
        (Bytes::from_static(b"\x7fELF\x02\x01\x01"), "not WebAssembly"),
        (Bytes::from_static(b"(component)"), "as text"),
        (wat("(module)"), "a core module, not a component"),
        (wat(FOREIGN), "it exports wasi:cli/run@0.3.0; a function that can be called is needed"),
        (wat(BLOBS), "wasi:blobstore/container@0.2.0 is imported and cannot be had"),
    ] {
        let deploy = sms.api.deploy(&Function::of("bad", artifact)).await;
        let refusal = deploy.refused(Code::InvalidComponent, Grpc::FailedPrecondition);
        assert!(refusal.message.contains(wrong), "{refusal}");
    }
    assert_eq!(sms.kept().await, before);
}

#[tokio::test]
async fn a_core_module_is_told_how_to_become_a_component() {
    let sms = Sms::alone().await;
    let folder = sms.home.path();
    fs::write(folder.join("core.wasm"), wat("(module)")).unwrap();
    let run = "[[run]]\nkind = \"wasm\"\ncomponent = \"core.wasm\"";
    fs::write(folder.join("spear.toml"), format!("spear = 1\n[function]\nname = \"core\"\n{run}\n")).unwrap();
    for command in [&["deploy"][..], &["inspect"], &["inspect", "core.wasm"]] {
        let error = sms.spear(["-o", "json"].iter().chain(command)).await.error();
        assert_eq!(error["code"], "InvalidComponent");
        assert!(error["help"].as_str().unwrap().contains("`cargo build --target wasm32-wasip2`"), "{error}");
    }
}

#[tokio::test]
async fn bytes_that_are_not_what_the_header_said_are_refused() {
    let sms = Sms::alone().await;
    let hello = Function::guest("hello");
    let before = sms.kept().await;
    let v1::Artifact { digest, size } = hello.described().encode();
    let but_last = Digest::of(&hello.artifact[..hello.artifact.len() - 1]).to_string();
    for (digest, size, code) in [
        (Digest::of(b"other").to_string(), size, Code::DigestMismatch),
        (digest.clone(), size + 1, Code::InvalidRequest),
        (digest, size - 1, Code::DigestMismatch),
        // What is checked of these bytes is that they are whole.
        (but_last, size - 1, Code::InvalidComponent),
        ("abc".to_owned(), size, Code::InvalidRequest),
    ] {
        let header = hello.header_of(v1::Artifact { digest, size });
        let grpc = if code == Code::InvalidComponent { Grpc::FailedPrecondition } else { Grpc::InvalidArgument };
        deploy(&sms, messages(header, hello.artifact.clone())).await.refused(code, grpc);
    }
    assert_eq!(sms.kept().await, before);
}

#[tokio::test]
async fn three_hundred_megabytes_are_refused_before_a_byte_of_them_is_sent() {
    let sms = Sms::alone().await;
    let before = sms.kept().await;
    let hello = Function::guest("hello");
    let header = hello.header_of(v1::Artifact { size: 300 << 20, ..hello.described().encode() });
    let (out, parts) = mpsc::unbounded();
    messages(header, Bytes::new()).for_each(|header| out.unbounded_send(header).unwrap());
    // The stream stays open and nothing more comes: what answers has only the header.
    let refusal =
        soon("a refusal", sms.api.functions().deploy(parts)).await.refused(Code::TooLarge, Grpc::InvalidArgument);
    drop(out);
    assert!(refusal.message.contains("314572800") && refusal.message.contains("268435456"), "{refusal}");
    assert_eq!(sms.kept().await, before);

    let folder = sms.home.path();
    fs::File::create(folder.join("large.wasm")).unwrap().set_len(300 << 20).unwrap();
    let run = "[[run]]\nkind = \"wasm\"\ncomponent = \"large.wasm\"";
    fs::write(folder.join("spear.toml"), format!("spear = 1\n[function]\nname = \"large\"\n{run}\n")).unwrap();
    assert_eq!(sms.spear(["-o", "json", "deploy"]).await.error()["code"], "TooLarge");
}

#[tokio::test]
async fn a_stream_that_goes_on_past_the_size_it_said_is_cut_off() {
    let sms = Sms::alone().await;
    let before = sms.kept().await;
    let hello = Function::guest("hello");
    let chunk = v1::Chunk { data: vec![0; 256 << 10].into() };
    let more = std::iter::repeat(v1::DeployRequest { part: Some(v1::deploy_request::Part::Chunk(chunk)) });
    // Without end: only a refusal ends it.
    let endless = hello.messages().chain(more);
    Box::pin(soon("a refusal", deploy(&sms, endless))).await.refused(Code::TooLarge, Grpc::InvalidArgument);
    assert_eq!(sms.kept().await, before);
}

#[tokio::test]
async fn a_deploy_whose_messages_are_malformed_is_refused() {
    let sms = Sms::alone().await;
    let hello = Function::guest("hello");
    let (header, artifact) = (hello.header(), hello.artifact.clone());
    let before = sms.kept().await;
    let spec = header.spec.clone().unwrap();
    let with = |spec: v1::FunctionSpec| v1::DeployHeader { spec: Some(spec) };
    let mut negative = v1::Limits { timeout: Some(Default::default()), ..v1::Limits::default() };
    negative.timeout.as_mut().unwrap().seconds = -1;
    let access = v1::Grants { objects: [("photos".to_owned(), 17)].into(), ..v1::Grants::default() };
    let bucket = v1::Grants { objects: [("../photos".to_owned(), 1)].into(), ..v1::Grants::default() };
    for (header, code) in [
        (v1::DeployHeader { spec: None }, Code::InvalidRequest),
        (with(v1::FunctionSpec { name: String::new(), ..spec.clone() }), Code::InvalidName),
        (with(v1::FunctionSpec { name: "../hello".to_owned(), ..spec.clone() }), Code::InvalidName),
        (with(v1::FunctionSpec { limits: Some(negative), ..spec.clone() }), Code::InvalidRequest),
        (with(v1::FunctionSpec { grants: Some(access), ..spec.clone() }), Code::InvalidRequest),
        (with(v1::FunctionSpec { grants: Some(bucket), ..spec }), Code::InvalidName),
    ] {
        deploy(&sms, messages(header, artifact.clone())).await.refused(code, Grpc::InvalidArgument);
    }

    let all: Vec<_> = hello.messages().collect();
    let empty = vec![v1::DeployRequest { part: None }];
    let twice = vec![all[0].clone(), all[0].clone()];
    let without_header = all[1..].to_vec();
    for parts in [Vec::new(), empty, twice, without_header] {
        deploy(&sms, parts).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
    }
    assert_eq!(sms.kept().await, before);
}

async fn deploy<I>(sms: &Sms, parts: I) -> Result<(), Status>
where
    I: IntoIterator<Item = v1::DeployRequest, IntoIter: Send + 'static>,
{
    sms.api.functions().deploy(futures::stream::iter(parts)).await.map(|_| ())
}

fn wat(text: &str) -> Bytes {
    wat::parse_str(text).unwrap().into()
}

#[tokio::test]
async fn a_handler_of_another_type_does_not_run() {
    let component = wat::parse_str(
        r#"(component
            (core module $m (func (export "handle")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "handle")))
            (instance $h (export "handle" (func $f)))
            (export "spear:hostcalls/handler@0.1.0" (instance $h)))"#,
    );
    let sms = Sms::with_node().await;
    sms.api.deploy(&Function::of("other", component.unwrap())).await.unwrap();
    let refusal = sms.api.invoke("other", "").await.refused(Code::InvalidComponent, Grpc::FailedPrecondition);
    assert!(refusal.message.contains("another type than spear:hostcalls/handler@0.1.0"), "{refusal}");
}
