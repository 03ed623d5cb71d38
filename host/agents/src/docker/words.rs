//! What the engine said, for people.

use std::error::Error as _;

use bollard::errors::Error;

/// The most of it that is passed on, in bytes; an engine is trusted, a registry behind it is not.
const LONGEST: usize = 1_000;

/// Of a socket that does not exist.
const NOTHING: &str = "nothing is there";

/// The engine's own words where it said any, else what went wrong on the way to it.
pub(super) fn of(error: &Error) -> String {
    let mut words = match error {
        Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        Error::DockerStreamError { error } => error.trim().to_owned(),
        Error::RequestTimeoutError => "the engine does not answer".to_owned(),
        Error::SocketNotFoundError(_) => NOTHING.to_owned(),
        other => root_of(other),
    };
    words.truncate(words.floor_char_boundary(LONGEST));
    words
}

/// Why no engine is had, of each host that was tried; those with the same reason together.
pub(super) fn none_answers(reasons: &[(&str, String)]) -> String {
    if reasons.len() > 1 && reasons.iter().all(|(_, why)| why == NOTHING) {
        return "no container engine: none of the usual sockets is there".to_owned();
    }
    let same = reasons.chunk_by(|(_, one), (_, other)| one == other);
    let told = same.map(|same| {
        let hosts: Vec<_> = same.iter().map(|(host, _)| host.strip_prefix("unix://").unwrap_or(host)).collect();
        format!("{}: {}", hosts.join(", "), same[0].1)
    });
    format!("no container engine: {}", told.collect::<Vec<_>>().join("; "))
}

/// Whether the engine said that there is no such thing.
pub(super) fn says_missing(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}

/// Whether the engine said anything at all.
pub(super) fn are_from_the_engine(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { .. } | Error::DockerStreamError { .. })
}

/// The innermost cause: `No such file or directory` says more than `client error (Connect)`.
fn root_of(error: &Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words = inner.to_string();
        cause = inner.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_the_same_reason_are_told_of_together() {
        let reasons = [("unix:///a", "nothing is there"), ("unix:///b", "nothing is there"), ("tcp://c:1", "refused")];
        let told = none_answers(&reasons.map(|(host, why)| (host, why.to_owned())));
        assert_eq!(told, "no container engine: /a, /b: nothing is there; tcp://c:1: refused");
        let usual = reasons.map(|(host, _)| (host, NOTHING.to_owned()));
        assert_eq!(none_answers(&usual), "no container engine: none of the usual sockets is there");
        assert_eq!(none_answers(&usual[..1]), "no container engine: /a: nothing is there");
    }

    #[test]
    fn a_long_answer_is_cut_between_characters() {
        let error = Error::DockerResponseServerError { status_code: 500, message: "ä".repeat(LONGEST) };
        assert_eq!(of(&error), "ä".repeat(LONGEST / 2));
    }
}
