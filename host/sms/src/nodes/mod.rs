//! The nodes that the SMS knows, and what is under way on each.

mod link;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use spear_proto::v1::spearlet_service_client::SpearletServiceClient;
use spear_types::{Capacity, Code, Duty, Labels, Load, NodeInfo, NodeName, NodeState, Refusal, Reserved};
use tonic::transport::{Channel, Endpoint};

pub(crate) use self::link::{Lease, Outbound, serve};
use crate::scheduler::Candidate;

/// How long a lost node is still shown, with its reason.
const FORGET: Duration = Duration::from_secs(24 * 3600);

/// The most nodes that one refusal names.
pub(crate) const SHOWN: usize = 10;

/// Every node that registered since the SMS started; a cheap clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Nodes {
    known: Arc<Mutex<BTreeMap<NodeName, Node>>>,
}

#[derive(Debug)]
struct Node {
    info: NodeInfo,
    in_flight: u32,
    client: SpearletServiceClient<Channel>,
    /// Counts registrations, so that the end of an older link does not lose a node that is back already.
    registration: u64,
}

/// A node's registration; dropping it loses the node.
#[derive(Debug)]
pub(crate) struct Registration {
    nodes: Nodes,
    name: NodeName,
    number: u64,
    reason: String,
}

/// One call on its way; dropping it gives the slot back.
#[derive(Debug)]
pub(crate) struct InFlight {
    nodes: Nodes,
    name: NodeName,
    /// The node's gRPC.
    pub(crate) client: SpearletServiceClient<Channel>,
}

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Introduction {
    pub(crate) name: NodeName,
    pub(crate) address: String,
    pub(crate) slots: u32,
    pub(crate) spear_version: String,
}

impl Nodes {
    /// Makes a node live. `client` is how it is reached.
    ///
    /// # Errors
    /// `NameTaken` when a live node of this name is somewhere else.
    pub(crate) fn register(
        &self,
        node: Introduction,
        client: SpearletServiceClient<Channel>,
    ) -> Result<Registration, Refusal> {
        let Introduction { name, address, slots, spear_version } = node;
        let mut known = self.lock();
        known.retain(|_, node| !node.is_forgotten());
        let before = known.get(&name);
        if let Some(other) = before.filter(|other| other.info.state == NodeState::Live && other.info.address != address)
        {
            let message = format!("the name {name} belongs to the live node at {}", other.info.address);
            return Err(Refusal::new(Code::NameTaken, message).help("give the node another name with `--name`"));
        }
        // Calls of the older registration may still be under way: they give their slots back to this one.
        let (number, in_flight) = before.map_or((0, 0), |node| (node.registration + 1, node.in_flight));
        let state = NodeState::Live;
        let info = NodeInfo {
            name: name.clone(),
            address,
            capacity: Capacity { slots, ..Capacity::default() },
            reserved: Reserved::default(),
            load: Load::default(),
            labels: Labels::new(),
            agents: vec!["wasm".to_owned()],
            artifacts: 0,
            penalty: None,
            spear_version,
            last_heard: SystemTime::now(),
            state,
            duty: Duty::Open,
        };
        known.insert(name.clone(), Node { info, in_flight, client, registration: number });
        Ok(Registration { nodes: self.clone(), name, number, reason: "its link broke".to_owned() })
    }

    /// Every node, by name.
    pub(crate) fn list(&self) -> Vec<NodeInfo> {
        self.lock().values().map(|node| node.info.clone()).collect()
    }

    /// One node.
    ///
    /// # Errors
    /// `UnknownNode` names those there are.
    pub(crate) fn get(&self, name: &NodeName) -> Result<NodeInfo, Refusal> {
        let known = self.lock();
        known.get(name).map(|node| node.info.clone()).ok_or_else(|| {
            let names: Vec<&str> = known.keys().map(NodeName::as_str).take(SHOWN).collect();
            Refusal::new(Code::UnknownNode, format!("no node is named {name}; known are: {}", names.join(", ")))
        })
    }

