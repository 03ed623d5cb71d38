//! What an operator allows functions to be granted: `policy.toml`, on the SMS and on a node.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Access, Granted, Grants, HostPattern, SocketPattern};
use crate::{Code, FunctionName, Refusal};

/// The version of the policy's form that this SPEAR reads.
const FORM: u32 = 1;

/// An operator's word on grants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum GrantPolicy {
    /// Whatever a manifest asks for: no policy is configured.
    #[default]
    Everything,
    /// What is listed, and nothing else.
    Listed(Box<Listed>),
}

/// A policy as written. Unknown keys are errors.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// The version of the form: 1.
    spear: u32,
    /// What every function may be granted.
    #[serde(default)]
    grants: Allowed,
    /// What one function may be granted on top.
    #[serde(default, rename = "function")]
    functions: BTreeMap<FunctionName, Function>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Function {
    #[serde(default)]
    grants: Allowed,
}

/// As [`Grants`], with patterns for names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Allowed {
    tasks: BTreeSet<Pattern>,
    http: BTreeSet<HostPattern>,
    networks: BTreeSet<IpNet>,
    sockets: BTreeSet<SocketPattern>,
    secrets: BTreeSet<Pattern>,
    objects: BTreeMap<Pattern, Access>,
    kv: BTreeMap<Pattern, Access>,
    files: BTreeMap<Pattern, Access>,
}

/// A name, or its start and `*`: `photos`, `tenant-*`, `*`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Pattern(String);

/// A grant that is asked for and that the policy allows in part or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// What is asked for, as a line of `spear.toml`.
    pub asked: String,
    /// What is left of it, as such lines.
    pub left: Vec<String>,
}

impl GrantPolicy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`Code::InvalidManifest`] shows the line and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let listed: Listed =
            toml::from_str(text).map_err(|error| Refusal::new(Code::InvalidManifest, error.to_string()))?;
        if listed.spear != FORM {
            let message = format!("spear = {} is another form; this SPEAR reads spear = {FORM}", listed.spear);
            return Err(Refusal::new(Code::InvalidManifest, message));
        }
        let functions = listed.functions.values().map(|function| &function.grants);
        if let Some(folder) = functions.chain([&listed.grants]).find_map(Allowed::unreadable_folder) {
            let message = format!("[grants.files] {folder} = \"write\": in WASI, what may be written may be read");
            return Err(Refusal::new(Code::InvalidManifest, message).help(format!("write {folder} = \"read-write\"")));
        }
        Ok(Self::Listed(Box::new(listed)))
    }

    /// What `function` has of what it asks for.
    #[must_use]
    pub fn limit(&self, function: &FunctionName, grants: &Grants) -> Grants {
        let Self::Listed(listed) = self else { return grants.clone() };
        let Listed { grants: all, functions, .. } = &**listed;
        let allowed: Vec<&Allowed> =
            std::iter::once(all).chain(functions.get(function).map(|function| &function.grants)).collect();
        Allowed::limit(&allowed, grants)
    }
}

impl Granted {
    /// What `function` has of these grants under one more policy.
    #[must_use]
    pub fn limited(self, policy: &GrantPolicy, function: &FunctionName) -> Self {
        match policy {
            // Each call comes by here twice: what is not limited is not made again.
            GrantPolicy::Everything => self,
            GrantPolicy::Listed(_) => Self { effective: policy.limit(function, &self.effective), asked: self.asked },
        }
    }

    /// What the policies took away.
    #[must_use]
    pub fn cuts(&self) -> Vec<Cut> {
        let left = self.effective.lines();
        let key = |line: &str| line.split(" = ").next().unwrap_or_default().to_owned();
        let gone = self.asked.lines().into_iter().filter(|line| !left.contains(line));
        gone.map(|asked| {
            let fresh = |line: &&String| key(line) == key(&asked) && !self.asked.lines().contains(line);
            Cut { left: left.iter().filter(fresh).cloned().collect(), asked }
        })
        .collect()
    }
}

impl Allowed {
    fn unreadable_folder(&self) -> Option<&Pattern> {
        self.files.iter().find_map(|(folder, access)| (*access == Access::Write).then_some(folder))
    }

    fn limit(allowed: &[&Self], grants: &Grants) -> Grants {
        let Grants { tasks, http, networks, sockets, secrets, objects, kv, files } = grants;
        Grants {
            tasks: names(tasks, &allowed.iter().flat_map(|allowed| &allowed.tasks)),
            secrets: names(secrets, &allowed.iter().flat_map(|allowed| &allowed.secrets)),
            http: common(http, &allowed.iter().flat_map(|allowed| &allowed.http), HostPattern::common),
            networks: common(networks, &allowed.iter().flat_map(|allowed| &allowed.networks), common_network),
            sockets: common(sockets, &allowed.iter().flat_map(|allowed| &allowed.sockets), SocketPattern::common),
            objects: accesses(objects, &allowed.iter().flat_map(|allowed| &allowed.objects)),
            kv: accesses(kv, &allowed.iter().flat_map(|allowed| &allowed.kv)),
            files: accesses(files, &allowed.iter().flat_map(|allowed| &allowed.files)),
        }
    }
}

