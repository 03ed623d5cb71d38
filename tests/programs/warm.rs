//! Programs that serve one call after another.

use spear_types::{Call, Implementation, InstanceCounts, Pool, Reuse};

use super::stage::{Stage, function, implementation, shell};
use crate::harness::{Invoked, eventually};

super::on! {
    [process, docker]:
    one_program_serves_one_call_after_another,
    a_program_that_ends_in_a_call_is_replaced,
    so_many_are_started_ahead_and_again_when_one_is_lost;
}

/// Answers how many calls it has served, and ends in one with the argument `end`.
const COUNTS: &str = r#"n=0; while IFS= read -r call; do
    n=$((n + 1)); case "$call" in *'"end"'*) exit 3;; esac
    printf '{"body_bytes":%d}\n%d' "${#n}" "$n"
done"#;

async fn deploy(stage: &Stage, pool: Pool) {
    let program = implementation(stage.agent, shell(COUNTS), None);
    let program = Implementation { reuse: Reuse::Serial(pool), ..program };
    stage.sms.api.deploy(&function("counts", [program])).await.unwrap();
}

async fn call(stage: &Stage, arg: &str) -> Invoked {
    let call = Call::Command { args: vec![arg.to_owned()], stdin: Vec::new().into() };
    stage.sms.api.invoke_by("counts", call).await.unwrap()
}

async fn counts_become(stage: &Stage, what: &str, expected: impl Fn(&InstanceCounts) -> bool) {
    let look = async || {
        let node = stage.sms.api.live_nodes().await.pop()?;
        let counts = node.agents.into_iter().find(|agent| agent.kind == stage.agent)?.instances;
        expected(&counts).then_some(())
    };
    eventually(what, look).await;
}

async fn one_program_serves_one_call_after_another(stage: Stage) {
    deploy(&stage, Pool { calls: 3, ..Pool::default() }).await;
    for answer in ["1", "2", "3", "1"] {
        assert_eq!(call(&stage, "").await.text(), answer);
    }
    let expected = InstanceCounts { idle: 1, hits: 2, misses: 2, starts: 2 };
    counts_become(&stage, "four calls", |counts| *counts == expected).await;
}

async fn a_program_that_ends_in_a_call_is_replaced(stage: Stage) {
    deploy(&stage, Pool::default()).await;
    assert_eq!(call(&stage, "").await.text(), "1");
    let ended = call(&stage, "end").await.outcome;
    assert!(ended.name() == "trapped" && ended.to_string().contains("exit code 3"), "{ended}");
    assert_eq!([call(&stage, "").await.text(), call(&stage, "").await.text()], ["1", "2"]);
}

async fn so_many_are_started_ahead_and_again_when_one_is_lost(stage: Stage) {
    deploy(&stage, Pool { min: 2, max: 2, ..Pool::default() }).await;
    call(&stage, "").await;
    counts_become(&stage, "two that wait", |counts| counts.idle == 2 && counts.starts == 2).await;
    call(&stage, "end").await;
    counts_become(&stage, "another one", |counts| counts.idle == 2 && counts.starts == 3 && counts.misses <= 1).await;
}
