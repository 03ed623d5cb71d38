//! A small world: an SMS that may die with what it has not remembered, and nodes that break, come back and lie.

mod model;
mod nodes;
mod submit;

use std::sync::Arc;

use spear_placement::Ask;
use spear_state::{
    Answer, CallEnd, Command, Config, Effect, Joining, Journal as _, MemoryJournal, Out, Report, ReportKind,
    ScheduleRecord, State,
};
use spear_types::{
    AttemptId, Code, Duty, FunctionVersion, Outcome, Refusal, RetryPolicy, TaskId, TaskInfo, TaskState, Timestamp,
};

use self::{model::Model, nodes::SimNode};
use crate::{
    actions::{Action, Work},
    common::{self, Linked, NEW_YEAR, call, incarnation, name, seconds},
};

pub(crate) struct World {
    config: Config,
    state: State,
    journal: MemoryJournal,
    now: Timestamp,
    /// The latest that it was.
    latest: Timestamp,
    functions: Vec<Arc<FunctionVersion>>,
    nodes: Vec<SimNode>,
    calls: Vec<(spear_placement::NodeId, Arc<Ask>)>,
    model: Model,
    /// What is not remembered yet, and what is done once it is.
    pending: Out,
    then: Vec<Then>,
    made: u64,
    /// Submissions that found the queue full.
    pub(crate) refused_full: usize,
}

/// What is done once a group is remembered.
enum Then {
    Acknowledge(Vec<TaskId>),
    Join(usize, Linked),
    Forget(usize, u64),
}

impl World {
    /// One whose queue takes so many tasks, three quarters of them of one function.
    pub(crate) fn new(queue: usize) -> Self {
        let config = Config { queue, queue_per_function: queue - queue / 4, ..common::config() };
        let functions = vec![
            common::light("f0", 0),
            common::light("f1", 700),
            common::constrained("f2", "zone = n0"),
            common::light("f3", 1_600),
        ];
        let state = State::restore(config.clone(), Default::default(), Vec::new(), NEW_YEAR, &mut Out::default());
        let nodes = (0..3).map(SimNode::new).collect();
        Self {
            config,
            state,
            journal: MemoryJournal::default(),
            now: NEW_YEAR,
            latest: NEW_YEAR,
            functions,
            nodes,
            calls: Vec::new(),
            model: Model::default(),
            pending: Out::default(),
            then: Vec::new(),
            made: 0,
            refused_full: 0,
        }
    }

    pub(crate) fn act(&mut self, action: Action) {
        match action {
            Action::Submit(options) => self.submit(&options),
            Action::Cancel(at) => self.cancel(at),
            Action::Pass(micros) => self.pass(micros),
            Action::Back(micros) => self.now = Timestamp::from_micros(self.now.as_micros().saturating_sub(micros)),
            Action::Join(node) => self.join(node),
            Action::Restart(node) => self.nodes[node].restart(),
            Action::Break(node) => self.breaks(node),
            Action::GiveUp(node) => self.nodes[node].give_up(),
            Action::Leave(node) => self.leaves(node),
            Action::Beat(node) => self.beats(node),
            Action::Duty(node, duty) => self.duty(node, duty),
            Action::Work(node, work, at) => self.works(node, work, at),
            Action::Lie { node, session, at, attempt, work } => self.lies(node, session, at, attempt, work),
            Action::Call(function) => self.calls(function),
            Action::Hang(at, ran) => self.hangs_up(at, ran),
            Action::Schedule(function, number) => self.schedules(function, number),
            Action::Unschedule(number) => drop(self.apply(Command::Unschedule(schedule(number)))),
            Action::Deploy(function) => self.deploys(function),
            Action::Remove(function) => self.removes(function),
            Action::Forget => self.forgets(),
            Action::Commit => self.commit(),
            Action::Crash => self.crash(),
        }
        self.check();
    }

