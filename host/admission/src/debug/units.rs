//! The units: wasmtime reads the head of all of them for every frame.

use std::sync::Arc;

use gimli::{Abbreviations, AttributeValue, DebugLineOffset, Dwarf, Reader as _, Section as _, UnitHeader, constants};

use super::{
    Reader, Unfit, Unit,
    meter::{ABBREVIATION, Meter, SPECIFICATION},
};

/// Attributes of one abbreviation: real ones have up to thirty. They may take no bytes in the entries that use it.
const MAX_ATTRIBUTES: u64 = 256;
/// Bytes of a line table's list of files, which gimli reads as a whole before anybody counts: a byte can make a file, and
/// a file takes over a hundred.
const MAX_FILES: usize = 256 << 10;

/// All units, with what wasmtime holds of each.
pub(super) fn read<'a>(dwarf: &Dwarf<Reader<'a>>, meter: &mut Meter) -> Result<Vec<Unit<'a>>, Unfit> {
    let (mut headers, mut units) = (dwarf.units(), Vec::new());
    while let Some(header) = headers.next()? {
        meter.unit()?;
        weigh_abbreviations(dwarf, &header, meter)?;
        let abbreviations = header.abbreviations(&dwarf.debug_abbrev)?;
        if let Some(offset) = lines_of(&header, &abbreviations)? {
            check_files(dwarf, offset)?;
        }
        units.push(Unit::new_with_abbreviations(dwarf, header, Arc::new(abbreviations))?);
    }
    Ok(units)
}

/// Weighs a unit's abbreviations before anybody holds them. Units may share a table, or the end of one; wasmtime does not.
fn weigh_abbreviations(
    dwarf: &Dwarf<Reader<'_>>,
    header: &UnitHeader<Reader<'_>>,
    meter: &mut Meter,
) -> Result<(), Unfit> {
    let mut input = *dwarf.debug_abbrev.reader();
    input.skip(header.debug_abbrev_offset().0)?;
    while input.read_uleb128()? != 0 {
        let _tag = input.read_uleb128()?;
        let _children = input.read_u8()?;
        meter.add(ABBREVIATION + SPECIFICATION * attributes(&mut input)?)?;
    }
    Ok(())
}

fn attributes(input: &mut Reader<'_>) -> Result<u64, Unfit> {
    for count in 0..=MAX_ATTRIBUTES {
        let (name, form) = (input.read_uleb128()?, input.read_uleb128()?);
        if (name, form) == (0, 0) {
            return Ok(count);
        }
        if form == u64::from(constants::DW_FORM_implicit_const.0) {
            input.read_sleb128()?;
        }
    }
    Err(Unfit::Limit(format!("the debug information has entries with over {MAX_ATTRIBUTES} attributes")))
}

/// Where a unit's line table is.
fn lines_of(header: &UnitHeader<Reader<'_>>, abbreviations: &Abbreviations) -> Result<Option<DebugLineOffset>, Unfit> {
    let mut entries = header.entries_raw(abbreviations, None)?;
    let Some(root) = entries.read_abbreviation()? else { return Ok(None) };
    let mut found = None;
    for spec in root.attributes() {
        let attribute = entries.read_attribute(*spec)?;
        if let (constants::DW_AT_stmt_list, AttributeValue::DebugLineRef(offset)) =
            (attribute.name(), attribute.value())
        {
            found = Some(offset);
        }
    }
    Ok(found)
}

/// Refuses a list of files that is too long to be read at once.
fn check_files(dwarf: &Dwarf<Reader<'_>>, offset: DebugLineOffset) -> Result<(), Unfit> {
    let mut input = *dwarf.debug_line.reader();
    input.skip(offset.0)?;
    let (_, format) = input.read_initial_length()?;
    if input.read_u16()? >= 5 {
        let _address_and_segment_size = input.read_u16()?;
    }
    let length = input.read_length(format)?;
    if length <= MAX_FILES {
        return Ok(());
    }
    Err(Unfit::Limit(format!("the debug information has a list of files of {length} bytes, the limit is {MAX_FILES}")))
}
