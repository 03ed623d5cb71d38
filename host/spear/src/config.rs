//! What is in force: flag > environment (`SPEAR_<SECTION>_<KEY>`) > file > default.
//!
//! Each section belongs to the module that it configures; this one only puts them together.

mod unsound;

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use figment::{
    Figment,
    providers::{Env, Format as _, Serialized, Toml},
};
use serde::{Deserialize, Serialize};
use spear_types::{LimitPolicy, LimitRequest, Limits};

/// The environment's variables are `SPEAR_<SECTION>_<KEY>`.
const PREFIX: &str = "SPEAR_";

/// `SPEAR_SECRET_<NAME>` is a secret of the node and no setting.
const SECRETS: &str = "SECRET_";

/// Every section.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// `[client]`
    pub(crate) client: Client,
    /// `[log]`
    pub(crate) log: Log,
    /// `[new]`
    pub(crate) new: New,
    /// `[sms]`
    pub(crate) sms: sms::Config,
    /// `[spearlet]`
    pub(crate) spearlet: spearlet::Config,
    /// `[defaults]`: limits of functions that say nothing.
    pub(crate) defaults: LimitRequest,
    /// `[maxima]`: the most that a function may ask for. Without `fuel` there is no maximum of fuel.
    pub(crate) maxima: LimitRequest,
}

/// `[client]`: how commands reach the SMS.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Client {
    /// The SMS: an `http://` URL.
    pub(crate) sms: String,
}

/// `[log]`: what the SMS and the Spearlet write to standard error.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter as `RUST_LOG` has it.
    pub(crate) level: String,
    /// How lines look.
    pub(crate) format: LogFormat,
}

/// How lines look.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[new]`: what `spear new` puts into a project.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    /// Where the SDK is: a folder or a git URL. Absent: beside the checkout that this binary was built in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sdk: Option<String>,
}

impl Config {
    /// Reads every layer. `flags` holds only what was given.
    ///
    /// # Errors
    /// An unknown key, a malformed value or an unreadable file, with its place.
    pub(crate) fn load(file: Option<&Path>, flags: impl Serialize) -> anyhow::Result<Self> {
        let of_user = folder("XDG_CONFIG_HOME", ".config").join("config.toml");
        let file = match file {
            Some(asked) => {
                anyhow::ensure!(asked.is_file(), "there is no configuration file {}", asked.display());
                Some(asked)
            }
            None => Some(of_user.as_path()).filter(|file| file.is_file()),
        };
        let base = Figment::from(Serialized::defaults(Self::default()));
        let with_file = file.map_or_else(|| base.clone(), |file| base.clone().merge(Toml::file_exact(file)));
        // The first `_` ends the section: keys have `_` of their own.
        let settings = Env::prefixed(PREFIX).filter(|key| !key.starts_with(SECRETS));
        let environment = settings.map(|key| key.as_str().replacen('_', ".", 1).into());
        let all = with_file.merge(environment).merge(Serialized::defaults(flags));
        let config = all.extract().map_err(|error| anyhow::anyhow!(unsound::told(error)));
        let config = config.and_then(|config: Self| config.check().map(|()| config));
        config.context("the configuration is not sound")
    }

    /// Whether the values make sense.
    fn check(&self) -> anyhow::Result<()> {
        self.sms.check()?;
        self.spearlet.check()?;
        self.limits().map(drop)
    }

    /// The operator's word on limits: SPEAR's own defaults give way to the operator's maxima.
    ///
    /// # Errors
    /// When the operator's own defaults are over them.
    pub(crate) fn limits(&self) -> anyhow::Result<LimitPolicy> {
        let maxima = self.maxima.over(&Limits::MAXIMA);
        let defaults = self.defaults.over(&Limits::DEFAULTS.at_most(&maxima));
        let defaults = Limits { fuel: defaults.fuel.or(maxima.fuel), ..defaults };
        defaults.within(&maxima).map_err(|over| anyhow::anyhow!("[defaults] over [maxima]: {}", over.message))?;
        Ok(LimitPolicy { defaults, maxima })
    }

