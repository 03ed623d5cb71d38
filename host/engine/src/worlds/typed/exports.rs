//! What a component exports that can be called by name.

use std::fmt::{self, Write as _};

use spear_types::{Code, Refusal};
use wasmtime::component::{
    Component, ComponentExportIndex, Type,
    types::{ComponentFunc, ComponentItem},
    wasm_wave::wasm::{DisplayType, WasmType as _, WasmTypeKind},
};

use super::{super::text::Bounded, shown};

/// Functions that are looked at: whoever has more of them names them by themselves.
const MAX_FUNCTIONS: usize = 1_000;

/// The longest signature in bytes of a function that can be called. Types refer to types, so a few hundred bytes of them
/// may be written as gigabytes.
const MAX_SIGNATURE: usize = 16 << 10;

/// The most functions and bytes of a listing: it travels in a refusal.
const LISTED: usize = 50;
const MAX_LISTING: usize = 2 << 10;

/// The functions of a component, in its order.
pub(in crate::worlds) struct Exports(Vec<Function>);

/// One of them.
pub(super) struct Function {
    /// As the component has it: `docs:calc/shapes@0.1.0`; none for a function of the world itself.
    interface: Option<String>,
    name: String,
    pub(super) ty: ComponentFunc,
}

impl Exports {
    pub(in crate::worlds) fn of(component: &Component) -> Self {
        let engine = component.engine();
        let ty = component.component_type();
        let mut functions = Vec::new();
        for (name, export) in ty.exports(engine) {
            match export.ty {
                ComponentItem::ComponentFunc(ty) => functions.push(Function { interface: None, name: name.into(), ty }),
                ComponentItem::ComponentInstance(instance) => {
                    let of_it = instance.exports(engine).filter_map(|(function, export)| match export.ty {
                        ComponentItem::ComponentFunc(ty) => {
                            Some(Function { interface: Some(name.into()), name: function.into(), ty })
                        }
                        _ => None,
                    });
                    functions.extend(of_it.take(MAX_FUNCTIONS));
                }
                _ => {}
            }
            if functions.len() >= MAX_FUNCTIONS {
                break;
            }
        }
        // A resource's constructor, methods and static functions: nobody outside can hold what they are of.
        functions.retain(|function| !function.name.starts_with('['));
        Self(functions)
    }

    pub(in crate::worlds) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The function that is meant: `add`, `shapes#area`, `shapes.area`, `docs:calc/shapes#area`, or that with its version.
    ///
    /// # Errors
    /// `UnknownExport` with all exports, or with the ones that are meant alike.
    pub(super) fn find(&self, wanted: &str) -> Result<&Function, Refusal> {
        if let Some(function) = self.0.iter().find(|function| function.full_name() == wanted) {
            return Ok(function);
        }
        let meant: Vec<&Function> = self.0.iter().filter(|function| function.is_called(wanted)).collect();
        match meant.as_slice() {
            [function] => Ok(function),
            [] => {
                let message = format!("it exports no function {:?}; it exports:\n{self}", shown(wanted));
                Err(Refusal::new(Code::UnknownExport, message))
            }
            many => {
                let message = format!("{:?} may be any of:\n{}", shown(wanted), Listing(many));
                Err(Refusal::new(Code::UnknownExport, message).help("write the whole name of the one that is meant"))
            }
        }
    }
}

impl Function {
    /// Its name with its interface.
    pub(super) fn full_name(&self) -> String {
        self.interface.as_ref().map_or_else(|| self.name.clone(), |interface| format!("{interface}#{}", self.name))
    }

    pub(super) fn index(&self, component: &Component) -> Result<ComponentExportIndex, Refusal> {
        let interface = self.interface.as_deref().map(|interface| component.get_export_index(None, interface));
        let index = match interface {
            None => component.get_export_index(None, &*self.name),
            Some(interface) => {
                interface.and_then(|interface| component.get_export_index(Some(&interface), &*self.name))
            }
        };
        index.ok_or_else(|| Refusal::new(Code::UnknownExport, format!("{} is no function", self.full_name())))
    }

