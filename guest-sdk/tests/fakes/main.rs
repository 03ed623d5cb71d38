//! SPEAR in memory keeps the rules of SPEAR: grants, limits, names, versions.

mod grants;
mod guide;
mod http;
mod kv;
mod limits;
mod objects;
mod tasks;
mod world;

use spear_guest::test::Host;

/// A host under these sections of a manifest.
fn host(sections: &str) -> Host {
    Host::with_manifest(&format!(
        "spear = 1\n[function]\nname = \"tested\"\n[[run]]\nkind = \"wasm\"\ncomponent = \"a.wasm\"\n{sections}"
    ))
}
