//! The node that attempts run on: its slots, its components, its engine.

use std::sync::Arc;

use spear_engine::{Attempt, Listener, Report, Running};
use spear_types::{Identity, LogLine, NodeName, Refusal};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc::UnboundedSender},
    time::Instant,
};

use crate::{
    attempts::{self, Event, Host, Tag, Work},
    components::{Components, Ready},
    slots::Slots,
    version::Version,
};

/// Where a node's events go. What waits there is bounded by the slots: a run has one event of its lines there, and one
/// of its end.
pub(crate) type Events = UnboundedSender<Event<Arc<Ready>>>;

/// See [`Host`].
pub(crate) struct Node {
    pub(crate) name: NodeName,
    pub(crate) components: Components,
    pub(crate) slots: Slots,
    pub(crate) events: Events,
}

/// Tells of one run.
#[derive(Clone)]
struct Tell {
    tag: Tag,
    events: Events,
}

impl Host for Node {
    type Component = Arc<Ready>;
    type Slot = OwnedSemaphorePermit;
    type Run = Running;

    fn slot(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        self.slots.take()
    }

    fn component(&self, version: &Arc<Version>) -> Option<Arc<Ready>> {
        if let Some(prepared) = version.prepared() {
            return Some(prepared);
        }
        if let Some(prepared) = self.components.kept(&version.key) {
            version.done(Some(&prepared));
            return Some(prepared);
        }
        if version.prepare() {
            tokio::spawn(prepare(self.components.clone(), Arc::clone(version), self.events.clone()));
        }
        None
    }

    fn start(
        &self,
        component: &Arc<Ready>,
        work: Work,
        slot: OwnedSemaphorePermit,
        tag: Tag,
        now: Instant,
    ) -> Result<Running, Refusal> {
        let Work { attempt, version, call, trace_parent, came: _, until } = work;
        let identity = Identity {
            task: attempt.task,
            attempt: attempt.attempt,
            function: version.function.clone(),
            version: version.number,
            node: self.name.clone(),
            trace_parent,
            callers: Vec::new(),
        };
        let time = until.map(|until| until - now);
        let attempt = Attempt { identity, call, time };
        self.components.start(component, attempt, slot, Tell { tag, events: self.events.clone() })
    }
}

async fn prepare(components: Components, version: Arc<Version>, events: Events) {
    let prepared = components.get(version.key.clone()).await;
    version.done(prepared.as_ref().ok());
    tell(&events, Event::Prepared(version, prepared));
}

impl attempts::Run for Running {
    fn cancel(&self) {
        self.cancel();
    }

    fn take_lines(&self) -> Vec<LogLine> {
        self.take_lines()
    }
}

impl Listener for Tell {
    fn wrote(&self) {
        tell(&self.events, Event::Wrote(self.tag));
    }

    fn ended(&self, report: Result<Report, Refusal>) {
        tell(&self.events, Event::Ended(self.tag, report));
    }
}

/// Nobody listens once the link has ended: then nobody wants to know.
fn tell(events: &Events, event: Event<Arc<Ready>>) {
    let _ = events.send(event);
}
