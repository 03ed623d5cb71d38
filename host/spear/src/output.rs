//! What a person or a program sees.

mod listing;
mod progress;

use std::{
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use bytesize::ByteSize;
use clap::ValueEnum;
use comfy_table::{Table, presets};
use serde::Serialize;
use spear_types::Refusal;

pub(crate) use self::listing::Listing;

/// Text for people, JSON for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs: one JSON value.
    Json,
}

/// Where answers go: standard output; what accompanies them goes to standard error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
    /// Whether somebody watches: long work shows how it goes.
    interactive: bool,
}

/// SPEAR did not do what it was asked: a refusal, an unreachable SMS, a bad project.
pub(crate) const REFUSED: u8 = 3;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const DIM: Style = Style::new().dimmed();

impl Output {
    /// `watched` says whether somebody may; a standard error that is no terminal nobody watches.
    pub(crate) fn new(format: Format, watched: bool) -> Self {
        if !watched {
            anstream::ColorChoice::Never.write_global();
        }
        Self { format, interactive: watched && io::stderr().is_terminal() }
    }

    /// Answers: `value` for programs, `text` for people.
    pub(crate) fn answer(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        let text = match self.format {
            Format::Json => serde_json::to_string_pretty(value)?,
            Format::Text => text(),
        };
        if text.is_empty() { Ok(()) } else { line(&text) }
    }

    /// One of many answers, shown as it comes: for programs a value on a line of its own.
    pub(crate) fn event(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        let text = match self.format {
            Format::Json => serde_json::to_string(value)?,
            Format::Text => text(),
        };
        Ok(writeln!(anstream::stdout(), "{text}")?)
    }

    /// Whether programs are listening.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// A sentence beside the answer, for people only.
    pub(crate) fn note(&self, text: impl Display) {
        if self.format == Format::Text {
            anstream::eprintln!("{text}");
        }
    }

    /// Shows an error; the answer is the exit code.
    pub(crate) fn fail(&self, error: &anyhow::Error) -> ExitCode {
        // Somebody who stops reading (`| head`) has all that was wanted.
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        let refusal = error.downcast_ref::<Refusal>();
        // What is no refusal of SPEAR's has no name: a file, an address, a setting.
        let code = refusal.map(|refusal| refusal.code.to_string());
        let message = printable(&refusal.map_or_else(|| format!("{error:#}"), |refusal| refusal.message.clone()));
        let help = refusal.and_then(|refusal| refusal.help.as_deref()).map(printable);
        match self.format {
            Format::Json => {
                let error = serde_json::json!({ "error": { "code": code, "message": message, "help": help } });
                anstream::eprintln!("{error:#}");
            }
            Format::Text => {
                let code = code.map(|code| format!("[{code}]")).unwrap_or_default();
                anstream::eprintln!("{ERROR}error{code}{ERROR:#}: {message}");
                if let Some(help) = help {
                    anstream::eprintln!("{GOOD}help{GOOD:#}: {}", help.replace('\n', "\n  "));
                }
            }
        }
        ExitCode::from(REFUSED)
    }
}

/// Writes a line to standard output. Somebody who stops reading (`| head`) is no error.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    match writeln!(anstream::stdout(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// A table without frames. Colours count as width: only the last column may have them.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    wide_table(header.map(str::to_owned), rows)
}

/// A table whose columns are known only when it is shown.
pub(crate) fn wide_table<R: IntoIterator<Item = String>>(
    header: impl IntoIterator<Item = String>,
    rows: impl IntoIterator<Item = R>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table.add_rows(rows);
    let trimmed: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    trimmed.join("\n")
}

pub(crate) fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

/// Three digits and a unit.
pub(crate) fn duration(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    match micros {
        ..1e3 => format!("{micros:.0} µs"),
        1e3..1e6 => format!("{:.1} ms", micros / 1e3),
        _ => format!("{:.2} s", micros / 1e6),
    }
}

/// So many of something: `1 task`, `2 tasks`.
pub(crate) fn counted(count: impl Into<u64>, noun: &str) -> String {
    let count = count.into();
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A length of time to the second: `2m 13s`; a short one as [`duration`] has it.
pub(crate) fn span(span: Duration) -> String {
    if span < Duration::from_secs(10) {
        return duration(span);
    }
    humantime::format_duration(Duration::from_secs(span.as_secs())).to_string()
}

pub(crate) fn dim(text: impl Display) -> String {
    format!("{DIM}{text}{DIM:#}")
}

pub(crate) fn good(text: impl Display) -> String {
    format!("{GOOD}{text}{GOOD:#}")
}

pub(crate) fn bad(text: impl Display) -> String {
    format!("{ERROR}{text}{ERROR:#}")
}

/// A text of a guest's or an author's, without what would move a terminal's cursor or change its colours.
pub(crate) fn printable(text: &str) -> String {
    let plain = |symbol: char| symbol.is_control() && !matches!(symbol, '\n' | '\t');
    text.replace(plain, "\u{fffd}")
}

/// A point in time as RFC 3339, to the second.
pub(crate) fn time(time: std::time::SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}
