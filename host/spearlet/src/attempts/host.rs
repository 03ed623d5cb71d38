//! What attempts need of their node.

use std::sync::Arc;

use spear_engine::Report;
use spear_types::{AttemptId, Call, LogLine, Refusal};
use tokio::time::Instant;

use crate::version::Version;

/// The node that attempts run on.
pub(crate) trait Host {
    /// A version's component, ready to run.
    type Component: Clone;
    /// Room for one run, until it is dropped.
    type Slot;
    /// A run that was started.
    type Run: Run;

    /// Takes a slot.
    ///
    /// # Errors
    /// `QueueFull`, at once.
    fn slot(&self) -> Result<Self::Slot, Refusal>;

    /// The component; where it is not ready, it is being prepared from now on, and [`Event::Prepared`] comes.
    fn component(&self, version: &Arc<Version>) -> Option<Self::Component>;

    /// Starts a run; its events come with `tag`.
    ///
    /// # Errors
    /// When the call does not fit the component.
    fn start(
        &self,
        component: &Self::Component,
        work: Work,
        slot: Self::Slot,
        tag: Tag,
        now: Instant,
    ) -> Result<Self::Run, Refusal>;
}

/// The handle to a run.
pub(crate) trait Run {
    /// Stops it; its end comes as an event.
    fn cancel(&self);

    /// What it wrote since the last time.
    fn take_lines(&self) -> Vec<LogLine>;
}

/// What an attempt runs.
#[derive(Debug)]
pub(crate) struct Work {
    /// Which attempt.
    pub(crate) attempt: AttemptId,
    /// What runs.
    pub(crate) version: Arc<Version>,
    /// What it is given.
    pub(crate) call: Call,
    /// W3C trace context.
    pub(crate) trace_parent: Option<String>,
    /// When it came.
    pub(crate) came: Instant,
    /// When its task has to have ended.
    pub(crate) until: Option<Instant>,
}

/// One run of an attempt: an attempt that was given up may come again while its old run is still stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Tag {
    pub(crate) attempt: AttemptId,
    pub(crate) run: u64,
}

/// What happens on the node.
#[derive(Debug)]
pub(crate) enum Event<Component> {
    /// A component is ready, or cannot be.
    Prepared(Arc<Version>, Result<Component, Refusal>),
    /// A run has lines to take.
    Wrote(Tag),
    /// A run ended, or did not start.
    Ended(Tag, Result<Report, Refusal>),
}
