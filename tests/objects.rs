//! Objects from outside: bytes in, the same bytes out, and nothing half-written.

use std::{collections::BTreeSet, fs};

use bytes::Bytes;
use futures::channel::mpsc;
use serde_json::json;
use spear_proto::v1;
use spear_types::{Code, Digest, Hasher};
use tonic::Code as Grpc;
use v1::{ObjectChange, apply_objects_request::Part, condition::Is};

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
    for (bucket, key) in [
        ("b", "../k"),
        ("b", "a/../../k"),
        ("b", "/k"),
        ("b", ""),
        ("b", &long),
        ("..", "k"),
        (&long, "k"),
        ("%2e%2e", "k"),
        ("b%2Fk", "k"),
        ("%62", "k"),
    ] {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let mut client = sms.api.objects();
        let shown = sms.api.put(&bucket, &key, "x").await.refused(Code::InvalidName, Grpc::InvalidArgument).message;
        assert!(shown.len() < 300, "a long key is not repeated: {shown}");
        sms.api.get(&bucket, &key).await.refused(Code::InvalidName, Grpc::InvalidArgument);
        let stat = v1::StatObjectRequest { bucket: bucket.clone(), key: key.clone() };
        client.stat_object(stat).await.refused(Code::InvalidName, Grpc::InvalidArgument);
        let delete = v1::DeleteObjectRequest { bucket: bucket.clone(), key: key.clone(), ..Default::default() };
        client.delete_object(delete.clone()).await.refused(Code::InvalidName, Grpc::InvalidArgument);
        let added = sms.api.change(&bucket, &key, ObjectChange::AddRef).await;
        added.refused(Code::InvalidName, Grpc::InvalidArgument);
        let put = Part::Put(v1::PutObjectHeader { bucket, key, ..Default::default() });
        for part in [put, Part::Delete(delete)] {
            sms.api.apply([part]).await.refused(Code::InvalidName, Grpc::InvalidArgument);
        }
    }
    assert_eq!(sms.spear(["-o", "json", "object", "put", "b/../k", "-"]).await.error()["code"], "InvalidName");
    assert_eq!(sms.kept().await, before);
}

