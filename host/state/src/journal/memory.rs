//! A journal that forgets with its last handle: for tests of what is above a journal.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use spear_types::{AttemptId, Call, Duty, FunctionName, LogLine, NodeName, ScheduleName, TaskId, Timestamp};

use super::{
    Change, EndedTask, Journal, JournalError, LoggedLines, Page, PageRequest, Remembered, RememberedTask, log_size,
};
use crate::{KeyHash, Progress, ScheduleRecord, TaskRecord};

/// All of it in maps. A cheap handle: what one remembers, another loads.
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal {
    rows: Arc<Mutex<Rows>>,
}

#[derive(Debug, Default)]
struct Rows {
    live: BTreeMap<TaskId, Live>,
    ended: BTreeMap<TaskId, EndedTask>,
    schedules: BTreeMap<ScheduleName, ScheduleRecord>,
    duties: BTreeMap<NodeName, Duty>,
    /// By task, attempt and first line.
    logs: BTreeMap<(TaskId, u32, u64), LoggedLines>,
}

#[derive(Debug)]
struct Live {
    record: Arc<TaskRecord>,
    progress: Progress,
    call: Call,
}

/// Where a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    Live,
    Ended,
    Forgotten,
}

impl MemoryJournal {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn commit(&self, changes: &[Change]) -> Result<(), JournalError> {
        let mut rows = self.rows();
        rows.check(changes)?;
        changes.iter().for_each(|change| rows.apply(change));
        Ok(())
    }

    fn load(&self) -> Result<Remembered, JournalError> {
        let rows = self.rows();
        let task = |live: &Live| RememberedTask { record: Arc::clone(&live.record), progress: live.progress.clone() };
        Ok(Remembered {
            tasks: rows.live.values().map(task).collect(),
            keys: rows.keys(),
            schedules: rows.schedules.values().cloned().collect(),
            duties: rows.duties.iter().map(|(node, duty)| (node.clone(), *duty)).collect(),
            ended: rows.ended.len() as u64,
        })
    }

    fn call(&self, task: TaskId) -> Result<Option<Call>, JournalError> {
        Ok(self.rows().live.get(&task).map(|live| live.call.clone()))
    }

    fn ended(&self, task: TaskId) -> Result<Option<EndedTask>, JournalError> {
        Ok(self.rows().ended.get(&task).cloned())
    }

    fn page(&self, request: &PageRequest) -> Result<Page, JournalError> {
        let PageRequest { function, outcomes, before, limit } = request;
        let rows = self.rows();
        let older = rows.ended.iter().rev().filter(|(id, _)| before.is_none_or(|before| **id < before));
        let mut asked = older.filter(|(_, task)| function.as_ref().is_none_or(|name| *name == task.record.function));
        let mut page = Page::default();
        let mut last = None;
        for (id, task) in asked.by_ref() {
            last = Some(*id);
            if outcomes.is_empty() || outcomes.contains(&task.end.result.outcome.kind()) {
                page.tasks.push(task.info());
            }
            if page.tasks.len() >= (*limit).max(1) {
                break;
            }
        }
        page.next = asked.next().and(last);
        Ok(page)
    }

    fn lines(&self, task: TaskId, after: (u32, u64), limit: usize) -> Result<Vec<LoggedLines>, JournalError> {
        let (rows, mut read, mut at, mut count) = (self.rows(), Vec::new(), after, 0);
        for ((_, attempt, first), logged) in rows.logs.range((task, after.0, 0)..=(task, u32::MAX, u64::MAX)) {
            let next = if *attempt == at.0 { at.1.checked_add(1) } else { Some(0) };
            let seen = next.map_or(u64::MAX, |next| next.saturating_sub(*first));
            let lines: Vec<LogLine> =
                logged.lines.iter().skip(usize::try_from(seen).unwrap_or(usize::MAX)).cloned().collect();
            let tells = logged.lines.is_empty() && (*attempt, *first) > (after.0, after.1.saturating_add(1));
            if lines.is_empty() && !tells {
                continue;
            }
            let first = first.saturating_add(seen);
            count += lines.len();
            at = (*attempt, first.saturating_add((lines.len() as u64).saturating_sub(1)));
            read.push(LoggedLines { first, lines, ..logged.clone() });
            if count >= limit {
                break;
            }
        }
        Ok(read)
    }

    fn logged(&self, function: &FunctionName, limit: usize) -> Result<Vec<TaskId>, JournalError> {
        let rows = self.rows();
        let of = |logged: &LoggedLines| logged.function.as_ref().is_some_and(|(name, _)| name == function);
        let tasks: BTreeSet<TaskId> = rows.logs.iter().filter(|(_, logged)| of(logged)).map(|(at, _)| at.0).collect();
        Ok(tasks.into_iter().rev().take(limit).collect())
    }

