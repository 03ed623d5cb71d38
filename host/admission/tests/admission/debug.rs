//! Debug information, honest and hostile, in components made by hand. wasmtime reads it on a guest's stack when the guest
//! traps, without limits of its own.

use proptest::prelude::*;
use spear_admission::Component;

use crate::hostile::{EMPTY_MODULE, MODULE, component, leb, refused, section};

const COMPILE_UNIT: u8 = 0x11;
const SUBPROGRAM: u8 = 0x2e;
const INLINED: u8 = 0x1d;
const NAME: u8 = 0x03;
const STATEMENTS: u8 = 0x10;
const ORIGIN: u8 = 0x31;
const RANGES: u8 = 0x55;
const STRING: u8 = 0x08;
const BLOCK: u8 = 0x09;
const DATA1: u8 = 0x0b;
const STRING_AT: u8 = 0x0e;
const ENTRY_AT: u8 = 0x13;
const SECTION_AT: u8 = 0x17;
const PRESENT: u8 = 0x19;

type Section<'a> = (&'a str, Vec<u8>);
/// A tag, whether there are children, and attributes with their forms.
type Abbreviation<'a> = (u8, bool, &'a [(u8, u8)]);

#[test]
fn honest_debug_information_is_read() {
    assert!(Component::read(&with(&honest())).is_ok());
}

#[test]
fn sections_without_units_are_read() {
    assert!(Component::read(&with(&[(".debug_str", b"name\0".to_vec()), (".debug_of_tomorrow", vec![7])])).is_ok());
}

#[test]
fn two_hundred_levels_are_read() {
    assert!(Component::read(&with(&nested(200, 0))).is_ok());
}

#[test]
fn four_thousand_levels_are_refused() {
    assert!(refused(with(&nested(4_000, 0))).contains("nested over 256 levels deep"));
}

#[test]
fn ends_ahead_do_not_make_room_for_more_levels() {
    assert!(refused(with(&nested(4_000, 10_000))).contains("nested over 256 levels deep"));
}

#[test]
fn debug_information_of_any_module_is_refused_and_the_author_told_what_to_do() {
    let refusal = Component::read(&component(&[module(&honest()), module(&nested(300, 0))].concat())).unwrap_err();
    let help = "build with debug = \"line-tables-only\" or strip the debug information";
    assert_eq!(refusal.help.as_deref(), Some(help), "{refusal}");
}

#[test]
fn a_million_units_are_refused() {
    let abbreviations = table(&[(COMPILE_UNIT, false, &[])]);
    let sections = [(".debug_abbrev", abbreviations), (".debug_info", unit(0, &[1]).repeat(1_000_000))];
    assert!(refused(with(&sections)).contains("over 20000 units"));
}

#[test]
fn the_sections_of_all_modules_count_together() {
    let half = module(&[(".debug_str", vec![0; 33 << 20])]);
    assert!(Component::read(&component(&half)).is_ok());
    assert!(refused(component(&half.repeat(2))).contains("66.0 MiB or more, the limit is 64.0 MiB"));
}

#[test]
fn units_that_share_a_table_of_abbreviations_are_refused_by_what_they_take_together() {
    let abbreviations = table(&[(COMPILE_UNIT, false, [].as_slice()); 100]);
    let units = |count| (".debug_info", unit(0, &[1]).repeat(count));
    assert!(Component::read(&with(&[(".debug_abbrev", abbreviations.clone()), units(100)])).is_ok());
    assert!(refused(with(&[(".debug_abbrev", abbreviations), units(15_000)])).contains("takes over 128.0 MiB"));
}

#[test]
fn functions_that_share_a_list_of_ranges_are_refused_by_what_they_take_together() {
    // Entries that only set a base address: they never make a range, but are looked through.
    let bases = [[0xff; 4], [0; 4]].concat().repeat(10_000);
    let functions = [vec![1], [2, 0, 0, 0, 0].repeat(1_000), vec![0]].concat();
    let sections = [
        (".debug_abbrev", table(&[(COMPILE_UNIT, true, &[]), (SUBPROGRAM, false, &[(RANGES, SECTION_AT)])])),
        (".debug_info", unit(0, &functions)),
        (".debug_ranges", bases),
    ];
    assert!(refused(with(&sections)).contains("takes over 128.0 MiB"));
}

