//! Generated from `wit/`; nothing handwritten stands here.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "host",
    imports: {
        "spear:hostcalls/kv": async | trappable,
        "spear:hostcalls/objects": async | trappable,
        "spear:hostcalls/secrets": async | trappable,
        "spear:hostcalls/tasks": async | trappable,
        "wasi:keyvalue/store": async | trappable,
        "wasi:keyvalue/atomics": async | trappable,
        "wasi:keyvalue/batch": async | trappable,
        default: trappable,
    },
    with: {
        "spear:hostcalls/kv.store": crate::kv::Store,
        "spear:hostcalls/objects.bucket": crate::objects::Bucket,
        "wasi:keyvalue/store.bucket": crate::kv::Store,
    },
});
