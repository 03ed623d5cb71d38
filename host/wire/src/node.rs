//! Nodes.

use spear_types::{AgentInfo, Capacity, Cpu, Duty, Labels, Load, NodeInfo, NodeState, Penalty, Refusal, Reserved};
use v1::node::{Disconnected, Live, Lost, State};

use crate::{Decode, Encode, invalid, payload::timestamp, required, v1};

impl Decode<v1::Node> for NodeInfo {
    fn decode(message: v1::Node) -> Result<Self, Refusal> {
        let v1::Node {
            name,
            address,
            slots,
            running,
            spear_version,
            last_heard,
            state,
            cpu_millis,
            memory_bytes,
            reserved_slots,
            reserved_cpu_millis,
            reserved_memory_bytes,
            busy_cpu_millis,
            busy_memory_bytes,
            labels,
            agents,
            artifacts,
            penalty,
            duty,
            drain_until,
        } = message;
        let reserved_cpu = Cpu::decode(reserved_cpu_millis)?;
        Ok(Self {
            name: name.try_into()?,
            address,
            spear_version,
            capacity: Capacity { slots, cpu: Cpu::decode(cpu_millis)?, memory: memory_bytes },
            reserved: Reserved { slots: reserved_slots, cpu: reserved_cpu, memory: reserved_memory_bytes },
            load: Load { running, cpu: Cpu::decode(busy_cpu_millis)?, memory: busy_memory_bytes },
            labels: Labels::decode(labels)?,
            agents: agents.into_iter().map(AgentInfo::decode).collect::<Result<_, _>>()?,
            artifacts,
            penalty: penalty.map(Penalty::decode).transpose()?,
            last_heard: timestamp(last_heard, "node.last_heard")?,
            state: NodeState::decode(required(state, "node.state")?)?,
            duty: decode_duty(duty, drain_until)?,
        })
    }
}

impl Encode<v1::Node> for NodeInfo {
    fn encode(self) -> v1::Node {
        let Self {
            name,
            address,
            spear_version,
            capacity,
            reserved,
            load,
            labels,
            agents,
            artifacts,
            penalty,
            last_heard,
            state,
            duty,
        } = self;
        let (duty, drain_until) = match duty {
            Duty::Open => (v1::Duty::Open, None),
            Duty::Cordoned => (v1::Duty::Cordoned, None),
            Duty::Draining { until } => (v1::Duty::Draining, Some(until.into())),
            Duty::Drained => (v1::Duty::Drained, None),
        };
        v1::Node {
            name: name.into(),
            address,
            slots: capacity.slots,
            running: load.running,
            spear_version,
            last_heard: Some(last_heard.into()),
            state: Some(state.encode()),
            cpu_millis: capacity.cpu.as_millis(),
            memory_bytes: capacity.memory,
            reserved_slots: reserved.slots,
            reserved_cpu_millis: reserved.cpu.as_millis(),
            reserved_memory_bytes: reserved.memory,
            busy_cpu_millis: load.cpu.as_millis(),
            busy_memory_bytes: load.memory,
            labels: labels.encode(),
            agents: agents.into_iter().map(Encode::encode).collect(),
            artifacts,
            penalty: penalty.map(Encode::encode),
            duty: duty.into(),
            drain_until,
        }
    }
}

impl Decode<State> for NodeState {
    fn decode(message: State) -> Result<Self, Refusal> {
        Ok(match message {
            State::Live(Live {}) => Self::Live,
            State::Lost(Lost { reason }) => Self::Lost { reason },
            State::Disconnected(Disconnected { reason }) => Self::Disconnected { reason },
        })
    }
}

impl Encode<State> for NodeState {
    fn encode(self) -> State {
        match self {
            Self::Live => State::Live(Live {}),
            Self::Lost { reason } => State::Lost(Lost { reason }),
            Self::Disconnected { reason } => State::Disconnected(Disconnected { reason }),
        }
    }
}

impl Decode<v1::Penalty> for Penalty {
    fn decode(message: v1::Penalty) -> Result<Self, Refusal> {
        let v1::Penalty { failures, until } = message;
        Ok(Self { failures, until: timestamp(until, "penalty.until")? })
    }
}

impl Encode<v1::Penalty> for Penalty {
    fn encode(self) -> v1::Penalty {
        v1::Penalty { failures: self.failures, until: Some(self.until.into()) }
    }
}

fn decode_duty(duty: i32, until: Option<prost_types::Timestamp>) -> Result<Duty, Refusal> {
    Ok(match v1::Duty::try_from(duty) {
        Ok(v1::Duty::Open) => Duty::Open,
        Ok(v1::Duty::Cordoned) => Duty::Cordoned,
        Ok(v1::Duty::Draining) => Duty::Draining { until: timestamp(until, "node.drain_until")? },
        Ok(v1::Duty::Drained) => Duty::Drained,
        Ok(v1::Duty::Unspecified) | Err(_) => return Err(invalid(format!("{duty} is no duty"))),
    })
}
