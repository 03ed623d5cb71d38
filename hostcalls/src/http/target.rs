//! Where a request goes, in the one way that grants are written.

use std::net::{IpAddr, Ipv6Addr};

use http::Uri;
use spear_types::Scheme;
use tokio_rustls::rustls::pki_types::ServerName;
use wasmtime_wasi_http::Error;

/// The longest host in bytes, as DNS has it.
const MAX_HOST: usize = 253;

/// A scheme, a host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) scheme: Scheme,
    /// In lower case, without a dot at its end, an IPv6 address in brackets and as short as it can be.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Target {
    /// What `uri` says.
    ///
    /// # Errors
    /// [`Error::HttpRequestUriInvalid`]: the authority has a user in it, or is not a host and a port.
    pub(super) fn of(uri: &Uri) -> Result<Self, Error> {
        read(uri).ok_or(Error::HttpRequestUriInvalid)
    }

    /// The address, where the host is one. Other ways to write one (`2130706433`, `127.1`) are names like any other:
    /// what they are resolved to is what is checked.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.bare().parse().ok()
    }

    /// The host without brackets.
    pub(super) fn bare(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }

    /// Who the server has to prove to be.
    pub(super) fn server_name(&self) -> Result<ServerName<'static>, Error> {
        ServerName::try_from(self.bare().to_owned()).map_err(|_| Error::HttpRequestUriInvalid)
    }
}

fn read(uri: &Uri) -> Option<Target> {
    let scheme = match uri.scheme_str()? {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    let authority = uri.authority()?.as_str();
    // A user before an `@` ends up here too: it is no host.
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at_checked(end)?;
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => scheme.default_port(),
        None => return None,
        Some(port) => number(port)?,
    };
    Some(Target { scheme, host: normal(host)?, port })
}

fn number(port: &str) -> Option<u16> {
    port.parse().ok().filter(|number| *number != 0 && port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn normal(host: &str) -> Option<String> {
    if let Some(inner) = host.strip_prefix('[') {
        let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_name = host.len() <= MAX_HOST && host.split('.').all(|label| !label.is_empty() && label.bytes().all(plain));
    is_name.then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target(text: &str) -> Option<(String, u16)> {
        let uri = text.parse().ok()?;
        Target::of(&uri).ok().map(|target| (target.host, target.port))
    }

    #[test]
    fn one_host_is_written_in_one_way() {
        for (text, host, port) in [
            ("http://Example.COM/", "example.com", 80),
            ("https://example.com./", "example.com", 443),
            ("https://example.com:8443/", "example.com", 8443),
            ("http://[0:0:0:0:0:0:0:1]:80/", "[::1]", 80),
            ("http://[::FFFF:7f00:1]/", "[::ffff:127.0.0.1]", 80),
            ("http://2130706433/", "2130706433", 80),
        ] {
            assert_eq!(target(text), Some((host.to_owned(), port)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_host_and_a_port_is_refused() {
        for text in [
            "http://user@example.com/",
            "http://user:password@example.com/",
            "http://good.test:80@evil.test/",
            "http://example.com:0/",
            "http://example.com:99999/",
            "http://example.com:/",
            "http://a..b/",
            "http://.../",
            "http://a%2eb/",
            "http://[::1%25eth0]/",
            "http://[::1]x/",
            "http://[::1",
            "ftp://example.com/",
            "/path",
        ] {
            assert_eq!(target(text), None, "{text}");
        }
    }

    #[test]
    fn only_an_address_in_its_usual_form_is_taken_for_one() {
        for (text, is_address) in
            [("127.0.0.1", true), ("[::1]", true), ("127.1", false), ("2130706433", false), ("0x7f.1", false)]
        {
            let uri = format!("http://{text}/").parse().unwrap();
            assert_eq!(Target::of(&uri).unwrap().address().is_some(), is_address, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_authority_makes_the_reader_panic(authority in "[\\[\\]@:.%a-z0-9-]{0,30}") {
            let _ = target(&format!("http://{authority}/"));
        }
    }
}
