//! What the bytes are at all, by the first few.

use bytesize::ByteSize;
use spear_types::{Code, Refusal};
use wasmparser::Parser;

use crate::component::MAX_COMPONENT;

const MAGIC: &[u8] = b"\0asm";
const HOW_TO_BUILD: &str = "build one with `cargo build --target wasm32-wasip2` or `cargo component build`";

/// Refuses what is no component in binary form.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Refusal> {
    if bytes.len() as u64 > MAX_COMPONENT {
        return Err(too_large(bytes.len() as u64));
    }
    let (message, help) = if bytes.is_empty() {
        ("the component is empty: 0 bytes".to_owned(), HOW_TO_BUILD)
    } else if is_text(bytes) {
        ("this is WebAssembly as text, not in binary form".to_owned(), "`wasm-tools parse` makes a binary of it")
    } else if !bytes.starts_with(MAGIC) {
        let start = &bytes[..bytes.len().min(MAGIC.len())];
        (format!("this is not WebAssembly: it starts with {start:02x?}"), HOW_TO_BUILD)
    } else if Parser::is_core_wasm(bytes) {
        ("this is a core module, not a component".to_owned(), HOW_TO_BUILD)
    } else {
        return Ok(());
    };
    Err(Refusal::new(Code::InvalidComponent, message).help(help))
}

fn too_large(size: u64) -> Refusal {
    let shown = |bytes| ByteSize(bytes).display().iec();
    let message = format!("the component has {} ({size} bytes), the limit is {}", shown(size), shown(MAX_COMPONENT));
    Refusal::new(Code::TooLarge, message).help("build it with `--release` and without debug information")
}

fn is_text(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    ["(component", "(module", ";;"].iter().any(|start| text.starts_with(start.as_bytes()))
}
