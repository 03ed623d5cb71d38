//! Values from inside of a function. Its manifest grants `inbox` to read, `outbox` to write and `desk` for both.

use serde_json::{Value, json};
use spear_types::{Access, Failure, Grants, LimitRequest, Outcome};

use crate::harness::{Function, Sms};

async fn with_values() -> Sms {
    let sms = Sms::with_node().await;
    sms.deploy("values").await;
    sms
}

fn granted(store: &str, access: Access) -> Function {
    let kv = [(store.parse().unwrap(), access)].into();
    Function::guest("values").grants(Grants { kv, ..Grants::default() })
}

async fn outcome(sms: &Sms, call: Value) -> Outcome {
    sms.api.invoke("values", call.to_string()).await.unwrap().outcome
}

async fn answer(sms: &Sms, call: Value) -> Value {
    sms.api.invoke("values", call.to_string()).await.unwrap().json()
}

async fn failure(sms: &Sms, call: Value) -> Failure {
    match outcome(sms, call.clone()).await {
        Outcome::Failed(failure) => failure,
        outcome => panic!("{call}: {outcome}"),
    }
}

#[tokio::test]
async fn a_value_is_put_read_listed_and_removed() {
    let sms = with_values().await;
    let put = |key: &str, text: &str| json!({ "op": "put", "store": "desk", "key": key, "text": text });
    let at = |op: &str| json!({ "op": op, "store": "desk", "key": "a/b c" });
    assert_eq!(answer(&sms, at("get")).await, Value::Null);
    let first = answer(&sms, put("a/b c", "one")).await;
    assert_eq!(answer(&sms, at("get")).await, json!({ "value": "one", "version": first }));
    let second = answer(&sms, put("a/b c", "two")).await;
    let other = answer(&sms, put("b", "other")).await;
    assert!(first.as_u64() < second.as_u64() && second.as_u64() < other.as_u64(), "{first} {second} {other}");
    let listed = answer(&sms, json!({ "op": "list", "store": "desk", "prefix": "" })).await;
    let expected =
        json!([["a/b c", { "value": "two", "version": second }], ["b", { "value": "other", "version": other }]]);
    assert_eq!(listed, expected);
    assert_eq!(answer(&sms, json!({ "op": "list", "store": "desk", "prefix": "a/" })).await[1], Value::Null);
    assert_eq!((answer(&sms, at("delete")).await, answer(&sms, at("delete")).await), (json!(true), json!(false)));
    assert_eq!(answer(&sms, at("get")).await, Value::Null);
}

#[tokio::test]
async fn of_two_that_expect_the_same_version_one_is_told_which_there_is() {
    let sms = with_values().await;
    let put = |expected: Value| json!({ "op": "put", "store": "desk", "key": "k", "text": "x", "expected": expected });
    let version = answer(&sms, put(json!("absent"))).await;
    let newer = answer(&sms, put(json!({ "version": version }))).await;
    for late in [put(json!({ "version": version })), put(json!("absent"))] {
        let failure = failure(&sms, late).await;
        assert_eq!(failure.code, "conflict");
        assert!(failure.message.contains(&format!("has the version {newer}")), "{failure:?}");
    }
    let delete =
        |version: &Value| json!({ "op": "delete", "store": "desk", "key": "k", "expected": { "version": version } });
    assert_eq!(failure(&sms, delete(&version)).await.code, "conflict");
    assert_eq!(answer(&sms, delete(&newer)).await, true);
    let gone = failure(&sms, put(json!({ "version": newer }))).await;
    assert!(gone.message.contains("has no value"), "{gone:?}");
}

#[tokio::test]
async fn a_number_is_added_to_and_what_is_none_is_left_alone() {
    let sms = with_values().await;
    let add = |key: &str, by: i64| json!({ "op": "increment", "store": "desk", "key": key, "by": by });
    for (by, number) in [(5, 5), (-7, -2), (0, -2)] {
        assert_eq!(answer(&sms, add("n", by)).await, number);
    }
    assert_eq!(answer(&sms, json!({ "op": "get", "store": "desk", "key": "n" })).await["value"], "-2");
    assert_eq!(failure(&sms, add("n", i64::MIN)).await.code, "not-a-number");
    answer(&sms, json!({ "op": "put", "store": "desk", "key": "text", "text": "many" })).await;
    assert_eq!(failure(&sms, add("text", 1)).await.code, "not-a-number");
    assert_eq!(answer(&sms, json!({ "op": "get", "store": "desk", "key": "text" })).await["value"], "many");
}

#[tokio::test]
async fn a_batch_is_made_whole_or_not_at_all() {
    let sms = with_values().await;
    let apply = |changes: Value| json!({ "op": "apply", "store": "desk", "changes": changes });
    let put = json!({ "op": "put", "key": "a", "text": "1" });
    answer(&sms, apply(json!([put, { "op": "increment", "key": "a", "by": 1 }]))).await;
    let late = json!({ "op": "put", "key": "b", "text": "x", "expected": { "version": 1_000_000 } });
    let failed = failure(&sms, apply(json!([{ "op": "delete", "key": "a" }, late]))).await;
    assert_eq!(failed.code, "conflict");
    let listed = answer(&sms, json!({ "op": "list", "store": "desk", "prefix": "" })).await;
    assert_eq!((&listed[0][0], &listed[0][1]["value"], &listed[1]), (&json!("a"), &json!("2"), &Value::Null));
}

