//! What a function may touch outside of its own memory. Empty means nothing.
//!
//! ```text
//! spear.toml ─▶ Grants (asked) ─┐
//!                               ├─ ∩ ─▶ Granted ─▶ check ─▶ () | Denial
//! policy.toml ─▶ GrantPolicy ───┘
//! ```

mod denial;
mod host;
mod policy;
mod sockets;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use self::{
    denial::{Denial, Lacking},
    host::{HostPattern, Scheme},
    policy::{Cut, GrantPolicy, Pattern},
    sockets::{SocketPattern, Transport},
};
use crate::{BucketName, FolderName, FunctionName, SecretName, StoreName};

/// The grants of a function, as in the manifest's `[grants]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grants {
    /// Other functions that it may invoke.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tasks: BTreeSet<FunctionName>,
    /// Hosts that it may send HTTP requests to.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub http: BTreeSet<HostPattern>,
    /// Networks that are not public and that those hosts may be in: `127.0.0.0/8`, `10.1.0.0/16`, `fd00::/8`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub networks: BTreeSet<IpNet>,
    /// Addresses that it may open sockets to.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub sockets: BTreeSet<SocketPattern>,
    /// Secrets that it may read.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub secrets: BTreeSet<SecretName>,
    /// Buckets, and what may be done with their objects.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub objects: BTreeMap<BucketName, Access>,
    /// Key-value stores, and what may be done with their values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kv: BTreeMap<StoreName, Access>,
    /// Folders of the node, and what may be done with their files. The guest finds each at `/` and its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<FolderName, Access>,
}

/// What a grant allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Get, stat and list.
    Read,
    /// Put and delete.
    Write,
    /// Both.
    ReadWrite,
}

/// What a version asks for, and what it has: what it asks for as far as the operator allows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Granted {
    /// What its manifest asks for.
    pub asked: Grants,
    /// What it has.
    pub effective: Grants,
}

impl Granted {
    /// All that is asked for, by an operator who does not mind.
    #[must_use]
    pub fn all(asked: Grants) -> Self {
        Self { effective: asked.clone(), asked }
    }

    /// The access that opening `bucket` asks for: whatever it has, else what it asks for, else the least there is.
    #[must_use]
    pub fn opening_bucket(&self, bucket: &BucketName) -> Access {
        opening(self.effective.objects.get(bucket), self.asked.objects.get(bucket))
    }

    /// The access that opening `store` asks for, as [`Granted::opening_bucket`].
    #[must_use]
    pub fn opening_store(&self, store: &StoreName) -> Access {
        opening(self.effective.kv.get(store), self.asked.kv.get(store))
    }

    /// Asks for something of what it has.
    ///
    /// # Errors
    /// The [`Denial`] names the line to add, and who would have to add it.
    pub fn check(&self, ask: impl Fn(&Grants) -> Result<(), Denial>) -> Result<(), Denial> {
        ask(&self.effective).map_err(|denial| match ask(&self.asked) {
            Ok(()) => Denial { lacking: Lacking::Policy, ..denial },
            Err(_) => denial,
        })
    }
}

impl Grants {
    /// Whether the objects of `bucket` may be used for `need`.
    ///
    /// # Errors
    /// The [`Denial`] names the access that would cover what is granted already and `need`.
    pub fn objects(&self, bucket: &BucketName, need: Access) -> Result<(), Denial> {
        access(self.objects.get(bucket), need, "objects", "the bucket", bucket)
    }

    /// Whether the values of `store` may be used for `need`.
    ///
    /// # Errors
    /// As [`Grants::objects`].
    pub fn kv(&self, store: &StoreName, need: Access) -> Result<(), Denial> {
        access(self.kv.get(store), need, "kv", "the key-value store", store)
    }

    /// Whether `function` may be invoked.
    ///
    /// # Errors
    /// The [`Denial`] names the line to add.
    pub fn task(&self, function: &FunctionName) -> Result<(), Denial> {
        listed(self.tasks.contains(function), "tasks", &format!("invoking the function \"{function}\""), function)
    }

    /// Whether `secret` may be read.
    ///
    /// # Errors
    /// The [`Denial`] names the line to add.
    pub fn secret(&self, secret: &SecretName) -> Result<(), Denial> {
        listed(self.secrets.contains(secret), "secrets", &format!("the secret \"{secret}\""), secret)
    }

