//! What is done with a line, whoever writes it: count, cut, keep.

use std::time::SystemTime;

use spear_types::{Level, LogLine};

use super::View;

impl View<'_> {
    pub(super) fn add(&self, level: Level, message: String, fields: Vec<(String, String)>) {
        let size = message.len() + fields.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        self.meter.hostcall(size);
        let line = LogLine { time: SystemTime::now(), level, message, fields };
        let Some(line) = self.state.buffer.fit(line) else { return };
        let LogLine { time: _, level, message, fields } = &line;
        tracing::debug!(target: "spear::guest", task = %self.state.task, %level, ?fields, "{message}");
        self.state.buffer.push(line);
    }
}
