//! Tasks that wait for room.
//!
//! ```text
//! priority 90 ─┬ group hello@3   01, 05, 06 …       groups of equal priority take turns;
//!              └ group resize@1  02, 03, 04 …       within one, tasks go by their ids
//! priority 50 ── group hello@3   07 …
//! ```
//!
//! All tasks of a group ask the same. So a group that found no room is *blocked* as a whole until there is more of it, and a
//! long queue is never gone through.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use spear_types::{Priority, TaskId};

use crate::functions::Terms;

/// Which group: the highest priority first, then the number of its terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupKey(Reverse<Priority>, u64);

/// A group's turn: the highest priority first, then who waits longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn(Reverse<Priority>, u64, GroupKey);

/// All groups that have tasks.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    groups: BTreeMap<GroupKey, Group>,
    /// Turns of groups for which there may be room.
    open: BTreeSet<Turn>,
    /// Turns of groups for which there was none.
    blocked: BTreeSet<Turn>,
    turns: u64,
}

#[derive(Debug)]
struct Group {
    terms: Arc<Terms>,
    tasks: BTreeSet<TaskId>,
    turn: Turn,
}

/// The first task of a group whose turn it is.
#[derive(Debug, Clone)]
pub(crate) struct Next {
    pub(crate) group: GroupKey,
    pub(crate) turn: Turn,
    pub(crate) task: TaskId,
    pub(crate) terms: Arc<Terms>,
}

impl GroupKey {
    pub(crate) fn of(priority: Priority, terms: &Terms) -> Self {
        Self(Reverse(priority), terms.number)
    }
}

impl Queue {
    pub(crate) fn push(&mut self, priority: Priority, terms: &Arc<Terms>, task: TaskId) {
        let key = GroupKey::of(priority, terms);
        if let Some(group) = self.groups.get_mut(&key) {
            group.tasks.insert(task);
            return;
        }
        let turn = self.new_turn(key);
        self.open.insert(turn);
        self.groups.insert(key, Group { terms: Arc::clone(terms), tasks: BTreeSet::from([task]), turn });
    }

    /// Takes a task out.
    pub(crate) fn remove(&mut self, group: GroupKey, task: TaskId) {
        let Some(of) = self.groups.get_mut(&group) else { return };
        of.tasks.remove(&task);
        if of.tasks.is_empty() {
            let turn = of.turn;
            self.groups.remove(&group);
            self.open.remove(&turn);
            self.blocked.remove(&turn);
        }
    }

    /// The group that is first of those for which there may be room.
    pub(crate) fn first_open(&self) -> Option<Next> {
        self.next(*self.open.first()?)
    }

    /// The group that is first of the blocked ones that `fit`.
    pub(crate) fn first_blocked(&self, fit: impl Fn(GroupKey, &Terms) -> bool) -> Option<Next> {
        let fits = |turn: &&Turn| self.groups.get(&turn.2).is_some_and(|group| fit(turn.2, &group.terms));
        self.next(*self.blocked.iter().find(fits)?)
    }

    /// A group was given room: it is the others' turn.
    pub(crate) fn rotate(&mut self, group: GroupKey) {
        let turn = self.new_turn(group);
        let Some(of) = self.groups.get_mut(&group) else { return };
        let before = std::mem::replace(&mut of.turn, turn);
        for turns in [&mut self.open, &mut self.blocked] {
            if turns.remove(&before) {
                turns.insert(turn);
            }
        }
    }

    /// There was no room for a group. It keeps its turn.
    pub(crate) fn block(&mut self, group: GroupKey) {
        if let Some(turn) = self.groups.get(&group).map(|group| group.turn)
            && self.open.remove(&turn)
        {
            self.blocked.insert(turn);
        }
    }

    /// There may be room for all of them.
    pub(crate) fn open_all(&mut self) {
        self.open.append(&mut self.blocked);
    }

    pub(crate) fn has_blocked(&self) -> bool {
        !self.blocked.is_empty()
    }

    pub(crate) fn contains(&self, group: GroupKey, task: TaskId) -> bool {
        self.groups.get(&group).is_some_and(|group| group.tasks.contains(&task))
    }

    /// How many tasks there are; counts them.
    pub(crate) fn count(&self) -> usize {
        self.groups.values().map(|group| group.tasks.len()).sum()
    }

    /// What each blocked group runs.
    pub(crate) fn blocked(&self) -> impl Iterator<Item = &Terms> {
        self.blocked.iter().filter_map(|turn| Some(&*self.groups.get(&turn.2)?.terms))
    }

    /// Whether there may be room for a group.
    pub(crate) fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether each group has tasks and stands in one of the two orders.
    pub(crate) fn is_sound(&self) -> bool {
        let stands = |group: &Group| self.open.contains(&group.turn) != self.blocked.contains(&group.turn);
        let sound = self.groups.values().all(|group| !group.tasks.is_empty() && stands(group));
        sound && self.open.len() + self.blocked.len() == self.groups.len()
    }

    fn next(&self, turn: Turn) -> Option<Next> {
        let group = self.groups.get(&turn.2)?;
        let task = *group.tasks.first()?;
        Some(Next { group: turn.2, turn, task, terms: Arc::clone(&group.terms) })
    }

    fn new_turn(&mut self, key: GroupKey) -> Turn {
        self.turns += 1;
        Turn(key.0, self.turns, key)
    }
}
