//! The command line as a person and as a program has it.

mod nodes;
mod tasks;

use serde_json::{Value, json};

use crate::harness::{Home, Ran, Sms};

#[tokio::test]
async fn every_listing_is_json_for_programs() {
    let sms = Sms::with_node().await;
    assert_eq!(sms.json(["function", "ls"]).await, json!([]));
    sms.deploy("hello").await;
    assert_eq!(sms.json(["logs", "hello"]).await, json!([]));
    sms.api.put("b", "k", "x").await.unwrap();
    let invoked = sms.json(["invoke", "hello", "-d", "Ada"]).await;
    assert_eq!(
        (&invoked["outcome"]["kind"], &invoked["outcome"]["body"]),
        (&json!("succeeded"), &json!("Hello, Ada!"))
    );
    assert!(invoked["usage"]["wall_ms"].is_number() && invoked["usage"]["peak_memory_bytes"].is_number(), "{invoked}");

    assert_eq!(sms.json(["function", "ls"]).await[0]["name"], "hello");
    assert_eq!(sms.json(["function", "ls", "hello"]).await[0]["version"], 1);
    let function = sms.json(["function", "get", "hello"]).await;
    let enforced = function["enforcement"].as_array().unwrap();
    assert!(enforced.iter().all(|limit| limit["enforced_by"].is_string()) && enforced.len() >= 7, "{function}");
    assert_eq!(sms.json(["node", "ls"]).await[0]["state"], "live");
    assert_eq!(sms.json(["object", "ls", "b"]).await[0]["key"], "k");
    let log = sms.json(["logs", invoked["task"].as_str().unwrap()]).await;
    assert_eq!(log[0]["lines"][0]["message"], "greeting Ada");

    // What it finds is the machine's; that it finds the SMS and its node is ours.
    let doctor = sms.spear(["-o", "json", "doctor"]).await.json();
    let finding = |what: &str| doctor.as_array().unwrap().iter().find(|finding| finding["what"] == what).unwrap();
    assert_eq!((&finding("SMS")["advice"], &finding("nodes")["advice"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn the_doctor_tells_what_of_a_program_is_bounded_and_by_what() {
    let home = Home::new().await;
    let mut command = home.spear(["-o", "json", "doctor"]);
    command.env("SPEAR_SPEARLET_AGENTS", r#"["process","docker"]"#).env("SPEAR_SPEARLET_DOCKER", "unix:///no/engine");
    let findings = Ran::of(command).await.json();
    let finding = |what: &str| findings.as_array().unwrap().iter().find(|finding| finding["what"] == what).unwrap();
    let processes = finding("processes")["found"].as_str().unwrap();
    assert!(
        ["memory by ", "file-size by rlimit", "end by "].iter().all(|bound| processes.contains(bound)),
        "{processes}"
    );
    assert_eq!(finding("containers")["found"], "no container engine: /no/engine: nothing is there");
    assert!(finding("containers")["advice"].as_str().unwrap().contains("Docker or Podman"));
}

#[tokio::test]
async fn every_listing_is_a_table_for_people() {
    let sms = Sms::with_node().await;
    sms.deploy("hello").await;
    sms.api.put("b", "k", "x").await.unwrap();
    for (args, parts) in [
        (&["function", "ls"][..], &["NAME", "VERSION", "hello"][..]),
        (
            &["function", "get", "hello"],
            &["LIMIT", "ENFORCED BY", "memory", "64.0 MiB", "limiter", "PLACEMENT", "GRANTS"],
        ),
        (&["node", "ls"], &["STATE", "SLOTS", "LABELS", "live", "0/256"]),
        (&["object", "ls", "b"], &["KEY", "ETAG", "k"]),
        (&["object", "stat", "b/k"], &["b/k version 1, 1 B"]),
    ] {
        let answer = sms.spear(args).await.answer();
        assert!(parts.iter().all(|part| answer.contains(part)), "{args:?} {parts:?}\n{answer}");
        assert!(!answer.contains('\u{1b}'), "nobody looks, so nothing is coloured");
    }
}

#[tokio::test]
async fn the_answer_goes_to_standard_output_and_the_rest_beside_it() {
    let sms = Sms::with_node().await;
    sms.deploy("hello").await;
    let ran = sms.spear(["invoke", "hello", "-d", "Ada"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "Hello, Ada!\n"));
    assert!(ran.stderr.contains("succeeded") && ran.stderr.contains("wall"), "{ran:?}");
    let quiet = sms.spear(["invoke", "hello", "-d", "Ada", "--quiet"]).await;
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("Hello, Ada!\n", ""));
}

#[tokio::test]
async fn the_exit_code_tells_what_happened() {
    let sms = Sms::with_node().await;
    for guest in ["hello", "fail", "spin", "trap"] {
        sms.deploy(guest).await;
    }
    for (args, code) in [
        (&["invoke", "hello"][..], 0),
        (&["invoke", "fail", "-d", "no-stock"], 1),
        (&["invoke"], 2),
        (&["no-such-command"], 2),
        (&["invoke", "helo"], 3),
        (&["invoke", "spin"], 124),
        (&["invoke", "trap"], 134),
    ] {
        let ran = sms.spear(args).await;
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
    }
}

#[tokio::test]
async fn an_sms_that_is_not_there_is_named_with_what_to_do() {
    let home = Home::new().await;
    let ran = home.run(["--sms", "http://127.0.0.1:1", "-o", "json", "node", "ls"]).await;
    let error = ran.error();
    assert_eq!(error["code"], "Unreachable");
    assert!(error["message"].as_str().unwrap().contains("http://127.0.0.1:1"), "{error}");
    assert!(error["help"].as_str().unwrap().contains("spear up"), "{error}");
    assert_eq!(home.run(["--sms", "no URL", "-o", "json", "node", "ls"]).await.error()["code"], "InvalidRequest");
}

#[tokio::test]
async fn completions_are_scripts_that_know_the_commands() {
    let home = Home::new().await;
    for shell in ["bash", "zsh", "fish"] {
        let script = home.run(["completion", shell]).await.answer();
        for command in ["spearlet", "deploy", "invoke", "submit", "uncordon", "node-lost"] {
            assert!(script.contains(command), "{command} is not in the script for {shell}");
        }
    }
    // Somebody who does not read it is no error.
    let mut unread = home.command("bash");
    unread.args(["-o", "pipefail", "-c", "\"$0\" completion bash | true", env!("CARGO_BIN_EXE_spear")]);
    let unread = Ran::of(unread).await;
    assert_eq!((unread.code, unread.stderr.as_str()), (0, ""));
    let script = home.path().join("completion.bash");
    std::fs::write(&script, home.run(["completion", "bash"]).await.answer()).unwrap();
    let mut bash = home.command("bash");
    bash.args(["-n", script.to_str().unwrap()]);
    assert_eq!(Ran::of(bash).await.code, 0);
}
