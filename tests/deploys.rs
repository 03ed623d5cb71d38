//! Versions: what makes one, what does not, and two authors at once.

use std::time::Duration;

use futures::channel::mpsc;
use spear_proto::v1;
use spear_types::{Code, Digest, LimitRequest};
use tonic::Code as Grpc;

use crate::harness::{Function, NewTask, Refused as _, Sms, eventually, example, payload, soon};

#[tokio::test]
async fn the_same_deployed_twice_makes_no_second_version_and_no_second_artifact() {
    let sms = Sms::alone().await;
    let folder = example("hello");
    let args = ["deploy", "-C", folder.to_str().unwrap()];
    let first = sms.json(args).await;
    let kept = sms.kept().await;
    assert_eq!((kept.functions.len(), kept.blobs.len()), (1, 1));
    let second = sms.json(args).await;
    assert_eq!((first["result"].as_str(), second["result"].as_str()), (Some("created"), Some("unchanged")));
    assert_eq!(second["function"], first["function"]);
    assert_eq!(sms.kept().await, kept);
    assert!(sms.spear(args).await.answer().starts_with("unchanged hello version 1"));
}

#[tokio::test]
async fn a_removal_whose_client_hangs_up_is_whole_or_was_none() {
    let sms = Sms::alone().await;
    for attempt in 0..40 {
        sms.api.deploy(&Function::guest("hello")).await.unwrap();
        sms.api.submit(NewTask::of("hello", "")).await.unwrap();
        let request = v1::DeleteFunctionRequest { name: "hello".to_owned() };
        let mut functions = sms.api.functions();
        let hung_up = Duration::from_micros(300 + attempt * 50);
        let _ = tokio::time::timeout(hung_up, functions.delete_function(request)).await;
        let both = async || {
            let stored = sms.api.versions("hello").await.is_ok();
            let taken = sms.api.submit(NewTask::of("hello", "")).await.is_ok();
            (stored == taken).then_some(())
        };
        eventually("one answer of the store and of the state", both).await;
    }
}

#[tokio::test]
async fn the_same_bytes_under_another_name_or_with_other_limits_make_a_version_and_no_artifact() {
    let sms = Sms::alone().await;
    let hello = Function::guest("hello");
    let tighter = hello.clone().limits(LimitRequest { fuel: Some(1_000_000), ..LimitRequest::default() });
    sms.api.deploy(&hello).await.unwrap();
    sms.api.deploy(&hello.clone().named("greet")).await.unwrap();
    assert_eq!(sms.api.deploy(&tighter).await.unwrap().version, 2);
    let kept = sms.kept().await;
    assert_eq!(kept.functions, [("greet".to_owned(), 1), ("hello".to_owned(), 2)]);
    assert_eq!(kept.blobs.len(), 1);

    let versions = sms.api.versions("hello").await.unwrap();
    let seen: Vec<_> = versions.iter().map(|version| (version.version, version.limits.fuel)).collect();
    assert_eq!(seen, [(2, Some(1_000_000)), (1, None)], "the newest first");
    assert_eq!(sms.api.deploy(&hello).await.unwrap().version, 3, "it goes back, and forward in number");
}

#[tokio::test]
async fn an_artifact_stays_as_long_as_a_version_needs_it_and_a_number_is_given_once() {
    let sms = Sms::alone().await;
    let hello = Function::guest("hello");
    sms.api.deploy(&hello).await.unwrap();
    sms.api.deploy(&Function::guest("counter").named("hello")).await.unwrap();
    sms.api.deploy(&hello.clone().named("greet")).await.unwrap();
    assert_eq!(sms.blobs().len(), 2);

    assert_eq!(sms.json(["function", "rm", "hello"]).await["versions"], 2);
    let digest = Digest::of(&hello.artifact).to_string();
    let blobs = sms.blobs();
    assert!(blobs.len() == 1 && blobs.first().unwrap().ends_with(&digest), "{blobs:?}");
    sms.json(["function", "rm", "greet"]).await;
    assert_eq!(sms.blobs().len(), 0);
    assert_eq!(sms.api.deploy(&hello).await.unwrap().version, 3);
}

