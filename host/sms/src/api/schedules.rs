//! The schedules of `TaskService`.

use spear_proto::v1;
use spear_state::{Answer, Command, ScheduleRecord, State};
use spear_types::{Call, Code, FunctionName, Refusal, ScheduleInfo, ScheduleName, TaskId, TaskOptions, Timestamp};
use spear_wire::{Decode as _, Encode as _, MAX_CRON, capped, required};

use super::tasks::{Tasks, View};

pub(super) async fn create(api: &Tasks, request: v1::CreateScheduleRequest) -> Result<ScheduleInfo, Refusal> {
    let v1::CreateScheduleRequest { name, cron, task } = request;
    let v1::TaskSpec { function, version, call, options } = required(task, "task")?;
    let options = TaskOptions::decode(options.unwrap_or_default())?;
    check(version, &options)?;
    let TaskOptions { priority, deadline, retry, .. } = options;
    let held = api.functions.hold().await;
    let function = api.functions.find(&function.try_into()?, None).await?.function;
    let call = Call::decode(required(call, "call")?)?;
    call.within(&function.limits)?;
    let name = name.map_or_else(|| named_after(&function.name), |name| Ok(name.try_into()?))?;
    let record = ScheduleRecord {
        name,
        function: function.name.clone(),
        cron: capped(cron, "cron", MAX_CRON)?,
        call,
        priority,
        deadline,
        retry,
        created: Timestamp::now(),
        fired: None,
        last: None,
    };
    let (mut answers, durable) = api.view.scheduler.apply_all(vec![Command::Schedule(record, function)]);
    drop(held);
    durable.await?;
    match answers.pop() {
        Some(Ok(Answer::Schedule(schedule))) => Ok(schedule),
        Some(Err(refusal)) => Err(refusal),
        Some(Ok(_)) | None => Err(Refusal::new(Code::Internal, "a schedule was answered with something else")),
    }
}

pub(super) async fn list(view: &View) -> Result<Vec<ScheduleInfo>, Refusal> {
    view.scheduler.look(State::schedules).await
}

pub(super) async fn get(view: &View, request: v1::GetScheduleRequest) -> Result<v1::GetScheduleResponse, Refusal> {
    let name: ScheduleName = request.name.try_into()?;
    let (schedule, record) = view.scheduler.look(|state| state.schedule_of(&name)).await??;
    let options = record.options();
    let task = v1::TaskSpec {
        function: record.function.into(),
        version: None,
        call: Some(record.call.encode()),
        options: Some(options.encode()),
    };
    Ok(v1::GetScheduleResponse { schedule: Some(schedule.encode()), task: Some(task) })
}

pub(super) async fn delete(view: &View, request: v1::DeleteScheduleRequest) -> Result<(), Refusal> {
    let name: ScheduleName = request.name.try_into()?;
    view.scheduler.apply(Command::Unschedule(name)).await.map(drop)
}

/// What makes no sense again and again is refused, and not left out.
fn check(version: Option<u32>, options: &TaskOptions) -> Result<(), Refusal> {
    let given = [
        ("version", version.is_some(), "it runs the newest version each time"),
        ("delay", !options.delay.is_zero(), "its cron expression says when"),
        ("key", options.key.is_some(), "each of its tasks is another one"),
        ("trace_parent", options.trace_parent.is_some(), "each of its tasks begins a trace of its own"),
    ];
    match given.iter().find(|(_, given, _)| *given) {
        Some((name, _, why)) => {
            Err(Refusal::new(Code::InvalidRequest, format!("a schedule's task has no {name}: {why}")))
        }
        None => Ok(()),
    }
}

/// The function's name, as much of it as fits, and what makes it another one.
fn named_after(function: &FunctionName) -> Result<ScheduleName, Refusal> {
    const MAX: usize = 63;
    let bytes = TaskId::generate().to_bytes();
    // The last bytes of an id are random.
    let suffix: String = bytes[12..].iter().map(|byte| format!("{byte:02x}")).collect();
    let room = MAX - suffix.len() - 1;
    let stem: String = function.as_str().chars().take(room).collect();
    Ok(format!("{stem}-{suffix}").try_into()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_name_is_one_whatever_the_function_is_called() {
        for function in ["f", &"a".repeat(63), &format!("{}-b", "a".repeat(53))] {
            let function: FunctionName = function.parse().unwrap();
            let (one, other) = (named_after(&function).unwrap(), named_after(&function).unwrap());
            assert!(one != other && one.as_str().starts_with(&function.as_str()[..1]), "{one} {other}");
        }
    }

    #[test]
    fn what_a_schedule_cannot_have_is_named() {
        assert!(check(None, &TaskOptions::default()).is_ok());
        let keyed = TaskOptions { key: Some("k".to_owned().try_into().unwrap()), ..TaskOptions::default() };
        assert!(check(None, &keyed).unwrap_err().message.contains("key"));
        assert!(check(Some(1), &TaskOptions::default()).unwrap_err().message.contains("version"));
    }
}
