//! Instants as text.

use colibri_model::WallNs;

const NANOS_A_SECOND: i64 = 1_000_000_000;
const SECONDS_A_DAY: i64 = 86_400;
/// From 1 March of year 0 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

/// The instant as RFC 3339 in UTC with nine digits of a second: `2026-11-21T12:40:38.000000000Z`. Sorts as text.
#[must_use]
pub fn utc(time: WallNs) -> String {
    let seconds = time.0.div_euclid(NANOS_A_SECOND);
    let nanos = time.0.rem_euclid(NANOS_A_SECOND);
    let (year, month, day) = civil(seconds.div_euclid(SECONDS_A_DAY));
    let second = seconds.rem_euclid(SECONDS_A_DAY);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{nanos:09}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// Year, month and day of a day counted from 1970-01-01, by counting eras of 400 years from 1 March of year 0, so that
/// the leap day is a year's last.
fn civil(day: i64) -> (i64, i64, i64) {
    const DAYS_AN_ERA: i64 = 146_097;
    let day = day + DAYS_TO_1970;
    let era = day.div_euclid(DAYS_AN_ERA);
    let day_of_era = day.rem_euclid(DAYS_AN_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March on have 153 days in every five.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_month)
}

/// The instant that a text names in UTC: a day (`2026-11-21`), or a time of it (`2026-11-21T12:40:38`, with up to nine digits of a
/// second and with or without the `Z`). `None` where it names none.
#[must_use]
pub fn parse_utc(text: &str) -> Option<WallNs> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00"));
    let mut date = date.splitn(3, '-').map(digits);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.splitn(3, ':').map(digits);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    if fraction.len() > 9 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let nanos = digits(&format!("{fraction:0<9}"))?;
    // The day of that name, if there is one: every month has a 1st, and the day is so many later.
    let first = days_before(year, month);
    let days = first + day - 1;
    if civil(days) != (year, month, day) {
        return None;
    }
    let seconds = days * SECONDS_A_DAY + hour * 3600 + minute * 60 + second;
    seconds.checked_mul(NANOS_A_SECOND)?.checked_add(nanos).map(WallNs)
}

/// A number without a sign, of at most nine digits.
fn digits(text: &str) -> Option<i64> {
    let is_number = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// Days from 1970-01-01 to the first of a month; the inverse of [`civil`].
fn days_before(year: i64, month: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * month_from_march + 2) / 5 - DAYS_TO_1970
}

#[cfg(test)]
mod tests {
    use super::{parse_utc, utc};
    use colibri_model::WallNs;

    #[test]
    fn instants_are_utc() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
            (1_709_251_199_123_456_789, "2024-02-29T23:59:59.123456789Z"),
            (1_795_264_838_000_000_000, "2026-11-21T12:40:38.000000000Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000000Z"),
        ] {
            assert_eq!(utc(WallNs(nanos)), text);
            assert_eq!(parse_utc(text), Some(WallNs(nanos)));
        }
    }

    #[test]
    fn a_day_or_a_time_is_read_and_what_is_none_is_refused() {
        assert_eq!(parse_utc("2024-02-29"), Some(WallNs(1_709_164_800_000_000_000)));
        assert_eq!(
            parse_utc("2024-02-29T23:59:59.5"),
            Some(WallNs(1_709_251_199_500_000_000))
        );
        for wrong in [
            "",
            "yesterday",
            "2023-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-32",
            "2026-01-01T24:00:00",
            "2026-01-01T00:00",
            "2026-01-01T00:00:00.1234567890",
            "2026-1-1-1",
            "+2026-01-01",
        ] {
            assert_eq!(parse_utc(wrong), None, "{wrong}");
        }
    }
}
