//! Every guest of `examples-guests`, built: the path of each component, by name.
//!
//! There is one constant per guest ([`HELLO`], [`WORD_COUNT`]…), [`ALL`] of them, and [`foreach_guest!`], with which a
//! test file makes sure that no guest is without a test:
//!
//! ```
//! macro_rules! assert_test_exists {
//!     ($name:ident) => {
//!         #[allow(unused_imports, reason = "only that it resolves matters")]
//!         use tests::$name as _;
//!     };
//! }
//! # mod tests {
//! #     macro_rules! exists { ($name:ident) => { pub fn $name() {} }; }
//! #     spear_test_guests::foreach_guest!(exists);
//! # }
//! spear_test_guests::foreach_guest!(assert_test_exists);
//! ```

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

#[cfg(test)]
mod tests {
    use std::fs;

    #[test]
    fn every_guest_is_a_component() {
        for (name, path) in crate::ALL {
            let bytes = fs::read(path).unwrap();
            assert_eq!(bytes[..8], *b"\0asm\x0d\0\x01\0", "{name} is no component");
        }
    }

    #[test]
    fn each_constant_is_the_path_of_its_guest() {
        assert!(crate::HELLO.ends_with("/hello.wasm"));
        assert!(crate::ALL.contains(&("word-count", crate::WORD_COUNT)));
    }
}
