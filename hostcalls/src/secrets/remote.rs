//! What a program calls.

use spear_types::Refusal;
use spear_wire::v1::{self, secrets_error::Kind, secrets_server::Secrets};
use tonic::{Request, Response};

use super::wit;
use crate::remote::{Answer, Program};

#[tonic::async_trait]
impl Secrets for Program {
    async fn get(&self, request: Request<v1::SecretsGetRequest>) -> Answer<v1::SecretsGetResponse> {
        let v1::SecretsGetRequest { name } = request.into_inner();
        Ok(Response::new(match self.own.secrets().read(name).await {
            Ok(value) => v1::SecretsGetResponse { error: None, value },
            Err(refusal) => v1::SecretsGetResponse { error: error(refusal), ..Default::default() },
        }))
    }
}

/// As a component has it, in a message.
fn error(refusal: Refusal) -> Option<v1::SecretsError> {
    let kind = match wit::Error::from(refusal) {
        wit::Error::Denied(text) => Kind::Denied(text),
        wit::Error::Invalid(text) => Kind::Invalid(text),
        wit::Error::UnknownSecret(text) => Kind::UnknownSecret(text),
        wit::Error::OverLimit(text) => Kind::OverLimit(text),
        wit::Error::Unavailable(text) => Kind::Unavailable(text),
    };
    Some(v1::SecretsError { kind: Some(kind) })
}