#[test]
fn functions_that_share_a_long_name_are_refused_by_what_they_take_together() {
    let sections = |count, length| {
        let functions = [vec![1], [2, 0, 0, 0, 0].repeat(count), vec![0]].concat();
        [
            (".debug_abbrev", table(&[(COMPILE_UNIT, true, &[]), (SUBPROGRAM, false, &[(NAME, STRING_AT)])])),
            (".debug_info", unit(0, &functions)),
            (".debug_str", [vec![b'n'; length], vec![0]].concat()),
        ]
    };
    assert!(Component::read(&with(&sections(10, 10_000))).is_ok());
    assert!(refused(with(&sections(20_000, 10_000))).contains("takes over 128.0 MiB"));
    assert!(refused(with(&sections(1, 20_000))).contains("a name of 20000 bytes, the limit is 16384"));
}

#[test]
fn functions_that_take_their_names_from_one_another_in_a_circle_are_read() {
    // The second entry is its own origin: it begins behind 11 bytes of head and one of the first entry.
    let circle = unit(0, &[1, 2, 12, 0, 0, 0, 0]);
    assert!(Component::read(&with(&[(".debug_abbrev", inlined_table()), (".debug_info", circle)])).is_ok());
}

#[test]
fn a_table_of_lines_is_refused_by_the_rows_and_paths_of_all_units_that_share_it() {
    let rows = lines(&[], &[0x20; 100_000]);
    let paths = lines(&file(&"p".repeat(10_000)).repeat(20), &[]);
    let files = lines(&file("f").repeat(60_000), &[]);
    for (lines, why) in [(rows, "128.0 MiB"), (paths, "128.0 MiB"), (files, "a list of files of 300")] {
        assert!(refused(with(&units_with_lines(1_000, lines))).contains(why), "{why}");
    }
}

#[test]
fn entries_with_thousands_of_attributes_of_no_bytes_are_refused() {
    let attributes = vec![(0x3f, PRESENT); 5_000];
    let sections = [(".debug_abbrev", table(&[(COMPILE_UNIT, false, &attributes)])), (".debug_info", unit(0, &[1]))];
    assert!(refused(with(&sections)).contains("over 256 attributes"));
}

#[test]
fn a_length_that_overflows_is_malformed() {
    let abbreviations = table(&[(COMPILE_UNIT, true, &[]), (0x34, false, &[(0x1c, BLOCK), (0x1c, DATA1)])]);
    let block = [&[1, 2][..], &[0xff; 9], &[1, 0, 0]].concat();
    let sections = [(".debug_abbrev", abbreviations), (".debug_info", unit(0, &block))];
    assert!(refused(with(&sections)).contains("the debug information is malformed"));
}

#[test]
fn entries_cut_anywhere_are_refused() {
    let (name, info) = honest().swap_remove(1);
    for length in 1..info.len() {
        let mut sections = honest();
        sections[1] = (name, info[..length].to_vec());
        assert!(refused(with(&sections)).contains("malformed"), "at {length}");
    }
}

