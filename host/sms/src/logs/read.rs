//! The last lines of what is remembered. Blocks.

use std::collections::VecDeque;

use spear_state::{EndedTask, Journal, JournalError, LoggedLines, log_size};
use spear_types::{FunctionName, LogLine, TaskId};

use super::TaskLog;

/// The lines that are read at once.
const PAGE: usize = 1_000;

/// The most tasks of a function whose logs are read together.
const MAX_TASKS: usize = 1_000;

/// The most bytes of lines that one answer has: a client that asks for all must not fill the memory of the SMS.
pub(super) const MAX_BYTES: u64 = 32 << 20;

/// The last lines of some logs.
struct Tail {
    logs: VecDeque<Log>,
    /// How many lines there are, and how many there may be.
    count: usize,
    last: usize,
    /// The same in bytes.
    bytes: u64,
    max_bytes: u64,
    /// Whether there were more.
    is_cut: bool,
}

/// One attempt's.
struct Log {
    about: TaskLog,
    lines: VecDeque<LogLine>,
}

/// What the log limit dropped of a task's last attempt, which its end tells: a row without lines.
pub(super) fn dropped_last(journal: &dyn Journal, task: TaskId) -> Result<Option<LoggedLines>, JournalError> {
    let row = |EndedTask { record, end }: EndedTask| LoggedLines {
        attempt: end.attempt,
        dropped: end.log_dropped,
        function: Some((record.function, record.version)),
        node: end.node,
        ..LoggedLines::default()
    };
    Ok(journal.ended(task)?.map(row).filter(|row| row.dropped > 0))
}

/// See [`super::Logs::of_task`].
pub(super) fn of_task(journal: &dyn Journal, task: TaskId, last: usize) -> Result<Vec<TaskLog>, JournalError> {
    let mut tail = Tail::new(last, MAX_BYTES);
    tail.read(journal, task)?;
    Ok(tail.into_logs().collect())
}

/// See [`super::Logs::of_function`].
pub(super) fn of_function(
    journal: &dyn Journal,
    function: &FunctionName,
    last: usize,
) -> Result<Vec<TaskLog>, JournalError> {
    let (mut tails, mut lines, mut bytes) = (Vec::new(), last, MAX_BYTES);
    for task in journal.logged(function, MAX_TASKS)? {
        let mut tail = Tail::new(lines, bytes);
        tail.read(journal, task)?;
        (lines, bytes) = (lines - tail.count, bytes - tail.bytes);
        let is_full = tail.is_cut || lines == 0;
        tails.push(tail);
        if is_full {
            break;
        }
    }
    Ok(tails.into_iter().rev().flat_map(Tail::into_logs).collect())
}

impl Tail {
    fn new(last: usize, max_bytes: u64) -> Self {
        Self { logs: VecDeque::new(), count: 0, last, bytes: 0, max_bytes, is_cut: false }
    }

    fn read(&mut self, journal: &dyn Journal, task: TaskId) -> Result<(), JournalError> {
        let mut at = (0, 0);
        loop {
            let rows = journal.lines(task, at, PAGE)?;
            let Some(row) = rows.last() else { break };
            at = (row.attempt, (row.first + row.lines.len() as u64).saturating_sub(1));
            for row in rows {
                self.push(task, row);
                self.trim();
            }
        }
        if let Some(dropped) = dropped_last(journal, task)? {
            self.push(task, dropped);
        }
        Ok(())
    }

    fn push(&mut self, task: TaskId, row: LoggedLines) {
        let LoggedLines { attempt, first: _, lines, dropped, function, node } = row;
        // Whoever remembers lines knows whose they are.
        let (Some((function, version)), Some(node)) = (function, node) else { return };
        self.count += lines.len();
        self.bytes += log_size(&lines);
        match self.logs.back_mut().filter(|log| log.about.attempt == attempt) {
            Some(log) => {
                log.lines.extend(lines);
                log.about.dropped = log.about.dropped.max(dropped);
            }
            None => {
                let about = TaskLog { task, attempt, function, version, node, lines: Vec::new(), dropped };
                self.logs.push_back(Log { about, lines: lines.into() });
            }
        }
    }

    fn trim(&mut self) {
        while self.count > self.last || self.bytes > self.max_bytes {
            self.is_cut = true;
            let Some(log) = self.logs.front_mut() else { return };
            match log.lines.pop_front() {
                Some(line) => {
                    self.count -= 1;
                    self.bytes -= log_size(std::slice::from_ref(&line));
                }
                None => drop(self.logs.pop_front()),
            }
        }
    }

