//! Hosts that HTTP requests may go to.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use crate::{Code, Refusal};

/// The longest host in bytes, as DNS has it.
const MAX_HOST: usize = 253;

/// `https://api.example.com`, `https://*.example.com:8443`, `http://*`, `http://[::1]:*`.
///
/// A host matches whole, `*.suffix` matches what is below the suffix and not the suffix itself. Without a port it is the
/// scheme's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct HostPattern {
    scheme: Scheme,
    host: Host,
    port: Port,
}

/// How a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Host {
    Exact(String),
    Below(String),
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Port {
    Exact(u16),
    Any,
}

impl Scheme {
    /// The port where a URL has none.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl HostPattern {
    /// The pattern of one host and port and nothing else.
    #[must_use]
    pub fn exact(scheme: Scheme, host: &str, port: u16) -> Self {
        Self { scheme, host: Host::Exact(host.to_ascii_lowercase()), port: Port::Exact(port) }
    }

    /// Whether it is this host. `host` is as in a URL: an IPv6 address in brackets.
    #[must_use]
    pub fn matches(&self, scheme: Scheme, host: &str, port: u16) -> bool {
        self.covers(&Self::exact(scheme, host.strip_suffix('.').unwrap_or(host), port))
    }

    /// Whether all that `other` matches is matched by this.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let port = self.port == Port::Any || self.port == other.port;
        self.scheme == other.scheme && port && self.host.covers(&other.host)
    }

    /// What both match.
    #[must_use]
    pub fn common(&self, other: &Self) -> Option<Self> {
        let host = if self.host.covers(&other.host) { &other.host } else { &self.host };
        let port = if self.port == Port::Any { other.port } else { self.port };
        let common = Self { scheme: self.scheme, host: host.clone(), port };
        (self.covers(&common) && other.covers(&common)).then_some(common)
    }
}

impl Host {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Exact(one), Self::Exact(other)) => one == other,
            (Self::Below(suffix), Self::Exact(host)) => is_below(host, suffix),
            (Self::Below(suffix), Self::Below(other)) => other == suffix || is_below(other, suffix),
            (Self::Exact(_) | Self::Below(_), _) => false,
        }
    }
}

/// Whether `host` is a name below `suffix`; an address is below nothing.
fn is_below(host: &str, suffix: &str) -> bool {
    let name = host.strip_suffix(suffix).and_then(|rest| rest.strip_suffix('.'));
    name.is_some_and(|name| !name.is_empty()) && host.parse::<Ipv4Addr>().is_err()
}

impl FromStr for HostPattern {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        parse(text).ok_or_else(|| {
            let shown: String = text.chars().take(64).collect();
            Refusal::new(Code::InvalidName, format!("{shown:?} is not a host to grant HTTP to"))
                .help("write scheme://host[:port], as https://api.example.com or http://*.internal:8080")
        })
    }
}

fn parse(text: &str) -> Option<HostPattern> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    let end = if rest.starts_with('[') { rest.find(']')? + 1 } else { rest.find(':').unwrap_or(rest.len()) };
    let (host, port) = rest.split_at_checked(end)?;
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => Port::Exact(scheme.default_port()),
        None => return None,
        Some("*") => Port::Any,
        Some(port) => Port::Exact(port.parse().ok().filter(|_| port.bytes().all(|byte| byte.is_ascii_digit()))?),
    };
    Some(HostPattern { scheme, host: parse_host(&host.to_ascii_lowercase())?, port })
}

fn parse_host(host: &str) -> Option<Host> {
    match host {
        "*" => Some(Host::Any),
        _ => match host.strip_prefix("*.") {
            Some(suffix) => is_name(suffix).then(|| Host::Below(suffix.to_owned())),
            None => exact(host).map(Host::Exact),
        },
    }
}

/// A name as it is, an IPv6 address as short as it can be: the way that requests are compared in.
fn exact(host: &str) -> Option<String> {
    match host.strip_prefix('[') {
        Some(inner) => Some(format!("[{}]", inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?)),
        None => is_name(host).then(|| host.to_owned()),
    }
}

