//! What `spear:hostcalls/kv` and `spear.v1.Kv` do with a store: count the call, then as both interfaces do.

use spear_types::{Access, KvChange, KvChanged, KvEntry, KvKey, KvPage, Refusal, StoreName};

use super::{
    View,
    checked::{Checked, carried, need},
};

impl View<'_> {
    /// The name of a store that is granted for something.
    pub(super) fn opened(&self, name: String) -> Checked<StoreName> {
        self.meter.hostcall(name.len());
        self.granted(StoreName::try_from(name)?)
    }

    /// The value of a key.
    pub(super) async fn entry(&self, store: &StoreName, key: String) -> Checked<Option<KvEntry>> {
        Ok(self.entries(store, vec![key]).await?.into_iter().next().flatten())
    }

    /// The values of keys as of one moment.
    pub(super) async fn entries(&self, store: &StoreName, keys: Vec<String>) -> Checked<Vec<Option<KvEntry>>> {
        self.meter.hostcall(keys.iter().map(String::len).sum());
        let entries = self.read(store, keys).await?;
        self.meter.answer(entries.iter().flatten().map(|entry| entry.value.len()).sum());
        Ok(entries)
    }

    /// One change that needs `access`; the key is taken apart here, so that it is counted as it came.
    pub(super) async fn one(
        &self,
        store: &StoreName,
        key: String,
        access: Access,
        change: impl FnOnce(KvKey) -> Checked<KvChange>,
    ) -> Checked<KvChanged> {
        let length = key.len();
        let change = KvKey::try_from(key).map_err(Refusal::from).and_then(change);
        let value = if let Ok(KvChange::Put { value, .. }) = &change { value.len() } else { 0 };
        self.meter.hostcall(length + value);
        self.change_one(store, access, change).await
    }

    /// Changes, all or none. What is malformed is refused once it is granted.
    pub(super) async fn all(&self, store: &StoreName, changes: Vec<Checked<KvChange>>) -> Checked<()> {
        self.meter.hostcall(changes.iter().flatten().map(carried).sum());
        let access = changes.iter().flatten().map(need).reduce(Access::and).unwrap_or(Access::Write);
        self.change(store, access, changes.into_iter()).await.map(|_| ())
    }

    /// A page of values.
    pub(super) async fn listing(
        &self,
        store: &StoreName,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Checked<KvPage> {
        self.meter.hostcall(prefix.len() + after.as_ref().map_or(0, String::len));
        let page = self.page(store, prefix, after, limit).await?;
        self.meter.answer(page.entries.iter().map(|(key, entry)| key.as_str().len() + entry.value.len()).sum());
        Ok(page)
    }
}

/// What an increment comes to.
pub(super) fn number(changed: KvChanged) -> i64 {
    if let KvChanged::Incremented { number, .. } = changed { number } else { 0 }
}

/// What a put comes to.
pub(super) fn version(changed: KvChanged) -> u64 {
    if let KvChanged::Put { version } = changed { version } else { 0 }
}

/// What a removal comes to.
pub(super) fn existed(changed: KvChanged) -> bool {
    matches!(changed, KvChanged::Deleted { existed: true })
}