    /// Logs of which nothing is left are left out.
    fn into_logs(self) -> impl Iterator<Item = TaskLog> {
        let logs = self.logs.into_iter().map(|Log { about, lines }| TaskLog { lines: lines.into(), ..about });
        logs.filter(|log| !log.lines.is_empty() || log.dropped > 0)
    }
}

#[cfg(test)]
mod tests {
    use spear_state::MemoryJournal;

    use super::*;
    use crate::logs::tests::{ended, journal, logged, task, texts};

    /// The texts of each log.
    fn shown(logs: Result<Vec<TaskLog>, JournalError>) -> Vec<Vec<String>> {
        logs.unwrap().iter().map(|log| texts(&log.lines)).collect()
    }

    fn f() -> FunctionName {
        "f".parse().unwrap()
    }

    #[test]
    fn the_lines_of_all_attempts_are_read_in_their_order() {
        let task = task(1);
        let journal = journal([logged(task, 1, 1, "ab"), logged(task, 2, 1, "c"), logged(task, 1, 3, "de")]);
        assert_eq!(shown(of_task(&journal, task, usize::MAX)), [["a", "b", "d", "e"].to_vec(), ["c"].to_vec()]);
        assert_eq!(shown(of_task(&journal, task, 3)), [["d", "e"].to_vec(), ["c"].to_vec()]);
        assert_eq!(shown(of_task(&journal, task, 1)), [["c"]]);
        assert_eq!(shown(of_task(&journal, task, 0)), Vec::<Vec<String>>::new());
    }

    #[test]
    fn the_last_lines_of_a_function_are_those_of_its_newest_tasks() {
        let logs = [logged(task(1), 1, 1, "abc"), logged(task(2), 1, 1, "x"), logged(task(3), 1, 1, "de")];
        let journal = journal(logs);
        assert_eq!(shown(of_function(&journal, &f(), 4)), [["c"].to_vec(), ["x"].to_vec(), ["d", "e"].to_vec()]);
        assert_eq!(shown(of_function(&journal, &f(), 2)), [["d", "e"]]);
        assert_eq!(shown(of_function(&journal, &"g".parse().unwrap(), 2)), Vec::<Vec<String>>::new());
    }

    #[test]
    fn a_log_of_which_all_was_dropped_is_told_of() {
        let mut dropped = logged(task(1), 1, 1, "");
        let spear_state::Change::Logged { dropped: count, .. } = &mut dropped else { panic!("it was logged") };
        *count = 7;
        let logs = of_task(&journal([dropped]), task(1), 10).unwrap();
        assert_eq!((logs.len(), logs[0].dropped), (1, 7));
    }

    #[test]
    fn what_was_dropped_of_the_last_attempt_is_told_with_its_lines() {
        let journal = journal([logged(task(1), 1, 1, "a"), logged(task(1), 2, 1, "b")]);
        journal.commit(&ended(task(1), 2, 9)).unwrap();
        let dropped = |last| {
            let logs = of_task(&journal, task(1), last).unwrap();
            logs.iter().map(|log| (log.attempt, log.lines.len(), log.dropped)).collect::<Vec<_>>()
        };
        assert_eq!(dropped(2), [(1, 1, 0), (2, 1, 9)]);
        assert_eq!(dropped(0), [(2, 0, 9)]);
    }

    #[test]
    fn many_pages_are_one_log_and_a_large_one_is_cut_at_its_beginning() {
        let text: String = ('a'..='z').cycle().take(PAGE / 2).collect();
        let pages = (0..5).map(|page| logged(task(1), 1, page * PAGE as u64 / 2 + 1, &text));
        let journal = journal(pages);
        assert_eq!(of_task(&journal, task(1), usize::MAX).unwrap()[0].lines.len(), 5 * PAGE / 2);
        let mut tail = Tail::new(usize::MAX, 330);
        tail.read(&journal, task(1)).unwrap();
        assert!(tail.is_cut);
        let expected: Vec<String> = text.chars().skip(PAGE / 2 - 10).map(String::from).collect();
        assert_eq!(tail.into_logs().map(|log| texts(&log.lines)).collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn a_task_without_lines_has_no_logs() {
        assert_eq!(of_task(&MemoryJournal::default(), task(1), 1).unwrap(), []);
    }
}
