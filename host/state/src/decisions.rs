//! Why tasks run where they run.

use std::collections::{BTreeMap, VecDeque};

use spear_placement::Decision;
use spear_types::TaskId;

/// So many are kept at the most.
const KEPT: usize = 10_000;

/// And so many nodes that they looked at: some tens of megabytes.
const KEPT_NODES: usize = 200_000;

/// The last decision of each of the tasks that were placed last.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    by_task: BTreeMap<TaskId, (u64, Decision)>,
    /// In the order they were made; those that are not the last of their task are skipped.
    order: VecDeque<(u64, TaskId)>,
    made: u64,
    /// How many nodes they looked at.
    nodes: usize,
}

impl Decisions {
    pub(crate) fn note(&mut self, task: TaskId, decision: Decision) {
        self.made += 1;
        self.nodes += decision.considered.len();
        if let Some((_, before)) = self.by_task.insert(task, (self.made, decision)) {
            self.nodes -= before.considered.len();
        }
        self.order.push_back((self.made, task));
        while self.order.len() > KEPT || (self.nodes > KEPT_NODES && self.order.len() > 1) {
            self.drop_oldest();
        }
    }

    pub(crate) fn get(&self, task: TaskId) -> Option<&Decision> {
        self.by_task.get(&task).map(|(_, decision)| decision)
    }

    fn drop_oldest(&mut self) {
        if let Some((made, task)) = self.order.pop_front()
            && self.by_task.get(&task).is_some_and(|(last, _)| *last == made)
            && let Some((_, dropped)) = self.by_task.remove(&task)
        {
            self.nodes -= dropped.considered.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use spear_placement::{Ask, Considered, Filter, Fleet, NodeSpec, Verdict};
    use spear_types::{Agents, Capacity, Constraints, PlacementPolicy, Resources, Timestamp};

    use super::*;

    fn decision(at: u64) -> Decision {
        let nothing = Constraints::default;
        let ask = Ask {
            function: "f".parse().unwrap(),
            resources: Resources::default(),
            constraints: nothing(),
            prefer: nothing(),
            avoid: nothing(),
            policy: PlacementPolicy::Spread,
            agents: Agents::default(),
            artifact: None,
        };
        let at = Timestamp::from_micros(at);
        Decision { at, ask: Arc::new(ask), node: None, considered: Vec::new(), others: Vec::new() }
    }

    /// The ids sort as the numbers do.
    fn task_id(number: u64) -> TaskId {
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&number.to_be_bytes());
        TaskId::from_bytes(bytes)
    }

    #[test]
    fn the_last_decision_of_a_task_is_kept_until_ten_thousand_newer_ones_were_made() {
        let mut decisions = Decisions::default();
        decisions.note(task_id(0), decision(1));
        decisions.note(task_id(0), decision(2));
        for number in 1..KEPT as u64 {
            decisions.note(task_id(number), decision(3));
        }
        assert_eq!(decisions.get(task_id(0)).map(|decision| decision.at), Some(Timestamp::from_micros(2)));
        decisions.note(task_id(1), decision(4));
        assert_eq!(decisions.get(task_id(0)), None);
        assert_eq!(decisions.by_task.len(), KEPT - 1);
    }

    #[test]
    fn fewer_are_kept_where_each_looked_at_many_nodes() {
        let spec = NodeSpec {
            name: "n1".parse().unwrap(),
            capacity: Capacity::default(),
            labels: [].into(),
            agents: Vec::new(),
            artifacts: [].into(),
        };
        let considered =
            Considered { node: Fleet::default().join(spec), verdict: Verdict::Rejected(Filter::Agent(None)) };
        let wide = || Decision { considered: vec![considered.clone(); KEPT_NODES / 10], ..decision(1) };
        let mut decisions = Decisions::default();
        (0..11).for_each(|number| decisions.note(task_id(number), wide()));
        assert!(decisions.get(task_id(0)).is_none() && decisions.get(task_id(1)).is_some());
        // The same task once more counts once.
        (0..20).for_each(|_| decisions.note(task_id(10), wide()));
        assert!(decisions.get(task_id(9)).is_some());
    }
}
