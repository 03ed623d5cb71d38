//! One task's log while it runs: bounded, without secrets, and alive after its instance.

use std::{
    fmt, mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use spear_types::LogLine;

use super::hidden::Hidden;

/// The longest line in bytes, its fields included. What is longer is cut: a guest must not choose how much of the log one
/// line takes.
pub const MAX_LINE: usize = 16 << 10;

/// The longest key of a field in bytes.
const MAX_KEY: usize = 256;

/// The most fields of a line.
const MAX_FIELDS: usize = 64;

/// What a line costs on top of its texts, so that empty lines are not free either.
const LINE_COST: u64 = 64;

/// The lines of one attempt, up to the run's log limit.
pub struct LogBuffer {
    limit: u64,
    log: Mutex<Filling>,
    hidden: Hidden,
    /// Called after a line came where there was none.
    tell: Option<Box<dyn Fn() + Send + Sync>>,
}

/// What an attempt wrote.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct TaskLog {
    /// The lines, in order.
    pub lines: Vec<LogLine>,
    /// How many more the limit dropped.
    pub dropped: u64,
}

#[derive(Debug, Default)]
struct Filling {
    log: TaskLog,
    bytes: u64,
}

impl LogBuffer {
    /// A log of at most `limit` bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self { limit, log: Mutex::default(), hidden: Hidden::default(), tell: None }
    }

    /// The same, for who takes the lines as they come: `tell` is called when there are some to take where there were
    /// none, by the thread of the guest, so it must not wait.
    #[must_use]
    pub fn telling(limit: u64, tell: impl Fn() + Send + Sync + 'static) -> Self {
        Self { tell: Some(Box::new(tell)), ..Self::new(limit) }
    }

    /// Has a value stand in no later line, nor in what [`LogBuffer::redact`] gives. What is not text or has less than
    /// 4 bytes is not hidden.
    pub fn hide(&self, value: &[u8]) {
        self.hidden.add(value);
    }

    /// Hides what another log hides: an instance that serves another call may have kept what it read in the last one.
    pub fn hide_as(&self, other: &Self) {
        self.hidden.add_all(&other.hidden);
    }

    /// At most `max` bytes of the text, with `•••` in place of every hidden value.
    #[must_use]
    pub fn redact(&self, text: &str, max: usize) -> String {
        self.hidden.redact(text, max).0
    }

    /// At most [`MAX_LINE`] bytes of the text without hidden values, and how many bytes of the text they stand for.
    pub(crate) fn piece(&self, text: &str) -> (String, usize) {
        self.hidden.redact(text, MAX_LINE)
    }

    /// The bytes of the longest hidden value.
    pub(crate) fn longest(&self) -> usize {
        self.hidden.longest()
    }

    /// The line as the log keeps it, without hidden values and cut to [`MAX_LINE`] in all: its message first, then its
    /// fields in order, as far as there is room. None once lines are dropped: this one is too.
    #[must_use]
    pub(crate) fn fit(&self, line: LogLine) -> Option<LogLine> {
        if self.drops() {
            return None;
        }
        let LogLine { time, level, message, fields } = line;
        let mut room = MAX_LINE;
        let message = self.cut(&message, &mut room, MAX_LINE);
        let mut fitting = Vec::new();
        for (key, value) in fields.into_iter().take(MAX_FIELDS) {
            if room == 0 {
                break;
            }
            fitting.push((self.cut(&key, &mut room, MAX_KEY), self.cut(&value, &mut room, MAX_LINE)));
        }
        Some(LogLine { time, level, message, fields: fitting })
    }

    /// Adds a line as it fits; once one did not fit into the log, it and all later ones are counted
    /// and dropped.
    pub fn write(&self, line: LogLine) {
        if let Some(line) = self.fit(line) {
            self.push(line);
        }
    }

    /// Adds a line that [`LogBuffer::fit`] gave, or that has nothing to hide and to cut.
    pub(crate) fn push(&self, line: LogLine) {
        let (mut filling, cost) = (self.lock(), cost(&line));
        if filling.log.dropped > 0 || filling.bytes + cost > self.limit {
            filling.log.dropped += 1;
            return;
        }
        filling.bytes += cost;
        filling.log.lines.push(line);
        let first = filling.log.lines.len() == 1;
        drop(filling);
        if let Some(tell) = self.tell.as_ref().filter(|_| first) {
            tell();
        }
    }

    /// Bytes used of the limit.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.lock().bytes
    }

    /// The limit in bytes.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Takes the lines out that are there; they count against the limit as before.
    #[must_use]
    pub fn take_lines(&self) -> Vec<LogLine> {
        mem::take(&mut self.lock().log.lines)
    }

    /// Takes the log out: the lines that were not taken yet, and how many were dropped.
    #[must_use]
    pub fn take(&self) -> TaskLog {
        mem::take(&mut self.lock().log)
    }

    /// Whether lines are dropped; then one more is.
    fn drops(&self) -> bool {
        let dropped = &mut self.lock().log.dropped;
        *dropped += u64::from(*dropped > 0);
        *dropped > 0
    }

    /// The text without hidden values, cut to `max` bytes and to the room there is, which becomes less by as much.
    fn cut(&self, text: &str, room: &mut usize, max: usize) -> String {
        let (mut kept, read) = self.hidden.redact(text, max.min(*room));
        if read < text.len() {
            kept.push('…');
        }
        *room = room.saturating_sub(kept.len());
        kept
    }

    fn lock(&self) -> MutexGuard<'_, Filling> {
        // A line is pushed whole or not at all, so a poisoned log is still a log.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LogBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, log, hidden, tell: _ } = self;
        f.debug_struct("LogBuffer").field("limit", limit).field("log", log).field("hidden", hidden).finish()
    }
}