    /// Whether a request may be sent to a host, before its name is resolved.
    ///
    /// # Errors
    /// The [`Denial`] names the line to add.
    pub fn http(&self, scheme: Scheme, host: &str, port: u16) -> Result<(), Denial> {
        let granted = self.http.iter().any(|pattern| pattern.matches(scheme, host, port));
        let exact = HostPattern::exact(scheme, host, port);
        listed(granted, "http", &format!("HTTP to {exact}"), &exact)
    }

    /// Whether the address that a granted host's name was resolved to may be connected to. Public addresses may.
    ///
    /// # Errors
    /// The [`Denial`] names the line to add.
    pub fn network(&self, host: &str, address: IpAddr) -> Result<(), Denial> {
        let address = address.to_canonical();
        let granted = host::is_public(address) || self.networks.iter().any(|network| network.contains(&address));
        let what = format!("HTTP to {address}, which is not a public address and is what {host} stands for,");
        listed(granted, "networks", &what, &IpNet::from(address))
    }

    /// Whether a socket may be opened to an address.
    ///
    /// # Errors
    /// The [`Denial`] names the line to add.
    pub fn socket(&self, transport: Transport, address: IpAddr, port: u16) -> Result<(), Denial> {
        let address = address.to_canonical();
        let granted = self.sockets.iter().any(|pattern| pattern.matches(transport, address, port));
        let exact = SocketPattern::exact(transport, address, port);
        listed(granted, "sockets", &format!("a socket to {exact}"), &exact)
    }

    /// The sockets that are all there are.
    pub const WHOLE_NETWORK: [&str; 4] = ["tcp://0.0.0.0/0:*", "tcp://[::/0]:*", "udp://0.0.0.0/0:*", "udp://[::/0]:*"];

    /// Whether a socket may be opened to every address: who has no one to ask reaches the network then, and else nothing.
    #[must_use]
    pub fn whole_network(&self) -> bool {
        let granted = |address: &SocketPattern| self.sockets.iter().any(|pattern| pattern.covers(address));
        Self::WHOLE_NETWORK.iter().all(|address| address.parse().is_ok_and(|address| granted(&address)))
    }

    /// Every grant as a line of `spear.toml`: `grants.objects.photos = "read"`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let Self { tasks, http, networks, sockets, secrets, objects, kv, files } = self;
        let mut lines = Vec::new();
        lines.extend(objects.iter().map(|(name, access)| format!("grants.objects.{name} = \"{access}\"")));
        lines.extend(kv.iter().map(|(name, access)| format!("grants.kv.{name} = \"{access}\"")));
        lines.extend(files.iter().map(|(name, access)| format!("grants.files.{name} = \"{access}\"")));
        lines.extend(tasks.iter().map(|name| format!("grants.tasks = [\"{name}\"]")));
        lines.extend(http.iter().map(|host| format!("grants.http = [\"{host}\"]")));
        lines.extend(networks.iter().map(|network| format!("grants.networks = [\"{network}\"]")));
        lines.extend(sockets.iter().map(|socket| format!("grants.sockets = [\"{socket}\"]")));
        lines.extend(secrets.iter().map(|name| format!("grants.secrets = [\"{name}\"]")));
        lines
    }

    /// How many grants there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let Self { tasks, http, networks, sockets, secrets, objects, kv, files } = self;
        let lists = tasks.len() + http.len() + networks.len() + sockets.len() + secrets.len();
        lists + objects.len() + kv.len() + files.len()
    }

    /// Whether nothing is granted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn opening(effective: Option<&Access>, asked: Option<&Access>) -> Access {
    effective.or(asked).copied().unwrap_or(Access::Read)
}

/// Checks an entry of a table with accesses.
fn access(
    granted: Option<&Access>,
    need: Access,
    table: &str,
    what: &str,
    name: &impl fmt::Display,
) -> Result<(), Denial> {
    if granted.is_some_and(|access| access.covers(need)) {
        return Ok(());
    }
    let access = granted.map_or(need, |access| access.and(need));
    let grant = format!("[grants.{table}]\n{name} = \"{access}\"");
    Err(Denial::new(format!("{need} access to {what} \"{name}\""), grant))
}

/// Checks an entry of a list.
fn listed(granted: bool, list: &str, what: &str, entry: &impl fmt::Display) -> Result<(), Denial> {
    if granted { Ok(()) } else { Err(Denial::new(what, format!("[grants]\n{list} = [\"{entry}\"]"))) }
}

impl Access {
    /// Whether this allows all that `need` does.
    #[must_use]
    pub fn covers(self, need: Self) -> bool {
        self.and(need) == self
    }

