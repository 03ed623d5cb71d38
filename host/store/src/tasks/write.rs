//! What a group comes to, table by table.

use redb::{ReadTransaction, ReadableTable, Table, WriteTransaction};
use spear_state::{End, Progress, TaskRecord};
use spear_types::{Call, Duty, TaskId};

use super::{
    expire::forget,
    group::{Group, Step, contradiction},
    logs,
    rows::{
        APART, CALLS, DUTIES, ENDS, ENDS_BY_FUNCTION, EndHead, Id, KEYS, LIVE, Last, PROGRESS, RESULTS, SCHEDULES,
        id_of, push,
    },
};
use crate::Error;

/// Writes the group.
pub(super) fn write(tables: &WriteTransaction, group: &Group<'_>) -> Result<(), Error> {
    if !group.tasks.is_empty() {
        write_tasks(tables, group)?;
    }
    if !group.forgotten.is_empty() {
        forget(tables, &group.forgotten)?;
    }
    if !group.lines.is_empty() {
        logs::write(tables, &group.lines)?;
    }
    write_schedules(tables, group)?;
    write_duties(tables, group)
}

/// Whether the tables have the group already. A group is there whole or not at all: one task tells. Without one that comes
/// or ends it may be written again, which changes nothing.
pub(super) fn is_written(tables: &ReadTransaction, group: &Group<'_>) -> Result<bool, Error> {
    for (task, step) in group.tasks.iter().filter(|(task, _)| !group.forgotten.contains(task)) {
        match step {
            Step::Submitted { .. } => return Ok(tables.open_table(LIVE)?.get(id_of(*task))?.is_some()),
            Step::Ended { .. } => return Ok(tables.open_table(ENDS)?.get(id_of(*task))?.is_some()),
            Step::Progressed(_) => {}
        }
    }
    Ok(false)
}

fn write_tasks(tables: &WriteTransaction, group: &Group<'_>) -> Result<(), Error> {
    let mut live = LiveTables::open(tables)?;
    let mut ends = EndTables::open(tables)?;
    for (task, step) in &group.tasks {
        match step {
            Step::Submitted { record, progress, call } => {
                ends.expect_none(*task)?;
                live.submit(record, progress, call)?;
            }
            Step::Progressed(progress) => live.progress(*task, progress)?,
            Step::Ended { record, end, submitted: false } => {
                live.end(*task)?;
                ends.insert(record, end)?;
            }
            Step::Ended { record, end, submitted: true } => {
                live.expect_none(*task)?;
                ends.insert(record, end)?;
            }
        }
    }
    write_index(tables, group)?;
    write_keys(tables, group)
}

/// What there is of tasks that have not ended.
struct LiveTables<'a> {
    live: Table<'a, Id, &'static [u8]>,
    progress: Table<'a, Id, &'static [u8]>,
    calls: Table<'a, Id, &'static [u8]>,
    row: Vec<u8>,
}

impl<'a> LiveTables<'a> {
    fn open(tables: &'a WriteTransaction) -> Result<Self, Error> {
        let (live, progress) = (tables.open_table(LIVE)?, tables.open_table(PROGRESS)?);
        Ok(Self { live, progress, calls: tables.open_table(CALLS)?, row: Vec::new() })
    }

    fn submit(&mut self, record: &TaskRecord, progress: &Progress, call: &Call) -> Result<(), Error> {
        let Self { row, .. } = self;
        row.clear();
        row.push(0);
        push(row, record)?;
        push(row, progress)?;
        let (id, head) = (id_of(record.id), row.len());
        push(row, call)?;
        if row.len() - head > APART {
            self.calls.insert(id, &row[head..])?;
            row.truncate(head);
            row[0] = 1;
        }
        match self.live.insert(id, row.as_slice())? {
            None => Ok(()),
            Some(_) => Err(contradiction(record.id, "was submitted before")),
        }
    }

    fn expect_none(&self, task: TaskId) -> Result<(), Error> {
        match self.live.get(id_of(task))? {
            None => Ok(()),
            Some(_) => Err(contradiction(task, "was submitted before")),
        }
    }

    fn progress(&mut self, task: TaskId, progress: &Progress) -> Result<(), Error> {
        let id = id_of(task);
        if self.live.get(id)?.is_none() {
            return Err(contradiction(task, "progresses and is none that has not ended"));
        }
        self.row.clear();
        push(&mut self.row, progress)?;
        self.progress.insert(id, self.row.as_slice())?;
        Ok(())
    }

