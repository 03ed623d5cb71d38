//! What the guest calls: check, fetch, and see to it that no log shows the value.

use spear_types::{Code, Refusal, SecretName};

use super::{View, wit};

impl wit::Host for View<'_> {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<Vec<u8>, wit::Error>> {
        self.meter.hostcall(name.len());
        Ok(self.read(name).await)
    }
}

impl View<'_> {
    async fn read(&mut self, name: String) -> Result<Vec<u8>, wit::Error> {
        let secret = SecretName::try_from(name).map_err(Refusal::from)?;
        self.gate.check(|grants| grants.secret(&secret)).map_err(wit::Error::Denied)?;
        let value = self.state.backend.get(&secret).await?;
        self.state.log.hide(&value);
        self.meter.answer(value.len());
        Ok(value.into())
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
