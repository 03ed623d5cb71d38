//! What a restart starts from.

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata};
use spear_state::{KeyHash, Progress, Remembered, RememberedTask, ScheduleRecord, TaskRecord};
use spear_types::{Call, Duty, NodeName, TaskId};

use super::rows::{CALLS, DUTIES, ENDS, KEYS, LIVE, PROGRESS, Place, SCHEDULES, id_of, name, take, task_of};
use crate::Error;

/// All but the tasks that have ended.
pub(super) fn load(tables: &ReadTransaction) -> Result<Remembered, Error> {
    Ok(Remembered {
        tasks: tasks(tables)?,
        keys: keys(tables)?,
        schedules: schedules(tables)?,
        duties: duties(tables)?,
        ended: tables.open_table(ENDS)?.len()?,
    })
}

/// The call of a task that has not ended.
pub(super) fn call(tables: &ReadTransaction, task: TaskId) -> Result<Option<Call>, Error> {
    let id = id_of(task);
    let place = Place::Task("live", id);
    let Some(row) = tables.open_table(LIVE)?.get(id)? else { return Ok(None) };
    let (apart, _, _, rest) = split(&place, row.value())?;
    if !apart {
        return Ok(Some(take(&place, rest)?.0));
    }
    let place = Place::Task("calls", id);
    let row = tables.open_table(CALLS)?.get(id)?.ok_or_else(|| place.damaged("it is missing"))?;
    Ok(Some(take(&place, row.value())?.0))
}

fn tasks(tables: &ReadTransaction) -> Result<Vec<RememberedTask>, Error> {
    let (progress, mut tasks) = (tables.open_table(PROGRESS)?, Vec::new());
    let mut newer = progress.iter()?.peekable();
    for row in tables.open_table(LIVE)?.iter()? {
        let (id, row) = row?;
        let (id, place) = (id.value(), Place::Task("live", id.value()));
        let (_, record, mut progress, _) = split(&place, row.value())?;
        if id_of(record.id) != id {
            return Err(place.damaged(format!("it is of the task {}", record.id)));
        }
        if let Some(row) = newer.next_if(|row| row.as_ref().is_ok_and(|(of, _)| of.value() == id)) {
            progress = take(&Place::Task("progress", id), row?.1.value())?.0;
        }
        tasks.push(RememberedTask { record: record.into(), progress });
    }
    match newer.next() {
        None => Ok(tasks),
        Some(row) => Err(Place::Task("progress", row?.0.value()).damaged("there is no such task in \"live\"")),
    }
}

/// Whether the call lies apart, record and first progress of a row in [`LIVE`], and its rest.
fn split<'a>(place: &Place, row: &'a [u8]) -> Result<(bool, TaskRecord, Progress, &'a [u8]), Error> {
    let (apart, rest) = row.split_first().ok_or_else(|| place.damaged("it is empty"))?;
    let ((record, progress), rest) = take(place, rest)?;
    Ok((*apart != 0, record, progress, rest))
}

fn keys(tables: &ReadTransaction) -> Result<Vec<(KeyHash, TaskId)>, Error> {
    let table = tables.open_table(KEYS)?;
    let mut keys = Vec::with_capacity(usize::try_from(table.len()?).unwrap_or_default());
    for row in table.iter()? {
        let (id, key) = row?;
        keys.push((KeyHash(key.value()), task_of(id.value())));
    }
    Ok(keys)
}

fn schedules(tables: &ReadTransaction) -> Result<Vec<ScheduleRecord>, Error> {
    let (mut schedules, place) = (Vec::new(), Place::Other("schedules"));
    for row in tables.open_table(SCHEDULES)?.iter()? {
        schedules.push(take(&place, row?.1.value())?.0);
    }
    Ok(schedules)
}

fn duties(tables: &ReadTransaction) -> Result<Vec<(NodeName, Duty)>, Error> {
    let (mut duties, place) = (Vec::new(), Place::Other("duties"));
    for row in tables.open_table(DUTIES)?.iter()? {
        let (node, duty) = row?;
        duties.push((name(&place, node.value())?, take(&place, duty.value())?.0));
    }
    Ok(duties)
}
