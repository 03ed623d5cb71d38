//! Tasks from the command line: what goes where, and with which exit code.

use std::{collections::BTreeSet, fs, time::Duration};

use rustix::process::Signal;
use serde_json::{Value, json};
use spear_types::TaskId;

use crate::harness::{Function, NewTask, Program, Ran, Sms, Spearlet, eventually};

const HOUR: Duration = Duration::from_secs(3600);

/// The ids on standard output, a line each.
fn ids(ran: Ran) -> Vec<TaskId> {
    ran.answer().lines().map(|line| line.parse().unwrap()).collect()
}

async fn submit<const N: usize>(sms: &Sms, args: [&str; N]) -> Vec<TaskId> {
    ids(sms.spear(["submit"].into_iter().chain(args)).await)
}

/// `spear` beside the test, until it ends by itself.
fn start(sms: &Sms, args: &[&str]) -> Program {
    let mut command = sms.home.spear(["--sms", &sms.url]);
    command.args(args);
    Program::start(command)
}

/// One JSON value a line.
fn values(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[tokio::test]
async fn a_submission_is_its_id_and_waited_for_it_answers_as_an_invoke_does() {
    let sms = Sms::with_node().await;
    for guest in ["hello", "fail", "trap"] {
        sms.deploy(guest).await;
    }
    let ran = sms.spear(["submit", "hello", "-d", "Ada"]).await;
    assert!(ran.stderr.contains("spear task watch"), "{ran:?}");
    let task = ids(ran)[0];
    sms.api.ended(task).await;
    let quiet = sms.spear(["submit", "hello", "-d", "Ada", "-q"]).await;
    assert_eq!(quiet.stderr, "");
    assert_eq!(ids(quiet).len(), 1);
    assert_eq!(sms.json(["submit", "hello", "--key", "k"]).await["existing"], false);
    assert_eq!(sms.json(["submit", "hello", "--key", "k"]).await["existing"], true);

    for (args, code, stdout) in [
        (&["submit", "hello", "-d", "Ada", "--wait"][..], 0, "Hello, Ada!\n"),
        (&["task", "result", &task.to_string()], 0, "Hello, Ada!\n"),
        (&["submit", "fail", "-d", "no-stock", "--wait"], 1, ""),
        (&["submit", "trap", "--max-attempts", "1", "--wait"], 134, ""),
    ] {
        let ran = sms.spear(args).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (code, stdout), "{args:?}: {ran:?}");
    }
    let result = sms.json(["task", "result", &task.to_string()]).await;
    assert_eq!((&result["state"], &result["outcome"]["body"]), (&json!("succeeded"), &json!("Hello, Ada!")));
    assert_eq!((&result["task"], &result["attempt"]), (&json!(task), &json!(1)));
}

#[tokio::test]
async fn what_has_not_ended_has_an_exit_code_of_its_own_and_can_be_cancelled() {
    let sms = Sms::alone().await;
    sms.deploy("hello").await;
    let tasks = submit(&sms, ["hello", "--count", "2"]).await;
    let (one, two) = (tasks[0].to_string(), tasks[1].to_string());
    for args in [&["task", "result", &one][..], &["task", "result", &one, "--wait=10ms"]] {
        let ran = sms.spear(args).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (75, ""), "{ran:?}");
        assert!(ran.stderr.contains("has not ended") && ran.stderr.contains("task why"), "{ran:?}");
    }
    let ran = sms.spear(["-o", "json", "task", "result", &one]).await;
    assert_eq!((ran.code, &ran.json()["outcome"], &ran.json()["state"]), (75, &Value::Null, &json!("queued")));

    assert_eq!(sms.json(["task", "cancel", &one]).await[0]["state"], "cancelled");
    let ran = sms.spear(["task", "cancel", &one, &two]).await;
    assert!(ran.code == 3 && ran.stderr.contains("TaskEnded") && ran.stdout.contains(&two), "{ran:?}");
    assert_eq!(sms.spear(["task", "result", &two]).await.code, 130);
}

