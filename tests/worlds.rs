//! What holds in every world: limits, and that a call has to fit what it goes to.

use std::time::Duration;

use futures::future::join_all;
use spear_types::{Call, Code, LimitRequest, Outcome, Payload};
use tonic::Code as Grpc;

use crate::harness::{Function, Refused as _, Sms};

const LIMIT: Duration = Duration::from_millis(200);

/// A call of each world that never ends.
fn endless() -> [(&'static str, Call); 4] {
    let spin = Payload { headers: vec![(":path".to_owned(), "/spin".to_owned())], ..Payload::default() };
    [
        ("spin", Payload::default().into()),
        ("web", spin.into()),
        ("cli", Call::Command { args: vec!["spin".to_owned()], stdin: Default::default() }),
        ("calc", Call::Typed("forever()".to_owned())),
    ]
}

#[tokio::test]
async fn a_deadline_ends_a_run_in_every_world() {
    let sms = Sms::with_node().await;
    let limits = LimitRequest { timeout: Some(LIMIT), ..LimitRequest::default() };
    let ended = endless().map(async |(guest, call)| {
        sms.api.deploy(&Function::guest(guest).limits(limits.clone())).await.unwrap();
        let outcome = sms.api.invoke_by(guest, call).await.unwrap().outcome;
        assert_eq!(outcome, Outcome::TimedOut { limit: LIMIT }, "{guest}");
    });
    join_all(ended).await;
}

#[tokio::test]
async fn fuel_ends_a_run_in_every_world() {
    let sms = Sms::with_node().await;
    let limits = LimitRequest { fuel: Some(20_000_000), ..LimitRequest::default() };
    for (guest, call) in endless() {
        sms.api.deploy(&Function::guest(guest).limits(limits.clone())).await.unwrap();
        let invoked = sms.api.invoke_by(guest, call).await.unwrap();
        assert_eq!(invoked.outcome, Outcome::OutOfFuel { limit: 20_000_000 }, "{guest}");
    }
}

#[tokio::test]
async fn less_memory_than_a_guest_needs_is_out_of_memory_in_every_world() {
    let sms = Sms::with_node().await;
    let limits = LimitRequest { memory: Some(64 << 10), ..LimitRequest::default() };
    for (guest, call) in endless() {
        sms.api.deploy(&Function::guest(guest).limits(limits.clone())).await.unwrap();
        let outcome = sms.api.invoke_by(guest, call).await.unwrap().outcome;
        assert!(matches!(outcome, Outcome::OutOfMemory { limit: 0x10000, .. }), "{guest}: {outcome}");
    }
}

#[tokio::test]
async fn a_handler_takes_no_arguments_and_is_called_by_name_too() {
    let sms = Sms::with_node().await;
    sms.deploy("hello").await;
    let command = Call::Command { args: vec!["Ada".to_owned()], stdin: Default::default() };
    let refusal = sms.api.invoke_by("hello", command).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
    assert_eq!(refusal.message, "it is a handler and does not take arguments");
    assert!(refusal.help.unwrap().contains("-d"));

    let ran = sms.spear(["invoke", "hello", "--", "Ada"]).await;
    assert_eq!(ran.code, 3, "{ran:?}");

    let typed = Call::Typed("handler#handle({headers: [], body: [65, 100, 97]})".to_owned());
    let answer = sms.api.invoke_by("hello", typed).await.unwrap();
    assert!(answer.text().starts_with("ok({"), "{}", answer.text());

    let wrong = Call::Typed("hello(\"Ada\")".to_owned());
    let refusal = sms.api.invoke_by("hello", wrong).await.refused(Code::UnknownExport, Grpc::NotFound);
    assert!(refusal.message.contains("spear:hostcalls/handler@0.1.0#handle("), "{refusal}");
}

#[tokio::test]
async fn what_is_refused_runs_nothing_and_leaves_no_task() {
    let sms = Sms::with_node().await;
    sms.deploy("calc").await;
    sms.api.invoke_by("calc", Call::Typed("forever(1)".to_owned())).await.unwrap_err();
    let logs = sms.spear(["-o", "json", "logs", "calc"]).await.json();
    assert_eq!(logs, serde_json::json!([]));
    assert!(sms.api.invoke_by("calc", Call::Typed("nothing()".to_owned())).await.is_ok());
}

#[tokio::test]
async fn inspect_says_how_each_world_is_called() {
    let sms = Sms::alone().await;
    for (guest, command) in [
        ("hello", "spear invoke NAME -d BODY"),
        ("web", "spear invoke NAME --path PATH"),
        ("cli", "spear invoke NAME -- ARGUMENTS"),
        ("calc", "spear invoke NAME 'FUNCTION(ARGUMENTS)'"),
    ] {
        let (_, path) = spear_test_guests::ALL.iter().find(|(name, _)| *name == guest).unwrap();
        let text = sms.spear(["inspect", path]).await.stdout;
        assert!(text.contains(command), "{guest}: {text}");
    }
}
