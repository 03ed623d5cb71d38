use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Call, Failure, FromCall, FromReply, IntoCall, IntoReply, Reply};

/// A value that travels as JSON: taken from a call's body, or answered as `application/json`.
///
/// A call's media type is not looked at: the body must be JSON that fits `T`, or the call fails with `bad-input`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(
    /// The value.
    pub T,
);

impl<T: DeserializeOwned> FromCall for Json<T> {
    fn from_call(call: Call) -> Result<Self, Failure> {
        serde_json::from_slice(&call.body)
            .map(Self)
            .map_err(|error| Failure::bad_input(format!("the body is not the JSON expected: {error}")))
    }
}

/// `application/json`.
impl<T: Serialize> IntoReply for Json<T> {
    fn into_reply(self) -> Result<Reply, Failure> {
        Ok(Reply::new("application/json", serde_json::to_vec(&self.0)?))
    }
}

/// `application/json`.
impl<T: Serialize> IntoCall for Json<T> {
    fn into_call(self) -> Result<Call, Failure> {
        Ok(Call::new("application/json", serde_json::to_vec(&self.0)?))
    }
}

impl<T: DeserializeOwned> FromReply for Json<T> {
    fn from_reply(reply: Reply) -> Result<Self, String> {
        serde_json::from_slice(&reply.body).map(Self).map_err(|error| format!("it is not the JSON expected: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Size {
        width: u32,
    }

    fn parse(body: &str) -> Result<Json<Size>, Failure> {
        Json::from_call(Call { body: body.into(), ..Call::default() })
    }

    #[test]
    fn a_body_that_fits_is_the_value() {
        assert_eq!(parse(r#"{"width": 3}"#).unwrap(), Json(Size { width: 3 }));
    }

    #[test]
    fn a_body_that_does_not_fit_is_bad_input_and_says_why() {
        let failure = parse("{}").unwrap_err();
        assert_eq!(failure.code, "bad-input");
        assert_eq!(failure.message, "the body is not the JSON expected: missing field `width` at line 1 column 2");
        assert!(!failure.retryable);
    }

    #[test]
    fn an_answer_is_written_as_json() {
        let reply = Json(Size { width: 3 }).into_reply().unwrap();
        assert_eq!(reply, Reply::new("application/json", r#"{"width":3}"#));
        assert_eq!(Json::<Size>::from_reply(reply).unwrap().0.width, 3);
    }
}
