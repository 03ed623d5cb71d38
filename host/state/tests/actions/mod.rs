//! What may happen, at random.

use proptest::prelude::*;
use spear_state::ReportKind;
use spear_types::{Code, Level, LogLine, Outcome, OutcomeKind, Priority, RetryPolicy, TaskOptions, Trap};

use crate::common::{failure, result, retry, returned, seconds, success};

#[derive(Debug, Clone)]
pub(crate) enum Action {
    Submit(Options),
    Cancel(usize),
    /// Microseconds.
    Pass(u64),
    Back(u64),
    Join(usize),
    Restart(usize),
    Break(usize),
    GiveUp(usize),
    Leave(usize),
    Beat(usize),
    /// Open; cordoned; draining for so many seconds.
    Duty(usize, Option<u64>),
    Work(usize, Work, usize),
    Lie {
        node: usize,
        session: u64,
        at: usize,
        attempt: u32,
        work: Work,
    },
    Call(usize),
    Hang(usize, bool),
    Schedule(usize, u8),
    Unschedule(u8),
    Deploy(usize),
    Remove(usize),
    Forget,
    Commit,
    Crash,
}

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) count: usize,
    pub(crate) function: usize,
    pub(crate) call: &'static str,
    delay: u64,
    deadline: Option<u64>,
    priority: Option<u8>,
    retry: usize,
    key: Option<u8>,
}

/// What a node does with an attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    Start,
    Log,
    Succeed,
    Fail(bool),
    Trap,
    Stop,
    Return(Code),
}

impl Options {
    pub(crate) fn task(&self) -> TaskOptions {
        let policies = [
            RetryPolicy::default(),
            retry(1, 0, &[]),
            retry(3, 0, &[OutcomeKind::Failed, OutcomeKind::Trapped, OutcomeKind::NodeLost]),
            retry(2, 5, &[OutcomeKind::Trapped]),
        ];
        TaskOptions {
            priority: self.priority.map(|priority| Priority::try_from(priority).unwrap()),
            delay: seconds(self.delay),
            deadline: self.deadline.map(seconds),
            retry: policies[self.retry].clone(),
            key: self.key.map(|key| key.to_string().parse().unwrap()),
            trace_parent: None,
        }
    }
}

impl Work {
    pub(crate) fn ends(self) -> bool {
        !matches!(self, Self::Start | Self::Log)
    }

    pub(crate) fn report(self) -> ReportKind {
        let line = || LogLine {
            time: std::time::UNIX_EPOCH,
            level: Level::Info,
            message: "a line".to_owned(),
            fields: Vec::new(),
        };
        match self {
            Self::Start => ReportKind::Started,
            Self::Log => ReportKind::Logged { first: 1, lines: vec![line()] },
            Self::Succeed => success(),
            Self::Fail(retryable) => failure(retryable),
            Self::Trap => result(Outcome::Trapped(Trap { message: "unreachable".to_owned(), frames: Vec::new() })),
            Self::Stop => result(Outcome::Cancelled),
            Self::Return(code) => returned(code),
        }
    }
}

fn options() -> impl Strategy<Value = Options> {
    let rare = |strategy: std::ops::Range<u64>| proptest::option::weighted(0.25, strategy);
    let task = (rare(1..40), rare(1..40), proptest::option::weighted(0.3, 0u8..=100), 0usize..4);
    let which = (1usize..4, 0usize..4, prop_oneof![3 => Just("a()"), 1 => Just("b()")]);
    let key = proptest::option::weighted(0.3, 0u8..4);
    (which, task, key).prop_map(|((count, function, call), (delay, deadline, priority, retry), key)| Options {
        count,
        function,
        call,
        delay: delay.unwrap_or_default(),
        deadline,
        priority,
        retry,
        key,
    })
}

fn work() -> impl Strategy<Value = Work> {
    prop_oneof![
        5 => Just(Work::Start),
        2 => Just(Work::Log),
        6 => Just(Work::Succeed),
        3 => any::<bool>().prop_map(Work::Fail),
        1 => Just(Work::Trap),
        1 => Just(Work::Stop),
        1 => Just(Work::Return(Code::QueueFull)),
        1 => Just(Work::Return(Code::Internal)),
        1 => Just(Work::Return(Code::InvalidComponent)),
    ]
}

pub(crate) fn action() -> impl Strategy<Value = Action> {
    let node = || 0usize..3;
    let which = || 0usize..50;
    let duty = prop_oneof![2 => Just(None), 1 => Just(Some(0)), 2 => (1u64..20).prop_map(Some)];
    let lie = (node(), 0u64..2, which(), 0u32..4, work());
    prop_oneof![
        8 => options().prop_map(Action::Submit),
        2 => which().prop_map(Action::Cancel),
        8 => (1u64..20_000_000).prop_map(Action::Pass),
        1 => prop_oneof![3 => 1u64..900_000, 1 => 1_000_000u64..3_600_000_000].prop_map(Action::Back),
        8 => node().prop_map(Action::Join),
        1 => node().prop_map(Action::Restart),
        2 => node().prop_map(Action::Break),
        1 => node().prop_map(Action::GiveUp),
        1 => node().prop_map(Action::Leave),
        5 => node().prop_map(Action::Beat),
        2 => (node(), duty).prop_map(|(node, duty)| Action::Duty(node, duty)),
        20 => (node(), work(), which()).prop_map(|(node, work, which)| Action::Work(node, work, which)),
        2 => lie.prop_map(|(node, session, at, attempt, work)| Action::Lie { node, session, at, attempt, work }),
        2 => (0usize..4).prop_map(Action::Call),
        2 => (which(), any::<bool>()).prop_map(|(at, ran)| Action::Hang(at, ran)),
        1 => (0usize..4, 0u8..2).prop_map(|(function, number)| Action::Schedule(function, number)),
        1 => (0u8..2).prop_map(Action::Unschedule),
        1 => (0usize..4).prop_map(Action::Deploy),
        1 => (0usize..4).prop_map(Action::Remove),
        1 => Just(Action::Forget),
        10 => Just(Action::Commit),
        1 => Just(Action::Crash),
    ]
}
