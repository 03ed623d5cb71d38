//! Calls, replies and ends as the guest has them.

use spear_types::{Code, Failure, Outcome, Payload, Refusal};

use super::wit;

impl From<wit::Call> for Payload {
    fn from(call: wit::Call) -> Self {
        let wit::Call { content_type, headers, body } = call;
        Self { content_type, headers, body: body.into() }
    }
}

impl From<Payload> for wit::Reply {
    fn from(reply: Payload) -> Self {
        let Payload { content_type, headers, body } = reply;
        Self { content_type, headers, body: body.into() }
    }
}

impl From<Failure> for wit::Failure {
    fn from(failure: Failure) -> Self {
        let Failure { code, message, retryable, exit: _ } = failure;
        Self { code, message, retryable }
    }
}

/// How the invoked function ended.
pub(super) fn ended(outcome: Outcome) -> Result<Payload, wit::Error> {
    match outcome {
        Outcome::Succeeded(reply) => Ok(reply),
        Outcome::Failed(failure) => Err(wit::Error::Failed(failure.into())),
        other => Err(wit::Error::Ended(other.to_string())),
    }
}

impl From<Refusal> for wit::Error {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.message;
        match refusal.code {
            Code::InvalidName | Code::InvalidRequest => Self::Invalid(text),
            Code::UnknownFunction => Self::UnknownFunction(text),
            Code::CallCycle => Self::Cycle(text),
            Code::CallTooDeep => Self::TooDeep(text),
            Code::TooLarge | Code::LimitTooHigh => Self::OverLimit(text),
            // What else keeps a function from running is not the doing of the one that invokes it.
            code => Self::Unavailable(format!("{code}: {text}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use spear_types::{Denial, Trap};

    use super::*;

    #[test]
    fn an_end_that_is_no_answer_starts_with_its_name() {
        let trap = Trap { message: "boom".to_owned(), frames: Vec::new() };
        for (outcome, text) in [
            (Outcome::Trapped(trap), "trapped: boom"),
            (Outcome::TimedOut { limit: Duration::from_secs(1) }, "timed-out: "),
            (Outcome::OutOfFuel { limit: 1 }, "out-of-fuel: "),
            (Outcome::OutOfMemory { limit: 1, asked: 2 }, "out-of-memory: "),
            (Outcome::Denied(Denial::new("it", "a line".to_owned())), "denied: it is not granted"),
        ] {
            let Err(wit::Error::Ended(ended)) = ended(outcome) else { panic!("{text}") };
            assert!(ended.starts_with(text), "{ended}");
        }
    }

    #[test]
    fn what_kept_a_function_from_running_is_named() {
        for code in [Code::QueueFull, Code::NoNodeFits, Code::NodeLost, Code::Unreachable, Code::InvalidComponent] {
            let wit::Error::Unavailable(text) = Refusal::new(code, "why").into() else { panic!("{code}") };
            assert_eq!(text, format!("{code}: why"));
        }
    }
}