#[tokio::test]
async fn a_percent_sign_in_a_key_is_a_percent_sign() {
    let sms = Sms::alone().await;
    sms.api.put("b", "a/%2e%2e/%2e%2e/k", "here").await.unwrap();
    assert_eq!(sms.api.get("b", "a/%2e%2e/%2e%2e/k").await.unwrap(), b"here");
    sms.api.get("b", "k").await.refused(Code::UnknownObject, Grpc::NotFound);
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
        (["object", "ref", "b/k"], "UnknownObject"),
        (["object", "pin", "c/k"], "UnknownBucket"),
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

#[tokio::test]
async fn a_put_or_removal_whose_condition_does_not_hold_changes_nothing() {
    let sms = Sms::alone().await;
    let first = sms.api.put("b", "k", "first").await.unwrap();
    let before = sms.kept().await;
    let absent = Is::Absent(v1::condition::Absent {});
    for is in [absent, Is::Version(2), Is::Etag(Digest::of(b"other").to_string())] {
        let condition = Some(v1::Condition { is: Some(is) });
        let put =
            sms.api.put_parts(v1::PutObjectHeader { condition: condition.clone(), ..header() }, "now".into()).await;
        let refusal = put.refused(Code::ConditionFailed, Grpc::FailedPrecondition);
        assert_eq!(refusal.version, Some(1), "it says what is there: {refusal}");
        let (bucket, key) = ("b".to_owned(), "k".to_owned());
        let delete = v1::DeleteObjectRequest { bucket, key, condition, force: true };
        sms.api.objects().delete_object(delete).await.refused(Code::ConditionFailed, Grpc::FailedPrecondition);
    }
    assert_eq!((sms.kept().await, sms.api.stat("b", "k").await.unwrap()), (before, first.clone()));
    let condition = Some(v1::Condition { is: Some(Is::Etag(first.etag.to_string())) });
    let second = sms.api.put_parts(v1::PutObjectHeader { condition, ..header() }, "second".into()).await.unwrap();
    assert_eq!(second.version, 2);
}

#[tokio::test]
async fn a_pinned_or_referenced_object_stays_until_nothing_holds_it_or_it_is_forced() {
    let sms = Sms::alone().await;
    sms.api.put("b", "k", "kept").await.unwrap();
    let change = async |what| sms.api.change("b", "k", what).await.unwrap();
    let delete = async |force| {
        let request = v1::DeleteObjectRequest { bucket: "b".into(), key: "k".into(), condition: None, force };
        sms.api.objects().delete_object(request).await
    };
    change(ObjectChange::AddRef).await;
    change(ObjectChange::AddRef).await;
    change(ObjectChange::Pin).await;
    let refusal = delete(false).await.refused(Code::ObjectInUse, Grpc::FailedPrecondition);
    assert_eq!(refusal.message, "the object b/k is in use: it is pinned and has 2 references");
    let again = sms.api.put("b", "k", "overwritten").await.unwrap();
    assert_eq!((again.version, again.references, again.pinned), (2, 2, true));
    change(ObjectChange::RemoveRef).await;
    assert_eq!(change(ObjectChange::RemoveRef).await.unwrap().references, 0, "the pin keeps it");
    let none = sms.api.change("b", "k", ObjectChange::RemoveRef).await;
    none.refused(Code::ConditionFailed, Grpc::FailedPrecondition);
    change(ObjectChange::AddRef).await;
    assert!(!change(ObjectChange::Unpin).await.unwrap().pinned);
    delete(false).await.refused(Code::ObjectInUse, Grpc::FailedPrecondition);
    assert_eq!(change(ObjectChange::RemoveRef).await, None, "the last reference takes it away");
    sms.api.stat("b", "k").await.refused(Code::UnknownObject, Grpc::NotFound);

    sms.api.put("b", "k", "again").await.unwrap();
    change(ObjectChange::Pin).await;
    delete(true).await.unwrap();
    sms.api.stat("b", "k").await.refused(Code::UnknownObject, Grpc::NotFound);
    assert_eq!(sms.blobs(), BTreeSet::new());
    for unspecified in [0, 5, -1] {
        let request = v1::ChangeObjectRequest { bucket: "b".into(), key: "k".into(), change: unspecified };
        sms.api.objects().change_object(request).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
    }
}

#[tokio::test]
async fn a_batch_is_done_whole() {
    let sms = Sms::alone().await;
    sms.api.put("b", "old", "old").await.unwrap();
    let large: Vec<u8> = (0..=255).cycle().take(3 << 20).collect();
    let [begin, middle, end] = [0..1 << 20, 1 << 20..2 << 20, 2 << 20..3 << 20].map(|part| chunk(large[part].to_vec()));
    let infos = sms
        .api
        .apply([
            put("b", "large", Some(3 << 20)),
            begin,
            middle,
            end,
            put("c", "empty", None),
            change("b", "large", ObjectChange::AddRef),
            Part::Delete(v1::DeleteObjectRequest { bucket: "b".into(), key: "old".into(), ..Default::default() }),
            put("c", "small", None),
            chunk("small"),
        ])
        .await
        .unwrap();
    let seen: Vec<_> =
        infos.iter().map(|info| info.as_ref().map(|info| (info.key.as_str(), info.references))).collect();
    assert_eq!(seen, [Some(("large", 0)), Some(("empty", 0)), Some(("large", 1)), None, Some(("small", 0))]);
    assert!(sms.api.get("b", "large").await.unwrap() == large);
    assert_eq!(sms.api.get("c", "small").await.unwrap(), b"small");
    assert_eq!(sms.blobs().len(), 3);
}

#[tokio::test]
async fn a_batch_that_is_refused_anywhere_changes_nothing() {
    let sms = Sms::alone().await;
    sms.api.put("b", "k", "before").await.unwrap();
    let before = (sms.kept().await, sms.api.stat("b", "k").await.unwrap());
    let absent = Some(v1::Condition { is: Some(Is::Absent(v1::condition::Absent {})) });
    let conditional = Part::Put(v1::PutObjectHeader { condition: absent, ..header() });
    let nothing = || put("c", "new", None);
    for (last, code, grpc) in [
        (vec![change("b", "unknown", ObjectChange::Pin)], Code::UnknownObject, Grpc::NotFound),
        (vec![conditional], Code::ConditionFailed, Grpc::FailedPrecondition),
        (vec![put("b", "k", Some(9)), chunk("8 bytes.")], Code::InvalidRequest, Grpc::InvalidArgument),
        (vec![put("b", "k", Some(7)), chunk("8 bytes.")], Code::TooLarge, Grpc::InvalidArgument),
        (vec![put("b", "k", Some(5 << 30))], Code::TooLarge, Grpc::InvalidArgument),
        (vec![change("b", "k", ObjectChange::Pin), chunk("of nothing")], Code::InvalidRequest, Grpc::InvalidArgument),
        (vec![nothing(); 1_000], Code::TooLarge, Grpc::InvalidArgument),
    ] {
        let first = [nothing(), chunk("new"), put("b", "k", None), chunk("after")];
        sms.api.apply(first.into_iter().chain(last)).await.refused(code, grpc);
        assert_eq!((sms.kept().await, sms.api.stat("b", "k").await.unwrap()), before);
        sms.api.stat("c", "new").await.refused(Code::UnknownBucket, Grpc::NotFound);
    }
    let empty = v1::ApplyObjectsRequest { part: None };
    let applied = sms.api.objects().apply_objects(futures::stream::iter([empty])).await;
    applied.refused(Code::InvalidRequest, Grpc::InvalidArgument);
}

#[tokio::test]
async fn a_batch_that_its_client_gives_up_leaves_nothing() {
    let sms = Sms::alone().await;
    let (out, parts) = mpsc::unbounded();
    for part in [put("b", "one", None), chunk("one"), put("b", "two", None), chunk(vec![7; 1 << 20])] {
        out.unbounded_send(v1::ApplyObjectsRequest { part: Some(part) }).unwrap();
    }
    let mut client = sms.api.objects();
    let apply = tokio::spawn(async move { client.apply_objects(parts).await });
    eventually("two files in the making", async || (sms.blobs().len() == 2).then_some(())).await;
    apply.abort();
    eventually("no file in the making", async || sms.blobs().is_empty().then_some(())).await;
    sms.api.stat("b", "one").await.refused(Code::UnknownBucket, Grpc::NotFound);
}

#[tokio::test]
async fn a_batch_that_is_given_up_between_two_operations_is_never_taken_for_a_whole_one() {
    let sms = Sms::alone().await;
    sms.api.put("b", "k", "x").await.unwrap();
    let before = (sms.blobs(), sms.api.stat("b", "k").await.unwrap());
    for _ in 0..50 {
        let (out, parts) = mpsc::unbounded();
        for part in [put("c", "new", None), chunk("new"), change("b", "k", ObjectChange::AddRef)] {
            out.unbounded_send(v1::ApplyObjectsRequest { part: Some(part) }).unwrap();
        }
        let mut client = sms.api.objects();
        let apply = tokio::spawn(async move { client.apply_objects(parts).await });
        eventually("a file in the making", async || (sms.blobs().len() == 2).then_some(())).await;
        apply.abort();
        eventually("no file in the making", async || (sms.blobs() == before.0).then_some(())).await;
        assert_eq!(sms.api.stat("b", "k").await.unwrap(), before.1);
    }
}

#[tokio::test]
async fn the_command_line_has_conditions_ranges_pages_references_and_pins() {
    let sms = Sms::alone().await;
    let folder = sms.home.path();
    fs::write(folder.join("file"), "0123456789").unwrap();
    let first = sms.json(["object", "put", "b/k", "file", "--if-absent"]).await;
    let refused = async |args: &[&str]| sms.spear(["-o", "json"].iter().chain(args)).await.error()["code"].clone();
    let etag = first["etag"].as_str().unwrap();
    assert_eq!(refused(&["object", "put", "b/k", "file", "--if-absent"]).await, "ConditionFailed");
    assert_eq!(refused(&["object", "put", "b/k", "file", "--if-version", "2"]).await, "ConditionFailed");
    assert_eq!(sms.json(["object", "put", "b/k", "file", "--if-match", etag]).await["version"], 2);
    assert_eq!(sms.json(["object", "put", "b/k", "file", "--if-version", "2"]).await["version"], 3);

    for (range, expected) in [("0-0", "0"), ("7-", "789"), ("2-3", "23"), ("8-99", "89"), ("10-", "")] {
        assert_eq!(sms.spear(["object", "get", "b/k", "--range", range]).await.answer(), expected);
    }
    assert_eq!(sms.spear(["object", "get", "b/k", "--range", "3-2"]).await.code, 2);

    for key in ["l", "m", "n"] {
        sms.api.put("b", key, "x").await.unwrap();
    }
    let page = sms.json(["object", "ls", "b", "--after", "k", "--limit", "2"]).await;
    assert_eq!((&page[0]["key"], &page[1]["key"], &page[2]), (&json!("l"), &json!("m"), &json!(null)));

    assert_eq!(sms.json(["object", "ref", "b/k"]).await["references"], 1);
    assert_eq!(sms.json(["object", "pin", "b/k"]).await["pinned"], true);
    let table = sms.spear(["object", "ls", "b"]).await.answer();
    assert!(table.contains("REFS") && table.contains("PINNED") && table.contains("yes"), "{table}");
    assert_eq!(refused(&["object", "rm", "b/k"]).await, "ObjectInUse");
    assert_eq!(sms.json(["object", "unref", "b/k"]).await["references"], 0);
    assert_eq!(refused(&["object", "unref", "b/k"]).await, "ConditionFailed");
    assert_eq!(sms.json(["object", "rm", "b/k", "--force", "--if-version", "3"]).await, json!({ "removed": "b/k" }));
    sms.json(["object", "ref", "b/l"]).await;
    assert_eq!(sms.json(["object", "unref", "b/l"]).await, json!({ "removed": "b/l" }));
    sms.json(["object", "pin", "b/m"]).await;
    assert_eq!(sms.json(["object", "unpin", "b/m"]).await["pinned"], false);
}

#[tokio::test]
async fn half_of_a_file_is_no_object() {
    let sms = Sms::alone().await;
    // It opens, and cannot be read: a folder.
    let ran = sms.spear(["-o", "json", "object", "put", "b/k", "."]).await;
    assert!(ran.error()["message"].as_str().unwrap().starts_with("cannot read ."), "{ran:?}");
    sms.api.get("b", "k").await.refused(Code::UnknownBucket, Grpc::NotFound);
    assert_eq!(sms.blobs(), BTreeSet::new());
}

#[tokio::test]
async fn an_object_of_any_size_goes_through_in_little_memory() {
    const SIZE: u64 = 512 << 20;
    const MORE: u64 = 64 << 20;
    let sms = Sms::alone().await;
    let folder = sms.home.path();
    fs::File::create(folder.join("in")).unwrap().set_len(SIZE).unwrap();
    sms.api.put("b", "small", "x").await.unwrap();
    let before = sms.program.peak_memory();
    let put = sms.json(["object", "put", "b/large", "in"]).await;
    sms.spear(["object", "get", "b/large", "out"]).await.answer();
    let after = sms.program.peak_memory();
    assert!(after < before + MORE, "{before} bytes before, {after} after {SIZE} came and went");
    assert_eq!(put["size"], SIZE);
    assert_eq!(put["etag"], digest_of(&folder.join("out")).to_string());
}

fn digest_of(file: &std::path::Path) -> Digest {
    let (mut file, mut hasher, mut piece) = (fs::File::open(file).unwrap(), Hasher::default(), vec![0; 1 << 20]);
    while let length @ 1.. = std::io::Read::read(&mut file, &mut piece).unwrap() {
        hasher.update(&piece[..length]);
    }
    hasher.finish()
}

fn put(bucket: &str, key: &str, size: Option<u64>) -> Part {
    Part::Put(v1::PutObjectHeader { bucket: bucket.to_owned(), key: key.to_owned(), size, ..Default::default() })
}

fn chunk(bytes: impl Into<Bytes>) -> Part {
    Part::Chunk(v1::Chunk { data: bytes.into() })
}

fn change(bucket: &str, key: &str, change: ObjectChange) -> Part {
    Part::Change(v1::ChangeObjectRequest { bucket: bucket.to_owned(), key: key.to_owned(), change: change.into() })
}

fn header() -> v1::PutObjectHeader {
    v1::PutObjectHeader { bucket: "b".to_owned(), key: "k".to_owned(), ..v1::PutObjectHeader::default() }
}
