use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use serde::Serialize;

use super::{Error, Response, Target, host};
use crate::resources;

/// A request that is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method: `GET`.
    pub method: String,
    /// The URL, with `https://` or `http://`.
    pub url: String,
    /// Name and value pairs. A name may repeat.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// See [`Request::max_body`].
    max_body: Option<u64>,
    /// See [`Request::timeout`].
    pub(crate) timeout: Option<Duration>,
}

impl Request {
    /// A request with any method.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        let (method, url) = (method.into(), url.into());
        Self { method, url, headers: Vec::new(), body: Vec::new(), max_body: None, timeout: None }
    }

    /// `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// `HEAD`.
    pub fn head(url: impl Into<String>) -> Self {
        Self::new("HEAD", url)
    }

    /// `POST`.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// `PUT`.
    pub fn put(url: impl Into<String>) -> Self {
        Self::new("PUT", url)
    }

    /// `PATCH`.
    pub fn patch(url: impl Into<String>) -> Self {
        Self::new("PATCH", url)
    }

    /// `DELETE`.
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new("DELETE", url)
    }

    /// The same with one header more. SPEAR sets `host`, `connection` and what else belongs to a connection itself.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same with this body.
    #[must_use]
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// The same with this value as JSON, and the header `content-type` that says so.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] where the value cannot be written as JSON.
    pub fn json(self, value: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_vec(value)
            .map_err(|error| Error::Invalid(format!("the body cannot be written as JSON: {error}")))?;
        Ok(self.header("content-type", "application/json").body(body))
    }

    /// The same, but taking a response of at most `bytes`; without it, of the function's `payload` limit.
    #[must_use]
    pub fn max_body(self, bytes: u64) -> Self {
        Self { max_body: Some(bytes), ..self }
    }

    /// The same, but waiting at most this long to be connected, for the response to start, and for each next piece of it. The
    /// host has times of its own, and does not wait for longer than they are.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// Sends the request and waits for the whole response, whatever its status.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`] where the manifest does not grant the host, [`Error::TooLarge`] where the response is larger than
    /// [`Request::max_body`], [`Error::OverLimit`] where the run has used up its limit `requests`, and see [`Error`].
    pub fn send(&self) -> Result<Response, Error> {
        let target = Target::parse(&self.url)?;
        self.check()?;
        let max_body = self.max_body.unwrap_or_else(|| resources::limits().payload_bytes);
        host::send(self, &target, max_body)
    }

    /// What is no HTTP never leaves the function: a line break in a header would be another header.
    fn check(&self) -> Result<(), Error> {
        let Ok(_) = Method::from_bytes(self.method.as_bytes()) else {
            return Err(Error::Invalid(format!("{:?} is no method of HTTP", self.method)));
        };
        for (name, value) in &self.headers {
            let Ok(_) = HeaderName::from_bytes(name.as_bytes()) else {
                return Err(Error::Invalid(format!("{name:?} is no name of a header")));
            };
            let Ok(_) = HeaderValue::from_bytes(value) else {
                return Err(Error::Invalid(format!("the value of the header {name:?} has a control character")));
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_http_is_refused_before_it_is_sent() {
        let get = || Request::get("https://a.test/");
        for (request, why) in [
            (Request::new("GE T", "https://a.test/"), "\"GE T\" is no method"),
            (get().header("a b", "c"), "\"a b\" is no name"),
            (get().header("", "c"), "\"\" is no name"),
            (get().header("a", "b\r\nc: d"), "the header \"a\" has a control character"),
        ] {
            match request.send() {
                Err(Error::Invalid(text)) => assert!(text.contains(why), "{text}"),
                other => panic!("{request:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn json_says_what_it_is() {
        let request = Request::post("https://a.test/").json(&[1, 2]).unwrap();
        assert_eq!((request.body.as_slice(), request.headers[0].0.as_str()), (b"[1,2]".as_slice(), "content-type"));
    }
}
