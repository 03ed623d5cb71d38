//! A bucket that it was not granted.

use spear_types::{Access, Denial, Lacking, Outcome};

use crate::harness::{Function, Sms};

async fn with_a_secret() -> Sms {
    let sms = Sms::with_node().await;
    sms.api.put("secret", "x", "nobody's business").await.unwrap();
    sms.api.put("public", "x", "everybody's business").await.unwrap();
    sms.api.deploy(&Function::guest("snoop").grant("public", Access::Read)).await.unwrap();
    sms
}

#[tokio::test]
async fn a_bucket_that_is_not_granted_is_denied_with_the_lines_to_add() {
    let sms = with_a_secret().await;
    let invoked = sms.api.invoke("snoop", "secret").await.unwrap();
    let denial = Denial {
        what: "read access to the bucket \"secret\"".to_owned(),
        grant: "[grants.objects]\nsecret = \"read\"".to_owned(),
        lacking: Lacking::Manifest,
    };
    assert_eq!(invoked.outcome, Outcome::Denied(denial));
    assert!(!invoked.usage.wall.is_zero() && invoked.usage.hostcalls == 1, "{:?}", invoked.usage);
    assert_eq!(sms.api.invoke("snoop", "public").await.unwrap().text(), "everybody's business");
}

#[tokio::test]
async fn a_denial_does_not_tell_whether_there_is_such_a_bucket() {
    let sms = with_a_secret().await;
    let deny = async |bucket: &str| sms.api.invoke("snoop", bucket.to_owned()).await.unwrap().outcome.to_string();
    assert_eq!(deny("secret").await, deny("absent").await.replace("absent", "secret"));
}

#[tokio::test]
async fn the_command_line_shows_the_lines_and_ends_with_126() {
    let sms = with_a_secret().await;
    let ran = sms.spear(["invoke", "snoop", "-d", "secret"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (126, ""), "{ran:?}");
    assert!(ran.stderr.contains("add to spear.toml:\n[grants.objects]\nsecret = \"read\""), "{ran:?}");
}

#[tokio::test]
async fn the_lines_that_were_shown_are_what_was_missing() {
    let sms = with_a_secret().await;
    sms.api.deploy(&Function::guest("snoop").grant("secret", Access::Read)).await.unwrap();
    assert_eq!(sms.api.invoke("snoop", "secret").await.unwrap().text(), "nobody's business");
}
