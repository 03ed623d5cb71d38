//! Any exported function, called by its name with arguments in WAVE, as in `add(1, 2)`.

mod arguments;
mod exports;

use bytes::Bytes;
use spear_types::{Code, Failure, Payload, Refusal};
use wasmtime::component::{Component, ComponentExportIndex, Val, wasm_wave::writer::Writer};

pub(super) use self::exports::Exports;
use super::{Answer, MAX_RAW, Refused, text::Bounded, too_large};
use crate::{instance::Instance, prepared::Prepared};

/// The longest call in bytes, where the limit `payload` is not tighter: each of them may stand for tens of bytes of
/// parsed values, and nothing interrupts a parser. What is larger belongs into a handler's body.
const MAX_CALL: usize = 256 << 10;

/// The media type of WAVE.
const WAVE: &str = "text/x-wave";

/// Reads the call before anything of the guest runs. A function's result is its answer in WAVE; the error of one whose
/// result is a `result` is its failure, with the code `error` and the error in WAVE as its message.
pub(super) async fn run(within: &mut Instance, prepared: &Prepared, text: String) -> wasmtime::Result<Answer> {
    let TypedCall { function, arguments, mut results } =
        TypedCall::read(prepared.instance.component(), &text).map_err(Refused)?;
    let instance = within.enter(prepared).await?;
    let store = &mut within.store;
    let not_exported = || Refused(Refusal::new(Code::Internal, "the instance lacks what its component exports"));
    let function = instance.get_func(&mut *store, function).ok_or_else(not_exported)?;
    function.call_async(&mut *store, &arguments, &mut results).await?;
    Ok(answer(results.first(), prepared.limits.payload))
}

/// A function, what it is given, and room for what it gives.
struct TypedCall {
    function: ComponentExportIndex,
    arguments: Vec<Val>,
    results: Vec<Val>,
}

impl TypedCall {
    /// Reads `name(arguments)`.
    fn read(component: &Component, text: &str) -> Result<Self, Refusal> {
        if text.len() > MAX_CALL {
            let message = format!("the call has {} bytes, a name with arguments may have {MAX_CALL}", text.len());
            return Err(Refusal::new(Code::TooLarge, message));
        }
        let (name, _) = text.split_once('(').ok_or_else(|| {
            let message = format!("{:?} is no call: NAME(ARGUMENTS) is needed, as in 'add(1, 2)'", shown(text));
            Refusal::new(Code::InvalidRequest, message)
                .help("a body is given with -d TEXT, a command's arguments after --, a path with --path")
        })?;
        let exports = Exports::of(component);
        let function = exports.find(name.trim())?;
        let signature = function.callable()?;
        let arguments = arguments::read(&function.ty, name.len(), text).map_err(|wrong| {
            Refusal::new(Code::InvalidRequest, format!("the arguments do not fit {}: {wrong}", shown(&signature)))
        })?;
        let results = vec![Val::Bool(false); function.ty.results().len()];
        Ok(Self { function: function.index(component)?, arguments, results })
    }
}

fn answer(result: Option<&Val>, limit: u64) -> Answer {
    let Some(result) = result else { return Ok(Payload::default()) };
    let (failed, value) = match result {
        Val::Result(Err(error)) => (true, error.as_deref()),
        value => (false, Some(value)),
    };
    let wave = |max: usize| {
        let mut text = Bounded::new(max);
        let written = value.is_none_or(|value| Writer::new(&mut text).write_value(value).is_ok());
        (text.into_string(), written)
    };
    if failed {
        let (message, _) = wave(MAX_RAW);
        return Err(Failure { code: "error".to_owned(), message, retryable: false, exit: None });
    }
    match wave(usize::try_from(limit).unwrap_or(usize::MAX)) {
        (text, true) => {
            Ok(Payload { content_type: Some(WAVE.to_owned()), body: Bytes::from(text), ..Payload::default() })
        }
        (_, false) => Err(too_large(format!("the result in WAVE is over the limit `payload` of {limit} bytes"))),
    }
}

