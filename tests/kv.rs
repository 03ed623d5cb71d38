//! Key-value stores from outside.

use std::{fs, process::Stdio};

use bytes::Bytes;
use serde_json::json;
use spear_proto::v1;
use spear_types::Code;
use tonic::Code as Grpc;
use v1::{expected::Is, value_change::Kind, value_changed};

use crate::harness::{Refused as _, Sms};

#[tokio::test]
async fn a_value_is_written_read_counted_compared_and_removed() {
    let sms = Sms::alone().await;
    let value_changed::Kind::Put(value_changed::Put { version }) = change(&sms, "k", put("7", None)).await.unwrap()
    else {
        panic!("a put")
    };
    assert_eq!(sms.api.value("s", "k").await.unwrap(), Some(("7".into(), version)));
    for (is, found) in [(absent(), Some(version)), (Is::Version(version + 1), Some(version))] {
        let refusal =
            change(&sms, "k", put("8", Some(is))).await.refused(Code::ConditionFailed, Grpc::FailedPrecondition);
        assert_eq!(refusal.version, found, "it says what is there: {refusal}");
    }
    let none = change(&sms, "l", put("8", Some(Is::Version(version)))).await;
    assert_eq!(none.refused(Code::ConditionFailed, Grpc::FailedPrecondition).version, None);
    let counted = change(&sms, "k", increment(-8)).await.unwrap();
    let value_changed::Kind::Incremented(value_changed::Incremented { number: -1, version }) = counted else {
        panic!("{counted:?}")
    };
    let removed = |existed| value_changed::Kind::Deleted(value_changed::Deleted { existed });
    assert_eq!(change(&sms, "k", delete(Some(Is::Version(version)))).await.unwrap(), removed(true));
    assert_eq!(change(&sms, "k", delete(None)).await.unwrap(), removed(false));
    assert_eq!(sms.api.value("s", "k").await.unwrap(), None);
    change(&sms, "k", put("text", None)).await.unwrap();
    change(&sms, "k", increment(1)).await.refused(Code::NotANumber, Grpc::InvalidArgument);
}

#[tokio::test]
async fn a_batch_is_made_whole_or_not_at_all() {
    let sms = Sms::alone().await;
    change(&sms, "k", put("before", None)).await.unwrap();
    let batch = async |changes: Vec<(&str, Kind)>| {
        let change = |(key, kind): (&str, _)| v1::ValueChange { key: key.to_owned(), kind: Some(kind) };
        let changes = changes.into_iter().map(change).collect();
        sms.api.kv().change_values(v1::ChangeValuesRequest { store: "s".to_owned(), changes }).await
    };
    let large = || Bytes::from(vec![7; 1 << 20]);
    let over = Bytes::from(vec![7; (1 << 20) + 1]);
    for (last, code, grpc) in [
        (vec![("k", put("x", Some(absent())))], Code::ConditionFailed, Grpc::FailedPrecondition),
        (vec![("k", increment(1))], Code::NotANumber, Grpc::InvalidArgument),
        (vec![("k", put(over, None))], Code::TooLarge, Grpc::InvalidArgument),
        (vec![("k", put(large(), None)); 4], Code::TooLarge, Grpc::InvalidArgument),
        (vec![("k", put(large(), None)); 6], Code::TooLarge, Grpc::OutOfRange),
        (vec![("n", increment(1)); 1_000], Code::TooLarge, Grpc::InvalidArgument),
        (vec![("a\nb", increment(1))], Code::InvalidName, Grpc::InvalidArgument),
    ] {
        let mut changes = vec![("k", put("after", None)), ("l", put("after", None))];
        changes.extend(last);
        batch(changes).await.refused(code, grpc);
        assert_eq!(sms.api.value("s", "k").await.unwrap().unwrap().0, "before");
        assert_eq!(sms.api.value("s", "l").await.unwrap(), None);
    }
    let without_kind = v1::ValueChange { key: "k".to_owned(), kind: None };
    let request = v1::ChangeValuesRequest { store: "s".to_owned(), changes: vec![without_kind] };
    sms.api.kv().change_values(request).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
    let made = batch(vec![("k", delete(None)), ("k", put("1", Some(absent()))), ("k", increment(1))]).await.unwrap();
    assert_eq!(made.into_inner().results.len(), 3);
    assert_eq!(sms.api.value("s", "k").await.unwrap().unwrap().0, "2");
}

#[tokio::test]
async fn names_keys_and_counts_are_checked_by_every_operation() {
    let sms = Sms::alone().await;
    let (long, many) = ("k".repeat(1_025), vec!["k".to_owned(); 1_001]);
    for (store, key) in [("..", "k"), ("%73", "k"), ("", "k"), ("s", ""), ("s", "a\0b"), ("s", &long)] {
        let (store, keys) = (store.to_owned(), vec![key.to_owned()]);
        sms.api.value(&store, key).await.refused(Code::InvalidName, Grpc::InvalidArgument);
        sms.api.change_value(&store, key, delete(None)).await.refused(Code::InvalidName, Grpc::InvalidArgument);
        let list = v1::ListValuesRequest { store, after: keys.first().cloned(), ..Default::default() };
        sms.api.kv().list_values(list).await.refused(Code::InvalidName, Grpc::InvalidArgument);
    }
    let get = v1::GetValuesRequest { store: "s".to_owned(), keys: many };
    let refusal = sms.api.kv().get_values(get).await.refused(Code::TooLarge, Grpc::InvalidArgument);
    assert_eq!(refusal.message, "1001 keys are over the limit of 1000 for one call");
    let list = v1::ListValuesRequest { store: "s".to_owned(), prefix: Some(long), ..Default::default() };
    sms.api.kv().list_values(list).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
}