    /// Chooses a node with `place` and takes one of its slots, in one step.
    pub(crate) fn take(
        &self,
        place: impl FnOnce(&[Candidate]) -> Result<NodeName, Refusal>,
    ) -> Result<InFlight, Refusal> {
        let mut known = self.lock();
        let candidate = |node: &Node| Candidate { node: node.info.clone(), in_flight: node.in_flight };
        let candidates: Vec<Candidate> = known.values().map(candidate).collect();
        let name = place(&candidates)?;
        let node = known
            .get_mut(&name)
            .ok_or_else(|| Refusal::new(Code::Internal, format!("{name} was placed and is unknown")))?;
        node.in_flight += 1;
        Ok(InFlight { nodes: self.clone(), client: node.client.clone(), name })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeName, Node>> {
        // Every change is one assignment, so a poisoned map is still a map.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    /// Whether it was lost so long ago that nobody asks for it any more.
    fn is_forgotten(&self) -> bool {
        let lost = matches!(self.info.state, NodeState::Lost { .. }) && self.in_flight == 0;
        lost && self.info.last_heard.elapsed().is_ok_and(|silent| silent > FORGET)
    }
}

impl Registration {
    /// Notes a heartbeat.
    pub(crate) fn heard(&self, running: u32) {
        self.update(|info| {
            info.load.running = running;
            info.last_heard = SystemTime::now();
        });
    }

    /// Says why the node will be lost when this is dropped.
    pub(crate) fn lose(mut self, reason: String) {
        self.reason = reason;
    }

    fn update(&self, change: impl FnOnce(&mut NodeInfo)) {
        if let Some(node) = self.nodes.lock().get_mut(&self.name)
            && node.registration == self.number
        {
            change(&mut node.info);
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let reason = std::mem::take(&mut self.reason);
        tracing::warn!(node = %self.name, reason, "node lost");
        self.update(|info| info.state = NodeState::Lost { reason });
    }
}

impl InFlight {
    /// The node it runs on.
    pub(crate) fn name(&self) -> &NodeName {
        &self.name
    }

    /// Why the node is lost, where it is: the link knows sooner and better than a broken call.
    pub(crate) fn lost(&self) -> Option<String> {
        match self.nodes.lock().get(&self.name).map(|node| node.info.state.clone()) {
            Some(NodeState::Lost { reason }) => Some(reason),
            Some(NodeState::Live | NodeState::Disconnected { .. }) | None => None,
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(node) = self.nodes.lock().get_mut(&self.name) {
            node.in_flight = node.in_flight.saturating_sub(1);
        }
    }
}

/// A client of the node at `address`; connects with its first call.
///
/// # Errors
/// `InvalidRequest` when the address is no URL.
pub(crate) fn client(address: &str, max_message: usize) -> Result<SpearletServiceClient<Channel>, Refusal> {
    let invalid = |error| Refusal::new(Code::InvalidRequest, format!("{address:?} is no address of a node: {error}"));
    let endpoint = Endpoint::from_shared(address.to_owned()).map_err(invalid)?;
    let channel = endpoint.tcp_nodelay(true).connect_timeout(link::KEEP_ALIVE).connect_lazy();
    Ok(SpearletServiceClient::new(channel)
        .max_decoding_message_size(max_message)
        .max_encoding_message_size(max_message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::place;

    fn introduce(nodes: &Nodes, name: &str, address: &str) -> Result<Registration, Refusal> {
        let node = Introduction {
            name: name.parse().unwrap(),
            address: address.to_owned(),
            slots: 2,
            spear_version: "0".to_owned(),
        };
        nodes.register(node, client(address, 1024).unwrap())
    }

    #[tokio::test]
    async fn a_slot_is_taken_while_a_call_is_in_flight() {
        let nodes = Nodes::default();
        let _registration = introduce(&nodes, "n1", "http://127.0.0.1:1").unwrap();
        let first = nodes.take(place).unwrap();
        let _second = nodes.take(place).unwrap();
        assert_eq!(nodes.take(place).unwrap_err().code, Code::QueueFull);
        drop(first);
        assert!(nodes.take(place).is_ok());
    }

    #[tokio::test]
    async fn a_dropped_registration_loses_the_node_with_its_reason() {
        let nodes = Nodes::default();
        introduce(&nodes, "n1", "http://127.0.0.1:1").unwrap().lose("its heartbeats stopped".to_owned());
        let refusal = nodes.take(place).unwrap_err();
        assert!(refusal.message.contains("n1: lost, its heartbeats stopped"), "{refusal}");
    }

    #[tokio::test]
    async fn the_end_of_an_older_link_does_not_lose_a_node_that_is_back() {
        let nodes = Nodes::default();
        let old = introduce(&nodes, "n1", "http://127.0.0.1:1").unwrap();
        let _new = introduce(&nodes, "n1", "http://127.0.0.1:1").unwrap();
        drop(old);
        assert_eq!(nodes.list()[0].state, NodeState::Live);
    }

    #[tokio::test]
    async fn a_live_nodes_name_cannot_be_taken_from_another_address() {
        let nodes = Nodes::default();
        let _live = introduce(&nodes, "n1", "http://127.0.0.1:1").unwrap();
        assert_eq!(introduce(&nodes, "n1", "http://127.0.0.1:2").unwrap_err().code, Code::NameTaken);
    }
}
