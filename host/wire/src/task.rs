//! Tasks and schedules.

use std::time::{Duration, SystemTime};

use spear_types::{
    AttemptId, IdempotencyKey, MAX_WAIT, OutcomeKind, Priority, Refusal, RetryPolicy, ScheduleInfo, TaskInfo,
    TaskOptions, TaskState, Timestamp,
};
use v1::task::{Assigned, Ended, Queued, Running, State};

use crate::{Decode, Encode, capped, invalid, limits::duration, payload::timestamp, required, v1};

/// The longest trace context in bytes; W3C's first version has 55.
pub const MAX_TRACE_PARENT: usize = 256;

/// The longest cron expression in bytes; lists of every value of each field have less.
pub const MAX_CRON: usize = 512;

/// The most names of outcomes: there are ten.
const MAX_OUTCOMES: usize = 16;

impl Decode<v1::TaskOptions> for TaskOptions {
    fn decode(message: v1::TaskOptions) -> Result<Self, Refusal> {
        let v1::TaskOptions { priority, delay, deadline, retry, key, trace_parent } = message;
        Ok(Self {
            priority: priority.map(Priority::decode).transpose()?,
            delay: delay.map(|delay| wait(delay, "delay")).transpose()?.unwrap_or_default(),
            deadline: deadline.map(|deadline| wait(deadline, "deadline")).transpose()?,
            retry: retry.map(RetryPolicy::decode).transpose()?.unwrap_or_default(),
            key: key.map(IdempotencyKey::try_from).transpose()?,
            trace_parent: trace_parent.map(|text| capped(text, "trace_parent", MAX_TRACE_PARENT)).transpose()?,
        })
    }
}

impl Encode<v1::TaskOptions> for TaskOptions {
    fn encode(self) -> v1::TaskOptions {
        let Self { priority, delay, deadline, retry, key, trace_parent } = self;
        v1::TaskOptions {
            priority: priority.map(|priority| priority.get().into()),
            delay: Some(delay.encode()),
            deadline: deadline.map(Encode::encode),
            retry: Some(retry.encode()),
            key: key.map(Into::into),
            trace_parent,
        }
    }
}

impl Decode<v1::RetryPolicy> for RetryPolicy {
    fn decode(message: v1::RetryPolicy) -> Result<Self, Refusal> {
        let v1::RetryPolicy { max_attempts, backoff, max_backoff, on } = message;
        if on.len() > MAX_OUTCOMES {
            return Err(invalid(format!("{} outcomes are over the limit of {MAX_OUTCOMES}", on.len())));
        }
        let retry = Self {
            max_attempts,
            backoff: wait(required(backoff, "retry.backoff")?, "retry.backoff")?,
            max_backoff: wait(required(max_backoff, "retry.max_backoff")?, "retry.max_backoff")?,
            on: on.iter().map(|name| OutcomeKind::decode(name.as_str())).collect::<Result<_, _>>()?,
        };
        retry.check()?;
        Ok(retry)
    }
}

impl Encode<v1::RetryPolicy> for RetryPolicy {
    fn encode(self) -> v1::RetryPolicy {
        let Self { max_attempts, backoff, max_backoff, on } = self;
        v1::RetryPolicy {
            max_attempts,
            backoff: Some(backoff.encode()),
            max_backoff: Some(max_backoff.encode()),
            on: on.into_iter().map(|kind| kind.name().to_owned()).collect(),
        }
    }
}

impl Decode<v1::Task> for TaskInfo {
    fn decode(message: v1::Task) -> Result<Self, Refusal> {
        let v1::Task { id, function, version, priority, schedule, submitted, deadline, attempt, state, changed } =
            message;
        Ok(Self {
            id: id.parse()?,
            function: function.try_into()?,
            version,
            priority: Priority::decode(priority)?,
            schedule: schedule.map(TryInto::try_into).transpose()?,
            submitted: Timestamp::decode(submitted)?,
            deadline: deadline.map(|deadline| Timestamp::decode(Some(deadline))).transpose()?,
            attempt,
            state: TaskState::decode(required(state, "task.state")?)?,
            changed: Timestamp::decode(changed)?,
        })
    }
}

