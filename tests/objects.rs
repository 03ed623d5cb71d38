//! Objects from outside: bytes in, the same bytes out, and nothing half-written.

use std::{collections::BTreeSet, fs};

use bytes::Bytes;
use futures::channel::mpsc;
use serde_json::json;
use spear_proto::v1;
use spear_types::{Code, Digest};
use tonic::Code as Grpc;

use crate::harness::{Refused as _, Sms, eventually};

#[tokio::test]
async fn bytes_come_back_as_they_were_put_under_their_sha_256() {
    let sms = Sms::alone().await;
    for bytes in [Vec::new(), vec![7], (0..=255).cycle().take(20 << 20).collect()] {
        let digest = Digest::of(&bytes);
        let info = sms.api.put("b", "k", bytes.clone()).await.unwrap();
        assert_eq!((info.size, info.etag), (bytes.len() as u64, digest));
        assert!(sms.api.get("b", "k").await.unwrap() == bytes);
        assert_eq!(sms.blobs(), [format!("{}/{digest}", &digest.to_string()[..2])].into(), "what it replaced is gone");
    }
}

#[tokio::test]
async fn equal_bytes_are_kept_once_and_until_the_last_object_goes() {
    let sms = Sms::alone().await;
    for key in ["a", "b"] {
        sms.api.put("one", key, "the same").await.unwrap();
        sms.api.put("two", key, "the same").await.unwrap();
    }
    assert_eq!(sms.blobs().len(), 1);
    for path in ["one/a", "one/b", "two/a"] {
        sms.spear(["object", "rm", path]).await.answer();
    }
    assert_eq!(sms.api.get("two", "b").await.unwrap(), b"the same");
    sms.spear(["object", "rm", "two/b"]).await.answer();
    assert_eq!(sms.blobs(), BTreeSet::new());
}

#[tokio::test]
async fn a_range_is_what_was_asked_for_and_no_more_than_there_is() {
    let sms = Sms::alone().await;
    sms.api.put("b", "k", "0123456789").await.unwrap();
    for (offset, length, expected) in [
        (None, Some(3), "012"),
        (Some(7), None, "789"),
        (Some(2), Some(2), "23"),
        (Some(9), Some(u64::MAX), "9"),
        (Some(u64::MAX), Some(u64::MAX), ""),
    ] {
        assert_eq!(sms.api.get_range("b", "k", offset, length).await.unwrap(), expected.as_bytes());
    }
}

#[tokio::test]
async fn a_listing_comes_in_pages_in_the_order_of_the_keys() {
    let sms = Sms::alone().await;
    for key in ["a", "c/2", "c/1", "c/10", "d"] {
        sms.api.put("b", key, key.to_owned()).await.unwrap();
    }
    let page = async |prefix: Option<&str>, after: Option<&str>, limit: Option<u32>| {
        let (prefix, after) = (prefix.map(str::to_owned), after.map(str::to_owned));
        let request = v1::ListObjectsRequest { bucket: "b".to_owned(), prefix, after, limit };
        let v1::ListObjectsResponse { objects, next } =
            sms.api.objects().list_objects(request).await.unwrap().into_inner();
        (objects.into_iter().map(|object| object.key).collect::<Vec<_>>(), next)
    };
    assert_eq!(page(None, None, None).await.0, ["a", "c/1", "c/10", "c/2", "d"]);
    assert_eq!(page(Some("c/"), None, Some(2)).await, (vec!["c/1".into(), "c/10".into()], Some("c/10".into())));
    assert_eq!(page(Some("c/"), Some("c/10"), Some(2)).await, (vec!["c/2".into()], None));
    assert_eq!(page(Some("x"), None, None).await, (vec![], None));
}

#[tokio::test]
async fn a_name_or_key_that_could_climb_or_is_too_long_is_refused_by_every_operation() {
    let sms = Sms::alone().await;
    let before = sms.kept().await;
    let long = "k".repeat(10_000);
    for (bucket, key) in
        [("b", "../k"), ("b", "a/../../k"), ("b", "/k"), ("b", ""), ("b", &long), ("..", "k"), (&long, "k")]
    {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let mut client = sms.api.objects();
        let shown = sms.api.put(&bucket, &key, "x").await.refused(Code::InvalidName, Grpc::InvalidArgument).message;
        assert!(shown.len() < 300, "a long key is not repeated: {shown}");
        sms.api.get(&bucket, &key).await.refused(Code::InvalidName, Grpc::InvalidArgument);
        let stat = v1::StatObjectRequest { bucket: bucket.clone(), key: key.clone() };
        client.stat_object(stat).await.refused(Code::InvalidName, Grpc::InvalidArgument);
        let delete = v1::DeleteObjectRequest { bucket, key, ..Default::default() };
        client.delete_object(delete).await.refused(Code::InvalidName, Grpc::InvalidArgument);
    }
    assert_eq!(sms.spear(["-o", "json", "object", "put", "b/../k", "-"]).await.error()["code"], "InvalidName");
    assert_eq!(sms.kept().await, before);
}

