//! Functions of a world of their own, called by name.

use serde_json::json;
use spear_types::{Call, Code, LimitRequest, Outcome, Payload};
use tonic::Code as Grpc;

use crate::harness::{Function, Invoked, Refused as _, Sms};

async fn deployed() -> Sms {
    let sms = Sms::with_node().await;
    sms.deploy("calc").await;
    sms
}

async fn call(sms: &Sms, text: &str) -> Result<Invoked, tonic::Status> {
    sms.api.invoke_by("calc", Call::Typed(text.to_owned())).await
}

#[tokio::test]
async fn arguments_and_results_are_wave() {
    let sms = deployed().await;
    for (text, result) in [
        ("add(1, 2)", "3"),
        (" add ( 4294967295 , // wraps\n 1)", "0"),
        ("div(7, 2)", "ok(3)"),
        ("summary-of([3, -5, 8])", "{count: 3, sum: 6, largest: some(8)}"),
        ("summary-of([])", "{count: 0, sum: 0}"),
        ("sort([3, 1, 2], falling)", "[3, 2, 1]"),
        ("rounded(2.5)", "3"),
        ("rounded(2.5, some({down}))", "2"),
        ("rounded(2.5, {down})", "2"),
        (r#"repeat("ä\n", 2)"#, r#""ä\nä\n""#),
        ("perimeter(rectangle((2, 3.5)))", "11"),
        ("shapes#area(polygon([{x: 0, y: 0}, {y: 0, x: 2}, {x: 0, y: 2}]))", "2"),
        ("solids.area(1)", "6"),
        ("docs:calc/solids#area(1)", "6"),
        ("docs:calc/solids@0.1.0#area(1)", "6"),
    ] {
        let invoked = call(&sms, text).await.unwrap();
        assert_eq!(invoked.text(), result, "{text}");
        let Outcome::Succeeded(Payload { content_type, .. }) = invoked.outcome else { unreachable!() };
        assert_eq!(content_type.as_deref(), Some("text/x-wave"));
    }
    let nothing = call(&sms, "nothing()").await.unwrap().outcome;
    assert_eq!(nothing, Outcome::Succeeded(Payload::default()));
}

#[tokio::test]
async fn the_error_of_a_result_is_a_failure() {
    let sms = deployed().await;
    let outcome = call(&sms, "div(1, 0)").await.unwrap().outcome;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome}") };
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("error", "\"division by zero\""));
}

#[tokio::test]
async fn a_wrong_name_is_answered_with_what_there_is() {
    let sms = deployed().await;
    let refusal = call(&sms, "ad(1, 2)").await.refused(Code::UnknownExport, Grpc::NotFound);
    for part in [
        "no function \"ad\"",
        "add(a: u32, b: u32) -> u32",
        "div(a: u32, b: u32) -> result<u32, string>",
        "docs:calc/solids@0.1.0#area(edge: f64) -> f64",
        "sort(numbers: list<s64>, order: enum { rising, falling }) -> list<s64>",
    ] {
        assert!(refusal.message.contains(part), "{part}\n{refusal}");
    }
    assert!(!refusal.message.contains("register"), "what cannot be called is not offered: {refusal}");

    let refusal = call(&sms, "area(1)").await.refused(Code::UnknownExport, Grpc::NotFound);
    for part in ["may be any of", "docs:calc/shapes@0.1.0#area(of: variant {", "docs:calc/solids@0.1.0#area(edge"] {
        assert!(refusal.message.contains(part), "{part}\n{refusal}");
    }
}

#[tokio::test]
async fn a_resource_cannot_be_given_from_outside() {
    let sms = deployed().await;
    let refusal = call(&sms, "read(1)").await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
    assert!(refusal.message.contains("machine@0.1.0#read cannot be called from outside"), "{refusal}");
    call(&sms, "[constructor]register(1)").await.refused(Code::UnknownExport, Grpc::NotFound);
}

