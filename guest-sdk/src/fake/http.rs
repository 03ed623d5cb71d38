//! HTTP: stand-ins for other hosts.

use std::{net::IpAddr, rc::Rc};

use spear_types::{HostPattern, Scheme};

use super::{World, current};
use crate::http::{Error, Request, Response, Target};

/// What stands for a host.
type Host = Rc<dyn Fn(&Request) -> Result<Response, Error>>;

/// Headers that belong to the connection, which is SPEAR's.
const FORBIDDEN: [&str; 9] = [
    "connection",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// The hosts that a test has, and what was sent to them.
#[derive(Default)]
pub(crate) struct Hosts {
    hosts: Vec<(HostPattern, Host)>,
    asked: u32,
    pub(crate) sent: Vec<Request>,
}

impl Hosts {
    pub(crate) fn insert(&mut self, pattern: HostPattern, host: Host) {
        self.hosts.push((pattern, host));
    }
}

pub(crate) fn send(request: &Request, target: &Target, max_body: u64) -> Result<Response, Error> {
    let shared = current();
    let (host, payload) = {
        let mut world = shared.borrow_mut();
        (admit(&mut world, request, target)?, world.limits.payload)
    };
    // The world is free meanwhile: the stand-in may look at it.
    let mut response = host(request)?;
    let (origin, limit) = (target.origin(), max_body.min(payload));
    if response.body.len() as u64 > limit {
        return Err(Error::TooLarge(format!("the response of {origin} is over the limit of {limit} bytes")));
    }
    response.headers.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
    Ok(response)
}

fn admit(world: &mut World, request: &Request, target: &Target) -> Result<Host, Error> {
    let own = |(name, _): &&(String, Vec<u8>)| FORBIDDEN.iter().any(|own| name.eq_ignore_ascii_case(own));
    if let Some((name, _)) = request.headers.iter().find(own) {
        return Err(Error::Invalid(format!("the header {name:?} is SPEAR's own to set")));
    }
    count(world)?;
    if request.method == "CONNECT" {
        return Err(Error::Invalid(format!("HTTP to {}: CONNECT leads past what is checked", target.origin())));
    }
    granted(world, target)?;
    let (size, limit) = (request.body.len() as u64, world.limits.payload);
    if size > limit {
        return Err(Error::TooLarge(format!("the request has {size} bytes, the limit `payload` is {limit}")));
    }
    let scheme = scheme(target);
    let host = world.hosts.hosts.iter().find(|(pattern, _)| pattern.matches(scheme, &target.host, target.port));
    let Some((_, host)) = host else {
        let origin = target.origin();
        return Err(Error::Unavailable(format!(
            "nobody answers at {origin}: the test's `Host::http` has a stand-in do so"
        )));
    };
    let host = Rc::clone(host);
    world.hosts.sent.push(request.clone());
    Ok(host)
}

/// Names stand for public addresses here; an address stands for itself.
fn granted(world: &mut World, target: &Target) -> Result<(), Error> {
    let scheme = scheme(target);
    world.check(|grants| grants.http(scheme, &target.host, target.port)).map_err(Error::Denied)?;
    let bare = target.host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => world.check(|grants| grants.network(&target.host, address)).map_err(Error::Denied),
        Err(_) => Ok(()),
    }
}

fn scheme(target: &Target) -> Scheme {
    if target.https { Scheme::Https } else { Scheme::Http }
}

fn count(world: &mut World) -> Result<(), Error> {
    let limit = world.limits.requests;
    if world.hosts.asked >= limit {
        return Err(Error::OverLimit(format!("{limit} HTTP request(s) were sent, the limit `requests`")));
    }
    world.hosts.asked += 1;
    Ok(())
}
