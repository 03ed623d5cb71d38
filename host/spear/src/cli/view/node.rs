//! Nodes.

use serde_json::{Value, json};
use spear_types::{AgentInfo, NodeInfo, NodeState};

use crate::{cli::node::drain_until, output};

pub(crate) fn node(node: &NodeInfo) -> Value {
    let (state, reason) = match &node.state {
        NodeState::Live => ("live", None),
        NodeState::Disconnected { reason } => ("disconnected", Some(reason)),
        NodeState::Lost { reason } => ("lost", Some(reason)),
    };
    let drain_until = drain_until(node.duty).map(output::time);
    let penalty =
        node.penalty.map(|penalty| json!({ "failures": penalty.failures, "until": output::time(penalty.until) }));
    json!({
        "name": node.name,
        "address": node.address,
        "slots": node.capacity.slots,
        "running": node.load.running,
        "cpu_millis": node.capacity.cpu.as_millis(),
        "memory_bytes": node.capacity.memory,
        "reserved": {
            "slots": node.reserved.slots,
            "cpu_millis": node.reserved.cpu.as_millis(),
            "memory_bytes": node.reserved.memory,
        },
        "busy": { "cpu_millis": node.load.cpu.as_millis(), "memory_bytes": node.load.memory },
        "labels": node.labels,
        "agents": node.agents.iter().map(agent).collect::<Vec<_>>(),
        "artifacts": node.artifacts,
        "penalty": penalty,
        "spear_version": node.spear_version,
        "last_heard": output::time(node.last_heard),
        "state": state,
        "reason": reason,
        "duty": node.duty.to_string(),
        "drain_until": drain_until,
    })
}

fn agent(agent: &AgentInfo) -> Value {
    json!({ "agent": agent.kind, "unavailable": agent.unavailable, "instances": agent.instances })
}
