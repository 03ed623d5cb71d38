//! From a request to the capability that answers it.

use std::{convert::Infallible, sync::Arc};

use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use spear_wire::v1::{
    config_server::{self, ConfigServer},
    kv_server::{self, KvServer},
    logs_server::{self, LogsServer},
    objects_server::{self, ObjectsServer},
    resources_server::{self, ResourcesServer},
    secrets_server::{self, SecretsServer},
    tasks_server::{self, TasksServer},
};
use tokio::sync::Semaphore;
use tonic::{body::Body, codegen::Service};

use super::Program;

/// The calls of one session that one service answers at once. Each holds its message and its answer, which the run's limits
/// bound; a component makes one at a time. Each service has its own turns: a program whose calls wait for functions can
/// write its log.
const AT_ONCE: usize = 4;

/// Every service, each with its turns.
pub(super) struct Calls {
    program: Arc<Program>,
    /// The largest message in bytes: the limit `hostcall`.
    max_message: usize,
    turns: [(&'static str, Arc<Semaphore>); 7],
}

impl Calls {
    pub(super) fn new(program: Arc<Program>, max_message: usize) -> Self {
        let turns = [
            config_server::SERVICE_NAME,
            kv_server::SERVICE_NAME,
            logs_server::SERVICE_NAME,
            objects_server::SERVICE_NAME,
            resources_server::SERVICE_NAME,
            secrets_server::SERVICE_NAME,
            tasks_server::SERVICE_NAME,
        ];
        Self { program, max_message, turns: turns.map(|service| (service, Arc::new(Semaphore::new(AT_ONCE)))) }
    }

    pub(super) fn program(&self) -> &Program {
        &self.program
    }

    /// Answers in its turn. Until then nothing of the message is read, and the turn lasts until the answer was taken.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let asked = request.uri().path().split('/').nth(1).unwrap_or_default().to_owned();
        let turn = match self.turns.iter().find(|(service, _)| *service == asked) {
            // Nobody closes it.
            Some((_, turns)) => Arc::clone(turns).acquire_owned().await.ok(),
            None => None,
        };
        let response = self.dispatch(&asked, request).await;
        response.map(|body| {
            Body::new(body.map_frame(move |frame| {
                let _held = &turn;
                frame
            }))
        })
    }

    async fn dispatch(&self, service: &str, request: Request<Incoming>) -> Response<Body> {
        let (program, max) = (Arc::clone(&self.program), self.max_message);
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

async fn call<S>(mut service: S, request: Request<Incoming>) -> Response<Body>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
{
    match service.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
