//! What every interface does with a store: check the grant, check the limits, ask the backend.

use spear_types::{Access, Code, KvChange, KvChanged, KvEntry, KvKey, KvPage, Refusal, StoreName};

use super::View;

/// What a hostcall answers before it is the caller's.
pub(super) type Checked<T> = Result<T, Refusal>;

impl View<'_> {
    /// A store that is granted for something.
    pub(super) fn granted(&self, name: StoreName) -> Checked<StoreName> {
        self.allow(&name, self.gate.granted().opening_store(&name))?;
        Ok(name)
    }

    /// The values of keys as of one moment.
    pub(super) async fn read(&self, store: &StoreName, keys: Vec<String>) -> Checked<Vec<Option<KvEntry>>> {
        self.allow(store, Access::Read)?;
        few(keys.len(), "keys")?;
        let keys = keys.into_iter().map(KvKey::try_from).collect::<Result<_, _>>()?;
        let entries = self.state.backend.get(store, keys).await?;
        let size = entries.iter().flatten().map(|entry| entry.value.len() as u64).sum();
        within_payload(size, self.state.max_answer)?;
        Ok(entries)
    }

    /// Makes changes, all or none. `need` is what they do: write, and read where they answer what is there.
    pub(super) async fn change(
        &self,
        store: &StoreName,
        need: Access,
        changes: impl ExactSizeIterator<Item = Checked<KvChange>>,
    ) -> Checked<Vec<KvChanged>> {
        self.allow(store, need)?;
        few(changes.len(), "changes")?;
        let changes = changes.collect::<Checked<Vec<_>>>()?;
        let sizes = changes.iter().map(size).collect::<Checked<Vec<_>>>()?;
        let (all, limit) = (sizes.iter().sum::<usize>(), KvChange::MAX_BYTES);
        if all > limit {
            return Err(over_limit(format!("the changes have {all} bytes, the limit for a batch is {limit}")));
        }
        self.state.backend.apply(store, changes).await
    }

    /// One change.
    pub(super) async fn change_one(
        &self,
        store: &StoreName,
        need: Access,
        change: Checked<KvChange>,
    ) -> Checked<KvChanged> {
        let changed = self.change(store, need, std::iter::once(change)).await?;
        changed.into_iter().next().ok_or_else(|| Refusal::new(Code::Internal, "the store did not say what it changed"))
    }

    /// A page of values, which ends early at the run's limit `payload`.
    pub(super) async fn page(
        &self,
        store: &StoreName,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Checked<KvPage> {
        self.allow(store, Access::Read)?;
        short(&prefix, "the prefix")?;
        short(after.as_deref().unwrap_or_default(), "`after`")?;
        // The caller's number is capped here: what one page costs is ours to say.
        let limit = limit.min(KvPage::MAX);
        let page = self.state.backend.list(store, prefix, after, limit).await?;
        cut(page, self.state.max_answer)
    }

    /// Whether `need` is granted for a store.
    pub(super) fn allow(&self, store: &StoreName, need: Access) -> Checked<()> {
        self.gate.check(|grants| grants.kv(store, need)).map_err(|text| Refusal::new(Code::NotGranted, text))
    }
}

/// Caps how many keys a caller sends at once: each costs the SMS a look into its tables.
fn few(count: usize, what: &str) -> Checked<()> {
    let limit = KvChange::MAX_BATCH;
    if count > limit {
        return Err(over_limit(format!("{count} {what} are over the limit of {limit} for a batch")));
    }
    Ok(())
}

/// Caps a text that no key can begin with.
fn short(text: &str, what: &str) -> Checked<()> {
    match text.len() {
        length if length > KvKey::MAX => {
            let message = format!("{what} has {length} bytes, the limit is {}", KvKey::MAX);
            Err(Refusal::new(Code::InvalidRequest, message))
        }
        _ => Ok(()),
    }
}

