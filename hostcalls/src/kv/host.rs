//! What a component calls in `spear:hostcalls/kv`: take the name behind the handle, hand over, convert.

use spear_types::{Access, KvChange, KvEntry, StoreName};
use wasmtime::component::Resource;

use super::{
    Handles, Store,
    checked::Checked,
    counted::{existed, number, version},
    wit,
};

/// The guest's answer inside, the host's fault outside.
type Hostcall<T> = wasmtime::Result<Result<T, wit::Error>>;

impl wit::Host for Handles<'_> {}

impl wit::HostStore for Handles<'_> {
    async fn open(&mut self, name: String) -> Hostcall<Resource<Store>> {
        let opened = self.view.opened(name).and_then(|name| self.handle(name));
        Ok(opened.map_err(Into::into))
    }

    async fn get(&mut self, store: Resource<Store>, key: String) -> Hostcall<Option<wit::Entry>> {
        let name = self.name(&store)?;
        Ok(self.view.entry(&name, key).await.map(|entry| entry.map(Into::into)).map_err(Into::into))
    }

    async fn get_many(&mut self, store: Resource<Store>, keys: Vec<String>) -> Hostcall<Vec<Option<wit::Entry>>> {
        let name = self.name(&store)?;
        let entries = self.view.entries(&name, keys).await;
        let shown = |entries: Vec<Option<KvEntry>>| entries.into_iter().map(|entry| entry.map(Into::into)).collect();
        Ok(entries.map(shown).map_err(Into::into))
    }

    async fn put(
        &mut self,
        store: Resource<Store>,
        key: String,
        value: Vec<u8>,
        expected: wit::Expected,
    ) -> Hostcall<u64> {
        let name = self.name(&store)?;
        let put = |key| Ok(KvChange::Put { key, value: value.into(), expected: expected.into() });
        Ok(self.view.one(&name, key, Access::Write, put).await.map(version).map_err(Into::into))
    }

    async fn delete(&mut self, store: Resource<Store>, key: String, expected: wit::Expected) -> Hostcall<bool> {
        let name = self.name(&store)?;
        let delete = |key| Ok(KvChange::Delete { key, expected: expected.into() });
        Ok(self.view.one(&name, key, Access::Write, delete).await.map(existed).map_err(Into::into))
    }

    async fn increment(&mut self, store: Resource<Store>, key: String, by: i64) -> Hostcall<i64> {
        let name = self.name(&store)?;
        let increment = |key| Ok(KvChange::Increment { key, by });
        Ok(self.view.one(&name, key, Access::ReadWrite, increment).await.map(number).map_err(Into::into))
    }

    async fn apply(&mut self, store: Resource<Store>, changes: Vec<wit::Change>) -> Hostcall<()> {
        let name = self.name(&store)?;
        let changes = changes.into_iter().map(KvChange::try_from).collect();
        Ok(self.view.all(&name, changes).await.map_err(Into::into))
    }

    async fn list(
        &mut self,
        store: Resource<Store>,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Hostcall<wit::Page> {
        let name = self.name(&store)?;
        Ok(self.view.listing(&name, prefix, after, limit).await.map(Into::into).map_err(Into::into))
    }

    async fn drop(&mut self, store: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

impl Handles<'_> {
    /// The name behind a handle; a handle that the guest made up is a trap.
    pub(super) fn name(&self, store: &Resource<Store>) -> wasmtime::Result<StoreName> {
        Ok(self.table.get(store)?.name.clone())
    }

    /// A handle to a store that is granted for something.
    pub(super) fn handle(&mut self, name: StoreName) -> Checked<Resource<Store>> {
        let full = format!("{} handles are open, the limit `handles`", self.table.max_capacity());
        self.table.push(Store { name, listed: None }).map_err(|_| super::checked::over_limit(full))
    }
}
