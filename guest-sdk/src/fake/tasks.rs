//! `spear:hostcalls/tasks`: stand-ins for other functions.

mod submitted;

use std::{collections::BTreeMap, rc::Rc};

use spear_types::{FunctionName, InvalidName, MAX_MEDIA_TYPE, Payload};

pub(crate) use self::submitted::{Task, run_all, status, submit};
use super::{Shared, World, current};
pub(crate) use crate::bindings::spear::hostcalls::tasks::{Call, Error, Failure, Options, Reply, TaskStatus};
use crate::tasks;

/// What stands for a function.
type Function = Rc<dyn Fn(crate::Call) -> Result<crate::Reply, tasks::Error>>;

/// The functions that a test has.
pub(crate) struct Functions {
    functions: BTreeMap<FunctionName, Function>,
    /// Those that run, outermost first; the first is the one that is tested.
    running: Vec<FunctionName>,
    /// How many were invoked or submitted.
    calls: u32,
    /// What was submitted, in order.
    pub(crate) tasks: Vec<Task>,
    /// Whether tasks wait until their test runs them.
    pub(crate) later: bool,
    /// Whether one of them runs now.
    runs_task: bool,
}

impl Functions {
    pub(crate) fn of(tested: FunctionName) -> Self {
        Self {
            functions: BTreeMap::new(),
            running: vec![tested],
            calls: 0,
            tasks: Vec::new(),
            later: false,
            runs_task: false,
        }
    }

    pub(crate) fn insert(&mut self, name: FunctionName, function: Function) {
        self.functions.insert(name, function);
    }

    fn find(&self, name: &FunctionName) -> Result<Function, Error> {
        let unknown = || format!("no function is named {name}: the test's `Host::function` gives it a stand-in");
        self.functions.get(name).cloned().ok_or_else(|| Error::UnknownFunction(unknown()))
    }
}

pub(crate) fn invoke(function: &str, call: &Call) -> Result<Reply, Error> {
    let shared = current();
    let function = enter(&mut shared.borrow_mut(), function, call)?;
    let _ending = Ending(&shared);
    run(&shared, &function, call)
}

/// What is invoked runs within those that wait for it, and is none of them.
fn enter(world: &mut World, function: &str, call: &Call) -> Result<Function, Error> {
    let name = admit(world, function, call, || Ok(()))?;
    let running = &world.functions.running;
    if running.contains(&name) {
        let way: Vec<_> = running.iter().chain([&name]).map(FunctionName::as_str).collect();
        return Err(Error::Cycle(format!("{name} waits for this call already: {}", way.join(" → "))));
    }
    let function = world.functions.find(&name)?;
    world.functions.running.push(name);
    Ok(function)
}

/// The world is free meanwhile: the stand-in may use capabilities too.
fn run(shared: &Shared, function: &Function, call: &Call) -> Result<Reply, Error> {
    let Call { content_type, headers, body } = call.clone();
    let crate::Reply { content_type, headers, body } = function(crate::Call { content_type, headers, body })?;
    within(&shared.borrow(), "reply", content_type.as_deref(), &headers, &body)?;
    Ok(Reply { content_type, headers, body })
}

/// Takes the function off the running ones, also where its stand-in panics.
struct Ending<'a>(&'a Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().functions.running.pop();
    }
}

/// What has to be true of both, in the host's order; `options` is held against its ranges in between.
fn admit(
    world: &mut World,
    function: &str,
    call: &Call,
    options: impl FnOnce() -> Result<(), Error>,
) -> Result<FunctionName, Error> {
    world.hostcalls += 1;
    let name: FunctionName = function.parse().map_err(|name: InvalidName| Error::Invalid(name.to_string()))?;
    world.check(|grants| grants.task(&name)).map_err(Error::Denied)?;
    within(world, "call", call.content_type.as_deref(), &call.headers, &call.body)?;
    options()?;
    let limit = world.limits.calls;
    let calls = &mut world.functions.calls;
    if *calls >= limit {
        let message = format!("{calls} function(s) were invoked or submitted, the limit `calls` is {limit}");
        return Err(Error::OverLimit(message));
    }
    *calls += 1;
    Ok(name)
}

fn within(
    world: &World,
    what: &str,
    content_type: Option<&str>,
    headers: &[(String, String)],
    body: &[u8],
) -> Result<(), Error> {
    let (media_type, limit) = (content_type.map_or(0, str::len), world.limits.payload);
    let size = headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() + body.len() + media_type;
    for (count, unit, max) in [
        (size as u64, "bytes, the limit `payload`", limit),
        (headers.len() as u64, "headers, the limit", Payload::MAX_HEADERS as u64),
        (media_type as u64, "bytes of media type, the limit", MAX_MEDIA_TYPE as u64),
    ] {
        if count > max {
            return Err(Error::OverLimit(format!("the {what} has {count} {unit} is {max}")));
        }
    }
    Ok(())
}

impl From<tasks::Error> for Error {
    fn from(error: tasks::Error) -> Self {
        match error {
            tasks::Error::Denied(text) => Self::Denied(text),
            tasks::Error::Invalid(text) => Self::Invalid(text),
            tasks::Error::UnknownFunction(text) => Self::UnknownFunction(text),
            tasks::Error::UnknownTask(text) => Self::UnknownTask(text),
            tasks::Error::KeyTaken(text) => Self::KeyTaken(text),
            tasks::Error::Cycle(text) => Self::Cycle(text),
            tasks::Error::TooDeep(text) => Self::TooDeep(text),
            tasks::Error::OverLimit(text) => Self::OverLimit(text),
            tasks::Error::Failed(crate::Failure { code, message, retryable }) => {
                Self::Failed(Failure { code, message, retryable })
            }
            tasks::Error::Ended(text) | tasks::Error::BadReply(text) => Self::Ended(text),
            tasks::Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}