/// The access that a change needs: who adds to a number learns of it.
pub(super) fn need(change: &KvChange) -> Access {
    match change {
        KvChange::Put { .. } | KvChange::Delete { .. } => Access::Write,
        KvChange::Increment { .. } => Access::ReadWrite,
    }
}

/// What a change carries out of the caller.
pub(super) fn carried(change: &KvChange) -> usize {
    let value = if let KvChange::Put { value, .. } = change { value.len() } else { 0 };
    change.key().as_str().len() + value
}

/// The same, where its value is within its limit.
fn size(change: &KvChange) -> Checked<usize> {
    let value = if let KvChange::Put { value, .. } = change { value.len() } else { 0 };
    if value > KvEntry::MAX_VALUE {
        let (key, limit) = (change.key(), KvEntry::MAX_VALUE);
        return Err(over_limit(format!("the value of \"{key}\" has {value} bytes, the limit is {limit}")));
    }
    Ok(carried(change))
}

fn within_payload(size: u64, limit: u64) -> Checked<()> {
    if size > limit {
        return Err(over_limit(format!("the values have {size} bytes, the limit `payload` is {limit}")));
    }
    Ok(())
}

/// The start of a page with at most `max` bytes.
fn cut(mut page: KvPage, max: u64) -> Checked<KvPage> {
    let mut room = max;
    let mut fits = |key: &KvKey, entry: &KvEntry| {
        let left = room.checked_sub((key.as_str().len() + entry.value.len()) as u64);
        room = left.unwrap_or_default();
        left.is_some()
    };
    let kept = page.entries.iter().take_while(|(key, entry)| fits(key, entry)).count();
    if kept == page.entries.len() {
        return Ok(page);
    }
    page.entries.truncate(kept);
    match page.entries.last() {
        Some((last, _)) => Ok(KvPage { next: Some(last.clone()), ..page }),
        // A page without an entry would never end.
        None => Err(over_limit(format!("the next value alone is over the limit `payload` of {max} bytes"))),
    }
}

pub(super) fn over_limit(message: String) -> Refusal {
    Refusal::new(Code::TooLarge, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(sizes: &[usize]) -> KvPage {
        let entry = |(index, size): (usize, &usize)| {
            let key = format!("{index}").parse().unwrap();
            (key, KvEntry { value: vec![0; *size].into(), version: 1 })
        };
        KvPage { entries: sizes.iter().enumerate().map(entry).collect(), next: None }
    }

    #[test]
    fn a_page_ends_before_the_entry_that_is_over_the_limit_and_goes_on_after_the_last_that_is_not() {
        let cut = cut(page(&[9, 9, 9]), 20).unwrap();
        assert_eq!((cut.entries.len(), cut.next.unwrap().as_str()), (2, "1"));
    }

    #[test]
    fn a_page_within_the_limit_is_left_alone() {
        assert_eq!(cut(page(&[9, 9]), 20).unwrap(), page(&[9, 9]));
        assert_eq!(cut(page(&[]), 0).unwrap(), page(&[]));
    }

    #[test]
    fn a_page_that_could_have_no_entry_is_refused_with_the_limit() {
        let refusal = cut(page(&[9, 9]), 9).unwrap_err();
        assert!(refusal.code == Code::TooLarge && refusal.message.contains("`payload` of 9"), "{refusal}");
    }

    #[test]
    fn a_small_entry_after_a_large_one_waits_for_the_next_page() {
        assert_eq!(cut(page(&[1, 90, 1]), 20).unwrap().entries.len(), 1);
    }

    #[test]
    fn a_large_value_is_named_by_its_key() {
        let value = vec![0; KvEntry::MAX_VALUE + 1].into();
        let change = KvChange::Put { key: "big".parse().unwrap(), value, expected: spear_types::Expected::Anything };
        assert!(size(&change).unwrap_err().message.contains("\"big\" has 1048577 bytes, the limit is 1048576"));
    }
}
