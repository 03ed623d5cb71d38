//! What an operator allows: on the SMS, on a node, and after the fact.

use std::fs;

use serde_json::json;
use spear_types::{Access, Code, Denial, Lacking, Outcome};
use tonic::Code as Grpc;

use crate::harness::{Function, Home, Program, Refused as _, Sms, Spearlet};

const PUBLIC: &str = "spear = 1\n[grants.objects]\n\"public*\" = \"read\"\n";
const NOTHING: &str = "spear = 1\n";

/// A file with a policy, and the variable that names it.
fn policy(home: &Home, text: &str) -> String {
    let file = home.path().join("policy.toml");
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

async fn with_policy(text: &str) -> Sms {
    let home = Home::new().await;
    let file = policy(&home, text);
    Sms::with_node_in(home, &[("SPEAR_SMS_POLICY", &file)]).await
}

/// Reads what it is told to of two buckets, one of which is asked for in vain.
fn snoop() -> Function {
    Function::guest("snoop").grant("public", Access::ReadWrite).grant("secret", Access::Read)
}

fn denied(bucket: &str, access: &str) -> Outcome {
    Outcome::Denied(Denial {
        what: format!("read access to the bucket \"{bucket}\""),
        grant: format!("[grants.objects]\n{bucket} = \"{access}\""),
        lacking: Lacking::Policy,
    })
}

#[tokio::test]
async fn a_function_has_what_it_asks_for_as_far_as_the_operator_allows_it() {
    let sms = with_policy(PUBLIC).await;
    sms.api.put("public", "x", "everybody's business").await.unwrap();
    sms.api.put("secret", "x", "nobody's business").await.unwrap();
    let version = sms.api.deploy(&snoop()).await.unwrap();
    assert_eq!(version.grants.effective.lines(), ["grants.objects.public = \"read\""]);
    assert_eq!(sms.api.invoke("snoop", "public").await.unwrap().text(), "everybody's business");

    let invoked = sms.api.invoke("snoop", "secret").await.unwrap();
    assert_eq!(invoked.outcome, denied("secret", "read"));
    let log = sms.api.log(&invoked.task).await;
    let line = log.lines.iter().find(|line| line.message.starts_with("denied: ")).expect("a line that says so");
    let field = |key: &str| line.fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    assert_eq!(field("grant"), Some("[grants.objects]\nsecret = \"read\""));
    assert_eq!(field("lacking-in"), Some("the operator's policy"));
}

#[tokio::test]
async fn what_was_taken_away_is_stored_and_shown_with_what_is_left() {
    let sms = with_policy(PUBLIC).await;
    sms.api.deploy(&snoop()).await.unwrap();
    let function = sms.json(["function", "get", "snoop"]).await;
    assert_eq!(function["grants"], json!({ "objects": { "public": "read" } }));
    assert_eq!(function["asked"], json!({ "objects": { "public": "read-write", "secret": "read" } }));
    let cuts = json!([
        { "asked": "grants.objects.public = \"read-write\"", "left": ["grants.objects.public = \"read\""] },
        { "asked": "grants.objects.secret = \"read\"", "left": [] },
    ]);
    assert_eq!(function["cut"], cuts);
}

#[tokio::test]
async fn a_component_that_is_left_with_nothing_for_an_import_is_refused() {
    let sms = with_policy(NOTHING).await;
    let before = sms.kept().await;
    let refusal = sms.api.deploy(&snoop()).await.refused(Code::NotGranted, Grpc::FailedPrecondition);
    assert!(refusal.help.as_ref().unwrap().starts_with("the operator's policy would have to say"), "{refusal}");
    assert!(refusal.help.as_ref().unwrap().contains("grants.objects.secret = \"read\""), "{refusal}");
    assert_eq!(sms.kept().await, before);
}

#[tokio::test]
async fn inspect_and_deploy_say_what_the_operator_says() {
    let sms = with_policy(PUBLIC).await;
    let project = sms.home.path().join("project");
    fs::create_dir(&project).unwrap();
    fs::write(project.join("snoop.wasm"), snoop().artifact).unwrap();
    let run = "[[run]]\nkind = \"wasm\"\ncomponent = \"snoop.wasm\"";
    let manifest = |grant: &str| format!("spear = 1\n[function]\nname = \"snoop\"\n{run}\n[grants.objects]\n{grant}\n");
    let folder = project.to_str().unwrap();
    fs::write(project.join("spear.toml"), manifest("public = \"read-write\"")).unwrap();
    for args in [&["inspect", "--operator", "-C", folder][..], &["deploy", "-C", folder]] {
        let ran = sms.spear(args).await;
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(ran.code == 0 && said.contains("not allowed by the operator: grants.objects.public"), "{ran:?}");
    }
    fs::write(project.join("spear.toml"), manifest("secret = \"read\"")).unwrap();
    for args in [&["-o", "json", "inspect", "--operator", "-C", folder][..], &["-o", "json", "deploy", "-C", folder]] {
        assert_eq!(sms.spear(args).await.error()["code"], "NotGranted");
    }
    let alone = sms.spear(["inspect", "-C", folder]).await;
    assert_eq!(alone.code, 0, "without the operator's word the manifest is enough: {alone:?}");
}

#[tokio::test]
async fn a_narrower_policy_holds_for_versions_that_were_there_before() {
    let mut sms = Sms::with_node().await;
    sms.api.put("secret", "x", "nobody's business").await.unwrap();
    sms.api.deploy(&snoop()).await.unwrap();
    assert_eq!(sms.api.invoke("snoop", "secret").await.unwrap().text(), "nobody's business");
    sms.stop().await;
    let file = policy(&sms.home, PUBLIC);
    let Sms { home, .. } = sms;
    let sms = Sms::with_node_in(home, &[("SPEAR_SMS_POLICY", &file)]).await;
    assert_eq!(sms.api.invoke("snoop", "secret").await.unwrap().outcome, denied("secret", "read"));
}

#[tokio::test]
async fn a_node_allows_no_more_than_its_own_operator_does() {
    let sms = Sms::alone().await;
    sms.api.put("secret", "x", "nobody's business").await.unwrap();
    let file = policy(&sms.home, PUBLIC);
    let _node = Spearlet::of_set(&sms, "strict", &[("SPEAR_SPEARLET_POLICY", &file)]).await;
    let version = sms.api.deploy(&snoop()).await.unwrap();
    assert_eq!(version.grants.asked, version.grants.effective, "the SMS has no policy");
    assert_eq!(sms.api.invoke("snoop", "secret").await.unwrap().outcome, denied("secret", "read"));
}

#[tokio::test]
async fn a_policy_that_is_not_sound_keeps_the_program_from_starting() {
    let home = Home::new().await;
    for (text, wrong) in [("spear = 1\n[grant]\n", "unknown field `grant`"), ("spear = 9\n", "another form")] {
        let file = policy(&home, text);
        for (role, variable) in [("sms", "SPEAR_SMS_POLICY"), ("spearlet", "SPEAR_SPEARLET_POLICY")] {
            let mut command = home.spear([role, "--listen", "127.0.0.1:0"]);
            command.env(variable, &file);
            let mut program = Program::start(command);
            assert_eq!(program.exited().await.code(), Some(3));
            let said = program.stderr.text();
            assert!(said.contains("policy.toml") && said.contains(wrong), "{said}");
        }
    }
}
