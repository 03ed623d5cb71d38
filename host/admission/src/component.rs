//! A component, reduced to what it imports and exports.

use spear_types::Refusal;

use crate::{form, validate};

/// The largest component, in bytes. Who uploads is not trusted with the memory of who reads.
pub const MAX_COMPONENT: u64 = 256 << 20;

/// A valid component, reduced to what it imports and exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    pub(crate) imports: Vec<Item>,
    pub(crate) exports: Vec<Item>,
}

/// One import or export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// Short and printable: `outline` saw to it.
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// What has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Types that are known already: nobody has to provide anything.
    Types,
    /// An interface with something in it to provide; the names of its functions: `handle`, `[method]bucket.put`.
    Interface(Vec<String>),
    /// Something that is no interface, in words.
    Other(&'static str),
}

impl Component {
    /// Reads an artifact that nobody has looked at yet, and validates all of it.
    ///
    /// Valid is what runs here: WebAssembly 2.0 with tail calls, extended constants, several and 64-bit memories and
    /// relaxed SIMD, in a component without async. Threads, exceptions and garbage collection do not run.
    ///
    /// # Errors
    /// [`Code::TooLarge`](spear_types::Code::TooLarge) over [`MAX_COMPONENT`]; else
    /// [`Code::InvalidComponent`](spear_types::Code::InvalidComponent), which says what the bytes are instead: nothing,
    /// text, a core module, cut short, not WebAssembly, not valid, or over what an honest component needs: 1,000
    /// imports, 1,000 exports, names of 128 characters, 4 MiB beside code and data, and debug information that a trap
    /// can be looked up in at little cost.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        form::check(bytes)?;
        Ok(validate::read(bytes)?)
    }

    /// The names of the imports, in the component's order.
    pub fn imports(&self) -> impl ExactSizeIterator<Item = &str> {
        self.imports.iter().map(|import| import.name.as_str())
    }

    /// The names of the exports, in the component's order.
    pub fn exports(&self) -> impl ExactSizeIterator<Item = &str> {
        self.exports.iter().map(|export| export.name.as_str())
    }
}