    /// Everything in force, as a file would have it.
    pub(crate) fn dump(&self) -> anyhow::Result<String> {
        let LimitPolicy { defaults, maxima } = self.limits()?;
        let spearlet = self.spearlet.in_force();
        let in_force = Self { defaults: defaults.into(), maxima: maxima.into(), spearlet, ..self.clone() };
        Ok(toml::to_string_pretty(&in_force)?)
    }
}

impl Default for Config {
    fn default() -> Self {
        let state = folder("XDG_STATE_HOME", ".local/state");
        Self {
            client: Client { sms: "http://127.0.0.1:50051".to_owned() },
            log: Log { level: "info".to_owned(), format: LogFormat::Text },
            new: New::default(),
            sms: sms::Config { data: state.join("sms"), ..sms::Config::default() },
            spearlet: spearlet::Config { data: state.join("spearlet"), ..spearlet::Config::default() },
            defaults: LimitRequest::default(),
            maxima: LimitRequest::default(),
        }
    }
}

/// Our folder under one of the XDG base directories.
fn folder(variable: &str, under_home: &str) -> PathBuf {
    let set = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(under_home));
    set.or_else(home).unwrap_or_else(|| PathBuf::from(".")).join("spear")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[derive(Serialize)]
    struct NoFlags {}

    fn load(text: &str) -> anyhow::Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        fs::write(&file, text).unwrap();
        Config::load(Some(&file), NoFlags {})
    }

    #[test]
    fn an_unknown_key_or_section_is_an_error_that_names_it() {
        for text in ["[sms]\nlisen = \"127.0.0.1:1\"\n", "[smms]\n", "[maxima]\nmemmory = \"1GiB\"\n"] {
            let error = format!("{:#}", load(text).unwrap_err());
            assert!(error.contains("unknown field"), "{error}");
        }
    }

    #[test]
    fn a_fault_is_told_with_the_file_and_the_key_and_nothing_of_our_source() {
        for (text, key) in [("[spearlet]\ncpu = -1\n", "spearlet.cpu in "), ("[sms]\nlisen = 1\n", "sms.lisen in ")] {
            let error = format!("{:#}", load(text).unwrap_err());
            assert!(error.contains(key) && error.contains("config.toml") && !error.contains(".rs"), "{error}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (text, key) in [
            ("[spearlet]\nslots = 0\n", "[spearlet] slots"),
            ("[spearlet]\nreconnect = \"0s\"\n", "[spearlet] reconnect"),
            ("[sms]\nkeep_for = \"0s\"\n", "[sms] keep_for"),
            ("[sms]\nlog_tasks = 0\n", "[sms] log_tasks"),
            ("[sms]\nqueue_bytes = \"12 parsecs\"\n", "4GiB"),
            ("[spearlet]\nmemory = \"12 parsecs\"\n", "4GiB"),
        ] {
            let error = format!("{:#}", load(text).unwrap_err());
            assert!(error.contains(key), "{text}: {error}");
        }
        assert_eq!(load("[sms]\nqueue_bytes = \"1MiB\"\nlog_bytes = 7\n").unwrap().sms.queue_bytes, 1 << 20);
    }

    #[test]
    fn what_is_dumped_can_be_read_back() {
        let config = load("[maxima]\nmemory = \"2GiB\"\nfuel = 7\n").unwrap();
        let again = load(&config.dump().unwrap()).unwrap();
        assert_eq!(again.limits().unwrap(), config.limits().unwrap());
        assert_eq!(config.limits().unwrap().maxima.memory, 2 << 30);
    }

    #[test]
    fn our_defaults_give_way_to_the_operators_maxima_and_his_own_do_not() {
        let limits = load("[maxima]\nmemory = \"32MiB\"\n").unwrap().limits().unwrap();
        assert_eq!(limits.defaults.memory, 32 << 20);
        assert!(load("[maxima]\nmemory = \"32MiB\"\n[defaults]\nmemory = \"64MiB\"\n").is_err());
    }

    #[test]
    fn a_missing_file_is_an_error_where_it_was_asked_for() {
        assert!(Config::load(Some(Path::new("/no/such/file")), NoFlags {}).is_err());
    }
}
