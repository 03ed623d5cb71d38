use serde::de::DeserializeOwned;

use super::Error;

/// What a host answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status: 200, 404…
    pub status: u16,
    /// Name and value pairs, the names in lower case. A name may repeat; a value need not be text.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, at most what the request [allows](super::Request::max_body).
    pub body: Vec<u8>,
}

impl Response {
    /// A response without headers.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// The same with one header more.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The same response, if its status is 200 to 299.
    ///
    /// # Errors
    ///
    /// [`Error::BadResponse`] with the status and the start of the body.
    pub fn success(self) -> Result<Self, Error> {
        if self.is_success() {
            return Ok(self);
        }
        let body: String = String::from_utf8_lossy(&self.body).chars().take(200).collect();
        Err(Error::BadResponse(format!("the host answered with the status {}: {body}", self.status)))
    }

    /// The first header of this name whose value is text; the case of the name does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |(own, _): &&(String, Vec<u8>)| own.eq_ignore_ascii_case(name);
        self.headers.iter().filter(named).find_map(|(_, value)| str::from_utf8(value).ok())
    }

    /// Where the host sends the request on to: the header `location` of a status 301, 302, 303, 307 or 308, as it was given;
    /// it may be relative to the request's URL. It is not followed by itself: the next request has to be granted too.
    pub fn redirect(&self) -> Option<&str> {
        matches!(self.status, 301 | 302 | 303 | 307 | 308).then(|| self.header("location"))?
    }

    /// The body as text.
    ///
    /// # Errors
    ///
    /// [`Error::BadResponse`] where it is not UTF-8.
    pub fn text(&self) -> Result<&str, Error> {
        str::from_utf8(&self.body)
            .map_err(|error| Error::BadResponse(format!("the response is not UTF-8 text: {error}")))
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::BadResponse`] where it is not JSON that fits `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Error::BadResponse(format!("the response is not the JSON expected: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_found_by_its_name_in_any_case() {
        let response = Response::new(200, "").with_header("X-A", [0xff]).with_header("x-a", "2");
        assert_eq!((response.header("X-a"), response.header("b")), (Some("2"), None));
    }

    #[test]
    fn only_a_redirect_has_somewhere_to_go() {
        let to = |status| Response::new(status, "").with_header("Location", "/b").redirect().map(str::to_owned);
        assert_eq!((to(302).as_deref(), to(200), Response::new(302, "").redirect()), (Some("/b"), None, None));
    }

    #[test]
    fn another_status_than_success_is_an_error_that_shows_it() {
        assert_eq!(Response::new(204, "").success().unwrap().status, 204);
        let error = Response::new(503, "busy").success().unwrap_err();
        assert_eq!(error, Error::BadResponse("the host answered with the status 503: busy".to_owned()));
    }
}
