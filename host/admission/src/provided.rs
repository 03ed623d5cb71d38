//! What SPEAR provides to components, and what each part of it needs.

use spear_types::Access;

use crate::component::{Item, Kind as ItemKind};

/// What an import needs of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: there is nothing in it that belongs to anybody else.
    Nothing,
    /// A grant of this kind, or the component does not run.
    Grant(Kind),
    /// A grant of this kind to be of any use. Languages' runtimes import it whether their guests use it or not, so
    /// without one it is there and refuses everything.
    Use(Kind),
}

/// A kind of grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Objects,
    Kv,
    Tasks,
    Secrets,
    Http,
    Files,
    Sockets,
}

impl Kind {
    /// What the lines of these grants begin with; what follows the first is of no use without one of the first.
    pub(crate) fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Objects => &["grants.objects."],
            Self::Kv => &["grants.kv."],
            Self::Tasks => &["grants.tasks "],
            Self::Secrets => &["grants.secrets "],
            Self::Http => &["grants.http ", "grants.networks "],
            Self::Files => &["grants.files."],
            Self::Sockets => &["grants.sockets "],
        }
    }

    /// What has to be granted, in words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Objects => "a bucket in [grants.objects]",
            Self::Kv => "a store in [grants.kv]",
            Self::Tasks => "a function in [grants] tasks",
            Self::Secrets => "a secret in [grants] secrets",
            Self::Http => "a host in [grants] http",
            Self::Files => "a folder in [grants.files]",
            Self::Sockets => "an address in [grants] sockets",
        }
    }

    /// The lines to add to `spear.toml`, for the access that `import` asks for.
    pub(crate) fn lines(self, import: &Item) -> String {
        match self {
            Self::Objects => format!("[grants.objects]\n<bucket> = \"{}\"", access(import)),
            Self::Kv => format!("[grants.kv]\n<store> = \"{}\"", access(import)),
            Self::Files => "[grants.files]\n<folder> = \"read\"".to_owned(),
            Self::Tasks => "[grants]\ntasks = [\"<function>\"]".to_owned(),
            Self::Secrets => "[grants]\nsecrets = [\"<secret>\"]".to_owned(),
            Self::Http => "[grants]\nhttp = [\"https://<host>\"]".to_owned(),
            Self::Sockets => "[grants]\nsockets = [\"tcp://<address>:<port>\"]".to_owned(),
        }
    }
}

/// What a function of the SDK exports.
pub(crate) const HANDLER: &str = "spear:hostcalls/handler@0.1.0";

/// Interfaces of one package that need the same.
struct Provided {
    package: &'static str,
    /// Major and minor: to the linker, every patch is the same. Or a pre-release, which fits nothing but itself.
    version: &'static str,
    interfaces: &'static [&'static str],
    need: Need,
}

/// The list: what the hostcall controller puts into its linker. A new capability there is a new line here.
const PROVIDED: [Provided; 16] = [
    provided("spear:hostcalls", "0.1", &["logs", "resources"], Need::Nothing),
    provided("spear:hostcalls", "0.1", &["objects"], Need::Grant(Kind::Objects)),
    provided("spear:hostcalls", "0.1", &["kv"], Need::Grant(Kind::Kv)),
    provided("spear:hostcalls", "0.1", &["tasks"], Need::Grant(Kind::Tasks)),
    provided("spear:hostcalls", "0.1", &["secrets"], Need::Grant(Kind::Secrets)),
    provided("wasi:keyvalue", "0.2.0-draft", &["atomics", "batch", "store"], Need::Grant(Kind::Kv)),
    provided("wasi:config", "0.2.0-rc.1", &["store"], Need::Nothing),
    provided("wasi:http", "0.2", &["types"], Need::Nothing),
    provided("wasi:http", "0.2", &["outgoing-handler"], Need::Grant(Kind::Http)),
    provided("wasi:io", "0.2", &["error", "poll", "streams"], Need::Nothing),
    provided("wasi:clocks", "0.2", &["monotonic-clock", "wall-clock"], Need::Nothing),
    provided("wasi:random", "0.2", &["insecure", "insecure-seed", "random"], Need::Nothing),
    provided("wasi:cli", "0.2", CLI, Need::Nothing),
    provided("wasi:filesystem", "0.2", &["preopens", "types"], Need::Use(Kind::Files)),
    provided("wasi:sockets", "0.2", &["instance-network", "network"], Need::Nothing),
    provided("wasi:sockets", "0.2", SOCKETS, Need::Use(Kind::Sockets)),
];

const SOCKETS: &[&str] = &["ip-name-lookup", "tcp", "tcp-create-socket", "udp", "udp-create-socket"];

const CLI: &[&str] = &[
    "environment",
    "exit",
    "stderr",
    "stdin",
    "stdout",
    "terminal-input",
    "terminal-output",
    "terminal-stderr",
    "terminal-stdin",
    "terminal-stdout",
];