/// A DNS name or an IPv4 address: labels of letters, digits, `-` and `_`.
fn is_name(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    host.len() <= MAX_HOST && host.split('.').all(|label| !label.is_empty() && label.bytes().all(plain))
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        match &self.host {
            Host::Exact(host) => f.write_str(host)?,
            Host::Below(suffix) => write!(f, "*.{suffix}")?,
            Host::Any => f.write_str("*")?,
        }
        match self.port {
            Port::Exact(port) if port == self.scheme.default_port() => Ok(()),
            Port::Exact(port) => write!(f, ":{port}"),
            Port::Any => f.write_str(":*"),
        }
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

impl TryFrom<String> for HostPattern {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        text.parse()
    }
}

/// Whether an address is in the public Internet, by IANA's registries of special-purpose addresses (RFC 6890 and its
/// updates): what is left out is ours, our neighbours', or nobody's.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocols = (a, b, c) == (192, 0, 0);
    let benchmarking = a == 198 && (18..20).contains(&b);
    let reserved = a >= 240;
    let relay = (a, b, c) == (192, 88, 99);
    !(a == 0
        || shared
        || protocols
        || benchmarking
        || reserved
        || relay
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    match segments {
        // What stands for an IPv4 address is what that address is: NAT64 and 6to4.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(embedded(high, low)),
        [0x2002, high, low, ..] => is_public_v4(embedded(high, low)),
        // Teredo, benchmarking, ORCHID, documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Global unicast is 2000::/3 and nothing else.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> HostPattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_host_matches_whole_and_a_suffix_what_is_below_it() {
        for (text, host, port, matches) in [
            ("https://example.com", "example.com", 443, true),
            ("https://example.com", "EXAMPLE.com.", 443, true),
            ("https://example.com", "a.example.com", 443, false),
            ("https://example.com", "example.com", 8443, false),
            ("https://*.example.com", "a.b.example.com", 443, true),
            ("https://*.example.com", "example.com", 443, false),
            ("https://*.example.com", "evilexample.com", 443, false),
            ("https://*.example.com:*", "a.example.com", 8443, true),
            ("https://*", "anything.test", 443, true),
            ("https://[::1]:8443", "[::1]", 8443, true),
            ("https://[0:0:0:0:0:0:0:1]", "[::1]", 443, true),
            ("https://*.1", "127.0.0.1", 443, false),
        ] {
            assert_eq!(pattern(text).matches(Scheme::Https, host, port), matches, "{text} {host}:{port}");
            assert!(!pattern(text).matches(Scheme::Http, host, port));
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "example.com",
            "ftp://a",
            "https://",
            "https://a/b",
            "https://a:b",
            "https://a:",
            "https://a..b",
            "https://*a.b",
            "https://a.*.b",
            "https://user@host",
            "https://[::1",
            "https://[::g]",
            "https://a:99999",
            "https://a:+1",
            "https://ä.test",
        ] {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_common_part_of_two_patterns_is_the_narrower_one() {
        for (one, other, common) in [
            ("https://*.a.test", "https://b.a.test", Some("https://b.a.test")),
            ("https://*.a.test", "https://*.b.a.test:*", Some("https://*.b.a.test")),
            ("https://*:*", "https://a.test:8443", Some("https://a.test:8443")),
            ("https://a.test", "https://b.test", None),
            ("https://a.test", "http://a.test", None),
            ("https://a.test:1", "https://a.test:2", None),
        ] {
            let common = common.map(pattern);
            assert_eq!(pattern(one).common(&pattern(other)), common, "{one} and {other}");
            assert_eq!(pattern(other).common(&pattern(one)), common, "{other} and {one}");
        }
    }

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        for public in ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for not in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(not.parse().unwrap()), "{not}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic_and_what_is_shown_is_read_again(text in "(https?://)?[\\[*.a-z0-9:\\]]{0,20}") {
            if let Ok(pattern) = text.parse::<HostPattern>() {
                prop_assert_eq!(pattern.to_string().parse::<HostPattern>().unwrap(), pattern);
            }
        }
    }
}
