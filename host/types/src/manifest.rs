//! `spear.toml`: what a function is called, how it is built and run, what it may use.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    Access, AgentKind, Artifact, Body, Code, FunctionName, FunctionSpec, Grants, Image, Implementation, LimitRequest,
    Placement, Pool, Program, Refusal, Reuse, Settings,
};

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

/// One `[[run]]`: a way to run the function. They are tried in their order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Run {
    /// A WebAssembly component.
    Wasm {
        /// The component, relative to the manifest.
        component: String,
        /// The command that builds it, run in the manifest's folder.
        build: Option<String>,
        /// Whether an instance serves more than one call.
        #[serde(default)]
        reuse: Reused,
        /// `[run.pool]`
        pool: Option<Pool>,
    },
    /// A program on the node's machine.
    Process {
        /// The program and its arguments.
        command: Vec<String>,
        /// All of its environment.
        #[serde(default)]
        env: BTreeMap<String, String>,
        /// A folder that it gets, relative to the manifest.
        files: Option<String>,
        /// The command that builds what is in it.
        build: Option<String>,
        /// See [`Run::Wasm`].
        #[serde(default)]
        reuse: Reused,
        /// See [`Run::Wasm`].
        pool: Option<Pool>,
    },
    /// A program in a container.
    Docker {
        /// The image.
        image: Image,
        /// The program and its arguments; absent: the image's own.
        #[serde(default)]
        command: Vec<String>,
        /// Its environment beside the image's own.
        #[serde(default)]
        env: BTreeMap<String, String>,
        /// See [`Run::Process`].
        files: Option<String>,
        /// See [`Run::Process`].
        build: Option<String>,
        /// See [`Run::Wasm`].
        #[serde(default)]
        reuse: Reused,
        /// See [`Run::Wasm`].
        pool: Option<Pool>,
    },
}

/// `reuse` of a `[[run]]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reused {
    /// A fresh instance for each call.
    #[default]
    Never,
    /// One call after another.
    Serial,
}

