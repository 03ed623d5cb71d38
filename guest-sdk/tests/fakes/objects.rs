//! Objects against a model: what is there, how often it was put and referred to, and whether it is pinned.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};
use spear_guest::objects::{self, Bucket, Condition, Error, Info, Operation};

use crate::host;

const GRANTED: &str = "[grants.objects]\nb = \"read-write\"\nnone = \"read-write\"";

#[derive(Clone, Debug, PartialEq)]
struct Known {
    bytes: Vec<u8>,
    version: u64,
    references: u64,
    pinned: bool,
}

type Model = BTreeMap<String, Known>;

fn operation() -> impl Strategy<Value = Operation> {
    let key = || "[ab]";
    let condition = prop_oneof![
        4 => Just(Condition::None),
        1 => Just(Condition::Absent),
        1 => (1_u64..4).prop_map(Condition::Version),
        1 => Just(Condition::Etag(ETAG_OF_1.to_owned())),
    ];
    let put = (key(), "[12]", condition.clone()).prop_map(|(key, bytes, condition)| Operation::Put {
        key,
        bytes: bytes.into_bytes(),
        content_type: None,
        condition,
    });
    let delete = (key(), condition, any::<bool>()).prop_map(|(key, condition, force)| Operation::Delete {
        key,
        condition,
        force,
    });
    prop_oneof![
        3 => put,
        1 => delete,
        2 => key().prop_map(Operation::AddRef),
        2 => key().prop_map(Operation::RemoveRef),
        1 => key().prop_map(Operation::Pin),
        1 => key().prop_map(Operation::Unpin),
    ]
}

/// SHA-256 of `1`.
const ETAG_OF_1: &str = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b";

fn met(condition: &Condition, found: Option<&Known>) -> Result<(), &'static str> {
    let met = match condition {
        Condition::None => true,
        Condition::Absent => found.is_none(),
        Condition::Version(version) => found.is_some_and(|found| found.version == *version),
        Condition::Etag(_) => found.is_some_and(|found| found.bytes == b"1"),
    };
    if met { Ok(()) } else { Err("condition-failed") }
}

fn apply(mut model: Model, operation: &Operation) -> Result<Model, &'static str> {
    match operation {
        Operation::Put { key, bytes, condition, .. } => {
            met(condition, model.get(key))?;
            let fresh = Known { bytes: Vec::new(), version: 0, references: 0, pinned: false };
            let known = model.entry(key.clone()).or_insert(fresh);
            known.bytes.clone_from(bytes);
            known.version += 1;
        }
        Operation::Delete { key, condition, force } => {
            met(condition, model.get(key))?;
            let known = model.get(key).ok_or("not-found")?;
            if !force && (known.pinned || known.references > 0) {
                return Err("in-use");
            }
            model.remove(key);
        }
        Operation::AddRef(key) => model.get_mut(key).ok_or("not-found")?.references += 1,
        Operation::RemoveRef(key) => {
            let known = model.get_mut(key).ok_or("not-found")?;
            known.references = known.references.checked_sub(1).ok_or("condition-failed")?;
            if known.references == 0 && !known.pinned {
                model.remove(key);
            }
        }
        Operation::Pin(key) => model.get_mut(key).ok_or("not-found")?.pinned = true,
        Operation::Unpin(key) => model.get_mut(key).ok_or("not-found")?.pinned = false,
    }
    Ok(model)
}

fn run(bucket: &Bucket, operation: &Operation) -> Result<(), Error> {
    match operation.clone() {
        Operation::Put { key, bytes, content_type, condition } => {
            bucket.put_if(&key, bytes, content_type.as_deref(), condition).map(drop)
        }
        Operation::Delete { key, condition: Condition::None, force: true } => bucket.force_delete(&key),
        Operation::Delete { key, condition, force: false } => bucket.delete_if(&key, condition),
        forced @ Operation::Delete { .. } => bucket.batch([forced]).map(drop),
        Operation::AddRef(key) => bucket.add_ref(&key).map(drop),
        Operation::RemoveRef(key) => bucket.remove_ref(&key).map(drop),
        Operation::Pin(key) => bucket.pin(&key).map(drop),
        Operation::Unpin(key) => bucket.unpin(&key).map(drop),
    }
}