    /// Its signature.
    ///
    /// # Errors
    /// `InvalidRequest` where values of its types have no text: resources, streams and the like.
    pub(super) fn callable(&self) -> Result<String, Refusal> {
        let not = |why| {
            let message = format!("{} cannot be called from outside: {why}", self.full_name());
            Refusal::new(Code::InvalidRequest, message)
        };
        let signature = self.signature(MAX_SIGNATURE).ok_or_else(|| not("its types are too large"))?;
        let mut types = self.ty.params().map(|(_, ty)| ty).chain(self.ty.results());
        match types.all(|ty| has_text(&ty)) {
            true => Ok(signature),
            false => Err(not("it takes or gives a resource, which has no text")),
        }
    }

    /// As WIT has it, without the types' names: `add(a: u32, b: u32) -> u32`. None over `max` bytes.
    fn signature(&self, max: usize) -> Option<String> {
        let mut text = Bounded::new(max);
        write!(text, "{}(", self.full_name()).ok()?;
        for (index, (name, ty)) in self.ty.params().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(text, "{comma}{name}: {}", DisplayType(&ty)).ok()?;
        }
        text.write_str(")").ok()?;
        for ty in self.ty.results() {
            write!(text, " -> {}", DisplayType(&ty)).ok()?;
        }
        Some(text.into_string())
    }

    fn is_called(&self, wanted: &str) -> bool {
        let of_it = |interface: &str| {
            let rest = wanted.strip_prefix(interface).and_then(|rest| rest.strip_prefix(['#', '.']));
            rest == Some(self.name.as_str())
        };
        let interface = self.interface.as_deref().unwrap_or_default();
        let unversioned = interface.split_once('@').map_or(interface, |(path, _)| path);
        let short = unversioned.rsplit_once('/').map_or(unversioned, |(_, short)| short);
        wanted == self.name || [interface, unversioned, short].into_iter().any(of_it)
    }
}

/// Only asked of types that are known to be small when they are written out.
fn has_text(ty: &Type) -> bool {
    match ty.kind() {
        WasmTypeKind::Unsupported | WasmTypeKind::FixedLengthList => false,
        WasmTypeKind::List => ty.list_element_type().is_none_or(|ty| has_text(&ty)),
        WasmTypeKind::Record => ty.record_fields().all(|(_, ty)| has_text(&ty)),
        WasmTypeKind::Tuple => ty.tuple_element_types().all(|ty| has_text(&ty)),
        WasmTypeKind::Variant => ty.variant_cases().all(|(_, ty)| ty.is_none_or(|ty| has_text(&ty))),
        WasmTypeKind::Option => ty.option_some_type().is_none_or(|ty| has_text(&ty)),
        WasmTypeKind::Result => {
            ty.result_types().is_none_or(|(ok, error)| [ok, error].into_iter().flatten().all(|ty| has_text(&ty)))
        }
        _ => true,
    }
}

impl fmt::Display for Exports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Listing(&self.0.iter().collect::<Vec<_>>()).fmt(f)
    }
}

/// Signatures, a line each; what cannot be called is not in it.
struct Listing<'a>(&'a [&'a Function]);

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signatures: Vec<String> = self.0.iter().filter_map(|function| function.callable().ok()).collect();
        let mut room = MAX_LISTING;
        let fits = |signature: &&String| {
            let size = shown(signature).len();
            let fits = room >= size;
            room = room.saturating_sub(size);
            fits
        };
        let listed: Vec<&str> = signatures.iter().take(LISTED).take_while(fits).map(|text| shown(text)).collect();
        write!(f, "  {}", listed.join("\n  "))?;
        match signatures.len() - listed.len() {
            0 if listed.is_empty() => f.write_str("nothing that can be called from outside"),
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}
