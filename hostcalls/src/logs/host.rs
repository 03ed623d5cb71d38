//! What the guest calls.

use std::time::SystemTime;

use spear_types::{Level, LogLine};

use super::{View, wit};

impl wit::Host for View<'_> {
    fn write(&mut self, level: wit::Level, message: String, fields: Vec<wit::Field>) -> wasmtime::Result<()> {
        let fields: Vec<_> = fields.into_iter().map(|wit::Field { key, value }| (key, value)).collect();
        let size = message.len() + fields.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        self.meter.hostcall(size);
        let line = LogLine { time: SystemTime::now(), level: level.into(), message, fields };
        let Some(line) = self.state.buffer.fit(line) else { return Ok(()) };
        let LogLine { time: _, level, message, fields } = &line;
        tracing::debug!(target: "spear::guest", task = %self.state.task, %level, ?fields, "{message}");
        self.state.buffer.push(line);
        Ok(())
    }
}

impl From<wit::Level> for Level {
    fn from(level: wit::Level) -> Self {
        match level {
            wit::Level::Trace => Self::Trace,
            wit::Level::Debug => Self::Debug,
            wit::Level::Info => Self::Info,
            wit::Level::Warn => Self::Warn,
            wit::Level::Error => Self::Error,
        }
    }
}
