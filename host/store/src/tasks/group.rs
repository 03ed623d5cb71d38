//! A group of changes, folded: what is left to be written of each task.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use spear_state::{Change, End, Progress, ScheduleRecord, TaskRecord};
use spear_types::{AttemptId, Call, Duty, FunctionName, LogLine, NodeName, ScheduleName, TaskId};

use crate::Error;

/// What a group comes to. Everything is in the order of its table.
#[derive(Debug, Default)]
pub(super) struct Group<'a> {
    pub(super) tasks: BTreeMap<TaskId, Step<'a>>,
    /// To be removed after the tasks and before the lines are written.
    pub(super) forgotten: BTreeSet<TaskId>,
    /// By task, attempt and number of the first line.
    pub(super) lines: BTreeMap<(TaskId, u32, u64), Written<'a>>,
    pub(super) schedules: BTreeMap<&'a ScheduleName, Option<&'a ScheduleRecord>>,
    pub(super) duties: BTreeMap<&'a NodeName, Duty>,
}

/// How far a task comes with a group.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// It was not there before, and has not ended.
    Submitted { record: &'a TaskRecord, progress: &'a Progress, call: &'a Call },
    /// It was there.
    Progressed(&'a Progress),
    /// It has ended; `submitted` in this group, or before.
    Ended { record: &'a TaskRecord, end: &'a End, submitted: bool },
}

/// Some lines of a log.
#[derive(Debug)]
pub(super) struct Written<'a> {
    pub(super) function: &'a FunctionName,
    pub(super) version: u32,
    pub(super) node: &'a NodeName,
    pub(super) lines: &'a [LogLine],
    pub(super) dropped: u64,
}

impl<'a> Group<'a> {
    /// Folds the changes, in their order. What contradicts the tables and not the group itself is found when it is
    /// written.
    pub(super) fn of(changes: &'a [Change]) -> Result<Self, Error> {
        let mut group = Self::default();
        changes.iter().try_for_each(|change| group.add(change))?;
        Ok(group)
    }

    fn add(&mut self, change: &'a Change) -> Result<(), Error> {
        match change {
            Change::Submitted { record, progress, call } => self.submit(record, progress, call)?,
            Change::Progressed { task, progress } => self.progress(*task, progress)?,
            Change::Ended { record, end } => self.end(record, end)?,
            Change::Logged { attempt, function, version, node, first, lines, dropped } => {
                let AttemptId { task, attempt } = *attempt;
                let written = Written { function, version: *version, node, lines, dropped: *dropped };
                if !lines.is_empty() || *dropped > 0 {
                    self.lines.insert((task, attempt, *first), written);
                }
            }
            Change::Scheduled(schedule) => drop(self.schedules.insert(&schedule.name, Some(schedule))),
            Change::Unscheduled(schedule) => drop(self.schedules.insert(schedule, None)),
            Change::Duty(node, duty) => drop(self.duties.insert(node, *duty)),
            Change::Forgotten(tasks) => tasks.iter().try_for_each(|task| self.forget(*task))?,
        }
        Ok(())
    }

    fn submit(&mut self, record: &'a TaskRecord, progress: &'a Progress, call: &'a Call) -> Result<(), Error> {
        match self.tasks.entry(record.id) {
            Entry::Vacant(place) if !self.forgotten.contains(&record.id) => {
                place.insert(Step::Submitted { record, progress, call });
                Ok(())
            }
            _ => Err(contradiction(record.id, "was submitted before")),
        }
    }

    fn progress(&mut self, task: TaskId, newer: &'a Progress) -> Result<(), Error> {
        match self.tasks.entry(task).or_insert(Step::Progressed(newer)) {
            Step::Submitted { progress, .. } | Step::Progressed(progress) => {
                *progress = newer;
                Ok(())
            }
            Step::Ended { .. } => Err(contradiction(task, "progresses and has ended before")),
        }
    }

    fn end(&mut self, record: &'a TaskRecord, end: &'a End) -> Result<(), Error> {
        let submitted = matches!(self.tasks.get(&record.id), Some(Step::Submitted { .. }));
        match self.tasks.insert(record.id, Step::Ended { record, end, submitted }) {
            Some(Step::Ended { .. }) => Err(contradiction(record.id, "ends and has ended before")),
            _ => Ok(()),
        }
    }

    fn forget(&mut self, task: TaskId) -> Result<(), Error> {
        if matches!(self.tasks.get(&task), Some(Step::Submitted { .. } | Step::Progressed(_))) {
            return Err(contradiction(task, "is to be forgotten and has not ended"));
        }
        self.forgotten.insert(task);
        let of_it = self.lines.range((task, 0, 0)..=(task, u32::MAX, u64::MAX));
        for at in of_it.map(|(at, _)| *at).collect::<Vec<_>>() {
            self.lines.remove(&at);
        }
        Ok(())
    }
}

pub(super) fn contradiction(task: TaskId, problem: &'static str) -> Error {
    Error::Contradiction { task, problem }
}
