//! `[config]`, as the function reads it.

use std::collections::BTreeMap;

use serde_json::json;
use spear_types::{Outcome, Settings};

use crate::harness::{Function, Sms};

#[tokio::test]
async fn it_reads_what_its_manifest_says() {
    let sms = Sms::with_node().await;
    sms.deploy("settings").await;
    let all = json!([["greeting", "Hello, wörld"], ["region", "eu-1"]]);
    assert_eq!(sms.api.invoke("settings", "").await.unwrap().json(), all);
    assert_eq!(sms.api.invoke("settings", "region").await.unwrap().json(), json!([["region", "eu-1"]]));
    let outcome = sms.api.invoke("settings", "zone").await.unwrap().outcome;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome}") };
    assert_eq!(failure.code, "missing");
}

#[tokio::test]
async fn each_version_has_its_own_settings_and_one_without_has_none() {
    let sms = Sms::with_node().await;
    let with = |settings: &[(&str, &str)]| {
        let entries = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let mut function = Function::guest("settings");
        function.spec.settings = Settings::try_from(entries.collect::<BTreeMap<_, _>>()).unwrap();
        function
    };
    for settings in [&[("a", "1")][..], &[("a", "2"), ("b", "")], &[]] {
        sms.api.deploy(&with(settings)).await.unwrap();
        assert_eq!(sms.api.invoke("settings", "").await.unwrap().json(), json!(settings));
    }
}