#[tokio::test]
async fn each_access_is_granted_by_itself() {
    let sms = with_values().await;
    let put = json!({ "op": "put", "key": "k", "text": "x" });
    let add = json!({ "op": "increment", "key": "k", "by": 1 });
    for (call, allowed) in [
        (json!({ "op": "get", "store": "inbox", "key": "k" }), true),
        (json!({ "op": "get-many", "store": "inbox", "count": 1 }), true),
        (json!({ "op": "list", "store": "inbox", "prefix": "" }), true),
        (json!({ "op": "put", "store": "outbox", "key": "k", "text": "1", "expected": "absent" }), true),
        (json!({ "op": "delete", "store": "outbox", "key": "k" }), true),
        (json!({ "op": "apply", "store": "outbox", "changes": [put] }), true),
        (json!({ "op": "put", "store": "inbox", "key": "k", "text": "x" }), false),
        (json!({ "op": "delete", "store": "inbox", "key": "k" }), false),
        (json!({ "op": "increment", "store": "inbox", "key": "k", "by": 1 }), false),
        (json!({ "op": "apply", "store": "inbox", "changes": [put] }), false),
        (json!({ "op": "apply", "store": "inbox", "changes": [] }), false),
        (json!({ "op": "get", "store": "outbox", "key": "k" }), false),
        (json!({ "op": "get-many", "store": "outbox", "count": 1 }), false),
        (json!({ "op": "list", "store": "outbox", "prefix": "" }), false),
        (json!({ "op": "increment", "store": "outbox", "key": "k", "by": 1 }), false),
        (json!({ "op": "apply", "store": "outbox", "changes": [put, add] }), false),
    ] {
        match (outcome(&sms, call.clone()).await, allowed) {
            (Outcome::Succeeded(_), true) => {}
            (Outcome::Denied(denial), false) => {
                let store = call["store"].as_str().unwrap();
                assert_eq!(denial.grant, format!("[grants.kv]\n{store} = \"read-write\""), "{call}");
            }
            (outcome, _) => panic!("{call}: {outcome}"),
        }
    }
}

#[tokio::test]
async fn what_another_function_was_granted_is_denied_and_the_log_says_what_to_add() {
    let sms = Sms::with_node().await;
    sms.api.deploy(&granted("desk", Access::ReadWrite).named("other")).await.unwrap();
    sms.api.deploy(&granted("shelf", Access::Read)).await.unwrap();
    let invoked = sms.api.invoke("values", r#"{ "op": "get", "store": "desk", "key": "k" }"#).await.unwrap();
    let Outcome::Denied(denial) = &invoked.outcome else { panic!("{}", invoked.outcome) };
    assert_eq!(denial.grant, "[grants.kv]\ndesk = \"read\"");
    let log = sms.api.log(&invoked.task).await;
    let line = log.lines.iter().find(|line| line.message.starts_with("denied: ")).expect("a line that says so");
    assert!(line.fields.contains(&("grant".to_owned(), denial.grant.clone())), "{line:?}");
}

#[tokio::test]
async fn each_limit_is_named_and_nothing_over_one_is_kept() {
    let sms = with_values().await;
    let large = json!({ "op": "put", "store": "desk", "key": "k", "text": "12345678", "repeat": (1 << 17) + 1 });
    for (call, code, limit) in [
        (json!({ "op": "get-many", "store": "desk", "count": 10_000 }), "over-limit", "the limit of 1000"),
        (json!({ "op": "fill", "store": "desk", "count": 10_000, "bytes": 1 }), "over-limit", "the limit of 1000"),
        (json!({ "op": "fill", "store": "desk", "count": 5, "bytes": 1 << 20 }), "over-limit", "a batch is 4194304"),
        (json!({ "op": "open", "store": "desk", "handles": 1_000_000 }), "over-limit", "the limit `handles`"),
        (large, "over-limit", "the limit is 1048576"),
        (json!({ "op": "get", "store": "desk", "key": "k".repeat(1_025) }), "invalid", "1024 bytes"),
        (json!({ "op": "get", "store": "desk", "key": "" }), "invalid", "is empty"),
        (json!({ "op": "list", "store": "desk", "prefix": "k".repeat(1_025) }), "invalid", "the limit is 1024"),
        (json!({ "op": "get", "store": "../desk", "key": "k" }), "invalid", "the store name"),
    ] {
        let failure = failure(&sms, call).await;
        assert!(failure.code == code && failure.message.contains(limit), "{limit}: {failure:?}");
    }
    assert_eq!(answer(&sms, json!({ "op": "list", "store": "desk", "prefix": "" })).await, json!([]));
    assert_eq!(answer(&sms, json!({ "op": "fill", "store": "desk", "count": 1_000, "bytes": 1 })).await, Value::Null);
}

#[tokio::test]
async fn a_page_is_cut_at_the_runs_payload_limit_and_the_next_goes_on() {
    let sms = with_values().await;
    answer(&sms, json!({ "op": "fill", "store": "desk", "count": 9, "bytes": 20_000 })).await;
    let limits = LimitRequest { payload: Some(50_000), ..LimitRequest::default() };
    sms.api.deploy(&granted("desk", Access::Read).limits(limits)).await.unwrap();
    let listed = answer(&sms, json!({ "op": "list", "store": "desk", "prefix": "" })).await;
    let keys: Vec<&str> = listed.as_array().unwrap().iter().map(|item| item[0].as_str().unwrap()).collect();
    assert_eq!(keys, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
    let over = failure(&sms, json!({ "op": "get-many", "store": "desk", "count": 3 })).await;
    assert!(over.code == "over-limit" && over.message.contains("`payload` is 50000"), "{over:?}");
}
