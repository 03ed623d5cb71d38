//! What reading debug information costs, counted.

use bytesize::ByteSize;
use gimli::{Reader as _, UnitRef};

use super::{Reader, Unfit, Value};

/// Compilation units: Rust has one for each codegen unit of each crate, C one for each file. One costs wasmtime a
/// kilobyte, and its author some ten bytes.
const MAX_UNITS: u64 = 20_000;
/// Bytes, about, that wasmtime could come to read and hold for one frame. Unoptimized Rust with full debug information in
/// 20 MB of sections weighs 84 MiB, optimized with lines only 1 to 12 MiB.
const MAX_WEIGHT: u64 = 128 << 20;
/// Bytes of a name or path: a trap copies them for every inlined function of every frame.
const MAX_NAME: usize = 16 << 10;

// What one thing weighs: about twice what gimli and addr2line hold for it, or as many bytes as take as long to read. Just
// below the limit a frame takes 0.1 s, whatever is in the sections.

pub(super) const UNIT: u64 = 1_024;
pub(super) const ABBREVIATION: u64 = 256;
/// An attribute in an abbreviation.
pub(super) const SPECIFICATION: u64 = 32;
pub(super) const ENTRY: u64 = 8;
/// A function or an inlined one, beside its entry.
pub(super) const FUNCTION: u64 = 96;
/// An attribute in an entry, beside its bytes.
pub(super) const ATTRIBUTE: u64 = 8;
/// Ranges are sorted, too.
pub(super) const RANGE: u64 = 64;
pub(super) const ROW: u64 = 32;
pub(super) const FILE: u64 = 160;

/// What was weighed up to now.
#[derive(Default)]
pub(super) struct Meter {
    units: u64,
    weight: u64,
}

impl Meter {
    pub(super) fn unit(&mut self) -> Result<(), Unfit> {
        self.units += 1;
        if self.units > MAX_UNITS {
            return Err(Unfit::Limit(format!("the debug information has over {MAX_UNITS} units")));
        }
        self.add(UNIT)
    }

    pub(super) fn add(&mut self, weight: u64) -> Result<(), Unfit> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight <= MAX_WEIGHT {
            return Ok(());
        }
        let limit = ByteSize(MAX_WEIGHT).display().iec();
        Err(Unfit::Limit(format!("the debug information takes over {limit} to read")))
    }

    /// Weighs a name or path. Looking for its end is what costs: entries may share one, or the end of one.
    pub(super) fn name<'a>(&mut self, unit: UnitRef<'_, Reader<'a>>, value: Value<'a>) -> Result<(), Unfit> {
        let length = unit.attr_string(value)?.len();
        if length > MAX_NAME {
            let message = format!("the debug information has a name of {length} bytes, the limit is {MAX_NAME}");
            return Err(Unfit::Limit(message));
        }
        self.add(length as u64)
    }
}
