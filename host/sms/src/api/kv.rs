//! `KvService`.

use spear_proto::v1::{self, kv_service_server::KvService};
use spear_store::Store;
use spear_types::{Code, KvChange, KvChanged, KvEntry, KvKey, KvPage, Refusal, StoreName};
use spear_wire::{Decode as _, Encode as _, capped, to_status};
use tonic::{Request, Response, Status};

/// The largest message: keys and values at their most, and their framing.
pub(super) const MAX_MESSAGE: usize = KvChange::MAX_BYTES + (1 << 20);

pub(super) struct Values {
    pub(super) store: Store,
}

#[tonic::async_trait]
impl KvService for Values {
    async fn get_values(
        &self,
        request: Request<v1::GetValuesRequest>,
    ) -> Result<Response<v1::GetValuesResponse>, Status> {
        let values = self.get(request.into_inner()).await.map_err(to_status)?;
        let value = |entry: Option<KvEntry>| v1::MaybeValue { value: entry.map(KvEntry::encode) };
        Ok(Response::new(v1::GetValuesResponse { values: values.into_iter().map(value).collect() }))
    }

    async fn change_values(
        &self,
        request: Request<v1::ChangeValuesRequest>,
    ) -> Result<Response<v1::ChangeValuesResponse>, Status> {
        let changed = self.change(request.into_inner()).await.map_err(to_status)?;
        let results = changed.into_iter().map(KvChanged::encode).collect();
        Ok(Response::new(v1::ChangeValuesResponse { results }))
    }

    async fn list_values(
        &self,
        request: Request<v1::ListValuesRequest>,
    ) -> Result<Response<v1::ListValuesResponse>, Status> {
        let page = self.list(request.into_inner()).await.map_err(to_status)?;
        Ok(Response::new(page.encode()))
    }
}

impl Values {
    async fn get(&self, request: v1::GetValuesRequest) -> Result<Vec<Option<KvEntry>>, Refusal> {
        let v1::GetValuesRequest { store, keys } = request;
        let store: StoreName = store.try_into()?;
        check_count(keys.len())?;
        let keys = keys.into_iter().map(KvKey::try_from).collect::<Result<_, _>>()?;
        Ok(self.store.values(&store, keys).await?)
    }

    async fn change(&self, request: v1::ChangeValuesRequest) -> Result<Vec<KvChanged>, Refusal> {
        let v1::ChangeValuesRequest { store, changes } = request;
        let store: StoreName = store.try_into()?;
        check_count(changes.len())?;
        let changes = changes.into_iter().map(KvChange::decode).collect::<Result<_, _>>()?;
        Ok(self.store.change_values(&store, changes).await?)
    }

    async fn list(&self, request: v1::ListValuesRequest) -> Result<KvPage, Refusal> {
        let v1::ListValuesRequest { store, prefix, after, limit } = request;
        let store: StoreName = store.try_into()?;
        let after: Option<KvKey> = after.map(TryInto::try_into).transpose()?;
        let prefix = capped(prefix.unwrap_or_default(), "prefix", KvKey::MAX)?;
        Ok(self.store.list_values(&store, &prefix, after.as_ref(), limit.unwrap_or(KvPage::MAX)).await?)
    }
}

/// A client's list is not walked before it is known to be short.
fn check_count(count: usize) -> Result<(), Refusal> {
    let limit = KvChange::MAX_BATCH;
    if count <= limit {
        return Ok(());
    }
    Err(Refusal::new(Code::TooLarge, format!("{count} keys are over the limit of {limit} for one call"))
        .help("make it several calls"))
}
