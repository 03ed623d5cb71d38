//! Functions and their versions.

use std::{cmp::Reverse, time::SystemTime};

use redb::ReadableTable;
use spear_types::{FunctionName, FunctionVersion, Granted, Implementation, Limits, Placement, Settings};

use crate::{
    Error, NewBlob, Store,
    store::Change,
    tables::{FUNCTIONS, NUMBERS, Record, decode, encode},
};

/// A function version that has no number yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionDraft {
    /// The name.
    pub name: FunctionName,
    /// A line for people.
    pub description: Option<String>,
    /// The limits in force.
    pub limits: Limits,
    /// The grants in force.
    pub grants: Granted,
    /// What `wasi:config/store` gives it.
    pub settings: Settings,
    /// Where its runs may go.
    pub placement: Placement,
    /// The ways to run it.
    pub implementations: Vec<Implementation>,
}

/// What a deploy came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deployed {
    /// There is a new version.
    Created(FunctionVersion),
    /// The newest version is the same already.
    Unchanged(FunctionVersion),
}

/// The table of functions, open to read or to write.
trait Functions: ReadableTable<(&'static str, u32), Record> {}

impl<T: ReadableTable<(&'static str, u32), Record>> Functions for T {}

/// Names that an unknown one is answered with, at the most.
const SUGGESTIONS: usize = 10;

impl Store {
    /// Makes `draft`, whose artifacts are `blobs`, the newest version of its function, unless the newest is the same.
    ///
    /// # Errors
    /// [`Error::Full`] or a failing disk; then nothing has changed.
    pub async fn deploy(&self, draft: FunctionDraft, blobs: Vec<NewBlob>, now: SystemTime) -> Result<Deployed, Error> {
        self.change(move |change| deploy(change, draft, blobs, now)).await
    }

    /// A version of a function; without a number the newest.
    ///
    /// # Errors
    /// [`Error::UnknownFunction`], [`Error::UnknownVersion`].
    pub async fn function(&self, name: &FunctionName, version: Option<u32>) -> Result<FunctionVersion, Error> {
        let name = name.clone();
        self.read(move |tables| find(&tables.open_table(FUNCTIONS)?, &name, version)).await
    }

    /// The newest version of each function, by name.
    ///
    /// # Errors
    /// A failing disk.
    pub async fn functions(&self) -> Result<Vec<FunctionVersion>, Error> {
        self.read(|tables| newest_of_each(&tables.open_table(FUNCTIONS)?)).await
    }

    /// All versions of a function, the newest first.
    ///
    /// # Errors
    /// [`Error::UnknownFunction`].
    pub async fn versions(&self, name: &FunctionName) -> Result<Vec<FunctionVersion>, Error> {
        let name = name.clone();
        self.read(move |tables| versions(&tables.open_table(FUNCTIONS)?, &name)).await
    }

    /// Deletes a function with all its versions, and says how many there were. Their numbers are not given again.
    ///
    /// # Errors
    /// [`Error::UnknownFunction`]; [`Error::Full`] or a failing disk, then nothing has changed.
    pub async fn delete_function(&self, name: &FunctionName) -> Result<u32, Error> {
        let name = name.clone();
        self.change(move |change| delete(change, &name)).await
    }
}

impl FunctionDraft {
    fn numbered(self, version: u32, created: SystemTime) -> FunctionVersion {
        let Self { name, description, limits, grants, settings, placement, implementations } = self;
        FunctionVersion { name, version, description, limits, grants, settings, placement, implementations, created }
    }
}

fn deploy(
    change: &mut Change<'_>,
    draft: FunctionDraft,
    blobs: Vec<NewBlob>,
    now: SystemTime,
) -> Result<Deployed, Error> {
    let (mut functions, mut numbers) = (change.tables.open_table(FUNCTIONS)?, change.tables.open_table(NUMBERS)?);
    let last = numbers.get(draft.name.as_str())?.map_or(0, |number| number.value());
    let number = last.checked_add(1).ok_or_else(|| Error::Corrupted(format!("{} has no version left", draft.name)))?;
    let version = draft.numbered(number, now);
    if let Some(newest) = newest(&functions, &version.name)?.filter(|newest| newest.same_as(&version)) {
        return Ok(Deployed::Unchanged(newest));
    }
    numbers.insert(version.name.as_str(), number)?;
    functions.insert((version.name.as_str(), number), encode(&version)?.as_slice())?;
    for blob in blobs {
        change.refer(blob)?;
    }
    Ok(Deployed::Created(version))
}

fn delete(change: &mut Change<'_>, name: &FunctionName) -> Result<u32, Error> {
    let mut functions = change.tables.open_table(FUNCTIONS)?;
    let mut deleted = 0;
    for version in versions(&functions, name)? {
        functions.remove((name.as_str(), version.version))?;
        for artifact in version.artifacts() {
            change.release(artifact.digest)?;
        }
        deleted += 1;
    }
    Ok(deleted)
}

fn find(functions: &impl Functions, name: &FunctionName, version: Option<u32>) -> Result<FunctionVersion, Error> {
    let Some(newest) = newest(functions, name)? else { return Err(unknown(functions, name)?) };
    let Some(version) = version else { return Ok(newest) };
    match functions.get((name.as_str(), version))? {
        Some(record) => decode(record.value()),
        None => Err(Error::UnknownVersion { name: name.clone(), version, newest: newest.version }),
    }
}

fn newest(functions: &impl Functions, name: &FunctionName) -> Result<Option<FunctionVersion>, Error> {
    let mut range = functions.range((name.as_str(), 0)..=(name.as_str(), u32::MAX))?;
    range.next_back().map(|entry| decode(entry?.1.value())).transpose()
}

fn versions(functions: &impl Functions, name: &FunctionName) -> Result<Vec<FunctionVersion>, Error> {
    let range = functions.range((name.as_str(), 0)..=(name.as_str(), u32::MAX))?;
    let found = range.rev().map(|entry| decode(entry?.1.value())).collect::<Result<Vec<_>, Error>>()?;
    if found.is_empty() { Err(unknown(functions, name)?) } else { Ok(found) }
}

fn newest_of_each(functions: &impl Functions) -> Result<Vec<FunctionVersion>, Error> {
    let mut found: Vec<FunctionVersion> = Vec::new();
    for entry in functions.iter()?.rev() {
        let (key, record) = entry?;
        if found.last().is_none_or(|last| last.name.as_str() != key.value().0) {
            found.push(decode(record.value())?);
        }
    }
    found.reverse();
    Ok(found)
}

fn unknown(functions: &impl Functions, name: &FunctionName) -> Result<Error, Error> {
    let mut known: Vec<_> = newest_of_each(functions)?.into_iter().map(|function| function.name).collect();
    known.sort_by_key(|known| Reverse(likeness(known, name)));
    known.truncate(SUGGESTIONS);
    Ok(Error::UnknownFunction { name: name.clone(), known })
}

/// How many characters both begin with: most mistyped names begin well.
fn likeness(one: &FunctionName, other: &FunctionName) -> usize {
    one.as_str().bytes().zip(other.as_str().bytes()).take_while(|(one, other)| one == other).count()
}
