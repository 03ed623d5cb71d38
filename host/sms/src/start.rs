//! A start: what is on the disk becomes the state again.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use spear_state::{Out, Remembered, State};
use spear_types::{Code, FunctionName, FunctionVersion, Refusal, Timestamp};

use crate::{Config, disk::Disk, functions::Functions};

/// How long a lost node is still shown, with its reason.
const FORGET_NODES_AFTER: Duration = Duration::from_hours(24);

/// The state as it was remembered, and what comes of finding it.
///
/// # Errors
/// When the disk fails.
pub(crate) async fn restore(config: &Config, disk: &Disk, functions: &Functions) -> Result<(State, Out), Refusal> {
    let remembered = disk.read(|journal| journal.load()).await?;
    let (tasks, schedules, ended) = (remembered.tasks.len(), remembered.schedules.len(), remembered.ended);
    let known = known(&remembered, functions).await?;
    let mut out = Out::default();
    let state = State::restore(state_config(config), remembered, known, Timestamp::now(), &mut out);
    tracing::info!(tasks, ended, schedules, "tasks remembered");
    Ok((state, out))
}

fn state_config(config: &Config) -> spear_state::Config {
    let Config { queue, queue_per_function, queue_bytes, lease, .. } = *config;
    spear_state::Config { queue, queue_per_function, queue_bytes, lease, forget_nodes_after: FORGET_NODES_AFTER }
}

/// The versions that tasks run and that schedules will. Those that are gone are left out: the state knows what then.
async fn known(remembered: &Remembered, functions: &Functions) -> Result<Vec<Arc<FunctionVersion>>, Refusal> {
    let tasks = remembered.tasks.iter().map(|task| (&task.record.function, Some(task.record.version)));
    let schedules = remembered.schedules.iter().map(|schedule| (&schedule.function, None));
    let wanted: BTreeSet<(&FunctionName, Option<u32>)> = tasks.chain(schedules).collect();
    let mut known = Vec::with_capacity(wanted.len());
    for (name, version) in wanted {
        match functions.find(name, version).await {
            Ok(found) => known.push(found.function),
            Err(refusal) if matches!(refusal.code, Code::UnknownFunction | Code::UnknownVersion) => {}
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(known)
}
