//! The entries of a unit: wasmtime reads all of those around a frame's address, and what they refer to.

use gimli::{Abbreviation, AttributeSpecification, AttributeValue, Dwarf, EntriesRaw, UnitOffset, UnitRef, constants};

use super::{
    Reader, Unfit, Unit, Value,
    meter::{ATTRIBUTE, ENTRY, FUNCTION, Meter, RANGE},
};

/// How deep entries are nested: wasmtime recurses into inlined functions, on a guest's stack. Real code has some dozen
/// levels.
const MAX_DEPTH: usize = 256;
/// How many entries wasmtime looks through for a function's name, from one to the next.
const MAX_ORIGINS: usize = 16;

type Entries<'e, 'a> = EntriesRaw<'e, Reader<'a>>;

/// Weighs the entries of one of `units`.
pub(super) fn weigh<'a>(
    dwarf: &Dwarf<Reader<'a>>,
    units: &[Unit<'a>],
    unit: &Unit<'a>,
    meter: &mut Meter,
) -> Result<(), Unfit> {
    let mut walk = Walk { dwarf, units, unit: UnitRef::new(dwarf, unit), meter };
    let mut entries = unit.entries_raw(None)?;
    let mut depth: usize = 0;
    while !entries.is_empty() {
        let is_root = entries.next_offset() == unit.header.root_offset();
        let Some(entry) = entries.read_abbreviation()? else {
            // Ends beyond the first level do not make room for more levels.
            depth = depth.saturating_sub(1);
            walk.meter.add(ENTRY)?;
            continue;
        };
        walk.entry(&mut entries, entry, is_root)?;
        depth += usize::from(entry.has_children());
        check_depth(depth)?;
    }
    Ok(())
}

fn check_depth(depth: usize) -> Result<(), Unfit> {
    if depth <= MAX_DEPTH {
        return Ok(());
    }
    Err(Unfit::Limit(format!("the debug information is nested over {MAX_DEPTH} levels deep")))
}

struct Walk<'w, 'a> {
    dwarf: &'w Dwarf<Reader<'a>>,
    units: &'w [Unit<'a>],
    unit: UnitRef<'w, Reader<'a>>,
    meter: &'w mut Meter,
}

impl<'w, 'a> Walk<'w, 'a> {
    /// Every attribute is read, none skipped: gimli's `skip_attributes` adds up lengths that may overflow.
    fn entry(&mut self, entries: &mut Entries<'_, 'a>, entry: &Abbreviation, is_root: bool) -> Result<(), Unfit> {
        let function = matches!(entry.tag(), constants::DW_TAG_subprogram | constants::DW_TAG_inlined_subroutine);
        self.meter.add(if function { ENTRY + FUNCTION } else { ENTRY })?;
        for spec in entry.attributes() {
            let (name, value) = self.attribute(entries, *spec)?;
            if function || is_root {
                self.follow(name, value)?;
            }
        }
        Ok(())
    }

    fn attribute(
        &mut self,
        entries: &mut Entries<'_, 'a>,
        spec: AttributeSpecification,
    ) -> Result<(constants::DwAt, Value<'a>), Unfit> {
        let start = entries.next_offset().0;
        let attribute = entries.read_attribute(spec)?;
        self.meter.add(ATTRIBUTE + (entries.next_offset().0 - start) as u64)?;
        Ok((attribute.name(), attribute.value()))
    }

    /// Weighs what an attribute refers to: entries may share that.
    fn follow(&mut self, name: constants::DwAt, value: Value<'a>) -> Result<(), Unfit> {
        match name {
            constants::DW_AT_ranges => self.ranges(value),
            constants::DW_AT_abstract_origin | constants::DW_AT_specification => self.origins(value),
            constants::DW_AT_comp_dir => self.meter.name(self.unit, value),
            name if is_name(name) => self.meter.name(self.unit, value),
            _ => Ok(()),
        }
    }

    fn ranges(&mut self, value: Value<'a>) -> Result<(), Unfit> {
        let Some(offset) = self.unit.attr_ranges_offset(value)? else { return Ok(()) };
        let mut ranges = self.unit.raw_ranges(offset)?;
        while ranges.next()?.is_some() {
            self.meter.add(RANGE)?;
        }
        Ok(())
    }

    /// Goes from entry to entry until one has a name.
    fn origins(&mut self, value: Value<'a>) -> Result<(), Unfit> {
        let mut next = Some((self.unit, value));
        for _ in 0..MAX_ORIGINS {
            let Some((unit, offset)) = next.and_then(|(unit, value)| self.target(unit, value)) else { break };
            next = self.origin(unit, offset)?.map(|value| (unit, value));
        }
        Ok(())
    }

    fn origin(&mut self, unit: UnitRef<'w, Reader<'a>>, at: UnitOffset) -> Result<Option<Value<'a>>, Unfit> {
        let mut entries = unit.entries_raw(Some(at))?;
        let (mut named, mut next) = (false, None);
        self.meter.add(ENTRY)?;
        let Some(entry) = entries.read_abbreviation()? else { return Ok(None) };
        for spec in entry.attributes() {
            match self.attribute(&mut entries, *spec)? {
                (constants::DW_AT_abstract_origin | constants::DW_AT_specification, value) => next = Some(value),
                (name, value) if is_name(name) => {
                    self.meter.name(unit, value)?;
                    named = true;
                }
                _ => {}
            }
        }
        Ok(if named { None } else { next })
    }

    fn target(&self, unit: UnitRef<'w, Reader<'a>>, value: Value<'a>) -> Option<(UnitRef<'w, Reader<'a>>, UnitOffset)> {
        match value {
            AttributeValue::UnitRef(offset) => Some((unit, offset)),
            AttributeValue::DebugInfoRef(offset) => {
                let after = self.units.partition_point(|unit| unit.header.debug_info_offset() <= Some(offset));
                let unit = &self.units[after.checked_sub(1)?];
                Some((UnitRef::new(self.dwarf, unit), offset.to_unit_offset(&unit.header)?))
            }
            _ => None,
        }
    }
}

fn is_name(name: constants::DwAt) -> bool {
    matches!(name, constants::DW_AT_name | constants::DW_AT_linkage_name | constants::DW_AT_MIPS_linkage_name)
}
