//! Grants before anything runs: `inspect`, `build`, `deploy` and the SMS itself say the same.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use spear_types::{Access, Code};
use tonic::Code as Grpc;

use crate::harness::{Function, Home, Refused as _, Sms};

const LINES: &str = "[grants.objects]\n<bucket> = \"read\"";

/// A project whose component is a guest.
fn project(home: &Home, guest: &str, more: &str) -> PathBuf {
    let folder = home.path().join("project");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("component.wasm"), Function::guest(guest).artifact).unwrap();
    let run = "[[run]]\nkind = \"wasm\"\ncomponent = \"component.wasm\"\nbuild = \"true\"";
    let manifest = format!("spear = 1\n[function]\nname = \"{guest}\"\n{run}\n{more}\n");
    fs::write(folder.join("spear.toml"), manifest).unwrap();
    folder
}

#[tokio::test]
async fn an_import_without_a_grant_is_refused_with_the_lines_to_add_by_every_command() {
    let sms = Sms::alone().await;
    let before = sms.kept().await;
    let folder = project(&sms.home, "snoop", "");
    for command in ["inspect", "build", "deploy"] {
        let ran = sms.spear(["-o", "json", command, "-C", folder.to_str().unwrap()]).await;
        let error = ran.error();
        assert_eq!(error["code"], "NotGranted", "{command}");
        assert!(error["message"].as_str().unwrap().contains("spear:hostcalls/objects@0.1.0"), "{error}");
        assert_eq!(error["help"], format!("add to spear.toml:\n{LINES}"));

        let text = sms.spear([command, "-C", folder.to_str().unwrap()]).await;
        assert_eq!(text.code, 3);
        assert!(text.stderr.contains("error[NotGranted]") && text.stderr.contains("<bucket> = \"read\""), "{text:?}");
    }
    assert_eq!(sms.kept().await, before);
}

#[tokio::test]
async fn the_sms_refuses_the_same_from_a_client_that_does_not_look_itself() {
    let sms = Sms::alone().await;
    let before = sms.kept().await;
    for (guest, access) in [("snoop", "read"), ("store", "read-write"), ("thumbnail", "read-write")] {
        let deploy = sms.api.deploy(&Function::guest(guest)).await;
        let refusal = deploy.refused(Code::NotGranted, Grpc::FailedPrecondition);
        assert!(refusal.help.as_ref().unwrap().contains(&format!("<bucket> = \"{access}\"")), "{refusal}");
    }
    assert_eq!(sms.kept().await, before);
}

#[tokio::test]
async fn a_grant_that_covers_the_import_is_shown_and_lets_it_pass() {
    let sms = Sms::alone().await;
    let folder = project(&sms.home, "snoop", "[grants.objects]\npublic = \"read\"");
    let folder = folder.to_str().unwrap();
    let inspected = sms.json(["inspect", "-C", folder]).await;
    let imports = inspected["review"]["imports"].as_array().unwrap();
    let verdict = |name: &str| &imports.iter().find(|import| import["name"] == name).unwrap()["verdict"];
    assert_eq!(verdict("spear:hostcalls/objects@0.1.0"), "granted");
    assert!(imports.iter().all(|import| import["verdict"] != "missing"), "{inspected}");
    assert_eq!((&inspected["refusal"], &inspected["review"]["entries"]), (&Value::Null, &json!(["handler"])));

    sms.json(["deploy", "-C", folder]).await;
    let function = sms.json(["function", "get", "snoop"]).await;
    assert_eq!(function["grants"], json!({ "objects": { "public": "read" } }));
}

#[tokio::test]
async fn a_grant_that_nothing_uses_is_pointed_out() {
    let sms = Sms::alone().await;
    let folder = project(&sms.home, "hello", "[grants.objects]\nphotos = \"write\"");
    let ran = sms.spear(["inspect", "-C", folder.to_str().unwrap()]).await.answer();
    assert!(ran.contains("granted and not used: grants.objects.photos = \"write\""), "{ran}");
}

#[tokio::test]
async fn a_component_alone_is_inspected_without_grants() {
    let home = Home::new().await;
    let folder = project(&home, "snoop", "");
    let ran = home.run(["-o", "json", "inspect", folder.join("component.wasm").to_str().unwrap()]).await;
    assert_eq!((ran.code, &ran.json()["refusal"]["code"]), (3, &json!("NotGranted")));
}

#[tokio::test]
async fn a_grant_of_one_function_is_none_of_another_with_the_same_bytes() {
    let sms = Sms::with_node().await;
    sms.api.put("secret", "x", "nobody's business").await.unwrap();
    let may = Function::guest("snoop").named("may").grant("secret", Access::Read);
    let may_not = Function::guest("snoop").named("may-not").grant("public", Access::Read);
    for function in [&may, &may_not] {
        sms.api.deploy(function).await.unwrap();
    }
    for _ in 0..2 {
        assert_eq!(sms.api.invoke("may", "secret").await.unwrap().text(), "nobody's business");
        assert_eq!(sms.api.invoke("may-not", "secret").await.unwrap().outcome.name(), "denied");
    }
}

#[tokio::test]
async fn a_manifest_that_is_not_sound_is_refused_with_its_line() {
    let sms = Sms::alone().await;
    for (more, wrong) in [
        ("[limits]\nmemmory = \"1MiB\"", "memmory"),
        ("[limits]\nfuel = -1", "fuel = -1"),
        ("[limits]\ntimeout = \"-1s\"", "-1s"),
        ("[grants.objects]\nphotos = \"all\"", "all"),
        ("[grants.sockets]\n\"example.org\" = true", "sockets"),
    ] {
        let folder = project(&sms.home, "hello", more);
        for command in ["build", "inspect", "deploy"] {
            let error = sms.spear(["-o", "json", command, "-C", folder.to_str().unwrap()]).await.error();
            assert_eq!(error["code"], "InvalidManifest", "{more}");
            let message = error["message"].as_str().unwrap();
            assert!(
                message.contains("spear.toml")
                    && message.contains("TOML parse error at line")
                    && message.contains(wrong),
                "{message}"
            );
        }
    }
}
