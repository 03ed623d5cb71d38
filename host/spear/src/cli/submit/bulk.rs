//! Many tasks at once: batches as large as the SMS takes, one after the other.

use std::{
    cell::Cell,
    fs::File,
    io::{self, BufRead, BufReader},
    mem,
    path::Path,
    process::ExitCode,
    time::Instant,
};

use anyhow::Context as _;
use bytes::Bytes;
use indicatif::ProgressBar;
use serde_json::json;
use spear_types::{Call, IdempotencyKey, MAX_BATCH, Refusal, TaskOptions};

use crate::{
    cli::Context,
    client::{Client, NewTask, Submitted},
    output::{Listing, counted, dim, duration},
};

/// What the calls of one batch may take together, in bytes: a quarter of what the SMS takes in one message.
const BATCH_BYTES: usize = 16 << 20;

/// What a task takes beside its call and its key, in bytes: names and options.
const REST: usize = 256;

/// Tasks on their way.
struct Bulk<'a> {
    client: &'a Client,
    listing: Listing<'a>,
    bar: ProgressBar,
    batch: Vec<NewTask>,
    bytes: usize,
    /// How many there were, those of this batch included.
    count: u64,
    /// How many of those that were submitted are earlier submissions', by their keys.
    existing: usize,
}

/// The same call so many times.
pub(super) async fn copies(
    count: u64,
    task: &NewTask,
    client: &Client,
    context: &Context<'_>,
) -> anyhow::Result<ExitCode> {
    let tasks = (0..count).map(|_| Ok(task.clone()));
    run(tasks, Some(count), client, context).await
}

/// A task for each line; what is empty is no line.
pub(super) async fn lines(
    file: &Path,
    task: impl Fn(Bytes) -> NewTask,
    client: &Client,
    context: &Context<'_>,
) -> anyhow::Result<ExitCode> {
    let unreadable = || format!("cannot read {}", file.display());
    let reader: Box<dyn BufRead> = if file.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(file).with_context(unreadable)?))
    };
    let (blank, full) = (Cell::new(false), Cell::new(false));
    let has_text = |line: &io::Result<Vec<u8>>| {
        let is_blank = line.as_ref().is_ok_and(|line| line.trim_ascii().is_empty());
        if is_blank {
            blank.set(true)
        } else {
            full.set(true)
        }
        !is_blank
    };
    let bodies = reader.split(b'\n').filter(has_text);
    let tasks = bodies.map(|body| {
        let mut body = body.with_context(unreadable)?;
        body.truncate(body.strip_suffix(b"\r").map_or(body.len(), <[u8]>::len));
        Ok(task(body.into()))
    });
    let submitted = run(tasks, None, client, context).await?;
    anyhow::ensure!(full.get() || !blank.get(), "{} has blank lines only: there is nothing to submit", file.display());
    Ok(submitted)
}

async fn run(
    tasks: impl Iterator<Item = anyhow::Result<NewTask>>,
    length: Option<u64>,
    client: &Client,
    context: &Context<'_>,
) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let bar = context.output.counter("submitting".to_owned(), length);
    let listing = Listing::new(context.output);
    let mut bulk = Bulk { client, listing, bar, batch: Vec::new(), bytes: 0, count: 0, existing: 0 };
    let submitted = bulk.all(tasks).await;
    bulk.bar.finish_and_clear();
    let (all, existing) = (counted(bulk.listing.shown() as u64, "task"), bulk.existing);
    let known = if existing > 0 { format!(", {existing} of them before, with these keys") } else { String::new() };
    // What was submitted is told also where the rest was not.
    bulk.listing.end()?;
    match submitted {
        Ok(()) => {
            let took = duration(start.elapsed());
            context.output.note(dim(format_args!("submitted {all} in {took}{known}")));
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            context.output.note(format_args!("submitted {all}{known}, and then no more"));
            Err(error)
        }
    }
}

impl Bulk<'_> {
    async fn all(&mut self, tasks: impl Iterator<Item = anyhow::Result<NewTask>>) -> anyhow::Result<()> {
        for task in tasks {
            self.count += 1;
            let task = numbered(task?, self.count)?;
            let size = size(&task);
            if self.batch.len() == MAX_BATCH || (self.bytes + size > BATCH_BYTES && !self.batch.is_empty()) {
                self.send().await?;
            }
            self.bytes += size;
            self.batch.push(task);
        }
        if self.batch.is_empty() { Ok(()) } else { self.send().await }
    }

    async fn send(&mut self) -> anyhow::Result<()> {
        self.bytes = 0;
        let submitted = self.client.submit(mem::take(&mut self.batch)).await?;
        self.bar.inc(submitted.len() as u64);
        self.existing += submitted.iter().filter(|submitted| submitted.existing).count();
        let value = |Submitted { task, existing }: &Submitted| json!({ "task": task, "existing": existing });
        let values: Vec<_> = submitted.iter().map(value).collect();
        let ids = || submitted.iter().map(|submitted| submitted.task.to_string()).collect::<Vec<_>>().join("\n");
        self.bar.suspend(|| self.listing.add(&values, ids))
    }
}

/// The task with a key of its own, where there is one.
fn numbered(task: NewTask, number: u64) -> Result<NewTask, Refusal> {
    let numbered = |key: IdempotencyKey| IdempotencyKey::try_from(format!("{key}:{number}"));
    let key = task.options.key.map(numbered).transpose()?;
    Ok(NewTask { options: TaskOptions { key, ..task.options }, ..task })
}

/// About what a task takes on the wire.
fn size(task: &NewTask) -> usize {
    let key = task.options.key.as_ref().map_or(0, |key| key.as_str().len());
    let call = match &task.call {
        Call::Payload(payload) => usize::try_from(payload.size()).unwrap_or(usize::MAX),
        Call::Command { args, stdin } => args.iter().map(String::len).sum::<usize>() + stdin.len(),
        Call::Typed(text) => text.len(),
    };
    call.saturating_add(key + REST)
}
