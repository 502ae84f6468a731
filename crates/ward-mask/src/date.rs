//! Dates and times that lose their smaller parts: the start of their year, month or day.
//!
//! Values are PostgreSQL's own: days or microseconds since 2000-01-01, in the proleptic Gregorian
//! calendar. A `timestamp with time zone` is truncated in UTC, whatever the time zone of the
//! session: a mask that moved with a setting would tell more under each one.

use crate::method::Field;

/// 4714-11-24 BC, the first day PostgreSQL knows (Julian day 0), in days since 2000-01-01.
const MIN_DATE: i32 = -2_451_545;
const DAY_MICROS: i64 = 86_400_000_000;
const MIN_TIMESTAMP: i64 = MIN_DATE as i64 * DAY_MICROS;

/// From 0000-03-01, where the calculation's years begin, to 2000-01-01, in days.
const ERA_OFFSET: i64 = 730_425;
const DAYS_PER_400_YEARS: i64 = 146_097;

/// The first day of the year or month of a date in days since 2000-01-01, not before the first day
/// PostgreSQL knows. The infinities, `i32::MIN` and `i32::MAX`, stay.
pub fn truncate_date(days: i32, field: Field) -> i32 {
    if days == i32::MIN || days == i32::MAX {
        return days;
    }
    let start = i32::try_from(start_of(days.into(), field)).unwrap_or(MIN_DATE);
    start.max(MIN_DATE)
}

/// The start of the year, month or day of a time in microseconds since 2000-01-01, not before the
/// first day PostgreSQL knows. The infinities, `i64::MIN` and `i64::MAX`, stay.
pub fn truncate_timestamp(micros: i64, field: Field) -> i64 {
    if micros == i64::MIN || micros == i64::MAX {
        return micros;
    }
    let start = start_of(micros.div_euclid(DAY_MICROS), field);
    start.saturating_mul(DAY_MICROS).max(MIN_TIMESTAMP)
}

fn start_of(days: i64, field: Field) -> i64 {
    let (year, month) = year_and_month(days);
    match field {
        Field::Year => first_day(year, 1),
        Field::Month => first_day(year, month),
        Field::Day => days,
    }
}

/// The year and the month, 1 to 12, of a day (Howard Hinnant, "chrono-compatible low-level date
/// algorithms"): years are counted from March, so that the day a leap year adds is the last one.
#[allow(
    clippy::arithmetic_side_effects,
    reason = "days are an i32, or an i64 of microseconds: at most 2^31, and divisors are constants"
)]
fn year_and_month(days: i64) -> (i64, i64) {
    let day = days + ERA_OFFSET;
    let era = day.div_euclid(DAYS_PER_400_YEARS);
    let day = day.rem_euclid(DAYS_PER_400_YEARS);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day + 2) / 153;
    let (month, next) = match month_from_march {
        0..=9 => (month_from_march + 3, 0),
        _ => (month_from_march - 9, 1),
    };
    (era * 400 + year + next, month)
}

/// The first day of a month, in days since 2000-01-01.
#[allow(
    clippy::arithmetic_side_effects,
    reason = "years are at most 2^31 / 365, and divisors are constants"
)]
fn first_day(year: i64, month: i64) -> i64 {
    let (year, month_from_march) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day = (153 * month_from_march + 2) / 5 + 365 * year + year / 4 - year / 100;
    era * DAYS_PER_400_YEARS + day - ERA_OFFSET
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        // Days since 2000-01-01: a date, the first day of its month, the first day of its year.
        for (days, month, year) in [
            (0, 0, 0),
            (-1, -31, -365),
            (58, 31, 0),
            (59, 31, 0),
            (60, 60, 0),
            (9_555, 9_528, 9_497),
            (-10_957, -10_957, -10_957),
            (-36_524, -36_524, -36_524),
            (-36_466, -36_493, -36_524),
            (-730_119, -730_119, -730_119),
            (-730_079, -730_088, -730_119),
            // 1 BC is a leap year.
            (-730_120, -730_150, -730_485),
            (MIN_DATE, MIN_DATE, MIN_DATE),
            (MIN_DATE + 7, MIN_DATE + 7, MIN_DATE),
            (MIN_DATE + 37, MIN_DATE + 7, MIN_DATE),
        ] {
            assert_eq!(truncate_date(days, Field::Day), days);
            assert_eq!(truncate_date(days, Field::Month), month, "{days}");
            assert_eq!(truncate_date(days, Field::Year), year, "{days}");
        }
    }

    #[test]
    fn times_are_cut_to_the_day_before_zero_too() {
        let day = |micros| truncate_timestamp(micros, Field::Day);
        assert_eq!(day(1), 0);
        assert_eq!(day(DAY_MICROS), DAY_MICROS);
        assert_eq!(day(-1), -DAY_MICROS);
        assert_eq!(truncate_timestamp(-1, Field::Year), -365 * DAY_MICROS);
        assert_eq!(day(MIN_TIMESTAMP + 1), MIN_TIMESTAMP);
    }

    #[test]
    fn infinities_and_the_ends_of_the_range() {
        for field in [Field::Year, Field::Month, Field::Day] {
            for end in [i32::MIN, i32::MAX] {
                assert_eq!(truncate_date(end, field), end);
            }
            for end in [i64::MIN, i64::MAX] {
                assert_eq!(truncate_timestamp(end, field), end);
            }
            assert_eq!(truncate_date(i32::MIN + 1, field), MIN_DATE);
            assert_eq!(truncate_timestamp(i64::MIN + 1, field), MIN_TIMESTAMP);
            assert!(truncate_timestamp(i64::MAX - 1, field) < i64::MAX);
        }
    }
}
