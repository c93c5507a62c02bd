//! Exchange times.

/// Nanoseconds since 1970 of a time that Binance writes in milliseconds or, where that was asked for, in microseconds
/// (rest-api.md, "General API Information"; web-socket-streams.md, `timeUnit`). Told apart by magnitude: the least
/// microsecond time taken here is of 1973, the greatest millisecond time of the year 5138.
#[must_use]
pub(crate) const fn exchange_ns(time: i64) -> i64 {
    const MICROSECONDS_FROM: i64 = 100_000_000_000_000;
    if time >= MICROSECONDS_FROM {
        time.saturating_mul(1_000)
    } else {
        time.saturating_mul(1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::exchange_ns;

    #[test]
    fn both_units_are_read() {
        assert_eq!(exchange_ns(1_723_161_255_208), 1_723_161_255_208_000_000);
        assert_eq!(exchange_ns(1_723_161_255_208_123), 1_723_161_255_208_123_000);
        assert_eq!(exchange_ns(i64::MAX), i64::MAX);
    }
}
