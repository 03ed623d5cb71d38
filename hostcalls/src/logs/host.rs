//! What a component calls.

use spear_types::Level;

use super::{View, wit};

impl wit::Host for View<'_> {
    fn write(&mut self, level: wit::Level, message: String, fields: Vec<wit::Field>) -> wasmtime::Result<()> {
        let fields = fields.into_iter().map(|wit::Field { key, value }| (key, value)).collect();
        self.add(level.into(), message, fields);
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
