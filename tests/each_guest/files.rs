//! Files from inside of a function. Its manifest grants the folder `assets` to read.

use std::fs;

use serde_json::json;

use crate::harness::{Home, Sms};

#[tokio::test]
async fn a_folder_that_the_operator_named_is_read() {
    let home = Home::new().await;
    let folder = home.path().join("assets");
    fs::create_dir_all(folder.join("inner")).unwrap();
    fs::write(folder.join("a.txt"), "an asset").unwrap();
    let files = format!("{{assets={folder:?}}}");
    let sms = Sms::with_node_in(home, &[("SPEAR_SPEARLET_FILES", &files)]).await;
    sms.deploy("files").await;
    for (call, answer) in [
        (json!({ "op": "read", "path": "/assets/a.txt" }), json!("an asset")),
        (json!({ "op": "list", "path": "/assets" }), json!(["a.txt", "inner"])),
        (json!({ "op": "stat", "path": "/assets/a.txt" }), json!({ "size": 8, "folder": false })),
        (json!({ "op": "list", "path": "/assets/inner" }), json!([])),
    ] {
        assert_eq!(sms.api.invoke("files", call.to_string()).await.unwrap().json(), answer, "{call}");
    }
}

#[tokio::test]
async fn a_node_without_the_folder_refuses_with_the_line_of_its_configuration() {
    let sms = Sms::with_node().await;
    sms.deploy("files").await;
    let refused = sms.api.invoke("files", json!({ "op": "list", "path": "/" }).to_string()).await.unwrap_err();
    assert!(refused.message().contains("the node has no folder \"assets\""), "{refused}");
}
