//! Whether nodes take work: the operator's word, which outlives links and programs.

use spear_placement::NodeId;
use spear_types::{Code, Duty, NodeName, Refusal, Timestamp};

use crate::{Answer, Change, State, pass::Pass, timers::Timer};

impl State {
    pub(crate) fn set_duty(&mut self, name: NodeName, duty: Duty, pass: &mut Pass<'_>) -> Result<Answer, Refusal> {
        if duty == Duty::Drained {
            let message = format!("whether {name} is drained is found out, and not set");
            return Err(Refusal::new(Code::InvalidRequest, message).help("set open, cordoned or draining"));
        }
        let id = self.nodes.fleet.find(&name);
        if id.is_none() && !self.nodes.duties.contains_key(&name) {
            return Err(self.nodes.unknown(&name));
        }
        self.change_duty(name, id, duty, pass);
        if let Some(id) = id {
            self.recall(id, pass);
            self.drained(id, pass);
            pass.more_room(id);
        }
        Ok(Answer::Done)
    }

    /// A node that is drained and has nothing left is drained.
    pub(crate) fn drained(&mut self, id: NodeId, pass: &mut Pass<'_>) {
        let Some(node) = self.nodes.known.get(&id).filter(|node| node.is_vacant()) else { return };
        if self.is_draining(id) {
            let name = node.holder.node.clone();
            self.change_duty(name, Some(id), Duty::Drained, pass);
        }
    }

    /// Until when a node that is drained may finish what runs.
    pub(crate) fn drain_end(&self, node: NodeId) -> Option<Timestamp> {
        match self.nodes.fleet.duty(node) {
            Duty::Draining { until } => Some(until.into()),
            Duty::Open | Duty::Cordoned | Duty::Drained => None,
        }
    }

    fn change_duty(&mut self, name: NodeName, id: Option<NodeId>, duty: Duty, pass: &mut Pass<'_>) {
        if self.nodes.duty(&name) == duty {
            return;
        }
        match duty {
            Duty::Open => self.nodes.duties.remove(&name),
            duty => self.nodes.duties.insert(name.clone(), duty),
        };
        if let Some(id) = id {
            let before = self.drain_end(id);
            before.into_iter().for_each(|before| self.timers.remove(before, Timer::Drain(id)));
            self.nodes.fleet.set_duty(id, duty);
            self.await_drain_end(id);
        }
        pass.remember(Change::Duty(name, duty));
    }

    pub(crate) fn await_drain_end(&mut self, id: NodeId) {
        self.drain_end(id).into_iter().for_each(|until| self.timers.set(until, Timer::Drain(id)));
    }
}
