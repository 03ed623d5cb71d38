//! `spear.toml`: what a function is called, how it is built and run, what it may use.

use serde::Deserialize;

use crate::{Access, Code, FunctionName, FunctionSpec, Grants, LimitRequest, Placement, Refusal, Settings};

/// The manifest's name in a project's folder.
pub const FILE_NAME: &str = "spear.toml";

/// The version of the manifest's form that this SPEAR reads.
const FORM: u32 = 1;

/// `spear.toml` as written. Unknown keys are errors.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the form: 1.
    spear: u32,
    /// `[function]`
    pub function: Function,
    /// `[[run]]`: the implementations.
    pub run: Vec<Run>,
    /// `[limits]`
    #[serde(default)]
    pub limits: LimitRequest,
    /// `[grants]`
    #[serde(default)]
    pub grants: Grants,
    /// `[config]`
    #[serde(default)]
    pub config: Settings,
    /// `[placement]`
    #[serde(default)]
    pub placement: Placement,
}

/// `[function]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// The name it is deployed under.
    pub name: FunctionName,
    /// A line for people.
    pub description: Option<String>,
}

/// One `[[run]]`: a way to run the function.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Run {
    /// A WebAssembly component.
    Wasm {
        /// The component, relative to the manifest.
        component: String,
        /// The command that builds it, run in the manifest's folder.
        build: Option<String>,
    },
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`Code::InvalidManifest`] shows the line and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let invalid = |message: String| Refusal::new(Code::InvalidManifest, message);
        let manifest: Self = toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
        if manifest.spear != FORM {
            return Err(invalid(format!(
                "spear = {} is another form; this SPEAR reads spear = {FORM}",
                manifest.spear
            )));
        }
        if manifest.run.len() != 1 {
            return Err(invalid(format!("{} [[run]] sections; exactly one is needed", manifest.run.len())));
        }
        if let Some((folder, _)) = manifest.grants.files.iter().find(|(_, access)| **access == Access::Write) {
            return Err(invalid(format!(
                "[grants.files] {folder} = \"write\" cannot be enforced: in WASI, what may be written may be read; write \
                 {folder} = \"read-write\""
            )));
        }
        Ok(manifest)
    }

    /// What the SMS has to know of it.
    #[must_use]
    pub fn spec(&self) -> FunctionSpec {
        FunctionSpec {
            name: self.function.name.clone(),
            description: self.function.description.clone(),
            limits: self.limits.clone(),
            grants: self.grants.clone(),
            settings: self.config.clone(),
            placement: self.placement.clone(),
        }
    }

    /// The component and the command that builds it.
    #[must_use]
    pub fn wasm(&self) -> (&str, Option<&str>) {
        let [Run::Wasm { component, build }, ..] = self.run.as_slice() else {
            unreachable!("`parse` saw to one [[run]]");
        };
        (component, build.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALLEST: &str =
        "spear = 1\n[function]\nname = \"hello\"\n[[run]]\nkind = \"wasm\"\ncomponent = \"hello.wasm\"\n";

    fn refused(extra: &str) -> String {
        let refusal = Manifest::parse(&format!("{SMALLEST}{extra}")).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidManifest);
        refusal.message
    }

    #[test]
    fn the_smallest_manifest_grants_nothing_and_asks_for_no_limit() {
        let spec = Manifest::parse(SMALLEST).unwrap().spec();
        assert_eq!((spec.grants, spec.limits), (Grants::default(), LimitRequest::default()));
    }

    #[test]
    fn limits_and_grants_are_read() {
        let text =
            format!("{SMALLEST}[limits]\nmemory = \"32MiB\"\nfuel = 5\n[grants.objects]\nphotos = \"read-write\"\n");
        let manifest = Manifest::parse(&text).unwrap();
        assert_eq!((manifest.limits.memory, manifest.limits.fuel), (Some(32 << 20), Some(5)));
        assert_eq!(manifest.grants.objects.into_values().collect::<Vec<_>>(), [Access::ReadWrite]);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_what_is_known() {
        let message = refused("[limits]\nmemmory = \"1MiB\"\n");
        assert!(message.contains("line 8") && message.contains("memmory") && message.contains("`memory`"), "{message}");
        assert!(refused("[grants.cameras]\n").contains("cameras"));
    }

    #[test]
    fn a_negative_limit_is_refused_with_its_line() {
        for limit in ["memory = -1", "fuel = -1", "timeout = \"-1s\"", "tables = -5"] {
            let message = refused(&format!("[limits]\n{limit}\n"));
            assert!(message.contains("line 8"), "{limit}: {message}");
        }
    }

    #[test]
    fn files_that_may_only_be_written_are_refused_with_what_to_write() {
        assert!(refused("[grants.files]\nassets = \"write\"\n").contains("write assets = \"read-write\""));
    }

    #[test]
    fn another_form_no_run_and_a_bad_name_are_refused() {
        for text in [
            SMALLEST.replace("= 1", "= 2"),
            SMALLEST.replace("hello\"\n[[run]]", "He llo\"\n[[run]]"),
            SMALLEST[..36].to_owned(),
        ] {
            assert_eq!(Manifest::parse(&text).unwrap_err().code, Code::InvalidManifest, "{text}");
        }
        assert!(refused("[[run]]\nkind = \"wasm\"\ncomponent = \"b.wasm\"\n").contains("exactly one"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = Manifest::parse(&text);
            let _ = Manifest::parse(&format!("{SMALLEST}{text}"));
        }
    }
}
