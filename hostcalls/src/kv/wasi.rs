//! What the guest calls in `wasi:keyvalue`: the same stores, grants and limits, without versions.

use spear_types::{Access, Code, Expected, KvChange, KvChanged, KvEntry, KvKey, KvPage, Refusal, StoreName};
use wasmtime::component::Resource;

use super::{Handles, Listed, Store, View, atomics, batch, checked::over_limit, store};

/// The guest's answer inside, the host's fault outside.
type Hostcall<T> = wasmtime::Result<Result<T, store::Error>>;

impl store::Host for Handles<'_> {
    async fn open(&mut self, identifier: String) -> Hostcall<Resource<Store>> {
        let Ok(name) = StoreName::try_from(identifier) else { return Ok(Err(store::Error::NoSuchStore)) };
        Ok(self.view.granted(name).and_then(|name| self.handle(name)).map_err(Into::into))
    }
}

impl store::HostBucket for Handles<'_> {
    async fn get(&mut self, bucket: Resource<Store>, key: String) -> Hostcall<Option<Vec<u8>>> {
        let name = self.name(&bucket)?;
        Ok(self.view.value(&name, key).await.map(|entry| entry.map(|entry| entry.value.into())).map_err(Into::into))
    }

    async fn set(&mut self, bucket: Resource<Store>, key: String, value: Vec<u8>) -> Hostcall<()> {
        let name = self.name(&bucket)?;
        Ok(self.view.set_all(&name, vec![(key, value)]).await)
    }

    async fn delete(&mut self, bucket: Resource<Store>, key: String) -> Hostcall<()> {
        let name = self.name(&bucket)?;
        Ok(self.view.delete_all(&name, vec![key]).await)
    }

    async fn exists(&mut self, bucket: Resource<Store>, key: String) -> Hostcall<bool> {
        let name = self.name(&bucket)?;
        Ok(self.view.value(&name, key).await.map(|entry| entry.is_some()).map_err(Into::into))
    }

    async fn list_keys(&mut self, bucket: Resource<Store>, cursor: Option<u64>) -> Hostcall<store::KeyResponse> {
        let Store { name, listed } = self.table.get_mut(&bucket)?;
        let (name, listed) = (name.clone(), listed.take());
        let listed = listed.filter(|listed| Some(listed.count) == cursor);
        let keys = self.view.keys(&name, cursor.unwrap_or_default(), listed).await;
        Ok(match keys {
            Ok((keys, next)) => {
                let cursor = next.as_ref().map(|listed| listed.count);
                self.table.get_mut(&bucket)?.listed = next;
                Ok(store::KeyResponse { keys: keys.into_iter().map(Into::into).collect(), cursor })
            }
            Err(refusal) => Err(refusal.into()),
        })
    }

    async fn drop(&mut self, bucket: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for Handles<'_> {
    async fn increment(&mut self, bucket: Resource<Store>, key: String, delta: u64) -> Hostcall<u64> {
        let name = self.name(&bucket)?;
        Ok(self.view.add(&name, key, delta).await.map_err(Into::into))
    }
}

impl batch::Host for Handles<'_> {
    async fn get_many(
        &mut self,
        bucket: Resource<Store>,
        keys: Vec<String>,
    ) -> Hostcall<Vec<Option<(String, Vec<u8>)>>> {
        let name = self.name(&bucket)?;
        let entries = match self.view.read(&name, keys.clone()).await {
            Ok(entries) => entries,
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        let pair = |(key, entry): (String, Option<KvEntry>)| entry.map(|entry| (key, entry.value.into()));
        Ok(Ok(keys.into_iter().zip(entries).map(pair).collect()))
    }

    async fn set_many(&mut self, bucket: Resource<Store>, key_values: Vec<(String, Vec<u8>)>) -> Hostcall<()> {
        let name = self.name(&bucket)?;
        Ok(self.view.set_all(&name, key_values).await)
    }

    async fn delete_many(&mut self, bucket: Resource<Store>, keys: Vec<String>) -> Hostcall<()> {
        let name = self.name(&bucket)?;
        Ok(self.view.delete_all(&name, keys).await)
    }
}

impl View<'_> {
    async fn value(&self, store: &StoreName, key: String) -> Result<Option<KvEntry>, Refusal> {
        Ok(self.read(store, vec![key]).await?.into_iter().next().flatten())
    }

    /// All or none, which is more than the interface asks for.
    async fn set_all(&self, store: &StoreName, values: Vec<(String, Vec<u8>)>) -> Result<(), store::Error> {
        let put = |(key, value): (String, Vec<u8>)| {
            Ok(KvChange::Put { key: KvKey::try_from(key)?, value: value.into(), expected: Expected::Anything })
        };
        self.change(store, Access::Write, values.into_iter().map(put)).await?;
        Ok(())
    }

    async fn delete_all(&self, store: &StoreName, keys: Vec<String>) -> Result<(), store::Error> {
        let delete = |key: String| Ok(KvChange::Delete { key: KvKey::try_from(key)?, expected: Expected::Anything });
        self.change(store, Access::Write, keys.into_iter().map(delete)).await?;
        Ok(())
    }

    /// Numbers are signed where they are kept. One below 0 is the work of `spear:hostcalls/kv`, and cannot be answered.
    async fn add(&self, store: &StoreName, key: String, delta: u64) -> Result<u64, Refusal> {
        let by = i64::try_from(delta).map_err(|_| over_limit(format!("{delta} is over the limit of {}", i64::MAX)))?;
        let change = KvKey::try_from(key).map(|key| KvChange::Increment { key, by }).map_err(Refusal::from);
        let changed = self.change_one(store, Access::ReadWrite, change).await?;
        let KvChanged::Incremented { number, .. } = changed else { return Ok(0) };
        u64::try_from(number).map_err(|_| {
            Refusal::new(Code::NotANumber, format!("{delta} was added; the number is {number} now, which is below 0"))
        })
    }

    /// Up to [`KvPage::MAX`] keys after the first `skip`, and where to go on. `listed` is the last of those, where it
    /// is known; else they are walked over.
    async fn keys(
        &self,
        store: &StoreName,
        skip: u64,
        listed: Option<Listed>,
    ) -> Result<(Vec<KvKey>, Option<Listed>), Refusal> {
        self.allow(store, Access::Read)?;
        let (mut before, mut after) = listed.map_or((0, None), |listed| (listed.count, Some(listed.last)));
        let mut keys = Vec::new();
        loop {
            let want = if before < skip { skip - before } else { u64::from(KvPage::MAX) - keys.len() as u64 };
            let limit = u32::try_from(want).map_or(KvPage::MAX, |want| want.min(KvPage::MAX));
            let from = after.take().map(Into::into);
            let KvPage { entries, next } = self.state.backend.list(store, String::new(), from, limit).await?;
            if before < skip {
                before += entries.len() as u64;
            } else {
                keys.extend(entries.into_iter().map(|(key, _)| key));
            }
            let Some(next) = next else { return Ok((keys, None)) };
            if keys.len() >= KvPage::MAX as usize {
                return Ok((keys, Some(Listed { count: before + KvPage::MAX as u64, last: next })));
            }
            after = Some(next);
        }
    }
}
