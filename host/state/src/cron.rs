//! When a schedule is due: cron in UTC.

use chrono::{DateTime, Utc};
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use spear_types::{Code, Refusal, Timestamp};

const SECOND: u64 = 1_000_000;

/// Reads five fields, six with seconds first, or `@daily` and its like.
///
/// # Errors
/// `InvalidRequest` with the parser's reason.
pub(crate) fn parse(text: &str) -> Result<Cron, Refusal> {
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    parser.parse(text).map_err(|error| {
        Refusal::new(Code::InvalidRequest, format!("{text:?} is no schedule: {error}"))
            .help("write five fields of cron (minute hour day month weekday), six with seconds first, or @daily")
    })
}

/// The first time after `after`; none where there is none.
pub(crate) fn next(cron: &Cron, after: Timestamp) -> Option<Timestamp> {
    to_timestamp(cron.find_next_occurrence(&to_utc(after)?, false).ok()?)
}

/// The last time that is not after `now`; none where there is none.
pub(crate) fn latest(cron: &Cron, now: Timestamp) -> Option<Timestamp> {
    to_timestamp(cron.find_previous_occurrence(&to_utc(now)?, true).ok()?)
}

fn to_utc(time: Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(i64::try_from(time.as_micros() / SECOND).ok()?, 0)
}

fn to_timestamp(time: DateTime<Utc>) -> Option<Timestamp> {
    Some(Timestamp::from_micros(u64::try_from(time.timestamp()).ok()?.checked_mul(SECOND)?))
}

#[cfg(test)]
mod tests {
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
        }
    }

    #[test]
    fn a_time_that_never_comes_is_none() {
        assert_eq!(next(&parse("0 0 30 2 *").unwrap(), NEW_YEAR), None);
        assert_eq!(next(&parse("@daily").unwrap(), Timestamp::MAX), None);
    }
}
