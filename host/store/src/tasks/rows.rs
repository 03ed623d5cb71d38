//! The tables, and what stands in their rows.

use std::{
    fmt::Display,
    str::FromStr,
    time::{Duration, SystemTime},
};

use redb::{TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use spear_types::{LogLine, OutcomeKind, TaskId, Timestamp};

use crate::{Error, database::Form};

/// A task's id; as numbers they sort as ids do, and are compared at once and not byte by byte.
pub(super) type Id = u128;

/// Id → whether the call lies apart, `TaskRecord`, the first `Progress`, else the `Call`.
pub(super) const LIVE: TableDefinition<Id, &[u8]> = TableDefinition::new("live");
/// Id → a `Progress` that is newer than that in [`LIVE`].
pub(super) const PROGRESS: TableDefinition<Id, &[u8]> = TableDefinition::new("progress");
/// Id → a `Call` that is longer than [`APART`].
pub(super) const CALLS: TableDefinition<Id, &[u8]> = TableDefinition::new("calls");
/// Id → see [`EndHead`], then `TaskRecord`, [`Last`], and the `TaskResult` where it does not lie apart.
pub(super) const ENDS: TableDefinition<Id, &[u8]> = TableDefinition::new("ends");
/// Id → a `TaskResult` that is longer than [`APART`].
pub(super) const RESULTS: TableDefinition<Id, &[u8]> = TableDefinition::new("results");
/// Function and id → outcome.
pub(super) const ENDS_BY_FUNCTION: TableDefinition<(&[u8], Id), u8> = TableDefinition::new("ends by function");
/// Id → `KeyHash`. By task and not by hash: each random key would cost a page of its own.
pub(super) const KEYS: TableDefinition<Id, [u8; 16]> = TableDefinition::new("keys");
/// Name → `ScheduleRecord`.
pub(super) const SCHEDULES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("schedules");
/// Node → `Duty`.
pub(super) const DUTIES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("duties");
/// Id, attempt and number of the first line → what the lines count, then [`Lines`].
pub(super) const LINES: TableDefinition<(Id, u32, u64), &[u8]> = TableDefinition::new("lines");
/// Id of whoever has lines → version and name of the function.
pub(super) const LOGS: TableDefinition<Id, (u32, &[u8])> = TableDefinition::new("logs");
/// The same by function.
pub(super) const LOGS_BY_FUNCTION: TableDefinition<(&[u8], Id), ()> = TableDefinition::new("logs by function");
/// One row: what all lines count.
pub(super) const LOG_BYTES: TableDefinition<(), u64> = TableDefinition::new("log bytes");

/// The form of the tables above.
pub(super) const THIS_FORM: Form =
    Form { number: 1, tables: make, help: "move tasks.redb away to start without the tasks that it has" };

/// A call or a result of more bytes lies apart: a page of 4 KiB is to have several rows of the rest.
pub(super) const APART: usize = 1_024;

/// Before and behind all ids.
pub(super) const FIRST: Id = Id::MIN;
pub(super) const LAST: Id = Id::MAX;

/// What of an ended task is read without decoding its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EndHead {
    pub(super) result_apart: bool,
    pub(super) outcome: OutcomeKind,
    pub(super) at: Timestamp,
}

/// The last attempt of an ended task.
#[derive(Serialize, Deserialize)]
pub(super) struct Last<Node> {
    pub(super) attempt: u32,
    pub(super) node: Option<Node>,
    pub(super) log_dropped: u64,
}

/// Some lines of a log.
#[derive(Serialize, Deserialize)]
pub(super) struct Lines<Node, Line> {
    pub(super) node: Node,
    pub(super) dropped: u64,
    pub(super) lines: Vec<Line>,
}

/// As `LogLine` is written. A node's clock may say a time before 1970, which has no form on the disk.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    time: Duration,
    level: spear_types::Level,
    message: &'a str,
    fields: &'a [(String, String)],
}

impl EndHead {
    /// In bytes.
    pub(super) const LENGTH: usize = 10;

