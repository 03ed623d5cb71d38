//! How a task ended, and the wait for that.

use std::time::Duration;

use spear_proto::v1;
use spear_types::{Code, Refusal, TaskId, TaskResult};
use spear_wire::Encode;
use tokio::time::timeout;

use super::View;

/// The longest wait of one request: a client whose task takes longer asks again.
const MAX_WAIT: Duration = Duration::from_hours(1);

pub(super) async fn result(view: &View, request: v1::GetResultRequest) -> Result<v1::GetResultResponse, Refusal> {
    let v1::GetResultRequest { task, wait } = request;
    let task: TaskId = task.parse()?;
    let negative = |_| Refusal::new(Code::InvalidRequest, "wait is no length of time");
    let wait: Duration = wait.map(TryInto::try_into).transpose().map_err(negative)?.unwrap_or_default();
    // Before it is looked for, so that no end comes between.
    let mut end = view.watches.end(task);
    if let Some(live) = view.scheduler.look(|state| state.task(task)).await? {
        if wait.is_zero() {
            return Ok(v1::GetResultResponse { task: Some(live.encode()), outcome: None, usage: None, ran: None });
        }
        let reached = timeout(wait.min(MAX_WAIT), end.reached());
        let Some(_) = view.stop.run_until_cancelled(reached).await else {
            return Err(Refusal::new(Code::Draining, "the SMS is stopping").help("ask again once it is back"));
        };
        if let Some(live) = view.scheduler.look(|state| state.task(task)).await? {
            return Ok(v1::GetResultResponse { task: Some(live.encode()), outcome: None, usage: None, ran: None });
        }
    }
    let ended = view.disk.ended(task).await?;
    let info = ended.info();
    let TaskResult { outcome, usage, ran } = ended.end.result;
    Ok(v1::GetResultResponse {
        task: Some(info.encode()),
        outcome: Some(outcome.encode()),
        usage: Some(usage.encode()),
        ran: ran.map(Encode::encode),
    })
}

#[cfg(test)]
mod tests {
    use futures::poll;
    use spear_wire::Decode as _;

    use super::*;
    use crate::testing::{Middle, function, success};

    fn ask(task: TaskId, wait: u64) -> v1::GetResultRequest {
        let wait = Some(prost_types::Duration { seconds: i64::try_from(wait).unwrap(), nanos: 0 });
        v1::GetResultRequest { task: task.to_string(), wait }
    }

    #[tokio::test]
    async fn a_result_is_waited_for_as_long_as_is_asked() {
        let middle = Middle::new();
        let view = middle.view();
        let task = middle.submit(&function("f"), 1).await[0];
        let at_once = result(&view, ask(task, 0)).await.unwrap();
        assert!(at_once.outcome.is_none() && at_once.task.is_some());
        let mut waiting = Box::pin(result(&view, ask(task, 60)));
        assert!(poll!(&mut waiting).is_pending());
        let link = middle.join("one", 1).await;
        middle.report(link, middle.assigned().await, success()).await;
        let ended = waiting.await.unwrap();
        let outcome = spear_types::Outcome::decode(ended.outcome.unwrap()).unwrap();
        assert_eq!((outcome.name(), ended.usage.is_some()), ("succeeded", true));
        assert!(result(&view, ask(task, 60)).await.unwrap().outcome.is_some());
    }

    #[tokio::test]
    async fn a_wait_ends_with_the_sms_and_an_unknown_task_has_no_result() {
        let middle = Middle::new();
        let view = middle.view();
        assert_eq!(result(&view, ask(TaskId::generate(), 60)).await.unwrap_err().code, Code::UnknownTask);
        let task = middle.submit(&function("f"), 1).await[0];
        let mut waiting = Box::pin(result(&view, ask(task, 60)));
        assert!(poll!(&mut waiting).is_pending());
        view.stop.cancel();
        assert_eq!(waiting.await.unwrap_err().code, Code::Draining);
    }
}
