//! Calls, replies and ends as their caller has them.

use std::time::Duration;

use spear_types::{
    Code, Failure, IdempotencyKey, MAX_WAIT, Outcome, Payload, Priority, Refusal, RetryPolicy, TaskInfo, TaskOptions,
    TaskState,
};

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

/// Where a task is, with its reply as it came: a component has a copy of it.
pub(super) enum Status {
    /// It waits for a node.
    Queued,
    /// A node has it.
    Running,
    /// It succeeded.
    Succeeded(Payload),
    /// It failed.
    Failed(Failure),
    /// It was ended otherwise.
    Ended(String),
}

/// Where a task is, as its caller is told.
pub(super) fn status(task: &TaskInfo, outcome: Option<Outcome>) -> Result<Status, wit::Error> {
    let TaskState::Ended { .. } = task.state else {
        let waits = matches!(task.state, TaskState::Queued { .. });
        return Ok(if waits { Status::Queued } else { Status::Running });
    };
    Ok(match outcome.ok_or_else(|| wit::Error::Unavailable("the SMS did not say how the task ended".to_owned()))? {
        Outcome::Succeeded(reply) => Status::Succeeded(reply),
        Outcome::Failed(failure) => Status::Failed(failure),
        other => Status::Ended(other.to_string()),
    })
}

impl From<Status> for wit::TaskStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Queued => Self::Queued,
            Status::Running => Self::Running,
            Status::Succeeded(reply) => Self::Succeeded(reply.into()),
            Status::Failed(failure) => Self::Failed(failure.into()),
            Status::Ended(text) => Self::Ended(text),
        }
    }
}

impl TryFrom<wit::Options> for TaskOptions {
    type Error = Refusal;

    fn try_from(options: wit::Options) -> Result<Self, Refusal> {
        let wit::Options { key, priority, delay_ms, deadline_ms, max_attempts } = options;
        let wait = |name: &str, millis: u64| {
            let wait = Duration::from_millis(millis);
            let too_long =
                || Refusal::new(Code::InvalidRequest, format!("{name} = {millis} ms is over a hundred years"));
            if wait > MAX_WAIT { Err(too_long()) } else { Ok(wait) }
        };
        let attempts = |max_attempts| RetryPolicy { max_attempts, ..RetryPolicy::default() };
        let retry = max_attempts.map(attempts).unwrap_or_default();
        retry.check()?;
        Ok(Self {
            priority: priority.map(Priority::try_from).transpose()?,
            delay: delay_ms.map(|millis| wait("delay", millis)).transpose()?.unwrap_or_default(),
            deadline: deadline_ms.map(|millis| wait("deadline", millis)).transpose()?,
            retry,
            key: key.map(IdempotencyKey::try_from).transpose()?,
            trace_parent: None,
        })
    }
}

impl From<Refusal> for wit::Error {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.message;
        match refusal.code {
            Code::InvalidName | Code::InvalidRequest => Self::Invalid(text),
            Code::UnknownFunction => Self::UnknownFunction(text),
            Code::UnknownTask => Self::UnknownTask(text),
            Code::KeyTaken => Self::KeyTaken(text),
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

    fn options() -> wit::Options {
        wit::Options { key: None, priority: None, delay_ms: None, deadline_ms: None, max_attempts: None }
    }

    #[test]
    fn options_are_taken_as_they_are_and_what_is_absent_is_the_default() {
        assert_eq!(TaskOptions::try_from(options()).unwrap(), TaskOptions::default());
        let all = wit::Options {
            key: Some("k".to_owned()),
            priority: Some(100),
            delay_ms: Some(1),
            deadline_ms: Some(2),
            max_attempts: Some(100),
        };
        let taken = TaskOptions::try_from(all).unwrap();
        assert_eq!(taken.key.unwrap().as_str(), "k");
        assert_eq!((taken.priority.unwrap().get(), taken.retry.max_attempts), (100, 100));
        assert_eq!((taken.delay, taken.deadline), (Duration::from_millis(1), Some(Duration::from_millis(2))));
    }

    #[test]
    fn numbers_and_keys_out_of_their_range_are_invalid() {
        for bad in [
            wit::Options { key: Some(String::new()), ..options() },
            wit::Options { key: Some("k".repeat(257)), ..options() },
            wit::Options { priority: Some(101), ..options() },
            wit::Options { delay_ms: Some(u64::MAX), ..options() },
            wit::Options { deadline_ms: Some(u64::MAX), ..options() },
            wit::Options { max_attempts: Some(0), ..options() },
            wit::Options { max_attempts: Some(101), ..options() },
        ] {
            let shown = format!("{bad:?}");
            let refusal = TaskOptions::try_from(bad).unwrap_err();
            assert!(matches!(refusal.into(), wit::Error::Invalid(_)), "{shown}");
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
