//! `spear:hostcalls/tasks`: stand-ins for other functions.

use std::{collections::BTreeMap, rc::Rc};

use spear_types::{FunctionName, InvalidName, MAX_MEDIA_TYPE, Payload};

use super::{Shared, World, current};
pub(crate) use crate::bindings::spear::hostcalls::tasks::{Call, Error, Failure, Reply};
use crate::tasks;

/// What stands for a function.
type Function = Rc<dyn Fn(crate::Call) -> Result<crate::Reply, tasks::Error>>;

/// The functions that a test has.
pub(crate) struct Functions {
    functions: BTreeMap<FunctionName, Function>,
    /// Those that run, outermost first; the first is the one that is tested.
    running: Vec<FunctionName>,
    invoked: u32,
}

impl Functions {
    pub(crate) fn of(tested: FunctionName) -> Self {
        Self { functions: BTreeMap::new(), running: vec![tested], invoked: 0 }
    }

    pub(crate) fn insert(&mut self, name: FunctionName, function: Function) {
        self.functions.insert(name, function);
    }
}

pub(crate) fn invoke(function: &str, call: &Call) -> Result<Reply, Error> {
    let shared = current();
    let (name, run) = admit(&mut shared.borrow_mut(), function, call)?;
    shared.borrow_mut().functions.running.push(name);
    let ending = Ending(&shared);
    let Call { content_type, headers, body } = call.clone();
    // The world is free meanwhile: the stand-in may use capabilities too.
    let reply = run(crate::Call { content_type, headers, body });
    drop(ending);
    let crate::Reply { content_type, headers, body } = reply?;
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

fn admit(world: &mut World, function: &str, call: &Call) -> Result<(FunctionName, Function), Error> {
    world.hostcalls += 1;
    let name: FunctionName = function.parse().map_err(|name: InvalidName| Error::Invalid(name.to_string()))?;
    world.check(|grants| grants.task(&name)).map_err(Error::Denied)?;
    within(world, "call", call.content_type.as_deref(), &call.headers, &call.body)?;
    let limit = world.limits.calls;
    let Functions { functions, running, invoked } = &mut world.functions;
    if *invoked >= limit {
        return Err(Error::OverLimit(format!("{invoked} function(s) were invoked, the limit `calls` is {limit}")));
    }
    *invoked += 1;
    if running.contains(&name) {
        let way: Vec<_> = running.iter().chain([&name]).map(FunctionName::as_str).collect();
        return Err(Error::Cycle(format!("{name} waits for this call already: {}", way.join(" → "))));
    }
    let unknown = || format!("no function is named {name}: the test's `Host::function` gives it a stand-in");
    let function = functions.get(&name).cloned().ok_or_else(|| Error::UnknownFunction(unknown()))?;
    Ok((name, function))
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
