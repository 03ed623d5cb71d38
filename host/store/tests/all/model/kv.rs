//! The same for values.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*, sample::select};
use spear_store::Store;
use spear_types::{Code, Expected, KvChange, KvChanged, Refusal};

use crate::{
    Fixture,
    kv::{key, store_name},
};

const STORES: &[&str] = &["s", "s-2"];
const KEYS: &[&str] = &["a", "a/b", "ab", "/", "ä"];
const VALUES: &[&str] = &["", "7", "-8", "9223372036854775807", "text"];

#[derive(Debug, Clone)]
enum Command {
    Batch(&'static str, Vec<KvChange>),
    List { store: &'static str, prefix: &'static str, after: Option<&'static str>, limit: u32 },
    Reopen,
}

/// Store → key → value and version; and the last version that was given.
#[derive(Debug, Clone, Default)]
struct Model {
    stores: BTreeMap<&'static str, BTreeMap<String, (String, u64)>>,
    last: u64,
}

fn command() -> impl Strategy<Value = Command> {
    let after = prop::option::of(select(KEYS));
    prop_oneof![
        8 => (select(STORES), vec(change(), 0..4)).prop_map(|(store, changes)| Command::Batch(store, changes)),
        3 => (select(STORES), select(vec!["", "a", "a/", "ä", "z"]), after, 1..4_u32)
            .prop_map(|(store, prefix, after, limit)| Command::List { store, prefix, after, limit }),
        1 => Just(Command::Reopen),
    ]
}

fn change() -> impl Strategy<Value = KvChange> {
    let at = || select(KEYS).prop_map(key);
    let expected = || {
        prop_oneof![
            4 => Just(Expected::Anything),
            1 => Just(Expected::Absent),
            1 => (1..20_u64).prop_map(Expected::Version),
        ]
    };
    prop_oneof![
        4 => (at(), select(VALUES), expected())
            .prop_map(|(key, value, expected)| KvChange::Put { key, value: value.into(), expected }),
        2 => (at(), expected()).prop_map(|(key, expected)| KvChange::Delete { key, expected }),
        4 => (at(), -3..3_i64).prop_map(|(key, by)| KvChange::Increment { key, by }),
    ]
}

async fn check(commands: Vec<Command>) {
    let (mut fixture, mut model) = (Fixture::new().await, Model::default());
    for command in commands {
        match command {
            Command::Batch(store, changes) => check_batch(&fixture.store, &mut model, store, changes).await,
            Command::List { store, prefix, after, limit } => {
                check_page(&fixture.store, &model, store, prefix, after, limit).await;
            }
            Command::Reopen => fixture = fixture.reopened().await,
        }
        check_values(&fixture.store, &model).await;
    }
}

async fn check_batch(store: &Store, model: &mut Model, name: &'static str, changes: Vec<KvChange>) {
    let mut after = model.clone();
    let expected: Result<Vec<_>, Code> = changes.iter().map(|change| after.apply(name, change)).collect();
    let found = store.change_values(&store_name(name), changes).await.map_err(|error| Refusal::from(error).code);
    assert_eq!(found, expected);
    if found.is_ok() {
        *model = after;
    }
}

impl Model {
    fn apply(&mut self, store: &'static str, change: &KvChange) -> Result<KvChanged, Code> {
        let key = change.key().to_string();
        let found = self.stores.get(store).and_then(|values| values.get(&key)).cloned();
        let version = found.as_ref().map(|(_, version)| *version);
        let met = |expected: Expected| match expected {
            Expected::Anything => true,
            Expected::Absent => version.is_none(),
            Expected::Version(wanted) => version == Some(wanted),
        };
        let values = self.stores.entry(store).or_default();
        match change {
            KvChange::Put { expected, .. } | KvChange::Delete { expected, .. } if !met(*expected) => {
                Err(Code::ConditionFailed)
            }
            KvChange::Put { value, .. } => {
                self.last += 1;
                values.insert(key, (String::from_utf8(value.to_vec()).unwrap(), self.last));
                Ok(KvChanged::Put { version: self.last })
            }
            KvChange::Delete { .. } => Ok(KvChanged::Deleted { existed: values.remove(&key).is_some() }),
            KvChange::Increment { by, .. } => {
                let number: i64 = found.map_or(Ok(0), |(text, _)| text.parse()).map_err(|_| Code::NotANumber)?;
                let number = number.checked_add(*by).ok_or(Code::NotANumber)?;
                self.last += 1;
                values.insert(key, (number.to_string(), self.last));
                Ok(KvChanged::Incremented { number, version: self.last })
            }
        }
    }
}

async fn check_page(store: &Store, model: &Model, name: &'static str, prefix: &str, after: Option<&str>, limit: u32) {
    let page = store.list_values(&store_name(name), prefix, after.map(key).as_ref(), limit).await.unwrap();
    let matching = model.stores.get(name).into_iter().flatten();
    let matching =
        matching.filter(|(key, _)| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
    let matching: Vec<_> = matching.map(|(key, (value, version))| (key.clone(), value.clone(), *version)).collect();
    let found = page.entries.into_iter();
    let found =
        found.map(|(key, entry)| (key.to_string(), String::from_utf8(entry.value.to_vec()).unwrap(), entry.version));
    let limit = limit as usize;
    assert_eq!(found.collect::<Vec<_>>(), matching[..limit.min(matching.len())]);
    assert_eq!(page.next, (matching.len() > limit).then(|| key(&matching[limit - 1].0)));
}

async fn check_values(store: &Store, model: &Model) {
    for name in STORES {
        let found = store.values(&store_name(name), KEYS.iter().copied().map(key).collect()).await.unwrap();
        let found: Vec<_> = found
            .into_iter()
            .map(|entry| entry.map(|entry| (String::from_utf8(entry.value.to_vec()).unwrap(), entry.version)))
            .collect();
        let values = model.stores.get(name);
        let expected = KEYS.iter().map(|key| values.and_then(|values| values.get(*key).cloned()));
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_store_is_a_map_of_values(commands in vec(command(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(commands));
    }
}
