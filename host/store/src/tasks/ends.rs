//! Tasks that have ended.

use redb::{ReadTransaction, ReadableTable};
use spear_state::{End, EndedTask, Page, PageRequest, TaskRecord};
use spear_types::{FunctionName, NodeName, OutcomeKind, TaskId, TaskInfo, TaskState};

use super::rows::{ENDS, ENDS_BY_FUNCTION, EndHead, FIRST, Id, LAST, Last, Place, RESULTS, id_of, kind, take, task_of};
use crate::Error;

/// How many tasks one page looks at: their rows are read in about 10 ms.
const LOOK: usize = 20_000;

/// One that has ended.
pub(super) fn ended(tables: &ReadTransaction, task: TaskId) -> Result<Option<EndedTask>, Error> {
    let id = id_of(task);
    let place = Place::Task("ends", id);
    let Some(row) = tables.open_table(ENDS)?.get(id)? else { return Ok(None) };
    let Row { head, record, last, rest } = split(&place, row.value())?;
    let result = if head.result_apart {
        let place = Place::Task("results", id);
        let row = tables.open_table(RESULTS)?.get(id)?.ok_or_else(|| place.damaged("it is missing"))?;
        take(&place, row.value())?.0
    } else {
        take(&place, rest)?.0
    };
    let Last { attempt, node, log_dropped } = last;
    Ok(Some(EndedTask { record, end: End { at: head.at, attempt, node, result, log_dropped } }))
}

/// Some of them, newest first.
pub(super) fn page(tables: &ReadTransaction, request: &PageRequest) -> Result<Page, Error> {
    match &request.function {
        None => page_of_all(tables, request),
        Some(function) => page_of(tables, function, request),
    }
}

fn page_of_all(tables: &ReadTransaction, request: &PageRequest) -> Result<Page, Error> {
    let mut pager = Pager::new(request);
    let ends = tables.open_table(ENDS)?;
    let rows = match request.before {
        Some(before) => ends.range(..id_of(before))?,
        None => ends.iter()?,
    };
    for row in rows.rev() {
        let (id, row) = row?;
        let (id, row) = (id.value(), row.value());
        let place = Place::Task("ends", id);
        let (head, _) = EndHead::take(row).ok_or_else(|| place.damaged("it has no head"))?;
        match pager.look(id, head.outcome) {
            Look::Take => pager.page.tasks.push(info(&place, row)?),
            Look::Pass => {}
            Look::Stop => break,
        }
    }
    Ok(pager.page)
}

fn page_of(tables: &ReadTransaction, function: &FunctionName, request: &PageRequest) -> Result<Page, Error> {
    let mut pager = Pager::new(request);
    let (index, ends) = (tables.open_table(ENDS_BY_FUNCTION)?, tables.open_table(ENDS)?);
    let name = function.as_str().as_bytes();
    let rows = match request.before {
        Some(before) => index.range((name, FIRST)..(name, id_of(before)))?,
        None => index.range((name, FIRST)..=(name, LAST))?,
    };
    for row in rows.rev() {
        let (key, outcome) = row?;
        let (_, id) = key.value();
        let outcome = kind(outcome.value())
            .ok_or_else(|| Place::Task("ends by function", id).damaged("it is of no known outcome"))?;
        match pager.look(id, outcome) {
            Look::Take => {
                let place = Place::Task("ends", id);
                let row = ends.get(id)?.ok_or_else(|| place.damaged("it is missing"))?;
                pager.page.tasks.push(info(&place, row.value())?);
            }
            Look::Pass => {}
            Look::Stop => break,
        }
    }
    Ok(pager.page)
}

/// What becomes of a task that is looked at.
enum Look {
    Take,
    Pass,
    Stop,
}

/// Decides what is on a page.
struct Pager<'a> {
    outcomes: &'a [OutcomeKind],
    limit: usize,
    looked: usize,
    last: Id,
    page: Page,
}

impl<'a> Pager<'a> {
    fn new(request: &'a PageRequest) -> Self {
        let PageRequest { outcomes, limit, .. } = request;
        Self { outcomes, limit: (*limit).max(1), looked: 0, last: LAST, page: Page::default() }
    }

    /// Stops at one more than there is room for: only then it is known that there are more.
    fn look(&mut self, id: Id, outcome: OutcomeKind) -> Look {
        if self.looked == LOOK || self.page.tasks.len() == self.limit {
            self.page.next = Some(task_of(self.last));
            return Look::Stop;
        }
        (self.looked, self.last) = (self.looked + 1, id);
        if self.outcomes.is_empty() || self.outcomes.contains(&outcome) { Look::Take } else { Look::Pass }
    }
}

fn info(place: &Place, row: &[u8]) -> Result<TaskInfo, Error> {
    let Row { head, record, last, .. } = split(place, row)?;
    let TaskRecord { id, function, version, priority, schedule, submitted, deadline, .. } = record;
    let state = TaskState::Ended { outcome: head.outcome, at: head.at, node: last.node };
    let (attempt, changed) = (last.attempt, head.at);
    Ok(TaskInfo { id, function, version, priority, schedule, submitted, deadline, attempt, state, changed })
}

/// A row in [`ENDS`].
struct Row<'a> {
    head: EndHead,
    record: TaskRecord,
    last: Last<NodeName>,
    /// The result, where it does not lie apart.
    rest: &'a [u8],
}

fn split<'a>(place: &Place, row: &'a [u8]) -> Result<Row<'a>, Error> {
    let (head, rest) = EndHead::take(row).ok_or_else(|| place.damaged("it has no head"))?;
    let ((record, last), rest) = take(place, rest)?;
    Ok(Row { head, record, last, rest })
}
