//! Why tasks run where they run.

use std::collections::{BTreeMap, VecDeque};

use spear_placement::Decision;
use spear_types::TaskId;

/// So many are kept.
pub(crate) const KEPT: usize = 10_000;

/// The last decision of each of the tasks that were placed last.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    by_task: BTreeMap<TaskId, (u64, Decision)>,
    /// In the order they were made; those that are not the last of their task are skipped.
    order: VecDeque<(u64, TaskId)>,
    made: u64,
}

impl Decisions {
    pub(crate) fn note(&mut self, task: TaskId, decision: Decision) {
        self.made += 1;
        self.by_task.insert(task, (self.made, decision));
        self.order.push_back((self.made, task));
        while self.order.len() > KEPT {
            self.drop_oldest();
        }
    }

    pub(crate) fn get(&self, task: TaskId) -> Option<&Decision> {
        self.by_task.get(&task).map(|(_, decision)| decision)
    }

    fn drop_oldest(&mut self) {
        if let Some((made, task)) = self.order.pop_front()
            && self.by_task.get(&task).is_some_and(|(last, _)| *last == made)
        {
            self.by_task.remove(&task);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use spear_placement::Ask;
    use spear_types::{Constraints, Digest, PlacementPolicy, Resources, Timestamp};

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
            agent: "wasm",
            artifact: Digest::of(b"f"),
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
}
