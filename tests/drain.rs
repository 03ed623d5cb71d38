//! Nodes that are to take no work, or to be rid of it.

use std::time::Duration;

use spear_proto::v1;
use spear_types::{Code, Duty, Outcome, TaskId, TaskState};
use tonic::Code as Grpc;

use crate::harness::{Function, NewTask, Refused as _, Sms, Spearlet, eventually, retries};

const HOUR: Duration = Duration::from_secs(3600);

async fn two_nodes() -> (Sms, Spearlet, Spearlet) {
    let sms = Sms::alone_set(&[("SPEAR_SMS_HEARTBEAT", "20ms")]).await;
    let (one, two) = (Spearlet::of(&sms, "one").await, Spearlet::of(&sms, "two").await);
    sms.deploy("echo").await;
    sms.api.deploy(&Function::spin(HOUR)).await.unwrap();
    (sms, one, two)
}

async fn set(sms: &Sms, name: &str, duty: v1::Duty) -> Duty {
    sms.api.set_duty(name, duty, None).await.unwrap().duty
}

/// Waits until a node has a duty.
async fn has(sms: &Sms, name: &str, wanted: Duty) {
    eventually("a duty", async || (sms.api.node(name).await.unwrap().duty == wanted).then_some(())).await;
}

/// The node that has a task.
async fn node_of(sms: &Sms, task: TaskId) -> String {
    let TaskState::Running { node, .. } = sms.api.runs(task).await.state else { unreachable!() };
    node.to_string()
}

/// Runs so many tasks; the nodes they ran on.
async fn ran_on(sms: &Sms, tasks: u32) -> Vec<String> {
    let submitted = sms.api.submit_all((0..tasks).map(|_| NewTask::of("echo", ""))).await.unwrap();
    let mut nodes = Vec::new();
    for (task, _) in submitted {
        let TaskState::Ended { node, .. } = sms.api.ended(task).await.task.state else { unreachable!() };
        nodes.push(node.unwrap().to_string());
    }
    nodes.sort();
    nodes.dedup();
    nodes
}

#[tokio::test]
async fn a_cordoned_node_finishes_what_it_has_and_gets_nothing_until_it_is_opened() {
    let (sms, _one, _two) = two_nodes().await;
    let spin = sms.api.submit(NewTask::of("spin", "")).await.unwrap();
    let busy = node_of(&sms, spin).await;
    let other = if busy == "one" { "two" } else { "one" };
    assert_eq!(set(&sms, &busy, v1::Duty::Cordoned).await, Duty::Cordoned);
    assert_eq!(ran_on(&sms, 10).await, [other]);
    for _ in 0..3 {
        assert_eq!(sms.api.invoke("echo", "").await.unwrap().node, other);
    }
    assert_eq!(sms.api.task(spin).await.unwrap().state.name(), "running");
    sms.api.cancel(spin).await.unwrap();
    assert_eq!(sms.api.ended(spin).await.outcome, Outcome::Cancelled);
    // It is no drain: it stays cordoned.
    assert_eq!(sms.api.node(&busy).await.unwrap().duty, Duty::Cordoned);
    assert_eq!(set(&sms, &busy, v1::Duty::Open).await, Duty::Open);
    assert_eq!(ran_on(&sms, 50).await, ["one", "two"]);
}

#[tokio::test]
async fn a_drained_node_has_nothing_left_when_its_time_is_over() {
    let (sms, _one, _two) = two_nodes().await;
    let spin = sms.api.submit(NewTask::of("spin", "").retry(retries(2))).await.unwrap();
    let busy = node_of(&sms, spin).await;
    let other = if busy == "one" { "two" } else { "one" };
    let within = Some(Duration::from_millis(300));
    let draining = sms.api.set_duty(&busy, v1::Duty::Draining, within).await.unwrap();
    assert!(matches!(draining.duty, Duty::Draining { .. }), "{draining:?}");
    let moved = |state: &TaskState| matches!(state, TaskState::Running { node, .. } if node.as_str() == other);
    let info = sms.api.reaches(spin, moved).await;
    assert_eq!(info.attempt, 2);
    has(&sms, &busy, Duty::Drained).await;
    assert_eq!(ran_on(&sms, 10).await, [other]);
    // Its run is over there, not only forgotten.
    let idle = async || {
        let node = sms.api.node(&busy).await.unwrap();
        (node.load.running == 0 && node.reserved.slots == 0).then_some(())
    };
    eventually("an idle node", idle).await;
    sms.api.cancel(spin).await.unwrap();
    sms.api.ended(spin).await;
}

