//! What long work looks like where somebody watches.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Format, Output};

impl Output {
    /// A bar for `length` bytes, where somebody looks.
    pub(crate) fn progress(&self, what: String, length: u64) -> ProgressBar {
        self.bar(what, Some(length), "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}")
    }

    /// A bar for things that are counted; without a length for as many as there will be.
    pub(crate) fn counter(&self, what: String, length: Option<u64>) -> ProgressBar {
        let template = match length {
            Some(_) => "{msg} {wide_bar} {human_pos}/{human_len} {per_sec}",
            None => "{spinner} {msg} {human_pos} {per_sec}",
        };
        self.bar(what, length, template)
    }

    /// Something that turns while somebody waits.
    pub(crate) fn spinner(&self, what: String) -> ProgressBar {
        const EVERY: Duration = Duration::from_millis(100);
        let spinner = self.bar(what, None, "{spinner} {msg} {elapsed}");
        if !spinner.is_hidden() {
            spinner.enable_steady_tick(EVERY);
        }
        spinner
    }

    fn bar(&self, what: String, length: Option<u64>, template: &str) -> ProgressBar {
        if self.format == Format::Json || !self.interactive {
            return ProgressBar::hidden();
        }
        let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new).with_message(what);
        let style = ProgressStyle::with_template(template);
        style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style))
    }
}
