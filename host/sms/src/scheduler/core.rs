//! What the lock guards: the state, and what came of it since the last group was taken.

use spear_state::{Answer, Change, Command, Effect, Out, State, log_size};
use spear_types::{Refusal, Timestamp};

/// The most bytes of direct calls' logs that wait for the disk; what is more is lost, as nobody waits for it.
const MAX_LOGGED: u64 = 64 << 20;

pub(super) struct Core {
    pub(super) state: State,
    pending: Out,
    /// The pending group's number, from 1.
    number: u64,
    /// About how many bytes of direct calls' logs it has.
    logged: u64,
    /// Why nothing can be remembered.
    pub(super) failing: Option<Refusal>,
    /// No group is taken after the pending one.
    pub(super) stopping: bool,
    /// When the ticker wakes.
    armed: Option<Timestamp>,
}

impl Core {
    /// `pending` is what came of making the state.
    pub(super) fn new(state: State, pending: Out) -> Self {
        Self { state, pending, number: 1, logged: 0, failing: None, stopping: false, armed: None }
    }

    /// Has the state do it. What a client wants is not even tried while nothing can be remembered; what happened has
    /// happened, and waits.
    pub(super) fn apply(&mut self, command: Command, now: Timestamp) -> Result<Result<Answer, Refusal>, Refusal> {
        match &self.failing {
            Some(failing) if is_wanted(&command) => Err(failing.clone()),
            _ => Ok(self.state.apply(command, now, &mut self.pending)),
        }
    }

    pub(super) fn log(&mut self, change: Change) {
        let Change::Logged { attempt, lines, .. } = &change else { return };
        let (task, bytes) = (attempt.task, log_size(lines));
        if self.failing.is_some() || self.logged + bytes > MAX_LOGGED {
            tracing::warn!(%task, "the log of a call is lost: the disk does not keep up");
            return;
        }
        self.logged += bytes;
        self.pending.changes.push(change);
        self.pending.effects.push(Effect::Logged(task));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.changes.is_empty() && self.pending.effects.is_empty()
    }

    /// The newest group that there is anything in.
    pub(super) fn newest(&self) -> u64 {
        if self.is_empty() { self.number - 1 } else { self.number }
    }

    /// The pending group and its number, where there is anything in it.
    pub(super) fn take(&mut self) -> Option<(u64, Out)> {
        if self.is_empty() {
            return None;
        }
        let number = self.number;
        self.number += 1;
        self.logged = 0;
        Some((number, std::mem::take(&mut self.pending)))
    }

    /// Whether the state wants time to pass sooner than the ticker would have it pass.
    pub(super) fn arm(&mut self) -> bool {
        let Some(next) = self.state.next_tick() else { return false };
        let sooner = self.armed.is_none_or(|armed| next < armed);
        if sooner {
            self.armed = Some(next);
        }
        sooner
    }

    /// When the ticker is to wake.
    pub(super) fn next_tick(&mut self) -> Option<Timestamp> {
        self.armed = self.state.next_tick();
        self.armed
    }
}

/// Whether somebody wants it, who can be told to come again.
fn is_wanted(command: &Command) -> bool {
    match command {
        Command::Submit(_)
        | Command::Cancel(_)
        | Command::SetDuty { .. }
        | Command::Schedule(..)
        | Command::Unschedule(_) => true,
        Command::Join(_)
        | Command::Heard { .. }
        | Command::Disconnected { .. }
        | Command::Left { .. }
        | Command::Report(_)
        | Command::Place { .. }
        | Command::Release { .. }
        | Command::FunctionDeployed(_)
        | Command::FunctionRemoved(_)
        | Command::Forget(_)
        | Command::Skipped(_)
        | Command::Tick => false,
    }
}
