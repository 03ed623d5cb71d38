//! How a task ended, and the wait for that.

use std::time::Duration;

use spear_proto::v1;
use spear_types::{Code, Refusal, TaskId, TaskResult};
use spear_wire::Encode as _;
use tokio::time::timeout;

use super::Tasks;

/// The longest wait of one request: a client whose task takes longer asks again.
const MAX_WAIT: Duration = Duration::from_hours(1);

pub(super) async fn result(api: &Tasks, request: v1::GetResultRequest) -> Result<v1::GetResultResponse, Refusal> {
    let v1::GetResultRequest { task, wait } = request;
    let task: TaskId = task.parse()?;
    let negative = |_| Refusal::new(Code::InvalidRequest, "wait is no length of time");
    let wait: Duration = wait.map(TryInto::try_into).transpose().map_err(negative)?.unwrap_or_default();
    // Before it is looked for, so that no end comes between.
    let mut end = api.watches.end(task);
    if let Some(live) = api.scheduler.look(|state| state.task(task)).await? {
        if wait.is_zero() {
            return Ok(v1::GetResultResponse { task: Some(live.encode()), outcome: None, usage: None });
        }
        let reached = timeout(wait.min(MAX_WAIT), end.reached());
        let Some(_) = api.stop.run_until_cancelled(reached).await else {
            return Err(Refusal::new(Code::Draining, "the SMS is stopping").help("ask again once it is back"));
        };
        if let Some(live) = api.scheduler.look(|state| state.task(task)).await? {
            return Ok(v1::GetResultResponse { task: Some(live.encode()), outcome: None, usage: None });
        }
    }
    let ended = api.disk.ended(task).await?;
    let info = ended.info();
    let TaskResult { outcome, usage } = ended.end.result;
    Ok(v1::GetResultResponse {
        task: Some(info.encode()),
        outcome: Some(outcome.encode()),
        usage: Some(usage.encode()),
    })
}
