//! What is asked for is enforced, or refused at the door. Pure.

use spear_types::{AgentKind, Code, Cpu, FunctionSpec, Grants, Implementation, Limits, Refusal};

/// What a component keeps busy at the most: it has one thread.
const ONE_CORE: Cpu = Cpu::from_millis(1_000);

/// Whether some agent holds each implementation to what its function asks for. What a node's machine cannot do, the node says.
///
/// # Errors
/// `InvalidManifest` says what no agent does.
pub(crate) fn enforceable(limits: &Limits, spec: &FunctionSpec) -> Result<(), Refusal> {
    let agents = || spec.implementations.iter().map(Implementation::agent);
    metered(limits, agents().find(|agent| *agent != AgentKind::Wasm))?;
    slowed_down(limits, agents().any(|agent| agent == AgentKind::Wasm))?;
    match agents().find(|agent| *agent == AgentKind::Wasm) {
        None => reached(&spec.grants),
        // They are the component's: a program beside it has none of them.
        Some(_) => Ok(()),
    }
}

/// Fuel is counted in a component's own code, and nowhere else.
fn metered(limits: &Limits, program: Option<AgentKind>) -> Result<(), Refusal> {
    match (limits.fuel, program) {
        (Some(_), Some(agent)) => {
            let message = format!("fuel is not enforced for a {agent}: only components are metered");
            Err(Refusal::new(Code::InvalidManifest, message)
                .help("take `fuel` out of [limits]; `timeout` bounds every run"))
        }
        _ => Ok(()),
    }
}

/// Nothing holds a component to a part of its core.
fn slowed_down(limits: &Limits, component: bool) -> Result<(), Refusal> {
    match limits.cpu {
        Some(cpu) if component && cpu < ONE_CORE => {
            let message = format!("cpu = {cpu} is not enforced for a component, which keeps one core busy at the most");
            Err(Refusal::new(Code::InvalidManifest, message)
                .help("take `cpu` out of [limits], or set it to 1; `fuel` bounds what a component computes"))
        }
        _ => Ok(()),
    }
}

/// Nobody stands between a program and its network: it has all of it, or none.
fn reached(grants: &Grants) -> Result<(), Refusal> {
    let narrow = !grants.sockets.is_empty() && !grants.whole_network();
    let others = [
        ("http", !grants.http.is_empty()),
        ("networks", !grants.networks.is_empty()),
        ("files", !grants.files.is_empty()),
        ("sockets", narrow),
    ];
    match others.iter().find(|(_, asked)| *asked) {
        None => Ok(()),
        Some(("sockets", _)) => {
            let message = "grants.sockets has some addresses, and a process or a container reaches all of them or none";
            Err(Refusal::new(Code::InvalidManifest, message).help(whole_network()))
        }
        Some((name, _)) => {
            let message = format!("grants.{name} means nothing to a process or a container: it is for components");
            Err(Refusal::new(Code::InvalidManifest, message).help(format!("take it out; {}", whole_network())))
        }
    }
}

fn whole_network() -> String {
    let all: Vec<_> = Grants::WHOLE_NETWORK.iter().map(|address| format!("{address:?}")).collect();
    format!("the whole network is sockets = [{}]", all.join(", "))
}

#[cfg(test)]
mod tests {
    use spear_types::{Artifact, Body, Program, Reuse};

    use super::*;

    fn spec(agents: &[AgentKind], grants: &str) -> FunctionSpec {
        let body = |agent: &AgentKind| match agent {
            AgentKind::Wasm => Body::Wasm(Artifact::of(b"")),
            AgentKind::Process => Body::Process(Program::default()),
            AgentKind::Docker => Body::Docker("a".to_owned().try_into().unwrap(), Program::default()),
        };
        FunctionSpec {
            name: "f".parse().unwrap(),
            description: None,
            limits: <_>::default(),
            grants: toml::from_str(grants).unwrap(),
            settings: <_>::default(),
            placement: <_>::default(),
            implementations: agents
                .iter()
                .map(|agent| Implementation { body: body(agent), reuse: Reuse::Never })
                .collect(),
        }
    }

    fn says(limits: &Limits, agents: &[AgentKind], grants: &str) -> String {
        enforceable(limits, &spec(agents, grants)).map_or_else(|refusal| refusal.to_string(), |()| String::new())
    }

    #[test]
    fn fuel_is_for_components_and_less_than_a_core_for_programs() {
        use AgentKind::{Docker, Process, Wasm};
        let fuel = Limits { fuel: Some(1), ..Limits::DEFAULTS };
        let cpu = |millis| Limits { cpu: Some(Cpu::from_millis(millis)), ..Limits::DEFAULTS };
        assert_eq!(says(&fuel, &[Wasm], ""), "");
        assert!(says(&fuel, &[Wasm, Docker], "").contains("fuel is not enforced for a docker"));
        assert_eq!(says(&cpu(500), &[Process, Docker], ""), "");
        assert_eq!(says(&cpu(1_000), &[Wasm, Process], ""), "");
        assert!(says(&cpu(999), &[Process, Wasm], "").contains("cpu = 0.999 is not enforced for a component"));
    }

    #[test]
    fn a_program_reaches_the_whole_network_or_none() {
        use AgentKind::{Process, Wasm};
        let whole = format!("sockets = {:?}", Grants::WHOLE_NETWORK);
        assert_eq!(says(&Limits::DEFAULTS, &[Process], &whole), "");
        let narrow = "sockets = [\"tcp://192.0.2.7:5432\"]";
        assert!(says(&Limits::DEFAULTS, &[Process], narrow).contains("all of them or none"));
        assert_eq!(says(&Limits::DEFAULTS, &[Wasm, Process], narrow), "", "they are the component's");
        for other in ["http = [\"http://a.test\"]", "networks = [\"10.0.0.0/8\"]", "[files]\na = \"read\""] {
            assert!(says(&Limits::DEFAULTS, &[Process], other).contains("means nothing"), "{other}");
        }
    }
}