#[tokio::test]
async fn wrong_arguments_are_told_the_signature_and_what_is_wrong() {
    let sms = deployed().await;
    for (text, wrong) in [
        ("add(1)", "\"b\" is missing"),
        ("add()", "\"a\" is missing"),
        ("add(1, 2, 3)", "3 are given and 2 are taken"),
        ("add(1, -2)", "`-2` is no u32"),
        ("add(1, \"2\")", "`\"2\"` is no u32"),
        ("add(1, [2])", "`[2]` is no u32"),
        ("add(1, 2", "unexpected end"),
        ("add(1, 2) or not", "trailing characters"),
        ("sort([1], up)", "`up` is no enum { rising, falling }"),
        ("perimeter(circle)", "\"circle\" needs a f64"),
        ("perimeter(polygon([{x: 1}]))", "\"y\" is missing"),
        ("perimeter(polygon([{x: 1, y: 2, z: 3}]))", "no field \"z\""),
    ] {
        let refusal = call(&sms, text).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
        assert!(refusal.message.contains("the arguments do not fit"), "{text}: {refusal}");
        assert!(refusal.message.contains(wrong), "{text}: {wrong}\n{refusal}");
    }
    let refusal = call(&sms, "add").await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
    assert!(refusal.message.contains("is no call"), "{refusal}");
}

#[tokio::test]
async fn a_call_without_a_name_is_told_which_there_are() {
    let sms = deployed().await;
    let command = Call::Command { args: vec!["1".to_owned()], stdin: Default::default() };
    for call in [Call::Payload(Payload::default()), command] {
        let refusal = sms.api.invoke_by("calc", call).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
        assert!(refusal.message.contains("add(a: u32, b: u32) -> u32"), "{refusal}");
        assert!(refusal.help.unwrap().contains("spear invoke"));
    }
}

#[tokio::test]
async fn a_result_over_the_limit_is_a_failure() {
    let sms = Sms::with_node().await;
    let limits = LimitRequest { payload: Some(1_000), ..LimitRequest::default() };
    sms.api.deploy(&Function::guest("calc").limits(limits)).await.unwrap();
    // Its quotes and its media type count too.
    assert_eq!(call(&sms, "repeat(\"x\", 987)").await.unwrap().text().len(), 989);
    let outcome = call(&sms, "repeat(\"x\", 988)").await.unwrap().outcome;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome}") };
    assert_eq!(failure.code, "reply-too-large");
    let long = format!("repeat(\"{}\", 0)", "x".repeat(1_000));
    call(&sms, &long).await.refused(Code::TooLarge, Grpc::InvalidArgument);
}

#[tokio::test]
async fn values_within_values_without_end_are_refused() {
    let sms = deployed().await;
    for (open, close) in [("[", "]"), ("some(", ")"), ("ok(", ")"), ("(", ")"), ("{a: ", "}")] {
        for depth in [101, 20_000] {
            let text = format!("summary-of({}1{})", open.repeat(depth), close.repeat(depth));
            let refusal = call(&sms, &text).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
            assert!(refusal.message.contains("nesting too deep"), "{refusal}");
        }
    }
    // A million of them is over what a call may have at all.
    let bomb = format!("summary-of({})", "[".repeat(1_000_000));
    let refusal = call(&sms, &bomb).await.refused(Code::TooLarge, Grpc::InvalidArgument);
    assert!(refusal.message.contains("262144"), "{refusal}");
    assert_eq!(call(&sms, "add(1, 2)").await.unwrap().text(), "3");
}

#[tokio::test]
async fn the_command_line_calls_it_as_it_is_written() {
    let sms = deployed().await;
    let ran = sms.spear(["invoke", "calc", "add(1, 2)"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "3\n"), "{ran:?}");
    let failed = sms.spear(["invoke", "calc", "div(1, 0)"]).await;
    assert_eq!((failed.code, failed.stdout.as_str()), (1, ""), "{failed:?}");
    assert!(failed.stderr.contains("error: \"division by zero\""), "{failed:?}");
    let unknown = sms.spear(["invoke", "calc", "sub(1, 2)"]).await;
    assert_eq!(unknown.code, 3);
    assert!(unknown.stderr.contains("add(a: u32, b: u32) -> u32"), "{unknown:?}");
    let both = sms.spear(["invoke", "calc", "add(1, 2)", "-d", "x"]).await;
    assert_eq!(both.code, 2, "{both:?}");
    let json = sms.json(["invoke", "calc", "add(1, 2)"]).await;
    assert_eq!((&json["outcome"]["body"], &json["outcome"]["content_type"]), (&json!("3"), &json!("text/x-wave")));
}
