//! What the guest calls in `spear:hostcalls/kv`: count, hand over, convert.

use spear_types::{Access, KvChange, KvChanged, KvEntry, Refusal, StoreName};
use wasmtime::component::Resource;

use super::{Store, View, wit};

/// The guest's answer inside, the host's fault outside.
type Hostcall<T> = wasmtime::Result<Result<T, wit::Error>>;

impl wit::Host for View<'_> {}

impl wit::HostStore for View<'_> {
    async fn open(&mut self, name: String) -> Hostcall<Resource<Store>> {
        self.meter.hostcall(name.len());
        let name = StoreName::try_from(name).map_err(Refusal::from);
        Ok(name.and_then(|name| self.granted(name)).map_err(Into::into))
    }

    async fn get(&mut self, store: Resource<Store>, key: String) -> Hostcall<Option<wit::Entry>> {
        let name = self.name(&store)?;
        let entries = self.get_keys(&name, vec![key]).await;
        Ok(entries.map(|entries| entries.into_iter().next().flatten()))
    }

    async fn get_many(&mut self, store: Resource<Store>, keys: Vec<String>) -> Hostcall<Vec<Option<wit::Entry>>> {
        let name = self.name(&store)?;
        Ok(self.get_keys(&name, keys).await)
    }

    async fn put(
        &mut self,
        store: Resource<Store>,
        key: String,
        value: Vec<u8>,
        expected: wit::Expected,
    ) -> Hostcall<u64> {
        let name = self.name(&store)?;
        let changed = self.one(&name, wit::Change::Put((key, value, expected))).await;
        Ok(changed.map(|changed| if let KvChanged::Put { version } = changed { version } else { 0 }))
    }

    async fn delete(&mut self, store: Resource<Store>, key: String, expected: wit::Expected) -> Hostcall<bool> {
        let name = self.name(&store)?;
        let changed = self.one(&name, wit::Change::Delete((key, expected))).await;
        Ok(changed.map(|changed| matches!(changed, KvChanged::Deleted { existed: true })))
    }

    async fn increment(&mut self, store: Resource<Store>, key: String, by: i64) -> Hostcall<i64> {
        let name = self.name(&store)?;
        let changed = self.one(&name, wit::Change::Increment((key, by))).await;
        Ok(changed.map(|changed| if let KvChanged::Incremented { number, .. } = changed { number } else { 0 }))
    }

    async fn apply(&mut self, store: Resource<Store>, changes: Vec<wit::Change>) -> Hostcall<()> {
        let name = self.name(&store)?;
        self.meter.hostcall(changes.iter().map(wit::Change::size).sum());
        let need = changes.iter().map(wit::Change::need).reduce(Access::and).unwrap_or(Access::Write);
        let changed = self.change(&name, need, changes.into_iter().map(KvChange::try_from)).await;
        Ok(changed.map(|_| ()).map_err(Into::into))
    }

    async fn list(
        &mut self,
        store: Resource<Store>,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Hostcall<wit::Page> {
        let name = self.name(&store)?;
        self.meter.hostcall(prefix.len() + after.as_ref().map_or(0, String::len));
        let page = self.page(&name, prefix, after, limit).await;
        if let Ok(page) = &page {
            self.meter.answer(page.entries.iter().map(|(key, entry)| key.as_str().len() + entry.value.len()).sum());
        }
        Ok(page.map(Into::into).map_err(Into::into))
    }

    async fn drop(&mut self, store: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

impl View<'_> {
    async fn get_keys(&mut self, store: &StoreName, keys: Vec<String>) -> Result<Vec<Option<wit::Entry>>, wit::Error> {
        self.meter.hostcall(keys.iter().map(String::len).sum());
        let entries = self.read(store, keys).await?;
        self.meter.answer(entries.iter().flatten().map(|entry: &KvEntry| entry.value.len()).sum());
        Ok(entries.into_iter().map(|entry| entry.map(Into::into)).collect())
    }

    async fn one(&mut self, store: &StoreName, change: wit::Change) -> Result<KvChanged, wit::Error> {
        self.meter.hostcall(change.size());
        Ok(self.change_one(store, change.need(), change.try_into()).await?)
    }
}
