//! Compiles `proto/` with protox, so no protoc is needed, and keeps the descriptor set for reflection.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const FILES: [&str; 9] = [
    "spear/v1/common.proto",
    "spear/v1/functions.proto",
    "spear/v1/hostcalls.proto",
    "spear/v1/invoke.proto",
    "spear/v1/kv.proto",
    "spear/v1/nodes.proto",
    "spear/v1/objects.proto",
    "spear/v1/spearlet.proto",
    "spear/v1/tasks.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".spear.v1").compile_fds(descriptors)?;
    Ok(())
}
