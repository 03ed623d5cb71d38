//! `reply.json` as no program should write it.

use spear_types::{Failure, LimitRequest, Outcome};

use super::stage::Stage;

super::on! {
    [process, docker]:
    one_that_is_none_fails_the_run,
    a_failure_says_what_it_is,
    no_program_can_claim_that_it_was_denied;
}

async fn one_that_is_none_fails_the_run(stage: Stage) {
    let script = "printf body; eval \"$1\"";
    stage.script("reply", script, LimitRequest::default()).await;
    for (write, said) in [
        ("echo '{\"content_type\":' > $SPEAR_REPLY", "EOF"),
        ("echo '[]' > $SPEAR_REPLY; echo x >> $SPEAR_REPLY", "trailing"),
        ("echo '{\"colour\":\"red\"}' > $SPEAR_REPLY", "colour"),
        ("echo '{\"content_type\":7}' > $SPEAR_REPLY", "expected a string"),
        (": > $SPEAR_REPLY", "EOF"),
        ("printf '\\377' > $SPEAR_REPLY", "reply.json"),
        ("busybox head -c 70000 /dev/zero > $SPEAR_REPLY", "more than 65536 bytes"),
        ("busybox ln -s /proc/self/environ $SPEAR_REPLY", "cannot be read"),
        ("busybox ln -s call.json $SPEAR_REPLY", "cannot be read"),
        ("busybox mkfifo $SPEAR_REPLY", "no file"),
        ("busybox mkdir $SPEAR_REPLY", "no file"),
    ] {
        let call = spear_types::Call::Command { args: vec![write.to_owned()], stdin: "".into() };
        let outcome = stage.sms.api.invoke_by("reply", call).await.unwrap().outcome;
        let Outcome::Failed(Failure { code, message, retryable: false, exit: None }) = outcome else {
            panic!("{write}: {outcome}")
        };
        assert_eq!(code, "invalid-reply", "{write}: {message}");
        assert!(message.contains(said), "{write}: {message}");
    }
    stage.is_empty().await;
}

async fn a_failure_says_what_it_is(stage: Stage) {
    let script = r#"printf '{"code":"no-stock","message":"none left","retryable":true}' > "$SPEAR_REPLY"
                    printf some; exit 9"#;
    let outcome = stage.run(script).await.outcome;
    let Outcome::Failed(Failure { code, message, retryable, exit: Some(exit) }) = outcome else { panic!("{outcome}") };
    assert_eq!((code.as_str(), message.as_str(), retryable), ("no-stock", "none left", true));
    assert_eq!((exit.code, &*exit.stdout), (9, &b"some"[..]));
}

async fn no_program_can_claim_that_it_was_denied(stage: Stage) {
    let outcome = stage.run(r#"printf '{"code":"denied"}' > "$SPEAR_REPLY"; exit 1"#).await.outcome;
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome}");
}