    pub(super) fn to_bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[0] = u8::from(self.result_apart);
        bytes[1] = self.outcome as u8;
        bytes[2..].copy_from_slice(&self.at.as_micros().to_be_bytes());
        bytes
    }

    /// The head of a row, and the rest of it.
    pub(super) fn take(row: &[u8]) -> Option<(Self, &[u8])> {
        let ([apart, outcome, at @ ..], rest) = row.split_first_chunk::<{ Self::LENGTH }>()?;
        let at = Timestamp::from_micros(u64::from_be_bytes(*at));
        Some((Self { result_apart: *apart != 0, outcome: kind(*outcome)?, at }, rest))
    }
}

impl<'a> From<&'a LogLine> for Line<'a> {
    fn from(line: &'a LogLine) -> Self {
        let LogLine { time, level, message, fields } = line;
        let time = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { time, level: *level, message, fields }
    }
}

/// A task's key.
pub(super) fn id_of(task: TaskId) -> Id {
    Id::from_be_bytes(task.to_bytes())
}

/// The task of a key.
pub(super) fn task_of(id: Id) -> TaskId {
    TaskId::from_bytes(id.to_be_bytes())
}

/// The kind that a row has as a byte.
pub(super) fn kind(byte: u8) -> Option<OutcomeKind> {
    OutcomeKind::ALL.get(usize::from(byte)).copied()
}

/// Writes a value behind what is in `row`.
pub(super) fn push(row: &mut Vec<u8>, value: &impl Serialize) -> Result<(), Error> {
    let failed = |error| Error::Corrupted(format!("a row that cannot be written: {error}"));
    postcard::serialize_with_flavor(value, Behind(row)).map_err(failed)
}

/// A value at the start of a row, and the rest of it.
pub(super) fn take<'a, T: DeserializeOwned>(place: &Place, row: &'a [u8]) -> Result<(T, &'a [u8]), Error> {
    postcard::take_from_bytes(row).map_err(|error| place.damaged(error))
}

/// A name that is a key.
pub(super) fn name<T: FromStr<Err: Display>>(place: &Place, key: &[u8]) -> Result<T, Error> {
    let text = std::str::from_utf8(key).map_err(|error| place.damaged(error))?;
    text.parse().map_err(|error| place.damaged(error))
}

/// Which row, to name it where it is damaged.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Task(&'static str, Id),
    Other(&'static str),
}

impl Place {
    pub(super) fn damaged(&self, why: impl Display) -> Error {
        Error::Corrupted(match self {
            Self::Task(table, id) => {
                format!("the row of the task {} in the table {table:?} of tasks.redb: {why}", task_of(*id))
            }
            Self::Other(table) => format!("a row in the table {table:?} of tasks.redb: {why}"),
        })
    }
}

/// Lets postcard write into a buffer that is used again: it grows once and not with each row.
struct Behind<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Behind<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

fn make(transaction: &WriteTransaction) -> Result<(), Error> {
    transaction.open_table(LIVE)?;
    transaction.open_table(PROGRESS)?;
    transaction.open_table(CALLS)?;
    transaction.open_table(ENDS)?;
    transaction.open_table(RESULTS)?;
    transaction.open_table(ENDS_BY_FUNCTION)?;
    transaction.open_table(KEYS)?;
    transaction.open_table(SCHEDULES)?;
    transaction.open_table(DUTIES)?;
    transaction.open_table(LINES)?;
    transaction.open_table(LOGS)?;
    transaction.open_table(LOGS_BY_FUNCTION)?;
    transaction.open_table(LOG_BYTES)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_the_byte_it_was() {
        for outcome in OutcomeKind::ALL {
            assert_eq!(kind(outcome as u8), Some(outcome));
            let head = EndHead { result_apart: true, outcome, at: Timestamp::from_micros(1 << 40) };
            assert_eq!(EndHead::take(&head.to_bytes()), Some((head, &[][..])));
        }
        assert_eq!(kind(u8::MAX), None);
    }
}
