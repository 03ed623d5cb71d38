//! Addresses that sockets may be opened to.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{Code, Refusal};

/// `tcp://192.0.2.7:5432`, `tcp://10.0.0.0/8:*`, `udp://[fd00::/8]:53`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SocketPattern {
    transport: Transport,
    network: IpNet,
    /// None: every port.
    port: Option<u16>,
}

/// What a socket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Streams.
    Tcp,
    /// Datagrams.
    Udp,
}

impl SocketPattern {
    /// The pattern of one address and port and nothing else.
    #[must_use]
    pub fn exact(transport: Transport, address: IpAddr, port: u16) -> Self {
        Self { transport, network: address.into(), port: Some(port) }
    }

    /// Whether it is this address.
    #[must_use]
    pub fn matches(&self, transport: Transport, address: IpAddr, port: u16) -> bool {
        self.covers(&Self::exact(transport, address, port))
    }

    /// Whether all that `other` matches is matched by this.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let port = self.port.is_none() || self.port == other.port;
        self.transport == other.transport && port && self.network.contains(&other.network)
    }

    /// What both match.
    #[must_use]
    pub fn common(&self, other: &Self) -> Option<Self> {
        let network = if self.network.contains(&other.network) { other.network } else { self.network };
        let common = Self { transport: self.transport, network, port: self.port.or(other.port) };
        (self.covers(&common) && other.covers(&common)).then_some(common)
    }
}

impl FromStr for SocketPattern {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        parse(text).ok_or_else(|| {
            let shown: String = text.chars().take(64).collect();
            Refusal::new(Code::InvalidName, format!("{shown:?} is not an address to grant sockets to"))
                .help("write tcp:// or udp://, an address or network, and a port: tcp://192.0.2.0/24:5432")
        })
    }
}

fn parse(text: &str) -> Option<SocketPattern> {
    let (transport, rest) = text.split_once("://")?;
    let transport = match transport {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        _ => return None,
    };
    let (network, port) = rest.rsplit_once(':')?;
    let bare = network.strip_prefix('[').and_then(|network| network.strip_suffix(']')).unwrap_or(network);
    let network = bare.parse().ok().or_else(|| bare.parse::<IpAddr>().ok().map(IpNet::from))?;
    let port = if port == "*" { None } else { Some(port.parse().ok()?) };
    Some(SocketPattern { transport, network, port })
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

impl fmt::Display for SocketPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transport, network, port } = self;
        let single = network.prefix_len() == network.max_prefix_len();
        let network = if single { network.addr().to_string() } else { network.to_string() };
        let brackets = if network.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{transport}://{}{network}{}:", brackets.0, brackets.1)?;
        match port {
            Some(port) => write!(f, "{port}"),
            None => f.write_str("*"),
        }
    }
}

impl From<SocketPattern> for String {
    fn from(pattern: SocketPattern) -> Self {
        pattern.to_string()
    }
}

impl TryFrom<String> for SocketPattern {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_matches_its_network() {
        for text in ["tcp://192.0.2.7:5432", "tcp://10.0.0.0/8:*", "udp://[fd00::/8]:53", "udp://[::1]:53"] {
            assert_eq!(text.parse::<SocketPattern>().unwrap().to_string(), text);
        }
        let pattern: SocketPattern = "tcp://10.0.0.0/8:5432".parse().unwrap();
        assert!(pattern.matches(Transport::Tcp, "10.1.2.3".parse().unwrap(), 5432));
        assert!(!pattern.matches(Transport::Tcp, "10.1.2.3".parse().unwrap(), 80));
        assert!(!pattern.matches(Transport::Udp, "10.1.2.3".parse().unwrap(), 5432));
        assert!(!pattern.matches(Transport::Tcp, "11.1.2.3".parse().unwrap(), 5432));
    }

    #[test]
    fn names_and_halves_are_refused() {
        for text in ["", "tcp://", "tcp://host:1", "tcp://10.0.0.1", "ip://10.0.0.1:1", "tcp://10.0.0.1:99999"] {
            assert!(text.parse::<SocketPattern>().is_err(), "{text}");
        }
    }
}
