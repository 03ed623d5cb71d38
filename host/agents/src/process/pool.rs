//! Cells that wait for a program.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use rustix::process::{DumpableBehavior, geteuid, set_dumpable_behavior};
use tokio::sync::OnceCell;

use super::{
    Config,
    cell::{Cell, blocking},
    groups::probe,
    means::{Found, Taken},
    mother::Mother,
    sandbox,
};

/// Cells, and what they are made of.
#[derive(Debug)]
pub(super) struct Pool {
    config: Arc<Config>,
    label: String,
    number: AtomicU64,
    mother: Mother,
    taken: OnceCell<Arc<Taken>>,
    ready: Mutex<HashMap<bool, Kind>>,
}

/// The cells with network, or those without.
#[derive(Debug, Default)]
struct Kind {
    ready: Vec<Cell>,
    /// How many are being made for those that come.
    coming: usize,
}

impl Pool {
    pub(super) fn new(config: Arc<Config>) -> Self {
        // Told from those of every other run of the node's program, also where each is the first process of a machine.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let label = format!("{}-{:x}", config.prefix, now);
        let mother = Mother::new(&config.launcher, &label, config.namespaces);
        let (number, taken, ready) = Default::default();
        Self { config, label, number, mother, taken, ready }
    }

    /// What everything of this run of the node's program begins with.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// What the machine gives; found once, with a cell that asks for everything. Then cells are made for those who come.
    ///
    /// # Errors
    /// When not even that cell could be made; it is tried again then.
    pub(super) async fn taken(self: &Arc<Self>) -> io::Result<Arc<Taken>> {
        let found = async {
            let taken = self.probe().await?;
            self.make_ahead(&taken, false);
            Ok(taken)
        };
        self.taken.get_or_try_init(|| found).await.cloned()
    }

    /// Whether programs have folders of their own; what is not found yet gives none.
    pub(super) fn gives_own_folders(&self) -> bool {
        self.taken.get().is_some_and(|taken| taken.own_folders)
    }

    async fn probe(&self) -> io::Result<Arc<Taken>> {
        let (label, groups) = (self.label.clone(), self.config.groups);
        let (hierarchies, reasons) = blocking(move || Ok(if groups { probe(&label) } else { <_>::default() })).await?;
        let Config { namespaces, read_only, hidden, .. } = &*self.config;
        let all = Taken::all(hierarchies.clone(), (*namespaces, *read_only), hidden.clone());
        let (cell, lacks) = self.make(&all, false).await?;
        sandbox::end(cell).await;
        let root = self.config.user.map_or_else(|| geteuid().is_root(), |(user, _)| user == 0);
        let own_users = self.config.namespaces && !geteuid().is_root();
        let taken = all.choose(Found { hierarchies, lacks, reasons, root, own_users });
        if own_users && !taken.namespaces {
            self.mother.stay();
        }
        if !taken.pid_namespace && !root {
            // Otherwise a program of the same user could read the node's environment and memory.
            set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        }
        for reason in &taken.without {
            tracing::info!("processes: {reason}");
        }
        Ok(Arc::new(taken))
    }

    async fn make(&self, taken: &Taken, network: bool) -> io::Result<(Cell, Vec<(super::orders::Means, String)>)> {
        let label = format!("{}-{}", self.label, self.number.fetch_add(1, Ordering::Relaxed));
        Cell::make(self.mother.clone(), label, taken, network).await
    }

    /// A cell, made ahead if there is one; sees to it that others are made.
    ///
    /// # Errors
    /// When none can be made.
    pub(super) async fn take(self: &Arc<Self>, taken: &Arc<Taken>, network: bool) -> io::Result<Cell> {
        let ready = self.kinds().entry(network).or_default().ready.pop();
        self.make_ahead(taken, network);
        match ready.filter(Cell::stands_still) {
            Some(cell) => Ok(cell),
            None => self.make_whole(taken, network).await,
        }
    }

    /// A cell that lacks nothing of what is taken.
    async fn make_whole(&self, taken: &Taken, network: bool) -> io::Result<Cell> {
        let (cell, lacks) = self.make(taken, network).await?;
        match lacks.into_iter().next() {
            None => Ok(cell),
            Some((_, reason)) => {
                sandbox::end(cell).await;
                Err(io::Error::other(reason))
            }
        }
    }

    /// Sees to it that so many wait as are to.
    fn make_ahead(self: &Arc<Self>, taken: &Arc<Taken>, network: bool) {
        let missing = {
            let mut kinds = self.kinds();
            let kind = kinds.entry(network).or_default();
            let missing = self.config.ahead.saturating_sub(kind.ready.len() + kind.coming);
            kind.coming += missing;
            missing
        };
        for _ in 0..missing {
            tokio::spawn(Arc::clone(self).fill(Arc::clone(taken), network));
        }
    }

    fn kinds(&self) -> MutexGuard<'_, HashMap<bool, Kind>> {
        // A cell is put in or taken out whole.
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fill(self: Arc<Self>, taken: Arc<Taken>, network: bool) {
        let made = self.make_whole(&taken, network).await;
        let mut kinds = self.kinds();
        let kind = kinds.entry(network).or_default();
        kind.coming -= 1;
        match made {
            Ok(cell) => kind.ready.push(cell),
            Err(error) => tracing::debug!("no cell ahead: {error}"),
        }
    }
}