    fn expired(
        &self,
        ended_before: Timestamp,
        keep: u64,
        limit: usize,
    ) -> Result<Vec<(TaskId, Option<KeyHash>)>, JournalError> {
        let rows = self.rows();
        let over = usize::try_from((rows.ended.len() as u64).saturating_sub(keep)).unwrap_or(usize::MAX);
        let old = |task: &EndedTask| task.end.at < ended_before;
        let expired = rows.ended.values().enumerate().filter(|(place, task)| *place < over || old(task));
        Ok(expired.map(|(_, task)| (task.record.id, task.record.key)).take(limit).collect())
    }

    fn trim_logs(&self, tasks: u64, bytes: u64) -> Result<(), JournalError> {
        let mut rows = self.rows();
        let mut sizes: BTreeMap<TaskId, u64> = BTreeMap::new();
        for ((task, _, _), logged) in &rows.logs {
            *sizes.entry(*task).or_default() += log_size(&logged.lines);
        }
        let mut all: u64 = sizes.values().sum();
        while sizes.len() as u64 > tasks || all > bytes {
            let Some((task, size)) = sizes.pop_first() else { break };
            all -= size;
            rows.forget_log(task);
        }
        Ok(())
    }
}

impl Rows {
    fn place(&self, task: TaskId) -> Place {
        match task {
            task if self.live.contains_key(&task) => Place::Live,
            task if self.ended.contains_key(&task) => Place::Ended,
            _ => Place::Nowhere,
        }
    }

    /// Whether each change follows from what was before it.
    fn check(&self, changes: &[Change]) -> Result<(), JournalError> {
        let mut places: HashMap<TaskId, Place> = HashMap::new();
        let mut go = |task: TaskId, from: &[Place], to: Place| {
            let place = places.entry(task).or_insert_with(|| self.place(task));
            if !from.contains(place) {
                let message = format!("the task {task} is {place:?} and cannot come to be {to:?}");
                return Err(JournalError::Contradiction(message));
            }
            *place = to;
            Ok(())
        };
        for change in changes {
            match change {
                Change::Submitted { record, .. } => go(record.id, &[Place::Nowhere], Place::Live)?,
                Change::Progressed { task, .. } => go(*task, &[Place::Live], Place::Live)?,
                Change::Ended { record, .. } => go(record.id, &[Place::Live], Place::Ended)?,
                Change::Forgotten(tasks) => {
                    let from = [Place::Nowhere, Place::Ended, Place::Forgotten];
                    tasks.iter().try_for_each(|task| go(*task, &from, Place::Forgotten))?;
                }
                Change::Logged { .. } | Change::Scheduled(_) | Change::Unscheduled(_) | Change::Duty(..) => {}
            }
        }
        Ok(())
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Submitted { record, progress, call } => {
                let live = Live { record: Arc::clone(record), progress: progress.clone(), call: call.clone() };
                self.live.insert(record.id, live);
            }
            Change::Progressed { task, progress } => {
                if let Some(live) = self.live.get_mut(task) {
                    live.progress = progress.clone();
                }
            }
            Change::Ended { record, end } => {
                self.live.remove(&record.id);
                self.ended.insert(record.id, EndedTask { record: (**record).clone(), end: end.clone() });
            }
            Change::Logged { attempt, function, version, node, first, lines, dropped } => {
                let AttemptId { task, attempt } = *attempt;
                let (lines, function, node) = (lines.clone(), Some((function.clone(), *version)), Some(node.clone()));
                let logged = LoggedLines { attempt, first: *first, lines, dropped: *dropped, function, node };
                if !logged.lines.is_empty() || *dropped > 0 {
                    self.logs.insert((task, attempt, *first), logged);
                }
            }
            Change::Scheduled(schedule) => {
                self.schedules.insert(schedule.name.clone(), schedule.clone());
            }
            Change::Unscheduled(schedule) => {
                self.schedules.remove(schedule);
            }
            Change::Duty(node, Duty::Open) => {
                self.duties.remove(node);
            }
            Change::Duty(node, duty) => {
                self.duties.insert(node.clone(), *duty);
            }
            Change::Forgotten(tasks) => tasks.iter().for_each(|task| {
                self.ended.remove(task);
                self.forget_log(*task);
            }),
        }
    }

    fn forget_log(&mut self, task: TaskId) {
        let of_it = self.logs.range((task, 0, 0)..=(task, u32::MAX, u64::MAX));
        for at in of_it.map(|(at, _)| *at).collect::<Vec<_>>() {
            self.logs.remove(&at);
        }
    }

    /// By task.
    fn keys(&self) -> Vec<(KeyHash, TaskId)> {
        let live = self.live.values().filter_map(|live| Some((live.record.key?, live.record.id)));
        let ended = self.ended.values().filter_map(|task| Some((task.record.key?, task.record.id)));
        let mut keys: Vec<_> = live.chain(ended).collect();
        keys.sort_unstable_by_key(|(_, task)| *task);
        keys
    }
}
