//! Complete validation, within bounds that the validator does not have by itself.

use spear_types::{Code, Refusal};
use wasmparser::{FuncValidatorAllocations, Parser, ValidPayload, Validator, WasmFeatures};

use crate::{component::Component, debug::Debug, outline::Outline};

/// Why bytes are no component that may be looked at any further.
pub(crate) enum Invalid {
    /// The validator's word.
    Wasm(wasmparser::Error),
    /// Over one of our own limits.
    Limit(String),
    /// Debug information that is over a limit, or malformed.
    Debug(String),
}

/// What runs here: what the engine has on. Listed, not subtracted, so that a new version of the validator adds nothing.
const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .difference(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::COMPONENT_MODEL);

/// Validation messages quote names of up to 100,000 bytes.
const SHOWN: usize = 256;

/// Validates everything. Function bodies are validated as they come: kept for later, they would cost the reader twenty
/// times what they cost the author.
pub(crate) fn read(bytes: &[u8]) -> Result<Component, Invalid> {
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    let mut validator = Validator::new_with_features(FEATURES);
    let mut allocations = FuncValidatorAllocations::default();
    let (mut outline, mut debug, mut types) = (Outline::default(), Debug::default(), None);
    for payload in parser.parse_all(bytes) {
        let payload = payload?;
        outline.add(&payload)?;
        debug.add(&payload)?;
        match validator.payload(&payload)? {
            ValidPayload::Func(function, body) => {
                let mut function = function.into_validator(allocations);
                function.validate(&body)?;
                allocations = function.into_allocations();
            }
            ValidPayload::End(end) => types = Some(end),
            ValidPayload::Ok | ValidPayload::Parser(_) => {}
        }
    }
    let types = types.ok_or_else(|| Invalid::Limit("the component is cut short".to_owned()))?;
    Ok(outline.typed(types.as_ref()))
}

impl From<wasmparser::Error> for Invalid {
    fn from(error: wasmparser::Error) -> Self {
        Self::Wasm(error)
    }
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        let help = "build it again; threads, exceptions, garbage collection and component-model async do not run here";
        match invalid {
            Invalid::Limit(message) => Self::new(Code::InvalidComponent, message),
            Invalid::Debug(message) => Self::new(Code::InvalidComponent, message)
                .help("build with debug = \"line-tables-only\" or strip the debug information"),
            Invalid::Wasm(error) => {
                let message =
                    format!("the component is not valid: {} at byte {}", plain(error.message()), error.offset());
                Self::new(Code::InvalidComponent, message).help(help)
            }
        }
    }
}

/// The start of `text`, without what could move a terminal's cursor: the author chose parts of it.
pub(crate) fn plain(text: &str) -> String {
    let cut = if text.chars().nth(SHOWN).is_some() { "…" } else { "" };
    let plain = |c: char| if c.is_ascii_graphic() { c } else { ' ' };
    text.chars().take(SHOWN).map(plain).chain(cut.chars()).collect()
}
