//! Many at once: no reference, version or number gets lost, and of two that want the same only one gets it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use spear_store::{Error, Store};
use spear_types::{Condition, Expected, KvChange, KvChanged, ObjectChange};
use tokio::task::JoinSet;

use crate::{
    Fixture, at, change, changing, digests,
    kv::{key, store_name},
    name, now, put, put_if, putting,
};

const WRITERS: u64 = 8;
const ROUNDS: u64 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn references_versions_and_numbers_are_what_was_acknowledged_although_others_are_refused_beside() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    put(&store, "b", "k", "0").await;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write_often(store.clone(), writer));
    }
    writers.join_all().await;
    let info = store.object(&name("b"), &at("k")).await.unwrap();
    assert_eq!((info.version, info.references), (1 + WRITERS * ROUNDS, WRITERS * ROUNDS));
    let value = store.values(&store_name("s"), vec![key("n")]).await.unwrap().remove(0).unwrap();
    assert_eq!(value.value, (WRITERS * ROUNDS).to_string());
}

async fn write_often(store: Store, writer: u64) {
    for round in 0..ROUNDS {
        put_if(&store, "b", "k", format!("{writer} {round}"), Condition::None).await.unwrap();
        // Half-way through, it is refused: what it did first must not show, in this group of changes or in another.
        let refused = vec![
            putting(&store, "b", "k", "refused", Condition::None).await,
            changing("b", "k", ObjectChange::AddRef),
            changing("b", "unknown", ObjectChange::AddRef),
        ];
        let error = store.change_objects(refused, now()).await.unwrap_err();
        assert!(matches!(error, Error::UnknownObject { .. }), "{error}");
        change(&store, "b", "k", ObjectChange::AddRef).await.unwrap();
        let increment = KvChange::Increment { key: key("n"), by: 1 };
        store.change_values(&store_name("s"), vec![increment]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_that_want_one_version_have_one_winner() {
    let fixture = Fixture::new().await;
    let first = put(&fixture.store, "b", "k", "0").await;
    let wins = Arc::new(AtomicU64::new(0));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (store, wins) = (fixture.store.clone(), Arc::clone(&wins));
        writers.spawn(async move {
            let condition =
                if writer % 2 == 0 { Condition::Etag(first.etag) } else { Condition::Version(first.version) };
            match put_if(&store, "b", "k", format!("of writer {writer}"), condition).await {
                Ok(_) => wins.fetch_add(1, Ordering::Relaxed),
                Err(Error::ConditionFailed { version: Some(2), .. }) => 0,
                Err(other) => panic!("{other}"),
            };
        });
    }
    writers.join_all().await;
    assert_eq!(wins.load(Ordering::Relaxed), 1);
    assert_eq!(fixture.kept().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_value_that_is_written_has_a_version_of_its_own() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            let mut versions = Vec::new();
            for _ in 0..ROUNDS {
                let put = KvChange::Put { key: key("k"), value: "x".into(), expected: Expected::Anything };
                let of = store_name(if writer % 2 == 0 { "s" } else { "t" });
                let changed = store.change_values(&of, vec![put]).await.unwrap();
                let [KvChanged::Put { version }] = changed[..] else { panic!("{changed:?}") };
                versions.push(version);
            }
            assert!(versions.is_sorted());
            versions
        });
    }
    let mut versions = writers.join_all().await.concat();
    versions.sort_unstable();
    assert_eq!(versions, (1..=WRITERS * ROUNDS).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn batches_of_two_objects_never_show_one_without_the_other() {
    let fixture = Fixture::new().await;
    let store = fixture.store.clone();
    put(&store, "b", "one", "same").await;
    put(&store, "b", "two", "same").await;
    let writer = tokio::spawn(async move {
        for round in 0..ROUNDS {
            let content = format!("{round}");
            let one = putting(&store, "b", "one", content.clone(), Condition::None).await;
            let two = putting(&store, "b", "two", content, Condition::None).await;
            store.change_objects(vec![one, two], now()).await.unwrap();
        }
    });
    while !writer.is_finished() {
        let page = fixture.store.list_objects(&name("b"), "", None, 2).await.unwrap();
        assert_eq!(page.objects[0].etag, page.objects[1].etag);
        assert_eq!(page.objects[0].version, page.objects[1].version);
    }
    writer.await.unwrap();
    let last: &'static str = (ROUNDS - 1).to_string().leak();
    assert_eq!(fixture.kept(), digests([last]));
}
