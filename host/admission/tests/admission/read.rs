//! What the bytes are.

use proptest::prelude::*;
use spear_admission::{Component, MAX_COMPONENT};
use spear_types::{Code, Granted, Refusal};

use crate::component::{HANDLER, component, function};

fn refused(bytes: &[u8]) -> Refusal {
    let refusal = Component::read(bytes).unwrap_err();
    assert_eq!(refusal.code, Code::InvalidComponent, "{refusal}");
    refusal
}

#[test]
fn a_component_is_read_with_its_imports_and_exports_in_order() {
    let component = Component::read(&function(&["wasi:io/poll@0.2.6", "spear:hostcalls/logs@0.1.0"])).unwrap();
    assert_eq!(component.imports().collect::<Vec<_>>(), ["wasi:io/poll@0.2.6", "spear:hostcalls/logs@0.1.0"]);
    assert_eq!(component.exports().collect::<Vec<_>>(), [HANDLER]);
}

#[test]
fn imports_of_components_inside_are_not_the_components_own() {
    let bytes = component(r#"(component (import "inner" (func)) (component (import "innermost" (func))))"#);
    assert_eq!(Component::read(&bytes).unwrap().imports().len(), 0);
}

#[test]
fn a_core_module_is_told_how_to_become_a_component() {
    let refusal = refused(&wat::parse_str("(module)").unwrap());
    assert_eq!(refusal.message, "this is a core module, not a component");
    assert!(refusal.help.unwrap().contains("cargo build --target wasm32-wasip2"));
}

#[test]
fn text_is_recognized_as_text() {
    for text in ["(component)", "\n  (module)", ";; a comment\n(component)"] {
        assert!(refused(text.as_bytes()).message.contains("as text"), "{text}");
    }
}

#[test]
fn what_is_not_webassembly_is_shown_by_its_first_bytes() {
    assert!(refused(b"").message.contains("0 bytes"));
    assert!(refused(b"\x7fELF\x02\x01").message.contains("[7f, 45, 4c, 46]"));
    assert!(refused(b"\0a").message.contains("[00, 61]"));
}

#[test]
fn a_component_over_the_limit_is_refused_before_it_is_looked_at() {
    let refusal = Component::read(&vec![0; MAX_COMPONENT as usize + 1]).unwrap_err();
    assert_eq!(refusal.code, Code::TooLarge);
    assert!(refusal.message.contains("268435457") && refusal.message.contains("256.0 MiB"), "{refusal}");
}

#[test]
fn an_invalid_function_body_anywhere_is_refused() {
    let text = "(core module (func (result i32) i64.const 0))";
    let refusal = refused(&component(&format!("(component {text})")));
    assert!(refusal.message.contains("type mismatch") && refusal.message.contains("at byte"), "{refusal}");
}

#[test]
fn what_the_engine_has_switched_off_is_refused() {
    let threads = "(core module (memory 1 1 shared))";
    let exceptions = "(core module (tag))";
    let garbage = "(core module (type (struct)))";
    let references = "(core module (type $f (func)) (func (param (ref $f))))";
    let async_component = r#"(import "f" (func async))"#;
    for text in [threads, exceptions, garbage, references, async_component] {
        let refusal = refused(&component(text));
        assert!(refusal.help.unwrap().contains("do not run here"), "{text}");
    }
}

#[test]
fn a_component_cut_anywhere_is_refused_by_the_reader_or_the_review() {
    let bytes = function(&["wasi:io/poll@0.2.6", "spear:hostcalls/logs@0.1.0"]);
    let admit = |bytes: &[u8]| Component::read(bytes)?.review(&Granted::default()).admit();
    assert_eq!(admit(&bytes), Ok(()));
    // Behind the last export are only names for debuggers, which a component may lose.
    let last_export = bytes.windows(HANDLER.len()).rposition(|window| window == HANDLER.as_bytes()).unwrap();
    for length in 0..last_export + HANDLER.len() {
        assert_eq!(admit(&bytes[..length]).unwrap_err().code, Code::InvalidComponent, "at {length}");
    }
    for length in last_export..bytes.len() {
        let _ = admit(&bytes[..length]);
    }
}

#[test]
fn no_flipped_bit_makes_the_reader_panic() {
    let mut bytes = function(&["wasi:io/poll@0.2.6", "spear:hostcalls/objects@0.1.0"]);
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        let _ = Component::read(&bytes);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(tail in any::<Vec<u8>>()) {
        prop_assert!(Component::read(&tail).is_err());
        let _ = Component::read(&[b"\0asm\x0d\0\x01\0", tail.as_slice()].concat());
    }

    #[test]
    fn no_overwritten_piece_makes_the_reader_panic(at in any::<prop::sample::Index>(), piece in any::<[u8; 4]>()) {
        let mut bytes = function(&["wasi:io/poll@0.2.6", "spear:hostcalls/objects@0.1.0"]);
        let at = at.index(bytes.len() - piece.len());
        bytes[at..at + piece.len()].copy_from_slice(&piece);
        let _ = Component::read(&bytes);
    }
}
