//! One test, one world.

use std::thread;

use spear_guest::{Json, config, kv, log, secrets, test};

use crate::host;

#[test]
fn a_test_without_a_host_has_its_manifests() {
    // In a thread of its own also where all tests are one.
    let test = || (config::require("greeting"), kv::store("counters").map(drop));
    assert_eq!(thread::spawn(test).join().unwrap(), (Ok("Good day".to_owned()), Ok(())));
}

#[test]
fn threads_do_not_see_each_other_and_the_last_host_counts() {
    let first = host("[grants.kv]\ncounters = \"read-write\"");
    kv::store("counters").unwrap().put("a", b"1").unwrap();
    let seen = thread::spawn(|| kv::store("counters").unwrap().get("a").unwrap()).join().unwrap();
    assert_eq!(seen, None);
    let second = host("");
    assert!(kv::store("counters").is_err());
    assert_eq!((first.get_value("counters", "a"), second.get_value("counters", "a")), (Some(b"1".to_vec()), None));
}

#[test]
#[should_panic(expected = "line 7")]
fn a_manifest_that_is_none_is_told_with_its_line() {
    host("[limit]");
}

#[test]
#[should_panic(expected = "memory: 1.0 TiB asked, 1.0 GiB allowed")]
fn a_limit_that_no_operator_gives_is_told() {
    host("[limits]\nmemory = \"1TiB\"");
}

#[test]
fn a_secret_that_was_read_is_in_no_log() {
    let host = host("[grants]\nsecrets = [\"key\", \"none\"]").secret("key", "hunter2\n");
    let secret = secrets::get("key").unwrap();
    log::info!("it is {}, that is {secret}", secret.expose_str().unwrap(); value = secret.expose_str().unwrap());
    assert_eq!(host.logs()[0].to_string(), "info it is •••, that is [secret] value=•••");
    assert_eq!(secrets::get("none").unwrap_err().code(), "unknown-secret");
    assert_eq!(secrets::get("No").unwrap_err().code(), "invalid");
}

#[test]
fn a_call_goes_the_whole_way() {
    let sum = |Json(numbers): Json<Vec<u32>>| Json(numbers.iter().sum::<u32>());
    assert_eq!(test::call(sum, Json([1, 2])).unwrap().body, b"3");
    assert_eq!(test::call(sum, "no").unwrap_err().code, "bad-input");
}
