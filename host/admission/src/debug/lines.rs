//! The line tables: wasmtime holds all rows and all paths of the units around a frame's address.

use gimli::{FileEntry, LineInstruction, LineProgramHeader, Reader as _, UnitRef};

use super::{
    Reader, Unfit,
    meter::{FILE, Meter, ROW},
};

/// Weighs the line table of `unit`: units may share one.
pub(super) fn weigh(unit: UnitRef<'_, Reader<'_>>, meter: &mut Meter) -> Result<(), Unfit> {
    let Some(program) = &unit.line_program else { return Ok(()) };
    let header = program.header();
    meter.add(ROW * header.include_directories().len() as u64)?;
    for file in header.file_names() {
        weigh_file(unit, header, file, meter)?;
    }
    let mut instructions = header.instructions();
    while let Some(instruction) = instructions.next_instruction(header)? {
        match instruction {
            LineInstruction::DefineFile(file) => weigh_file(unit, header, &file, meter)?,
            instruction if makes_a_row(&instruction) => meter.add(ROW)?,
            _ => meter.add(1)?,
        }
    }
    Ok(())
}

/// A file's path is put together of three parts, which take a few bytes where they are named.
fn weigh_file<'a>(
    unit: UnitRef<'_, Reader<'a>>,
    header: &LineProgramHeader<Reader<'a>>,
    file: &FileEntry<Reader<'a>>,
    meter: &mut Meter,
) -> Result<(), Unfit> {
    meter.add(FILE + unit.comp_dir.as_ref().map_or(0, |path| path.len() as u64))?;
    if let Some(directory) = file.directory(header) {
        meter.name(unit, directory)?;
    }
    meter.name(unit, file.path_name())
}

fn makes_a_row(instruction: &LineInstruction<Reader<'_>>) -> bool {
    matches!(instruction, LineInstruction::Special(_) | LineInstruction::Copy | LineInstruction::EndSequence)
}