    fn end(&mut self, task: TaskId) -> Result<(), Error> {
        let id = id_of(task);
        let Some(row) = self.live.remove(id)? else {
            return Err(contradiction(task, "ends and is none that has not ended"));
        };
        if row.value().first() == Some(&1) {
            self.calls.remove(id)?;
        }
        self.progress.remove(id)?;
        Ok(())
    }
}

/// What there is of tasks that have ended.
struct EndTables<'a> {
    ends: Table<'a, Id, &'static [u8]>,
    results: Table<'a, Id, &'static [u8]>,
    row: Vec<u8>,
}

impl<'a> EndTables<'a> {
    fn open(tables: &'a WriteTransaction) -> Result<Self, Error> {
        Ok(Self { ends: tables.open_table(ENDS)?, results: tables.open_table(RESULTS)?, row: Vec::new() })
    }

    fn expect_none(&self, task: TaskId) -> Result<(), Error> {
        match self.ends.get(id_of(task))? {
            None => Ok(()),
            Some(_) => Err(contradiction(task, "was submitted and has ended before")),
        }
    }

    fn insert(&mut self, record: &TaskRecord, end: &End) -> Result<(), Error> {
        let End { at, attempt, node, result, log_dropped } = end;
        let mut head = EndHead { result_apart: false, outcome: result.outcome.kind(), at: *at };
        let Self { row, .. } = self;
        row.clear();
        row.extend_from_slice(&head.to_bytes());
        push(row, record)?;
        push(row, &Last { attempt: *attempt, node: node.as_ref(), log_dropped: *log_dropped })?;
        let (id, length) = (id_of(record.id), row.len());
        push(row, result)?;
        if row.len() - length > APART {
            self.results.insert(id, &row[length..])?;
            row.truncate(length);
            head.result_apart = true;
            row[..EndHead::LENGTH].copy_from_slice(&head.to_bytes());
        }
        match self.ends.insert(id, row.as_slice())? {
            None => Ok(()),
            Some(_) => Err(contradiction(record.id, "ends and has ended before")),
        }
    }
}

fn write_index(tables: &WriteTransaction, group: &Group<'_>) -> Result<(), Error> {
    let mut ended = Vec::with_capacity(group.tasks.len());
    for (task, step) in &group.tasks {
        if let Step::Ended { record, end, .. } = step {
            ended.push((record.function.as_str().as_bytes(), id_of(*task), end.result.outcome.kind()));
        }
    }
    ended.sort_unstable();
    let mut index = tables.open_table(ENDS_BY_FUNCTION)?;
    for (function, task, kind) in ended {
        index.insert((function, task), kind as u8)?;
    }
    Ok(())
}

fn write_keys(tables: &WriteTransaction, group: &Group<'_>) -> Result<(), Error> {
    let mut keys = tables.open_table(KEYS)?;
    for (task, step) in &group.tasks {
        if let Step::Submitted { record, .. } | Step::Ended { record, submitted: true, .. } = step
            && let Some(key) = record.key
        {
            keys.insert(id_of(*task), key.0)?;
        }
    }
    Ok(())
}

fn write_schedules(tables: &WriteTransaction, group: &Group<'_>) -> Result<(), Error> {
    if group.schedules.is_empty() {
        return Ok(());
    }
    let (mut schedules, mut row) = (tables.open_table(SCHEDULES)?, Vec::new());
    for (name, schedule) in &group.schedules {
        let name = name.as_str().as_bytes();
        let Some(schedule) = schedule else {
            schedules.remove(name)?;
            continue;
        };
        row.clear();
        push(&mut row, schedule)?;
        schedules.insert(name, row.as_slice())?;
    }
    Ok(())
}

fn write_duties(tables: &WriteTransaction, group: &Group<'_>) -> Result<(), Error> {
    if group.duties.is_empty() {
        return Ok(());
    }
    let (mut duties, mut row) = (tables.open_table(DUTIES)?, Vec::new());
    for (node, duty) in &group.duties {
        let node = node.as_str().as_bytes();
        if *duty == Duty::Open {
            duties.remove(node)?;
            continue;
        }
        row.clear();
        push(&mut row, duty)?;
        duties.insert(node, row.as_slice())?;
    }
    Ok(())
}
