//! What is asked of the state.

use spear_placement::{Decision, NodeId};
use spear_types::{
    FunctionName, NodeInfo, NodeName, Refusal, ScheduleInfo, ScheduleName, TaskId, TaskInfo, TaskOptions, Timestamp,
};

use crate::{
    Counts, Page, ScheduleRecord, State,
    schedules::{self, Schedule},
    tasks::{Place, Places, Task},
};

/// So many tasks are looked at for one page: with a million of them, nobody else waits for a filter that takes none.
const LOOKED_AT: usize = 10_000;

impl State {
    /// A task that has not ended.
    #[must_use]
    pub fn task(&self, task: TaskId) -> Option<TaskInfo> {
        self.tasks.get(task).map(Task::info)
    }

    /// How a task that has not ended is tried.
    #[must_use]
    pub fn options(&self, task: TaskId) -> Option<TaskOptions> {
        self.tasks.get(task).map(|task| task.record.options())
    }

    /// Tasks that have not ended, newest first, before `before`, at most `limit` of those that `wanted` takes. A page may
    /// be short, so that none takes long.
    pub fn tasks(&self, before: Option<TaskId>, limit: usize, wanted: impl Fn(&TaskInfo) -> bool) -> Page {
        let mut older = self.tasks.before(before);
        let mut page = Page::default();
        let mut last = None;
        for task in older.by_ref().take(LOOKED_AT) {
            last = Some(task.record.id);
            page.tasks.extend(Some(task.info()).filter(&wanted));
            if page.tasks.len() >= limit.max(1) {
                break;
            }
        }
        page.next = older.next().and(last);
        page
    }

    /// The last decision about a task: of one that waits, what it would be now; of the last 10,000 that were placed (fewer
    /// where each looked at many nodes), what it was.
    #[must_use]
    pub fn decision(&self, task: TaskId, now: Timestamp) -> Option<Decision> {
        match self.tasks.get(task) {
            Some(waits) if matches!(waits.place, Place::Queued(_)) => {
                let refused = waits.refused_by.iter().filter(|(_, until)| *until > now);
                let refused: Vec<NodeId> = refused.map(|(node, _)| *node).collect();
                let terms = waits.terms.as_ref()?;
                Some(self.nodes.fleet.explain(&terms.ask, &refused, now))
            }
            _ => self.decisions.get(task).cloned(),
        }
    }

    /// Every node, by name.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeInfo> {
        self.nodes.fleet.iter().filter_map(|id| self.node_info(id)).collect()
    }

    /// One node.
    ///
    /// # Errors
    /// `UnknownNode` names those there are.
    pub fn node(&self, name: &NodeName) -> Result<NodeInfo, Refusal> {
        let known = self.nodes.fleet.find(name).and_then(|id| self.node_info(id));
        known.ok_or_else(|| self.nodes.unknown(name))
    }

    /// A node's name.
    #[must_use]
    pub fn node_name(&self, node: NodeId) -> Option<&NodeName> {
        self.nodes.fleet.name(node)
    }

    /// The schedules, by name.
    #[must_use]
    pub fn schedules(&self) -> Vec<ScheduleInfo> {
        self.schedules.values().map(Schedule::info).collect()
    }

    /// One schedule, and what it submits.
    ///
    /// # Errors
    /// `UnknownSchedule` where none has the name.
    pub fn schedule_of(&self, name: &ScheduleName) -> Result<(ScheduleInfo, ScheduleRecord), Refusal> {
        let found = self.schedules.get(name).map(|schedule| (schedule.info(), schedule.record.clone()));
        found.ok_or_else(|| schedules::unknown(name))
    }

    /// How many tasks are where.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let Places { queued, assigned, running } = self.tasks.places();
        Counts { queued, assigned, running, ended: self.ended }
    }

    /// How many tasks of a function have not ended.
    #[must_use]
    pub fn count_of(&self, function: &FunctionName) -> usize {
        self.functions.count(function)
    }

    fn node_info(&self, id: NodeId) -> Option<NodeInfo> {
        let (node, spec) = (self.nodes.known.get(&id)?, self.nodes.fleet.spec(id)?);
        Some(NodeInfo {
            name: spec.name.clone(),
            address: node.address.clone(),
            spear_version: node.spear_version.clone(),
            capacity: spec.capacity,
            reserved: self.nodes.fleet.reserved(id),
            load: self.nodes.fleet.load(id),
            labels: spec.labels.clone(),
            agents: spec.agents.clone(),
            artifacts: u32::try_from(spec.artifacts.len()).unwrap_or(u32::MAX),
            penalty: self.nodes.fleet.penalty(id),
            last_heard: node.last_heard.into(),
            state: node.state(),
            duty: self.nodes.fleet.duty(id),
        })
    }
}
