use crate::Failure;
use crate::bindings::exports::spear::hostcalls::handler as wire;

/// What a function answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The media type of the body.
    pub content_type: Option<String>,
    /// Name and value pairs. A name may repeat.
    pub headers: Vec<(String, String)>,
    /// The payload; the function's `payload` limit holds for its size.
    pub body: Vec<u8>,
}

impl Reply {
    /// A body of the media type `content_type`, without headers.
    pub fn new(content_type: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { content_type: Some(content_type.into()), headers: Vec::new(), body: body.into() }
    }
}

/// What a function can answer: turned into the reply, after the function ran.
#[diagnostic::on_unimplemented(
    message = "a function cannot answer `{Self}`",
    label = "does not become a reply",
    note = "answer nothing, `String`, `&'static str`, `Vec<u8>`, `Json<T>` where `T: Serialize`, `Reply`, or a `Result` \
            of one of them"
)]
pub trait IntoReply {
    /// Makes the reply.
    ///
    /// # Errors
    ///
    /// Where the function failed, or its answer cannot be written as a reply.
    fn into_reply(self) -> Result<Reply, Failure>;
}

/// An empty body without a media type.
impl IntoReply for () {
    fn into_reply(self) -> Result<Reply, Failure> {
        Ok(Reply::default())
    }
}

impl IntoReply for Reply {
    fn into_reply(self) -> Result<Reply, Failure> {
        Ok(self)
    }
}

/// `text/plain; charset=utf-8`.
impl IntoReply for String {
    fn into_reply(self) -> Result<Reply, Failure> {
        Ok(Reply::new("text/plain; charset=utf-8", self))
    }
}

/// `text/plain; charset=utf-8`.
impl IntoReply for &'static str {
    fn into_reply(self) -> Result<Reply, Failure> {
        self.to_owned().into_reply()
    }
}

/// `application/octet-stream`.
impl IntoReply for Vec<u8> {
    fn into_reply(self) -> Result<Reply, Failure> {
        Ok(Reply::new("application/octet-stream", self))
    }
}

/// What is in it; or the failure.
impl<T: IntoReply, E: Into<Failure>> IntoReply for Result<T, E> {
    fn into_reply(self) -> Result<Reply, Failure> {
        self.map_err(Into::into)?.into_reply()
    }
}

/// What an invoked function's reply can be taken as.
#[diagnostic::on_unimplemented(
    message = "a reply cannot be taken as `{Self}`",
    label = "not made from a reply",
    note = "take nothing, `String`, `Vec<u8>`, `Json<T>` where `T: DeserializeOwned`, or the whole `Reply`"
)]
pub trait FromReply: Sized {
    /// Takes the reply.
    ///
    /// # Errors
    ///
    /// Where it is something else; the text says how.
    fn from_reply(reply: Reply) -> Result<Self, String>;
}

/// Takes nothing: whatever the function answered is ignored.
impl FromReply for () {
    fn from_reply(_: Reply) -> Result<Self, String> {
        Ok(())
    }
}

impl FromReply for Reply {
    fn from_reply(reply: Reply) -> Result<Self, String> {
        Ok(reply)
    }
}

impl FromReply for Vec<u8> {
    fn from_reply(reply: Reply) -> Result<Self, String> {
        Ok(reply.body)
    }
}

/// The body, which must be UTF-8.
impl FromReply for String {
    fn from_reply(reply: Reply) -> Result<Self, String> {
        Self::from_utf8(reply.body).map_err(|error| format!("it is not UTF-8 text: {error}"))
    }
}

impl From<Reply> for wire::Reply {
    fn from(Reply { content_type, headers, body }: Reply) -> Self {
        Self { content_type, headers, body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_says_what_it_is() {
        let text = Reply::new("text/plain; charset=utf-8", "hi");
        assert_eq!("hi".into_reply().unwrap(), text);
        assert_eq!("hi".to_owned().into_reply().unwrap(), text);
        assert_eq!(vec![0xff].into_reply().unwrap(), Reply::new("application/octet-stream", [0xff]));
        assert_eq!(().into_reply().unwrap(), Reply::default());
        assert_eq!(text.clone().into_reply().unwrap(), text);
    }

    #[test]
    fn a_result_is_what_is_in_it() {
        let good: Result<_, Failure> = Ok("hi");
        let bad: Result<String, _> = Err(Failure::new("no", "not today"));
        assert_eq!(good.into_reply().unwrap().body, b"hi");
        assert_eq!(bad.into_reply().unwrap_err().code, "no");
    }
}
