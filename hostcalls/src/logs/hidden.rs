//! Values that must not be read in a log.

use std::{
    fmt,
    iter::Peekable,
    ops::Range,
    str::MatchIndices,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What stands in a value's place.
const MARK: &str = "•••";

/// The shortest value that is hidden, in bytes: a shorter one would be found in every other word.
const SHORTEST: usize = 4;

/// The values that one run has read.
#[derive(Default)]
pub(super) struct Hidden(Mutex<Vec<String>>);

impl Hidden {
    /// Adds a value: each of its lines without the space around it, because a secret's file ends with a line's end, and
    /// logs are lines.
    pub(super) fn add(&self, value: &[u8]) {
        let Ok(text) = str::from_utf8(value) else { return };
        let mut values = self.lock();
        for line in text.lines().map(str::trim).filter(|line| line.len() >= SHORTEST) {
            if !values.iter().any(|value| value == line) {
                values.push(line.to_owned());
            }
        }
    }

    /// The text with [`MARK`] in place of every value. What comes after `enough` bytes may be missing: how long a text
    /// and what is found in it are the guest's choice.
    pub(super) fn redact(&self, text: String, enough: usize) -> String {
        let values = self.lock();
        let mut found: Vec<_> = values.iter().map(|value| text.match_indices(value.as_str()).peekable()).collect();
        let (mut redacted, mut end) = (String::new(), 0);
        while let Some(value) = first(&mut found) {
            if value.start >= end {
                redacted.push_str(&text[end..value.start]);
                redacted.push_str(MARK);
            }
            end = end.max(value.end);
            if redacted.len() > enough {
                return redacted;
            }
        }
        drop(found);
        if end == 0 {
            return text;
        }
        redacted.push_str(&text[end..]);
        redacted
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        // A value is pushed whole or not at all, so a poisoned list is still a list.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The next place of any value.
fn first(found: &mut [Peekable<MatchIndices<'_, &str>>]) -> Option<Range<usize>> {
    let start = |matches: &mut Peekable<MatchIndices<'_, &str>>| matches.peek().map(|(start, _)| *start);
    let (_, next) =
        found.iter_mut().filter_map(|matches| Some((start(matches)?, matches))).min_by_key(|(start, _)| *start)?;
    next.next().map(|(start, value)| start..start + value.len())
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} value(s)", self.lock().len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hidden(values: &[&str]) -> Hidden {
        let hidden = Hidden::default();
        values.iter().for_each(|value| hidden.add(value.as_bytes()));
        hidden
    }

    fn redacted(values: &[&str], text: &str) -> String {
        hidden(values).redact(text.to_owned(), usize::MAX)
    }

    #[test]
    fn every_occurrence_goes_and_the_rest_stays() {
        assert_eq!(redacted(&["s3cret"], "a s3cret and s3crets3cret, not s3cre"), "a ••• and ••••••, not s3cre");
        assert_eq!(redacted(&["s3cret"], "nothing"), "nothing");
    }

    #[test]
    fn values_that_overlap_or_contain_each_other_leave_nothing_of_each_other() {
        assert_eq!(redacted(&["abcd", "cdef"], "-abcdef-"), "-•••-");
        assert_eq!(redacted(&["token", "token-long"], "token-long token"), "••• •••");
    }

    #[test]
    fn each_line_of_a_value_is_hidden_without_the_space_around_it() {
        let key = "-----BEGIN KEY-----\r\nMIIEvQ==\n-----END KEY-----\n";
        assert_eq!(redacted(&[key], "MIIEvQ=="), "•••");
        assert_eq!(redacted(&[key], &format!("{key:?}")), "\"•••\\r\\n•••\\n•••\\n\"");
    }

    #[test]
    fn what_is_short_or_no_text_is_not_hidden_and_nothing_shows_what_is() {
        let hidden = hidden(&["abc", "  a  ", "long enough"]);
        hidden.add(&[0xff; 8]);
        assert_eq!(format!("{hidden:?}"), "1 value(s)");
        assert_eq!(hidden.redact("abc".to_owned(), usize::MAX), "abc");
    }

    #[test]
    fn a_value_read_again_is_remembered_once() {
        assert_eq!(format!("{:?}", hidden(&["value"; 1_000])), "1 value(s)");
    }

    #[test]
    fn no_more_is_made_than_is_enough() {
        let long = hidden(&["aaaa"]).redact("a".repeat(1 << 20), 100);
        assert!((101..200).contains(&long.len()), "{}", long.len());
    }

    proptest! {
        #[test]
        fn no_value_is_left_whole(values in proptest::collection::vec("[ab]{4,6}", 1..4), text in "[abc]{0,40}") {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let redacted = redacted(&values, &text);
            prop_assert!(values.iter().all(|value| !redacted.contains(value)), "{redacted}");
        }
    }
}
