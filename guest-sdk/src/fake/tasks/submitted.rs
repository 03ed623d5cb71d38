//! Tasks that wait for their test, or ran at once.

use std::{mem, rc::Rc, time::Duration};

use spear_types::{FunctionName, IdempotencyKey, MAX_WAIT, Priority, RetryPolicy, TaskId};

use super::{Call, Error, Function, Options, Reply, Shared, TaskStatus, World, admit, current, run};
use crate::tasks;

/// One task.
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) name: FunctionName,
    pub(crate) call: Call,
    pub(crate) options: Options,
    function: Function,
    runs: bool,
    /// How it ended.
    end: Option<Result<Reply, Error>>,
}

pub(crate) fn submit(function: &str, call: &Call, options: &Options) -> Result<String, Error> {
    let shared = current();
    let (id, at_once) = remember(&shared, function, call, options)?;
    if at_once {
        run_all(&shared);
    }
    Ok(id)
}

pub(crate) fn status(task: &str) -> Result<TaskStatus, Error> {
    let shared = current();
    let world = &mut *shared.borrow_mut();
    world.hostcalls += 1;
    if let Err(refusal) = task.parse::<TaskId>() {
        return Err(Error::Invalid(refusal.message));
    }
    // One of a function that is not granted is as unknown as one that is not there, and no denial is noted.
    let granted = |known: &&Task| world.granted.check(|grants| grants.task(&known.name)).is_ok();
    let found = world.functions.tasks.iter().find(|known| known.id == task).filter(granted);
    let unknown = || Error::UnknownTask(format!("no task of a granted function is {task}"));
    let task = found.ok_or_else(unknown)?;
    Ok(match &task.end {
        None if task.runs => TaskStatus::Running,
        None => TaskStatus::Queued,
        Some(Ok(reply)) => TaskStatus::Succeeded(reply.clone()),
        Some(Err(Error::Failed(failure))) => TaskStatus::Failed(failure.clone()),
        Some(Err(error)) => TaskStatus::Ended(tasks::Error::from(error.clone()).to_string()),
    })
}

/// Runs what waits, in order, and what is submitted meanwhile. A delay is not waited for.
pub(crate) fn run_all(shared: &Shared) {
    loop {
        let next = |world: &World| world.functions.tasks.iter().position(|task| task.end.is_none());
        let Some(index) = next(&shared.borrow()) else { return };
        shared.borrow_mut().functions.tasks[index].runs = true;
        let end = attempts(shared, index);
        shared.borrow_mut().functions.tasks[index].end = Some(end);
    }
}

/// The task's id, and whether it is one that has to be run now.
fn remember(shared: &Shared, function: &str, call: &Call, options: &Options) -> Result<(String, bool), Error> {
    let mut world = shared.borrow_mut();
    let name = admit(&mut world, function, call, || check(options))?;
    let functions = &mut world.functions;
    let function = functions.find(&name)?;
    let same = |task: &&Task| options.key.is_some() && task.name == name && task.options.key == options.key;
    if let Some(earlier) = functions.tasks.iter().find(same) {
        let same_call = (&earlier.call.content_type, &earlier.call.headers, &earlier.call.body)
            == (&call.content_type, &call.headers, &call.body);
        let taken = || Error::KeyTaken(format!("the key belongs to the task {} with another call", earlier.id));
        return if same_call { Ok((earlier.id.clone(), false)) } else { Err(taken()) };
    }
    let id = format!("00000000-0000-7000-8000-{:012x}", functions.tasks.len() + 2);
    let task =
        Task { id: id.clone(), name, call: call.clone(), options: options.clone(), function, runs: false, end: None };
    functions.tasks.push(task);
    // A task that submits another one is not interrupted by it.
    Ok((id, !functions.later && !functions.runs_task))
}

/// The numbers and the key, as SPEAR checks them.
fn check(options: &Options) -> Result<(), Error> {
    let Options { key, priority, delay_ms, deadline_ms, max_attempts } = options;
    let invalid = |message: String| Error::Invalid(message);
    if let Some(key) = key {
        key.parse::<IdempotencyKey>().map_err(|error| invalid(error.to_string()))?;
    }
    if let Some(priority) = priority {
        Priority::try_from(*priority).map_err(|refusal| invalid(refusal.message))?;
    }
    for (name, millis) in [("delay", delay_ms), ("deadline", deadline_ms)] {
        if let Some(millis) = millis.filter(|millis| Duration::from_millis(*millis) > MAX_WAIT) {
            return Err(invalid(format!("{name} = {millis} ms is over a hundred years")));
        }
    }
    policy(*max_attempts).check().map_err(|refusal| invalid(refusal.message))
}

fn policy(max_attempts: Option<u32>) -> RetryPolicy {
    let default = RetryPolicy::default();
    RetryPolicy { max_attempts: max_attempts.unwrap_or(default.max_attempts), ..default }
}

/// Runs it until it does not fail, or until no attempt is left.
fn attempts(shared: &Shared, index: usize) -> Result<Reply, Error> {
    let (name, function, call, attempts) = {
        let task = &shared.borrow().functions.tasks[index];
        (
            task.name.clone(),
            Rc::clone(&task.function),
            task.call.clone(),
            policy(task.options.max_attempts).max_attempts,
        )
    };
    let _alone = Alone::new(shared, name);
    let retried = |end: &Result<Reply, Error>| matches!(end, Err(Error::Failed(failure)) if failure.retryable);
    let mut end = run(shared, &function, &call);
    for _ in 1..attempts {
        if !retried(&end) {
            break;
        }
        end = run(shared, &function, &call);
    }
    end
}

/// While a task runs: nobody waits for it, so what runs meanwhile is no caller of it.
struct Alone<'a> {
    shared: &'a Shared,
    callers: Vec<FunctionName>,
}

impl<'a> Alone<'a> {
    fn new(shared: &'a Shared, name: FunctionName) -> Self {
        let functions = &mut shared.borrow_mut().functions;
        functions.runs_task = true;
        Self { shared, callers: mem::replace(&mut functions.running, vec![name]) }
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        let functions = &mut self.shared.borrow_mut().functions;
        functions.runs_task = false;
        functions.running = mem::take(&mut self.callers);
    }
}
