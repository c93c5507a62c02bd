//! What a capture shows of an instrument that nobody described: the exchange's symbol, and how many digits it writes.

use colibri_model::{Exponents, Pair};
use serde_json::Value;

use super::capture::{Capture, CaptureError};
use crate::connector::drive::known::UNDESCRIBED;

/// Lines that are looked at: digits do not change within a capture.
const LOOKED_AT: usize = 2_000;

/// What was seen of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Observed {
    /// The exchange's symbol: the pair without its dash where none was seen.
    pub symbol: String,
    /// Digits after the point, as exponents.
    pub exponents: Exponents,
}

#[derive(Debug, Default)]
struct Digits {
    price: Option<usize>,
    quantity: Option<usize>,
}

/// Looks at the beginning of a capture.
pub(super) fn observe(mut capture: Capture, pair: &Pair) -> Result<Observed, CaptureError> {
    let plain = plain(&pair.to_string());
    let mut symbol = None;
    let mut digits = Digits::default();
    for _ in 0..LOOKED_AT {
        let Some(line) = capture.next()? else {
            break;
        };
        let Ok(json) = serde_json::from_str::<Value>(&line.json) else {
            continue;
        };
        let data = json.get("data").unwrap_or(&json);
        let named = ["s", "symbol", "instId", "pair", "instrument_name"]
            .iter()
            .find_map(|key| data.get(key).and_then(Value::as_str));
        match named {
            Some(name) if self::plain(name) != plain => continue,
            Some(name) if symbol.is_none() => symbol = Some(name.to_owned()),
            _ => {}
        }
        digits.levels(data);
    }
    let exponent = |digits: Option<usize>, otherwise: i32| {
        digits
            .and_then(|n| i32::try_from(n.min(18)).ok())
            .map_or(otherwise, |n| -n)
    };
    Ok(Observed {
        symbol: symbol.unwrap_or(plain),
        exponents: Exponents {
            price: exponent(digits.price, UNDESCRIBED.price),
            quantity: exponent(digits.quantity, UNDESCRIBED.quantity),
        },
    })
}

/// Letters and digits in upper case: `btc_usdt`, `BTC-USDT` and `BTCUSDT` are one symbol.
fn plain(symbol: &str) -> String {
    symbol
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

impl Digits {
    /// Looks at every `[price, quantity, …]` of a book message.
    fn levels(&mut self, data: &Value) {
        let sides = ["b", "a", "bids", "asks"]
            .iter()
            .filter_map(|key| data.get(key)?.as_array());
        for level in sides.flatten() {
            if let Some([price, quantity]) = level.as_array().and_then(|level| level.first_chunk::<2>()) {
                widen(&mut self.price, price);
                widen(&mut self.quantity, quantity);
            }
        }
    }
}

fn widen(seen: &mut Option<usize>, value: &Value) {
    let digits = match value {
        Value::String(text) => text.split_once('.').map_or(0, |(_, fraction)| fraction.len()),
        Value::Number(number) => number
            .to_string()
            .split_once('.')
            .map_or(0, |(_, fraction)| fraction.len()),
        _ => return,
    };
    *seen = Some(seen.map_or(digits, |most| most.max(digits)));
}
