//! Nodes that come, go, and share the work.

use std::time::Duration;

use spear_proto::v1;
use spear_types::{Code, Refusal};
use tokio::{task::JoinSet, time::timeout};
use tonic::Code as Grpc;

use crate::harness::{Function, Link, Refused as _, Sms, Spearlet, eventually, register};

/// No time-out of SPEAR is as short: neither the silence of a node nor an idle connection is noticed so soon.
const AT_ONCE: Duration = Duration::from_secs(4);
const HOUR: Duration = Duration::from_secs(3600);

/// Nothing but the end of the node itself ends a call: heartbeats may be late by an hour.
async fn patient_sms() -> Sms {
    Sms::alone_set(&[("SPEAR_SMS_LEASE", "1h"), ("SPEAR_SMS_HEARTBEAT", "20ms")]).await
}

#[tokio::test]
async fn without_a_node_a_call_is_refused_at_once_and_says_what_to_do() {
    let sms = Sms::alone().await;
    sms.deploy("hello").await;
    let refusal = sms.api.invoke("hello", "Ada").await.refused(Code::NoNodeFits, Grpc::Unavailable);
    let expected = Refusal::new(Code::NoNodeFits, "no node is live: none was ever registered");
    assert_eq!(refusal, expected.help("start one with `spear spearlet`"));
}

#[tokio::test]
async fn a_killed_node_is_missed_at_once_with_a_reason_and_serves_again_when_it_is_back() {
    let sms = patient_sms().await;
    let mut node = Spearlet::of(&sms, "one").await;
    sms.deploy("hello").await;
    assert_eq!(sms.api.invoke("hello", "Ada").await.unwrap().node, "one");

    node.program.kill();
    let status = timeout(AT_ONCE, sms.api.invoke("hello", "Ada")).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Grpc::Unavailable, "{status}");
    assert!(status.message().contains("one"), "it is named: {status}");
    timeout(AT_ONCE, eventually("the loss", async || sms.api.live_nodes().await.is_empty().then_some(())))
        .await
        .unwrap();
    let refusal = sms.api.invoke("hello", "Ada").await.refused(Code::NoNodeFits, Grpc::Unavailable);
    assert!(refusal.message.contains("one: disconnected, it"), "{refusal}");
    let listed = sms.json(["node", "ls"]).await;
    assert_eq!((&listed[0]["name"], &listed[0]["state"]), (&"one".into(), &"disconnected".into()));

    node.start_again(&sms).await;
    assert_eq!(sms.api.invoke("hello", "Ada").await.unwrap().text(), "Hello, Ada!");
}

#[tokio::test]
async fn a_call_that_is_under_way_when_its_node_is_killed_ends_at_once() {
    let sms = patient_sms().await;
    let mut node = Spearlet::of(&sms, "one").await;
    sms.deploy_compiled(&Function::spin(HOUR)).await;
    let api = sms.api.clone();
    let call = tokio::spawn(async move { api.invoke("spin", "").await });
    sms.is_running(1).await;
    node.program.kill();
    let answer = timeout(AT_ONCE, call).await.expect("at once").unwrap();
    let refusal = answer.refused(Code::NodeLost, Grpc::Unavailable);
    assert!(refusal.message.contains("the node one was lost while it had the call"), "{refusal}");
}

#[tokio::test]
async fn a_call_that_is_under_way_when_its_node_falls_silent_ends_with_the_nodes_lease() {
    let sms = Sms::alone_set(&[("SPEAR_SMS_LEASE", "1s"), ("SPEAR_SMS_HEARTBEAT", "100ms")]).await;
    let node = Spearlet::of(&sms, "one").await;
    sms.deploy_compiled(&Function::spin(HOUR)).await;
    let api = sms.api.clone();
    let call = tokio::spawn(async move { api.invoke("spin", "").await });
    sms.is_running(1).await;
    node.program.signal(rustix::process::Signal::STOP);
    let answer = timeout(Duration::from_secs(20), call).await.expect("long before its own time-out").unwrap();
    let refusal = answer.refused(Code::NodeLost, Grpc::Unavailable);
    assert!(refusal.message.contains("the node one was lost while it had the call: it was silent for 1s"), "{refusal}");
}

