//! An SMS of nothing but its state, and nodes in few words.
#![allow(dead_code, reason = "not every test uses all of it")]

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use spear_placement::{NodeId, NodeSpec};
use spear_state::{
    Answer, Change, Command, Config, Effect, Incarnation, Joining, Journal, MemoryJournal, Out, Report, ReportKind,
    State, Submission,
};
use spear_types::{
    AgentInfo, AgentKind, Artifact, AttemptId, Call, Capacity, Code, Cpu, Failure, FunctionVersion, Granted,
    Implementation, LimitPolicy, NodeName, NodeState, Outcome, OutcomeKind, Payload, Placement, Refusal, RetryPolicy,
    Settings, TaskId, TaskOptions, TaskResult, TaskState, Timestamp, Usage,
};

pub(crate) const LEASE: Duration = Duration::from_secs(15);
pub(crate) const FORGET: Duration = Duration::from_secs(3_600);

/// 2026-01-01T00:00:00Z.
pub(crate) const NEW_YEAR: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// The state, its journal and what it wants done. Everything is remembered at once, and audited.
pub(crate) struct Sms {
    pub(crate) state: State,
    pub(crate) journal: MemoryJournal,
    pub(crate) config: Config,
    pub(crate) functions: Vec<Arc<FunctionVersion>>,
    pub(crate) now: Timestamp,
    /// What came of commands, since it was last taken.
    pub(crate) effects: Vec<Effect>,
    pub(crate) changes: Vec<Change>,
    made: u64,
}

/// A node's open link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Linked {
    pub(crate) id: NodeId,
    pub(crate) session: u64,
}

pub(crate) fn config() -> Config {
    Config {
        queue: 100_000,
        queue_per_function: 100_000,
        queue_bytes: 1 << 30,
        lease: LEASE,
        forget_nodes_after: FORGET,
    }
}

pub(crate) fn function(name: &str, version: u32, placement: Placement) -> Arc<FunctionVersion> {
    Arc::new(FunctionVersion {
        name: name.parse().unwrap(),
        version,
        description: None,
        implementations: vec![Implementation::wasm(Artifact::of(name.as_bytes()))],
        limits: LimitPolicy::default().defaults,
        grants: Granted::default(),
        settings: Settings::default(),
        placement,
        created: SystemTime::UNIX_EPOCH,
    })
}

/// A function whose runs take so many thousandths of a core, and no memory.
pub(crate) fn light(name: &str, millis: u32) -> Arc<FunctionVersion> {
    function(name, 1, Placement { cpu: Cpu::from_millis(millis), memory: Some(0), ..Placement::default() })
}

pub(crate) fn constrained(name: &str, constraint: &str) -> Arc<FunctionVersion> {
    let constraints = vec![constraint.parse().unwrap()].try_into().unwrap();
    function(name, 1, Placement { memory: Some(0), constraints, ..Placement::default() })
}

/// A node with so many slots, a core and a GiB for each.
pub(crate) fn node(name: &str, slots: u32) -> NodeSpec {
    NodeSpec {
        name: name.parse().unwrap(),
        capacity: Capacity { slots, cpu: Cpu::from_millis(slots * 1_000), memory: u64::from(slots) << 30 },
        labels: [("zone".parse().unwrap(), name.parse().unwrap())].into(),
        agents: vec![AgentInfo::able(AgentKind::Wasm)],
        artifacts: [].into(),
    }
}

pub(crate) fn incarnation(number: u8) -> Incarnation {
    Incarnation(uuid::Uuid::from_u128(number.into()))
}

pub(crate) fn name(name: &str) -> NodeName {
    name.parse().unwrap()
}

pub(crate) fn call(text: &str) -> Call {
    Call::Typed(text.to_owned())
}

pub(crate) fn result(outcome: Outcome) -> ReportKind {
    ReportKind::Ended { result: TaskResult { outcome, usage: Usage::default(), ran: None }, log_dropped: 0 }
}

pub(crate) fn success() -> ReportKind {
    result(Outcome::Succeeded(Payload::default()))
}

pub(crate) fn failure(retryable: bool) -> ReportKind {
    let (code, message) = ("no".to_owned(), "it did not work".to_owned());
    result(Outcome::Failed(Failure { code, message, retryable, exit: None }))
}

pub(crate) fn returned(code: Code) -> ReportKind {
    ReportKind::Returned(Refusal::new(code, "the node says no"))
}