    /// All is well again, but that the last nodes may not come back: everything that was accepted ends.
    pub(crate) fn heal(&mut self, missing: usize) {
        self.now = self.latest;
        let (back, gone) = self.nodes.split_at_mut(3 - missing);
        let back = back.len();
        gone.iter_mut().for_each(SimNode::restart);
        for number in 0..2 {
            let _ = self.apply(Command::Unschedule(schedule(number)));
        }
        while !self.calls.is_empty() {
            self.hangs_up(0, true);
        }
        for round in 0..600 {
            if round > 0 && self.live() == 0 {
                break;
            }
            for node in 0..back {
                self.join(node);
                self.commit();
                let open = Command::SetDuty { node: self.nodes[node].spec.name.clone(), duty: Duty::Open };
                let _ = self.apply(open);
                self.beats(node);
                self.commit();
                self.nodes[node].finish_all();
                self.sends(node);
                self.commit();
                self.sends(node);
            }
            self.commit();
            self.pass(1_500_000);
            self.check();
        }
        self.commit();
        let counts = self.state.counts();
        assert_eq!(
            (counts.queued, counts.assigned, counts.running),
            (0, 0, 0),
            "{:?}",
            self.state.tasks(None, 3, |_| true).tasks
        );
        self.model.check_kept(&self.journal, |_| false);
        let held: Vec<AttemptId> = self.nodes.iter().flat_map(SimNode::runs).collect();
        assert_eq!(held, [], "nodes run what nobody waits for");
    }

    fn apply(&mut self, command: Command) -> Result<Answer, Refusal> {
        let before = (self.pending.changes.len(), self.pending.effects.len());
        let answer = self.state.apply(command, self.now, &mut self.pending);
        if answer.is_err() {
            assert_eq!(before, (self.pending.changes.len(), self.pending.effects.len()), "a refusal changes nothing");
        }
        answer
    }

    fn check(&self) {
        self.state.audit().unwrap();
        assert!(self.live() <= self.config.queue, "{} tasks are in a queue of {}", self.live(), self.config.queue);
        for node in self.state.nodes() {
            let (has, given) = (node.capacity, node.reserved);
            assert!(given.slots <= has.slots && given.cpu <= has.cpu && given.memory <= has.memory, "{node:?}");
        }
    }

    /// A task that is there, by a number.
    fn task(&self, at: usize) -> Option<TaskId> {
        let tasks = self.state.tasks(None, 50, |_| true).tasks;
        tasks.get(at % tasks.len().max(1)).map(|task| task.id)
    }

    fn cancel(&mut self, at: usize) {
        let Some(task) = self.task(at) else { return };
        let Ok(Answer::Task(info)) = self.apply(Command::Cancel(task)) else { panic!("{task} was there") };
        self.model.cancelled.insert(info.id);
    }

    fn pass(&mut self, micros: u64) {
        self.now = Timestamp::from_micros(self.now.as_micros() + micros);
        self.latest = self.latest.max(self.now);
        self.apply(Command::Tick).unwrap();
        let next = self.state.next_tick();
        assert!(next.is_none_or(|next| next > self.now), "a tick leaves nothing that is due");
    }

    fn join(&mut self, at: usize) {
        let node = &self.nodes[at];
        if node.link.is_some() {
            return;
        }
        let joining = Joining {
            spec: node.spec.clone(),
            address: format!("http://{}", node.spec.name),
            spear_version: "0".to_owned(),
            incarnation: incarnation(node.incarnation),
            held: node.held(),
        };
        let Ok(Answer::Joined(id, session)) = self.apply(Command::Join(joining)) else { panic!("nobody has its name") };
        let link = Linked { id, session };
        (self.nodes[at].link, self.nodes[at].registered) = (Some(link), false);
        self.then.push(Then::Join(at, link));
    }

    fn breaks(&mut self, at: usize) {
        if let Some(Linked { id: node, session }) = self.nodes[at].link.take() {
            let _ = self.apply(Command::Disconnected { node, session, reason: "its link broke".to_owned() });
        }
    }

    /// Only a node that has nothing says so.
    fn leaves(&mut self, at: usize) {
        if !self.nodes[at].held().is_empty() {
            return;
        }
        if let Some(Linked { id: node, session }) = self.nodes[at].link.take() {
            let _ = self.apply(Command::Left { node, session });
        }
    }

