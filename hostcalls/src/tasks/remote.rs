//! What a program calls: convert, hand over, convert back.

use spear_types::{Code, Payload, Refusal, TaskOptions};
use spear_wire::{
    Encode as _,
    v1::{
        self,
        tasks_error::Kind,
        tasks_server::Tasks,
        tasks_status_response::{Queued, Running, Status as Told},
    },
};
use tonic::{Request, Response};

use super::{convert::Status, wit};
use crate::remote::{Answer, Program};

#[tonic::async_trait]
impl Tasks for Program {
    async fn invoke(&self, request: Request<v1::TasksInvokeRequest>) -> Answer<v1::TasksInvokeResponse> {
        let v1::TasksInvokeRequest { function, call } = request.into_inner();
        Ok(Response::new(match self.own.tasks().run(function, payload(call)).await {
            Ok(reply) => v1::TasksInvokeResponse { error: None, reply: Some(reply.encode()) },
            Err(error) => v1::TasksInvokeResponse { error: Some(error.into()), reply: None },
        }))
    }

    async fn submit(&self, request: Request<v1::TasksSubmitRequest>) -> Answer<v1::TasksSubmitResponse> {
        let v1::TasksSubmitRequest { function, call, options } = request.into_inner();
        let options = self::options(options.unwrap_or_default());
        Ok(Response::new(match self.own.tasks().remember(function, payload(call), options).await {
            Ok(task) => v1::TasksSubmitResponse { error: None, task },
            Err(error) => v1::TasksSubmitResponse { error: Some(error.into()), ..Default::default() },
        }))
    }

    async fn status(&self, request: Request<v1::TasksStatusRequest>) -> Answer<v1::TasksStatusResponse> {
        let v1::TasksStatusRequest { task } = request.into_inner();
        Ok(Response::new(match self.own.tasks().look(&task).await {
            Ok(status) => v1::TasksStatusResponse { error: None, status: Some(told(status)) },
            Err(error) => v1::TasksStatusResponse { error: Some(error.into()), status: None },
        }))
    }
}

/// The payload of a call, an empty one where there is none. Its limits are held with the grant.
fn payload(message: Option<v1::Payload>) -> Payload {
    let v1::Payload { content_type, headers, body } = message.unwrap_or_default();
    let headers = headers.into_iter().map(|v1::Header { name, value }| (name, value)).collect();
    Payload { content_type, headers, body }
}

fn options(message: v1::TasksOptions) -> Result<TaskOptions, Refusal> {
    let v1::TasksOptions { key, priority, delay_ms, deadline_ms, max_attempts } = message;
    let narrow = |priority| {
        let message = || format!("priority = {priority} is not 0 to 100");
        u8::try_from(priority).map_err(|_| Refusal::new(Code::InvalidRequest, message()))
    };
    let priority = priority.map(narrow).transpose()?;
    wit::Options { key, priority, delay_ms, deadline_ms, max_attempts }.try_into()
}

fn told(status: Status) -> Told {
    match status {
        Status::Queued => Told::Queued(Queued {}),
        Status::Running => Told::Running(Running {}),
        Status::Succeeded(reply) => Told::Succeeded(reply.encode()),
        Status::Failed(failure) => Told::Failed(wit::Failure::from(failure).into()),
        Status::Ended(text) => Told::Ended(text),
    }
}

/// Without what a command had written: that is for who invokes it by hand.
impl From<wit::Failure> for v1::Failure {
    fn from(failure: wit::Failure) -> Self {
        let wit::Failure { code, message, retryable } = failure;
        Self { code, message, retryable, exit: None }
    }
}

/// As a component has it, in a message.
impl From<wit::Error> for v1::TasksError {
    fn from(error: wit::Error) -> Self {
        let kind = match error {
            wit::Error::Denied(text) => Kind::Denied(text),
            wit::Error::Invalid(text) => Kind::Invalid(text),
            wit::Error::UnknownFunction(text) => Kind::UnknownFunction(text),
            wit::Error::UnknownTask(text) => Kind::UnknownTask(text),
            wit::Error::KeyTaken(text) => Kind::KeyTaken(text),
            wit::Error::Cycle(text) => Kind::Cycle(text),
            wit::Error::TooDeep(text) => Kind::TooDeep(text),
            wit::Error::OverLimit(text) => Kind::OverLimit(text),
            wit::Error::Failed(failure) => Kind::Failed(failure.into()),
            wit::Error::Ended(text) => Kind::Ended(text),
            wit::Error::Unavailable(text) => Kind::Unavailable(text),
        };
        Self { kind: Some(kind) }
    }
}
