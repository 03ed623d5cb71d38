//! A task's log as it is written: each line once, whatever breaks meanwhile.
//!
//! ```text
//! follow(after) ─▶ pieces ─▶ shown ─┐
//!       ▲                           │ cursor: the last line that was shown
//!       └────── broken off ◀────────┘
//! ```

use std::process::ExitCode;

use serde_json::json;
use spear_types::{Refusal, TaskId};

use super::{dropped, line};
use crate::{
    cli::{Context, again::Again, view},
    client::{Client, Following, LogCursor, LogPiece},
    output::{Output, dim},
};

/// What was shown up to now.
struct Shown<'a> {
    output: &'a Output,
    task: TaskId,
    last: Option<LogCursor>,
    /// The attempt whose dropped lines were told.
    told: u32,
}

pub(super) async fn run(task: TaskId, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
    let mut shown = Shown { output: context.output, task, last: None, told: 0 };
    let mut again = Again::new(context.output);
    let mut pieces = client.follow_logs(task, None).await?;
    loop {
        let refusal = match pieces.next().await {
            Ok(Some(piece)) => {
                again.reached();
                shown.piece(piece)?;
                continue;
            }
            Ok(None) => return Ok(ExitCode::SUCCESS),
            Err(refusal) => refusal,
        };
        pieces = resume(&shown, client, &mut again, refusal).await?;
    }
}

async fn resume<'a>(
    shown: &Shown<'_>,
    client: &'a Client,
    again: &mut Again<'_>,
    mut refusal: Refusal,
) -> Result<Following<'a>, Refusal> {
    loop {
        again.after(refusal).await?;
        match client.follow_logs(shown.task, shown.last).await {
            Ok(pieces) => return Ok(pieces),
            Err(still) => refusal = still,
        }
    }
}

impl Shown<'_> {
    fn piece(&mut self, piece: LogPiece) -> anyhow::Result<()> {
        let LogPiece { attempt, lines, dropped: lost } = piece;
        for (sequence, log_line) in lines {
            let cursor = LogCursor { attempt, sequence };
            if self.last.is_some_and(|last| cursor <= last) {
                continue;
            }
            if attempt > self.last.map_or(1, |last| last.attempt) {
                self.output.note(dim(format_args!("── attempt {attempt}")));
            }
            let mut value = view::log_line(&log_line);
            value["task"] = json!(self.task);
            value["attempt"] = json!(attempt);
            value["sequence"] = json!(sequence);
            self.output.event(&value, || line(&log_line))?;
            self.last = Some(cursor);
        }
        if lost > 0 && self.told < attempt {
            self.told = attempt;
            let value = json!({ "task": self.task, "attempt": attempt, "dropped": lost });
            self.output.event(&value, || dropped(lost))?;
        }
        Ok(())
    }
}
