//! Tasks, from their submission to their end.

mod cancel;
mod functions;
mod kept;
mod keys;
mod list;
mod many;
mod order;
mod refused;
mod retry;
mod schedule;
mod submit;
mod watch;

use std::time::Duration;

use crate::harness::{Function, NewTask, Sms};
use spear_types::{TaskId, TaskState};

const HOUR: Duration = Duration::from_secs(3600);

/// A node with one slot, and a task in it that does not end by itself.
async fn busy() -> (Sms, TaskId) {
    let sms = Sms::with_node_set(&[("SPEAR_SPEARLET_SLOTS", "1")]).await;
    sms.api.deploy(&Function::spin(HOUR)).await.unwrap();
    let spin = sms.api.submit(NewTask::of("spin", "")).await.unwrap();
    sms.api.runs(spin).await;
    (sms, spin)
}

fn is_queued(state: &TaskState) -> bool {
    matches!(state, TaskState::Queued { .. })
}
