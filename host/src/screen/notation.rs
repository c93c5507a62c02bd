//! How values are written on the screen. Nothing here is parsed back or computed with.

use std::time::Duration;

use colibri_model::{Decimal, OrderState, WallNs};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Padding};

/// Digits after the point beyond which a quantity is rounded for the eye.
const QUANTITY_DIGITS: u32 = 8;
/// What is shown of a balance or a fee: digits after the point from one up, digits that say something below one.
const SHOWN_DIGITS: u32 = 4;

/// The colour of buying and of winning.
pub const GOOD: Color = Color::Green;
/// The colour of selling and of losing.
pub const BAD: Color = Color::Red;
/// The colour of what should be looked at.
pub const WATCH: Color = Color::Yellow;

/// For what explains and is read second.
pub fn quiet() -> Style {
    Style::new().fg(Color::DarkGray)
}

/// For what is read first.
pub fn strong() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

/// The frame of a panel: one line above it, which carries its title.
pub fn panel(title: impl Into<Line<'static>>) -> Block<'static> {
    Block::new()
        .borders(Borders::TOP)
        .border_style(quiet())
        .padding(Padding::left(1))
        .title(title)
}

/// Hours, minutes and seconds, as `1:02:03`.
pub fn elapsed(span: Duration) -> String {
    let seconds = span.as_secs();
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A span with its unit, three digits or so: `830 µs`, `12 ms`, `4.2 s`, `3 min`.
pub fn span(span: Duration) -> String {
    let micros = span.as_micros();
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..60_000_000 => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
        _ => format!("{} min", micros / 60_000_000),
    }
}

/// The time of day in UTC, as `09:26:53`.
pub fn time_of_day(time: WallNs) -> String {
    let seconds = time.0.div_euclid(1_000_000_000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A quantity without trailing zeros.
pub fn quantity(value: Decimal) -> String {
    value.round_dp(QUANTITY_DIGITS).normalize().to_string()
}

/// A balance or a fee, rounded to what an eye can use.
pub fn rounded(value: Decimal) -> String {
    let shown = if value.abs() >= Decimal::ONE {
        value.round_dp(SHOWN_DIGITS)
    } else {
        value.round_sf(SHOWN_DIGITS).unwrap_or(value)
    };
    shown.normalize().to_string()
}

/// The digits after the point that no value of a column loses: all of them are written with as many.
pub fn places(values: impl Iterator<Item = Decimal>) -> usize {
    let most = values.map(|value| value.normalize().scale()).max().unwrap_or(0);
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// An amount that was won or lost: always signed, so that a loss is never read over.
pub fn gain(value: Decimal) -> String {
    let rounded = value.round_dp(4);
    if rounded.is_zero() {
        "0".to_owned()
    } else if rounded.is_sign_negative() {
        rounded.normalize().to_string()
    } else {
        format!("+{}", rounded.normalize())
    }
}

/// The colour of an amount that was won or lost.
pub fn gain_style(value: Decimal) -> Style {
    match value.round_dp(4) {
        rounded if rounded.is_zero() => Style::new(),
        rounded if rounded.is_sign_negative() => Style::new().fg(BAD),
        _ => Style::new().fg(GOOD),
    }
}

/// A state in a word; of at most eight letters where the order is not ended.
pub const fn order_state(state: OrderState) -> &'static str {
    match state {
        OrderState::PendingCreate => "creating",
        OrderState::Acknowledged => "taken",
        OrderState::Open => "open",
        OrderState::PartiallyFilled => "partial",
        OrderState::Unknown => "UNKNOWN",
        OrderState::Filled => "filled",
        OrderState::Cancelled => "cancelled",
        OrderState::Rejected => "rejected",
        OrderState::Expired => "expired",
    }
}

#[cfg(test)]
mod tests {
    use super::{elapsed, gain, places, quantity, rounded, span, time_of_day};
    use colibri_model::{Decimal, WallNs};
    use std::time::Duration;

    #[test]
    fn spans_carry_their_unit() {
        for (micros, text) in [
            (830, "830 µs"),
            (4_250, "4.2 ms"),
            (12_900, "12 ms"),
            (4_200_000, "4.2 s"),
            (180_000_000, "3 min"),
        ] {
            assert_eq!(span(Duration::from_micros(micros)), text);
        }
        assert_eq!(elapsed(Duration::from_secs(3_723)), "1:02:03");
        assert_eq!(time_of_day(WallNs(86_399_000_000_000)), "23:59:59");
        assert_eq!(time_of_day(WallNs(-1)), "23:59:59");
    }

    #[test]
    fn a_column_keeps_every_digit_that_says_something() {
        let column = [
            Decimal::new(5_994_120_000, 5),
            Decimal::new(5_994_083, 2),
            Decimal::from(59_940),
        ];
        let places = places(column.into_iter());
        let texts: Vec<String> = column.iter().map(|value| format!("{value:>9.places$}")).collect();
        assert_eq!(texts, [" 59941.20", " 59940.83", " 59940.00"]);
    }

    #[test]
    fn amounts_lose_zeros_and_gains_show_their_sign() {
        assert_eq!(quantity(Decimal::new(12_300, 4)), "1.23");
        assert_eq!(quantity(Decimal::new(23_977_794, 8)), "0.23977794");
        assert_eq!(rounded(Decimal::new(23_977_794, 8)), "0.2398");
        assert_eq!(rounded(Decimal::new(123_123_739, 8)), "1.2312");
        assert_eq!(rounded(Decimal::new(1_842, 8)), "0.00001842");
        assert_eq!(gain(Decimal::new(12_300, 4)), "+1.23");
        assert_eq!(gain(Decimal::new(-5, 1)), "-0.5");
        assert_eq!(gain(Decimal::new(-1, 9)), "0");
    }
}
