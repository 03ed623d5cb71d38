//! The imports and exports of a component, gathered while it is validated.

use wasmparser::{
    Payload,
    component_types::{ComponentEntityType, ComponentInstanceTypeId},
    types::TypesRef,
};

use crate::{
    component::{Component, Item, Kind},
    validate::{Invalid, plain},
};

/// Real components have some dozen. With the length of a name this bounds every review and every message.
const MAX_ITEMS: usize = 1_000;
/// WIT's names have some dozen characters.
const MAX_NAME: usize = 128;
/// Bytes of all sections but code, data and custom ones. Large components have some hundred kilobytes of these; the
/// validator holds up to sixty times as much, because two bytes make a type: 250 MiB for these.
const MAX_STRUCTURE: u64 = 4 << 20;

/// What was seen of the component up to now.
#[derive(Default)]
pub(crate) struct Outline<'a> {
    imports: Vec<&'a str>,
    exports: Vec<&'a str>,
    /// In how many modules and components within the component we are.
    depth: u32,
    structure: u64,
}

impl<'a> Outline<'a> {
    /// Takes in a payload before it is validated: the limits are there for the validator.
    pub(crate) fn add(&mut self, payload: &Payload<'a>) -> Result<(), Invalid> {
        self.weigh(payload)?;
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => self.depth += 1,
            Payload::End(_) => self.depth = self.depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if self.depth == 0 => {
                let names = section.clone().into_iter().map(|import| Ok(import?.name.name));
                collect("imports", &mut self.imports, names)?;
            }
            Payload::ComponentExportSection(section) if self.depth == 0 => {
                let names = section.clone().into_iter().map(|export| Ok(export?.name.name));
                collect("exports", &mut self.exports, names)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The imports and exports with what they are, once `types` of all of it are known.
    pub(crate) fn typed(&self, types: TypesRef<'_>) -> Component {
        let item = |name: &str, ty: Option<&ComponentEntityType>| Item {
            name: name.to_owned(),
            kind: ty.map_or(Kind::Other("unknown item"), |ty| kind(types, ty)),
        };
        let import = |name: &&str| item(name, types.component_item_for_import(name).map(|item| &item.ty));
        let export = |name: &&str| item(name, types.component_item_for_export(name).map(|item| &item.ty));
        Component {
            imports: self.imports.iter().map(import).collect(),
            exports: self.exports.iter().map(export).collect(),
        }
    }

    fn weigh(&mut self, payload: &Payload<'a>) -> Result<(), Invalid> {
        self.structure += match payload {
            Payload::CodeSectionStart { .. } | Payload::DataSection(_) | Payload::CustomSection(_) => 0,
            // What is in them is weighed as it comes.
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => 0,
            other => other.as_section().map_or(0, |(_, range)| range.end.saturating_sub(range.start)),
        };
        if self.structure <= MAX_STRUCTURE {
            return Ok(());
        }
        Err(Invalid::Limit(format!("the component has over {MAX_STRUCTURE} bytes of types, names and the like")))
    }
}

fn collect<'a>(
    what: &str,
    into: &mut Vec<&'a str>,
    names: impl Iterator<Item = wasmparser::Result<&'a str>>,
) -> Result<(), Invalid> {
    for name in names {
        let name = name?;
        if into.len() == MAX_ITEMS {
            return Err(Invalid::Limit(format!("the component has over {MAX_ITEMS} {what}")));
        }
        if name.len() > MAX_NAME || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            let rule = format!("names have {MAX_NAME} printable characters at the most");
            return Err(Invalid::Limit(format!("the {what} have the name {}; {rule}", plain(name))));
        }
        into.push(name);
    }
    Ok(())
}

fn kind(types: TypesRef<'_>, ty: &ComponentEntityType) -> Kind {
    match ty {
        ComponentEntityType::Instance(id) => interface(types, *id),
        ComponentEntityType::Type { .. } if is_known_type(ty) => Kind::Types,
        ComponentEntityType::Type { .. } => Kind::Other("resource"),
        ComponentEntityType::Func(_) => Kind::Other("function"),
        ComponentEntityType::Module(_) => Kind::Other("core module"),
        ComponentEntityType::Component(_) => Kind::Other("component"),
        ComponentEntityType::Value(_) => Kind::Other("value"),
    }
}

fn interface(types: TypesRef<'_>, id: ComponentInstanceTypeId) -> Kind {
    let Some(instance) = types.get(id) else { return Kind::Other("unknown instance") };
    if instance.exports.values().all(|item| is_known_type(&item.ty)) {
        return Kind::Types;
    }
    let is_function = |ty: &ComponentEntityType| matches!(ty, ComponentEntityType::Func(_));
    let functions = instance.exports.iter().filter(|(_, item)| is_function(&item.ty));
    Kind::Interface(functions.map(|(name, _)| name.clone()).collect())
}

/// A resource that is new here refers to itself; everything else gives a name to what is known.
fn is_known_type(ty: &ComponentEntityType) -> bool {
    matches!(ty, ComponentEntityType::Type { referenced, created } if referenced != created)
}
