//! Debug information, bounded before the engine reads it.
//!
//! When a guest traps, wasmtime looks up every frame in the `.debug_*` sections of its module: from the start for each of
//! up to 20 frames, on the guest's own stack of a megabyte, with one recursion for each level of inlined functions. The
//! sections are the author's. Without limits 4 kB of them overflow that stack, which ends the node; 40 MB cost seconds
//! and gigabytes; and a few hundred kilobytes do too, when many entries share one long list, table or name.
//!
//! So the same sections are walked here with the same library, without recursion: everything wasmtime could come to read
//! is read once and weighed. The walk ends with the weight, so it is bounded itself.

mod entries;
mod lines;
mod meter;
mod units;

use std::collections::BTreeMap;

use bytesize::ByteSize;
use gimli::{Dwarf, EndianSlice, LittleEndian, UnitRef};
use wasmparser::Payload;

use crate::validate::Invalid;
use meter::Meter;

/// Bytes of all `.debug_*` sections together. Rust with full debug information has some ten megabytes.
const MAX_BYTES: u64 = 64 << 20;

type Reader<'a> = EndianSlice<'a, LittleEndian>;
type Unit<'a> = gimli::Unit<Reader<'a>>;
type Value<'a> = gimli::AttributeValue<Reader<'a>>;

/// The debug information seen of the component up to now.
#[derive(Default)]
pub(crate) struct Debug<'a> {
    bytes: u64,
    /// Those of the module we are in: the last of each name, as for wasmtime.
    sections: BTreeMap<&'a str, &'a [u8]>,
    /// One for all modules: who reads the component reads them all.
    meter: Meter,
}

impl<'a> Debug<'a> {
    /// Takes in a payload; a module's sections are walked at its end.
    pub(crate) fn add(&mut self, payload: &Payload<'a>) -> Result<(), Invalid> {
        match payload {
            Payload::Version { .. } => self.sections.clear(),
            Payload::CustomSection(section) if section.name().starts_with(".debug_") => {
                self.count(section.data().len())?;
                self.sections.insert(section.name(), section.data());
            }
            Payload::End(_) if !self.sections.is_empty() => {
                self.walk().map_err(|unfit| Invalid::Debug(unfit.message()))?;
                self.sections.clear();
            }
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, bytes: usize) -> Result<(), Invalid> {
        self.bytes += bytes as u64;
        if self.bytes <= MAX_BYTES {
            return Ok(());
        }
        let (all, limit) = (ByteSize(self.bytes).display().iec(), ByteSize(MAX_BYTES).display().iec());
        Err(Invalid::Debug(format!("the debug information has {all} or more, the limit is {limit}")))
    }

    fn walk(&mut self) -> Result<(), Unfit> {
        let section = |name| self.sections.get(name).copied().unwrap_or_default();
        let dwarf = Dwarf::load(|id| Ok::<_, Unfit>(EndianSlice::new(section(id.name()), LittleEndian)))?;
        let units = units::read(&dwarf, &mut self.meter)?;
        for unit in &units {
            lines::weigh(UnitRef::new(&dwarf, unit), &mut self.meter)?;
            entries::weigh(&dwarf, &units, unit, &mut self.meter)?;
        }
        Ok(())
    }
}

/// Why debug information is not left to the engine.
enum Unfit {
    /// Over one of the limits, in words.
    Limit(String),
    /// Cut short or damaged. wasmtime would ignore it in part, but only after it read the rest.
    Malformed(gimli::Error),
}

impl Unfit {
    fn message(self) -> String {
        match self {
            Self::Limit(message) => message,
            Self::Malformed(error) => format!("the debug information is malformed: {error}"),
        }
    }
}

impl From<gimli::Error> for Unfit {
    fn from(error: gimli::Error) -> Self {
        Self::Malformed(error)
    }
}