#[tokio::test]
async fn each_line_is_a_task_and_with_a_key_it_is_one_however_often_it_is_submitted() {
    let sms = Sms::with_node().await;
    sms.deploy("hello").await;
    let file = sms.home.path().join("names.txt");
    fs::write(&file, "Ada\n\nGrace\r\nEdsger").unwrap();
    let file = file.to_str().unwrap();
    let tasks = submit(&sms, ["hello", "--batch", file, "--key", "names"]).await;
    let mut answers = Vec::new();
    for task in &tasks {
        answers.push(sms.api.ended(*task).await.text().to_owned());
    }
    assert_eq!(answers, ["Hello, Ada!", "Hello, Grace!", "Hello, Edsger!"]);
    let again = sms.json(["submit", "hello", "--batch", file, "--key", "names"]).await;
    let same: Vec<Value> = tasks.iter().map(|task| json!({ "task": task, "existing": true })).collect();
    assert_eq!(again, json!(same));
    assert_eq!(submit(&sms, ["hello", "--batch", "/dev/null"]).await, []);
    let blank = sms.home.path().join("blank.txt");
    fs::write(&blank, "\n \n\r\n").unwrap();
    let ran = sms.spear(["submit", "hello", "--batch", blank.to_str().unwrap()]).await;
    assert!(ran.code == 3 && ran.stderr.contains("blank lines only"), "{ran:?}");
    let ran = sms.spear(["submit", "hello", "--batch", "no-such-file"]).await;
    assert!(ran.code == 3 && ran.stderr.contains("error: cannot read no-such-file"), "{ran:?}");
    let error = sms.spear(["-o", "json", "submit", "hello", "--batch", "no-such-file"]).await.error();
    assert_eq!(error["code"], Value::Null);
}

#[tokio::test]
async fn more_than_a_batch_is_several_and_what_was_submitted_is_told_where_the_rest_is_refused() {
    let sms = Sms::alone_set(&[("SPEAR_SMS_QUEUE_PER_FUNCTION", "10500")]).await;
    sms.deploy("hello").await;
    let all: BTreeSet<TaskId> = submit(&sms, ["hello", "--count", "10001"]).await.into_iter().collect();
    assert_eq!(all.len(), 10_001);
    let ran = sms.spear(["submit", "hello", "--count", "500"]).await;
    assert!(ran.code == 3 && ran.stderr.contains("QueueFull") && ran.stderr.contains("submitted 0 tasks"), "{ran:?}");
    assert_eq!(ran.stdout, "");
    sms.api.deploy(&Function::guest("hello").named("other")).await.unwrap();
    let ran = sms.spear(["-o", "json", "submit", "other", "--count", "15000"]).await;
    assert_eq!((ran.code, ran.json().as_array().unwrap().len()), (3, 10_000));
}

#[tokio::test]
async fn a_listing_is_filtered_and_goes_on_where_it_broke_off() {
    let sms = Sms::with_node().await;
    for guest in ["hello", "fail"] {
        sms.deploy(guest).await;
    }
    let mut tasks = submit(&sms, ["hello", "--count", "5"]).await;
    let failed = submit(&sms, ["fail", "-d", "no-stock"]).await[0];
    let waits = submit(&sms, ["hello", "--delay", "1h"]).await[0];
    for task in tasks.iter().chain([&failed]) {
        sms.api.ended(*task).await;
    }
    let listed = |answer: Value| -> Vec<TaskId> {
        answer.as_array().unwrap().iter().map(|task| serde_json::from_value(task["task"].clone()).unwrap()).collect()
    };
    tasks.reverse();
    assert_eq!(listed(sms.json(["task", "ls", "--state", "succeeded"]).await), tasks);
    assert_eq!(listed(sms.json(["task", "ls", "--state", "queued,failed"]).await), [waits, failed]);
    assert_eq!(listed(sms.json(["task", "ls", "--function", "fail"]).await), [failed]);
    assert_eq!(listed(sms.json(["task", "ls", "--all"]).await).len(), 7);
    assert_eq!(sms.json(["task", "ls", "--state", "denied"]).await, json!([]));
    let first = sms.spear(["task", "ls", "--function", "hello", "--limit", "4"]).await;
    let place = first.stderr.split("--after ").nth(1).and_then(|rest| rest.split(',').next()).unwrap();
    let rest = listed(sms.json(["task", "ls", "--function", "hello", "--after", place]).await);
    assert_eq!(rest, tasks[3..]);
    assert!(first.stdout.contains("FUNCTION") && first.stdout.contains("not before"), "{first:?}");
    assert_eq!(sms.spear(["task", "ls", "--state", "nonsense"]).await.code, 2);
}

