//! Nodes, as a person sees them.

use std::time::SystemTime;

use spear_types::{AgentInfo, Cpu, Duty, InstanceCounts, MAX_WAIT, NodeInfo, NodeState, Penalty};

use crate::output::{bad, counted, good, printable, size, table, time};

pub(super) fn list(nodes: &[NodeInfo]) -> String {
    if nodes.is_empty() {
        return String::new();
    }
    let row = |node: &NodeInfo| {
        [
            node.name.to_string(),
            // Without colours: only a last column may have them, or the others stand askew.
            state(node, |name, _| name.to_owned()),
            format!("{}/{}", node.reserved.slots, node.capacity.slots),
            format!("{}/{}{}", cores(node.reserved.cpu), cores(node.capacity.cpu), busy(node, &tenths(node.load.cpu))),
            format!(
                "{}/{}{}",
                size(node.reserved.memory),
                size(node.capacity.memory),
                busy(node, &size(node.load.memory))
            ),
            labels(node, ","),
            node.penalty.map(penalty).unwrap_or_default(),
            time(node.last_heard),
            reason(node),
        ]
    };
    let header = ["NAME", "STATE", "SLOTS", "CPU", "MEMORY", "LABELS", "PENALTY", "LAST HEARD", "REASON"];
    table(header, nodes.iter().map(row))
}

pub(super) fn describe(node: &NodeInfo) -> String {
    let reason = Some(reason(node)).filter(|reason| !reason.is_empty()).map(|reason| format!(": {reason}"));
    let mut lines = vec![
        format!("{} at {}", node.name, printable(&node.address)),
        format!("  state       {}{}", state(node, coloured), reason.unwrap_or_default()),
        format!("  last heard  {}", time(node.last_heard)),
    ];
    lines.extend(node.penalty.map(|penalty| format!("  penalty     {}", bad(self::penalty(penalty)))));
    lines.push(format!("  labels      {}", labels(node, ", ")));
    lines.push(format!("  agents      {}", printable(&agents(&node.agents))));
    lines.extend(node.agents.iter().filter_map(|agent| Some(format!("  instances   {}", instances(agent)?))));
    lines.push(format!("  artifacts   {}", node.artifacts));
    lines.push(format!("  spear       {}", printable(&node.spear_version)));
    // What it was busy with when it fell silent tells nothing.
    let now = |busy: String| if node.state == NodeState::Live { busy } else { "-".to_owned() };
    let has = table(
        ["  HAS", "ALL", "GIVEN AWAY", "BUSY"],
        [
            [
                "  slots".to_owned(),
                node.capacity.slots.to_string(),
                node.reserved.slots.to_string(),
                now(node.load.running.to_string()),
            ],
            ["  cpu".to_owned(), cores(node.capacity.cpu), cores(node.reserved.cpu), now(tenths(node.load.cpu))],
            [
                "  memory".to_owned(),
                size(node.capacity.memory),
                size(node.reserved.memory),
                now(size(node.load.memory)),
            ],
        ],
    );
    format!("{}\n\n{has}", lines.join("\n"))
}

/// Whether it can be reached, and whether it is to take work.
fn state(node: &NodeInfo, colour: impl Fn(&str, bool) -> String) -> String {
    let state = match node.state {
        NodeState::Live => colour("live", true),
        NodeState::Disconnected { .. } => colour("disconnected", false),
        NodeState::Lost { .. } => colour("lost", false),
    };
    match node.duty {
        Duty::Open => state,
        duty => {
            let until = drain_until(duty).map(|until| format!(" until {}", time(until))).unwrap_or_default();
            format!("{state}, {duty}{until}")
        }
    }
}

fn coloured(name: &str, well: bool) -> String {
    if well { good(name) } else { bad(name) }
}

/// When what is left moves; nothing where it may take as long as it does.
pub(crate) fn drain_until(duty: Duty) -> Option<SystemTime> {
    let Duty::Draining { until } = duty else { return None };
    let waits = until.duration_since(SystemTime::now()).unwrap_or_default();
    (waits < MAX_WAIT).then_some(until)
}

fn reason(node: &NodeInfo) -> String {
    match &node.state {
        // It works, but not for every function.
        NodeState::Live => printable(&unavailable(&node.agents)),
        NodeState::Disconnected { reason } | NodeState::Lost { reason } => printable(reason),
    }
}

fn penalty(Penalty { failures, until }: Penalty) -> String {
    let failures = counted(failures, "failure");
    if until <= SystemTime::now() {
        return format!("{failures}, may be tried again");
    }
    format!("{failures}, avoided until {}", time(until))
}

/// What its machine is busy with: only a node that is heard of says so.
fn busy(node: &NodeInfo, load: &str) -> String {
    if node.state == NodeState::Live { format!(" ({load} busy)") } else { String::new() }
}

fn labels(node: &NodeInfo, between: &str) -> String {
    let labels: Vec<String> = node.labels.iter().map(|(label, value)| format!("{label}={value}")).collect();
    labels.join(between)
}

/// Cores that are measured: what is behind the first digit changes while one looks.
fn tenths(cpu: Cpu) -> String {
    format!("{:.1}", f64::from(cpu.as_millis()) / 1e3)
}

/// Cores: `0.5`, `8`.
pub(crate) fn cores(cpu: Cpu) -> String {
    let cores = format!("{:.3}", f64::from(cpu.as_millis()) / 1e3);
    cores.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Each, and why one can run nothing now.
fn agents(agents: &[AgentInfo]) -> String {
    let agent = |AgentInfo { kind, unavailable, .. }: &AgentInfo| match unavailable {
        Some(why) => format!("{kind} (unavailable: {why})"),
        None => kind.to_string(),
    };
    agents.iter().map(agent).collect::<Vec<_>>().join(", ")
}

/// What its instances that wait for calls were good for; nothing where it never had any.
fn instances(agent: &AgentInfo) -> Option<String> {
    let InstanceCounts { idle, hits, misses, starts } = agent.instances;
    let counts = format!("{}: {idle} idle, {starts} started, {hits} hits, {misses} misses", agent.kind);
    (agent.instances != InstanceCounts::default()).then_some(counts)
}

/// The agents that can run nothing now, and why.
fn unavailable(agents: &[AgentInfo]) -> String {
    let why = agents.iter().filter_map(|agent| Some(format!("{}: {}", agent.kind, agent.unavailable.as_ref()?)));
    why.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_shown_once_there_are_any() {
        let never = AgentInfo::able(spear_types::AgentKind::Wasm);
        assert_eq!(instances(&never), None);
        let counts = InstanceCounts { idle: 1, hits: 5, misses: 2, starts: 3 };
        let shown = instances(&AgentInfo { instances: counts, ..never }).unwrap();
        assert_eq!(shown, "wasm: 1 idle, 3 started, 5 hits, 2 misses");
    }

    #[test]
    fn cores_have_no_digit_too_many() {
        for (millis, text) in [(0, "0"), (500, "0.5"), (1_000, "1"), (10_000, "10"), (1_001, "1.001")] {
            assert_eq!(cores(Cpu::from_millis(millis)), text);
        }
    }
}
