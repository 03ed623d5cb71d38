//! Secrets: read by whom they were granted to, and shown nowhere.

use std::fs;

use serde_json::json;
use spear_proto::v1;
use spear_types::{Failure, Grants, Outcome};

use crate::harness::{Function, Home, Invoked, Sms};

const KEY: &str = "hunter2-and-more";
/// Longer than a failure's code may be.
const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLW9mLTQzLWJ5dGVzLWluLWJhc2U2NHh4";
const PEM: &str = "-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n";

/// A node with `api-key` and `large` in its folder, and `pem` in its environment.
async fn with_vault() -> Sms {
    let home = Home::new().await;
    let folder = home.path().join("secrets");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("api-key"), format!("{KEY}\n")).unwrap();
    fs::write(folder.join("jwt"), JWT).unwrap();
    fs::write(folder.join("large"), vec![b'x'; (64 << 10) + 1]).unwrap();
    let settings = [
        ("SPEAR_SPEARLET_SECRETS", folder.to_str().unwrap()),
        ("SPEAR_SECRET_PEM", PEM),
        ("SPEAR_SECRET_API_KEY", "the folder comes first"),
        ("SPEAR_LOG_LEVEL", "trace"),
    ];
    let sms = Sms::with_node_in(home, &settings).await;
    sms.deploy("vault").await;
    sms
}

async fn ask(sms: &Sms, secret: &str, then: &str) -> Invoked {
    sms.api.invoke("vault", json!({ "secret": secret, "then": then }).to_string()).await.unwrap()
}

async fn failure(sms: &Sms, secret: &str) -> Failure {
    match ask(sms, secret, "reverse").await.outcome {
        Outcome::Failed(failure) => failure,
        outcome => panic!("{secret}: {outcome}"),
    }
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

#[tokio::test]
async fn a_secret_comes_from_the_folder_or_else_from_the_environment_as_it_is_now() {
    let sms = with_vault().await;
    assert_eq!(ask(&sms, "api-key", "reverse").await.text(), reversed(&format!("{KEY}\n")));
    assert_eq!(ask(&sms, "pem", "reverse").await.text(), reversed(PEM));
    fs::write(sms.home.path().join("secrets/api-key"), "another").unwrap();
    assert_eq!(ask(&sms, "api-key", "reverse").await.text(), reversed("another"));
}

#[tokio::test]
async fn each_way_not_to_have_one_has_a_code_of_its_own() {
    let sms = with_vault().await;
    for (secret, code, text) in [
        ("missing", "unknown-secret", "SPEAR_SECRET_MISSING"),
        ("../api-key", "invalid", "the secret name"),
        ("large", "over-limit", "the limit of 65536 bytes"),
    ] {
        let failure = failure(&sms, secret).await;
        assert!(failure.code == code && failure.message.contains(text), "{failure:?}");
    }
}

#[tokio::test]
async fn one_that_another_function_was_granted_is_denied() {
    let sms = with_vault().await;
    let granted = |secret: &str| Grants { secrets: [secret.parse().unwrap()].into(), ..Grants::default() };
    sms.api.deploy(&Function::guest("vault").named("other").grants(granted("api-key"))).await.unwrap();
    sms.api.deploy(&Function::guest("vault").grants(granted("pem"))).await.unwrap();
    let outcome = ask(&sms, "api-key", "reverse").await.outcome;
    let Outcome::Denied(denial) = outcome else { panic!("{outcome}") };
    assert_eq!(denial.grant, "[grants]\nsecrets = [\"api-key\"]");
}

#[tokio::test]
async fn one_that_is_longer_than_what_a_text_is_cut_to_does_not_show_its_start() {
    let sms = with_vault().await;
    for then in ["log", "print", "fail", "panic"] {
        let invoked = ask(&sms, "jwt", then).await;
        let shown = format!("{:?}\n{:?}", invoked.outcome, sms.api.log(&invoked.task).await);
        let mut pieces = JWT.as_bytes().windows(16).map(|piece| str::from_utf8(piece).unwrap());
        assert_eq!(pieces.find(|piece| shown.contains(piece)), None, "{then}: {shown}");
        assert!(shown.contains("•••"), "{then} used it: {shown}");
    }
    let Outcome::Failed(failure) = ask(&sms, "jwt", "fail").await.outcome else { panic!("it should fail") };
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("•••", "••• does not open the door"));
}

#[tokio::test]
async fn a_careless_function_shows_its_secret_to_nobody() {
    let sms = with_vault().await;
    for (secret, parts) in [("api-key", vec![KEY]), ("pem", PEM.lines().collect())] {
        for then in ["log", "print", "fail", "panic", "ask-for"] {
            let call = json!({ "secret": secret, "then": then }).to_string();
            let invoked = sms.api.invoke("vault", call.clone()).await.unwrap();
            let of = Some(v1::read_logs_request::Of::Task(invoked.task.clone()));
            let log = sms.api.logs().read_logs(v1::ReadLogsRequest { of, last: None }).await;
            let json = sms.spear(["-o", "json", "invoke", "vault", "--logs", "-d", &call]).await;
            let text = sms.spear(["invoke", "vault", "--logs", "-d", &call]).await;
            let logs = sms.spear(["logs", &invoked.task]).await;
            let json_logs = sms.json(["logs", "vault"]).await;
            let shown = format!("{invoked:?}\n{log:?}\n{json:?}\n{text:?}\n{logs:?}\n{json_logs}");
            for part in &parts {
                assert!(!shown.contains(part), "{then} showed {part} in {shown}");
            }
            assert!(shown.contains("•••"), "{then} used it: {shown}");
        }
    }
    let own = sms.program.stderr.text();
    assert!(own.contains("•••"), "the node's own log has what functions log");
    assert!(!own.contains(KEY) && !own.contains("MIIEvQ"), "{own}");
}
