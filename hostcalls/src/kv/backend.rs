//! The store behind the interfaces.

use futures::future::BoxFuture;
use spear_types::{KvChange, KvChanged, KvEntry, KvKey, KvPage, Refusal, StoreName};

/// Where values really are. Grants and limits are checked before a backend is asked.
pub trait Backend: Send + Sync + 'static {
    /// The values of up to [`KvChange::MAX_BATCH`] keys, in their order, as of one moment.
    fn get<'a>(&'a self, store: &'a StoreName, keys: Vec<KvKey>) -> Answer<'a, Vec<Option<KvEntry>>>;

    /// Up to [`KvChange::MAX_BATCH`] changes, all or none; answers what came of each.
    /// Refuses with `ConditionFailed`, `NotANumber` or `TooLarge`.
    fn apply<'a>(&'a self, store: &'a StoreName, changes: Vec<KvChange>) -> Answer<'a, Vec<KvChanged>>;

    /// A page of the store; `limit` is [`KvPage::MAX`] at the most.
    fn list<'a>(
        &'a self,
        store: &'a StoreName,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Answer<'a, KvPage>;
}

/// What a backend answers.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Refusal>>;
