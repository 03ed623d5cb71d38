//! Calls that are made again and again.

use std::{collections::BTreeSet, time::Duration};

use spear_proto::v1;
use spear_types::{Code, TaskInfo};
use tonic::Code as Grpc;

use crate::harness::{Answer, NewTask, Refused as _, Sms, eventually};

const EVERY_SECOND: &str = "* * * * * *";

async fn create(sms: &Sms, name: &str, cron: &str, task: NewTask) -> Answer<v1::Schedule> {
    let (name, cron) = (Some(name.to_owned()), cron.to_owned());
    let request = v1::CreateScheduleRequest { name, cron, task: Some(task.0) };
    Ok(sms.api.tasks().create_schedule(request).await?.into_inner().schedule.unwrap())
}

async fn schedules(sms: &Sms) -> Vec<v1::Schedule> {
    let response = sms.api.tasks().list_schedules(v1::ListSchedulesRequest {}).await.unwrap();
    response.into_inner().schedules
}

async fn delete(sms: &Sms, name: &str) -> Answer<()> {
    sms.api.tasks().delete_schedule(v1::DeleteScheduleRequest { name: name.to_owned() }).await.map(drop)
}

/// Waits until it made so many tasks.
async fn made(sms: &Sms, tasks: usize) -> Vec<TaskInfo> {
    let many = async || {
        let all = sms.api.list(Some("echo"), &[]).await.unwrap();
        (all.len() >= tasks).then_some(all)
    };
    eventually("tasks of a schedule", many).await
}

/// The second that each was submitted for: a task comes when its time has come.
fn seconds(tasks: &[TaskInfo]) -> Vec<u64> {
    tasks.iter().map(|task| task.submitted.as_micros() / 1_000_000).collect()
}

#[tokio::test]
async fn one_of_every_second_submits_once_a_second_and_stops_when_it_is_deleted() {
    let sms = Sms::with_node().await;
    sms.deploy("echo").await;
    let created = create(&sms, "tick", EVERY_SECOND, NewTask::of("echo", "tock")).await.unwrap();
    assert_eq!((created.name.as_str(), created.cron.as_str(), &created.last), ("tick", EVERY_SECOND, &None));
    assert!(created.next.is_some());
    let tasks = made(&sms, 3).await;
    let seconds = seconds(&tasks);
    assert_eq!(seconds.iter().collect::<BTreeSet<_>>().len(), tasks.len(), "{seconds:?}");
    for task in &tasks {
        assert_eq!(task.schedule.as_ref().map(|name| name.as_str()), Some("tick"));
        assert_eq!(sms.api.ended(task.id).await.text(), "tock");
    }
    let listed = schedules(&sms).await;
    assert!(listed.len() == 1 && listed[0].last.is_some(), "{listed:?}");

    delete(&sms, "tick").await.unwrap();
    let last = sms.api.list(Some("echo"), &[]).await.unwrap().len();
    // A task that is delayed by more than a second comes after all that there would have been.
    let later = sms.api.submit(NewTask::of("echo", "").delay(Duration::from_millis(2_100))).await.unwrap();
    sms.api.ended(later).await;
    assert_eq!(sms.api.list(Some("echo"), &[]).await.unwrap().len(), last + 1);
    assert_eq!(schedules(&sms).await, []);
    delete(&sms, "tick").await.refused(Code::UnknownSchedule, Grpc::NotFound);
}

#[tokio::test]
async fn it_goes_on_after_a_restart_and_no_time_of_its_is_taken_twice() {
    let mut sms = Sms::with_node().await;
    sms.deploy("echo").await;
    create(&sms, "tick", EVERY_SECOND, NewTask::of("echo", "")).await.unwrap();
    for round in 1..=3 {
        made(&sms, round).await;
        sms.kill_and_start_again("up").await;
        assert_eq!(schedules(&sms).await.len(), 1);
    }
    let tasks = made(&sms, 5).await;
    let seconds = seconds(&tasks);
    assert_eq!(seconds.iter().collect::<BTreeSet<_>>().len(), tasks.len(), "{seconds:?}");
}

#[tokio::test]
async fn a_schedule_runs_the_newest_version() {
    let sms = Sms::with_node().await;
    sms.api.deploy(&crate::harness::Function::guest("counter").named("echo")).await.unwrap();
    create(&sms, "tick", EVERY_SECOND, NewTask::of("echo", "tock")).await.unwrap();
    let first = made(&sms, 1).await.pop().unwrap();
    assert_eq!(sms.api.ended(first.id).await.text(), "1");
    sms.deploy("echo").await;
    let newest = async || {
        let tasks = sms.api.list(Some("echo"), &[]).await.unwrap();
        tasks.into_iter().find(|task| task.version == 2)
    };
    let second = eventually("a task of the second version", newest).await;
    assert_eq!(sms.api.ended(second.id).await.text(), "tock");
}

#[tokio::test]
async fn it_goes_with_its_function() {
    let sms = Sms::alone().await;
    sms.deploy("echo").await;
    create(&sms, "yearly", "@yearly", NewTask::of("echo", "")).await.unwrap();
    sms.api.functions().delete_function(v1::DeleteFunctionRequest { name: "echo".to_owned() }).await.unwrap();
    assert_eq!(schedules(&sms).await, []);
}

#[tokio::test]
async fn what_is_no_schedule_is_refused() {
    let sms = Sms::alone().await;
    sms.deploy("echo").await;
    let echo = || NewTask::of("echo", "");
    for nonsense in [
        "",
        "never",
        "@never",
        "* * * *",
        "* * * * * * * *",
        "61 * * * *",
        "*/0 * * * *",
        "0 0 31 2 *",
        "1-1000000000 * * * *",
        "💥 * * * *",
        &"* ".repeat(500_000),
    ] {
        let refusal = create(&sms, "s", nonsense, echo()).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
        assert!(refusal.message.len() < 1_000, "{refusal}");
    }
    let second = Duration::from_secs(1);
    for unsound in [echo().delay(second), echo().key("k"), echo().priority(101)] {
        create(&sms, "s", "@daily", unsound).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
    }
    create(&sms, "No Name", "@daily", echo()).await.refused(Code::InvalidName, Grpc::InvalidArgument);
    create(&sms, "s", "@daily", NewTask::of("nobody", "")).await.refused(Code::UnknownFunction, Grpc::NotFound);
    assert_eq!(schedules(&sms).await, []);
    create(&sms, "s", "@daily", echo()).await.unwrap();
    create(&sms, "s", "@hourly", echo()).await.refused(Code::NameTaken, Grpc::AlreadyExists);
    assert_eq!(schedules(&sms).await[0].cron, "@daily");
}
