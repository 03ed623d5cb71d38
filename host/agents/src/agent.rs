//! What an agent is.

use std::{path::PathBuf, sync::Arc};

use spear_engine::{Attempt, Listener, Report, Running, Terms, warm::Keeper};
use spear_types::{AgentInfo, Digest, Implementation, InstanceCounts, Refusal};

use crate::sandbox::Unrunnable;

/// Runs implementations of one kind.
pub(crate) trait Agent: Send + Sync + 'static {
    /// An implementation that is ready to run, any number of times at once.
    type Ready: Keeper;

    /// What it can do, as it looks now.
    fn info(&self) -> impl Future<Output = AgentInfo> + Send;

    /// What its instances that wait for calls were good for.
    fn instances(&self) -> InstanceCounts;

    /// Makes an implementation ready.
    ///
    /// # Errors
    /// See [`Unready`].
    fn prepare(
        self: &Arc<Self>,
        implementation: &Implementation,
        terms: &Terms,
        artifacts: &impl Artifacts,
    ) -> impl Future<Output = Result<Arc<Self::Ready>, Unready>> + Send;

    /// Runs one call to its end; what it used is in the report. Dropping the future cancels the run; `slot` is dropped with it.
    ///
    /// # Errors
    /// When the function did not run.
    fn run<S: Send + 'static>(
        &self,
        ready: &Arc<Self::Ready>,
        attempt: Attempt,
        slot: S,
    ) -> impl Future<Output = Result<Report, Refusal>> + Send;

    /// Starts the same run, and tells `listener` of it. It goes on whoever waits for it, until it is cancelled by what is
    /// returned.
    ///
    /// # Errors
    /// For a call that does not fit. What is refused later, the listener is told.
    fn start<S: Send + 'static>(
        &self,
        ready: &Arc<Self::Ready>,
        attempt: Attempt,
        slot: S,
        listener: impl Listener,
    ) -> Result<Running, Refusal>;

    /// Another version is called instead: no instance is kept for calls that may never come.
    fn retire(&self, ready: &Self::Ready) {
        if let Some(warm) = ready.warm() {
            warm.retire();
        }
    }

    /// Removes what an earlier program of this node left. How many runs that was.
    fn remove_left(&self) -> impl Future<Output = usize> + Send;

    /// Ends what would outlive the node, and waits until nothing of it is left.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// Where artifacts come from.
pub trait Artifacts: Sync {
    /// The file of a component, which was looked at; fetched where it is not there.
    fn component(&self, digest: &Digest) -> impl Future<Output = Result<PathBuf, Refusal>> + Send;

    /// The file of an archive; fetched where it is not there.
    fn archive(&self, digest: &Digest) -> impl Future<Output = Result<PathBuf, Refusal>> + Send;
}

/// Why an implementation is not ready.
#[derive(Debug)]
pub enum Unready {
    /// This node cannot run it: the next implementation is tried.
    Unrunnable(Unrunnable),
    /// The same, in words that are an answer by themselves: where there is no other implementation, they are.
    Lacking(Refusal),
    /// No node would, or this one failed.
    Refused(Refusal),
}