/// What a `[[run]]` has in the project's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// A component, by its path.
    Component(&'a str),
    /// A folder of files.
    Files(&'a str),
    /// Nothing.
    None,
}

impl Run {
    /// What runs it.
    #[must_use]
    pub fn agent(&self) -> AgentKind {
        match self {
            Self::Wasm { .. } => AgentKind::Wasm,
            Self::Process { .. } => AgentKind::Process,
            Self::Docker { .. } => AgentKind::Docker,
        }
    }

    /// The command that builds it.
    #[must_use]
    pub fn build(&self) -> Option<&str> {
        match self {
            Self::Wasm { build, .. } | Self::Process { build, .. } | Self::Docker { build, .. } => build.as_deref(),
        }
    }

    /// What of it is in the project's folder.
    #[must_use]
    pub fn source(&self) -> Source<'_> {
        match self {
            Self::Wasm { component, .. } => Source::Component(component),
            Self::Process { files, .. } | Self::Docker { files, .. } => {
                files.as_deref().map_or(Source::None, Source::Files)
            }
        }
    }

    /// The implementation, with what its source came to.
    ///
    /// # Errors
    /// `InvalidManifest` and `TooLarge` for a command, an environment or a pool that is none; a component without bytes.
    pub fn implementation(&self, artifact: Option<Artifact>) -> Result<Implementation, Refusal> {
        let invalid = |message: &str| Refusal::new(Code::InvalidManifest, message);
        let body = match self {
            Self::Wasm { .. } => Body::Wasm(artifact.ok_or_else(|| invalid("a component has bytes"))?),
            Self::Process { command, .. } if command.is_empty() => {
                return Err(invalid("a process needs a command: command = [\"python3\", \"main.py\"]"));
            }
            Self::Process { command, env, .. } => Body::Process(Program::new(command.clone(), env.clone(), artifact)?),
            Self::Docker { image, command, env, .. } => {
                Body::Docker(image.clone(), Program::new(command.clone(), env.clone(), artifact)?)
            }
        };
        let implementation = Implementation { body, reuse: self.reuse()? };
        implementation.check()?;
        Ok(implementation)
    }

    fn reuse(&self) -> Result<Reuse, Refusal> {
        let (Self::Wasm { reuse, pool, .. } | Self::Process { reuse, pool, .. } | Self::Docker { reuse, pool, .. }) =
            self;
        match (reuse, pool) {
            (Reused::Never, None) => Ok(Reuse::Never),
            (Reused::Never, Some(_)) => {
                Err(Refusal::new(Code::InvalidManifest, "[run.pool] says nothing of a run without reuse = \"serial\""))
            }
            (Reused::Serial, pool) => Ok(Reuse::Serial(pool.unwrap_or_default())),
        }
    }
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
        if !(1..=Implementation::MAX).contains(&manifest.run.len()) {
            let (count, most) = (manifest.run.len(), Implementation::MAX);
            return Err(invalid(format!("{count} [[run]] sections; there have to be 1 to {most}")));
        }
        for run in &manifest.run {
            // Bytes are not there yet; all else is looked at where the author still looks.
            run.implementation(Some(Artifact::of(b"")))?;
        }
        if let Some((folder, _)) = manifest.grants.files.iter().find(|(_, access)| **access == Access::Write) {
            return Err(invalid(format!(
                "[grants.files] {folder} = \"write\" cannot be enforced: in WASI, what may be written may be read; write \
                 {folder} = \"read-write\""
            )));
        }
        Ok(manifest)
    }

    /// What the SMS has to know of it, run in one of these ways.
    #[must_use]
    pub fn spec(&self, implementations: Vec<Implementation>) -> FunctionSpec {
        FunctionSpec {
            name: self.function.name.clone(),
            description: self.function.description.clone(),
            limits: self.limits.clone(),
            grants: self.grants.clone(),
            settings: self.config.clone(),
            placement: self.placement.clone(),
            implementations,
        }
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
        let spec = Manifest::parse(SMALLEST).unwrap().spec(Vec::new());
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
    fn the_ways_to_run_are_read_in_their_order() {
        let text = format!(
            "{SMALLEST}[[run]]\nkind = \"docker\"\nimage = \"py@sha256:0a\"\nreuse = \"serial\"\n[run.pool]\nmax = 3\n\
             [[run]]\nkind = \"process\"\ncommand = [\"python3\", \"main.py\"]\nfiles = \"app\"\nenv = {{ A = \"b\" }}\n"
        );
        let manifest = Manifest::parse(&text).unwrap();
        let kinds: Vec<_> = manifest.run.iter().map(Run::agent).collect();
        assert_eq!(kinds, [AgentKind::Wasm, AgentKind::Docker, AgentKind::Process]);
        let docker = manifest.run[1].implementation(None).unwrap();
        assert_eq!(docker.reuse, Reuse::Serial(Pool { max: 3, ..Pool::default() }));
        assert_eq!(manifest.run[2].source(), Source::Files("app"));
        let process = manifest.run[2].implementation(Some(Artifact::of(b""))).unwrap();
        let Body::Process(program) = process.body else { panic!("it is a process") };
        assert_eq!((program.command().len(), program.env()["A"].as_str()), (2, "b"));
    }

    #[test]
    fn a_way_to_run_that_is_none_is_refused() {
        for (run, said) in [
            ("kind = \"process\"\ncommand = []", "a process needs a command"),
            ("kind = \"docker\"\nimage = \"--privileged\"", "no name of an image"),
            ("kind = \"process\"\ncommand = [\"a\"]\nenv = { SPEAR_TOKEN = \"b\" }", "SPEAR's own"),
            ("kind = \"docker\"\nimage = \"a\"\n[run.pool]\nmax = 1", "reuse = \"serial\""),
            ("kind = \"docker\"\nimage = \"a\"\nreuse = \"serial\"\n[run.pool]\nmax = 0", "serves no call"),
            ("kind = \"wasm\"\ncomponent = \"a\"\n[run.pool]\nmax = 1", "reuse = \"serial\""),
            ("kind = \"qemu\"", "qemu"),
        ] {
            let message = refused(&format!("[[run]]\n{run}\n"));
            assert!(message.contains(said), "{run}: {message}");
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
        let many = "[[run]]\nkind = \"wasm\"\ncomponent = \"b.wasm\"\n".repeat(8);
        assert!(refused(&many).contains("9 [[run]] sections; there have to be 1 to 8"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = Manifest::parse(&text);
            let _ = Manifest::parse(&format!("{SMALLEST}{text}"));
        }
    }
}
