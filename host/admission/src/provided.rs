//! What SPEAR provides to components, and what each part of it needs.

use spear_types::Access;

use crate::component::{Item, Kind};

/// What a manifest must grant before a component may import an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: there is nothing in it that belongs to anybody else.
    Nothing,
    /// At least one bucket in `[grants.objects]`.
    Bucket,
}

/// What every function exports.
pub(crate) const HANDLER: &str = "spear:hostcalls/handler@0.1.0";

/// Interfaces of one package that need the same.
struct Provided {
    package: &'static str,
    /// Major and minor: to the linker, every patch is the same.
    version: &'static str,
    interfaces: &'static [&'static str],
    need: Need,
}

/// The list: what the hostcall controller puts into its linker. A new capability there is a new line here.
///
/// WASI is in it because every guest's runtime imports it. It is empty: no arguments, environment or directories.
const PROVIDED: [Provided; 9] = [
    provided("spear:hostcalls", "0.1", &["logs", "resources"], Need::Nothing),
    provided("spear:hostcalls", "0.1", &["objects"], Need::Bucket),
    provided("wasi:io", "0.2", &["error", "poll", "streams"], Need::Nothing),
    provided("wasi:clocks", "0.2", &["monotonic-clock", "wall-clock"], Need::Nothing),
    provided("wasi:random", "0.2", &["insecure", "insecure-seed", "random"], Need::Nothing),
    provided("wasi:cli", "0.2", CLI, Need::Nothing),
    provided("wasi:filesystem", "0.2", &["preopens", "types"], Need::Nothing),
    provided("wasi:http", "0.2", &["outgoing-handler", "types"], Need::Nothing),
    provided("wasi:sockets", "0.2", SOCKETS, Need::Nothing),
];

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

const SOCKETS: &[&str] =
    &["instance-network", "ip-name-lookup", "network", "tcp", "tcp-create-socket", "udp", "udp-create-socket"];

/// What `import` needs; else why it cannot be had.
pub(crate) fn need(import: &Item) -> Result<Need, String> {
    match import.kind {
        Kind::Types => Ok(Need::Nothing),
        Kind::Interface(_) => interface(&import.name),
        Kind::Other(what) => Err(format!("it is a {what} by itself, SPEAR provides interfaces")),
    }
}

/// Whether `export` is what takes a call. Its types are for the engine to check, against the ones it calls with.
pub(crate) fn is_handler(export: &Item) -> bool {
    let Kind::Interface(functions) = &export.kind else { return false };
    split(&export.name) == split(HANDLER) && functions.iter().any(|function| function == "handle")
}

/// The access to a bucket that would let `import` do all that it asks for.
pub(crate) fn access(import: &Item) -> Access {
    let Kind::Interface(functions) = &import.kind else { return Access::Read };
    let access = |function: &String| match function.rsplit_once('.')?.1 {
        "put" | "delete" => Some(Access::Write),
        "open" => None,
        _ => Some(Access::Read),
    };
    functions.iter().filter_map(access).reduce(Access::and).unwrap_or(Access::Read)
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

/// Package, interface and version as the linker compares them: `0.2` of `0.2.6`; a pre-release fits nothing but itself.
fn split(name: &str) -> Option<(&str, &str, Option<&str>)> {
    let (path, version) = name.split_once('@').unwrap_or((name, ""));
    let (package, interface) = path.split_once('/')?;
    let release = version.split_once('+').map_or(version, |(release, _build)| release);
    let track = release.rsplit_once('.').map(|(track, _patch)| track);
    Some((package, interface, track.filter(|_| !release.contains('-'))))
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
        assert_eq!(interface("spear:hostcalls/objects@0.1.0"), Ok(Need::Bucket));
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
    fn what_no_line_names_is_not_provided() {
        for name in ["wasi:cli/run@0.2.6", "wasi:clocks/timezone@0.2.6", "wasi:io", "", "@", "/@."] {
            assert_eq!(interface(name), Err("SPEAR has nothing to grant for it".to_owned()), "{name}");
        }
    }

    #[test]
    fn the_access_asked_for_follows_from_the_functions() {
        let access = |functions: &[&str]| {
            let functions = functions.iter().map(|&function| function.to_owned()).collect();
            access(&Item { name: String::new(), kind: Kind::Interface(functions) })
        };
        assert_eq!(access(&["[static]bucket.open"]), Access::Read);
        assert_eq!(access(&["[static]bucket.open", "[method]bucket.put"]), Access::Write);
        assert_eq!(access(&["[method]bucket.get-range", "[method]bucket.delete"]), Access::ReadWrite);
    }
}
