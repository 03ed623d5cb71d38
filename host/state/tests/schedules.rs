//! Calls that are made again and again.

mod common;

use std::{sync::Arc, time::Duration};

use common::{Sms, call, light, node, seconds, success};
use spear_state::{Answer, Command, Config, ScheduleRecord};
use spear_types::{Code, FunctionVersion, RetryPolicy, ScheduleInfo, TaskId, TaskInfo};

const HOUR: Duration = Duration::from_secs(3_600);

fn record(sms: &Sms, name: &str, cron: &str) -> ScheduleRecord {
    ScheduleRecord {
        name: name.parse().unwrap(),
        function: "f".parse().unwrap(),
        cron: cron.to_owned(),
        call: call("f()"),
        priority: None,
        deadline: None,
        retry: RetryPolicy::default(),
        created: sms.now,
        fired: None,
        last: None,
    }
}

fn schedule(sms: &mut Sms, cron: &str) -> ScheduleInfo {
    let f = light("f", 0);
    sms.functions.push(Arc::clone(&f));
    let record = record(sms, "s", cron);
    let Answer::Schedule(info) = sms.does(Command::Schedule(record, f)) else { panic!() };
    info
}

fn queued(sms: &Sms) -> Vec<TaskInfo> {
    sms.state.tasks(None, 1_000, |_| true).tasks
}

fn ids(sms: &Sms) -> Vec<TaskId> {
    queued(sms).into_iter().map(|task| task.id).collect()
}

#[test]
fn a_schedule_submits_a_task_each_time_it_is_due() {
    let mut sms = Sms::default();
    let info = schedule(&mut sms, "0 * * * *");
    let (same, record) = sms.state.schedule_of(&info.name).unwrap();
    assert_eq!((same, record.call), (info.clone(), call("f()")));
    assert_eq!(info.next.unwrap().to_string(), "2026-01-01T01:00:00.000Z");
    sms.pass(HOUR);
    let first = queued(&sms);
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].schedule.as_ref().map(|name| name.as_str()), Some("s"));
    let info = sms.state.schedules().remove(0);
    assert_eq!((info.last, info.next.unwrap().to_string()), (Some(first[0].id), "2026-01-01T02:00:00.000Z".to_owned()));
    sms.pass(HOUR);
    let both = ids(&sms);
    assert!(both.len() == 2 && both[1] == first[0].id, "newest first");
}

#[test]
fn after_downtime_one_task_is_submitted_for_all_that_was_missed_and_none_twice() {
    let mut sms = Sms::default();
    schedule(&mut sms, "0 * * * *");
    sms.pass(HOUR);
    assert_eq!(queued(&sms).len(), 1);
    sms.now = sms.now.after(HOUR * 5 + seconds(30));
    sms.restart();
    sms.pass(seconds(1));
    let after = ids(&sms);
    assert_eq!(after.len(), 2);
    assert_eq!(sms.state.schedules()[0].next.unwrap().to_string(), "2026-01-01T07:00:00.000Z");
    sms.restart();
    sms.pass(seconds(1));
    assert_eq!(ids(&sms), after);
}

#[test]
fn a_task_that_was_submitted_but_not_remembered_has_the_same_id_when_it_is_submitted_again() {
    let id = || {
        let mut sms = Sms::default();
        schedule(&mut sms, "0 * * * *");
        sms.pass(HOUR);
        ids(&sms)
    };
    assert_eq!(id(), id());
}

#[test]
fn a_clock_that_is_set_back_submits_for_no_time_twice() {
    let mut sms = Sms::default();
    schedule(&mut sms, "0 * * * *");
    sms.pass(HOUR + seconds(1));
    sms.now = spear_types::Timestamp::from_micros(sms.now.as_micros() - 60_000_000);
    sms.restart();
    sms.pass(seconds(120));
    assert_eq!(queued(&sms).len(), 1);
}

#[test]
fn a_schedule_that_finds_the_queue_full_skips_that_time() {
    let mut sms = Sms::new(Config { queue: 1, ..common::config() });
    schedule(&mut sms, "0 * * * *");
    sms.pass(HOUR * 2);
    let first = ids(&sms);
    assert_eq!((first.len(), sms.state.schedules()[0].last), (1, Some(first[0])));
    let n1 = sms.join(node("n1", 1));
    sms.reports(n1, first[0], 1, success());
    sms.restart();
    sms.pass(seconds(60));
    assert_eq!(queued(&sms).len(), 0);
}

#[test]
fn a_schedule_runs_the_newest_version_and_ends_with_its_function() {
    let mut sms = Sms::default();
    schedule(&mut sms, "0 * * * *");
    let newer = Arc::new(FunctionVersion { version: 2, ..(*light("f", 0)).clone() });
    sms.functions.push(Arc::clone(&newer));
    sms.does(Command::FunctionDeployed(newer));
    sms.pass(HOUR);
    assert_eq!(queued(&sms)[0].version, 2);
    sms.restart();
    sms.pass(HOUR);
    assert_eq!(queued(&sms)[0].version, 2);
    sms.does(Command::FunctionRemoved("f".parse().unwrap()));
    assert!(sms.state.schedules().is_empty());
    sms.restart();
    assert!(sms.state.schedules().is_empty());
}

#[test]
fn a_name_is_taken_once_and_free_again_when_its_schedule_is_removed() {
    let mut sms = Sms::default();
    schedule(&mut sms, "0 * * * *");
    let again = record(&sms, "s", "@daily");
    assert_eq!(sms.refuses(Command::Schedule(again.clone(), light("f", 0))).code, Code::NameTaken);
    sms.does(Command::Unschedule("s".parse().unwrap()));
    assert_eq!(sms.refuses(Command::Unschedule("s".parse().unwrap())).code, Code::UnknownSchedule);
    sms.does(Command::Schedule(again, light("f", 0)));
    sms.pass(HOUR);
    assert!(queued(&sms).is_empty());
}

#[test]
fn nonsense_and_times_that_never_come_are_refused_with_why() {
    let mut sms = Sms::default();
    for (cron, why) in [("every day", "is no schedule: "), ("0 0 30 2 *", "the time never comes"), ("61 * * * *", "61")]
    {
        let record = record(&sms, "s", cron);
        let refusal = sms.refuses(Command::Schedule(record, light("f", 0)));
        assert!(refusal.code == Code::InvalidRequest && refusal.message.contains(why), "{refusal}");
    }
}