fn names<'a, N: Ord + Clone + AsRef<str>>(
    asked: &BTreeSet<N>,
    allowed: &(impl Iterator<Item = &'a Pattern> + Clone),
) -> BTreeSet<N> {
    asked.iter().filter(|name| allowed.clone().any(|pattern| pattern.matches(name.as_ref()))).cloned().collect()
}

fn common<'a, P: Ord + 'a>(
    asked: &'a BTreeSet<P>,
    allowed: &(impl Iterator<Item = &'a P> + Clone),
    both: impl Fn(&P, &P) -> Option<P>,
) -> BTreeSet<P> {
    asked
        .iter()
        .flat_map(|asked| allowed.clone().filter_map(|allowed| both(asked, allowed)).collect::<Vec<_>>())
        .collect()
}

fn accesses<'a, N: Ord + Clone + AsRef<str>>(
    asked: &BTreeMap<N, Access>,
    allowed: &(impl Iterator<Item = (&'a Pattern, &'a Access)> + Clone),
) -> BTreeMap<N, Access> {
    let access = |name: &N, asked: Access| {
        let allowed = allowed.clone().filter(|(pattern, _)| pattern.matches(name.as_ref()));
        allowed.map(|(_, access)| *access).reduce(Access::and).and_then(|allowed| asked.common(allowed))
    };
    asked.iter().filter_map(|(name, asked)| Some((name.clone(), access(name, *asked)?))).collect()
}

fn common_network(one: &IpNet, other: &IpNet) -> Option<IpNet> {
    if one.contains(other) { Some(*other) } else { other.contains(one).then_some(*one) }
}

impl Pattern {
    fn matches(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => self.0 == name,
        }
    }
}

impl FromStr for Pattern {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let name = text.strip_suffix('*').unwrap_or(text);
        if text.is_empty() || text.len() > 64 || !name.bytes().all(plain) {
            let shown: String = text.chars().take(64).collect();
            return Err(Refusal::new(Code::InvalidName, format!("{shown:?} is neither a name nor its start and *")));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0
    }
}

impl TryFrom<String> for Pattern {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
spear = 1
[grants]
http = ["https://*.example.com"]
networks = ["10.0.0.0/8"]
[grants.objects]
"tenant-*" = "read-write"
photos = "read"
[function.thumbnail.grants]
tasks = ["*"]
[function.thumbnail.grants.objects]
photos = "write"
"#;

    fn asked() -> Grants {
        toml::from_str(
            r#"
http = ["https://*", "http://a.example.com"]
networks = ["10.1.0.0/16", "127.0.0.0/8"]
tasks = ["other"]
[objects]
photos = "read-write"
tenant-7 = "read"
attic = "read"
"#,
        )
        .unwrap()
    }

    fn limited(function: &str) -> Granted {
        let policy = GrantPolicy::parse(POLICY).unwrap();
        Granted::all(asked()).limited(&policy, &function.parse().unwrap())
    }

    #[test]
    fn a_function_has_what_it_asks_for_as_far_as_the_policy_allows_it() {
        assert_eq!(
            limited("hello").effective.lines(),
            [
                "grants.objects.photos = \"read\"",
                "grants.objects.tenant-7 = \"read\"",
                "grants.http = [\"https://*.example.com\"]",
                "grants.networks = [\"10.1.0.0/16\"]",
            ]
        );
    }

    #[test]
    fn what_one_function_is_allowed_comes_on_top() {
        let lines = limited("thumbnail").effective.lines();
        assert!(lines.contains(&"grants.objects.photos = \"read-write\"".to_owned()), "{lines:?}");
        assert!(lines.contains(&"grants.tasks = [\"other\"]".to_owned()), "{lines:?}");
    }

    #[test]
    fn what_was_taken_away_is_told_with_what_is_left() {
        let cuts = limited("hello").cuts();
        let cut = |asked: &str| cuts.iter().find(|cut| cut.asked == asked).map(|cut| cut.left.clone());
        assert_eq!(cut("grants.objects.attic = \"read\""), Some(vec![]));
        assert_eq!(
            cut("grants.objects.photos = \"read-write\""),
            Some(vec!["grants.objects.photos = \"read\"".to_owned()])
        );
        assert_eq!(cut("grants.objects.tenant-7 = \"read\""), None);
    }

    #[test]
    fn without_a_policy_everything_is_allowed_and_an_empty_one_allows_nothing() {
        let name = "f".parse().unwrap();
        assert_eq!(GrantPolicy::default().limit(&name, &asked()), asked());
        assert!(GrantPolicy::parse("spear = 1").unwrap().limit(&name, &asked()).is_empty());
    }

    #[test]
    fn a_policy_with_an_unknown_key_or_another_form_is_refused() {
        for text in [
            "spear = 2",
            "spear = 1\n[grant]",
            "spear = 1\n[grants]\nhttp = [\"a\"]",
            "spear = 1\n[grants.kv]\n\"A\" = \"read\"",
            "spear = 1\n[grants.files]\nassets = \"write\"",
        ] {
            assert_eq!(GrantPolicy::parse(text).unwrap_err().code, Code::InvalidManifest, "{text}");
        }
    }
}
