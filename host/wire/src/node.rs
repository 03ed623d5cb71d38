//! Nodes.

use spear_types::{NodeInfo, NodeState, Refusal};
use v1::node::{Live, Lost, State};

use crate::{Decode, Encode, payload::timestamp, required, v1};

impl Decode<v1::Node> for NodeInfo {
    fn decode(message: v1::Node) -> Result<Self, Refusal> {
        let v1::Node { name, address, slots, running, spear_version, last_heard, state } = message;
        let state = match required(state, "node.state")? {
            State::Live(Live {}) => NodeState::Live,
            State::Lost(Lost { reason }) => NodeState::Lost { reason },
        };
        let last_heard = timestamp(last_heard, "node.last_heard")?;
        Ok(Self { name: name.try_into()?, address, slots, running, spear_version, last_heard, state })
    }
}

impl Encode<v1::Node> for NodeInfo {
    fn encode(self) -> v1::Node {
        let Self { name, address, slots, running, spear_version, last_heard, state } = self;
        let state = match state {
            NodeState::Live => State::Live(Live {}),
            NodeState::Lost { reason } => State::Lost(Lost { reason }),
        };
        v1::Node {
            name: name.into(),
            address,
            slots,
            running,
            spear_version,
            last_heard: Some(last_heard.into()),
            state: Some(state),
        }
    }
}