pub(crate) fn retry(max_attempts: u32, backoff: u64, on: &[OutcomeKind]) -> RetryPolicy {
    let backoff = Duration::from_secs(backoff);
    RetryPolicy { max_attempts, backoff, max_backoff: backoff.max(Duration::from_secs(60)), on: on.to_vec() }
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Default for Sms {
    fn default() -> Self {
        Self::new(config())
    }
}

impl Sms {
    pub(crate) fn new(config: Config) -> Self {
        let mut sms = Self {
            state: State::restore(config.clone(), Default::default(), Vec::new(), NEW_YEAR, &mut Out::default()),
            journal: MemoryJournal::default(),
            config,
            functions: Vec::new(),
            now: NEW_YEAR,
            effects: Vec::new(),
            changes: Vec::new(),
            made: 0,
        };
        // Nothing is remembered, so nobody is waited for.
        sms.pass(LEASE);
        sms
    }

    pub(crate) fn apply(&mut self, command: Command) -> Result<Answer, Refusal> {
        let mut out = Out::default();
        let answer = self.state.apply(command, self.now, &mut out);
        assert!(answer.is_ok() || out.changes.is_empty() && out.effects.is_empty(), "a refusal changes nothing");
        self.take(out);
        answer
    }

    pub(crate) fn does(&mut self, command: Command) -> Answer {
        self.apply(command).unwrap()
    }

    pub(crate) fn refuses(&mut self, command: Command) -> Refusal {
        self.apply(command).unwrap_err()
    }

    fn take(&mut self, out: Out) {
        self.journal.commit(&out.changes).unwrap();
        self.changes.extend(out.changes);
        self.effects.extend(out.effects);
        self.state.audit().unwrap();
    }

    /// Time passes, and every timer in its time.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.now.after(time);
        while let Some(next) = self.state.next_tick().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.does(Command::Tick);
            assert!(self.state.next_tick().is_none_or(|next| next > self.now), "a tick is not over");
        }
        self.now = until;
    }

    /// The program ends and is started again: only what was remembered is there.
    pub(crate) fn restart(&mut self) {
        let mut out = Out::default();
        let remembered = self.journal.load().unwrap();
        self.state = State::restore(self.config.clone(), remembered, self.functions.clone(), self.now, &mut out);
        self.take(out);
    }

    pub(crate) fn id(&mut self) -> TaskId {
        self.made += 1;
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&self.made.to_be_bytes());
        TaskId::from_bytes(bytes)
    }

    pub(crate) fn submission(&mut self, function: &Arc<FunctionVersion>, options: TaskOptions) -> Submission {
        if !self.functions.contains(function) {
            self.functions.push(Arc::clone(function));
        }
        Submission::new(self.id(), Arc::clone(function), call("f()"), options)
    }

    pub(crate) fn submit(&mut self, function: &Arc<FunctionVersion>) -> TaskId {
        self.submit_with(function, TaskOptions::default())
    }

    pub(crate) fn submit_with(&mut self, function: &Arc<FunctionVersion>, options: TaskOptions) -> TaskId {
        let submission = self.submission(function, options);
        let Answer::Submitted(submitted) = self.does(Command::Submit(vec![submission])) else { panic!() };
        submitted[0].task
    }

    pub(crate) fn submit_retried(&mut self, function: &Arc<FunctionVersion>, retry: RetryPolicy) -> TaskId {
        self.submit_with(function, TaskOptions { retry, ..TaskOptions::default() })
    }

    pub(crate) fn join(&mut self, spec: NodeSpec) -> Linked {
        self.join_as(spec, 1, &[]).unwrap()
    }

    pub(crate) fn join_as(&mut self, spec: NodeSpec, number: u8, held: &[AttemptId]) -> Result<Linked, Refusal> {
        let address = format!("http://{}:{number}", spec.name);
        let (spear_version, incarnation) = ("0.1.0".to_owned(), incarnation(number));
        let joining = Joining { spec, address, spear_version, incarnation, held: held.to_vec() };
        let Answer::Joined(id, session) = self.apply(Command::Join(joining))? else { panic!() };
        Ok(Linked { id, session })
    }

    pub(crate) fn report(
        &mut self,
        link: Linked,
        task: TaskId,
        attempt: u32,
        kind: ReportKind,
    ) -> Result<Answer, Refusal> {
        let attempt = AttemptId { task, attempt };
        self.apply(Command::Report(Report { node: link.id, session: link.session, attempt, kind }))
    }

    pub(crate) fn reports(&mut self, link: Linked, task: TaskId, attempt: u32, kind: ReportKind) {
        self.report(link, task, attempt, kind).unwrap();
    }

    pub(crate) fn breaks(&mut self, link: Linked) {
        let Linked { id: node, session } = link;
        self.does(Command::Disconnected { node, session, reason: "its link broke".to_owned() });
    }

    pub(crate) fn hears(&mut self, link: Linked) {
        let Linked { id: node, session } = link;
        self.does(Command::Heard {
            node,
            session,
            load: Default::default(),
            artifacts: Vec::new(),
            stopping: false,
            agents: None,
        });
    }

    /// `queued`, `assigned n1`, `running n1`, or an outcome's name.
    pub(crate) fn place(&self, task: TaskId) -> String {
        let ended = self.journal.ended(task).unwrap().map(|ended| ended.info());
        let live = self.state.task(task);
        assert!(ended.is_none() || live.is_none(), "{task} has ended and has not");
        match ended.or(live).map(|info| info.state) {
            None => "nowhere".to_owned(),
            Some(state @ (TaskState::Queued { .. } | TaskState::Ended { .. })) => state.name().to_owned(),
            Some(TaskState::Assigned { node }) => format!("assigned {node}"),
            Some(TaskState::Running { node, .. }) => format!("running {node}"),
        }
    }

    /// How a task ended.
    pub(crate) fn outcome(&self, task: TaskId) -> Outcome {
        self.journal.ended(task).unwrap().unwrap().end.result.outcome
    }

    pub(crate) fn node_state(&self, node: &str) -> NodeState {
        self.state.node(&name(node)).unwrap().state
    }

    /// What a node was told since this was last asked: `+` an attempt to run, `-` one to stop.
    pub(crate) fn orders(&mut self, link: Linked) -> Vec<String> {
        let order = |effect: Effect| match effect {
            Effect::Assign { node, attempt, .. } if node == link.id => Some(format!("+{}", short(attempt))),
            Effect::Cancel { node, attempt } if node == link.id => Some(format!("-{}", short(attempt))),
            _ => None,
        };
        std::mem::take(&mut self.effects).into_iter().filter_map(order).collect()
    }
}

/// The task's number and the attempt's.
pub(crate) fn short(attempt: AttemptId) -> String {
    let bytes = attempt.task.to_bytes();
    format!("{}#{}", u64::from_be_bytes(bytes[8..].try_into().unwrap()), attempt.attempt)
}

pub(crate) fn attempt(task: TaskId, attempt: u32) -> AttemptId {
    AttemptId { task, attempt }
}
