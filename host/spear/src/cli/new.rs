//! `spear new`: a project that builds.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use spear_types::{Code, FunctionName, Refusal};

use super::{Context, function::parse};
use crate::{output::good, project::below};

/// The SDK in the checkout that this binary was built in, where that still is.
const SDK_OF_CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-sdk");

const FILES: [(&str, &str); 4] = [
    ("Cargo.toml", include_str!("../template/Cargo.toml.txt")),
    ("spear.toml", include_str!("../template/spear.toml.txt")),
    ("src/lib.rs", include_str!("../template/lib.rs.txt")),
    (".gitignore", include_str!("../template/gitignore.txt")),
];

/// Make a new project.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The function's name, and the folder's.
    name: String,
    /// Where the SDK `spear-guest` is: a folder or a git URL.
    /// [default: beside the checkout that this spear was built in]
    #[arg(long, value_name = "FOLDER|URL")]
    sdk: Option<String>,
}

impl New {
    pub(crate) fn run(self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let name = parse(&self.name)?;
        let sdk = dependency(self.sdk.as_ref().or(context.config.new.sdk.as_ref()))?;
        let folder = below(&context.folder, name.as_str());
        write(&folder, &name, &sdk)?;
        let answer = json!({ "name": name, "folder": folder, "sdk": sdk });
        context.output.answer(&answer, || format!("{} {}", good("made"), folder.display()))?;
        context.output.note(format_args!(
            "cd {} && spear build && spear deploy && spear invoke {name} --data you",
            folder.display()
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// The SDK as Cargo wants it.
fn dependency(sdk: Option<&String>) -> anyhow::Result<String> {
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

/// Writes the files; a folder that exists is left alone.
fn write(folder: &Path, name: &FunctionName, sdk: &str) -> anyhow::Result<()> {
    let fill = |text: &str| {
        let crate_name = name.as_str().replace('-', "_");
        text.replace("{{name}}", name.as_str()).replace("{{crate}}", &crate_name).replace("{{sdk}}", sdk)
    };
    fs::create_dir(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    fs::create_dir(folder.join("src"))?;
    for (file, text) in FILES {
        fs::write(folder.join(file), fill(text)).with_context(|| format!("cannot write {file}"))?;
    }
    Ok(())
}
