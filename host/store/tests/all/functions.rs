//! Functions and their versions.

use spear_store::{Deployed, Error, FunctionDraft, Store};
use spear_types::{
    Artifact, Code, Digest, FunctionVersion, Granted, Implementation, Limits, Placement, Refusal, Settings,
};

use crate::{Fixture, blob, digests, now};

pub(crate) fn draft(name: &str) -> FunctionDraft {
    let description = Some("says hello".into());
    FunctionDraft {
        name: name.parse().unwrap(),
        description,
        limits: Limits::DEFAULTS,
        grants: Granted::default(),
        settings: Settings::default(),
        placement: Placement::default(),
        implementations: Vec::new(),
    }
}

async fn deploy(store: &Store, draft: FunctionDraft, artifact: &'static str) -> Deployed {
    let blob = blob(store, artifact).await;
    let implementations = vec![Implementation::wasm(Artifact::of(artifact.as_bytes()))];
    store.deploy(FunctionDraft { implementations, ..draft }, vec![blob], now()).await.unwrap()
}

pub(crate) async fn created(store: &Store, name: &str, artifact: &'static str) -> FunctionVersion {
    match deploy(store, draft(name), artifact).await {
        Deployed::Created(version) => version,
        Deployed::Unchanged(version) => panic!("{version:?} was there"),
    }
}

#[tokio::test]
async fn a_deployed_function_survives_a_reopen_with_all_its_versions() {
    let fixture = Fixture::new().await;
    let first = created(&fixture.store, "hello", "one").await;
    let second = created(&fixture.store, "hello", "two").await;
    let fixture = fixture.reopened().await;
    let hello = first.name.clone();
    assert_eq!((first.version, second.version), (1, 2));
    assert_eq!(fixture.store.function(&hello, None).await.unwrap(), second);
    assert_eq!(fixture.store.function(&hello, Some(1)).await.unwrap(), first);
    assert_eq!(fixture.store.versions(&hello).await.unwrap(), [second, first.clone()]);
    let artifact = fixture.store.open_artifact(&first.artifacts().next().unwrap().digest).await.unwrap();
    assert_eq!(artifact.read_all(9).await.unwrap(), "one");
}

#[tokio::test]
async fn deploying_the_same_again_changes_nothing() {
    let fixture = Fixture::new().await;
    let first = created(&fixture.store, "hello", "one").await;
    assert_eq!(deploy(&fixture.store, draft("hello"), "one").await, Deployed::Unchanged(first.clone()));
    assert_eq!(fixture.store.versions(&first.name).await.unwrap(), [first]);
    assert_eq!(fixture.kept(), digests(["one"]));
}

#[tokio::test]
async fn other_limits_and_a_return_to_older_bytes_are_new_versions() {
    let fixture = Fixture::new().await;
    created(&fixture.store, "hello", "one").await;
    let limits = Limits { fuel: Some(5), ..Limits::DEFAULTS };
    let metered = deploy(&fixture.store, FunctionDraft { limits, ..draft("hello") }, "one").await;
    assert!(matches!(metered, Deployed::Created(FunctionVersion { version: 2, .. })), "{metered:?}");
    assert_eq!(created(&fixture.store, "hello", "one").await.version, 3);
}

#[tokio::test]
async fn version_numbers_never_repeat() {
    let mut fixture = Fixture::new().await;
    let mut last = 0;
    for _ in 0..3 {
        for artifact in ["one", "two"] {
            let version = created(&fixture.store, "hello", artifact).await;
            assert_eq!(version.version, last + 1);
            last = version.version;
        }
        assert_eq!(fixture.store.delete_function(&"hello".parse().unwrap()).await.unwrap(), 2);
        assert_eq!(fixture.kept(), [].into());
        fixture = fixture.reopened().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_deploys_get_a_number_each() {
    let fixture = Fixture::new().await;
    let artifacts = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let deploys: Vec<_> = artifacts
        .into_iter()
        .map(|artifact| {
            let store = fixture.store.clone();
            tokio::spawn(async move { created(&store, "hello", artifact).await.version })
        })
        .collect();
    let mut numbers = Vec::new();
    for deploy in deploys {
        numbers.push(deploy.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[tokio::test]
async fn functions_are_listed_by_name_with_their_newest_version() {
    let fixture = Fixture::new().await;
    for (name, artifact) in [("zip", "one"), ("hello", "one"), ("hello-2", "one"), ("hello", "two")] {
        created(&fixture.store, name, artifact).await;
    }
    let listed = fixture.store.functions().await.unwrap();
    let listed: Vec<_> = listed.iter().map(|function| (function.name.as_str(), function.version)).collect();
    assert_eq!(listed, [("hello", 2), ("hello-2", 1), ("zip", 1)]);
}

#[tokio::test]
async fn an_unknown_function_is_answered_with_the_closest_names() {
    let fixture = Fixture::new().await;
    let name = "thumnail".parse().unwrap();
    let refusal: Refusal = fixture.store.function(&name, None).await.unwrap_err().into();
    assert_eq!((refusal.code, refusal.help.unwrap().contains("spear deploy")), (Code::UnknownFunction, true));
    for known in ["hello", "thumbnail", "resize"] {
        created(&fixture.store, known, "one").await;
    }
    let refusal: Refusal = fixture.store.delete_function(&name).await.unwrap_err().into();
    assert_eq!(refusal.message, "no function is named thumnail");
    assert!(refusal.help.unwrap().starts_with("deployed functions: thumbnail, "));
    assert!(
        matches!(fixture.store.versions(&name).await, Err(Error::UnknownFunction { known, .. }) if known.len() == 3)
    );
}

#[tokio::test]
async fn an_unknown_version_is_answered_with_the_newest() {
    let fixture = Fixture::new().await;
    let hello = created(&fixture.store, "hello", "one").await.name;
    for version in [0, 2, u32::MAX] {
        let error = fixture.store.function(&hello, Some(version)).await.unwrap_err();
        assert!(matches!(error, Error::UnknownVersion { newest: 1, .. }), "{error}");
        assert_eq!(Refusal::from(error).code, Code::UnknownVersion);
    }
}

#[tokio::test]
async fn an_artifact_that_nobody_deployed_is_unknown() {
    let fixture = Fixture::new().await;
    let refusal: Refusal = fixture.store.open_artifact(&Digest::of(b"x")).await.unwrap_err().into();
    assert_eq!(refusal.code, Code::UnknownArtifact);
}
