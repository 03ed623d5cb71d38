//! Logs, of tasks and of calls that nobody remembers.

use std::collections::BTreeMap;

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, Table, WriteTransaction};
use spear_state::{LoggedLines, log_size};
use spear_types::{FunctionName, LogLine, NodeName, TaskId};

use super::{
    group::Written,
    rows::{
        FIRST, Id, LAST, LINES, LOG_BYTES, LOGS, LOGS_BY_FUNCTION, Line, Lines, Place, id_of, name, push, take, task_of,
    },
};
use crate::Error;

/// What is read of a log at once, in bytes as they count: it stays below what a message may have.
const MOST: u64 = 1 << 20;

/// The most logs that are forgotten in one commit: others wait for it.
const TRIM: usize = 1_000;

/// All that there is of logs, to be written.
struct LogTables<'a> {
    lines: Table<'a, (Id, u32, u64), &'static [u8]>,
    logs: Table<'a, Id, (u32, &'static [u8])>,
    index: Table<'a, (&'static [u8], Id), ()>,
    total: Table<'a, (), u64>,
    /// What all lines count.
    bytes: u64,
}

impl<'a> LogTables<'a> {
    fn open(tables: &'a WriteTransaction) -> Result<Self, Error> {
        let total = tables.open_table(LOG_BYTES)?;
        let bytes = total.get(())?.map_or(0, |bytes| bytes.value());
        let (lines, logs) = (tables.open_table(LINES)?, tables.open_table(LOGS)?);
        Ok(Self { lines, logs, index: tables.open_table(LOGS_BY_FUNCTION)?, total, bytes })
    }

    fn begin(&mut self, id: Id, function: &FunctionName, version: u32) -> Result<(), Error> {
        if self.logs.get(id)?.is_none() {
            let function = function.as_str().as_bytes();
            self.logs.insert(id, (version, function))?;
            self.index.insert((function, id), ())?;
        }
        Ok(())
    }

    fn write(&mut self, at: (Id, u32, u64), written: &Written<'_>, row: &mut Vec<u8>) -> Result<(), Error> {
        let Written { node, lines, dropped, .. } = written;
        let size = log_size(lines);
        row.clear();
        row.extend_from_slice(&size.to_be_bytes());
        push(row, &Lines { node, dropped: *dropped, lines: lines.iter().map(Line::from).collect() })?;
        let before = self.lines.insert(at, row.as_slice())?.map_or(0, |row| counted(row.value()));
        self.bytes = (self.bytes + size).saturating_sub(before);
        Ok(())
    }

    fn remove(&mut self, id: Id) -> Result<(), Error> {
        let Some(log) = self.logs.remove(id)? else { return Ok(()) };
        let (_, function) = log.value();
        self.index.remove((function, id))?;
        for row in self.lines.extract_from_if(all_of(id), |_, _| true)? {
            self.bytes = self.bytes.saturating_sub(counted(row?.1.value()));
        }
        Ok(())
    }

    fn close(mut self) -> Result<(), Error> {
        self.total.insert((), self.bytes)?;
        Ok(())
    }
}

/// Writes lines.
pub(super) fn write(tables: &WriteTransaction, lines: &BTreeMap<(TaskId, u32, u64), Written<'_>>) -> Result<(), Error> {
    let (mut logs, mut row, mut last) = (LogTables::open(tables)?, Vec::new(), None);
    for ((task, attempt, first), written) in lines {
        if last != Some(*task) {
            logs.begin(id_of(*task), written.function, written.version)?;
            last = Some(*task);
        }
        logs.write((id_of(*task), *attempt, *first), written, &mut row)?;
    }
    logs.close()
}

/// Removes logs, where there are any.
pub(super) fn forget(tables: &WriteTransaction, ids: impl Iterator<Item = Id>) -> Result<(), Error> {
    let mut logs = LogTables::open(tables)?;
    for id in ids {
        logs.remove(id)?;
    }
    logs.close()
}

/// Whether there are more logs or more bytes of them.
pub(super) fn is_over(tables: &ReadTransaction, tasks: u64, bytes: u64) -> Result<bool, Error> {
    let count = tables.open_table(LOGS)?.len()?;
    let total = tables.open_table(LOG_BYTES)?.get(())?.map_or(0, |bytes| bytes.value());
    Ok(count > tasks || (total > bytes && count > 0))
}

