use std::net::Ipv6Addr;

use http::{Uri, uri};

use super::Error;

/// Where a request goes: a URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) https: bool,
    /// In lower case, without a dot at its end, an IPv6 address in brackets and as short as it can be.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Host and port, as in the URL.
    pub(crate) authority: String,
    pub(crate) path_and_query: String,
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let invalid = |why: String| {
            let shown: String = url.chars().take(200).collect();
            Error::InvalidUrl(format!("{shown:?} is no URL to send a request to: {why}"))
        };
        let uri: Uri = url.parse().map_err(|error: uri::InvalidUri| invalid(error.to_string()))?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(invalid("it has to start with https:// or http://".to_owned())),
        };
        let authority = uri.authority().ok_or_else(|| invalid("it has no host".to_owned()))?;
        // What stands before the `@` would be shown in logs and is not sent: a header says who asks.
        if authority.as_str().contains('@') {
            return Err(invalid("it has a user name in it; set the header `authorization`".to_owned()));
        }
        let host = authority.host();
        let port = match authority.as_str().strip_prefix(host) {
            Some("") => default_port(https),
            // `authority.port()` has none where it is over 65535.
            rest => rest
                .and_then(|rest| rest.strip_prefix(':')?.parse().ok())
                .ok_or_else(|| invalid("its port is no number up to 65535".to_owned()))?,
        };
        Ok(Self {
            https,
            host: normal(host),
            port,
            authority: authority.as_str().to_owned(),
            path_and_query: uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        })
    }

    /// `https://api.example.com`: how a manifest grants it.
    pub(crate) fn origin(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        let port = if self.port == default_port(self.https) { String::new() } else { format!(":{}", self.port) };
        format!("{scheme}://{}{port}", self.host)
    }
}

fn normal(host: &str) -> String {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match inner.and_then(|inner| inner.parse::<Ipv6Addr>().ok()) {
        Some(address) => format!("[{address}]"),
        None => host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase(),
    }
}

fn default_port(https: bool) -> u16 {
    if https { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (url, origin, path) in [
            ("https://api.example.com", "https://api.example.com", "/"),
            ("https://API.example.com:443/a/b?c=d#e", "https://api.example.com", "/a/b?c=d"),
            ("http://10.0.0.1:8080?q", "http://10.0.0.1:8080", "/?q"),
            ("http://[0:0::1]:80/", "http://[::1]", "/"),
            ("https://a.test./", "https://a.test", "/"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.origin().as_str(), target.path_and_query.as_str()), (origin, path), "{url}");
        }
    }

    #[test]
    fn what_no_request_can_be_sent_to_is_refused_and_says_why() {
        for (url, why) in [
            ("", "no URL"),
            ("api.example.com/x", "no URL"),
            ("/x", "https://"),
            ("ftp://a.test/", "https://"),
            ("https:///x", "no URL"),
            ("https://me:word@a.test/", "user name"),
            ("https://a.test:99999/", "port"),
            ("https://a.test:/", "port"),
            ("https://a.test/a b", "no URL"),
            ("https://a.test/\r\nx: y", "no URL"),
        ] {
            match Target::parse(url) {
                Err(Error::InvalidUrl(text)) => assert!(text.contains(why), "{url}: {text}"),
                other => panic!("{url}: {other:?}"),
            }
        }
    }
}
