//! Ended tasks that are kept no longer.

use std::collections::BTreeSet;

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, WriteTransaction};
use spear_state::{KeyHash, TaskRecord};
use spear_types::{TaskId, Timestamp};

use super::{
    group::contradiction,
    logs,
    rows::{ENDS, ENDS_BY_FUNCTION, EndHead, Id, KEYS, LIVE, Place, RESULTS, id_of, take, task_of},
};
use crate::Error;

/// How many tasks are looked at that are to be kept: those that were submitted long ago and ended late. Past them nothing
/// is found until they go.
const LOOK: usize = 20_000;

/// The oldest that are to be forgotten, with their keys.
pub(super) fn expired(
    tables: &ReadTransaction,
    ended_before: Timestamp,
    keep: u64,
    limit: usize,
) -> Result<Vec<(TaskId, Option<KeyHash>)>, Error> {
    let (ends, keys) = (tables.open_table(ENDS)?, tables.open_table(KEYS)?);
    let mut over = ends.len()?.saturating_sub(keep);
    let (mut found, mut kept) = (Vec::new(), 0);
    for row in ends.iter()? {
        let (id, row) = row?;
        let id = id.value();
        if found.len() == limit || (over == 0 && (kept == LOOK || made(id) > ended_before)) {
            break;
        }
        let head = EndHead::take(row.value()).ok_or_else(|| Place::Task("ends", id).damaged("it has no head"))?.0;
        if over > 0 || head.at < ended_before {
            found.push((task_of(id), keys.get(id)?.map(|key| KeyHash(key.value()))));
        } else {
            kept += 1;
        }
        over = over.saturating_sub(1);
    }
    Ok(found)
}

/// When the id was made, to the millisecond: a version 7 UUID begins with that. Its task ended later.
fn made(id: Id) -> Timestamp {
    let millis = u64::try_from(id >> 80).unwrap_or(u64::MAX);
    Timestamp::from_micros(millis.saturating_mul(1_000))
}

/// Removes all rows of tasks that have ended, and their logs. Those that are not there are forgotten already.
pub(super) fn forget(tables: &WriteTransaction, tasks: &BTreeSet<TaskId>) -> Result<(), Error> {
    let (live, mut ends) = (tables.open_table(LIVE)?, tables.open_table(ENDS)?);
    let (mut index, mut results) = (tables.open_table(ENDS_BY_FUNCTION)?, tables.open_table(RESULTS)?);
    let mut keys = tables.open_table(KEYS)?;
    for task in tasks {
        let id = id_of(*task);
        let Some(row) = ends.remove(id)? else {
            match live.get(id)? {
                None => continue,
                Some(_) => return Err(contradiction(*task, "is to be forgotten and has not ended")),
            }
        };
        let place = Place::Task("ends", id);
        let (head, rest) = EndHead::take(row.value()).ok_or_else(|| place.damaged("it has no head"))?;
        let record: TaskRecord = take(&place, rest)?.0;
        index.remove((record.function.as_str().as_bytes(), id))?;
        if head.result_apart {
            results.remove(id)?;
        }
        if record.key.is_some() {
            keys.remove(id)?;
        }
    }
    logs::forget(tables, tasks.iter().map(|task| id_of(*task)))
}
