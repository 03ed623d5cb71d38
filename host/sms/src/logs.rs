//! The logs of recent tasks, in memory: the oldest go first.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use spear_types::{Code, FunctionName, LogLine, NodeName, Refusal, TaskId};

/// What one task wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskLog {
    pub(crate) task: TaskId,
    pub(crate) function: FunctionName,
    pub(crate) version: u32,
    pub(crate) node: NodeName,
    pub(crate) lines: Vec<LogLine>,
    pub(crate) dropped: u64,
}

/// Recent logs; a cheap clone.
#[derive(Debug, Clone)]
pub(crate) struct Logs {
    kept: Arc<Mutex<Kept>>,
    max_tasks: usize,
    max_bytes: u64,
}

/// Whose logs somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Of {
    Task(TaskId),
    Function(FunctionName),
}

#[derive(Debug, Default)]
struct Kept {
    logs: VecDeque<TaskLog>,
    bytes: u64,
}

impl Logs {
    pub(crate) fn new(max_tasks: usize, max_bytes: u64) -> Self {
        Self { kept: Arc::default(), max_tasks, max_bytes }
    }

    pub(crate) fn add(&self, log: TaskLog) {
        let mut kept = self.lock();
        kept.bytes += log.bytes();
        kept.logs.push_back(log);
        while kept.logs.len() > self.max_tasks || kept.bytes > self.max_bytes {
            let Some(oldest) = kept.logs.pop_front() else { break };
            kept.bytes -= oldest.bytes();
        }
    }

    /// The last lines of one task or function, in the order the tasks ended.
    ///
    /// # Errors
    /// `UnknownTask` when no log of the task is kept.
    pub(crate) fn read(&self, of: &Of, last: usize) -> Result<Vec<TaskLog>, Refusal> {
        let wanted = |log: &&TaskLog| match of {
            Of::Task(task) => log.task == *task,
            Of::Function(function) => log.function == *function,
        };
        let logs: Vec<TaskLog> = self.lock().logs.iter().filter(wanted).cloned().collect();
        match of {
            Of::Task(task) if logs.is_empty() => {
                let message = format!("no log of the task {task} is kept: the last {} tasks' logs are", self.max_tasks);
                Err(Refusal::new(Code::UnknownTask, message))
            }
            Of::Task(_) | Of::Function(_) => Ok(tail(logs, last)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Every change leaves the queue and its count in step before anything could panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TaskLog {
    /// About what it takes in memory; a task that wrote nothing is not free.
    fn bytes(&self) -> u64 {
        const TASK: usize = 256;
        const LINE: usize = 96;
        let line = |line: &LogLine| {
            LINE + line.message.len() + line.fields.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
        };
        (TASK + self.lines.iter().map(line).sum::<usize>()) as u64
    }
}

/// The last `last` lines of all logs together; logs without any of them are left out.
fn tail(mut logs: Vec<TaskLog>, last: usize) -> Vec<TaskLog> {
    let mut left = last;
    for log in logs.iter_mut().rev() {
        let keep = log.lines.len().min(left);
        log.lines.drain(..log.lines.len() - keep);
        left -= keep;
    }
    logs.retain(|log| !log.lines.is_empty() || log.dropped > 0);
    logs
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use spear_types::Level;

    use super::*;

    fn log(function: &str, lines: usize) -> TaskLog {
        let line = |number: usize| LogLine {
            time: SystemTime::UNIX_EPOCH,
            level: Level::Info,
            message: number.to_string(),
            fields: Vec::new(),
        };
        TaskLog {
            task: TaskId::generate(),
            function: function.parse().unwrap(),
            version: 1,
            node: "n1".parse().unwrap(),
            lines: (0..lines).map(line).collect(),
            dropped: 0,
        }
    }

    fn of(function: &str) -> Of {
        Of::Function(function.parse().unwrap())
    }

    #[test]
    fn the_oldest_logs_go_when_there_are_too_many_tasks_or_bytes() {
        let few = Logs::new(2, u64::MAX);
        (0..3).for_each(|lines| few.add(log("f", lines + 1)));
        assert_eq!(few.read(&of("f"), usize::MAX).unwrap().len(), 2);
        let small = Logs::new(100, 2_000);
        (0..100).for_each(|_| small.add(log("f", 5)));
        assert!(small.lock().bytes <= 2_000 && !small.lock().logs.is_empty());
    }

    #[test]
    fn the_last_lines_are_those_of_the_newest_tasks() {
        let logs = Logs::new(100, u64::MAX);
        logs.add(log("f", 3));
        logs.add(log("g", 3));
        logs.add(log("f", 2));
        let read = logs.read(&of("f"), 3).unwrap();
        let messages: Vec<_> = read.iter().flat_map(|log| &log.lines).map(|line| line.message.as_str()).collect();
        assert_eq!(messages, ["2", "0", "1"]);
    }

    #[test]
    fn a_task_whose_log_is_gone_is_unknown_and_a_function_without_logs_is_not() {
        let logs = Logs::new(1, u64::MAX);
        assert_eq!(logs.read(&Of::Task(TaskId::generate()), 1).unwrap_err().code, Code::UnknownTask);
        assert_eq!(logs.read(&of("f"), 1).unwrap(), []);
    }
}