fn there(bucket: &Bucket) -> Model {
    let known = |info: Info| {
        let bytes = bucket.get(&info.key).unwrap();
        let Info { key, version, references, pinned, size, .. } = info;
        assert_eq!(size, bytes.len() as u64);
        (key, Known { bytes, version, references, pinned })
    };
    bucket.list("").map(|info| known(info.unwrap())).collect()
}

/// A bucket with an object, so that it is known.
fn bucket() -> (spear_guest::test::Host, Bucket, Model) {
    let host = host(GRANTED);
    let bucket = objects::bucket("b").unwrap();
    bucket.put("a", b"1").unwrap();
    let model = there(&bucket);
    (host, bucket, model)
}

proptest! {
    #[test]
    fn a_bucket_is_what_its_operations_make_it(operations in vec(operation(), 1..40)) {
        let (_host, bucket, mut model) = bucket();
        for operation in &operations {
            match (run(&bucket, operation), apply(model.clone(), operation)) {
                (Ok(()), Ok(next)) => model = next,
                (Err(error), Err(code)) => prop_assert_eq!(error.code(), code, "{:?}", operation),
                (done, _) => prop_assert!(false, "{:?}: {:?}", operation, done),
            }
            prop_assert_eq!(&there(&bucket), &model);
        }
    }

    #[test]
    fn a_batch_is_done_whole_or_not_at_all(operations in vec(operation(), 1..8)) {
        let (_host, bucket, model) = bucket();
        let end = operations.iter().try_fold(model.clone(), apply);
        match (bucket.batch(operations.clone()), end) {
            (Ok(infos), Ok(end)) => {
                prop_assert_eq!(infos.len(), operations.len());
                prop_assert_eq!(there(&bucket), end);
            }
            (Err(error), Err(code)) => {
                prop_assert_eq!(error.code(), code);
                prop_assert_eq!(there(&bucket), model);
            }
            (done, _) => prop_assert!(false, "{:?}", done),
        }
    }
}

#[test]
fn an_object_goes_with_its_last_reference_unless_it_is_pinned() {
    let (host, bucket, _) = bucket();
    bucket.add_ref("a").unwrap();
    assert_eq!(bucket.remove_ref("a").unwrap(), None);
    assert!(host.get_object("b", "a").is_none());
    bucket.put("a", b"2").unwrap();
    bucket.add_ref("a").unwrap();
    bucket.pin("a").unwrap();
    assert_eq!(bucket.remove_ref("a").unwrap().unwrap().references, 0);
    let error = bucket.delete("a").unwrap_err().to_string();
    assert_eq!(error, "the object b/a is in use: it is pinned and has 0 references");
}

#[test]
fn errors_name_the_bucket_the_key_and_what_is_there() {
    let (_host, bucket, _) = bucket();
    assert_eq!(bucket.get("x").unwrap_err().to_string(), "the bucket b has no object x");
    let none = objects::bucket("none").unwrap();
    assert_eq!(none.get("x").unwrap_err(), Error::UnknownBucket("there is no bucket none".to_owned()));
    assert_eq!(none.list("").next().unwrap().unwrap_err().code(), "unknown-bucket");
    let error = bucket.put_if("a", b"", None, Condition::Version(7)).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("b/a was to have an object of version 7, and has one of version 1 with the etag {ETAG_OF_1}")
    );
}

#[test]
fn malformed_names_keys_etags_and_types_are_refused() {
    let (_host, bucket, model) = bucket();
    assert_eq!(objects::bucket("%62").unwrap_err().code(), "invalid");
    for key in ["", "/a", "a/../b", "a\nb", &"k".repeat(1_025)] {
        assert_eq!(bucket.get(key).unwrap_err().code(), "invalid", "{key}");
        assert_eq!(bucket.put(key, b"").unwrap_err().code(), "invalid", "{key}");
    }
    let etag = Condition::Etag("7".to_owned());
    assert_eq!(bucket.put_if("a", b"", None, etag).unwrap_err().code(), "invalid");
    assert_eq!(bucket.put_as("a", b"", &"t".repeat(257)).unwrap_err().code(), "invalid");
    assert_eq!(there(&bucket), model);
}

#[test]
fn a_listing_has_the_keys_below_its_prefix_in_order() {
    let (_host, bucket, _) = bucket();
    for key in ["b/2", "b/10", "c", "b"] {
        bucket.put(key, b"").unwrap();
    }
    let keys: Vec<_> = bucket.list("b").map(|info| info.unwrap().key).collect();
    assert_eq!(keys, ["b", "b/10", "b/2"]);
}