#[test]
fn no_cut_and_no_flipped_bit_in_any_section_makes_the_reader_panic() {
    for index in 0..honest().len() {
        for bit in 0..honest()[index].1.len() * 8 {
            let mut sections = honest();
            sections[index].1[bit / 8] ^= 1 << (bit % 8);
            let _ = Component::read(&with(&sections));
            sections[index].1.truncate(bit / 8);
            let _ = Component::read(&with(&sections));
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_in_a_section_make_the_reader_panic(index in 0..5_usize, bytes in any::<Vec<u8>>()) {
        let mut sections = honest();
        sections[index].1 = bytes;
        let _ = Component::read(&with(&sections));
    }

    #[test]
    fn no_overwritten_piece_makes_the_reader_panic(
        index in 0..5_usize,
        at in any::<prop::sample::Index>(),
        piece in any::<[u8; 4]>(),
    ) {
        let mut sections = honest();
        let section = &mut sections[index].1;
        let at = at.index(section.len() - piece.len());
        section[at..at + piece.len()].copy_from_slice(&piece);
        let _ = Component::read(&with(&sections));
    }
}

/// A unit with lines, a function with ranges, and another that is inlined into it.
fn honest() -> Vec<Section<'static>> {
    let abbreviations = table(&[
        (COMPILE_UNIT, true, &[(NAME, STRING), (STATEMENTS, SECTION_AT)]),
        (SUBPROGRAM, false, &[(NAME, STRING_AT)]),
        (SUBPROGRAM, true, &[(NAME, STRING_AT), (RANGES, SECTION_AT)]),
        (INLINED, false, &[(ORIGIN, ENTRY_AT), (RANGES, SECTION_AT)]),
    ]);
    let root = [b"\x01a.rs\0".as_slice(), &[0; 4]].concat();
    let inner_at = 11 + root.len() as u8;
    let (inner, outer) = ([2, 0, 0, 0, 0], [3, 6, 0, 0, 0, 0, 0, 0, 0]);
    let inlined = [4, inner_at, 0, 0, 0, 0, 0, 0, 0];
    let entries = [root.as_slice(), &inner, &outer, &inlined, &[0, 0]].concat();
    let ranges = [1_u32, 9, 0, 0].map(u32::to_le_bytes).concat();
    vec![
        (".debug_abbrev", abbreviations),
        (".debug_info", unit(0, &entries)),
        (".debug_str", b"inner\0outer\0".to_vec()),
        (".debug_ranges", ranges),
        (".debug_line", lines(&[file("a.rs"), file("b.rs")].concat(), &[0x20, 0x21, 1, 2, 4, 0, 1, 1])),
    ]
}

/// One function with inlined ones, each in the one before it; ahead of it, ends of levels that nothing began.
fn nested(levels: usize, ends: usize) -> [Section<'static>; 2] {
    let abbreviations = table(&[(COMPILE_UNIT, true, &[]), (SUBPROGRAM, true, &[]), (INLINED, true, &[])]);
    let entries = [vec![1], vec![0; ends], vec![2], vec![3; levels], vec![0; levels + 2]].concat();
    [(".debug_abbrev", abbreviations), (".debug_info", unit(0, &entries))]
}

fn inlined_table() -> Vec<u8> {
    table(&[(COMPILE_UNIT, true, &[]), (INLINED, false, &[(ORIGIN, ENTRY_AT)])])
}

fn units_with_lines(count: usize, lines: Vec<u8>) -> [Section<'static>; 3] {
    let abbreviations = table(&[(COMPILE_UNIT, false, &[(STATEMENTS, SECTION_AT)])]);
    let units = unit(0, &[1, 0, 0, 0, 0]).repeat(count);
    [(".debug_abbrev", abbreviations), (".debug_info", units), (".debug_line", lines)]
}

/// Abbreviations, numbered from 1.
fn table(abbreviations: &[Abbreviation<'_>]) -> Vec<u8> {
    let abbreviation = |(index, (tag, children, attributes)): (usize, &Abbreviation<'_>)| {
        let attributes = attributes.iter().flat_map(|(name, form)| [*name, *form]).collect();
        [leb(index + 1), vec![*tag, u8::from(*children)], attributes, vec![0, 0]].concat()
    };
    let table: Vec<_> = abbreviations.iter().enumerate().map(abbreviation).collect();
    [table.concat(), vec![0]].concat()
}

/// A unit of DWARF 4 for 32-bit addresses.
fn unit(abbreviations: u32, entries: &[u8]) -> Vec<u8> {
    let head = [&[4, 0], abbreviations.to_le_bytes().as_slice(), &[4]].concat();
    let length = (head.len() + entries.len()) as u32;
    [length.to_le_bytes().as_slice(), &head, entries].concat()
}

/// A table of lines of DWARF 4, without directories.
fn lines(files: &[u8], program: &[u8]) -> Vec<u8> {
    let settings = [1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0];
    let list = [settings.as_slice(), files, &[0]].concat();
    let body = [&[4, 0], (list.len() as u32).to_le_bytes().as_slice(), &list, program].concat();
    [(body.len() as u32).to_le_bytes().as_slice(), &body].concat()
}

fn file(name: &str) -> Vec<u8> {
    [name.as_bytes(), &[0, 0, 0, 0]].concat()
}

fn with(sections: &[Section<'_>]) -> Vec<u8> {
    component(&module(sections))
}

fn module(sections: &[Section<'_>]) -> Vec<u8> {
    let custom =
        |(name, bytes): &Section<'_>| section(0, &[leb(name.len()), name.as_bytes().to_vec(), bytes.clone()].concat());
    let sections: Vec<_> = sections.iter().map(custom).collect();
    section(MODULE, &[EMPTY_MODULE, &sections.concat()].concat())
}