/// As much of a text as a message has room for.
fn shown(text: &str) -> &str {
    const MAX: usize = 500;
    &text[..text.floor_char_boundary(MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component with the function `f` of one parameter; `types` end with the exported type `$t`.
    fn taking(types: &str) -> Component {
        let text = format!(
            r#"(component
                 (core module $m
                   (memory (export "memory") 1)
                   (func (export "f") (param i32 i32))
                   (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
                 (core instance $i (instantiate $m))
                 {types}
                 (func $f (param "of" (list $t))
                   (canon lift (core func $i "f") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
                 (export "f" (func $f)))"#
        );
        Component::from_binary(&wasmtime::Engine::default(), &wat::parse_str(text).unwrap()).unwrap()
    }

    fn refused(component: &Component, text: &str) -> Refusal {
        match TypedCall::read(component, text) {
            Ok(_) => panic!("{} should be refused", shown(text)),
            Err(refusal) => refusal,
        }
    }

    #[test]
    fn fields_that_need_no_text_do_not_become_values_without_end() {
        let fields: String = (0..800).map(|n| format!("(field \"f{n}\" (option u8))")).collect();
        let component = taking(&format!("(type $r (record {fields})) (export $t \"t\" (type $r))"));
        let call = TypedCall::read(&component, "f([{f7: 1}])").unwrap();
        let Val::List(list) = &call.arguments[0] else { panic!("{:?}", call.arguments) };
        let Val::Record(fields) = &list[0] else { panic!("{list:?}") };
        assert_eq!(fields.iter().filter(|(_, value)| *value != Val::Option(None)).count(), 1);

        let refusal = refused(&component, &format!("f([{}])", "{:},".repeat(50_000)));
        assert!(refusal.message.contains("over 250000 values"), "{refusal}");
    }

    #[test]
    fn a_type_that_is_gigabytes_when_written_out_is_not_written_out() {
        let doubled: String = (1..18).map(|n| format!("(type $t{n} (tuple $t{} $t{}))", n - 1, n - 1)).collect();
        let component = taking(&format!("(type $t0 (tuple u8)) {doubled} (export $t \"t\" (type $t17))"));
        let refusal = refused(&component, "f([])");
        assert!(refusal.message.contains("its types are too large"), "{refusal}");
        let refusal = refused(&component, "g([])");
        assert!(refusal.message.contains("nothing that can be called"), "{refusal}");
    }

    #[test]
    fn a_listing_is_short_whatever_there_is_to_list() {
        let name = |n| format!("(export \"a-function-with-a-rather-long-name-{n}\" (func $g))");
        let many: String = (0..500).map(name).collect();
        let text = format!(
            r#"(component (core module $m (func (export "g"))) (core instance $i (instantiate $m))
                 (func $g (canon lift (core func $i "g"))) {many})"#
        );
        let component = Component::from_binary(&wasmtime::Engine::default(), &wat::parse_str(text).unwrap()).unwrap();
        let refusal = refused(&component, "f()");
        assert!(refusal.message.len() < 3_000 && refusal.message.ends_with(" more"), "{refusal}");
        assert!(TypedCall::read(&component, "a-function-with-a-rather-long-name-499()").is_ok());
    }

    #[test]
    fn a_result_is_cut_where_it_ends_being_an_answer() {
        let value = Val::List(vec![Val::U8(1); 100]);
        assert_eq!(answer(Some(&value), 300).unwrap().body.len(), 300);
        assert_eq!(answer(Some(&value), 299).unwrap_err().code, "reply-too-large");
        let error = Val::Result(Err(Some(Box::new(Val::String("x".repeat(MAX_RAW))))));
        assert_eq!(answer(Some(&error), 10).unwrap_err().message.len(), MAX_RAW);
        assert_eq!(answer(Some(&Val::Result(Err(None))), 10).unwrap_err().message, "");
    }
}
