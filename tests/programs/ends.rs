//! How a program ends, and what that means.

use spear_types::{Call, Exit, Failure, LimitRequest, Outcome};

use super::stage::Stage;
use crate::harness::messages;

super::on! {
    [process, docker]:
    an_exit_code_is_the_functions_own_word,
    a_signal_breaks_a_run_off,
    a_call_by_type_is_refused,
    fuel_is_refused_when_it_is_deployed,
    a_failure_is_no_success;
    [wasm]:
    a_failure_is_no_success;
}

async fn an_exit_code_is_the_functions_own_word(stage: Stage) {
    stage.script("exit", "printf out; echo err >&2; exit $1", LimitRequest::default()).await;
    // An engine's init process says 128 and a signal's number where a signal ended the program.
    for code in [0_u8, 1, 2, 75, 127, 128, 200, 255] {
        let call = Call::Command { args: vec![code.to_string()], stdin: "".into() };
        let outcome = stage.sms.api.invoke_by("exit", call).await.unwrap().outcome;
        if code == 0 {
            assert!(matches!(outcome, Outcome::Succeeded(_)), "{outcome}");
            continue;
        }
        let failure = Failure {
            code: "exit".to_owned(),
            message: format!("it ended with exit code {code}"),
            retryable: code == 75,
            exit: Some(Exit { code, stdout: "out".into() }),
        };
        assert_eq!(outcome, Outcome::Failed(failure));
    }
    let ran = stage.sms.spear(["invoke", "exit", "--", "7"]).await;
    assert_eq!((ran.code, ran.stdout.trim_end()), (7, "out"), "{ran:?}");
}

async fn a_signal_breaks_a_run_off(stage: Stage) {
    for (signal, number) in [("KILL", 9), ("TERM", 15), ("SEGV", 11), ("ABRT", 6)] {
        let outcome = stage.run(&format!("printf out; kill -{signal} $$; busybox sleep 1000")).await.outcome;
        let Outcome::Trapped(trap) = outcome else { panic!("{signal}: {outcome}") };
        assert!(trap.message.contains(&format!("signal {number} ")), "{signal}: {}", trap.message);
    }
}

async fn a_failure_is_no_success(stage: Stage) {
    stage.guest_or("fail", "exit 1", LimitRequest::default()).await;
    let invoked = stage.sms.api.invoke("fail", "no-stock").await.unwrap();
    let Outcome::Failed(Failure { retryable: false, .. }) = invoked.outcome else { panic!("{}", invoked.outcome) };
    assert_eq!((invoked.ran.agent, invoked.ran.skipped.len()), (stage.agent, 0));
}

async fn a_call_by_type_is_refused(stage: Stage) {
    stage.script("typed", "echo ran", LimitRequest::default()).await;
    let refusal = stage.sms.api.invoke_by("typed", Call::Typed("add(1, 2)".to_owned())).await.unwrap_err();
    assert!(refusal.message().contains("no exports to call by their types"), "{refusal}");
}

async fn fuel_is_refused_when_it_is_deployed(stage: Stage) {
    let limits = LimitRequest { fuel: Some(1_000), ..LimitRequest::default() };
    let body = super::stage::implementation(stage.agent, super::stage::shell("true"), None);
    let function = super::stage::function("metered", [body]).limits(limits);
    let deploy = messages(function.header(), function.artifact.clone());
    let refusal = stage.sms.api.functions().deploy(futures::stream::iter(deploy)).await.unwrap_err();
    assert!(refusal.message().contains(&format!("fuel is not enforced for a {}", stage.agent)), "{refusal}");
    assert_eq!(stage.sms.kept().await.functions, []);
}
