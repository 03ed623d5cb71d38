//! The task's log: cut, dropped and without secrets as SPEAR has it.

use std::fmt;

use crate::log::Level;

/// The longest line in bytes, its fields included.
const MAX_LINE: usize = 16 << 10;
/// The longest key of a field in bytes.
const MAX_KEY: usize = 256;
/// The most fields of a line.
const MAX_FIELDS: usize = 64;
/// What a line, and what each of its fields costs on top of its texts.
const LINE_COST: u64 = 64;
/// The shortest secret that is hidden: a shorter one would be found in every other word.
const MIN_HIDDEN: usize = 4;
/// What stands for a secret.
const MARK: &str = "•••";

/// One line of the task's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How much it matters.
    pub level: Level,
    /// What the function said.
    pub message: String,
    /// Named values beside it.
    pub fields: Vec<(String, String)>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", format!("{:?}", self.level).trim_start_matches("Level::").to_lowercase(), self.message)?;
        self.fields.iter().try_for_each(|(key, value)| write!(f, " {key}={value}"))
    }
}

/// The lines of one run, up to its limit `log`.
pub(crate) struct Log {
    limit: u64,
    used: u64,
    dropped: u64,
    lines: Vec<Line>,
    hidden: Vec<String>,
}

impl Log {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, used: 0, dropped: 0, lines: Vec::new(), hidden: Vec::new() }
    }

    /// Adds a line; once one did not fit, it and all later ones are counted and dropped.
    pub(crate) fn write(&mut self, line: Line) {
        let line = self.fit(line);
        let cost = cost(&line);
        if self.dropped > 0 || self.used + cost > self.limit {
            self.dropped += 1;
            return;
        }
        self.used += cost;
        // The test's output has it where the test fails.
        println!("{line}");
        self.lines.push(line);
    }

    pub(crate) fn denied(&mut self, what: &str, grant: &str, lacking: &str) {
        let fields = vec![("grant".to_owned(), grant.to_owned()), ("lacking-in".to_owned(), lacking.to_owned())];
        self.write(Line { level: Level::Warn, message: format!("denied: {what}"), fields });
    }

    /// Has a secret stand in no later line.
    pub(crate) fn hide(&mut self, value: &[u8]) {
        let value = String::from_utf8_lossy(value).trim().to_owned();
        if value.len() >= MIN_HIDDEN {
            self.hidden.push(value);
        }
    }

    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    pub(crate) fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    fn fit(&self, Line { level, message, mut fields }: Line) -> Line {
        let mut room = MAX_LINE;
        let redact = |text: String| self.hidden.iter().fold(text, |text, value| text.replace(value, MARK));
        let message = cut(redact(message), &mut room, MAX_LINE);
        fields.truncate(MAX_FIELDS);
        let fields = fields.into_iter().map_while(|(key, value)| {
            let fits = room > 0;
            let field = (cut(redact(key), &mut room, MAX_KEY), cut(redact(value), &mut room, MAX_LINE));
            fits.then_some(field)
        });
        Line { level, message, fields: fields.collect() }
    }
}

fn cost(line: &Line) -> u64 {
    let fields: usize = line.fields.iter().map(|(key, value)| key.len() + value.len()).sum();
    LINE_COST * (1 + line.fields.len() as u64) + (line.message.len() + fields) as u64
}

/// Cuts a text to `max` bytes and to the room there is, which becomes less by as much.
fn cut(mut text: String, room: &mut usize, max: usize) -> String {
    let max = max.min(*room);
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max));
        text.push('…');
    }
    *room = room.saturating_sub(text.len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str) -> Line {
        Line { level: Level::Info, message: message.to_owned(), fields: Vec::new() }
    }

    #[test]
    fn lines_over_the_limit_are_dropped_and_nothing_follows_them() {
        let mut log = Log::new(2 * LINE_COST + 10);
        for message in ["first", "much too long for the rest", "fits"] {
            log.write(line(message));
        }
        assert_eq!((log.lines(), log.dropped), ([line("first")].as_slice(), 2));
    }

    #[test]
    fn a_long_line_is_cut_and_a_secret_stands_nowhere_in_it() {
        let mut log = Log::new(1 << 20);
        log.hide(b"hunter2\n");
        let fields = vec![("k".repeat(1_000), "is hunter2".to_owned()); 100];
        log.write(Line { fields, ..line(&"ä".repeat(2_000)) });
        let Line { fields, .. } = &log.lines()[0];
        assert!(fields.len() <= MAX_FIELDS && fields[0].0.len() <= MAX_KEY + '…'.len_utf8());
        assert_eq!(fields[0].1, "is •••");
        log.write(line(&"x".repeat(MAX_LINE + 1)));
        assert!(log.lines()[1].message.len() <= MAX_LINE + '…'.len_utf8());
    }

    #[test]
    fn a_line_is_shown_with_its_level_and_fields() {
        let line = Line { fields: vec![("bytes".to_owned(), "3".to_owned())], ..line("greeting Ada") };
        assert_eq!(line.to_string(), "info greeting Ada bytes=3");
    }
}
