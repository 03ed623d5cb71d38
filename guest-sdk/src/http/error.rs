use crate::error::error;

error! {
    /// Why there is no response. The text is a whole sentence for people and names the URL's host.
    retryable: Self::Timeout(_) | Self::Unavailable(_),
    /// `denied`: the host, or the address that its name stands for, is not granted; the text names the grant to add.
    Denied(String) = "denied",
    /// `invalid-url`: the URL is none that a request can be sent to; the text says how.
    InvalidUrl(String) = "invalid-url",
    /// `invalid`: the method, a header or the body is malformed, or a header that SPEAR sets itself.
    Invalid(String) = "invalid",
    /// `timeout`: the host did not answer in time; trying again may help.
    Timeout(String) = "timeout",
    /// `too-large`: the request or the response is too large; the text names the limit.
    TooLarge(String) = "too-large",
    /// `over-limit`: the run has used up its limit `requests`, or too many are under way.
    OverLimit(String) = "over-limit",
    /// `unavailable`: the name is not known, or nobody answers there; trying again may help.
    Unavailable(String) = "unavailable",
    /// `tls`: the host did not prove who it is.
    Tls(String) = "tls",
    /// `bad-response`: what the host answered is no HTTP, or not what was expected.
    BadResponse(String) = "bad-response",
}
