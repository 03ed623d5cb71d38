//! What is done for a secret, whoever asks: count, check, fetch, and see to it that no log shows the value.

use bytes::Bytes;
use spear_types::{Code, Refusal, SecretName};

use super::View;

impl View<'_> {
    pub(super) async fn read(&self, name: String) -> Result<Bytes, Refusal> {
        self.meter.hostcall(name.len());
        let secret = SecretName::try_from(name)?;
        let denied = |text| Refusal::new(Code::NotGranted, text);
        self.gate.check(|grants| grants.secret(&secret)).map_err(denied)?;
        let value = self.state.backend.get(&secret).await?;
        self.state.log.hide(&value);
        self.meter.answer(value.len());
        Ok(value)
    }
}
