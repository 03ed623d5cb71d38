//! What the SMS and the Spearlet write to standard error.

use std::io::{self, IsTerminal as _};

use anstream::ColorChoice;
use anyhow::Context as _;
use tracing::{Level, Metadata};
use tracing_subscriber::{EnvFilter, filter::filter_fn, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::{Log, LogFormat};

/// Starts logging; `RUST_LOG`, where it is set, wins over the configuration.
pub(crate) fn start(log: &Log) -> anyhow::Result<()> {
    let filter = match EnvFilter::try_from_default_env() {
        Ok(filter) => filter,
        Err(_) => EnvFilter::try_new(&log.level).with_context(|| format!("log.level {:?} is no filter", log.level))?,
    };
    let wanted = std::env::var_os("NO_COLOR").is_none() && ColorChoice::global() != ColorChoice::Never;
    let ansi = wanted && io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(ansi);
    match log.format {
        LogFormat::Text => lines.finish().with(filter_fn(is_ours)).init(),
        LogFormat::Json => lines.json().finish().with(filter_fn(is_ours)).init(),
    }
    Ok(())
}

/// Below `debug`, WASI's bindings write down what guests hand over: paths, URLs, and the secrets in them. No filter of the
/// operator's makes that a line.
fn is_ours(line: &Metadata<'_>) -> bool {
    *line.level() <= Level::DEBUG || !line.target().starts_with("wasmtime_wasi")
}