#[tokio::test]
async fn of_two_deploys_of_one_name_at_once_the_second_is_refused() {
    let sms = Sms::alone().await;
    let hello = Function::guest("hello");
    let mut messages = hello.messages();
    let (out, parts) = mpsc::unbounded();
    out.unbounded_send(messages.next().unwrap()).unwrap();
    let mut client = sms.api.functions();
    let first = tokio::spawn(async move { client.deploy(parts).await });
    eventually("a file in the making", async || (!sms.blobs().is_empty()).then_some(())).await;

    let second = sms.api.deploy(&hello).await;
    let refusal = second.refused(Code::DeployInProgress, Grpc::Aborted);
    assert!(refusal.message.contains("another deploy of hello is under way"), "{refusal}");
    sms.api.deploy(&hello.clone().named("other")).await.unwrap();

    messages.for_each(|message| out.unbounded_send(message).unwrap());
    drop(out);
    assert!(soon("the first deploy's end", first).await.unwrap().is_ok());
    assert!(sms.api.deploy(&hello).await.is_ok(), "the name is free again");
}

#[tokio::test]
async fn a_deploy_that_its_client_gives_up_leaves_nothing_and_frees_the_name() {
    let sms = Sms::alone().await;
    let before = sms.kept().await;
    let (out, parts) = mpsc::unbounded();
    let thumbnail = Function::guest("thumbnail").named("hello");
    thumbnail.messages().take(3).for_each(|message| out.unbounded_send(message).unwrap());
    let mut client = sms.api.functions();
    let first = tokio::spawn(async move { client.deploy(parts).await });
    eventually("a file in the making", async || (!sms.blobs().is_empty()).then_some(())).await;
    first.abort();
    eventually("no file in the making", async || (sms.blobs() == before.blobs).then_some(())).await;
    assert_eq!(sms.kept().await, before);
    let deployed = eventually("the name", async || sms.api.deploy(&Function::guest("hello")).await.ok()).await;
    assert_eq!(deployed.version, 1);
}

#[tokio::test]
async fn what_does_not_exist_is_unknown_and_what_does_is_told() {
    let sms = Sms::with_node().await;
    sms.deploy("hello").await;
    let refusal = sms.api.invoke("helo", "").await.refused(Code::UnknownFunction, Grpc::NotFound);
    assert_eq!(refusal.message, "no function is named helo");
    assert_eq!(refusal.help.unwrap(), "deployed functions: hello");
    sms.api.versions("helo").await.refused(Code::UnknownFunction, Grpc::NotFound);

    let get = v1::GetFunctionRequest { name: "hello".to_owned(), version: Some(7) };
    let refusal = sms.api.functions().get_function(get).await.refused(Code::UnknownVersion, Grpc::NotFound);
    assert_eq!(refusal.message, "the function hello has no version 7; the newest is 1");
    let call = v1::InvokeRequest {
        function: "hello".to_owned(),
        version: Some(0),
        call: Some(payload(v1::Payload::default())),
        ..v1::InvokeRequest::default()
    };
    sms.api.call(call).await.refused(Code::UnknownVersion, Grpc::NotFound);

    let malformed = v1::InvokeRequest { function: "hello".to_owned(), ..v1::InvokeRequest::default() };
    sms.api.call(malformed).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
    sms.api.invoke("Hello!", "").await.refused(Code::InvalidName, Grpc::InvalidArgument);
    for (args, code) in [
        (&["invoke", "helo"][..], "UnknownFunction"),
        (&["invoke", "hello", "--version", "7"], "UnknownVersion"),
        (&["function", "get", "helo"], "UnknownFunction"),
        (&["function", "rm", "helo"], "UnknownFunction"),
        (&["logs", "01890000-0000-7000-8000-000000000000"], "UnknownTask"),
    ] {
        assert_eq!(sms.spear(["-o", "json"].iter().chain(args)).await.error()["code"], code, "{args:?}");
    }
}