/// Removes the oldest logs until there are no more, or [`TRIM`] of them.
pub(super) fn trim(tables: &WriteTransaction, tasks: u64, bytes: u64) -> Result<bool, Error> {
    let mut logs = LogTables::open(tables)?;
    for _ in 0..TRIM {
        if logs.logs.len()? <= tasks && logs.bytes <= bytes {
            break;
        }
        let Some(oldest) = logs.logs.first()?.map(|(id, _)| id.value()) else { break };
        logs.remove(oldest)?;
    }
    logs.close()?;
    Ok(true)
}

/// The lines after a place.
pub(super) fn lines(
    tables: &ReadTransaction,
    task: TaskId,
    after: (u32, u64),
    limit: usize,
) -> Result<Vec<LoggedLines>, Error> {
    let (id, place) = (id_of(task), Place::Task("lines", id_of(task)));
    let Some(log) = tables.open_table(LOGS)?.get(id)? else { return Ok(Vec::new()) };
    let (version, function) = log.value();
    let function: FunctionName = name(&Place::Task("logs", id), function)?;
    let table = tables.open_table(LINES)?;
    let next = (id, after.0, after.1.saturating_add(1));
    // The last row that begins before the place may reach past it.
    let before = table.range((id, after.0, 0)..=next)?.next_back().transpose()?;
    let start = before.map_or(next, |(at, _)| at.value());
    let mut reader = Reader::after(after, limit);
    for row in table.range(start..=(id, u32::MAX, u64::MAX))? {
        let (key, row) = row?;
        let ((_, attempt, first), row) = (key.value(), row.value());
        let Lines { node, dropped, lines } = split(&place, row)?;
        let function = Some((function.clone(), version));
        reader.add(LoggedLines { attempt, first, lines, dropped, function, node: Some(node) });
        if reader.is_full() {
            break;
        }
    }
    Ok(reader.read)
}

/// Puts the rows of a log together. What numbers they have is a node's word: they may overlap, and be at their end.
struct Reader {
    after: (u32, u64),
    /// The last line so far: its attempt and its number.
    last: (u32, u64),
    limit: usize,
    lines: usize,
    bytes: u64,
    read: Vec<LoggedLines>,
}

impl Reader {
    fn after(after: (u32, u64), limit: usize) -> Self {
        Self { after, last: after, limit, lines: 0, bytes: 0, read: Vec::new() }
    }

    fn is_full(&self) -> bool {
        !self.read.is_empty() && (self.lines >= self.limit || self.bytes >= MOST)
    }

    /// Adds what is not there yet. Dropped lines alone are told where they are not the first thing after the place: who
    /// reads on from there was told of them.
    fn add(&mut self, mut row: LoggedLines) {
        let tells = row.lines.is_empty() && (row.attempt, row.first) > (self.after.0, self.after.1.saturating_add(1));
        let seen = self.seen(&row);
        row.lines.drain(..seen);
        if row.lines.is_empty() && !tells {
            return;
        }
        row.first = row.first.saturating_add(seen as u64);
        self.last = (row.attempt, row.first.saturating_add((row.lines.len() as u64).saturating_sub(1)));
        (self.lines, self.bytes) = (self.lines + row.lines.len(), self.bytes + log_size(&row.lines));
        self.read.push(row);
    }

    /// How many of the row's lines are not after the last one.
    fn seen(&self, row: &LoggedLines) -> usize {
        let (attempt, line) = self.last;
        let next = if attempt == row.attempt { line.checked_add(1) } else { Some(0) };
        let seen = next.map_or(u64::MAX, |next| next.saturating_sub(row.first));
        row.lines.len().min(usize::try_from(seen).unwrap_or(usize::MAX))
    }
}

/// Whose log there is of a function, newest first.
pub(super) fn logged(tables: &ReadTransaction, function: &FunctionName, limit: usize) -> Result<Vec<TaskId>, Error> {
    let index = tables.open_table(LOGS_BY_FUNCTION)?;
    let name = function.as_str().as_bytes();
    let newest = index.range((name, FIRST)..=(name, LAST))?.rev().take(limit);
    newest.map(|row| Ok(task_of(row?.0.value().1))).collect()
}

/// What the lines of a row count.
fn counted(row: &[u8]) -> u64 {
    row.first_chunk().map_or(0, |size| u64::from_be_bytes(*size))
}

fn split(place: &Place, row: &[u8]) -> Result<Lines<NodeName, LogLine>, Error> {
    let lines = row.get(size_of::<u64>()..).ok_or_else(|| place.damaged("it has no size"))?;
    Ok(take(place, lines)?.0)
}

fn all_of(id: Id) -> std::ops::RangeInclusive<(Id, u32, u64)> {
    (id, 0, 0)..=(id, u32::MAX, u64::MAX)
}
