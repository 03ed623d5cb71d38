//! Values in key-value stores.

use bytes::Bytes;
use spear_store::{Error, Store};
use spear_types::{Code, Expected, KvChange, KvChanged, KvEntry, KvKey, KvPage, Refusal, StoreName};

use crate::Fixture;

pub(crate) fn store_name(store: &str) -> StoreName {
    store.parse().unwrap()
}

pub(crate) fn key(key: &str) -> KvKey {
    key.parse().unwrap()
}

fn put(at: &str, value: impl Into<Bytes>, expected: Expected) -> KvChange {
    KvChange::Put { key: key(at), value: value.into(), expected }
}

async fn apply<const N: usize>(store: &Store, changes: [KvChange; N]) -> Result<Vec<KvChanged>, Error> {
    store.change_values(&store_name("s"), changes.into()).await
}

async fn written(store: &Store, at: &str, value: &str) -> u64 {
    let [KvChanged::Put { version }] = *apply(store, [put(at, value.to_owned(), Expected::Anything)]).await.unwrap()
    else {
        panic!("one put")
    };
    version
}

async fn get(store: &Store, at: &str) -> Option<KvEntry> {
    store.values(&store_name("s"), vec![key(at)]).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_value_survives_a_reopen_and_no_version_is_given_twice() {
    let fixture = Fixture::new().await;
    let first = written(&fixture.store, "k", "one").await;
    let second = written(&fixture.store, "l", "").await;
    apply(&fixture.store, [KvChange::Delete { key: key("l"), expected: Expected::Version(second) }]).await.unwrap();
    let fixture = fixture.reopened().await;
    assert_eq!(get(&fixture.store, "k").await, Some(KvEntry { value: "one".into(), version: first }));
    assert_eq!(get(&fixture.store, "l").await, None);
    let third = written(&fixture.store, "l", "again").await;
    assert!(first < second && second < third, "{first} {second} {third}");
    apply(&fixture.store, [put("n", "refused", Expected::Version(third))]).await.unwrap_err();
    assert!(written(&fixture.store, "l", "once more").await > third);
}

#[tokio::test]
async fn a_change_happens_only_if_what_it_expects_is_there() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    let version = written(&store, "k", "one").await;
    for (change, found) in [
        (put("k", "two", Expected::Absent), Some(version)),
        (put("k", "two", Expected::Version(version + 1)), Some(version)),
        (KvChange::Delete { key: key("k"), expected: Expected::Absent }, Some(version)),
        (put("l", "two", Expected::Version(version)), None),
        (KvChange::Delete { key: key("l"), expected: Expected::Version(version) }, None),
    ] {
        let refusal = Refusal::from(apply(&store, [change]).await.unwrap_err());
        assert_eq!((refusal.code, refusal.version), (Code::ConditionFailed, found), "{refusal}");
        assert!(refusal.message.contains("s/"), "{refusal}");
    }
    assert_eq!(get(&store, "k").await.unwrap().value, "one");
    apply(&store, [put("k", "two", Expected::Version(version)), put("l", "new", Expected::Absent)]).await.unwrap();
    assert_eq!(get(&store, "k").await.unwrap().value, "two");
}

#[tokio::test]
async fn deleting_says_whether_there_was_a_value() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    written(&store, "k", "one").await;
    for existed in [true, false] {
        let change = KvChange::Delete { key: key("k"), expected: Expected::Anything };
        assert_eq!(apply(&store, [change]).await.unwrap(), [KvChanged::Deleted { existed }]);
    }
}

#[tokio::test]
async fn an_increment_adds_to_the_decimal_text_of_a_number() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    for (by, sum) in [(0, 0), (5, 5), (-12, -7), (i64::MIN + 7, i64::MIN), (i64::MAX, -1)] {
        let changed = apply(&store, [KvChange::Increment { key: key("k"), by }]).await.unwrap();
        assert!(matches!(changed[..], [KvChanged::Incremented { number, .. }] if number == sum), "{changed:?}");
        assert_eq!(get(&store, "k").await.unwrap().value, sum.to_string());
    }
    for (value, by) in [
        ("", 1),
        ("1.5", 1),
        (" 1", 1),
        ("ä", 1),
        ("9223372036854775808", 1),
        ("9223372036854775807", 1),
        ("-9", i64::MIN),
    ] {
        written(&store, "k", value).await;
        let refusal = Refusal::from(apply(&store, [KvChange::Increment { key: key("k"), by }]).await.unwrap_err());
        assert_eq!(refusal.code, Code::NotANumber);
        assert!(refusal.message.contains("s/k"), "{refusal}");
        assert_eq!(get(&store, "k").await.unwrap().value, value);
    }
}

