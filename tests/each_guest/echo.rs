//! What goes in comes out.

use bytes::Bytes;
use serde_json::json;
use spear_proto::v1;
use spear_types::Outcome;

use crate::harness::{Sms, payload};

#[tokio::test]
async fn bytes_headers_and_media_type_pass_unchanged() {
    let sms = Sms::with_node().await;
    sms.deploy("echo").await;
    let header = |name: &str, value: &str| v1::Header { name: name.to_owned(), value: value.to_owned() };
    let call = v1::Payload {
        content_type: Some("application/x-anything".to_owned()),
        headers: vec![header("b", "1"), header("a", ""), header("b", "2")],
        body: (0..=255).cycle().take(3 << 20).collect::<Vec<u8>>().into(),
    };
    let request = v1::InvokeRequest {
        function: "echo".to_owned(),
        call: Some(payload(call.clone())),
        ..v1::InvokeRequest::default()
    };
    let invoked = sms.api.call(request).await.unwrap();
    let size = 3 << 20;
    assert!(invoked.usage.bytes_in >= size && invoked.usage.bytes_out >= size, "{:?}", invoked.usage);
    let Outcome::Succeeded(reply) = invoked.outcome else { panic!("{:?}", invoked.outcome) };
    assert_eq!(reply.content_type, call.content_type);
    assert_eq!(reply.headers.len(), 3);
    assert!(
        call.headers.iter().zip(&reply.headers).all(|(sent, came)| (&sent.name, &sent.value) == (&came.0, &came.1))
    );
    assert!(reply.body == call.body);
}

#[tokio::test]
async fn the_command_line_sends_a_body_from_a_flag_a_file_or_standard_input() {
    let sms = Sms::with_node().await;
    sms.deploy("echo").await;
    let file = sms.home.path().join("body");
    std::fs::write(&file, b"\xff from a file").unwrap();

    let flag = sms.json(["invoke", "echo", "-d", "{}", "-t", "application/json", "-H", "one: 1", "-H", "two:2"]).await;
    assert_eq!(flag["outcome"]["body"], "{}");
    assert_eq!(flag["outcome"]["content_type"], "application/json");
    assert_eq!(flag["outcome"]["headers"], json!([["one", "1"], ["two", "2"]]));

    let from_file = sms.json(["invoke", "echo", "--file", "body"]).await;
    assert_eq!(from_file["outcome"]["body_base64"], "/yBmcm9tIGEgZmlsZQ==");

    let mut command = sms.home.spear(["--sms", &sms.url, "invoke", "echo", "--file", "-"]);
    command.stdin(std::fs::File::open(file).unwrap());
    let mut program = crate::harness::Program::start(command);
    assert!(program.exited().await.success());
    assert_eq!(program.stdout.bytes(), Bytes::from_static(b"\xff from a file"));
}
