//! Components made to hurt who reads them. The first three make the validator inside wasmtime 48 overflow its stack, panic
//! and work for minutes: they are why this crate has a newer one.

use std::thread;

use spear_admission::Component;
use spear_types::Code;

const TYPES: u8 = 7;
const COMPONENT: u8 = 4;
pub(crate) const MODULE: u8 = 1;
const IMPORTS: u8 = 10;
const EXPORTS: u8 = 11;
pub(crate) const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Refused, on the smallest stack that a thread of the host has.
pub(crate) fn refused(bytes: Vec<u8>) -> String {
    let read = thread::Builder::new().stack_size(1 << 20).spawn(move || Component::read(&bytes).unwrap_err()).unwrap();
    let refusal = read.join().unwrap();
    assert_eq!(refusal.code, Code::InvalidComponent);
    assert!(refusal.message.len() < 400, "{refusal}");
    refusal.message
}

#[test]
fn component_types_nested_a_hundred_thousand_deep_do_not_overflow_the_stack() {
    let mut body = vec![1];
    body.extend([0x41, 1, 1].repeat(100_000));
    body.extend([0x40, 0, 1, 0]);
    assert!(refused(component(&section(TYPES, &body))).contains("nesting is too deep"));
}

#[test]
fn a_chain_of_a_thousand_instance_types_does_not_panic() {
    let mut body = [leb(1_001), vec![0x42, 0]].concat();
    for previous in 0..1_000 {
        body.extend([0x42, 2, 2, 3, 2, 1]);
        body.extend(leb(previous));
        body.extend([4, 0, 1, b'a', 5, 0]);
    }
    assert!(refused(component(&section(TYPES, &body))).contains("nesting is too deep"));
}

#[test]
fn a_hundred_thousand_modules_are_not_read_to_the_end() {
    let inner = section(COMPONENT, &component(&section(MODULE, EMPTY_MODULE).repeat(100)));
    assert!(refused(component(&inner.repeat(1_000))).contains("exceeds limit"));
}

#[test]
fn components_nested_a_million_deep_are_not_read_to_the_end() {
    let mut length = 0;
    let shells = (0..1_000_000).map(|_| {
        let shell = [vec![COMPONENT], leb(length + 8), component(&[])].concat();
        length += shell.len();
        shell
    });
    let inside_out: Vec<_> = shells.collect();
    let nested = inside_out.into_iter().rev().collect::<Vec<_>>().concat();
    assert!(refused(component(&nested)).contains("exceeds limit"));
}

#[test]
fn a_million_imports_or_exports_are_refused_before_they_are_validated() {
    let imports = section(IMPORTS, &items(1_000_000, &[1, 0]));
    let exports = section(EXPORTS, &items(1_000_000, &[1, 0, 0]));
    for section in [&imports, &exports] {
        // The limit on bytes comes first here.
        let bytes = component(&[function_type(), section.clone()].concat());
        assert!(refused(bytes).contains("the component has over"));
    }
    let bytes = component(&[function_type(), section(IMPORTS, &items(1_001, &[1, 0]))].concat());
    assert!(refused(bytes).contains("over 1000 imports"));
}

#[test]
fn a_thousand_imports_are_read() {
    let bytes = component(&[function_type(), section(IMPORTS, &items(1_000, &[1, 0]))].concat());
    assert_eq!(Component::read(&bytes).unwrap().imports().len(), 1_000);
}

#[test]
fn millions_of_types_in_many_components_are_refused_by_their_bytes() {
    let types = section(TYPES, &[leb(900_000), [0x42, 0].repeat(900_000)].concat());
    let inner = section(COMPONENT, &component(&types));
    assert!(refused(component(&inner.repeat(5))).contains("types, names and the like"));
}

#[test]
fn names_that_are_long_or_could_move_a_cursor_are_refused_without_being_echoed() {
    for name in ["n".repeat(100_000), "url=<\u{1b}[2J>".to_owned(), "url=<\u{202e}>".to_owned()] {
        let import = [vec![1, 0], leb(name.len()), name.into_bytes(), vec![1, 0]].concat();
        let message = refused(component(&[function_type(), section(IMPORTS, &import)].concat()));
        assert!(message.contains("128 printable characters") && !message.contains(char::is_control), "{message}");
    }
}

#[test]
fn a_count_that_the_bytes_do_not_hold_is_refused_before_anything_is_reserved() {
    for id in 1..=12 {
        refused(component(&section(id, &[0xff, 0xff, 0xff, 0xff, 0x0f])));
    }
}

fn items(count: usize, what: &[u8]) -> Vec<u8> {
    let item = |n| {
        let name = format!("i{n}");
        [vec![0], leb(name.len()), name.into_bytes(), what.to_vec()].concat()
    };
    let items: Vec<_> = (0..count).map(item).collect();
    [leb(count), items.concat()].concat()
}

fn function_type() -> Vec<u8> {
    section(TYPES, &[1, 0x40, 0, 1, 0])
}

pub(crate) fn component(sections: &[u8]) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0", sections].concat()
}

pub(crate) fn section(id: u8, body: &[u8]) -> Vec<u8> {
    [vec![id], leb(body.len()), body.to_vec()].concat()
}

/// LEB128, as all numbers in WebAssembly.
pub(crate) fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