impl Encode<v1::Task> for TaskInfo {
    fn encode(self) -> v1::Task {
        let Self { id, function, version, priority, schedule, submitted, deadline, attempt, state, changed } = self;
        v1::Task {
            id: id.to_string(),
            function: function.into(),
            version,
            priority: priority.get().into(),
            schedule: schedule.map(Into::into),
            submitted: Some(submitted.encode()),
            deadline: deadline.map(Encode::encode),
            attempt,
            state: Some(state.encode()),
            changed: Some(changed.encode()),
        }
    }
}

impl Decode<State> for TaskState {
    fn decode(message: State) -> Result<Self, Refusal> {
        let kind = |name: &str| OutcomeKind::decode(name);
        Ok(match message {
            State::Queued(Queued { not_before, after }) => Self::Queued {
                not_before: not_before.map(|time| Timestamp::decode(Some(time))).transpose()?,
                after: after.as_deref().map(kind).transpose()?,
            },
            State::Assigned(Assigned { node }) => Self::Assigned { node: node.try_into()? },
            State::Running(Running { node, since, cancelling }) => {
                Self::Running { node: node.try_into()?, since: Timestamp::decode(since)?, cancelling }
            }
            State::Ended(Ended { outcome, at, node }) => Self::Ended {
                outcome: kind(&outcome)?,
                at: Timestamp::decode(at)?,
                node: node.map(TryInto::try_into).transpose()?,
            },
        })
    }
}

impl Encode<State> for TaskState {
    fn encode(self) -> State {
        match self {
            Self::Queued { not_before, after } => State::Queued(Queued {
                not_before: not_before.map(Encode::encode),
                after: after.map(|kind| kind.name().to_owned()),
            }),
            Self::Assigned { node } => State::Assigned(Assigned { node: node.into() }),
            Self::Running { node, since, cancelling } => {
                State::Running(Running { node: node.into(), since: Some(since.encode()), cancelling })
            }
            Self::Ended { outcome, at, node } => State::Ended(Ended {
                outcome: outcome.name().to_owned(),
                at: Some(at.encode()),
                node: node.map(Into::into),
            }),
        }
    }
}

impl Decode<v1::Attempt> for AttemptId {
    fn decode(message: v1::Attempt) -> Result<Self, Refusal> {
        let v1::Attempt { task, number } = message;
        Ok(Self { task: task.parse()?, attempt: number })
    }
}

impl Encode<v1::Attempt> for AttemptId {
    fn encode(self) -> v1::Attempt {
        v1::Attempt { task: self.task.to_string(), number: self.attempt }
    }
}

impl Decode<v1::Schedule> for ScheduleInfo {
    fn decode(message: v1::Schedule) -> Result<Self, Refusal> {
        let v1::Schedule { name, function, cron, created, next, last } = message;
        Ok(Self {
            name: name.try_into()?,
            function: function.try_into()?,
            cron: capped(cron, "cron", MAX_CRON)?,
            created: Timestamp::decode(created)?,
            next: next.map(|next| Timestamp::decode(Some(next))).transpose()?,
            last: last.as_deref().map(str::parse).transpose()?,
        })
    }
}

impl Encode<v1::Schedule> for ScheduleInfo {
    fn encode(self) -> v1::Schedule {
        let Self { name, function, cron, created, next, last } = self;
        v1::Schedule {
            name: name.into(),
            function: function.into(),
            cron,
            created: Some(created.encode()),
            next: next.map(Encode::encode),
            last: last.map(|task| task.to_string()),
        }
    }
}

impl Decode<Option<prost_types::Timestamp>> for Timestamp {
    fn decode(message: Option<prost_types::Timestamp>) -> Result<Self, Refusal> {
        Ok(timestamp(message, "a time")?.into())
    }
}

impl Encode<prost_types::Timestamp> for Timestamp {
    fn encode(self) -> prost_types::Timestamp {
        SystemTime::from(self).into()
    }
}

/// A length of time that may be waited.
fn wait(message: prost_types::Duration, name: &str) -> Result<Duration, Refusal> {
    let wait = duration(message)?;
    if wait > MAX_WAIT {
        return Err(invalid(format!("{name} is over the limit of {}", humantime::format_duration(MAX_WAIT))));
    }
    Ok(wait)
}
