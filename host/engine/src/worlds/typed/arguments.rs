//! Arguments in WAVE, read against a function's parameters.
//!
//! wasm-wave parses the text, to a nesting of 100, and reads what is a single value. What holds others is read here:
//! wasm-wave looks at each value again on every level above it and at each field once for every other, which a text and a
//! type that were made for it turn into minutes that nothing interrupts.

use std::collections::HashMap;

use wasmtime::component::{
    Type, Val,
    types::{ComponentFunc, Record, Variant},
    wasm_wave::{
        ast::{Node, NodeType},
        parser::ParserError,
        untyped::UntypedFuncCall,
        wasm::DisplayType,
    },
};

use super::shown;

/// The most values of a call: a record whose fields are all optional needs no text for any of them.
const MAX_VALUES: usize = 250_000;

/// What is wrong with the arguments, in words.
pub(super) type Wrong = String;

/// Reads the arguments of `text`, which begins with a function's name of `name` bytes.
pub(super) fn read(function: &ComponentFunc, name: usize, text: &str) -> Result<Vec<Val>, Wrong> {
    // The parser knows fewer kinds of names than we do: it is given one that it knows, of the same length.
    let plain = format!("{}{}", "f".repeat(name), &text[name..]);
    let call = UntypedFuncCall::parse(&plain).map_err(|error| wrong(&error, &plain))?;
    let nodes: Vec<&Node> = match call.params_node() {
        Some(params) => params.as_tuple().map_err(|error| wrong(&error, &plain))?.collect(),
        None => Vec::new(),
    };
    let mut reader = Reader { text: &plain, values: 0 };
    let count = function.params().len();
    if nodes.len() > count {
        return Err(format!("{} are given and {count} are taken", nodes.len()));
    }
    let mut nodes = nodes.into_iter();
    function.params().map(|(name, ty)| reader.field(name, &ty, nodes.next())).collect()
}

struct Reader<'a> {
    text: &'a str,
    values: usize,
}

impl Reader<'_> {
    /// A parameter or a field. One that is optional may be left out.
    fn field(&mut self, name: &str, ty: &Type, node: Option<&Node>) -> Result<Val, Wrong> {
        match (node, ty) {
            (Some(node), _) => self.value(ty, node),
            (None, Type::Option(_)) => self.counted(Val::Option(None)),
            (None, _) => Err(format!("{name:?} is missing")),
        }
    }

    fn value(&mut self, ty: &Type, node: &Node) -> Result<Val, Wrong> {
        let read = match ty {
            Type::List(list) => {
                let (inner, nodes) = (list.ty(), node.as_list().map_err(|_| self.unfit(ty, node))?);
                Val::List(nodes.map(|node| self.value(&inner, node)).collect::<Result<_, _>>()?)
            }
            Type::Record(record) => self.record(record, ty, node)?,
            Type::Tuple(tuple) => self.tuple(tuple.types(), ty, node)?,
            Type::Variant(variant) => self.variant(variant, ty, node)?,
            Type::Option(option) => match node.ty() {
                NodeType::OptionNone => Val::Option(None),
                NodeType::OptionSome => {
                    let some = node.as_option().ok().flatten();
                    Val::Option(self.payload("some", Some(option.ty()), some)?)
                }
                _ => Val::Option(Some(Box::new(self.flat(option.ty(), ty, node)?))),
            },
            Type::Result(result) => match node.as_result() {
                Ok(Ok(ok)) => Val::Result(Ok(self.payload("ok", result.ok(), ok)?)),
                Ok(Err(error)) => Val::Result(Err(self.payload("err", result.err(), error)?)),
                Err(_) => {
                    let ok = result.ok().ok_or_else(|| self.unfit(ty, node))?;
                    Val::Result(Ok(Some(Box::new(self.flat(ok, ty, node)?))))
                }
            },
            single => node.to_wasm_value(single, self.text).map_err(|error| match error.detail() {
                Some(_) => wrong(&error, self.text),
                None => self.unfit(ty, node),
            })?,
        };
        self.counted(read)
    }

    fn record(&mut self, record: &Record, ty: &Type, node: &Node) -> Result<Val, Wrong> {
        let given = node.as_record(self.text).map_err(|_| self.unfit(ty, node))?;
        let mut given: HashMap<&str, &Node> = given.collect();
        let mut fields = Vec::with_capacity(record.fields().len().min(MAX_VALUES - self.values));
        for field in record.fields() {
            fields.push((field.name.to_owned(), self.field(field.name, &field.ty, given.remove(field.name))?));
        }
        match given.keys().next() {
            None => Ok(Val::Record(fields)),
            Some(unknown) => Err(format!("there is no field {:?} in {}", shown(unknown), shown_type(ty))),
        }
    }

    fn tuple(&mut self, types: impl ExactSizeIterator<Item = Type>, ty: &Type, node: &Node) -> Result<Val, Wrong> {
        let nodes = node.as_tuple().map_err(|_| self.unfit(ty, node))?;
        if nodes.len() != types.len() {
            return Err(self.unfit(ty, node));
        }
        Ok(Val::Tuple(types.zip(nodes).map(|(ty, node)| self.value(&ty, node)).collect::<Result<_, _>>()?))
    }

    fn variant(&mut self, variant: &Variant, ty: &Type, node: &Node) -> Result<Val, Wrong> {
        let (name, payload) = node.as_variant(self.text).map_err(|_| self.unfit(ty, node))?;
        let case = variant.cases().find(|case| case.name == name).ok_or_else(|| self.unfit(ty, node))?;
        Ok(Val::Variant(name.to_owned(), self.payload(name, case.ty, payload)?))
    }

    fn payload(&mut self, case: &str, ty: Option<Type>, node: Option<&Node>) -> Result<Option<Box<Val>>, Wrong> {
        match (ty, node) {
            (Some(ty), Some(node)) => Ok(Some(Box::new(self.value(&ty, node)?))),
            (None, None) => Ok(None),
            (Some(ty), None) => Err(format!("{:?} needs a {}", shown(case), shown_type(&ty))),
            (None, Some(_)) => Err(format!("{:?} takes nothing", shown(case))),
        }
    }

    /// The value of an option or the success of a result may stand for the whole, unless it is one of these itself.
    fn flat(&mut self, inner: Type, ty: &Type, node: &Node) -> Result<Val, Wrong> {
        match inner {
            Type::Option(_) | Type::Result(_) => Err(self.unfit(ty, node)),
            inner => self.value(&inner, node),
        }
    }

    fn counted(&mut self, value: Val) -> Result<Val, Wrong> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(format!("they are over {MAX_VALUES} values"));
        }
        Ok(value)
    }

    fn unfit(&self, ty: &Type, node: &Node) -> Wrong {
        format!("{} is no {}", self.source(node), shown_type(ty))
    }

    fn source(&self, node: &Node) -> String {
        format!("`{}`", self.text.get(node.span()).map_or("", |text| &text[..text.floor_char_boundary(80)]))
    }
}

/// The type is part of a signature of bounded length.
fn shown_type(ty: &Type) -> String {
    shown(&DisplayType(ty).to_string()).to_owned()
}

fn wrong(error: &ParserError, text: &str) -> Wrong {
    let at: String = text.get(error.span().start..).map_or_else(String::new, |rest| rest.chars().take(20).collect());
    match (error.detail(), at.is_empty()) {
        (Some(detail), false) => format!("{}: {} at {at:?}", error.kind(), shown(detail)),
        (None, false) => format!("{} at {at:?}", error.kind()),
        (_, true) => error.kind().to_string(),
    }
}
