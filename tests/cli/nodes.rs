//! Nodes from the command line.

use serde_json::json;

use crate::harness::{Function, NewTask, Program, Sms, Spearlet, eventually};

#[tokio::test]
async fn a_node_is_cordoned_and_taken_back() {
    let sms = Sms::with_node_set(&[("SPEAR_SPEARLET_NAME", "one")]).await;
    assert_eq!(sms.json(["node", "get", "one"]).await["duty"], "open");
    let ran = sms.spear(["node", "cordon", "one"]).await;
    assert!(ran.stderr.contains("spear node uncordon one"), "{ran:?}");
    assert!(sms.spear(["node", "ls"]).await.answer().contains("live, cordoned"));
    assert_eq!(sms.json(["node", "uncordon", "one"]).await["duty"], "open");
    let described = sms.spear(["node", "get", "one"]).await.answer();
    for part in ["live", "labels", "arch=", "agents      wasm", "GIVEN AWAY", "memory"] {
        assert!(described.contains(part), "{part} is not in\n{described}");
    }
    for command in ["get", "cordon", "uncordon", "drain"] {
        let error = sms.spear(["-o", "json", "node", command, "two"]).await.error();
        assert_eq!(error["code"], "UnknownNode", "{command}");
    }
}

#[tokio::test]
async fn a_drain_that_is_waited_for_ends_when_nothing_is_left() {
    let sms = Sms::alone_set(&[("SPEAR_SMS_HEARTBEAT", "20ms")]).await;
    let _node = Spearlet::of(&sms, "one").await;
    sms.deploy_compiled(&Function::spin(std::time::Duration::from_secs(3600))).await;
    let spin = sms.api.submit(NewTask::of("spin", "")).await.unwrap();
    sms.api.runs(spin).await;
    let node = sms.json(["node", "ls"]).await[0].clone();
    assert_eq!((&node["reserved"]["slots"], &node["reserved"]["memory_bytes"]), (&json!(1), &json!(64 << 20)));

    let ran = sms.spear(["node", "drain", "one"]).await;
    assert!(ran.stdout.contains("draining one: 1 task left") && ran.stderr.contains("uncordon"), "{ran:?}");
    let mut command = sms.home.spear(["--sms", &sms.url]);
    command.args(["node", "drain", "one", "--within", "200ms", "--wait"]);
    let mut drain = Program::start(command);
    assert_eq!(drain.exited().await.code(), Some(0), "{}", drain.stderr.text());
    assert_eq!(drain.stdout.text(), "drained one\n");
    assert_eq!(sms.json(["node", "get", "one"]).await["duty"], "drained");
    let waits = async || (sms.api.task(spin).await.unwrap().state.name() == "queued").then_some(());
    eventually("the task in the queue", waits).await;

    // Whoever waits for what will not come is told so.
    sms.spear(["node", "uncordon", "one"]).await.answer();
    sms.api.runs(spin).await;
    let mut command = sms.home.spear(["--sms", &sms.url]);
    command.args(["-o", "json", "node", "drain", "one", "--wait"]);
    let mut drain = Program::start(command);
    let draining = async || (sms.json(["node", "get", "one"]).await["duty"] == "draining").then_some(());
    eventually("the drain", draining).await;
    sms.spear(["node", "uncordon", "one"]).await.answer();
    assert_eq!(drain.exited().await.code(), Some(3));
    assert!(drain.stderr.text().contains("is not drained any more"), "{}", drain.stderr.text());
}
