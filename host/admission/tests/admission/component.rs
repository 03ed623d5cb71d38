//! Components made by hand.

/// An instance with one function, as an import's type.
pub(crate) const INTERFACE: &str = r#"(instance (export "f" (func)))"#;

/// A bucket as the objects interface has it, with one method.
pub(crate) const PUT: &str = r#"(instance
    (export "bucket" (type $bucket (sub resource)))
    (export "[method]bucket.put" (func (param "self" (borrow $bucket)))))"#;

/// What every function exports.
pub(crate) const HANDLER: &str = "spear:hostcalls/handler@0.1.0";

/// A component from its parts in text form.
pub(crate) fn component(parts: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {parts})")).unwrap()
}

/// A component that imports these names as interfaces with a function, and exports the handler.
pub(crate) fn function(imports: &[&str]) -> Vec<u8> {
    let imports: String = imports.iter().map(|name| format!("(import \"{name}\" {INTERFACE})")).collect();
    component(&format!("{imports} {}", exporting(HANDLER, "handle")))
}

/// The parts that export an interface with one function.
pub(crate) fn exporting(interface: &str, function: &str) -> String {
    format!(
        r#"(core module $module (func (export "f")))
           (core instance $core (instantiate $module))
           (func $f (canon lift (core func $core "f")))
           (instance $instance (export "{function}" (func $f)))
           (export "{interface}" (instance $instance))"#
    )
}
