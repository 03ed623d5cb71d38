use crate::Failure;
use crate::bindings::exports::spear::hostcalls::handler as wire;

/// What a client sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The media type of the body, as the client gave it.
    pub content_type: Option<String>,
    /// Name and value pairs, in the client's order. A name may repeat.
    pub headers: Vec<(String, String)>,
    /// The payload; the function's `payload` limit holds for its size.
    pub body: Vec<u8>,
}

impl Call {
    /// A body of the media type `content_type`, without headers.
    pub fn new(content_type: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { content_type: Some(content_type.into()), headers: Vec::new(), body: body.into() }
    }
}

/// What a function can take: made from the call, before the function runs.
#[diagnostic::on_unimplemented(
    message = "a function cannot take `{Self}`",
    label = "not made from a call",
    note = "take nothing, `String`, `Vec<u8>`, `Json<T>` where `T: DeserializeOwned`, or the whole `Call`"
)]
pub trait FromCall: Sized {
    /// Makes the value.
    ///
    /// # Errors
    ///
    /// Where the call is not what the function takes; by convention with the code `bad-input`.
    fn from_call(call: Call) -> Result<Self, Failure>;
}

/// Takes nothing: whatever the client sent is ignored.
impl FromCall for () {
    fn from_call(_: Call) -> Result<Self, Failure> {
        Ok(())
    }
}

impl FromCall for Call {
    fn from_call(call: Call) -> Result<Self, Failure> {
        Ok(call)
    }
}

impl FromCall for Vec<u8> {
    fn from_call(call: Call) -> Result<Self, Failure> {
        Ok(call.body)
    }
}

/// The body, which must be UTF-8.
impl FromCall for String {
    fn from_call(call: Call) -> Result<Self, Failure> {
        Self::from_utf8(call.body).map_err(|error| Failure::bad_input(format!("the body is not UTF-8 text: {error}")))
    }
}

/// What a function can be sent: turned into the call, before the function is invoked.
#[diagnostic::on_unimplemented(
    message = "a function cannot be sent `{Self}`",
    label = "does not become a call",
    note = "send nothing, `&str`, `String`, `Vec<u8>`, `Json<T>` where `T: Serialize`, or a whole `Call`"
)]
pub trait IntoCall {
    /// Makes the call.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    fn into_call(self) -> Result<Call, Failure>;
}

/// An empty body without a media type.
impl IntoCall for () {
    fn into_call(self) -> Result<Call, Failure> {
        Ok(Call::default())
    }
}

impl IntoCall for Call {
    fn into_call(self) -> Result<Call, Failure> {
        Ok(self)
    }
}

/// `text/plain; charset=utf-8`.
impl IntoCall for String {
    fn into_call(self) -> Result<Call, Failure> {
        Ok(Call::new("text/plain; charset=utf-8", self))
    }
}

/// `text/plain; charset=utf-8`.
impl IntoCall for &str {
    fn into_call(self) -> Result<Call, Failure> {
        self.to_owned().into_call()
    }
}

/// `application/octet-stream`.
impl IntoCall for Vec<u8> {
    fn into_call(self) -> Result<Call, Failure> {
        Ok(Call::new("application/octet-stream", self))
    }
}

impl From<wire::Call> for Call {
    fn from(wire::Call { content_type, headers, body }: wire::Call) -> Self {
        Self { content_type, headers, body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(body: &[u8]) -> Call {
        Call { body: body.to_vec(), ..Call::default() }
    }

    #[test]
    fn text_is_the_body() {
        assert_eq!(String::from_call(call("Zoë".as_bytes())).unwrap(), "Zoë");
    }

    #[test]
    fn text_that_is_not_utf8_is_bad_input() {
        let failure = String::from_call(call(b"ok\xff")).unwrap_err();
        assert_eq!(failure.code, "bad-input");
        assert_eq!(failure.message, "the body is not UTF-8 text: invalid utf-8 sequence of 1 bytes from index 2");
        assert!(!failure.retryable);
    }

    #[test]
    fn bytes_need_not_be_text() {
        assert_eq!(Vec::<u8>::from_call(call(b"\xff\x00")).unwrap(), b"\xff\x00");
    }

    #[test]
    fn the_whole_call_keeps_its_headers_in_order() {
        let headers = vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        let whole = Call { content_type: Some("x/y".to_owned()), headers, body: vec![7] };
        assert_eq!(Call::from_call(whole.clone()).unwrap(), whole);
    }
}
