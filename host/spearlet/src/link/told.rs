//! What the SMS is told of the node's agents: what they can run, and what their instances were good for.

use spear_agents::Agents;
use spear_proto::v1;
use spear_types::AgentInfo;
use spear_wire::Encode as _;
use tokio::sync::watch;

/// What was told last, and where news come from.
pub(super) struct Told {
    /// What can run something here; told at once.
    pub(super) able: watch::Receiver<Vec<AgentInfo>>,
    /// What they count; told with the next heartbeat.
    agents: Agents,
    last: Vec<AgentInfo>,
}

impl Told {
    pub(super) fn new(able: watch::Receiver<Vec<AgentInfo>>, agents: Agents) -> Self {
        Self { able, agents, last: Vec::new() }
    }

    /// All there is to say.
    pub(super) fn all(&mut self) -> Vec<v1::Agent> {
        let able = self.able.borrow_and_update().clone();
        let counted = |info: AgentInfo| AgentInfo { instances: self.agents.instances(info.kind), ..info };
        self.last = able.into_iter().map(counted).collect();
        self.last.iter().cloned().map(AgentInfo::encode).collect()
    }

    /// The same, where it is not as it was told last.
    pub(super) fn news(&mut self) -> Option<v1::Agents> {
        let before = std::mem::take(&mut self.last);
        let agents = self.all();
        (before != self.last).then_some(v1::Agents { agents })
    }
}
