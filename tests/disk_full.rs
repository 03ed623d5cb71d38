//! A disk that is full, as a process without privileges meets one: the largest file that it may write is bounded.

use spear_types::Code;
use tonic::Code as Grpc;

use crate::harness::{Function, Home, Kept, Refused as _, Sms};

/// An SMS that may write files of 8 MiB at the most. Its tables stay far below.
async fn with_a_small_disk() -> Sms {
    let home = Home::new().await;
    // Past the limit the system sends a signal that ends a process unless it is ignored. The limit is in units of 512.
    let script = "trap '' XFSZ; ulimit -f 16384; exec \"$0\" \"$@\"";
    let mut command = home.command("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_spear"), "-o", "json", "sms", "--listen", "127.0.0.1:0"]);
    Sms::by(command, home).await
}

#[tokio::test]
async fn an_object_that_does_not_fit_is_refused_and_leaves_nothing_and_small_ones_still_fit() {
    let sms = with_a_small_disk().await;
    sms.api.put("b", "before", "before").await.unwrap();
    let before = sms.kept().await;
    let refusal =
        sms.api.put("b", "large", vec![7; 12 << 20]).await.refused(Code::StorageFull, Grpc::ResourceExhausted);
    assert!(refusal.help.is_some(), "{refusal}");
    assert_eq!(sms.kept().await, before);
    sms.api.get("b", "large").await.refused(Code::UnknownObject, Grpc::NotFound);

    sms.api.put("b", "after", "after").await.unwrap();
    for key in ["before", "after"] {
        assert_eq!(sms.api.get("b", key).await.unwrap(), key.as_bytes());
    }
}

#[tokio::test]
async fn an_artifact_that_does_not_fit_is_refused_and_leaves_nothing() {
    let sms = with_a_small_disk().await;
    let deploy = sms.api.deploy(&Function::of("large", vec![0; 12 << 20])).await;
    deploy.refused(Code::StorageFull, Grpc::ResourceExhausted);
    assert_eq!(sms.kept().await, Kept::default());
    sms.api.deploy(&Function::guest("hello")).await.unwrap();
}

#[tokio::test]
async fn the_command_line_says_that_the_disk_is_full_and_what_to_do() {
    let sms = with_a_small_disk().await;
    std::fs::write(sms.home.path().join("large"), vec![7; 12 << 20]).unwrap();
    let ran = sms.spear(["object", "put", "b/large", "large"]).await;
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("error[StorageFull]: the disk is full") && ran.stderr.contains("help"), "{ran:?}");
}