    fn beats(&mut self, at: usize) {
        if let Some(Linked { id: node, session }) = self.nodes[at].link {
            let heard = Command::Heard {
                node,
                session,
                load: Default::default(),
                artifacts: Vec::new(),
                stopping: false,
                agents: None,
            };
            if self.apply(heard).is_err() {
                self.nodes[at].link = None;
            }
        }
    }

    fn duty(&mut self, at: usize, duty: Option<u64>) {
        let duty = match duty {
            None => Duty::Open,
            Some(0) => Duty::Cordoned,
            Some(within) => Duty::Draining { until: self.now.after(seconds(within)).into() },
        };
        let _ = self.apply(Command::SetDuty { node: self.nodes[at].spec.name.clone(), duty });
    }

    fn works(&mut self, at: usize, work: Work, which: usize) {
        self.nodes[at].work(work, which);
        self.sends(at);
    }

    /// Says all that was not said on this link.
    fn sends(&mut self, at: usize) {
        let Some(Linked { id: node, session }) = self.nodes[at].link.filter(|_| self.nodes[at].registered) else {
            return;
        };
        for (number, attempt, kind) in self.nodes[at].unsaid(session) {
            if let ReportKind::Ended { result, .. } = &kind
                && matches!(result.outcome, Outcome::Succeeded(_))
            {
                self.model.succeeded.insert(attempt);
            }
            match self.apply(Command::Report(Report { node, session, attempt, kind })) {
                Err(refusal) if refusal.code == Code::Unreachable => {
                    self.nodes[at].link = None;
                    return;
                }
                Err(refusal) => assert_eq!(refusal.code, Code::StaleAttempt),
                Ok(_) => {}
            }
            self.then.push(Then::Forget(at, number));
        }
    }

    /// A report that makes no sense is refused. One that does by chance is true: nobody else could have made it.
    fn lies(&mut self, at: usize, session: u64, which: usize, attempt: u32, work: Work) {
        let Some(link) = self.nodes[at].link.filter(|_| self.nodes[at].registered) else { return };
        let task = self.task(which).unwrap_or_else(|| self.id());
        let attempt = AttemptId { task, attempt };
        if self.nodes[at].held().contains(&attempt) || self.model.was_given(attempt, &self.nodes[at]) {
            return;
        }
        // What is given and not remembered yet is the node's too.
        let given = self.state.task(task).is_some_and(|info| info.attempt == attempt.attempt);
        let session = if given { link.session + 1 + session } else { link.session + session };
        let report = Report { node: link.id, session, attempt, kind: work.report() };
        let refusal = self.apply(Command::Report(report)).unwrap_err();
        assert!([Code::StaleAttempt, Code::Unreachable].contains(&refusal.code), "{refusal}");
    }

    fn calls(&mut self, function: usize) {
        let ask = Arc::new(Ask::of(&self.functions[function]));
        if let Ok(Answer::Placed(node)) = self.apply(Command::Place { ask: Arc::clone(&ask), excluded: Vec::new() }) {
            self.calls.push((node, ask));
        }
    }

    fn hangs_up(&mut self, at: usize, ran: bool) {
        if !self.calls.is_empty() {
            let (node, ask) = self.calls.swap_remove(at % self.calls.len());
            let end = if ran { CallEnd::Ran } else { CallEnd::Unreachable };
            self.apply(Command::Release { node, ask, end }).unwrap();
        }
    }

    fn schedules(&mut self, function: usize, number: u8) {
        let function = Arc::clone(&self.functions[function]);
        let record = ScheduleRecord {
            name: schedule(number),
            function: function.name.clone(),
            cron: "*/7 * * * * *".to_owned(),
            call: call("s()"),
            priority: None,
            deadline: None,
            retry: RetryPolicy::default(),
            created: self.now,
            fired: None,
            last: None,
        };
        let _ = self.apply(Command::Schedule(record, function));
    }

    fn deploys(&mut self, at: usize) {
        let before = &self.functions[at];
        self.functions[at] = Arc::new(FunctionVersion { version: before.version + 1, ..(**before).clone() });
        self.apply(Command::FunctionDeployed(Arc::clone(&self.functions[at]))).unwrap();
    }

    fn removes(&mut self, at: usize) {
        self.apply(Command::FunctionRemoved(self.functions[at].name.clone())).unwrap();
        self.model.removed.insert(self.functions[at].name.clone(), self.functions[at].version);
        self.deploys(at);
    }

