//! What a component calls.

use spear_types::{Code, Refusal};

use super::{View, wit};

impl wit::Host for View<'_> {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<Vec<u8>, wit::Error>> {
        Ok(self.read(name).await.map(Into::into).map_err(Into::into))
    }
}

impl From<Refusal> for wit::Error {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.message;
        match refusal.code {
            Code::NotGranted => Self::Denied(text),
            Code::InvalidName | Code::InvalidRequest => Self::Invalid(text),
            Code::UnknownSecret => Self::UnknownSecret(text),
            Code::TooLarge | Code::LimitTooHigh => Self::OverLimit(text),
            // The node says nothing else of a secret: what is left is its own trouble.
            _ => Self::Unavailable(text),
        }
    }
}
