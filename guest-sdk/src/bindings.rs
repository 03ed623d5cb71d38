//! Generated from `wit/`; nothing else belongs here.

wit_bindgen::generate!({
    path: "../wit",
    world: "function",
    generate_all,
    pub_export_macro: true,
    runtime_path: "::wit_bindgen::rt",
});