#[tokio::test]
async fn a_node_that_falls_silent_is_lost() {
    let sms = Sms::alone_set(&[("SPEAR_SMS_LEASE", "300ms"), ("SPEAR_SMS_HEARTBEAT", "50ms")]).await;
    let node = Spearlet::of(&sms, "one").await;
    sms.deploy("hello").await;
    node.program.signal(rustix::process::Signal::STOP);
    eventually("the loss", async || sms.api.live_nodes().await.is_empty().then_some(())).await;
    let refusal = sms.api.invoke("hello", "Ada").await.refused(Code::NoNodeFits, Grpc::Unavailable);
    assert!(refusal.message.contains("one: lost, it was silent for 300ms"), "{refusal}");
    node.program.signal(rustix::process::Signal::CONT);
    node.is_live(&sms).await;
    assert_eq!(sms.api.invoke("hello", "Ada").await.unwrap().node, "one", "it had nothing, so it failed nobody");
}

#[tokio::test]
async fn two_nodes_share_the_calls_and_when_both_are_full_they_say_so() {
    let sms = patient_sms().await;
    let two_slots: &[_] = &[("SPEAR_SPEARLET_SLOTS", "2")];
    let _nodes = [Spearlet::of_set(&sms, "one", two_slots).await, Spearlet::of_set(&sms, "two", two_slots).await];
    sms.deploy("hello").await;
    sms.deploy_compiled(&Function::spin(HOUR)).await;
    let mut calls = JoinSet::new();
    for each in [1, 2] {
        for _ in 0..2 {
            let api = sms.api.clone();
            calls.spawn(async move { api.invoke("spin", "").await });
        }
        sms.is_running(2 * each).await;
        let shares = sms.api.live_nodes().await.into_iter().map(|node| (node.name.to_string(), node.load.running));
        assert_eq!(shares.collect::<Vec<_>>(), [("one".to_owned(), each), ("two".to_owned(), each)]);
    }
    let refusal = sms.api.invoke("hello", "Ada").await.refused(Code::QueueFull, Grpc::ResourceExhausted);
    assert!(refusal.message.contains("one: all 2 slots are taken; two: all 2 slots are taken"), "{refusal}");
}

#[tokio::test]
async fn when_one_of_two_nodes_is_killed_the_other_serves() {
    let sms = patient_sms().await;
    let mut one = Spearlet::of(&sms, "one").await;
    let _two = Spearlet::of(&sms, "two").await;
    sms.deploy("hello").await;
    one.program.kill();
    eventually("the loss", async || (sms.api.live_nodes().await.len() == 1).then_some(())).await;
    for _ in 0..5 {
        assert_eq!(sms.api.invoke("hello", "Ada").await.unwrap().node, "two");
    }
}

#[tokio::test]
async fn a_name_that_a_live_node_has_is_not_given_to_another_until_the_first_is_gone() {
    let sms = Sms::alone().await;
    let mut first = Spearlet::of(&sms, "one").await;
    let address = sms.api.live_nodes().await[0].address.clone();

    // Another program at another address: it cannot be the first one that is back.
    let other = v1::Register { address: "http://127.0.0.1:2".to_owned(), ..register("one", 1) };
    assert!(other.address != address && !other.incarnation.is_empty());
    let link = Link::open(&sms.api, other).await.map(|_| ());
    let refusal = link.refused(Code::NameTaken, Grpc::AlreadyExists);
    assert!(refusal.message.contains(&address), "{refusal}");

    let second = Spearlet::started(&sms, "one", &[]).await;
    second.program.stderr.line_with("the name one belongs to the live node at").await;
    assert_eq!(sms.api.live_nodes().await[0].address, address);
    first.program.kill();
    let elsewhere = async || sms.api.live_nodes().await.into_iter().find(|node| node.address != address);
    eventually("the second one's turn", elsewhere).await;
}

#[tokio::test]
async fn a_link_that_does_not_begin_with_a_sound_registration_is_refused() {
    let sms = Sms::alone().await;
    let link =
        async |message| sms.api.nodes().link(futures::stream::iter([v1::LinkRequest { message }])).await.map(|_| ());
    let register = |name: &str, address: &str| {
        let (name, address) = (name.to_owned(), address.to_owned());
        Some(v1::link_request::Message::Register(v1::Register { name, address, ..register("x", 1) }))
    };
    let heartbeat = Some(v1::link_request::Message::Heartbeat(v1::Heartbeat::default()));
    for (message, code) in [
        (None, Code::InvalidRequest),
        (heartbeat, Code::InvalidRequest),
        (register("", "http://127.0.0.1:1"), Code::InvalidName),
        (register("one", "no URL at all"), Code::InvalidRequest),
    ] {
        link(message).await.refused(code, Grpc::InvalidArgument);
    }
    assert!(sms.api.live_nodes().await.is_empty());
}
