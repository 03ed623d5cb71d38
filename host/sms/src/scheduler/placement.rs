//! Which node a call runs on: pure, without a clock and without I/O.

use spear_types::{Code, NodeInfo, NodeName, NodeState, Refusal};

use crate::nodes::SHOWN;

/// What placement knows of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The node as it reported itself.
    pub(crate) node: NodeInfo,
    /// Calls that the SMS itself has under way on it: newer than any report.
    pub(crate) in_flight: u32,
}

/// The live node with the largest share of free slots; of equals the first by name.
///
/// # Errors
/// `NoNodeFits` when none is live, `QueueFull` when every live one is full; both say why for each node.
pub(crate) fn place(candidates: &[Candidate]) -> Result<NodeName, Refusal> {
    let fits = candidates.iter().filter(|candidate| candidate.fits());
    let best =
        fits.min_by(|one, other| one.load().cmp(&other.load()).then_with(|| one.node.name.cmp(&other.node.name)));
    best.map(|candidate| candidate.node.name.clone()).ok_or_else(|| refuse(candidates))
}

impl Candidate {
    fn fits(&self) -> bool {
        self.node.state == NodeState::Live && self.in_flight < self.node.capacity.slots
    }

    /// Taken slots in millionths of all.
    fn load(&self) -> u64 {
        u64::from(self.in_flight) * 1_000_000 / u64::from(self.node.capacity.slots.max(1))
    }

    fn why_not(&self) -> String {
        match &self.node.state {
            NodeState::Live => format!("{}: all {} slots are taken", self.node.name, self.node.capacity.slots),
            NodeState::Disconnected { reason } | NodeState::Lost { reason } => {
                format!("{}: lost, {reason}", self.node.name)
            }
        }
    }
}

fn refuse(candidates: &[Candidate]) -> Refusal {
    let why: Vec<String> = candidates.iter().take(SHOWN).map(Candidate::why_not).collect();
    if candidates.iter().any(|candidate| candidate.node.state == NodeState::Live) {
        return Refusal::new(Code::QueueFull, format!("every live node is full: {}", why.join("; ")))
            .help("try again later, or start another node with `spear spearlet`");
    }
    let known = if why.is_empty() { "none was ever registered".to_owned() } else { why.join("; ") };
    Refusal::new(Code::NoNodeFits, format!("no node is live: {known}")).help("start one with `spear spearlet`")
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use proptest::prelude::*;
    use spear_types::{Capacity, Duty, Labels, Load, Reserved};

    use super::*;

    fn node(name: &str, slots: u32, in_flight: u32, state: NodeState) -> Candidate {
        let node = NodeInfo {
            name: name.parse().unwrap(),
            address: "http://127.0.0.1:1".to_owned(),
            capacity: Capacity { slots, ..Capacity::default() },
            reserved: Reserved::default(),
            load: Load::default(),
            labels: Labels::new(),
            agents: Vec::new(),
            artifacts: 0,
            penalty: None,
            duty: Duty::Open,
            spear_version: "0.1.0".to_owned(),
            last_heard: SystemTime::UNIX_EPOCH,
            state,
        };
        Candidate { node, in_flight }
    }

    fn lost() -> NodeState {
        NodeState::Lost { reason: "its link broke".to_owned() }
    }

    #[test]
    fn the_emptiest_live_node_is_taken_by_share_and_not_by_count() {
        let nodes = [
            node("small", 10, 5, NodeState::Live),
            node("large", 100, 20, NodeState::Live),
            node("lost", 100, 0, lost()),
        ];
        assert_eq!(place(&nodes).unwrap().as_str(), "large");
    }

    #[test]
    fn a_refusal_says_why_for_each_node() {
        let gone = place(&[node("a", 1, 0, lost())]).unwrap_err();
        assert_eq!(gone.code, Code::NoNodeFits);
        assert!(gone.message.contains("a: lost, its link broke"), "{gone}");
        let full = place(&[node("a", 1, 0, lost()), node("b", 2, 2, NodeState::Live)]).unwrap_err();
        assert_eq!(full.code, Code::QueueFull);
        assert!(full.message.contains("b: all 2 slots are taken"), "{full}");
        assert_eq!(place(&[]).unwrap_err().code, Code::NoNodeFits);
    }

    proptest! {
        #[test]
        fn a_full_or_lost_node_is_never_taken(loads in proptest::collection::vec((0u32..4, 0u32..4, any::<bool>()), 0..8)) {
            let state = |live| if live { NodeState::Live } else { lost() };
            let nodes: Vec<_> = loads
                .iter()
                .enumerate()
                .map(|(index, (slots, in_flight, live))| node(&format!("n{index}"), *slots, *in_flight, state(*live)))
                .collect();
            let fits = |candidate: &&Candidate| candidate.in_flight < candidate.node.capacity.slots && candidate.node.state == NodeState::Live;
            match place(&nodes) {
                Ok(name) => prop_assert!(nodes.iter().filter(fits).any(|candidate| candidate.node.name == name)),
                Err(_) => prop_assert_eq!(nodes.iter().find(fits), None),
            }
        }
    }
}
