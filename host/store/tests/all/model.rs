//! Any sequence of commands does to the store what it does to a map.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*, sample::select};
use spear_store::Error;
use spear_types::{Digest, ObjectInfo, ObjectPage};

use crate::{Fixture, at, delete, get, name, put};

const BUCKETS: &[&str] = &["a", "a-b", "b"];
const KEYS: &[&str] = &["a", "a/a", "a/b", "a0", "ab", "b", "ä", "a/\u{10ffff}"];
const PREFIXES: &[&str] = &["", "a", "a/", "a/b", "b", "c", "ä"];
const CONTENTS: &[&str] = &["", "one", "two"];

#[derive(Debug, Clone)]
enum Command {
    Put(&'static str, &'static str, &'static str),
    Delete(&'static str, &'static str),
    List { bucket: &'static str, prefix: &'static str, after: Option<&'static str>, limit: u32 },
    Reopen,
}

/// Bucket → key → content and version.
type Model = BTreeMap<&'static str, BTreeMap<&'static str, (&'static str, u64)>>;

fn command() -> impl Strategy<Value = Command> {
    let (bucket, key) = (|| select(BUCKETS), || select(KEYS));
    let after = prop::option::of(key());
    prop_oneof![
        6 => (bucket(), key(), select(CONTENTS)).prop_map(|(bucket, key, content)| Command::Put(bucket, key, content)),
        3 => (bucket(), key()).prop_map(|(bucket, key)| Command::Delete(bucket, key)),
        6 => (bucket(), select(PREFIXES), after, 1..5_u32)
            .prop_map(|(bucket, prefix, after, limit)| Command::List { bucket, prefix, after, limit }),
        1 => Just(Command::Reopen),
    ]
}

async fn check(commands: Vec<Command>) {
    let (mut fixture, mut model) = (Fixture::new().await, Model::new());
    for command in commands {
        match command {
            Command::Put(bucket, key, content) => check_put(&fixture, &mut model, bucket, key, content).await,
            Command::Delete(bucket, key) => check_delete(&fixture, &mut model, bucket, key).await,
            Command::List { bucket, prefix, after, limit } => {
                let page = fixture.store.list_objects(&name(bucket), prefix, after.map(at).as_ref(), limit).await;
                check_page(page, &model, bucket, prefix, after, limit as usize);
            }
            Command::Reopen => fixture = fixture.reopened().await,
        }
        assert_eq!(fixture.kept(), digests(&model));
    }
    check_contents(&fixture, &model).await;
}

async fn check_put(
    fixture: &Fixture,
    model: &mut Model,
    bucket: &'static str,
    key: &'static str,
    content: &'static str,
) {
    let object = model.entry(bucket).or_default().entry(key).or_insert((content, 0));
    *object = (content, object.1 + 1);
    assert_eq!(put(&fixture.store, bucket, key, content).await.version, object.1);
}

async fn check_delete(fixture: &Fixture, model: &mut Model, bucket: &str, key: &str) {
    let expected = model.get_mut(bucket).map(|objects| objects.remove(key));
    match delete(&fixture.store, bucket, key).await {
        Ok(()) => assert!(expected.unwrap().is_some()),
        Err(Error::UnknownObject { .. }) => assert_eq!(expected, Some(None)),
        Err(Error::UnknownBucket { .. }) => assert_eq!(expected, None),
        Err(other) => panic!("{other}"),
    }
}

fn check_page(
    page: Result<ObjectPage, Error>,
    model: &Model,
    bucket: &str,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) {
    let Some(objects) = model.get(bucket) else { return assert!(matches!(page, Err(Error::UnknownBucket { .. }))) };
    let page = page.unwrap();
    let matching: Vec<_> = objects
        .iter()
        .filter(|(key, _)| key.starts_with(prefix) && after.is_none_or(|after| **key > after))
        .map(|(key, (content, version))| (*key, Digest::of(content.as_bytes()), *version))
        .collect();
    let of = |object: &ObjectInfo| (object.key.as_str().to_owned(), object.etag, object.version);
    let expected: Vec<_> =
        matching.iter().take(limit).map(|(key, etag, version)| ((*key).to_owned(), *etag, *version)).collect();
    assert_eq!(page.objects.iter().map(of).collect::<Vec<_>>(), expected);
    let next = (matching.len() > limit).then(|| at(matching[limit - 1].0));
    assert_eq!(page.next, next);
}

async fn check_contents(fixture: &Fixture, model: &Model) {
    for (bucket, objects) in model {
        for (key, (content, _)) in objects {
            assert_eq!(get(&fixture.store, bucket, key).await.unwrap(), *content);
        }
    }
}

fn digests(model: &Model) -> BTreeSet<Digest> {
    model.values().flat_map(BTreeMap::values).map(|(content, _)| Digest::of(content.as_bytes())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_store_is_a_map_of_objects(commands in vec(command(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(commands));
    }
}
