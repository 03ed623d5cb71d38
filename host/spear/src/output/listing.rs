//! A listing that is longer than memory should hold: shown part by part.

use std::io::Write as _;

use serde_json::Value;

use super::{Format, Output, line};

/// For people rows as they come, for programs one array all the same.
pub(crate) struct Listing<'a> {
    output: &'a Output,
    shown: usize,
}

impl<'a> Listing<'a> {
    pub(crate) fn new(output: &'a Output) -> Self {
        Self { output, shown: 0 }
    }

    /// Shows some more: each as a value, all of them as text.
    pub(crate) fn add(&mut self, values: &[Value], text: impl FnOnce() -> String) -> anyhow::Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        let mut out = anstream::stdout().lock();
        match self.output.format {
            Format::Text => writeln!(out, "{}", text())?,
            Format::Json => values.iter().enumerate().try_for_each(|(index, value)| {
                let before = if self.shown + index == 0 { "[\n  " } else { ",\n  " };
                write!(out, "{before}{value}")
            })?,
        }
        self.shown += values.len();
        Ok(())
    }

    /// How many were shown.
    pub(crate) fn shown(&self) -> usize {
        self.shown
    }

    /// Ends it.
    pub(crate) fn end(self) -> anyhow::Result<()> {
        match (self.output.format, self.shown) {
            (Format::Text, _) => Ok(()),
            (Format::Json, 0) => line("[]"),
            (Format::Json, _) => line("\n]"),
        }
    }
}