#[tokio::test]
async fn what_does_not_exist_is_unknown() {
    let sms = Sms::alone().await;
    sms.api.get("b", "k").await.refused(Code::UnknownBucket, Grpc::NotFound);
    sms.api.put("b", "other", "x").await.unwrap();
    sms.api.get("b", "k").await.refused(Code::UnknownObject, Grpc::NotFound);
    for (args, code) in [
        (["object", "ls", "c"], "UnknownBucket"),
        (["object", "get", "b/k"], "UnknownObject"),
        (["object", "stat", "b/k"], "UnknownObject"),
        (["object", "rm", "b/k"], "UnknownObject"),
    ] {
        assert_eq!(sms.spear(["-o", "json"].into_iter().chain(args)).await.error()["code"], code, "{args:?}");
    }
}

#[tokio::test]
async fn a_put_with_more_or_fewer_bytes_than_it_said_changes_nothing() {
    let sms = Sms::alone().await;
    sms.api.put("b", "k", "before").await.unwrap();
    let before = sms.kept().await;
    let over = (2, Code::TooLarge, "the bytes are over the limit of 2 B");
    let under = (4, Code::InvalidRequest, "the object came with 3 of 4 bytes");
    for (size, code, message) in [over, under] {
        let header = v1::PutObjectHeader { size: Some(size), ..header() };
        let put = sms.api.put_parts(header, Bytes::from_static(b"now")).await;
        let refusal = put.refused(code, Grpc::InvalidArgument);
        assert_eq!(refusal.message, message);
    }
    assert_eq!(sms.kept().await, before);
    assert_eq!(sms.api.get("b", "k").await.unwrap(), b"before");
}

#[tokio::test]
async fn a_put_whose_messages_are_malformed_changes_nothing() {
    let sms = Sms::alone().await;
    let before = sms.kept().await;
    let part = |part| v1::PutObjectRequest { part: Some(part) };
    let header = || part(v1::put_object_request::Part::Header(header()));
    let chunk = || part(v1::put_object_request::Part::Chunk(v1::Chunk { data: Bytes::from_static(b"x") }));
    let nothing = || v1::PutObjectRequest { part: None };
    for parts in [vec![], vec![chunk()], vec![nothing()], vec![header(), nothing()], vec![header(), chunk(), header()]]
    {
        let put = sms.api.objects().put_object(futures::stream::iter(parts)).await;
        put.refused(Code::InvalidRequest, Grpc::InvalidArgument);
    }
    assert_eq!(sms.kept().await, before);
    sms.api.get("b", "k").await.refused(Code::UnknownBucket, Grpc::NotFound);
}

#[tokio::test]
async fn a_put_that_its_client_gives_up_changes_nothing() {
    let sms = Sms::alone().await;
    let (out, parts) = mpsc::unbounded();
    let part = |part| v1::PutObjectRequest { part: Some(part) };
    out.unbounded_send(part(v1::put_object_request::Part::Header(header()))).unwrap();
    let data = vec![7; 1 << 20].into();
    out.unbounded_send(part(v1::put_object_request::Part::Chunk(v1::Chunk { data }))).unwrap();
    let mut client = sms.api.objects();
    let put = tokio::spawn(async move { client.put_object(parts).await });
    eventually("a file in the making", async || (!sms.blobs().is_empty()).then_some(())).await;
    put.abort();
    eventually("no file in the making", async || sms.blobs().is_empty().then_some(())).await;
    sms.api.get("b", "k").await.refused(Code::UnknownBucket, Grpc::NotFound);
}

#[tokio::test]
async fn the_command_line_puts_gets_lists_and_removes() {
    let sms = Sms::alone().await;
    let folder = sms.home.path();
    fs::write(folder.join("picture.png"), b"\x89PNG and more").unwrap();
    let put = sms.json(["object", "put", "photos/2026/a.png", "picture.png"]).await;
    assert_eq!((&put["content_type"], &put["version"]), (&json!("image/png"), &json!(1)));
    assert_eq!(sms.json(["object", "stat", "photos/2026/a.png"]).await, put);
    assert_eq!(sms.json(["object", "ls", "photos/2026"]).await, json!([put]));
    assert_eq!(sms.json(["object", "ls", "photos/2025"]).await, json!([]));

    sms.spear(["object", "get", "photos/2026/a.png", "copy.png"]).await.answer();
    assert_eq!(fs::read(folder.join("copy.png")).unwrap(), b"\x89PNG and more");
    sms.json(["object", "rm", "photos/2026/a.png"]).await;
    assert_eq!(sms.json(["object", "ls", "photos"]).await, json!([]));

    let get = sms.spear(["object", "get", "photos/2026/a.png", "copy.png"]).await;
    assert_eq!(get.code, 3);
    assert_eq!(fs::read(folder.join("copy.png")).unwrap(), b"\x89PNG and more", "what could not be got left the file");
}

fn header() -> v1::PutObjectHeader {
    v1::PutObjectHeader { bucket: "b".to_owned(), key: "k".to_owned(), ..v1::PutObjectHeader::default() }
}
