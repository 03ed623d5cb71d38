//! What a program calls: parse the store's name, hand over, convert.

use spear_types::{Access, Expected, KvChange, KvChanged, KvEntry, KvKey, KvPage, Refusal, StoreName};
use spear_wire::{
    Decode as _, Encode as _,
    v1::{
        self,
        kv_error::{Conflict, Kind},
        kv_server::Kv,
    },
};
use tonic::{Request, Response};

use super::{
    View,
    checked::Checked,
    counted::{existed, number, version},
    wit,
};
use crate::remote::{Answer, Program};

#[tonic::async_trait]
impl Kv for Program {
    async fn get(&self, request: Request<v1::KvGetRequest>) -> Answer<v1::KvGetResponse> {
        let v1::KvGetRequest { store, key } = request.into_inner();
        let kv = self.own.kv();
        let entry = async { kv.entry(&kv.named(store)?, key).await };
        Ok(Response::new(match entry.await {
            Ok(entry) => v1::KvGetResponse { error: None, entry: entry.map(KvEntry::encode) },
            Err(refusal) => v1::KvGetResponse { error: error(refusal), entry: None },
        }))
    }

    async fn get_many(&self, request: Request<v1::KvGetManyRequest>) -> Answer<v1::KvGetManyResponse> {
        let v1::KvGetManyRequest { store, keys } = request.into_inner();
        let kv = self.own.kv();
        let entries = async { kv.entries(&kv.named(store)?, keys).await };
        let maybe = |entry: Option<KvEntry>| v1::MaybeValue { value: entry.map(KvEntry::encode) };
        Ok(Response::new(match entries.await {
            Ok(entries) => v1::KvGetManyResponse { error: None, entries: entries.into_iter().map(maybe).collect() },
            Err(refusal) => v1::KvGetManyResponse { error: error(refusal), ..Default::default() },
        }))
    }

    async fn put(&self, request: Request<v1::KvPutRequest>) -> Answer<v1::KvPutResponse> {
        let v1::KvPutRequest { store, key, value, expected } = request.into_inner();
        let put = |key| Ok(KvChange::Put { key, value, expected: Expected::decode(expected)? });
        Ok(Response::new(match self.own.kv().single(store, key, Access::Write, put).await {
            Ok(changed) => v1::KvPutResponse { error: None, version: version(changed) },
            Err(refusal) => v1::KvPutResponse { error: error(refusal), ..Default::default() },
        }))
    }

    async fn delete(&self, request: Request<v1::KvDeleteRequest>) -> Answer<v1::KvDeleteResponse> {
        let v1::KvDeleteRequest { store, key, expected } = request.into_inner();
        let delete = |key| Ok(KvChange::Delete { key, expected: Expected::decode(expected)? });
        Ok(Response::new(match self.own.kv().single(store, key, Access::Write, delete).await {
            Ok(changed) => v1::KvDeleteResponse { error: None, existed: existed(changed) },
            Err(refusal) => v1::KvDeleteResponse { error: error(refusal), ..Default::default() },
        }))
    }

    async fn increment(&self, request: Request<v1::KvIncrementRequest>) -> Answer<v1::KvIncrementResponse> {
        let v1::KvIncrementRequest { store, key, by } = request.into_inner();
        let increment = |key| Ok(KvChange::Increment { key, by });
        Ok(Response::new(match self.own.kv().single(store, key, Access::ReadWrite, increment).await {
            Ok(changed) => v1::KvIncrementResponse { error: None, number: number(changed) },
            Err(refusal) => v1::KvIncrementResponse { error: error(refusal), ..Default::default() },
        }))
    }

    async fn apply(&self, request: Request<v1::KvApplyRequest>) -> Answer<v1::KvApplyResponse> {
        let v1::KvApplyRequest { store, changes } = request.into_inner();
        let kv = self.own.kv();
        let changes = changes.into_iter().map(KvChange::decode).collect();
        let applied = async { kv.all(&kv.named(store)?, changes).await };
        Ok(Response::new(v1::KvApplyResponse { error: applied.await.err().and_then(error) }))
    }

    async fn list(&self, request: Request<v1::KvListRequest>) -> Answer<v1::KvListResponse> {
        let v1::KvListRequest { store, prefix, after, limit } = request.into_inner();
        let kv = self.own.kv();
        let page = async { kv.listing(&kv.named(store)?, prefix, after, limit).await };
        Ok(Response::new(match page.await.map(KvPage::encode) {
            Ok(v1::ListValuesResponse { values, next }) => v1::KvListResponse { error: None, entries: values, next },
            Err(refusal) => v1::KvListResponse { error: error(refusal), ..Default::default() },
        }))
    }
}

impl View<'_> {
    /// The store that a call names; one that cannot be is a hostcall as well.
    fn named(&self, name: String) -> Checked<StoreName> {
        let malformed = |error| {
            self.meter.hostcall(0);
            Refusal::from(error)
        };
        StoreName::try_from(name).map_err(malformed)
    }

    async fn single(
        &self,
        store: String,
        key: String,
        access: Access,
        change: impl FnOnce(KvKey) -> Checked<KvChange>,
    ) -> Checked<KvChanged> {
        self.one(&self.named(store)?, key, access, change).await
    }
}

/// As a component has it, in a message.
fn error(refusal: Refusal) -> Option<v1::KvError> {
    let kind = match wit::Error::from(refusal) {
        wit::Error::Denied(text) => Kind::Denied(text),
        wit::Error::Invalid(text) => Kind::Invalid(text),
        wit::Error::Conflict(version) => Kind::Conflict(Conflict { version }),
        wit::Error::NotANumber(text) => Kind::NotANumber(text),
        wit::Error::OverLimit(text) => Kind::OverLimit(text),
        wit::Error::Unavailable(text) => Kind::Unavailable(text),
    };
    Some(v1::KvError { kind: Some(kind) })
}
