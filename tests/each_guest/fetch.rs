//! HTTP requests from inside of a function. Its manifest grants `https://example.com`, which no test asks for.

use serde_json::json;
use spear_types::Outcome;

use crate::harness::{Sms, Web};

#[tokio::test]
async fn what_its_manifest_does_not_grant_is_denied_with_the_line_to_add() {
    let (sms, web) = (Sms::with_node().await, Web::start().await);
    sms.deploy("fetch").await;
    let call = json!({ "url": web.url("127.0.0.1", "/"), "strict": true });
    let Outcome::Denied(denial) = sms.api.invoke("fetch", call.to_string()).await.unwrap().outcome else {
        panic!("it was not denied")
    };
    assert_eq!(denial.grant, format!("[grants]\nhttp = [\"{}\"]", web.url("127.0.0.1", "")));
    assert_eq!(web.connections(), 0);
}
