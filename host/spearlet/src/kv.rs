//! The guest's values: in the SMS's store, over gRPC.

use futures::FutureExt as _;
use spear_hostcalls::kv::{Answer, Backend};
use spear_proto::v1::{self, kv_service_client::KvServiceClient};
use spear_types::{KvChange, KvChanged, KvEntry, KvKey, KvPage, Refusal, StoreName};
use spear_wire::{Decode as _, Encode as _, from_status};
use tonic::transport::Channel;

/// What an answer may have: a page or a batch, and its framing.
const MAX_MESSAGE: usize = KvChange::MAX_BYTES + (4 << 20);

/// The SMS's key-value stores.
pub(crate) struct RemoteKv {
    sms: KvServiceClient<Channel>,
}

impl RemoteKv {
    pub(crate) fn new(sms: Channel) -> Self {
        Self { sms: KvServiceClient::new(sms).max_decoding_message_size(MAX_MESSAGE) }
    }

    async fn get(&self, store: &StoreName, keys: Vec<KvKey>) -> Result<Vec<Option<KvEntry>>, Refusal> {
        let keys = keys.into_iter().map(Into::into).collect();
        let request = v1::GetValuesRequest { store: store.to_string(), keys };
        let response = self.sms.clone().get_values(request).await.map_err(from_status)?;
        response.into_inner().values.into_iter().map(|value| value.value.map(KvEntry::decode).transpose()).collect()
    }

    async fn apply(&self, store: &StoreName, changes: Vec<KvChange>) -> Result<Vec<KvChanged>, Refusal> {
        let changes = changes.into_iter().map(|change| change.encode()).collect();
        let request = v1::ChangeValuesRequest { store: store.to_string(), changes };
        let response = self.sms.clone().change_values(request).await.map_err(from_status)?;
        response.into_inner().results.into_iter().map(KvChanged::decode).collect()
    }

    async fn list(
        &self,
        store: &StoreName,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<KvPage, Refusal> {
        let request =
            v1::ListValuesRequest { store: store.to_string(), prefix: Some(prefix), after, limit: Some(limit) };
        let response = self.sms.clone().list_values(request).await.map_err(from_status)?;
        KvPage::decode(response.into_inner())
    }
}

impl Backend for RemoteKv {
    fn get<'a>(&'a self, store: &'a StoreName, keys: Vec<KvKey>) -> Answer<'a, Vec<Option<KvEntry>>> {
        self.get(store, keys).boxed()
    }

    fn apply<'a>(&'a self, store: &'a StoreName, changes: Vec<KvChange>) -> Answer<'a, Vec<KvChanged>> {
        self.apply(store, changes).boxed()
    }

    fn list<'a>(
        &'a self,
        store: &'a StoreName,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Answer<'a, KvPage> {
        self.list(store, prefix, after, limit).boxed()
    }
}