    /// What allows both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if self == other { self } else { Self::ReadWrite }
    }

    /// What both allow.
    #[must_use]
    pub fn common(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::ReadWrite, access) | (access, Self::ReadWrite) => Some(access),
            (one, other) => (one == other).then_some(one),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::ReadWrite => "read-write",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(access: Access) -> Grants {
        Grants { objects: [("photos".parse().unwrap(), access)].into(), ..Grants::default() }
    }

    #[test]
    fn each_access_covers_itself_and_less() {
        use Access::{Read, ReadWrite, Write};
        for (granted, need, covered) in [
            (Read, Read, true),
            (Read, Write, false),
            (Write, Read, false),
            (ReadWrite, Write, true),
            (Write, ReadWrite, false),
        ] {
            assert_eq!(granted.covers(need), covered, "{granted} for {need}");
            assert_eq!(granted.common(need) == Some(need), covered, "{granted} and {need}");
        }
    }

    #[test]
    fn an_empty_grant_denies_and_names_the_line_to_add() {
        let denial = Grants::default().objects(&"photos".parse().unwrap(), Access::Read).unwrap_err();
        assert_eq!(denial.grant, "[grants.objects]\nphotos = \"read\"");
        let denial = Grants::default().http(Scheme::Https, "api.example.com", 443).unwrap_err();
        assert_eq!(denial.grant, "[grants]\nhttp = [\"https://api.example.com\"]");
        let denial = Grants::default().secret(&"key".parse().unwrap()).unwrap_err();
        assert_eq!(denial.grant, "[grants]\nsecrets = [\"key\"]");
    }

    #[test]
    fn the_whole_network_is_every_address_over_either_transport() {
        let sockets = |all: &[&str]| Grants {
            sockets: all.iter().map(|text| text.parse().unwrap()).collect(),
            ..Grants::default()
        };
        assert!(sockets(&Grants::WHOLE_NETWORK).whole_network());
        assert!(!sockets(&Grants::WHOLE_NETWORK[1..]).whole_network());
        assert!(!Grants::default().whole_network());
        assert!(
            !sockets(&["tcp://0.0.0.0/0:443", "tcp://[::/0]:*", "udp://0.0.0.0/0:*", "udp://[::/0]:*"]).whole_network()
        );
    }

    #[test]
    fn a_denied_write_asks_for_what_keeps_the_granted_read() {
        let denial = grants(Access::Read).objects(&"photos".parse().unwrap(), Access::Write).unwrap_err();
        assert!(denial.grant.ends_with("photos = \"read-write\""), "{denial}");
    }

    #[test]
    fn a_denial_says_whether_the_author_or_the_operator_has_to_act() {
        let granted = Granted { asked: grants(Access::Read), effective: Grants::default() };
        let ask = |need| {
            let bucket = "photos".parse().unwrap();
            granted.check(|grants| grants.objects(&bucket, need)).unwrap_err()
        };
        assert_eq!(ask(Access::Read).lacking, Lacking::Policy);
        assert_eq!(ask(Access::Write).lacking, Lacking::Manifest);
    }

    #[test]
    fn what_the_operator_allows_for_another_use_is_not_blamed_for_that_use() {
        let bucket = "photos".parse().unwrap();
        let policy = GrantPolicy::parse("spear = 1\n[grants.objects]\nphotos = \"read\"").unwrap();
        let granted = Granted::all(grants(Access::Write)).limited(&policy, &"f".parse().unwrap());
        let need = granted.opening_bucket(&bucket);
        let denial = granted.check(|grants| grants.objects(&bucket, need)).unwrap_err();
        assert_eq!((denial.lacking, denial.grant.as_str()), (Lacking::Policy, "[grants.objects]\nphotos = \"write\""));
        let read = Granted::all(grants(Access::Read));
        assert_eq!(read.opening_bucket(&bucket), Access::Read);
        assert_eq!(read.opening_bucket(&"other".parse().unwrap()), Access::Read);
    }

    #[test]
    fn an_address_that_is_not_public_needs_a_grant_of_its_own() {
        let mut grants = Grants::default();
        for address in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1", "0.0.0.0"] {
            assert!(grants.network("host", address.parse().unwrap()).is_err(), "{address}");
        }
        grants.network("host", "93.184.215.14".parse().unwrap()).unwrap();
        grants.networks.insert("127.0.0.0/8".parse().unwrap());
        grants.network("host", "::ffff:127.0.0.1".parse().unwrap()).unwrap();
        assert!(grants.network("host", "10.0.0.1".parse().unwrap()).is_err());
    }
}