fn cost(line: &LogLine) -> u64 {
    let fields: usize = line.fields.iter().map(|(key, value)| key.len() + value.len()).sum();
    LINE_COST * (1 + line.fields.len() as u64) + (line.message.len() + fields) as u64
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
        time::SystemTime,
    };

    use spear_types::Level;

    use super::*;
    use crate::logs::tests::{secret, shows_nothing_of};

    fn line(message: &str) -> LogLine {
        LogLine { time: SystemTime::UNIX_EPOCH, level: Level::Info, message: message.to_owned(), fields: Vec::new() }
    }

    #[test]
    fn lines_over_the_limit_are_counted_and_dropped() {
        let buffer = LogBuffer::new(3 * LINE_COST + 3);
        for _ in 0..10 {
            buffer.write(line("a"));
        }
        let log = buffer.take();
        assert_eq!((log.lines.len(), log.dropped), (3, 7));
    }

    #[test]
    fn nothing_follows_a_dropped_line() {
        let buffer = LogBuffer::new(2 * LINE_COST + 10);
        buffer.write(line("first"));
        buffer.write(line("much too long for the rest"));
        buffer.write(line("fits"));
        let log = buffer.take();
        assert_eq!((log.lines.len(), log.dropped), (1, 2));
    }

    #[test]
    fn lines_that_were_taken_count_against_the_limit_and_the_next_one_is_told() {
        let told = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&told);
        let buffer = LogBuffer::telling(4 * LINE_COST, move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let write = |lines: u32| (0..lines).for_each(|_| buffer.write(line("")));
        write(2);
        assert_eq!((buffer.take_lines().len(), told.load(Ordering::Relaxed)), (2, 1));
        write(5);
        assert_eq!(told.load(Ordering::Relaxed), 2);
        let rest = buffer.take();
        assert_eq!((rest.lines.len(), rest.dropped), (2, 3));
    }

    #[test]
    fn a_hidden_value_stands_nowhere_in_a_line_and_not_where_the_line_is_cut() {
        let buffer = LogBuffer::new(1 << 20);
        buffer.hide(b"hunter2\n");
        let message = format!("{}hunter2", "x".repeat(MAX_LINE - 3));
        let fields = vec![("is hunter2".to_owned(), "hunter2hunter2".to_owned())];
        buffer.write(LogLine { fields, ..line(&message) });
        buffer.write(LogLine { fields: vec![("hunter2".to_owned(), "hunter2".to_owned())], ..line("hunter2") });
        let log = buffer.take();
        assert!(!format!("{log:?}").contains("hunt"), "{log:?}");
        assert_eq!(log.lines[1].fields, [("•••".to_owned(), "•••".to_owned())]);
    }

    #[test]
    fn nothing_of_a_secret_is_left_however_long_it_is_and_whatever_is_in_it() {
        for secret in [secret(93), secret(20 << 10), secret(93).replace('m', "\"\\")] {
            let buffer = LogBuffer::new(1 << 20);
            buffer.hide(secret.as_bytes());
            let before = "-".repeat(MAX_LINE - 50);
            let fields = vec![(secret.clone(), secret.repeat(3)), ("quoted".to_owned(), format!("{secret:?}"))];
            buffer.write(LogLine { fields: fields.clone(), ..line(&format!("{secret:?} {secret}{secret}")) });
            buffer.write(LogLine { fields, ..line(&secret.repeat(1_000)) });
            buffer.write(LogLine { fields: vec![("k".to_owned(), secret.clone())], ..line(&before) });
            buffer.write(line(&format!("{before}{secret}")));
            let log = buffer.take();
            log.lines.iter().for_each(|line| {
                let mut texts = line.fields.iter().flat_map(|(key, value)| [key, value]).chain([&line.message]);
                assert!(texts.all(|text| shows_nothing_of(&secret, text)), "{line:?}");
            });
            assert_eq!(log.lines.len(), 4);
        }
    }

    #[test]
    fn once_lines_are_dropped_they_are_not_looked_at() {
        let buffer = LogBuffer::new(0);
        assert!(buffer.fit(line("first")).is_some());
        buffer.write(line("first"));
        assert!(buffer.fit(line("second")).is_none());
        assert_eq!(buffer.take().dropped, 2);
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let buffer = LogBuffer::new(1 << 20);
        buffer.write(line(&"ä".repeat(MAX_LINE)));
        let log = buffer.take();
        assert!(log.lines[0].message.len() <= MAX_LINE + '…'.len_utf8());
    }

    #[test]
    fn fields_do_not_make_a_line_longer_than_it_may_be() {
        let buffer = LogBuffer::new(1 << 20);
        let field = ("k".repeat(1_000), "v".repeat(1_000));
        buffer.write(LogLine { fields: vec![field; 1_000], ..line("many") });
        let log = buffer.take();
        let size: usize = log.lines[0].fields.iter().map(|(key, value)| key.len() + value.len()).sum();
        assert!((1..=MAX_FIELDS).contains(&log.lines[0].fields.len()) && size <= MAX_LINE + MAX_FIELDS, "{size}");
    }
}
