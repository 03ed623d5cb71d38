//! The functions that have runs on nodes, as small numbers.

use std::collections::HashMap;

use spear_types::FunctionName;

/// A function's number as long as it has runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FunctionId(u32);

/// The functions that have runs, and how many.
#[derive(Debug, Default)]
pub(super) struct Functions {
    ids: HashMap<FunctionName, FunctionId>,
    /// By number.
    runs: Vec<(FunctionName, u64)>,
    free: Vec<FunctionId>,
}

/// The runs on one node, by function.
#[derive(Debug, Default)]
pub(super) struct Runs(Vec<(FunctionId, u32)>);

impl Functions {
    /// The number of a function that has runs.
    pub(super) fn find(&self, function: &FunctionName) -> Option<FunctionId> {
        self.ids.get(function).copied()
    }

    /// Another run of a function.
    pub(super) fn came(&mut self, function: &FunctionName) -> FunctionId {
        let id = self.find(function).unwrap_or_else(|| self.first(function));
        self.runs[id.0 as usize].1 += 1;
        id
    }

    /// Runs of a function are over.
    pub(super) fn left(&mut self, id: FunctionId, runs: u32) {
        let (name, left) = &mut self.runs[id.0 as usize];
        *left = left.saturating_sub(runs.into());
        if *left == 0 {
            self.ids.remove(name);
            self.free.push(id);
        }
    }

    fn first(&mut self, function: &FunctionName) -> FunctionId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.runs.push((function.clone(), 0));
            // More than 4 billion functions do not fit into memory.
            FunctionId(u32::try_from(self.runs.len() - 1).unwrap_or(u32::MAX))
        });
        self.runs[id.0 as usize] = (function.clone(), 0);
        self.ids.insert(function.clone(), id);
        id
    }
}

impl Runs {
    /// How many runs of a function there are.
    pub(super) fn of(&self, function: FunctionId) -> u32 {
        self.find(function).map_or(0, |at| self.0[at].1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (FunctionId, u32)> {
        self.0.iter().copied()
    }

    pub(super) fn add(&mut self, function: FunctionId) {
        match self.0.binary_search_by_key(&function, |(id, _)| *id) {
            Ok(at) => self.0[at].1 += 1,
            Err(at) => self.0.insert(at, (function, 1)),
        }
    }

    pub(super) fn remove(&mut self, function: FunctionId) {
        let Some(at) = self.find(function) else { return };
        self.0[at].1 -= 1;
        if self.0[at].1 == 0 {
            self.0.remove(at);
        }
    }

    fn find(&self, function: FunctionId) -> Option<usize> {
        self.0.binary_search_by_key(&function, |(id, _)| *id).ok()
    }
}
