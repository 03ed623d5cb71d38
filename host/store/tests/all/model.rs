//! Any sequence of batches does to the store what it does to a map.

mod kv;

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*, sample::select};
use spear_store::{Error, Operation, Store};
use spear_types::{Code, Condition, Digest, ObjectChange, ObjectInfo, ObjectPage, Refusal};

use crate::{Fixture, at, changing, get, name, now, putting};

const BUCKETS: &[&str] = &["a", "a-b", "b"];
const KEYS: &[&str] = &["a", "a/a", "a/b", "a0", "ab", "b", "ä", "a/\u{10ffff}"];
const PREFIXES: &[&str] = &["", "a", "a/", "a/b", "b", "c", "ä"];
const CONTENTS: &[&str] = &["", "one", "two"];

#[derive(Debug, Clone)]
enum Command {
    Batch(Vec<Step>),
    List { bucket: &'static str, prefix: &'static str, after: Option<&'static str>, limit: u32 },
    Reopen,
}

/// One operation.
#[derive(Debug, Clone)]
struct Step {
    bucket: &'static str,
    key: &'static str,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Put(&'static str, Condition),
    Change(ObjectChange),
}

/// What the model knows of an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Known {
    content: &'static str,
    version: u64,
    references: u64,
    pinned: bool,
}

/// Bucket → key → object.
type Model = BTreeMap<&'static str, BTreeMap<&'static str, Known>>;

fn command() -> impl Strategy<Value = Command> {
    let after = prop::option::of(select(KEYS));
    prop_oneof![
        6 => step().prop_map(|step| Command::Batch(vec![step])),
        3 => vec(step(), 0..5).prop_map(Command::Batch),
        3 => (select(BUCKETS), select(PREFIXES), after, 1..5_u32)
            .prop_map(|(bucket, prefix, after, limit)| Command::List { bucket, prefix, after, limit }),
        1 => Just(Command::Reopen),
    ]
}

/// Mostly on one key, so that there is something to change.
fn step() -> impl Strategy<Value = Step> {
    let place = prop_oneof![2 => Just(("a", "a")), 1 => (select(BUCKETS), select(KEYS))];
    (place, what()).prop_map(|((bucket, key), what)| Step { bucket, key, what })
}

fn what() -> impl Strategy<Value = What> {
    let delete = (condition(), any::<bool>());
    prop_oneof![
        4 => (select(CONTENTS), condition()).prop_map(|(content, condition)| What::Put(content, condition)),
        2 => delete.prop_map(|(condition, force)| What::Change(ObjectChange::Delete { condition, force })),
        3 => Just(What::Change(ObjectChange::AddRef)),
        3 => Just(What::Change(ObjectChange::RemoveRef)),
        1 => Just(What::Change(ObjectChange::Pin)),
        1 => Just(What::Change(ObjectChange::Unpin)),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        6 => Just(Condition::None),
        1 => Just(Condition::Absent),
        1 => select(CONTENTS).prop_map(|content| Condition::Etag(Digest::of(content.as_bytes()))),
        1 => (1..4_u64).prop_map(Condition::Version),
    ]
}

async fn check(commands: Vec<Command>) {
    let (mut fixture, mut model) = (Fixture::new().await, Model::new());
    for command in commands {
        match command {
            Command::Batch(steps) => check_batch(&fixture.store, &mut model, &steps).await,
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

async fn check_batch(store: &Store, model: &mut Model, steps: &[Step]) {
    let mut operations = Vec::new();
    for step in steps {
        operations.push(operation(store, step).await);
    }
    let mut after = model.clone();
    let expected: Result<Vec<_>, Code> = steps.iter().map(|step| apply(&mut after, step)).collect();
    match store.change_objects(operations, now()).await {
        Ok(infos) => {
            assert_eq!(Ok(infos.iter().map(|info| info.as_ref().map(known)).collect()), expected);
            *model = after;
        }
        Err(error) => assert_eq!(Err(Refusal::from(error).code), expected),
    }
}

async fn operation(store: &Store, step: &Step) -> Operation {
    match step.what {
        What::Put(content, condition) => putting(store, step.bucket, step.key, content, condition).await,
        What::Change(change) => changing(step.bucket, step.key, change),
    }
}

fn apply(model: &mut Model, step: &Step) -> Result<Option<Known>, Code> {
    let found = model.get(step.bucket).and_then(|objects| objects.get(step.key)).cloned();
    let new = match step.what {
        What::Put(content, condition) => {
            met(condition, found.as_ref())?;
            let found = found.unwrap_or_default();
            Some(Known { content, version: found.version + 1, ..found })
        }
        What::Change(change) => {
            if !model.contains_key(step.bucket) {
                return Err(Code::UnknownBucket);
            }
            if let ObjectChange::Delete { condition, .. } = change {
                met(condition, found.as_ref())?;
            }
            changed(found.ok_or(Code::UnknownObject)?, change)?
        }
    };
    let objects = model.entry(step.bucket).or_default();
    match new {
        Some(new) => objects.insert(step.key, new),
        None => objects.remove(step.key),
    };
    Ok(new)
}

fn met(condition: Condition, found: Option<&Known>) -> Result<(), Code> {
    let met = match (condition, found) {
        (Condition::None, _) | (Condition::Absent, None) => true,
        (Condition::Etag(etag), Some(found)) => etag == Digest::of(found.content.as_bytes()),
        (Condition::Version(version), Some(found)) => version == found.version,
        (Condition::Etag(_) | Condition::Version(_), None) | (Condition::Absent, Some(_)) => false,
    };
    if met { Ok(()) } else { Err(Code::ConditionFailed) }
}

fn changed(object: Known, change: ObjectChange) -> Result<Option<Known>, Code> {
    let Known { references, pinned, .. } = object;
    match change {
        ObjectChange::Delete { force: false, .. } if references > 0 || pinned => Err(Code::ObjectInUse),
        ObjectChange::Delete { .. } => Ok(None),
        ObjectChange::AddRef => Ok(Some(Known { references: references + 1, ..object })),
        ObjectChange::RemoveRef if references == 0 => Err(Code::ConditionFailed),
        ObjectChange::RemoveRef if references == 1 && !pinned => Ok(None),
        ObjectChange::RemoveRef => Ok(Some(Known { references: references - 1, ..object })),
        ObjectChange::Pin => Ok(Some(Known { pinned: true, ..object })),
        ObjectChange::Unpin => Ok(Some(Known { pinned: false, ..object })),
    }
}

fn known(info: &ObjectInfo) -> Known {
    let content = CONTENTS.iter().find(|content| Digest::of(content.as_bytes()) == info.etag);
    let &ObjectInfo { version, references, pinned, .. } = info;
    Known { content: content.expect("bytes that were put"), version, references, pinned }
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
        .map(|(key, object)| ((*key).to_owned(), *object))
        .collect();
    let found: Vec<_> = page.objects.iter().map(|info| (info.key.to_string(), known(info))).collect();
    assert_eq!(found, matching[..limit.min(matching.len())]);
    let next = (matching.len() > limit).then(|| at(&matching[limit - 1].0));
    assert_eq!(page.next, next);
}

async fn check_contents(fixture: &Fixture, model: &Model) {
    for (bucket, objects) in model {
        for (key, object) in objects {
            assert_eq!(get(&fixture.store, bucket, key).await.unwrap(), object.content);
        }
    }
}

fn digests(model: &Model) -> BTreeSet<Digest> {
    model.values().flat_map(BTreeMap::values).map(|object| Digest::of(object.content.as_bytes())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_store_is_a_map_of_objects(commands in vec(command(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(commands));
    }
}
