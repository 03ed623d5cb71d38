//! An SMS's middle in memory, for tests.

use std::{
    sync::{
        Arc,
        mpsc::{self, Receiver},
    },
    time::{Duration, SystemTime},
};

use spear_placement::{NodeId, NodeSpec};
use spear_state::{
    Answer, Command, Config, Effect, Incarnation, Joining, MemoryJournal, Out, Remembered, Report, ReportKind, State,
    Submission,
};
use spear_types::{
    AgentInfo, AgentKind, Artifact, AttemptId, Call, Capacity, Cpu, FunctionVersion, Granted, Implementation,
    LimitPolicy, Outcome, Payload, Placement, Settings, TaskId, TaskOptions, TaskResult, Timestamp, Usage,
};
use tokio_util::sync::CancellationToken;

use crate::{
    api::View,
    disk::Disk,
    scheduler::{Committer, Scheduler, Watches, start},
};

/// Everything is remembered at once.
pub(crate) struct Middle {
    pub(crate) scheduler: Scheduler,
    pub(crate) disk: Disk,
    pub(crate) watches: Watches,
    /// The orders to nodes.
    pub(crate) orders: Receiver<Effect>,
    _committer: Committer,
}

/// A node's link.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Linked {
    node: NodeId,
    session: u64,
}

pub(crate) fn config() -> Config {
    Config {
        queue: 100_000,
        queue_per_function: 100_000,
        queue_bytes: 1 << 30,
        lease: Duration::from_secs(3_600),
        forget_nodes_after: Duration::from_secs(3_600),
    }
}

pub(crate) fn function(name: &str) -> Arc<FunctionVersion> {
    Arc::new(FunctionVersion {
        name: name.parse().unwrap(),
        version: 1,
        description: None,
        implementations: vec![Implementation::wasm(Artifact::of(name.as_bytes()))],
        limits: LimitPolicy::default().defaults,
        grants: Granted::default(),
        settings: Settings::default(),
        placement: Placement { memory: Some(0), ..Placement::default() },
        created: SystemTime::UNIX_EPOCH,
    })
}

pub(crate) fn state() -> State {
    State::restore(config(), Remembered::default(), Vec::new(), Timestamp::now(), &mut Out::default())
}

impl Middle {
    pub(crate) fn new() -> Self {
        let (watches, (sender, orders)) = (Watches::new(), mpsc::channel());
        let tell = watches.clone();
        let perform = move |out: Out| {
            for effect in out.effects {
                match effect {
                    Effect::Changed(task) => tell.tell(task),
                    effect => drop(sender.send(effect)),
                }
            }
            true
        };
        let journal = Arc::new(MemoryJournal::default());
        let (scheduler, committer) = start(state(), Out::default(), journal.clone(), perform).unwrap();
        Self { scheduler, disk: Disk::new(journal), watches, orders, _committer: committer }
    }

    /// Submits tasks of a function, one after the other.
    pub(crate) async fn submit(&self, function: &Arc<FunctionVersion>, count: usize) -> Vec<TaskId> {
        self.submit_with(function, count, &TaskOptions::default()).await
    }

    pub(crate) async fn submit_with(
        &self,
        function: &Arc<FunctionVersion>,
        count: usize,
        options: &TaskOptions,
    ) -> Vec<TaskId> {
        let new = || {
            let call = Call::from(Payload::default());
            Submission::new(TaskId::generate(), Arc::clone(function), call, options.clone())
        };
        let submit = Command::Submit(std::iter::repeat_with(new).take(count).collect());
        let Answer::Submitted(tasks) = self.scheduler.apply(submit).await.unwrap() else { panic!("no tasks") };
        tasks.into_iter().map(|submitted| submitted.task).collect()
    }

    pub(crate) fn view(&self) -> View {
        let (scheduler, disk, watches) = (self.scheduler.clone(), self.disk.clone(), self.watches.clone());
        View { scheduler, watches, disk, stop: CancellationToken::new() }
    }

    /// The next attempt that a node is given.
    pub(crate) async fn assigned(&self) -> AttemptId {
        self.scheduler.durable().await.unwrap();
        let mut orders = self.orders.try_iter();
        let attempt =
            orders.find_map(|order| if let Effect::Assign { attempt, .. } = order { Some(attempt) } else { None });
        attempt.expect("an order")
    }

    pub(crate) async fn cancel(&self, task: TaskId) {
        self.scheduler.apply(Command::Cancel(task)).await.unwrap();
    }

    /// Lets a node in with so many slots.
    pub(crate) async fn join(&self, name: &str, slots: u32) -> Linked {
        let spec = NodeSpec {
            name: name.parse().unwrap(),
            capacity: Capacity { slots, cpu: Cpu::from_millis(1_000), memory: 1 << 30 },
            labels: [].into(),
            agents: vec![AgentInfo::able(AgentKind::Wasm)],
            artifacts: [].into(),
        };
        let joining = Joining {
            spec,
            address: format!("http://{name}:1"),
            spear_version: "0".to_owned(),
            incarnation: Incarnation(uuid::Uuid::now_v7()),
            held: Vec::new(),
        };
        match self.scheduler.apply(Command::Join(joining)).await.unwrap() {
            Answer::Joined(node, session) => Linked { node, session },
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn report(&self, link: Linked, attempt: AttemptId, kind: ReportKind) {
        let Linked { node, session } = link;
        self.scheduler.apply(Command::Report(Report { node, session, attempt, kind })).await.unwrap();
    }
}

pub(crate) fn success() -> ReportKind {
    let outcome = Outcome::Succeeded(Payload::default());
    ReportKind::Ended { result: TaskResult { outcome, usage: Usage::default(), ran: None }, log_dropped: 0 }
}
