//! Instants as text.

use colibri_model::WallNs;

const NANOS_A_SECOND: i64 = 1_000_000_000;
const SECONDS_A_DAY: i64 = 86_400;

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
    const DAYS_TO_1970: i64 = 719_468;
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

#[cfg(test)]
mod tests {
    use super::utc;
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
        }
    }
}
