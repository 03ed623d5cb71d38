//! What the guest calls: check, convert, hand over, convert back.

use std::time::Instant;

use spear_types::{FunctionName, MAX_MEDIA_TYPE, Payload, Refusal};

use super::{Calls, Invocation, View, convert::ended, wit};

impl wit::Host for View<'_> {
    async fn invoke(&mut self, function: String, call: wit::Call) -> wasmtime::Result<Result<wit::Reply, wit::Error>> {
        Ok(self.run(function, call.into()).await)
    }
}

impl View<'_> {
    async fn run(&mut self, function: String, call: Payload) -> Result<wit::Reply, wit::Error> {
        self.meter.hostcall(function.len() + usize::try_from(call.size()).unwrap_or(usize::MAX));
        let function = FunctionName::try_from(function).map_err(Refusal::from)?;
        self.gate.check(|grants| grants.task(&function)).map_err(wit::Error::Denied)?;
        within("call", &call, self.state.payload)?;
        self.state.calls.take()?;
        let outcome = self.state.backend.invoke(self.invocation(function, call)).await?;
        let reply = ended(outcome)?;
        within("reply", &reply, self.state.payload)?;
        self.meter.answer(usize::try_from(reply.size()).unwrap_or(usize::MAX));
        Ok(reply.into())
    }

    fn invocation(&self, function: FunctionName, call: Payload) -> Invocation {
        Invocation {
            function,
            call,
            callers: self.state.callers.clone(),
            trace_parent: self.state.trace_parent.clone(),
            time: self.state.deadline.saturating_duration_since(Instant::now()),
        }
    }
}

impl Calls {
    fn take(&mut self) -> Result<(), wit::Error> {
        let Self { made, limit } = self;
        if made >= limit {
            let message = format!("{made} function(s) were invoked, the limit `calls` is {limit}");
            return Err(wit::Error::OverLimit(message));
        }
        *made += 1;
        Ok(())
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
        let mut calls = Calls { made: 0, limit: 2 };
        assert!(calls.take().is_ok() && calls.take().is_ok());
        let Err(wit::Error::OverLimit(text)) = calls.take() else { panic!("a third") };
        assert_eq!(text, "2 function(s) were invoked, the limit `calls` is 2");
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
