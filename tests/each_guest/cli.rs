//! A program: arguments, standard input and output, an exit code.

use std::fs::{self, File};

use serde_json::{Value, json};
use spear_types::{Call, Code, Exit, Failure, Level, LimitRequest, Outcome, Payload};
use tonic::Code as Grpc;

use crate::harness::{Function, Ran, Refused as _, Sms};

fn command(args: &[&str], stdin: &'static str) -> Call {
    Call::Command { args: args.iter().map(|&arg| arg.to_owned()).collect(), stdin: stdin.into() }
}

#[tokio::test]
async fn arguments_and_standard_input_go_in_and_standard_output_comes_out() {
    let sms = Sms::with_node().await;
    sms.api.deploy(&Function::guest("cli").named("tool")).await.unwrap();
    let args = sms.api.invoke_by("tool", command(&["args", "a b", "", "--x", "ä"], "")).await.unwrap();
    assert_eq!(args.text(), "tool: [\"a b\", \"\", \"--x\", \"ä\"]\n", "its own name is the function's");
    let shouted = sms.api.invoke_by("tool", command(&["shout"], "quietly\n")).await.unwrap();
    assert_eq!(shouted.text(), "QUIETLY\n");
    let body = sms.api.invoke("tool", "a body is standard input").await.unwrap();
    assert_eq!(body.text(), "A BODY IS STANDARD INPUT");
    let log = sms.api.log(&shouted.task).await;
    assert_eq!(log.messages(), ["QUIETLY"], "the answer is in the log too");
}

#[tokio::test]
async fn its_exit_code_is_its_outcome() {
    let sms = Sms::with_node().await;
    sms.deploy("cli").await;
    let invoked = sms.api.invoke_by("cli", command(&["exit", "7"], "")).await.unwrap();
    let Outcome::Failed(Failure { code, exit: Some(Exit { code: exit, stdout }), .. }) = invoked.outcome else {
        panic!("{}", invoked.outcome)
    };
    assert_eq!((code.as_str(), stdout.as_ref()), ("exit", &b"written before the end\n"[..]));
    assert_eq!(exit, 1, "its C library tells the world 0 or 1");
    let log = sms.api.log(&invoked.task).await;
    let error = log.lines.iter().find(|line| line.level == Level::Error).unwrap();
    assert_eq!(error.message, "ends with 7");

    let zero = sms.api.invoke_by("cli", command(&["exit", "0"], "")).await.unwrap();
    assert_eq!(zero.text(), "written before the end\n");
    let returned = sms.api.invoke_by("cli", command(&["fail"], "")).await.unwrap().outcome;
    let Outcome::Failed(Failure { exit: Some(exit), .. }) = returned else { panic!("{returned}") };
    assert_eq!(exit, Exit { code: 1, stdout: "nearly".into() });
}

#[tokio::test]
async fn the_command_line_ends_as_it_ended_and_shows_what_it_wrote() {
    let sms = Sms::with_node().await;
    sms.deploy("cli").await;
    let ran = sms.spear(["invoke", "cli", "--", "args", "-d", "--help"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "cli: [\"-d\", \"--help\"]\n"), "{ran:?}");
    let shouted = sms.spear(["invoke", "cli", "-d", "quietly", "--", "shout"]).await;
    assert_eq!(shouted.stdout, "QUIETLY\n");
    let text = sms.home.path().join("text");
    fs::write(&text, "from a pipe").unwrap();
    let mut piped = sms.home.spear(["--sms", &sms.url, "invoke", "cli", "--", "shout"]);
    piped.stdin(File::open(&text).unwrap());
    assert_eq!(Ran::of(piped).await.stdout, "FROM A PIPE\n");
    let failed = sms.spear(["invoke", "cli", "--", "fail"]).await;
    assert_eq!((failed.code, failed.stdout.as_str()), (1, "nearly\n"), "{failed:?}");
    assert!(failed.stderr.contains("exit: it ended with exit code 1"), "{failed:?}");
    let coded = sms.spear(["invoke", "cli", "--", "exit-with", "42"]).await;
    assert_eq!((coded.code, coded.stdout.as_str()), (42, ""), "{coded:?}");
    let json = sms.spear(["-o", "json", "invoke", "cli", "--", "fail"]).await;
    let outcome = &json.json()["outcome"];
    assert_eq!((&outcome["exit_code"], &outcome["stdout"]), (&json!(1), &json!("nearly")));
    assert_eq!(outcome["body"], Value::Null);
}

#[tokio::test]
async fn what_it_writes_is_limited() {
    let sms = Sms::with_node().await;
    let limits = LimitRequest { payload: Some(10_000), ..LimitRequest::default() };
    sms.api.deploy(&Function::guest("cli").limits(limits)).await.unwrap();
    let whole = sms.api.invoke_by("cli", command(&["fill", "10000"], "")).await.unwrap();
    assert_eq!(whole.text().len(), 10_000);
    let outcome = sms.api.invoke_by("cli", command(&["fill", "10001"], "")).await.unwrap().outcome;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome}") };
    assert_eq!((failure.code.as_str(), failure.exit), ("reply-too-large", None));
}

#[tokio::test]
async fn its_panic_is_a_trap() {
    let sms = Sms::with_node().await;
    sms.deploy("cli").await;
    let outcome = sms.api.invoke_by("cli", command(&["panic"], "")).await.unwrap().outcome;
    let Outcome::Trapped(trap) = outcome else { panic!("{outcome}") };
    assert!(trap.message.contains("as asked"), "{trap}");
}

#[tokio::test]
async fn headers_are_nothing_to_a_program() {
    let sms = Sms::with_node().await;
    sms.deploy("cli").await;
    let call = Payload { headers: vec![(":method".to_owned(), "GET".to_owned())], ..Payload::default() };
    let refusal = sms.api.invoke_by("cli", call).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
    assert!(refusal.message.contains("it is a command"), "{refusal}");
    assert!(refusal.help.unwrap().contains("-- ARGS"));
}
