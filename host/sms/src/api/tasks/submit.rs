//! Submissions: converted and checked one by one, accepted together or not at all.

use std::{collections::HashMap, sync::Arc};

use spear_proto::v1;
use spear_state::{Answer, Command, Submission, Submitted};
use spear_types::{Call, Code, FunctionName, FunctionVersion, MAX_BATCH, Refusal, TaskId, TaskOptions};
use spear_wire::{Decode as _, required};

use super::Tasks;

/// What a batch has found: each version once, so that all its tasks of a function run the same.
type Found = HashMap<(FunctionName, Option<u32>), Arc<FunctionVersion>>;

/// The most bytes of a call that are hashed between two other requests: a fraction of a millisecond.
const AT_ONCE: u64 = 64 << 10;

pub(super) async fn submit(api: &Tasks, request: v1::SubmitTasksRequest) -> Result<v1::SubmitTasksResponse, Refusal> {
    let v1::SubmitTasksRequest { tasks } = request;
    let count = tasks.len();
    if !(1..=MAX_BATCH).contains(&count) {
        return Err(Refusal::new(Code::InvalidRequest, format!("{count} tasks are not 1 to {MAX_BATCH}"))
            .help("make it several submissions"));
    }
    let held = api.functions.hold().await;
    let (mut submissions, mut found) = (Vec::with_capacity(count), Found::new());
    for (index, task) in tasks.into_iter().enumerate() {
        let submission = submission(api, task, &mut found).await;
        submissions.push(submission.map_err(|refusal| name(refusal, index, count))?);
    }
    let (mut answers, durable) = api.view.scheduler.apply_all(vec![Command::Submit(submissions)]);
    drop(held);
    durable.await?;
    match answers.pop() {
        Some(Ok(Answer::Submitted(tasks))) => Ok(encode(tasks)),
        Some(Err(refusal)) => Err(refusal),
        Some(Ok(_)) | None => Err(Refusal::new(Code::Internal, "a submission was answered with something else")),
    }
}

async fn submission(api: &Tasks, task: v1::TaskSpec, found: &mut Found) -> Result<Submission, Refusal> {
    let v1::TaskSpec { function, version, call, options } = task;
    let name: FunctionName = function.try_into()?;
    let wanted = (name, version);
    let function = match found.get(&wanted) {
        Some(function) => Arc::clone(function),
        None => {
            let function = api.functions.find(&wanted.0, version).await?.function;
            found.insert(wanted, Arc::clone(&function));
            function
        }
    };
    let call = Call::decode(required(call, "call")?)?;
    call.within(&function.limits)?;
    let options = TaskOptions::decode(options.unwrap_or_default())?;
    let id = TaskId::generate();
    if options.key.is_none() || call.size() <= AT_ONCE {
        return Ok(Submission::new(id, function, call, options));
    }
    let hashed = tokio::task::spawn_blocking(move || Submission::new(id, function, call, options)).await;
    hashed.map_err(|error| Refusal::new(Code::Internal, format!("a submission broke off: {error}")))
}

/// Says which of many it is about, counted from 0 as in the request.
fn name(refusal: Refusal, index: usize, count: usize) -> Refusal {
    let message = if count == 1 { refusal.message } else { format!("task {index}: {}", refusal.message) };
    Refusal { message, ..refusal }
}

fn encode(tasks: Vec<Submitted>) -> v1::SubmitTasksResponse {
    let submitted = |Submitted { task, existing }| v1::Submitted { task: task.to_string(), existing };
    v1::SubmitTasksResponse { tasks: tasks.into_iter().map(submitted).collect() }
}
