//! Other functions.

use std::{cell::Cell, rc::Rc, time::Duration};

use spear_guest::{
    Call, Failure, Json, Reply, resources,
    tasks::{self, Error, Options, Status},
    test::Host,
};

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

/// A host whose function `a` answers its body, and `b` fails as often as it is told.
fn submitting(failures: u32) -> Host {
    let left = Rc::new(Cell::new(failures));
    host(GRANTED).function("a", |call| Ok(Reply::new("text/plain", call.body))).function("b", move |_| {
        match left.get().checked_sub(1) {
            Some(less) => {
                left.set(less);
                Err(Failure::new("busy", "later").retryable().into())
            }
            None => Ok(Reply::new("text/plain", "at last")),
        }
    })
}

#[test]
fn what_is_submitted_runs_at_once_and_its_end_is_its_status() {
    let host = submitting(0);
    let task = tasks::submit("a", "Ada").unwrap();
    assert_eq!(tasks::status(&task).unwrap(), Status::Succeeded(Reply::new("text/plain", "Ada")));
    assert_eq!(tasks::status(&task).unwrap().into_reply::<String>().unwrap().as_deref(), Some("Ada"));
    let submitted = host.submitted();
    assert_eq!((submitted.len(), &submitted[0].task, submitted[0].function.as_str()), (1, &task, "a"));
    assert_eq!(submitted[0].call, Call::new("text/plain; charset=utf-8", "Ada"));
    assert_ne!(task.as_str(), resources::who_am_i().task);
    // The id is a text that comes back as it went.
    let Json(back): Json<tasks::TaskId> = tasks::invoke("a", Json(&task)).unwrap();
    assert_eq!(back, task);
}

#[test]
fn under_tasks_wait_they_run_when_their_test_says_so_in_order_with_what_they_submit() {
    let host = host(GRANTED)
        .tasks_wait()
        .function("a", |call| tasks::submit("b", call.body).map(|id| Reply::new("text/plain", id.as_str())))
        .function("b", |call| Ok(Reply::new("text/plain", call.body)));
    let task = tasks::submit("a", "Ada").unwrap();
    let status = tasks::status(&task).unwrap();
    assert!(status == Status::Queued && !status.has_ended());
    assert_eq!(status.into_reply::<String>().unwrap(), None);
    host.run_tasks();
    let other: String = tasks::status(&task).unwrap().into_reply().unwrap().unwrap();
    assert_eq!(tasks::status(&other.into()).unwrap().into_reply::<String>().unwrap().as_deref(), Some("Ada"));
    assert_eq!(host.submitted().len(), 2);
}

#[test]
fn a_retryable_failure_is_tried_again_as_often_as_was_asked() {
    let _host = submitting(4);
    let b = |attempts| Options::new().max_attempts(attempts).submit("b", ()).unwrap();
    let failed = |task: &_| matches!(tasks::status(task).unwrap(), Status::Failed(failure) if failure.code == "busy");
    // One of four failures, and three of the others.
    assert!(failed(&b(1)) && failed(&tasks::submit("b", ()).unwrap()));
    let status = tasks::status(&b(1)).unwrap();
    assert_eq!(status.into_reply::<String>().unwrap().as_deref(), Some("at last"));
    let _host = submitting(2);
    assert_eq!(tasks::status(&b(3)).unwrap().into_reply::<String>().unwrap().as_deref(), Some("at last"));
}

#[test]
fn nobody_waits_for_a_task_so_that_it_is_in_no_way_round() {
    let host = host(GRANTED)
        .function("a", |call| match call.body.as_slice() {
            b"0" => Ok(Reply::new("text/plain", "done")),
            _ => tasks::submit("a", "0").map(|_| Reply::default()),
        })
        .function("tested", |_| tasks::invoke("a", "0"));
    tasks::submit("a", "1").unwrap();
    let tested = tasks::submit("tested", ()).unwrap();
    assert_eq!(tasks::status(&tested).unwrap().into_reply::<String>().unwrap().as_deref(), Some("done"));
    assert!(host.submitted().iter().all(|task| tasks::status(&task.task).unwrap().has_ended()));
    assert_eq!(tasks::invoke::<()>("tested", ()).unwrap_err().code(), "cycle", "the one that is tested still waits");
}

#[test]
fn a_key_makes_two_submissions_of_a_function_one() {
    let host = submitting(0);
    let keyed = Options::new().key("order-17");
    let task = keyed.submit("a", "Ada").unwrap();
    assert_eq!(keyed.submit("a", "Ada").unwrap(), task);
    assert_eq!(keyed.submit("a", "Grace").unwrap_err().code(), "key-taken");
    assert_ne!(keyed.submit("b", "Ada").unwrap(), task, "a key is its function's");
    assert_eq!(host.submitted().len(), 2);
    assert_eq!(host.submitted()[0].options, keyed);
}

#[test]
fn what_spear_would_not_take_is_not_taken() {
    let host = submitting(0);
    for options in [
        Options::new().priority(101),
        Options::new().max_attempts(0),
        Options::new().max_attempts(101),
        Options::new().key(""),
        Options::new().delay(Duration::MAX),
        Options::new().deadline(Duration::MAX),
    ] {
        assert_eq!(options.submit("a", ()).unwrap_err().code(), "invalid", "{options:?}");
    }
    assert_eq!(tasks::submit("other", ()).unwrap_err().code(), "denied");
    assert_eq!(tasks::submit("none", ()).unwrap_err().code(), "unknown-function");
    assert_eq!(tasks::submit("No", ()).unwrap_err().code(), "invalid");
    assert!(host.submitted().is_empty());
    assert_eq!(tasks::status(&"no id".into()).unwrap_err().code(), "invalid");
    let nobody = "01890000-0000-7000-8000-000000000000".into();
    assert_eq!(tasks::status(&nobody).unwrap_err().code(), "unknown-task");
}

#[test]
fn how_a_task_was_ended_starts_with_its_outcome() {
    let _host = host(GRANTED).function("a", |_| Err(Error::Ended("timed-out: over 10s".to_owned())));
    let status = tasks::status(&tasks::submit("a", ()).unwrap()).unwrap();
    assert_eq!(status, Status::Ended("timed-out: over 10s".to_owned()));
    assert_eq!(status.into_reply::<()>().unwrap_err().code(), "ended");
}

#[test]
fn submissions_count_against_the_limit_of_calls() {
    let _host = host(&format!("{GRANTED}\n[limits]\ncalls = 2")).function("a", |_| Ok(Reply::default()));
    tasks::invoke::<()>("a", ()).unwrap();
    tasks::submit("a", ()).unwrap();
    let error = tasks::submit("a", ()).unwrap_err();
    assert!(error.code() == "over-limit" && error.to_string().contains("the limit `calls` is 2"), "{error}");
}
