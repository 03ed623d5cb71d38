//! What can be asked, by either side.

mod component;
mod program;

use spear_types::TaskId;

/// The name of the error, and what it says.
pub(super) type Answer = Result<(), (&'static str, String)>;

#[derive(Debug, Clone, Copy)]
pub(super) enum Ask {
    Object(Object),
    Value(Value),
    Secret(&'static str),
    Invoke(&'static str),
    Submit,
    Status,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Object {
    Get,
    GetRange,
    Stat,
    List,
    Put,
    Large,
    Delete,
    AddRef,
    RemoveRef,
    Pin,
    Unpin,
    Batch(usize),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    Get,
    GetMany(usize),
    List,
    Put,
    Large,
    Delete,
    Increment,
    ApplyPuts,
    ApplyIncrement,
    ApplyNothing,
}

/// A task of the function `mine`.
fn task() -> String {
    TaskId::from_bytes([1; 16]).to_string()
}
