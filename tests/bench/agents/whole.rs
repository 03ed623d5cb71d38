//! All of it: an SMS and a Spearlet, each a process of its own, and a client.

use std::time::Instant;

use spear_types::{AgentKind, Artifact, Body, Implementation, Outcome, Pool, Program, Reuse};
use tokio::time::interval;

use crate::{
    REST, engine,
    harness::{Answer, Function, Home, Sms, Spearlet},
    noop::Noop,
    times::Times,
};

/// The calls of warm functions before those that count.
const WARM_UP: usize = 10;

/// A cluster with a function of each agent, fresh for each call and serving one after another.
pub(crate) struct Whole {
    sms: Sms,
    _node: Spearlet,
    /// Why there is none, where components are always fresh.
    warm_component: Answer<()>,
}

impl Whole {
    pub(crate) async fn start(home: Home, noop: &Noop, engine: Option<&str>) -> Self {
        let sms = Sms::alone_in(home, &[]).await;
        let agents = if engine.is_some() { r#"["wasm","process","docker"]"# } else { r#"["wasm","process"]"# };
        let docker = engine.map(|host| ("SPEAR_SPEARLET_DOCKER", host));
        let settings: Vec<_> = [("SPEAR_SPEARLET_AGENTS", agents)].into_iter().chain(docker).collect();
        let node = Spearlet::of_set(&sms, "one", &settings).await;
        let echo = Function::guest("echo");
        sms.api.deploy(&echo).await.expect("a version");
        let warm = Implementation { body: Body::Wasm(echo.described()), reuse: Reuse::Serial(Pool::default()) };
        let warm_component = sms.api.deploy(&echo.named("echo-warm").run_as([warm])).await;
        for agent in [AgentKind::Process].into_iter().chain(engine.map(|_| AgentKind::Docker)) {
            for (kind, reuse) in [("cold", Reuse::Never), ("warm", Reuse::Serial(Pool::default()))] {
                let function = Function::of(&format!("{agent}-{kind}"), noop.files.clone());
                let function = function.run_as([implementation(agent, reuse, noop)]);
                sms.api.deploy(&function).await.expect("a version");
            }
        }
        Self { sms, _node: node, warm_component: warm_component.map(drop) }
    }

    /// Cold and warm calls of one agent's functions.
    pub(crate) async fn show(&self, agent: &str, count: usize, floor: &Times) {
        let cold = self.measure(&format!("{agent}-cold"), count, true).await;
        let warm = self.measure(&format!("{agent}-warm"), count, false).await;
        for ([by_agent, by_client], kind) in [(cold, "cold"), (warm, "warm")] {
            by_agent.show(&format!("the agent in its node, {kind} (usage.wall)"), floor);
            by_client.show(&format!("invoke: client → SMS → node and back, {kind}"), floor);
        }
    }

    /// Fresh and warm calls of a component; the agent's own part of a fresh one is the floor.
    pub(crate) async fn show_components(&self, count: usize) {
        let [floor, by_client] = self.measure("echo", count, false).await;
        floor.show("the agent in its node, fresh (usage.wall)", &floor);
        by_client.show("invoke: client → SMS → node and back, fresh", &floor);
        if let Err(status) = &self.warm_component {
            return println!("  warm: skipped, {}", status.message());
        }
        let [by_agent, by_client] = self.measure("echo-warm", count, false).await;
        by_agent.show("the agent in its node, warm (usage.wall)", &floor);
        by_client.show("invoke: client → SMS → node and back, warm", &floor);
    }

    /// What the agent says of each call, and what it took its client.
    async fn measure(&self, function: &str, count: usize, rested: bool) -> [Times; 2] {
        let (mut by_agent, mut by_client) = (Times::default(), Times::default());
        let mut rest = interval(REST);
        for number in 0..WARM_UP + count {
            if rested {
                rest.tick().await;
            }
            let begun = Instant::now();
            let invoked = self.sms.api.invoke(function, "").await.expect("a call");
            let took = begun.elapsed();
            assert!(matches!(invoked.outcome, Outcome::Succeeded(_)), "{function}: {}", invoked.outcome);
            if number >= WARM_UP {
                by_agent.add(invoked.usage.wall);
                by_client.add(took);
            }
            rest.reset();
        }
        [by_agent, by_client]
    }
}

fn implementation(agent: AgentKind, reuse: Reuse, noop: &Noop) -> Implementation {
    let files = Some(Artifact::of(&noop.files));
    let program = Program::new(vec!["./noop".to_owned()], [].into(), files).expect("a program");
    let body = match agent {
        AgentKind::Docker => Body::Docker(engine::IMAGE.to_owned().try_into().expect("an image"), program),
        AgentKind::Process | AgentKind::Wasm => Body::Process(program),
    };
    Implementation { body, reuse }
}
