//! What is done once a group is remembered.

use std::sync::Arc;

use spear_state::{Effect, Journal, Out};

use super::{calls::Calls, watches::Watches};
use crate::{
    logs::Logs,
    nodes::{Links, Outgoing},
};

/// Whom it is done to.
pub(crate) struct Effects {
    calls: Calls,
    watches: Watches,
    links: Links,
    logs: Logs,
    /// Orders whose calls the disk did not give: they are tried again.
    unsent: Vec<Effect>,
}

impl Effects {
    pub(crate) fn new(journal: Arc<dyn Journal>, watches: Watches, links: Links, logs: Logs) -> Self {
        Self { calls: Calls::new(journal), watches, links, logs, unsent: Vec::new() }
    }

    /// Does it, group for group. The answer is whether all was done; what was not is tried again with the next group, or an empty one.
    pub(crate) fn performing(mut self) -> impl FnMut(Out) -> bool + Send + 'static {
        move |out| self.perform(out)
    }

    /// In the order of the commands. An order to a node whose link is gone is lost: the state gives it again once the
    /// node is back.
    fn perform(&mut self, out: Out) -> bool {
        self.calls.note(out.changes);
        let unsent = std::mem::take(&mut self.unsent);
        for effect in unsent.into_iter().chain(out.effects) {
            self.one(effect);
        }
        self.unsent.is_empty()
    }

    fn one(&mut self, effect: Effect) {
        match effect {
            Effect::Assign { node, attempt, ref function, ref trace_parent, deadline } => {
                match self.calls.take(attempt.task) {
                    Ok(Some(call)) => {
                        let (function, trace_parent) = (Arc::clone(function), trace_parent.clone());
                        self.links.send(node, Outgoing::Assign { attempt, function, call, trace_parent, deadline });
                    }
                    // It has ended in this very group.
                    Ok(None) => {}
                    Err(error) => {
                        tracing::error!(task = %attempt.task, %error, "a task waits, as its call cannot be read");
                        self.unsent.push(effect);
                    }
                }
            }
            Effect::Cancel { node, attempt: over } => {
                self.unsent.retain(|unsent| !matches!(unsent, Effect::Assign { attempt, .. } if *attempt == over));
                self.links.send(node, Outgoing::Cancel(over));
            }
            Effect::Close { node, session } => self.links.send(node, Outgoing::Close { session }),
            Effect::Changed(task) => self.watches.tell(task),
            Effect::Logged(task) => self.logs.notify(task),
        }
    }
}
