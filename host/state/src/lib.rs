//! What the SMS knows of tasks and nodes, as plain data that commands change.
//!
//! ```text
//! Command + now ─▶ State::apply ─┬▶ Answer | Refusal     for who asked
//!                                └▶ Out ─┬ changes ─▶ Journal        what is to be remembered
//!                                        └ effects ─▶ links, watches once it is remembered
//! ```
//!
//! Deterministic: the same commands at the same times make the same state. No clock, no I/O, no async.

mod command;
mod state;

mod submit;

mod tasks;

mod queue;

mod assign;

mod moves;

mod reports;
mod retry;

mod stop;

mod nodes;

mod join;

mod lost;

mod duty;

mod calls;

mod cron;
mod schedules;

mod timers;

mod functions;

mod decisions;

mod query;

mod pass;

mod restore;

mod record;

mod journal;

#[cfg(test)]
mod testing;

pub use command::{Answer, Command, Effect, Joining, Out, Report, ReportKind, Submission, Submitted};
pub use journal::{
    Change, EndedTask, Journal, JournalError, LoggedLines, MemoryJournal, Page, PageRequest, Remembered,
    RememberedTask, log_size,
};
pub use record::{End, Incarnation, KeyHash, Phase, Progress, ScheduleRecord, TaskRecord};
pub use state::{Config, Counts, State};
