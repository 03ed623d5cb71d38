//! What the SMS knows of tasks and nodes, as plain data that commands change.
//!
//! ```text
//! Command + now ─▶ State::apply ─┬▶ Answer | Refusal     for who asked
//!                                └▶ Out ─┬ changes ─▶ Journal        what is to be remembered
//!                                        └ effects ─▶ links, watches once it is remembered
//! ```
//!
//!
//! | module | what it decides |
//! |---|---|
//! | `submit` | which tasks are accepted |
//! | `queue`, `assign` | whose turn it is, and what room there is |
//! | `tasks`, `moves` | where a task is, and every way from there |
//! | `reports`, `retry` | what an attempt's report means, and what comes after it |
//! | `stop` | cancelling, deadlines |
//! | `nodes`, `join`, `lost`, `duty` | who is there, what each node has, should have and should not |
//! | `calls` | room for calls that nobody remembers |
//! | `schedules`, `cron` | what is submitted by itself |
//! | `timers` | when time has to pass |
//! | `restore`, `journal`, `record` | what outlives the program |
//! | `audit` | whether all of that fits together |
//!
//! Deterministic: the same commands at the same times make the same state. No clock, no I/O, no async.

mod assign;
mod audit;
mod calls;
mod command;
mod cron;
mod decisions;
mod duty;
mod functions;
mod join;
mod journal;
mod lost;
mod moves;
mod nodes;
mod pass;
mod query;
mod queue;
mod record;
mod reports;
mod restore;
mod retry;
mod schedules;
mod state;
mod stop;
mod submit;
mod tasks;
mod timers;

pub use command::{Answer, CallEnd, Command, Effect, Joining, Out, Report, ReportKind, Submission, Submitted};
pub use journal::{
    Change, EndedTask, Journal, JournalError, LoggedLines, MemoryJournal, Page, PageRequest, Remembered,
    RememberedTask, log_size,
};
pub use record::{End, Incarnation, KeyHash, Phase, Progress, ScheduleRecord, TaskRecord};
pub use state::{Config, Counts, State};
