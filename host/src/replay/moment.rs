//! Up to where a recording is replayed.

use std::str::FromStr;

use colibri_driver::HostTime;
use colibri_model::MonoNs;

/// A moment of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Moment {
    /// Its end.
    #[default]
    End,
    /// So many milliseconds after its first input.
    After(u64),
    /// A time of day, UTC, milliseconds since midnight: the first after the recording's begin.
    TimeOfDay(u64),
    /// The input of this number, that one included.
    Input(u64),
}

const DAY: i64 = 86_400_000;

impl Moment {
    /// Whether the moment lies before the input with this number, at this time, of a recording that began at `started`.
    #[must_use]
    pub fn is_before(self, time: HostTime, started: MonoNs, number: u64) -> bool {
        let after = time.mono.since(started).0;
        match self {
            Moment::End => false,
            Moment::After(millis) => after > millis,
            Moment::Input(last) => number > last,
            Moment::TimeOfDay(millis) => {
                let began = time.wall.as_millis().saturating_sub_unsigned(after).rem_euclid(DAY);
                let wanted = i64::try_from(millis).unwrap_or(DAY);
                let wait = (wanted - began).rem_euclid(DAY);
                after > wait.unsigned_abs()
            }
        }
    }
}

/// A text that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no moment: write 90s or 2.5m (after the begin), 15:23:36.125 (UTC), or #1200 (an input)")]
pub struct NoMoment(String);

impl FromStr for Moment {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Moment, NoMoment> {
        let wrong = || NoMoment(text.to_owned());
        if let Some(number) = text.strip_prefix('#') {
            return number.parse().map(Moment::Input).map_err(|_| wrong());
        }
        if text.contains(':') {
            let mut parts = text.trim_end_matches('Z').split(':');
            let hours: u64 = parts
                .next()
                .and_then(|h| h.parse().ok())
                .filter(|h| *h < 24)
                .ok_or_else(wrong)?;
            let minutes: u64 = parts
                .next()
                .and_then(|m| m.parse().ok())
                .filter(|m| *m < 60)
                .ok_or_else(wrong)?;
            let millis = parts
                .next()
                .map_or(Some(0), thousandths)
                .filter(|ms| *ms < 60_000)
                .ok_or_else(wrong)?;
            if parts.next().is_some() {
                return Err(wrong());
            }
            return Ok(Moment::TimeOfDay((hours * 60 + minutes) * 60_000 + millis));
        }
        let text_of = |unit: char| text.strip_suffix(unit);
        let (number, factor) = match (text_of('s'), text_of('m'), text_of('h')) {
            (Some(number), ..) => (number, 1),
            (_, Some(number), _) => (number, 60),
            (_, _, Some(number)) => (number, 3_600),
            _ => (text, 1),
        };
        let millis = thousandths(number)
            .and_then(|ms| ms.checked_mul(factor))
            .ok_or_else(wrong)?;
        Ok(Moment::After(millis))
    }
}

/// A number with up to three decimals, in thousandths.
fn thousandths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let part: u64 = format!("{part:0<3}").parse().ok()?;
    whole.checked_mul(1_000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use colibri_model::WallNs;

    #[test]
    fn a_moment_is_written_in_one_of_four_ways() {
        let read = |text: &str| text.parse::<Moment>();
        assert_eq!(read("90s"), Ok(Moment::After(90_000)));
        assert_eq!(read("90.5"), Ok(Moment::After(90_500)));
        assert_eq!(read("2.5m"), Ok(Moment::After(150_000)));
        assert_eq!(read("1h"), Ok(Moment::After(3_600_000)));
        assert_eq!(read("#1200"), Ok(Moment::Input(1_200)));
        assert_eq!(read("01:02:03.004Z"), Ok(Moment::TimeOfDay(3_723_004)));
        assert_eq!(read("23:59"), Ok(Moment::TimeOfDay(86_340_000)));
        for wrong in ["", "soon", "25:00", "1:60", "1:00:60", "#", "-5s", "1.2345s", "1:2:3:4"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_of_day_is_the_first_after_the_begin() {
        // Begins at 23:00; one in the morning is of the next day.
        let began = 23 * 3_600_000;
        let at = |after: u64| {
            let wall = WallNs((began + i64::try_from(after).unwrap()) * 1_000_000);
            HostTime::new(MonoNs(5 + after * 1_000_000), wall)
        };
        let one = Moment::TimeOfDay(3_600_000);
        assert!(!one.is_before(at(0), MonoNs(5), 1));
        assert!(!one.is_before(at(2 * 3_600_000), MonoNs(5), 1));
        assert!(one.is_before(at(2 * 3_600_000 + 1), MonoNs(5), 1));
        assert!(Moment::Input(3).is_before(at(0), MonoNs(5), 4));
        assert!(!Moment::Input(3).is_before(at(0), MonoNs(5), 3));
    }
}
