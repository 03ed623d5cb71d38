//! From a request to the capability that answers it.

use std::{convert::Infallible, sync::Arc};

use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use spear_wire::{
    to_status,
    v1::{
        config_server::{self, ConfigServer},
        kv_server::{self, KvServer},
        logs_server::{self, LogsServer},
        objects_server::{self, ObjectsServer},
        resources_server::{self, ResourcesServer},
        secrets_server::{self, SecretsServer},
        tasks_server::{self, TasksServer},
    },
};
use tokio::sync::Semaphore;
use tonic::{body::Body, codegen::Service};

use super::{
    Program,
    budget::{Budget, Message},
};

/// The calls of one session that one service answers at once; a component makes one at a time. Each service has its own
/// turns: a program whose calls wait for functions can write its log.
pub(super) const AT_ONCE: usize = 4;

/// The services whose answers may have as much as the limit `payload` allows.
const LARGE: [&str; 3] = [kv_server::SERVICE_NAME, objects_server::SERVICE_NAME, tasks_server::SERVICE_NAME];

/// Every service, each with its turns.
pub(super) struct Calls {
    program: Arc<Program>,
    budget: Budget,
    turns: [(&'static str, Arc<Semaphore>); 7],
}

impl Calls {
    pub(super) fn new(program: Arc<Program>, budget: Budget) -> Self {
        let turns = [
            config_server::SERVICE_NAME,
            kv_server::SERVICE_NAME,
            logs_server::SERVICE_NAME,
            objects_server::SERVICE_NAME,
            resources_server::SERVICE_NAME,
            secrets_server::SERVICE_NAME,
            tasks_server::SERVICE_NAME,
        ];
        Self { program, budget, turns: turns.map(|service| (service, Arc::new(Semaphore::new(AT_ONCE)))) }
    }

    pub(super) fn program(&self) -> &Program {
        &self.program
    }

    /// Answers in its turn, as soon as the budget has room for it. Until then nothing is read of the message but its length;
    /// turn and room are given back when the answer was taken.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let asked = request.uri().path().split('/').nth(1).unwrap_or_default().to_owned();
        let turn = match self.turns.iter().find(|(service, _)| *service == asked) {
            // Nobody closes it.
            Some((_, turns)) => Arc::clone(turns).acquire_owned().await.ok(),
            None => None,
        };
        let (parts, body) = request.into_parts();
        let message = Message::begin(body).await;
        let mut room = match self.budget.room_for(&message, LARGE.contains(&asked.as_str())).await {
            Ok(room) => room,
            Err(refusal) => return to_status(refusal).into_http(),
        };
        let response = self.dispatch(&asked, Request::from_parts(parts, message)).await;
        response.map(|body| {
            Body::new(body.map_frame(move |frame| {
                let _held = &turn;
                if let Some(answer) = frame.data_ref() {
                    room.shrink_to(answer.len());
                }
                frame
            }))
        })
    }

    async fn dispatch(&self, service: &str, request: Request<Message>) -> Response<Body> {
        let (program, max) = (Arc::clone(&self.program), self.budget.max_message());
        match service {
            config_server::SERVICE_NAME => {
                call(ConfigServer::from_arc(program).max_decoding_message_size(max), request).await
            }
            kv_server::SERVICE_NAME => call(KvServer::from_arc(program).max_decoding_message_size(max), request).await,
            objects_server::SERVICE_NAME => {
                call(ObjectsServer::from_arc(program).max_decoding_message_size(max), request).await
            }
            resources_server::SERVICE_NAME => {
                call(ResourcesServer::from_arc(program).max_decoding_message_size(max), request).await
            }
            secrets_server::SERVICE_NAME => {
                call(SecretsServer::from_arc(program).max_decoding_message_size(max), request).await
            }
            tasks_server::SERVICE_NAME => {
                call(TasksServer::from_arc(program).max_decoding_message_size(max), request).await
            }
            // Of what no service has, each says that it has it not.
            _ => call(LogsServer::from_arc(program).max_decoding_message_size(max), request).await,
        }
    }
}

async fn call<S>(mut service: S, request: Request<Message>) -> Response<Body>
where
    S: Service<Request<Message>, Response = Response<Body>, Error = Infallible>,
{
    match service.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
