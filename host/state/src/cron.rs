//! When a schedule is due: cron in UTC.

use std::cmp::Ordering;

use chrono::{DateTime, Datelike as _, NaiveDateTime};
use croner::{
    Cron,
    errors::CronError,
    parser::{CronParser, Seconds, Year},
    time::{CivilDateTime, CronDateTime, Resolution, Weekday},
};
use spear_types::{Code, Refusal, Timestamp};

const SECOND: u64 = 1_000_000;

/// How far is looked. The rarest time there is, a fifth Monday of February, comes after 40 years at the most. A client
/// that asks for the 30th of February has the SMS look for a millisecond, and not through three thousand years.
const YEARS: i32 = 50;

/// A time in UTC that sees so far.
#[derive(Debug, Clone)]
struct Sighted(NaiveDateTime);

/// Reads five fields, six with seconds first, or `@daily` and its like.
///
/// # Errors
/// `InvalidRequest` with the parser's reason.
pub(crate) fn parse(text: &str) -> Result<Cron, Refusal> {
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    parser.parse(text).map_err(|error| refused(text, &why(text, error)))
}

/// An expression that is none, or whose time never comes.
pub(crate) fn refused(text: &str, why: &str) -> Refusal {
    Refusal::new(Code::InvalidRequest, format!("{text:?} is no schedule: {why}"))
        .help("minute hour day month weekday in UTC, as in '0 9 * * mon-fri'; six fields with seconds first; or @daily")
}

/// What is wrong, in our words as far as that can be told from outside of the parser.
fn why(text: &str, error: CronError) -> String {
    let fields = text.split_whitespace().count();
    match error {
        _ if fields == 0 => "it is empty".to_owned(),
        _ if text.trim().starts_with('@') => "there are @yearly, @monthly, @weekly, @daily and @hourly".to_owned(),
        _ if !(5..=6).contains(&fields) => format!("it has {fields} fields, and not five or six"),
        CronError::TimeSearchLimitExceeded => "the time never comes".to_owned(),
        CronError::ComponentError(what) => what.trim_end_matches('.').to_owned(),
        CronError::InvalidPattern(_)
        | CronError::IllegalCharacters(_)
        | CronError::EmptyPattern
        | CronError::InvalidDate
        | CronError::InvalidTime => "a field is no number, name, list, range or step".to_owned(),
    }
}

/// The first time after `after`; none where there is none.
pub(crate) fn next(cron: &Cron, after: Timestamp) -> Option<Timestamp> {
    cron.find_next_occurrence(&Sighted::of(after)?, false).ok()?.timestamp()
}

/// The last time that is not after `now`; none where there is none.
pub(crate) fn latest(cron: &Cron, now: Timestamp) -> Option<Timestamp> {
    cron.find_previous_occurrence(&Sighted::of(now)?, true).ok()?.timestamp()
}

impl Sighted {
    fn of(time: Timestamp) -> Option<Self> {
        let seconds = i64::try_from(time.as_micros() / SECOND).ok()?;
        DateTime::from_timestamp(seconds, 0).map(|time| Self(time.naive_utc()))
    }

    fn timestamp(&self) -> Option<Timestamp> {
        let seconds = u64::try_from(self.0.and_utc().timestamp()).ok()?;
        seconds.checked_mul(SECOND).map(Timestamp::from_micros)
    }
}

impl CronDateTime for Sighted {
    fn to_civil(&self) -> CivilDateTime {
        self.0.to_civil()
    }

    fn civil_weekday(&self) -> Weekday {
        self.0.civil_weekday()
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        if (civil.year() - self.0.year()).abs() > YEARS {
            return Err(CronError::TimeSearchLimitExceeded);
        }
        Ok(match self.0.resolve_civil(civil)? {
            Resolution::Single(time) => Resolution::Single(Self(time)),
            Resolution::Ambiguous(earlier, later) => Resolution::Ambiguous(Self(earlier), Self(later)),
            Resolution::Gap => Resolution::Gap,
        })
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        CronDateTime::checked_add_seconds(&self.0, seconds).map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-01-01T00:00:00Z, a Thursday.
    const NEW_YEAR: Timestamp = Timestamp::from_micros(1_767_225_600 * SECOND);

    fn shown(time: Option<Timestamp>) -> String {
        time.map(|time| time.to_string()).unwrap_or_default()
    }

    #[test]
    fn times_are_in_utc_and_after_the_one_that_is_given() {
        let cases = [
            ("0 6 * * *", "2026-01-01T06:00:00.000Z"),
            ("30 0 6 * * *", "2026-01-01T06:00:30.000Z"),
            ("@daily", "2026-01-02T00:00:00.000Z"),
            ("* * * * * *", "2026-01-01T00:00:01.000Z"),
            ("0 0 29 2 *", "2028-02-29T00:00:00.000Z"),
            ("0 0 * 2 MON#5", "2044-02-29T00:00:00.000Z"),
            ("0 0 * * MON", "2026-01-05T00:00:00.000Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(next(&parse(text).unwrap(), NEW_YEAR)), expected, "{text}");
        }
    }

    #[test]
    fn the_latest_time_may_be_this_very_one() {
        let daily = parse("@daily").unwrap();
        assert_eq!(latest(&daily, NEW_YEAR), Some(NEW_YEAR));
        assert_eq!(latest(&daily, Timestamp::from_micros(NEW_YEAR.as_micros() + 5)), Some(NEW_YEAR));
        assert_eq!(
            latest(&daily, Timestamp::from_micros(NEW_YEAR.as_micros() - 1)),
            Some(Timestamp::from_micros(NEW_YEAR.as_micros() - 86_400 * SECOND))
        );
    }

    #[test]
    fn nonsense_is_refused_with_the_reason() {
        for text in ["", "every day", "* * * *", "61 * * * *", "@sometimes", "* * * * * * *", "1-a * * * *"] {
            let refusal = parse(text).unwrap_err();
            assert!(refusal.code == Code::InvalidRequest && refusal.message.contains("is no schedule: "), "{refusal}");
            assert!(!refusal.message.contains("attern"), "{refusal}");
            assert!(refusal.help.is_some_and(|help| help.contains("'0 9 * * mon-fri'")), "{text}");
        }
        assert!(parse("* * * *").unwrap_err().message.ends_with("it has 4 fields, and not five or six"));
    }

    #[test]
    fn a_time_that_never_comes_is_none() {
        assert_eq!(next(&parse("0 0 30 2 *").unwrap(), NEW_YEAR), None);
        assert_eq!(next(&parse("@daily").unwrap(), Timestamp::MAX), None);
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_due_after_the_time_that_is_given(
            text in "[*0-9LW#/,?A-Z@-]{1,6}( [*0-9LW#/,?A-Z-]{1,6}){0,6}",
            after in any::<u64>(),
        ) {
            if let Ok(cron) = parse(&text) {
                let after = Timestamp::from_micros(after);
                let due = next(&cron, after);
                prop_assert!(due.is_none_or(|due| due > after && latest(&cron, due) == Some(due)), "{due:?}");
            }
        }
    }
}
