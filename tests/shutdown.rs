//! SIGTERM: what is under way ends first, then the program, with exit code 0.

use std::time::Duration;

use rustix::process::Signal;
use spear_types::{Code, Outcome};
use tonic::Code as Grpc;

use crate::harness::{Function, Refused as _, Sms, Spearlet, eventually};

/// Long enough to be seen under way.
const A_WHILE: Duration = Duration::from_secs(2);

/// A call that ends by its own limit, under way.
async fn under_way(sms: &Sms, limit: Duration) -> tokio::task::JoinHandle<Result<Outcome, tonic::Status>> {
    sms.deploy_compiled(&Function::spin(limit)).await;
    let api = sms.api.clone();
    let call = tokio::spawn(async move { api.invoke("spin", "").await.map(|invoked| invoked.outcome) });
    sms.is_running(1).await;
    call
}

const SOON: &[(&str, &str)] = &[("SPEAR_SMS_HEARTBEAT", "20ms")];

#[tokio::test]
async fn each_program_ends_with_0_when_it_has_nothing_to_do() {
    let mut up = Sms::with_node().await;
    assert_eq!(up.stop().await, Some(0));

    let mut sms = Sms::alone().await;
    let mut node = Spearlet::of(&sms, "one").await;
    let other = Spearlet::of(&sms, "two").await;
    node.program.signal(Signal::INT);
    assert_eq!(node.program.exited().await.code(), Some(0));
    assert_eq!(sms.stop().await, Some(0), "although a node is linked to it");
    drop(other);
}

#[tokio::test]
async fn up_lets_a_call_end_first() {
    let mut sms = Sms::with_node_set(SOON).await;
    let call = under_way(&sms, A_WHILE).await;
    assert_eq!(sms.stop().await, Some(0));
    assert_eq!(call.await.unwrap().unwrap(), Outcome::TimedOut { limit: A_WHILE });
    sms.api.invoke("spin", "").await.refused(Code::Unreachable, Grpc::Unavailable);
}

#[tokio::test]
async fn a_spearlet_lets_its_call_end_first_and_gets_no_other() {
    let sms = Sms::alone_set(SOON).await;
    let mut node = Spearlet::of(&sms, "one").await;
    let call = under_way(&sms, A_WHILE).await;
    node.program.signal(Signal::TERM);
    eventually("its leave", async || sms.api.live_nodes().await.is_empty().then_some(())).await;
    sms.api.invoke("spin", "").await.refused(Code::NoNodeFits, Grpc::Unavailable);
    assert_eq!(node.program.exited().await.code(), Some(0));
    assert_eq!(call.await.unwrap().unwrap(), Outcome::TimedOut { limit: A_WHILE });
}

#[tokio::test]
async fn an_sms_lets_a_call_on_another_node_end_first() {
    let mut sms = Sms::alone_set(SOON).await;
    let _node = Spearlet::of(&sms, "one").await;
    let call = under_way(&sms, A_WHILE).await;
    assert_eq!(sms.stop().await, Some(0));
    assert_eq!(call.await.unwrap().unwrap(), Outcome::TimedOut { limit: A_WHILE });
}

#[tokio::test]
async fn a_second_signal_ends_it_although_a_call_is_under_way() {
    let mut sms = Sms::with_node_set(SOON).await;
    let call = under_way(&sms, Duration::from_secs(3600)).await;
    sms.program.signal(Signal::TERM);
    sms.program.stderr.line_with("stopping").await;
    sms.program.signal(Signal::TERM);
    assert_eq!(sms.program.exited().await.code(), Some(130));
    assert!(call.await.unwrap().is_err());
}
