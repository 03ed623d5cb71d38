//! Which implementation a node runs, and what it says of those before it.

use serde_json::json;
use spear_types::{AgentKind, Code, Implementation, LimitRequest, Outcome};
use tonic::Code as Grpc;

use super::stage::{self, Stage, function, implementation, shell};
use crate::harness::{Function, NewTask, Refused as _, Sms};

super::on! {
    [process, docker]:
    what_is_not_here_falls_through_and_it_is_said_why,
    a_failure_does_not_fall_through,
    where_nothing_runs_it_is_refused_with_every_reason;
}

/// What this agent cannot run here.
fn missing(agent: AgentKind) -> Implementation {
    let body = implementation(agent, vec!["no-such-command-of-spear".to_owned()], None);
    match body.body {
        spear_types::Body::Docker(_, program) => {
            let image = stage::image("localhost:1/no/such-image:1");
            Implementation { body: spear_types::Body::Docker(image, program), ..body }
        }
        _ => body,
    }
}

async fn what_is_not_here_falls_through_and_it_is_said_why(stage: Stage) {
    let next = implementation(AgentKind::Process, shell("echo the next one"), None);
    let both = function("falls", [missing(stage.agent), next]);
    stage.sms.api.deploy(&both).await.unwrap();
    let invoked = stage.sms.api.invoke("falls", "").await.unwrap();
    assert_eq!((invoked.text(), invoked.ran.agent), ("the next one\n", AgentKind::Process));
    let [skipped] = &*invoked.ran.skipped else { panic!("{:?}", invoked.ran) };
    assert_eq!(skipped.agent, stage.agent);
    assert!(["no-such", "no/such"].iter().any(|said| skipped.reason.contains(said)), "{}", skipped.reason);

    let said = stage.sms.json(["invoke", "falls"]).await;
    let reason = json!({ "agent": stage.agent.to_string(), "reason": skipped.reason });
    assert_eq!(said["ran"], json!({ "agent": "process", "skipped": [reason] }));
    let people = stage.sms.spear(["invoke", "falls"]).await;
    assert!(people.stderr.contains("as process (not as"), "{people:?}");
    let task = stage.sms.api.submit(NewTask::of("falls", "")).await.unwrap();
    assert_eq!(stage.sms.api.ended(task).await.text(), "the next one\n");
    let result = stage.sms.json(["task", "result", &task.to_string()]).await;
    assert_eq!(result["ran"], said["ran"]);
    let got = stage.sms.json(["task", "get", &task.to_string()]).await;
    assert_eq!(got["ran"], said["ran"]);
    let people = stage.sms.spear(["task", "get", &task.to_string()]).await.stdout;
    assert!(people.contains("ran as     process\n") && people.contains("not as     "), "{people}");
}

async fn a_failure_does_not_fall_through(stage: Stage) {
    for (number, fails) in ["exit 1", "exit 127", "kill -KILL $$", "while :; do :; done"].into_iter().enumerate() {
        let limits = LimitRequest { timeout: Some(std::time::Duration::from_secs(2)), ..LimitRequest::default() };
        let all = [fails, "echo fell through"].map(|script| implementation(stage.agent, shell(script), None));
        let name = format!("fails-{number}");
        stage.sms.api.deploy(&function(&name, all).limits(limits)).await.unwrap();
        let invoked = stage.sms.api.invoke(&name, "").await.unwrap();
        assert!(!matches!(invoked.outcome, Outcome::Succeeded(_)), "{fails}");
        assert_eq!((invoked.ran.agent, invoked.ran.skipped.len()), (stage.agent, 0), "{fails}");
    }
}

async fn where_nothing_runs_it_is_refused_with_every_reason(stage: Stage) {
    stage.sms.api.deploy(&function("nowhere", [missing(stage.agent), missing(AgentKind::Process)])).await.unwrap();
    let refusal = stage.sms.api.invoke("nowhere", "").await.refused(Code::NoNodeFits, Grpc::Unavailable);
    assert!(refusal.message.contains("no-such-command-of-spear"), "{refusal}");
    stage.is_empty().await;
}

#[tokio::test]
async fn a_component_on_a_node_without_that_agent_falls_through() {
    let sms = Sms::with_node_set(&[("SPEAR_SPEARLET_AGENTS", r#"["process"]"#)]).await;
    let guest = Function::guest("hello");
    let component = Implementation::wasm(guest.described());
    let program = implementation(AgentKind::Process, shell("echo as a process"), None);
    sms.api.deploy(&guest.run_as([component, program])).await.unwrap();
    let invoked = sms.api.invoke("hello", "Ada").await.unwrap();
    assert_eq!((invoked.text(), invoked.ran.agent), ("as a process\n", AgentKind::Process));
    assert_eq!(invoked.ran.skipped.iter().map(|skipped| skipped.agent).collect::<Vec<_>>(), [AgentKind::Wasm]);
}

#[tokio::test]
async fn a_component_that_wants_what_the_node_lacks_falls_through_and_is_refused_where_it_is_alone() {
    let sms = Sms::with_node_set(&[("SPEAR_SPEARLET_AGENTS", r#"["wasm","process"]"#)]).await;
    let mut guest = Function::guest("hello");
    guest.spec.grants.files = [("assets".parse().unwrap(), spear_types::Access::Read)].into();
    sms.api.deploy(&guest).await.unwrap();
    let refusal = sms.api.invoke("hello", "Ada").await.refused(Code::NotGranted, Grpc::FailedPrecondition);
    assert!(refusal.message.contains("no folder \"assets\""), "{refusal}");
    let component = Implementation::wasm(guest.described());
    let program = implementation(AgentKind::Process, shell("echo as a process"), None);
    sms.api.deploy(&guest.run_as([component, program])).await.unwrap();
    let invoked = sms.api.invoke("hello", "Ada").await.unwrap();
    assert_eq!((invoked.text(), invoked.ran.agent), ("as a process\n", AgentKind::Process));
    assert!(invoked.ran.skipped[0].reason.contains("no folder \"assets\""), "{:?}", invoked.ran);
}

#[tokio::test]
async fn a_node_of_components_alone_runs_no_program() {
    let sms = Sms::with_node().await;
    let program = implementation(AgentKind::Process, shell("echo ran"), None);
    sms.api.deploy(&function("program", [program])).await.unwrap();
    sms.api.invoke("program", "").await.refused(Code::NoNodeFits, Grpc::Unavailable);
}
