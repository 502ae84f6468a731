//! Points in time for readers.

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400;

/// Microseconds since 1970 as RFC 3339 in UTC: `2026-11-22T06:00:00.000001Z`.
pub fn rfc3339(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(SECOND), micros.rem_euclid(SECOND));
    let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z")
}

/// The Gregorian date of a day since 1970. Years begin in March here, so that leap days come last
/// (H. Hinnant, "chrono-compatible low-level date algorithms", civil_from_days).
fn date(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097;
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(ERA), shifted.rem_euclid(ERA));
    let year = (day - day / 1460 + day / 36_524 - day / (ERA - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (year, in_january_or_february) = (year + era * 400, month >= 10);
    let civil = if in_january_or_february {
        month - 9
    } else {
        month + 3
    };
    (
        year + i64::from(in_january_or_february),
        civil,
        day - (153 * month + 2) / 5 + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn known_days() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (951_868_800_000_000, "2000-03-01T00:00:00.000000Z"),
            (1_735_689_599_123_456, "2024-12-31T23:59:59.123456Z"),
            (1_795_283_820_000_001, "2026-11-21T17:57:00.000001Z"),
            (-2_203_977_600_000_000, "1900-02-28T00:00:00.000000Z"),
        ] {
            assert_eq!(rfc3339(micros), text);
        }
        for extreme in [i64::MIN, i64::MAX] {
            assert!(rfc3339(extreme).ends_with('Z'));
        }
    }
}