#[tokio::test]
async fn what_ends_in_time_ends_where_it_is() {
    let (sms, _one, _two) = two_nodes().await;
    sms.deploy_compiled(&Function::spin(Duration::from_millis(700)).named("brief")).await;
    let brief = sms.api.submit(NewTask::of("brief", "").once()).await.unwrap();
    let busy = node_of(&sms, brief).await;
    sms.api.set_duty(&busy, v1::Duty::Draining, Some(HOUR)).await.unwrap();
    let ended = sms.api.ended(brief).await;
    assert_eq!((ended.outcome.name(), ended.task.attempt), ("timed-out", 1));
    has(&sms, &busy, Duty::Drained).await;
}

#[tokio::test]
async fn an_idle_node_is_drained_at_once_and_stays_so_when_both_programs_start_again() {
    let (mut sms, mut one, two) = two_nodes().await;
    sms.api.set_duty("one", v1::Duty::Draining, None).await.unwrap();
    has(&sms, "one", Duty::Drained).await;
    set(&sms, "two", v1::Duty::Cordoned).await;
    sms.kill_and_start_again("sms").await;
    one.start_again(&sms).await;
    two.is_live(&sms).await;
    assert_eq!(sms.api.node("one").await.unwrap().duty, Duty::Drained);
    assert_eq!(sms.api.node("two").await.unwrap().duty, Duty::Cordoned);
    let waiting = sms.api.submit(NewTask::of("echo", "")).await.unwrap();
    let why = sms.api.why(waiting).await.unwrap().unwrap();
    assert!(why.node.is_none() && why.nodes.len() == 2, "{why:?}");
    for node in why.nodes {
        let Some(v1::considered::Verdict::Rejected(rejected)) = node.verdict else { panic!("{node:?}") };
        assert_eq!(rejected.filter, "duty", "{rejected:?}");
    }
    set(&sms, "one", v1::Duty::Open).await;
    let TaskState::Ended { node, .. } = sms.api.ended(waiting).await.task.state else { unreachable!() };
    assert_eq!(node.unwrap().as_str(), "one");
}

#[tokio::test]
async fn the_command_line_cordons_drains_and_opens() {
    let (sms, _one, _two) = two_nodes().await;
    let duty = async |name: &str| sms.json(["node", "get", name]).await["duty"].clone();
    sms.spear(["node", "cordon", "one"]).await.answer();
    assert_eq!(duty("one").await, "cordoned");
    sms.spear(["node", "uncordon", "one"]).await.answer();
    assert_eq!(duty("one").await, "open");
    sms.spear(["node", "drain", "one"]).await.answer();
    has(&sms, "one", Duty::Drained).await;
    assert_eq!(sms.json(["node", "ls"]).await[0]["duty"], "drained");
}

#[tokio::test]
async fn what_is_no_duty_of_a_node_is_refused() {
    let (sms, _one, _two) = two_nodes().await;
    sms.api.set_duty("three", v1::Duty::Cordoned, None).await.refused(Code::UnknownNode, Grpc::NotFound);
    for duty in [v1::Duty::Unspecified, v1::Duty::Drained] {
        sms.api.set_duty("one", duty, None).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
    }
    let request = v1::SetDutyRequest { name: "one".to_owned(), duty: 77, within: None };
    sms.api.nodes().set_duty(request).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
    assert_eq!(sms.api.node("one").await.unwrap().duty, Duty::Open);
}