#[tokio::test]
async fn a_batch_is_made_whole_or_not_at_all_and_each_change_sees_those_before_it() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    let delete = |at: &str| KvChange::Delete { key: key(at), expected: Expected::Anything };
    let changes = [
        put("k", "1", Expected::Absent),
        KvChange::Increment { key: key("k"), by: 1 },
        delete("k"),
        put("k", "41", Expected::Absent),
        KvChange::Increment { key: key("k"), by: 1 },
    ];
    assert_eq!(apply(&store, changes).await.unwrap().len(), 5);
    let before = get(&store, "k").await;
    assert_eq!(before.as_ref().unwrap().value, "42");
    apply(&store, [delete("k"), put("l", "x", Expected::Anything), put("m", "x", Expected::Version(1))])
        .await
        .unwrap_err();
    assert_eq!((get(&store, "k").await, get(&store, "l").await), (before, None));
}

#[tokio::test]
async fn what_is_too_large_or_too_many_is_refused_and_nothing_changes() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    let large = || Bytes::from(vec![7; KvEntry::MAX_VALUE]);
    let over = Bytes::from(vec![7; KvEntry::MAX_VALUE + 1]);
    let many = |count: usize| vec![KvChange::Increment { key: key("k"), by: 1 }; count];
    let five: Vec<_> = ["a", "b", "c", "d"].into_iter().map(|at| put(at, large(), Expected::Anything)).collect();
    for (changes, message) in [
        (vec![put("k", over, Expected::Anything)], "the value s/k has 1048577 bytes, the limit is 1048576"),
        (five, "the keys and values of one call have more than 4194304 bytes in all"),
        (many(1001), "1001 operations are over the limit of 1000 for one call"),
    ] {
        let refusal = Refusal::from(store.change_values(&store_name("s"), changes).await.unwrap_err());
        assert_eq!((refusal.code, refusal.message.as_str()), (Code::TooLarge, message));
    }
    assert_eq!(store.list_values(&store_name("s"), "", None, 9).await.unwrap(), KvPage::default());
    store.change_values(&store_name("s"), many(1000)).await.unwrap();
    assert_eq!(get(&store, "k").await.unwrap().value, "1000");

    for at in ["a", "b", "c", "d"] {
        apply(&store, [put(at, large(), Expected::Anything)]).await.unwrap();
    }
    let all = ["a", "b", "c", "d"].map(key).to_vec();
    let refusal = Refusal::from(store.values(&store_name("s"), all).await.unwrap_err());
    assert_eq!(refusal.code, Code::TooLarge);
    let error = store.values(&store_name("s"), vec![key("k"); 1001]).await.unwrap_err();
    assert!(matches!(error, Error::TooManyOperations { .. }), "{error}");
}

#[tokio::test]
async fn a_page_ends_early_before_it_is_too_large_and_goes_on_after_its_last_key() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    for at in ["a", "b", "c", "d", "e"] {
        apply(&store, [put(at, vec![7; KvEntry::MAX_VALUE], Expected::Anything)]).await.unwrap();
    }
    let page = async |after: Option<KvKey>| {
        let page = store.list_values(&store_name("s"), "", after.as_ref(), u32::MAX).await.unwrap();
        (page.entries.into_iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>(), page.next)
    };
    let (keys, next) = page(None).await;
    assert_eq!((keys, &next), (vec!["a".to_owned(), "b".into(), "c".into()], &Some(key("c"))));
    assert_eq!(page(next).await, (vec!["d".to_owned(), "e".into()], None));
}

#[tokio::test]
async fn stores_with_like_names_keep_to_themselves() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    for of in ["s", "s-2", "s2", "t"] {
        let change = KvChange::Put { key: key("k"), value: of.to_owned().into(), expected: Expected::Absent };
        store.change_values(&store_name(of), vec![change]).await.unwrap();
    }
    for prefix in ["", "k", "l", "-2", "\u{10ffff}", "\0"] {
        let page = store.list_values(&store_name("s"), prefix, None, 9).await.unwrap();
        let values: Vec<_> = page.entries.iter().map(|(_, entry)| entry.value.clone()).collect();
        assert_eq!(values, if "k".starts_with(prefix) { vec!["s"] } else { vec![] }, "{prefix:?}");
    }
    assert_eq!(store.list_values(&store_name("never"), "", None, 9).await.unwrap(), KvPage::default());
}
