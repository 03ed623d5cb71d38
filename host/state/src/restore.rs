//! The state after a restart.

use std::{collections::BTreeMap, sync::Arc};

use spear_types::{FunctionName, FunctionVersion, Timestamp};

use crate::{
    Config, Out, Phase, Remembered, RememberedTask, State,
    moves::function_gone,
    nodes::Absent,
    pass::Pass,
    tasks::{Holder, Holding, Place, Queued, Stop, Task},
    timers::Timer,
};

/// The versions that there are, by function.
type Versions = BTreeMap<FunctionName, BTreeMap<u32, Arc<FunctionVersion>>>;

impl State {
    /// The state after a restart. `functions` are the versions of the remembered tasks, and the newest ones of the
    /// schedules' functions; a queued task whose version is not among them ends as refused.
    #[must_use]
    pub fn restore(
        config: Config,
        remembered: Remembered,
        functions: Vec<Arc<FunctionVersion>>,
        now: Timestamp,
        out: &mut Out,
    ) -> Self {
        let Remembered { tasks, keys, schedules, duties, ended } = remembered;
        let mut versions = Versions::new();
        for function in functions {
            versions.entry(function.name.clone()).or_default().insert(function.version, function);
        }
        let mut state = Self::new(config);
        let mut pass = Pass::new(now, out);
        state.ended = ended;
        state.keys = keys.into_iter().map(|(key, task)| (key.key(), (key, task))).collect();
        state.nodes.duties = duties.into_iter().collect();
        for task in tasks {
            state.restore_task(task, &versions, &mut pass);
        }
        for schedule in schedules {
            let newest = versions.get(&schedule.function).and_then(|versions| versions.last_key_value());
            state.reschedule(schedule, newest.map(|(_, newest)| Arc::clone(newest)), &mut pass);
        }
        state.timers.set(now.after(state.config.lease), Timer::Absent);
        state.now = now;
        state.assign(&mut pass);
        state
    }

    fn restore_task(&mut self, task: RememberedTask, versions: &Versions, pass: &mut Pass<'_>) {
        let RememberedTask { record, progress } = task;
        let id = record.id;
        let function = versions.get(&record.function).and_then(|versions| versions.get(&record.version));
        let terms = function.map(|function| self.functions.terms(function));
        let place = match progress.phase {
            Phase::Queued { not_before } => {
                let wakes = not_before.filter(|time| *time > pass.now);
                Place::Queued(Queued { not_before: wakes, wakes })
            }
            Phase::Assigned { node, incarnation } => {
                let key = (node.clone(), incarnation);
                let holder = Arc::new(Holder { node, incarnation, id: None });
                let absent = self.nodes.absent.entry(key);
                let absent = absent.or_insert_with(|| Absent { holder, tasks: [].into() });
                absent.tasks.insert(id);
                let stop = progress.cancelling.then_some(Stop::Cancelled);
                Place::Assigned(Holding { by: Arc::clone(&absent.holder), stop, next_line: None })
            }
        };
        let gone = matches!(place, Place::Queued(_)) && terms.is_none();
        let (attempt, tries, after, changed) = (progress.attempt, progress.tries, progress.after, progress.changed);
        self.add(Task { attempt, tries, after, changed, ..Task::new(record, terms, place) });
        if let Some(outcome) = self.tasks.get(id).filter(|_| gone).and_then(function_gone) {
            self.end(id, outcome, pass);
        }
    }
}