/// What `import` needs; else why it cannot be had.
pub(crate) fn need(import: &Item) -> Result<Need, String> {
    match import.kind {
        ItemKind::Types => Ok(Need::Nothing),
        ItemKind::Interface(_) => interface(&import.name),
        ItemKind::Other(what) => Err(format!("it is a {what} by itself, SPEAR provides interfaces")),
    }
}

/// The access to a bucket or store that would let `import` do all that it asks for.
fn access(import: &Item) -> Access {
    let ItemKind::Interface(functions) = &import.kind else { return Access::Read };
    functions.iter().filter_map(|function| access_of(function)).reduce(Access::and).unwrap_or(Access::Read)
}

fn access_of(function: &str) -> Option<Access> {
    match function.rsplit_once('.').map_or(function, |(_, method)| method) {
        "open" => None,
        "put" | "delete" | "set" | "set-many" | "delete-many" | "batch" | "apply" => Some(Access::Write),
        "add-ref" | "remove-ref" | "pin" | "unpin" => Some(Access::Write),
        "increment" => Some(Access::ReadWrite),
        _ => Some(Access::Read),
    }
}

const fn provided(
    package: &'static str,
    version: &'static str,
    interfaces: &'static [&'static str],
    need: Need,
) -> Provided {
    Provided { package, version, interfaces, need }
}

fn interface(name: &str) -> Result<Need, String> {
    let unknown = || "SPEAR has nothing to grant for it".to_owned();
    let (package, interface, version) = split(name).ok_or_else(unknown)?;
    let lines = || PROVIDED.iter().filter(|line| line.package == package && line.interfaces.contains(&interface));
    match lines().find(|line| Some(line.version) == version) {
        Some(line) => Ok(line.need),
        None => {
            Err(lines().next().map_or_else(unknown, |line| format!("SPEAR provides version {} of it", line.version)))
        }
    }
}

/// Package, interface and version as the linker compares them: `0.2` of `0.2.6`; all of a pre-release.
pub(crate) fn split(name: &str) -> Option<(&str, &str, Option<&str>)> {
    let (path, version) = name.split_once('@').unwrap_or((name, ""));
    let (package, interface) = path.split_once('/')?;
    let release = version.split_once('+').map_or(version, |(release, _build)| release);
    if release.contains('-') {
        return Some((package, interface, Some(release)));
    }
    Some((package, interface, release.rsplit_once('.').map(|(track, _patch)| track)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_patch_of_a_version_that_is_provided_is_provided() {
        for name in
            ["wasi:io/poll@0.2.0", "wasi:io/poll@0.2.99", "wasi:io/poll@0.2.6+build-1", "spear:hostcalls/logs@0.1.7"]
        {
            assert_eq!(interface(name), Ok(Need::Nothing), "{name}");
        }
        assert_eq!(interface("spear:hostcalls/objects@0.1.0"), Ok(Need::Grant(Kind::Objects)));
    }

    #[test]
    fn another_version_is_told_which_one_there_is() {
        for name in
            ["wasi:io/poll@0.3.0", "wasi:io/poll@0.2.0-rc.2", "wasi:io/poll", "wasi:io/poll@2.0.0", "wasi:io/poll@0.2"]
        {
            assert_eq!(interface(name), Err("SPEAR provides version 0.2 of it".to_owned()), "{name}");
        }
    }

    #[test]
    fn a_pre_release_fits_nothing_but_itself() {
        assert_eq!(interface("wasi:keyvalue/store@0.2.0-draft"), Ok(Need::Grant(Kind::Kv)));
        assert_eq!(interface("wasi:config/store@0.2.0-rc.1"), Ok(Need::Nothing));
        for name in ["wasi:keyvalue/store@0.2.0-draft2", "wasi:keyvalue/store@0.2.0"] {
            assert_eq!(interface(name), Err("SPEAR provides version 0.2.0-draft of it".to_owned()), "{name}");
        }
    }

    #[test]
    fn what_no_line_names_is_not_provided() {
        for name in [
            "wasi:blobstore/types@0.2.6",
            "wasi:cli/run@0.2.6",
            "wasi:clocks/timezone@0.2.6",
            "wasi:io",
            "",
            "@",
            "/@.",
        ] {
            assert_eq!(interface(name), Err("SPEAR has nothing to grant for it".to_owned()), "{name}");
        }
    }

    #[test]
    fn the_access_asked_for_follows_from_the_functions() {
        let access = |functions: &[&str]| {
            let functions = functions.iter().map(|&function| function.to_owned()).collect();
            access(&Item { name: String::new(), kind: ItemKind::Interface(functions) })
        };
        assert_eq!(access(&["[static]bucket.open"]), Access::Read);
        assert_eq!(access(&["[static]bucket.open", "[method]bucket.put"]), Access::Write);
        assert_eq!(access(&["[method]bucket.get-range", "[method]bucket.delete"]), Access::ReadWrite);
        assert_eq!(access(&["[method]bucket.pin"]), Access::Write);
        assert_eq!(access(&["increment"]), Access::ReadWrite);
    }
}
