//! Other functions.

use spear_guest::{Failure, Json, Reply, tasks, tasks::Error};

use crate::host;

const GRANTED: &str = "[grants]\ntasks = [\"tested\", \"a\", \"b\", \"none\"]";

#[test]
fn a_call_arrives_as_it_was_sent_and_its_reply_is_taken_as_asked() {
    let _host = host(GRANTED).function("a", |call| {
        let content_type = call.content_type.unwrap_or_default();
        Ok(Reply { headers: call.headers, ..Reply::new(content_type, call.body) })
    });
    assert_eq!(tasks::invoke::<String>("a", "Zoë").unwrap(), "Zoë");
    assert_eq!(tasks::invoke::<Reply>("a", Json([1])).unwrap(), Reply::new("application/json", "[1]"));
    assert_eq!(tasks::invoke::<Json<Vec<u8>>>("a", Json([1])).unwrap(), Json(vec![1]));
    assert_eq!(tasks::invoke::<Vec<u8>>("a", vec![0xff]).unwrap(), [0xff]);
    tasks::invoke::<()>("a", ()).unwrap();
    let error = tasks::invoke::<String>("a", vec![0xff]).unwrap_err();
    assert!(matches!(&error, Error::BadReply(text) if text.contains("\"a\": it is not UTF-8")), "{error}");
}

#[test]
fn each_way_to_fail_is_an_error_of_its_own() {
    let _host = host(GRANTED)
        .function("a", |_| Err(Failure::new("busy", "later").retryable().into()))
        .function("b", |_| Err(Error::Ended("timed-out: over 10s".to_owned())));
    let error = tasks::invoke::<()>("a", ()).unwrap_err();
    assert_eq!((error.code(), error.is_retryable(), error.to_string().as_str()), ("failed", true, "busy: later"));
    assert_eq!(tasks::invoke::<()>("b", ()).unwrap_err().code(), "ended");
    assert_eq!(tasks::invoke::<()>("none", ()).unwrap_err().code(), "unknown-function");
    assert_eq!(tasks::invoke::<()>("No", ()).unwrap_err().code(), "invalid");
}

#[test]
fn a_way_round_is_a_cycle_that_shows_itself() {
    let _host = host(GRANTED).function("a", |_| tasks::invoke("b", ())).function("b", |_| tasks::invoke("a", ()));
    let error = tasks::invoke::<()>("a", ()).unwrap_err();
    assert_eq!(error, Error::Cycle("a waits for this call already: tested → a → b → a".to_owned()));
    assert_eq!(tasks::invoke::<()>("tested", ()).unwrap_err().code(), "cycle");
    // What has ended is waited for no more.
    assert_eq!(tasks::invoke::<()>("b", ()).unwrap_err().code(), "cycle");
}
