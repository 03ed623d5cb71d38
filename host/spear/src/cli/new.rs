//! `spear new`: a project that builds.

mod language;
mod sdk;
mod wit;

use std::{fs, path::Path, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use self::language::Language;
use super::{Context, function::parse};
use crate::{output::good, project::below};

/// A file of a new project: its path and its text.
type File = (&'static str, &'static str);

/// Make a new project.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The function's name, and the folder's.
    name: String,
    /// What it is written in.
    #[arg(short, long, value_enum, default_value = "rust")]
    lang: Language,
    /// Where the SDK of Rust, `spear-guest`, is: a folder or a git URL.
    /// [default: beside the checkout that this spear was built in]
    #[arg(long, value_name = "FOLDER|URL")]
    sdk: Option<String>,
}

impl New {
    pub(crate) fn run(self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let name = parse(&self.name)?;
        let sdk = match self.lang {
            Language::Rust => Some(sdk::dependency(self.sdk.as_ref().or(context.config.new.sdk.as_ref()))?),
            other => other.without_sdk(self.sdk.as_ref())?,
        };
        let folder = below(&context.folder, name.as_str());
        let crate_name = name.as_str().replace('-', "_");
        let fill = |text: &str| {
            let text = text.replace("{{name}}", name.as_str()).replace("{{crate}}", &crate_name);
            text.replace("{{sdk}}", sdk.as_deref().unwrap_or_default())
        };
        write(&folder, self.lang.files(), fill)?;
        let answer = json!({ "name": name, "folder": folder, "language": self.lang, "sdk": sdk });
        context.output.answer(&answer, || format!("{} {}", good("made"), folder.display()))?;
        let first = self.lang.once().map(|command| format!(" && {command}")).unwrap_or_default();
        context.output.note(format_args!(
            "cd {}{first} && spear build && spear deploy && spear invoke {name} --data you",
            folder.display()
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes the files; a folder that exists is left alone.
fn write(folder: &Path, files: impl Iterator<Item = File>, fill: impl Fn(&str) -> String) -> anyhow::Result<()> {
    fs::create_dir(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    for (file, text) in files {
        let path = folder.join(file);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(path, fill(text))).with_context(|| format!("cannot write {file}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;
    use spear_types::{Manifest, PlacementPolicy};

    use super::*;

    /// The manifest of a new project with what it only shows put in force.
    fn shown(lang: Language) -> Manifest {
        let (_, text) = lang.files().find(|(file, _)| *file == "spear.toml").unwrap();
        let put = |line: &str| match line.strip_prefix("# ") {
            Some(setting) if setting.starts_with('[') || setting.contains(" = ") => setting.to_owned(),
            _ => line.to_owned(),
        };
        let text = text.replace("{{name}}", "greet").replace("{{crate}}", "greet");
        Manifest::parse(&text.lines().map(put).collect::<Vec<_>>().join("\n")).unwrap()
    }

    #[test]
    fn what_a_new_manifest_shows_in_comments_is_sound_and_complete() {
        for lang in Language::value_variants() {
            let manifest = shown(*lang);
            assert_eq!(manifest.grants.tasks.len(), 1);
            let placement = manifest.placement;
            assert_eq!((placement.cpu.as_millis(), placement.memory), (500, Some(128 << 20)));
            let counts = [placement.constraints, placement.prefer, placement.avoid].map(|all| all.iter().count());
            assert_eq!((counts, placement.policy), ([2, 1, 1], PlacementPolicy::Spread));
        }
    }
}