#[tokio::test]
async fn values_outlive_the_sms_and_no_version_comes_again() {
    let mut sms = Sms::alone().await;
    change(&sms, "k", put("one", None)).await.unwrap();
    let before = sms.api.value("s", "k").await.unwrap();
    change(&sms, "l", put("two", None)).await.unwrap();
    let last = sms.api.value("s", "l").await.unwrap().unwrap().1;
    change(&sms, "l", delete(None)).await.unwrap();
    sms.kill_and_start_again("sms").await;
    assert_eq!(sms.api.value("s", "k").await.unwrap(), before);
    change(&sms, "l", put("three", None)).await.unwrap();
    assert!(sms.api.value("s", "l").await.unwrap().unwrap().1 > last);
}

#[tokio::test]
async fn the_command_line_gets_puts_counts_lists_and_removes() {
    let sms = Sms::alone().await;
    let refused = async |args: &[&str]| sms.spear(["-o", "json"].iter().chain(args)).await.error()["code"].clone();
    let put = sms.json(["kv", "put", "s/a/b", "hello", "--if-absent"]).await;
    assert_eq!((&put["store"], &put["key"]), (&json!("s"), &json!("a/b")));
    assert_eq!(sms.spear(["kv", "get", "s/a/b"]).await.answer(), "hello");
    let got = sms.json(["kv", "get", "s/a/b"]).await;
    assert_eq!(got, json!({ "store": "s", "key": "a/b", "version": put["version"], "value": "hello" }));
    assert_eq!(refused(&["kv", "put", "s/a/b", "x", "--if-absent"]).await, "ConditionFailed");
    assert_eq!(refused(&["kv", "put", "s/a/b", "x", "--if-version", "999"]).await, "ConditionFailed");
    let version = put["version"].to_string();
    sms.json(["kv", "put", "s/a/b", "again", "--if-version", &version]).await;

    fs::write(sms.home.path().join("file"), [0xff, 0]).unwrap();
    sms.json(["kv", "put", "s/bytes", "--file", "file"]).await;
    assert_eq!(sms.json(["kv", "get", "s/bytes"]).await["value_base64"], "/wA=");
    let mut piped = sms.home.spear(["--sms", &sms.url, "kv", "put", "s/piped", "-f", "-"]);
    piped.stdin(Stdio::from(fs::File::open(sms.home.path().join("file")).unwrap()));
    assert_eq!(crate::harness::Ran::of(piped).await.code, 0);
    assert_eq!(sms.api.value("s", "piped").await.unwrap().unwrap().0, [0xff, 0][..]);
    fs::write(sms.home.path().join("large"), vec![7; (1 << 20) + 1]).unwrap();
    assert_eq!(refused(&["kv", "put", "s/large", "-f", "large"]).await, "TooLarge");

    assert_eq!(sms.spear(["kv", "incr", "s/n"]).await.answer(), "1\n");
    assert_eq!(sms.json(["kv", "incr", "s/n", "-5"]).await["number"], -4);
    assert_eq!(refused(&["kv", "incr", "s/a/b"]).await, "NotANumber");

    let keys = |listed: serde_json::Value| {
        listed.as_array().unwrap().iter().map(|value| value["key"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(keys(sms.json(["kv", "ls", "s"]).await), ["a/b", "bytes", "n", "piped"]);
    assert_eq!(keys(sms.json(["kv", "ls", "s/a/"]).await), ["a/b"]);
    assert_eq!(keys(sms.json(["kv", "ls", "s", "--after", "a/b", "--limit", "2"]).await), ["bytes", "n"]);
    let table = sms.spear(["kv", "ls", "s"]).await.answer();
    assert!(table.contains("VERSION") && table.contains("again") && table.contains("(no text)"), "{table}");

    assert_eq!(sms.json(["kv", "rm", "s/n"]).await["existed"], true);
    assert_eq!(sms.json(["kv", "rm", "s/n"]).await["existed"], false);
    let gone = sms.spear(["kv", "get", "s/n"]).await;
    assert_eq!((gone.code, gone.stdout.as_str()), (3, ""));
    assert!(gone.stderr.contains("the store s has no value n"), "{gone:?}");
}

async fn change(sms: &Sms, key: &str, kind: Kind) -> Result<value_changed::Kind, tonic::Status> {
    sms.api.change_value("s", key, kind).await
}

fn put(value: impl Into<Bytes>, expected: Option<Is>) -> Kind {
    Kind::Put(v1::PutValue { value: value.into(), expected: self::expected(expected) })
}

fn delete(expected: Option<Is>) -> Kind {
    Kind::Delete(v1::DeleteValue { expected: self::expected(expected) })
}

fn increment(by: i64) -> Kind {
    Kind::Increment(v1::IncrementValue { by })
}

fn expected(is: Option<Is>) -> Option<v1::Expected> {
    is.map(|is| v1::Expected { is: Some(is) })
}

fn absent() -> Is {
    Is::Absent(v1::expected::Absent {})
}
