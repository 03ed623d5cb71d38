//! The state, and what commands do to it.

use std::{collections::HashMap, time::Duration};

use spear_placement::Link;
use spear_types::{FunctionName, Outcome, Refusal, TaskId, Timestamp};

use crate::{
    Answer, Command, KeyHash, Out,
    decisions::Decisions,
    functions::Functions,
    moves::function_gone,
    nodes::Nodes,
    pass::Pass,
    queue::Queue,
    schedules::Schedules,
    tasks::{Place, Tasks},
    timers::{Timer, Timers},
};

/// A clock that is so far behind was set back: threads are not that far apart.
const SET_BACK: Duration = Duration::from_secs(1);

/// What the operator decides.
#[derive(Debug, Clone)]
pub struct Config {
    /// The most tasks that have not ended.
    pub queue: usize,
    /// The most of one function.
    pub queue_per_function: usize,
    /// The most bytes of their calls.
    pub queue_bytes: u64,
    /// How long a node may be silent.
    pub lease: Duration,
    /// How long a lost node is still shown.
    pub forget_nodes_after: Duration,
}

/// How many tasks are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// They wait.
    pub queued: usize,
    /// A node was chosen.
    pub assigned: usize,
    /// They run.
    pub running: usize,
    /// They have ended and are kept.
    pub ended: u64,
}

/// All that the SMS knows of tasks and nodes.
#[derive(Debug)]
pub struct State {
    pub(crate) config: Config,
    pub(crate) tasks: Tasks,
    /// Idempotency keys of all tasks that are kept. Nothing goes through it, so its order shows nowhere.
    pub(crate) keys: HashMap<[u8; 12], (KeyHash, TaskId)>,
    pub(crate) functions: Functions,
    pub(crate) queue: Queue,
    pub(crate) timers: Timers,
    pub(crate) nodes: Nodes,
    pub(crate) schedules: Schedules,
    pub(crate) decisions: Decisions,
    /// How many ended tasks are kept.
    pub(crate) ended: u64,
    /// The time of the last command.
    pub(crate) now: Timestamp,
}

impl State {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            tasks: Tasks::default(),
            keys: HashMap::new(),
            functions: Functions::default(),
            queue: Queue::default(),
            timers: Timers::default(),
            nodes: Nodes::default(),
            schedules: Schedules::new(),
            decisions: Decisions::default(),
            ended: 0,
            now: Timestamp::ZERO,
        }
    }

    /// Does what somebody wants, or refuses and changes nothing. Then tasks that wait get the room that there is.
    ///
    /// # Errors
    /// The refusal.
    pub fn apply(&mut self, command: Command, now: Timestamp, out: &mut Out) -> Result<Answer, Refusal> {
        let mut pass = Pass::new(self.notice(now), out);
        let answer = self.carry_out(command, &mut pass)?;
        self.assign(&mut pass);
        Ok(answer)
    }

    /// When time has to pass next: the state wants a [`Command::Tick`] then.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    fn carry_out(&mut self, command: Command, pass: &mut Pass<'_>) -> Result<Answer, Refusal> {
        match command {
            Command::Submit(submissions) => return self.submit(submissions, pass),
            Command::Cancel(task) => return self.cancel(task, pass),
            Command::Join(joining) => return self.join(joining, pass),
            Command::Heard { node, session, load, artifacts, stopping, agents } => {
                self.nodes.linked(node, session)?.last_heard = pass.now;
                self.nodes.fleet.heard(node, load, &artifacts);
                if agents.is_some_and(|agents| self.nodes.fleet.set_agents(node, agents)) {
                    pass.more_room(node);
                }
                if stopping {
                    self.nodes.set_link(node, Link::Stopping);
                }
            }
            Command::Disconnected { node, session, reason } => self.disconnected(node, session, reason)?,
            Command::Left { node, session } => self.left(node, session, pass)?,
            Command::Report(report) => return self.report(report, pass),
            Command::SetDuty { node, duty } => return self.set_duty(node, duty, pass),
            Command::Place { ask, excluded } => return self.place(&ask, &excluded, pass),
            Command::Release { node, ask, end } => self.release(node, &ask, end, pass),
            Command::Skipped(skipped) => self.skipped(skipped, pass),
            Command::Schedule(record, function) => return self.schedule(record, function, pass),
            Command::Unschedule(name) => return self.unschedule(&name, pass),
            Command::FunctionDeployed(function) => self.deployed(&function),
            Command::FunctionRemoved(function) => self.removed(&function, pass),
            Command::Forget(tasks) => self.forget(tasks, pass),
            Command::Tick => self.tick(pass),
        }
        Ok(Answer::Done)
    }

    fn tick(&mut self, pass: &mut Pass<'_>) {
        while let Some(timer) = self.timers.due(pass.now) {
            match timer {
                Timer::Absent => self.lose_absent(pass),
                Timer::Lease(node) => self.lease(node, pass),
                Timer::Drain(node) => self.recall(node, pass),
                Timer::ForgetNode(node) => self.forget_node(node, pass),
                Timer::PenaltyEnd => {
                    self.queue.open_all();
                    self.await_penalty_end(pass.now);
                }
                Timer::Deadline(task) => self.time_out(task, pass),
                Timer::Wake(task) => self.wake(task),
                Timer::Schedule(name) => self.fire(&name, pass),
            }
        }
    }

    /// A function is gone: its queued tasks and its schedules end. What runs goes on, and is not tried again.
    fn removed(&mut self, function: &FunctionName, pass: &mut Pass<'_>) {
        self.unschedule_all(function, pass);
        for id in self.functions.forget(function) {
            let Some(task) = self.tasks.get_mut(id) else { continue };
            task.orphaned = true;
            let waits = matches!(task.place, Place::Queued(_));
            let outcome: Option<Outcome> = if waits { function_gone(task) } else { None };
            outcome.into_iter().for_each(|outcome| self.end(id, outcome, pass));
        }
    }

    /// The time of a command. Threads that read the clock one after the other may come in another order: time stands
    /// still then. Where the clock was set back, nothing was heard of a node in the future.
    fn notice(&mut self, now: Timestamp) -> Timestamp {
        let set_back = now.after(SET_BACK) < self.now;
        self.now = if set_back { now } else { now.max(self.now) };
        if set_back {
            self.shorten_leases(now);
            self.await_penalty_end(now);
        }
        self.now
    }
}