    fn forgets(&mut self) {
        let expired = self.journal.expired(self.now, 0, 3).unwrap();
        self.apply(Command::Forget(expired)).unwrap();
    }

    /// The group is remembered, and then done.
    fn commit(&mut self) {
        let Out { changes, effects } = std::mem::take(&mut self.pending);
        self.journal.commit(&changes).unwrap();
        changes.iter().for_each(|change| self.model.follow(change, self.latest));
        effects.iter().for_each(|effect| self.perform(effect));
        std::mem::take(&mut self.then).into_iter().for_each(|then| self.then(then));
        let live = |task| self.state.task(task).is_some();
        self.model.check_kept(&self.journal, live);
        self.nodes.iter().filter(|node| node.link.is_some()).for_each(|node| self.check_orders(node));
    }

    /// A node that can be told has all that it should have, and runs nothing else.
    fn check_orders(&self, node: &SimNode) {
        let name = &node.spec.name;
        let is_its = |info: &TaskInfo| match &info.state {
            TaskState::Assigned { node } | TaskState::Running { node, .. } => node == name,
            TaskState::Queued { .. } | TaskState::Ended { .. } => false,
        };
        for AttemptId { task, attempt } in node.wanted() {
            let wanted = self.state.task(task).filter(|info| info.attempt == attempt && is_its(info));
            assert!(wanted.is_some(), "{name} runs {task}#{attempt}, and nobody wants it");
        }
        for TaskInfo { id: task, attempt, .. } in self.state.tasks(None, 1_000, is_its).tasks {
            let attempt = AttemptId { task, attempt };
            assert!(node.held().contains(&attempt), "{name} does not know of {attempt:?}");
        }
    }

    fn then(&mut self, then: Then) {
        match then {
            Then::Acknowledge(tasks) => self.model.acknowledged.extend(tasks),
            Then::Join(at, link) => self.nodes[at].registered |= self.nodes[at].link == Some(link),
            Then::Forget(at, number) => self.nodes[at].acknowledged(number),
        }
    }

    fn perform(&mut self, effect: &Effect) {
        let to = |id| move |node: &&mut SimNode| node.link.is_some_and(|link: Linked| link.id == id);
        match effect {
            Effect::Assign { node, attempt, .. } => {
                self.nodes.iter_mut().find(to(*node)).into_iter().for_each(|node| node.assign(*attempt));
            }
            Effect::Cancel { node, attempt } => {
                self.nodes.iter_mut().find(to(*node)).into_iter().for_each(|node| node.cancel(*attempt));
            }
            Effect::Close { node, session } => {
                let closed = Linked { id: *node, session: *session };
                let of_it = self.nodes.iter_mut().find(|node| node.link == Some(closed));
                of_it.into_iter().for_each(|node| node.link = None);
            }
            Effect::Changed(info) => self.model.told(info),
            Effect::Logged(_) => {}
        }
    }

    /// The SMS dies with what is pending, and starts again.
    fn crash(&mut self) {
        self.pending = Out::default();
        self.then.clear();
        self.calls.clear();
        self.nodes.iter_mut().for_each(SimNode::lose_sms);
        let remembered = self.journal.load().unwrap();
        let mut functions: Vec<Arc<FunctionVersion>> = Vec::new();
        for task in &remembered.tasks {
            let (function, version) = (&task.record.function, task.record.version);
            let removed = self.model.removed.get(function).is_some_and(|removed| version <= *removed);
            let newest = self.functions.iter().find(|newest| newest.name == *function).filter(|_| !removed);
            functions.extend(newest.map(|newest| Arc::new(FunctionVersion { version, ..(**newest).clone() })));
        }
        functions.extend(self.functions.iter().cloned());
        self.state = State::restore(self.config.clone(), remembered, functions, self.now, &mut self.pending);
        self.model.restarted();
    }
}

fn schedule(number: u8) -> spear_types::ScheduleName {
    format!("s{number}").parse().unwrap()
}

pub(crate) fn node_name(number: usize) -> spear_types::NodeName {
    name(&format!("n{number}"))
}
