//! Values in key-value stores.

use spear_proto::v1::{self, kv_service_client::KvServiceClient};
use spear_types::{Code, KvChange, KvChanged, KvEntry, KvKey, KvPage, Refusal, StoreName};
use spear_wire::{Decode as _, Encode as _};
use tonic::transport::Channel;

use super::{Answer, Client, MAX_MESSAGE};

impl Client {
    pub(crate) async fn value(&self, store: &StoreName, key: &KvKey) -> Answer<Option<KvEntry>> {
        let request = v1::GetValuesRequest { store: store.to_string(), keys: vec![key.to_string()] };
        let response = self.kv().get_values(request).await;
        let value = self.answered(response)?.values.pop().and_then(|value| value.value);
        value.map(KvEntry::decode).transpose()
    }

    pub(crate) async fn change_value(&self, store: &StoreName, change: KvChange) -> Answer<KvChanged> {
        let request = v1::ChangeValuesRequest { store: store.to_string(), changes: vec![change.encode()] };
        let response = self.kv().change_values(request).await;
        let result = self.answered(response)?.results.pop();
        KvChanged::decode(result.ok_or_else(|| Refusal::new(Code::InvalidRequest, "the change's result is missing"))?)
    }

    pub(crate) async fn list_values(
        &self,
        store: &StoreName,
        prefix: Option<String>,
        after: Option<String>,
        limit: u32,
    ) -> Answer<KvPage> {
        let request = v1::ListValuesRequest { store: store.to_string(), prefix, after, limit: Some(limit) };
        let response = self.kv().list_values(request).await;
        KvPage::decode(self.answered(response)?)
    }

    fn kv(&self) -> KvServiceClient<Channel> {
        KvServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE)
    }
}
