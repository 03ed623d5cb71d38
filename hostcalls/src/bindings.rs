//! Generated from `wit/`; nothing handwritten stands here.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "capabilities",
    imports: {
        "spear:hostcalls/objects": async | trappable,
        default: trappable,
    },
    with: {
        "spear:hostcalls/objects.bucket": crate::objects::Bucket,
    },
});
