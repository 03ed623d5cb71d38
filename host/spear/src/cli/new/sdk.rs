//! Where the SDK of Rust is.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use spear_types::{Code, Refusal};

/// The SDK in the checkout that this binary was built in, where that still is.
const SDK_OF_CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-sdk");

/// The SDK as Cargo wants it.
pub(super) fn dependency(sdk: Option<&String>) -> anyhow::Result<String> {
    match sdk {
        Some(url) if url.contains("://") || url.starts_with("git@") => Ok(format!("{{ git = {url:?} }}")),
        Some(folder) => at_path(Path::new(folder)),
        None if Path::new(SDK_OF_CHECKOUT).is_dir() => at_path(Path::new(SDK_OF_CHECKOUT)),
        None => Err(Refusal::new(Code::InvalidRequest, "the SDK is not beside this spear")
            .help("say where it is: --sdk with the folder `guest-sdk` of a checkout of SPEAR, or with its git URL")
            .into()),
    }
}

fn at_path(folder: &Path) -> anyhow::Result<String> {
    let folder: PathBuf = folder.canonicalize().with_context(|| format!("there is no SDK at {}", folder.display()))?;
    anyhow::ensure!(folder.join("Cargo.toml").is_file(), "there is no SDK at {}", folder.display());
    Ok(format!("{{ path = {:?} }}", folder.display().to_string()))
}
