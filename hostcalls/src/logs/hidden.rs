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
    /// logs are lines; and as it is written between quotes, where that is different.
    pub(super) fn add(&self, value: &[u8]) {
        let Ok(text) = str::from_utf8(value) else { return };
        let mut values = self.lock();
        for line in text.lines().map(str::trim).filter(|line| line.len() >= SHORTEST) {
            let quoted = format!("{line:?}");
            // WAVE escapes the single quote too.
            let wave = line.escape_debug().to_string();
            for form in [line, &quoted[1..quoted.len() - 1], &wave] {
                if !values.iter().any(|value| value == form) {
                    values.push(form.to_owned());
                }
            }
        }
    }

    /// Adds what another has.
    pub(super) fn add_all(&self, other: &Self) {
        let others = other.lock().clone();
        let mut values = self.lock();
        let fresh: Vec<String> = others.into_iter().filter(|other| !values.contains(other)).collect();
        values.extend(fresh);
    }

    /// The bytes of the longest value.
    pub(super) fn longest(&self) -> usize {
        self.lock().iter().map(String::len).max().unwrap_or(0)
    }

    /// At most `max` bytes of the text with [`MARK`] in place of every value, and how many bytes of the text they stand
    /// for: a value that begins there is read to its end. The work is bounded by `max` and the values, because how long
    /// a text is and what is found in it are the guest's choice.
    pub(super) fn redact(&self, text: &str, max: usize) -> (String, usize) {
        let values = self.lock();
        let stop = text.floor_char_boundary(max);
        let window = |value: &str| &text[..text.floor_char_boundary(max.saturating_add(value.len()))];
        let fitting = values.iter().map(String::as_str).filter(|value| value.len() <= text.len());
        let mut found: Vec<_> = fitting.map(|value| window(value).match_indices(value).peekable()).collect();
        let (mut redacted, mut end) = (String::new(), 0);
        while let Some(value) = first(&mut found) {
            if value.start >= end {
                if value.start >= stop || redacted.len() + value.start - end >= max {
                    break;
                }
                redacted.push_str(&text[end..value.start]);
                redacted.push_str(MARK);
            }
            end = end.max(value.end);
        }
        let room = max.saturating_sub(redacted.len());
        let rest = text.floor_char_boundary(stop.min(end.saturating_add(room)));
        if end < rest {
            redacted.push_str(&text[end..rest]);
            end = rest;
        }
        redacted.truncate(redacted.floor_char_boundary(max));
        (redacted, end)
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
        hidden(values).redact(text, usize::MAX).0
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
        assert_eq!(hidden.redact("abc", usize::MAX), ("abc".to_owned(), 3));
    }

    #[test]
    fn what_one_hides_another_can_hide_too() {
        let (first, second) = (hidden(&["first-value", "both-of-them"]), hidden(&["both-of-them"]));
        second.add_all(&first);
        assert_eq!(second.redact("first-value, both-of-them", usize::MAX).0, "•••, •••");
        assert_eq!(format!("{second:?}"), "2 value(s)");
    }

    #[test]
    fn a_value_read_again_is_remembered_once() {
        assert_eq!(format!("{:?}", hidden(&["value"; 1_000])), "1 value(s)");
    }

    #[test]
    fn no_more_is_made_than_is_enough() {
        let (long, read) = hidden(&["aaaa"]).redact(&"a".repeat(1 << 20), 100);
        assert!((90..=100).contains(&long.len()) && read <= 100, "{read}: {long}");
    }

    #[test]
    fn a_value_that_is_cut_shows_none_of_its_parts() {
        let value = "0123456789".repeat(9);
        let text = value.repeat(100);
        for max in 0..300 {
            let (redacted, read) = hidden(&[&value]).redact(&text, max);
            assert!(!redacted.contains(|c: char| c.is_ascii()), "{max}: {redacted}");
            assert!(read % value.len() == 0 && redacted.len() <= max, "{max}: {read}");
        }
    }

    #[test]
    fn a_value_is_hidden_between_quotes_too() {
        let value = r#"a "quoted" \ value"#;
        assert_eq!(redacted(&[value], &format!("{value} {value:?}")), "••• \"•••\"");
    }

    proptest! {
        #[test]
        fn no_value_is_left_whole(values in proptest::collection::vec("[ab]{4,6}", 1..4), text in "[abc]{0,40}") {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let redacted = redacted(&values, &text);
            prop_assert!(values.iter().all(|value| !redacted.contains(value)), "{redacted}");
        }

        #[test]
        fn pieces_are_the_whole(value in "[aä]{4,6}", text in "[aäb]{0,60}", max in 12_usize..40) {
            let hidden = hidden(&[&value]);
            let (mut rest, mut pieces) = (text.as_str(), String::new());
            while !rest.is_empty() {
                let (piece, read) = hidden.redact(rest, max);
                prop_assert!(piece.len() <= max && read > 0);
                pieces.push_str(piece.trim_end_matches('•'));
                rest = &rest[read..];
            }
            prop_assert_eq!(pieces.replace('•', ""), redacted(&[&value], &text).replace('•', ""));
        }
    }
}
