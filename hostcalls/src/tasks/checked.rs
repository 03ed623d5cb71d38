//! What is done with functions, whoever calls: count, check the grant, hold the limits, ask the cluster.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use spear_types::{FunctionName, MAX_MEDIA_TYPE, Outcome, Payload, Refusal, TaskOptions};

use super::{
    Calls, Invocation, NewTask, View,
    convert::{Status, ended, status},
    wit,
};

impl View<'_> {
    /// Invokes a function and waits for its answer.
    pub(super) async fn run(&self, function: String, call: Payload) -> Result<Payload, wit::Error> {
        self.meter.hostcall(function.len() + usize::try_from(call.size()).unwrap_or(usize::MAX));
        let function = self.granted(function)?;
        within("call", &call, self.state.payload)?;
        self.state.calls.take()?;
        let outcome = self.state.backend.invoke(self.invocation(function, call)).await?;
        let reply = ended(outcome)?;
        within("reply", &reply, self.state.payload)?;
        self.meter.answer(usize::try_from(reply.size()).unwrap_or(usize::MAX));
        Ok(reply)
    }

    /// Submits a function; the task's id. Malformed options are told once the function is granted.
    pub(super) async fn remember(
        &self,
        function: String,
        call: Payload,
        options: Result<TaskOptions, Refusal>,
    ) -> Result<String, wit::Error> {
        let key = options.as_ref().ok().and_then(|options| options.key.as_ref()).map_or(0, |key| key.as_str().len());
        self.meter.hostcall(function.len() + key + usize::try_from(call.size()).unwrap_or(usize::MAX));
        let function = self.granted(function)?;
        within("call", &call, self.state.payload)?;
        let trace_parent = self.state.trace_parent.clone();
        let options = TaskOptions { trace_parent, ..options? };
        self.state.calls.take()?;
        let task = NewTask { function, call, options, time: self.time() };
        let id = self.state.backend.submit(task).await?.to_string();
        self.meter.answer(id.len());
        Ok(id)
    }

    /// Where a task is.
    pub(super) async fn look(&self, task: &str) -> Result<Status, wit::Error> {
        self.meter.hostcall(task.len());
        let (info, outcome) = self.state.backend.status(task.parse()?, self.time()).await?;
        // Whoever may not submit to a function has no business with its tasks: nor is told which there are, not by a line
        // in the log either.
        if self.gate.granted().check(|grants| grants.task(&info.function)).is_err() {
            return Err(wit::Error::UnknownTask(format!("no task of a granted function is {task}")));
        }
        if let Some(Outcome::Succeeded(reply)) = &outcome {
            within("reply", reply, self.state.payload)?;
            self.meter.answer(usize::try_from(reply.size()).unwrap_or(usize::MAX));
        }
        status(&info, outcome)
    }

    fn granted(&self, function: String) -> Result<FunctionName, wit::Error> {
        let function = FunctionName::try_from(function).map_err(Refusal::from)?;
        self.gate.check(|grants| grants.task(&function)).map_err(wit::Error::Denied)?;
        Ok(function)
    }

    fn time(&self) -> Duration {
        self.state.deadline.saturating_duration_since(Instant::now())
    }

    fn invocation(&self, function: FunctionName, call: Payload) -> Invocation {
        Invocation {
            function,
            call,
            callers: self.state.callers.clone(),
            trace_parent: self.state.trace_parent.clone(),
            time: self.time(),
        }
    }
}

impl Calls {
    pub(super) fn new(limit: u32) -> Self {
        Self { made: AtomicU32::new(0), limit }
    }

    /// Takes one of what is left.
    fn take(&self) -> Result<(), wit::Error> {
        let Self { made, limit } = self;
        let more = |made| (made < *limit).then_some(made + 1);
        made.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).map(|_| ()).map_err(|made| {
            let message = format!("{made} function(s) were invoked or submitted, the limit `calls` is {limit}");
            wit::Error::OverLimit(message)
        })
    }
}

/// Holds what goes out and what comes back against the run's own limit: it has to fit into its memory as well.
fn within(what: &str, payload: &Payload, limit: u64) -> Result<(), wit::Error> {
    let media_type = payload.content_type.as_ref().map_or(0, String::len) as u64;
    for (count, unit, max) in [
        (payload.size(), "bytes, the limit `payload`", limit),
        (payload.headers.len() as u64, "headers, the limit", Payload::MAX_HEADERS as u64),
        (media_type, "bytes of media type, the limit", MAX_MEDIA_TYPE as u64),
    ] {
        if count > max {
            return Err(wit::Error::OverLimit(format!("the {what} has {count} {unit} is {max}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_call_is_the_limit() {
        let calls = Calls::new(2);
        assert!(calls.take().is_ok() && calls.take().is_ok());
        let Err(wit::Error::OverLimit(text)) = calls.take() else { panic!("a third") };
        assert_eq!(text, "2 function(s) were invoked or submitted, the limit `calls` is 2");
    }

    #[test]
    fn a_payload_is_held_against_every_limit_it_has() {
        let sound = Payload { body: vec![0; 10].into(), ..Payload::default() };
        assert!(within("call", &sound, 10).is_ok());
        for (payload, text) in [
            (Payload { body: vec![0; 11].into(), ..Payload::default() }, "the limit `payload` is 10"),
            (Payload { headers: vec![Default::default(); 1_001], ..sound }, "1001 headers, the limit is 1000"),
        ] {
            let Err(wit::Error::OverLimit(message)) = within("call", &payload, 10) else { panic!("{text}") };
            assert!(message.contains(text), "{message}");
        }
    }
}
