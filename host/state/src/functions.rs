//! The versions of functions that tasks run, each known once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use spear_placement::Ask;
use spear_types::{FunctionName, FunctionVersion, TaskId};

/// One version of a function as its tasks share it.
#[derive(Debug)]
pub(crate) struct Terms {
    /// Which: never given twice.
    pub(crate) number: u64,
    pub(crate) function: Arc<FunctionVersion>,
    /// What its runs ask of a node.
    pub(crate) ask: Arc<Ask>,
    /// The generation of nodes of which one could run it; 0 where that was not looked at.
    possible: AtomicU64,
}

impl Terms {
    /// Whether a node of this generation could run it, as far as was looked at.
    pub(crate) fn is_possible(&self, generation: u64) -> bool {
        self.possible.load(Ordering::Relaxed) == generation
    }

    pub(crate) fn set_possible(&self, generation: u64) {
        self.possible.store(generation, Ordering::Relaxed);
    }
}

/// Every function that has tasks, or had them lately.
#[derive(Debug, Default)]
pub(crate) struct Functions {
    known: BTreeMap<FunctionName, Function>,
    numbers: u64,
}

#[derive(Debug, Default)]
struct Function {
    versions: BTreeMap<u32, Arc<Terms>>,
    /// Its tasks that have not ended.
    tasks: BTreeSet<TaskId>,
}

impl Functions {
    /// The terms of a version.
    pub(crate) fn terms(&mut self, function: &Arc<FunctionVersion>) -> Arc<Terms> {
        let versions = match self.known.get_mut(&function.name) {
            Some(known) => &mut known.versions,
            None => &mut self.known.entry(function.name.clone()).or_default().versions,
        };
        if let Some(terms) = versions.get(&function.version) {
            return Arc::clone(terms);
        }
        // Versions that no task runs any more are in nobody else's hands.
        versions.retain(|_, terms| Arc::strong_count(terms) > 1);
        self.numbers += 1;
        let ask = Arc::new(Ask::of(function));
        let terms =
            Arc::new(Terms { number: self.numbers, function: Arc::clone(function), ask, possible: AtomicU64::new(0) });
        versions.insert(function.version, Arc::clone(&terms));
        terms
    }

    /// A task that has not ended.
    pub(crate) fn add(&mut self, function: &FunctionName, task: TaskId) {
        match self.known.get_mut(function) {
            Some(known) => known.tasks.insert(task),
            None => self.known.entry(function.clone()).or_default().tasks.insert(task),
        };
    }

    /// A task that has ended.
    pub(crate) fn remove(&mut self, function: &FunctionName, task: TaskId) {
        if let Some(known) = self.known.get_mut(function) {
            known.tasks.remove(&task);
            if known.tasks.is_empty() && known.versions.is_empty() {
                self.known.remove(function);
            }
        }
    }

    /// A function is gone: its versions are forgotten. Its tasks that have not ended.
    pub(crate) fn forget(&mut self, function: &FunctionName) -> Vec<TaskId> {
        let Some(known) = self.known.get_mut(function) else { return Vec::new() };
        known.versions.clear();
        let tasks: Vec<TaskId> = known.tasks.iter().copied().collect();
        if tasks.is_empty() {
            self.known.remove(function);
        }
        tasks
    }

    /// How many of its tasks have not ended.
    pub(crate) fn count(&self, function: &FunctionName) -> usize {
        self.known.get(function).map_or(0, |known| known.tasks.len())
    }

    /// How many tasks there are in all; counts them.
    pub(crate) fn count_all(&self) -> usize {
        self.known.values().map(|known| known.tasks.len()).sum()
    }
}
