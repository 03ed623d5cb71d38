//! What an attempt proves itself with.

use http::{HeaderMap, header::AUTHORIZATION};
use spear_types::{Code, Refusal};
use subtle::ConstantTimeEq as _;
use tokio_rustls::rustls::crypto::ring;

/// The random bytes of a token.
const BYTES: usize = 32;

const SCHEME: &[u8] = b"Bearer ";

/// Shown to nobody but the attempt: there is no `Debug`.
pub(super) struct Token(String);

impl Token {
    /// A token that nobody has seen.
    ///
    /// # Errors
    /// `Internal` where the system has no randomness.
    pub(super) fn generate() -> Result<Self, Refusal> {
        let mut bytes = [0; BYTES];
        let filled = ring::default_provider().secure_random.fill(&mut bytes);
        filled.map_err(|_| Refusal::new(Code::Internal, "the system gave no random bytes for a token"))?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a request has it; how long the answer takes does not tell how much of it was right.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(SCHEME));
        value.is_some_and(|value| self.0.as_bytes().ct_eq(value).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_with_its_scheme_is_it() {
        let (token, other) = (Token::generate().unwrap(), Token::generate().unwrap());
        assert_eq!(token.as_str().len(), 2 * BYTES);
        for (value, is) in [
            (format!("Bearer {}", token.as_str()), true),
            (format!("Bearer {}", other.as_str()), false),
            (format!("Bearer {}", &token.as_str()[1..]), false),
            (format!("Bearer {}x", token.as_str()), false),
            (token.as_str().to_owned(), false),
            ("Bearer ".to_owned(), false),
        ] {
            let headers = [(AUTHORIZATION, value.parse().unwrap())].into_iter().collect();
            assert_eq!(token.is_in(&headers), is, "{value}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
    }
}
