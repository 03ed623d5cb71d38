//! Programs of all kinds, cancelled at random, on a node that is killed: once it was stopped nothing of them is left.

use std::{collections::BTreeSet, time::Duration};

use spear_types::{AgentKind, Code, Implementation, LimitRequest, Outcome, Pool, Reuse, TaskId};
use spear_wire::from_status;

use super::Plan;
use crate::{
    harness::{Home, NewTask, Random, Sms, Spearlet, eventually},
    programs::{engine, stage, stage::Mark, traces::Traces},
};

/// How often the node is killed.
const KILLS: usize = 3;

/// The runs that are under way at once.
const AT_ONCE: usize = 12;

/// What a run does; those of `reuse = "serial"` do it for each line that they read.
const SCRIPTS: [(&str, &str); 4] = [
    ("brief", "true"),
    ("leaves", "busybox sleep MARK & (busybox setsid busybox sleep MARK &)"),
    ("sleeps", "busybox sleep MARK"),
    (
        "deaf",
        "trap '' TERM INT HUP; (busybox setsid busybox sleep MARK &); busybox sleep MARK & while :; do wait; done",
    ),
];

/// A node, and tasks for it.
struct Trial {
    sms: Sms,
    node: Spearlet,
    mark: Mark,
    traces: Traces,
    functions: Vec<String>,
    tasks: Vec<TaskId>,
    random: Random,
}

impl Trial {
    async fn start(random: Random) -> Self {
        let engine = engine::host();
        let agents = if engine.is_some() { r#"["process","docker"]"# } else { r#"["process"]"# };
        let settings = [("SPEAR_SPEARLET_AGENTS", agents), ("SPEAR_SPEARLET_RECONNECT", "50ms")];
        let docker = engine.map(|host| ("SPEAR_SPEARLET_DOCKER", host));
        let settings: Vec<_> = settings.into_iter().chain(docker).collect();
        let sms = Sms::alone_at_a_port_of_its_own(Home::new().await, &[]).await;
        let node = Spearlet::of_set(&sms, "one", &settings).await;
        let traces = Traces::of(node.home.path(), engine.is_some());
        let (mark, functions, tasks) = (Mark::new(), Vec::new(), Vec::new());
        let mut trial = Self { sms, node, mark, traces, functions, tasks, random };
        for agent in [AgentKind::Process].into_iter().chain(engine.map(|_| AgentKind::Docker)) {
            for (name, script) in SCRIPTS {
                trial.deploy(agent, name, script, Reuse::Never).await;
                let each =
                    format!("while read -r call; do ( {script} ) >/dev/null; echo '{{\"body_bytes\": 0}}'; done");
                trial.deploy(agent, name, &each, Reuse::Serial(Pool { max: 3, ..Pool::default() })).await;
            }
        }
        trial
    }

    async fn deploy(&mut self, agent: AgentKind, name: &str, script: &str, reuse: Reuse) {
        let kind = if reuse == Reuse::Never { "fresh" } else { "serial" };
        let name = format!("{agent}-{name}-{kind}");
        let program = stage::implementation(agent, stage::shell(&self.mark.of(script)), None);
        // Who sleeps is cancelled, late, or killed with the node.
        let limits =
            LimitRequest { timeout: Some(Duration::from_secs(2)), memory: Some(32 << 20), ..LimitRequest::default() };
        let function = stage::function(&name, [Implementation { reuse, ..program }]).limits(limits);
        self.sms.api.deploy(&function).await.expect("a version");
        self.functions.push(name);
    }

    /// So many runs, some of which are cancelled, and kills between them.
    async fn run(&mut self, runs: usize) {
        let strikes: BTreeSet<usize> = (1..=KILLS).map(|kill| runs * kill / (KILLS + 1)).collect();
        for number in 0..runs {
            if strikes.contains(&number) {
                eprintln!("the node is killed before run {number}");
                self.node.kill_and_begin_again();
                self.node.is_live(&self.sms).await;
            }
            let function = &self.functions[self.random.below(self.functions.len() as u64) as usize];
            let task = self.sms.api.submit(NewTask::of(function, "").once()).await.expect("it is taken");
            self.tasks.push(task);
            if self.random.below(3) == 0 {
                let recent = self.tasks.len().min(AT_ONCE) as u64;
                let task = self.tasks[self.tasks.len() - 1 - self.random.below(recent) as usize];
                self.cancel(task).await;
            }
            if number >= AT_ONCE {
                self.sms.api.ended(self.tasks[number - AT_ONCE]).await;
            }
        }
    }

    async fn cancel(&self, task: TaskId) {
        if let Err(status) = self.sms.api.cancel(task).await {
            assert_eq!(from_status(status).code, Code::TaskEnded);
        }
    }

    /// Waits for every end, stops the node, and looks.
    async fn leaves_nothing(mut self) -> String {
        let mut ends = std::collections::BTreeMap::<&str, usize>::new();
        for task in &self.tasks {
            let outcome = self.sms.api.ended(*task).await.outcome;
            assert!(!matches!(outcome, Outcome::Refused { .. }), "{outcome}");
            *ends.entry(outcome.name()).or_default() += 1;
        }
        assert_eq!(self.node.stop().await, Some(0));
        eventually("no process", async || self.traces.processes().is_empty().then_some(())).await;
        eventually("no control group", async || self.traces.groups().is_empty().then_some(())).await;
        assert_eq!(self.traces.all().await, [""; 0]);
        assert_eq!(self.mark.processes(), [""; 0]);
        format!("{} runs ended: {ends:?}; nothing of them is left", self.tasks.len())
    }
}

async fn after(runs: usize) {
    let seed = Plan::whole().seed;
    let mut trial = Trial::start(Random::new(seed)).await;
    trial.run(runs).await;
    eprintln!("seed {seed}: {}", trial.leaves_nothing().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_sample_of_programs_whose_node_is_killed() {
    after(100).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: run it with `cargo xtask chaos`"]
async fn nothing_is_left_of_1_000_programs_whose_node_is_killed() {
    after(1_000).await;
}
