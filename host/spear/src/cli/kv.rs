//! `spear kv`: values in key-value stores.

use std::{
    fs::File,
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use bytes::Bytes;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use spear_types::{Code, Expected, KvChange, KvChanged, KvEntry, KvKey, KvPage, Refusal, StoreName};

use super::{Ask, Context, view};
use crate::{
    client::Client,
    output::{good, printable, size, table},
};

/// What a listing shows of a value.
const SHOWN: usize = 60;

#[derive(Debug, Subcommand)]
pub(crate) enum Kv {
    /// Print a value as it is.
    Get {
        /// STORE/KEY
        path: String,
    },
    /// Set a value; the store comes to be with its first.
    Put(Put),
    /// Remove a value.
    Rm {
        /// STORE/KEY
        path: String,
        /// Only if the value there has this version.
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        if_version: Option<u64>,
    },
    /// Add to a number, and print what it is then; one that is not there counts as 0.
    Incr {
        /// STORE/KEY
        path: String,
        /// What is added.
        #[arg(default_value_t = 1, allow_negative_numbers = true)]
        by: i64,
    },
    /// List a store's values.
    Ls(Ls),
}

#[derive(Debug, Args)]
pub(crate) struct Put {
    /// STORE/KEY
    path: String,
    /// The value.
    #[arg(required_unless_present = "file", allow_negative_numbers = true)]
    value: Option<String>,
    /// The value from a file, or from standard input with `-`.
    #[arg(short, long, value_name = "FILE", conflicts_with = "value")]
    file: Option<PathBuf>,
    /// Only if the value there has this version.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    if_version: Option<u64>,
    /// Only if there is no value.
    #[arg(long, conflicts_with = "if_version")]
    if_absent: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// STORE or STORE/PREFIX
    path: String,
    /// Only what comes after this key.
    #[arg(long, value_name = "KEY")]
    after: Option<String>,
    /// So many at the most. [default: all]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

impl Ask for Kv {
    async fn ask(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        match self {
            Self::Get { path } => get(client, context, &path).await?,
            Self::Put(put) => put.run(client, context).await?,
            Self::Rm { path, if_version } => {
                let expected = if_version.map_or(Expected::Anything, Expected::Version);
                change(client, context, &path, |key| KvChange::Delete { key, expected }).await?;
            }
            Self::Incr { path, by } => {
                change(client, context, &path, |key| KvChange::Increment { key, by }).await?;
            }
            Self::Ls(ls) => ls.run(client, context).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn get(client: &Client, context: &Context<'_>, path: &str) -> anyhow::Result<()> {
    let (store, key) = locate(path)?;
    let unknown = || Refusal::new(Code::UnknownValue, format!("the store {store} has no value {key}"));
    let entry = client.value(&store, &key).await?.ok_or_else(unknown)?;
    if context.output.is_json() {
        return context.output.answer(&view::value(&store, &key, &entry), String::new);
    }
    // As it is: a value is not ours to end with a line's end.
    let mut stdout = io::stdout();
    stdout.write_all(&entry.value).and_then(|()| stdout.flush()).context("cannot write to standard output")
}

async fn change(
    client: &Client,
    context: &Context<'_>,
    path: &str,
    change: impl FnOnce(KvKey) -> KvChange,
) -> anyhow::Result<()> {
    let (store, key) = locate(path)?;
    let changed = client.change_value(&store, change(key.clone())).await?;
    let mut value = json!({ "store": store, "key": key });
    let text = match changed {
        KvChanged::Put { version } => {
            value["version"] = json!(version);
            format!("{} {path} version {version}", good("put"))
        }
        KvChanged::Deleted { existed } => {
            value["existed"] = json!(existed);
            if existed { format!("removed {path}") } else { format!("{path} had no value") }
        }
        KvChanged::Incremented { number, version } => {
            value["version"] = json!(version);
            value["number"] = json!(number);
            number.to_string()
        }
    };
    context.output.answer(&value, || text)
}

impl Put {
    async fn run(self, client: &Client, context: &Context<'_>) -> anyhow::Result<()> {
        let value = match (self.value, &self.file) {
            (Some(value), _) => value.into(),
            (None, Some(file)) => read(file)?,
            (None, None) => Bytes::new(),
        };
        let absent = if self.if_absent { Expected::Absent } else { Expected::Anything };
        let expected = self.if_version.map_or(absent, Expected::Version);
        change(client, context, &self.path, |key| KvChange::Put { key, value, expected }).await
    }
}

/// A file that may be a value: of a longer one no more is read than shows that.
fn read(file: &Path) -> anyhow::Result<Bytes> {
    let unreadable = || format!("cannot read {}", file.display());
    let reader: Box<dyn Read> = if file.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).with_context(unreadable)?)
    };
    let (mut value, limit) = (Vec::new(), KvEntry::MAX_VALUE);
    reader.take(limit as u64 + 1).read_to_end(&mut value).with_context(unreadable)?;
    if value.len() > limit {
        let message = format!("{} has more than {limit} bytes, the limit of a value", file.display());
        return Err(Refusal::new(Code::TooLarge, message).help("`spear object put` takes larger ones").into());
    }
    Ok(value.into())
}

impl Ls {
    async fn run(self, client: &Client, context: &Context<'_>) -> anyhow::Result<()> {
        let store = self.path.split_once('/').map_or(&*self.path, |(store, _)| store);
        let store: StoreName = store.parse().map_err(Refusal::from)?;
        let entries = self.find(client, &store).await?;
        let values: Vec<Value> = entries.iter().map(|(key, entry)| view::value(&store, key, entry)).collect();
        context.output.answer(&values, || list(&entries))
    }

    async fn find(self, client: &Client, store: &StoreName) -> anyhow::Result<Vec<(KvKey, KvEntry)>> {
        let Self { path, mut after, limit } = self;
        let prefix = path.split_once('/').map(|(_, prefix)| prefix.to_owned());
        let mut entries = Vec::new();
        loop {
            let left = limit.map_or(KvPage::MAX, |limit| limit.saturating_sub(entries.len() as u32));
            if left == 0 {
                return Ok(entries);
            }
            let page = client.list_values(store, prefix.clone(), after, left.min(KvPage::MAX)).await?;
            entries.extend(page.entries);
            let Some(next) = page.next else { return Ok(entries) };
            after = Some(next.into());
        }
    }
}

fn list(entries: &[(KvKey, KvEntry)]) -> String {
    let row = |(key, entry): &(KvKey, KvEntry)| {
        [key.to_string(), entry.version.to_string(), size(entry.value.len() as u64), preview(&entry.value)]
    };
    if entries.is_empty() { String::new() } else { table(["KEY", "VERSION", "SIZE", "VALUE"], entries.iter().map(row)) }
}

/// The start of a value that is text, on one line.
fn preview(value: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(value) else { return "(no text)".to_owned() };
    let line = printable(text).replace(['\n', '\t'], " ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// STORE/KEY
fn locate(path: &str) -> Result<(StoreName, KvKey), Refusal> {
    let malformed = || Refusal::new(Code::InvalidName, format!("{path:?} is not STORE/KEY"));
    let (store, key) = path.split_once('/').ok_or_else(malformed)?;
    Ok((store.parse()?, key.parse()?))
}