#[tokio::test]
async fn a_watch_shows_each_change_once_and_ends_with_the_last_task() {
    let sms = Sms::with_node().await;
    sms.deploy("flaky").await;
    let body = r#"{"succeed_on": 2}"#;
    let task = submit(&sms, ["flaky", "-d", body, "--delay", "300ms", "--backoff", "1ms"]).await[0].to_string();
    let seen = values(&sms.spear(["-o", "json", "task", "watch", &task]).await.answer());
    let states: Vec<(&str, u64)> =
        seen.iter().map(|task| (task["state"].as_str().unwrap(), task["attempt"].as_u64().unwrap())).collect();
    assert_eq!(states.first(), Some(&("queued", 0)), "{states:?}");
    assert_eq!(states.last(), Some(&("succeeded", 2)), "{states:?}");
    assert_eq!(states.iter().collect::<BTreeSet<_>>().len(), states.len(), "{states:?}");
    let times: Vec<&str> = seen.iter().map(|task| task["changed"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let ended = sms.spear(["task", "watch", &task]).await.answer();
    assert!(ended.lines().count() == 1 && ended.contains("flaky succeeded attempt 2"), "{ended}");
}

#[tokio::test]
async fn whoever_follows_waits_or_watches_is_not_disturbed_by_the_death_of_the_sms() {
    let mut sms = Sms::alone_set(&[("SPEAR_SMS_HEARTBEAT", "20ms")]).await;
    let _node = Spearlet::of(&sms, "one").await;
    sms.deploy("slow-log").await;
    let body = r#"{"lines": 150, "every_ms": 20}"#;
    let id = submit(&sms, ["slow-log", "-d", body]).await[0];
    let task = id.to_string();
    let mut follow = start(&sms, &["-o", "json", "task", "logs", "-f", &task]);
    let mut watch = start(&sms, &["-o", "json", "task", "watch", &task]);
    let mut wait = start(&sms, &["task", "result", "--wait", &task]);
    follow.stdout.line_with("\"line 10\"").await;
    watch.stdout.line_with("running").await;
    sms.kill_and_start_again("sms").await;
    sms.api.ended(id).await;
    for program in [&mut follow, &mut watch, &mut wait] {
        assert_eq!(program.exited().await.code(), Some(0), "{}", program.stderr.text());
    }
    let sequences: Vec<u64> =
        values(&follow.stdout.text()).iter().map(|line| line["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=150).collect::<Vec<_>>());
    assert_eq!(wait.stdout.text(), "wrote 150 lines\n");
    let seen = values(&watch.stdout.text());
    let running = seen.iter().filter(|task| task["state"] == "running").count();
    assert_eq!((running, &seen.last().unwrap()["state"]), (1, &json!("succeeded")), "{seen:?}");
}

#[tokio::test]
async fn a_schedule_is_made_shown_and_removed() {
    let sms = Sms::with_node().await;
    sms.deploy("hello").await;
    let made = sms.spear(["submit", "hello", "-d", "Ada", "--cron", "* * * * * *", "--name", "tick"]).await;
    assert!(made.stderr.contains("next at"), "{made:?}");
    assert_eq!(made.answer(), "tick\n");
    let last = eventually("its first task", async || {
        sms.json(["schedule", "get", "tick"]).await["last"].as_str().map(str::to_owned)
    });
    let result = sms.spear(["task", "result", "--wait", &last.await]).await;
    assert_eq!(result.answer(), "Hello, Ada!\n");
    let described = sms.spear(["schedule", "get", "tick"]).await.answer();
    for part in ["tick submits hello", "next  ", "last  ", "created", "call      \"Ada\"", "3 attempts, after failed"] {
        assert!(described.contains(part), "{part} is not in\n{described}");
    }
    let value = sms.json(["schedule", "get", "tick"]).await;
    assert_eq!((&value["call"]["body"], &value["call"]["size"]), (&json!("Ada"), &json!(3)));
    assert_eq!((&value["retry"]["max_attempts"], &value["priority"]), (&json!(3), &Value::Null));
    assert!(sms.spear(["schedule", "ls"]).await.answer().contains("* * * * * *"));
    sms.spear(["schedule", "rm", "tick"]).await.answer();
    assert_eq!(sms.json(["schedule", "ls"]).await, json!([]));
    for command in ["get", "rm"] {
        let error = sms.spear(["-o", "json", "schedule", command, "tick"]).await.error();
        assert_eq!(error["code"], "UnknownSchedule");
        assert!(error["help"].as_str().is_some_and(|help| help.contains("spear schedule ls")), "{error}");
    }
}

#[tokio::test]
async fn why_is_a_page_that_says_what_is_lacking() {
    let sms = Sms::with_node_set(&[("SPEAR_SPEARLET_SLOTS", "1")]).await;
    sms.deploy_compiled(&Function::spin(HOUR)).await;
    sms.deploy("hello").await;
    let spin = sms.api.submit(NewTask::of("spin", "")).await.unwrap();
    sms.api.runs(spin).await;
    let task = submit(&sms, ["hello"]).await[0].to_string();
    let why = sms.spear(["task", "why", &task]).await.answer();
    for part in ["it waits", "ASKED", "64.0 MiB memory", "COULD NOT", "FILTER", "slots"] {
        assert!(why.contains(part), "{part} is not in\n{why}");
    }
    let why = sms.spear(["task", "why", &spin.to_string()]).await.answer();
    for part in ["COULD TAKE IT", "SCORE", "FIT", "chosen"] {
        assert!(why.contains(part), "{part} is not in\n{why}");
    }
    let delayed = submit(&sms, ["hello", "--delay", "1h"]).await[0].to_string();
    sms.spear(["task", "cancel", &delayed]).await.answer();
    let why = sms.spear(["task", "why", &delayed]).await.answer();
    assert!(why.contains("it was cancelled before it went anywhere"), "{why}");
    let value = sms.json(["task", "why", &task]).await;
    assert_eq!((&value["decision"]["node"], &value["decision"]["nodes"][0]["filter"]), (&Value::Null, &json!("slots")));
}

#[tokio::test]
async fn a_task_is_shown_with_how_it_is_tried_and_after_what_it_waits_again() {
    let sms = Sms::with_node().await;
    sms.deploy("flaky").await;
    let body = r#"{"succeed_on": 9}"#;
    let args =
        ["flaky", "-d", body, "--backoff", "1h", "--max-backoff", "2h", "--key", "monday", "--retry-on", "failed"];
    let id = submit(&sms, args).await[0];
    let waits = async || (sms.api.task(id).await.unwrap().state.name() == "queued").then_some(());
    eventually("the wait", waits).await;
    let task = id.to_string();
    let described = sms.spear(["task", "get", &task]).await.answer();
    let retry = "3 attempts, after failed; waits 1h, doubled up to 2h";
    for part in [
        "queued, after attempt 1 failed, not before 20",
        "since      20",
        "attempt    1 of 3",
        retry,
        "key        monday",
    ] {
        assert!(described.contains(part), "{part} is not in\n{described}");
    }
    let value = sms.json(["task", "get", &task]).await;
    let retry = json!({ "max_attempts": 3, "backoff_ms": 3.6e6, "max_backoff_ms": 7.2e6, "on": ["failed"] });
    assert_eq!((&value["retry"], &value["key"], &value["after"]), (&retry, &json!("monday"), &json!("failed")));
    assert!(value["changed"].as_str() > value["submitted"].as_str(), "{value}");
}

#[tokio::test]
async fn what_a_function_asks_for_and_would_rather_have_is_in_the_why() {
    let sms = Sms::with_node().await;
    let placement = r#"{"prefer": ["zone = a"], "avoid": ["spot = true"]}"#;
    let placement = serde_json::from_str(placement).unwrap();
    sms.api.deploy(&Function::guest("hello").placement(placement)).await.unwrap();
    let task = submit(&sms, ["hello"]).await[0];
    sms.api.ended(task).await;
    let why = sms.spear(["task", "why", &task.to_string()]).await.answer();
    assert!(why.contains("\n  prefers zone = a\n  avoids spot = true\n"), "{why}");
    let decision = sms.json(["task", "why", &task.to_string()]).await["decision"].clone();
    assert_eq!((&decision["prefer"], &decision["avoid"]), (&json!(["zone = a"]), &json!(["spot = true"])));
}

#[tokio::test]
async fn logs_of_what_there_is_not_are_refused_and_of_what_wrote_nothing_are_empty() {
    let sms = Sms::alone().await;
    sms.deploy("hello").await;
    let task = submit(&sms, ["hello"]).await[0].to_string();
    for args in [&["logs", "hello"][..], &["logs", &task], &["task", "logs", &task]] {
        assert!(sms.spear(args).await.stderr.contains("nothing was written"), "{args:?}");
    }
    for (args, code) in [
        (["logs", "helo"].as_slice(), "UnknownFunction"),
        (&["task", "logs", "xyz"], "InvalidRequest"),
        (&["task", "logs", "hello"], "InvalidRequest"),
        (&["task", "logs", "01890000-0000-7000-8000-000000000000"], "UnknownTask"),
    ] {
        let error = sms.spear(["-o", "json"].iter().chain(args)).await.error();
        assert_eq!(error["code"], code, "{args:?}: {error}");
    }
}

#[tokio::test]
async fn who_breaks_off_a_wait_is_told_that_the_task_goes_on() {
    let sms = Sms::alone().await;
    sms.deploy("hello").await;
    let mut wait = start(&sms, &["submit", "hello", "--wait"]);
    wait.stderr.line_with("submitted").await;
    wait.signal(Signal::INT);
    assert_eq!(wait.exited().await.code(), Some(130));
    assert!(wait.stderr.text().contains("goes on"), "{}", wait.stderr.text());
}

#[tokio::test]
async fn a_number_below_nothing_is_told_what_it_has_to_be() {
    let home = crate::harness::Home::new().await;
    for (args, why) in [
        (&["submit", "f", "--priority", "-1"][..], "-1 is not in 0..=100"),
        (&["submit", "f", "--count", "-3"], "at least 1"),
        (&["submit", "f", "--count", "0"], "at least 1"),
        (&["submit", "f", "--delay", "-5s"], "500ms, 10s"),
        (&["submit", "f", "--max-attempts", "-1"], "-1 is not in 1..=100"),
        (&["node", "drain", "n", "--within", "-1s"], "500ms, 10s"),
        (&["logs", "f", "-n", "-1"], "-1 is not in 0..="),
        (&["task", "ls", "--limit", "-1"], "-1 is not in 1..="),
    ] {
        let ran = home.run(args).await;
        assert!(ran.code == 2 && ran.stderr.contains(why), "{args:?}: {ran:?}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_what_to_do() {
    let sms = Sms::alone().await;
    sms.deploy("hello").await;
    for args in [
        &["submit"][..],
        &["submit", "hello", "--priority", "101"],
        &["submit", "hello", "--max-attempts", "0"],
        &["submit", "hello", "--retry-on", "succeeded"],
        &["submit", "hello", "--count", "0"],
        &["submit", "hello", "--delay", "soon"],
        &["submit", "hello", "--count", "2", "--wait"],
        &["submit", "hello", "--batch", "f", "-d", "x"],
        &["submit", "hello", "--cron", "@daily", "--key", "k"],
        &["submit", "hello", "--logs"],
        &["task", "cancel"],
    ] {
        assert_eq!(sms.spear(args).await.code, 2, "{args:?}");
    }
    let long = "k".repeat(257);
    for (args, code) in [
        (&["submit", "helo"][..], "UnknownFunction"),
        (&["submit", "hello", "--version", "7"], "UnknownVersion"),
        (&["submit", "hello", "--key", &long], "InvalidName"),
        (&["submit", "hello", "--cron", "nonsense"], "InvalidRequest"),
        (&["submit", "hello", "--backoff", "2m", "--max-backoff", "1m"], "InvalidRequest"),
        (&["task", "get", "no-id"], "InvalidRequest"),
        (&["task", "get", "01890000-0000-7000-8000-000000000000"], "UnknownTask"),
        (&["logs", "-f", "hello"], "InvalidRequest"),
    ] {
        let error = sms.spear(["-o", "json"].iter().chain(args)).await.error();
        assert_eq!(error["code"], code, "{args:?}: {error}");
    }
    assert_eq!(sms.json(["task", "ls"]).await, json!([]), "nothing was submitted");
}
