//! Request parameters: from a query string and a form body, or from the `params` object of the WebSocket API.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::identity::{ClientOrderId, OrderId, Symbol};
use crate::time::Timestamp;

/// Decoded parameters in the order sent.
#[derive(Debug, Clone, Default)]
pub struct Params {
    pairs: Vec<(String, String)>,
}

/// Timestamps at or above this are microseconds; as milliseconds it is the year 5138.
const MICROSECONDS_FROM: i64 = 100_000_000_000_000;

impl Params {
    /// From a query string and a form body; where both have a name, the query wins.
    ///
    /// # Errors
    /// -1101 when one of the two has a name twice.
    pub fn from_form(query: &str, body: &str) -> Result<Self, ApiError> {
        let mut pairs = decode_form(query)?;
        for (name, value) in decode_form(body)? {
            if !pairs.iter().any(|(other, _)| *other == name) {
                pairs.push((name, value));
            }
        }
        Ok(Self { pairs })
    }

    /// From the `params` object of the WebSocket API. Arrays are kept as JSON text, like in a query string.
    pub fn from_json(params: &Map<String, Value>) -> Self {
        let pairs = params
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), json_text(value)))
            .collect();
        Self { pairs }
    }

    /// The names sent.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|(name, _)| name.as_str())
    }

    /// The signature payload of the WebSocket API: every parameter but `signature`, sorted by name, not encoded.
    pub fn sorted_payload(&self) -> String {
        let mut pairs: Vec<&(String, String)> = self.pairs.iter().filter(|(name, _)| name != "signature").collect();
        pairs.sort();
        pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("&")
    }

    /// A parameter; an empty one counts as not sent.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.pairs.iter().find(|(other, _)| other == name)?;
        (!value.is_empty()).then_some(value)
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    /// -1102.
    pub fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::missing(name))
    }

    /// A symbol that must be there; whether it is listed is for the caller to see.
    ///
    /// # Errors
    /// -1102 or -1100.
    pub fn symbol(&self) -> Result<Symbol, ApiError> {
        symbol(self.required("symbol")?)
    }

    /// A whole number, zero or more.
    ///
    /// # Errors
    /// -1100 or -1108.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        const RANGE: &str = "^[0-9]{1,20}$";
        let Some(text) = self.get(name) else { return Ok(None) };
        if text.len() > 20 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ApiError::illegal_characters(name, RANGE));
        }
        text.parse().map(Some).map_err(|_| overflowed(name))
    }

    /// A decimal number without sign or exponent, with at most `scale` digits after the point.
    ///
    /// # Errors
    /// -1100, -1108 or -1111.
    pub fn decimal(&self, name: &str, scale: usize) -> Result<Option<Decimal>, ApiError> {
        const RANGE: &str = "^([0-9]{1,20})(\\.[0-9]{1,20})?$";
        let Some(text) = self.get(name) else { return Ok(None) };
        let illegal = || ApiError::illegal_characters(name, RANGE);
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| (1..=20).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return Err(illegal());
        }
        if fraction.trim_end_matches('0').len() > scale {
            return Err(ApiError::bad(
                -1111,
                format!("Parameter '{name}' has too much precision."),
            ));
        }
        let shortened = format!("{whole}.{}", fraction.trim_end_matches('0'));
        let value: Decimal = shortened.trim_end_matches('.').parse().map_err(|_| illegal())?;
        if value > Decimal::new(i64::MAX, 8) {
            return Err(overflowed(name));
        }
        Ok(Some(value))
    }

    /// `true` or `false`, in any case.
    ///
    /// # Errors
    /// -1130.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(ApiError::invalid(name)),
        }
    }

    /// A moment in milliseconds or microseconds.
    ///
    /// # Errors
    /// -1100.
    pub fn moment(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        Ok(self.integer(name)?.map(|number| {
            if number >= MICROSECONDS_FROM {
                Timestamp::from_micros(number)
            } else {
                Timestamp::from_millis(number)
            }
        }))
    }

    /// `limit`: how many rows, from 1 up; more than `most` counts as `most`.
    ///
    /// # Errors
    /// -1100 or -1130.
    pub fn limit(&self, default: usize, most: usize) -> Result<usize, ApiError> {
        match self.integer("limit")? {
            None => Ok(default),
            Some(limit) if limit >= 1 => Ok(usize::try_from(limit).unwrap_or(most).min(most)),
            Some(_) => Err(ApiError::invalid("limit")),
        }
    }

    /// An order's number.
    ///
    /// # Errors
    /// -1100.
    pub fn order_id(&self, name: &str) -> Result<Option<OrderId>, ApiError> {
        Ok(self.integer(name)?.map(|number| OrderId(number.unsigned_abs())))
    }

    /// A client order id. Source: `^[a-zA-Z0-9-_]{1,36}$`.
    ///
    /// # Errors
    /// -1100.
    pub fn client_id(&self, name: &str) -> Result<Option<ClientOrderId>, ApiError> {
        const RANGE: &str = "^[a-zA-Z0-9-_]{1,36}$";
        let Some(text) = self.get(name) else { return Ok(None) };
        let legal = text.len() <= 36
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if legal {
            Ok(Some(ClientOrderId::from(text)))
        } else {
            Err(ApiError::illegal_characters(name, RANGE))
        }
    }

    /// `symbols`: a JSON array of symbols.
    ///
    /// # Errors
    /// -1135, -1100 or -1151.
    pub fn symbols(&self, name: &str) -> Result<Option<Vec<Symbol>>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let malformed = || ApiError::bad(-1135, format!("JSON sent for parameter '{name}' is not valid"));
        let texts: Vec<String> = serde_json::from_str(text).map_err(|_| malformed())?;
        let symbols = texts.iter().map(|text| symbol(text)).collect::<Result<Vec<_>, _>>()?;
        let mut sorted = symbols.clone();
        sorted.sort();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(ApiError::bad(-1151, "Symbol is present multiple times in the list."));
        }
        Ok(Some(symbols))
    }
}

/// -1108: the exchange keeps amounts as 64-bit integers of eight decimals.
fn overflowed(name: &str) -> ApiError {
    ApiError::bad(-1108, format!("Parameter '{name}' overflowed."))
}

fn symbol(text: &str) -> Result<Symbol, ApiError> {
    let legal = text.chars().count() <= 50 && text.chars().all(|c| c.is_alphanumeric() && !c.is_ascii_lowercase());
    if legal {
        Ok(Symbol::from(text))
    } else {
        Err(ApiError::illegal_characters("symbol", "^[\\w\\-._&&[^a-z]]{1,50}$"))
    }
}

fn json_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn decode_form(form: &str) -> Result<Vec<(String, String)>, ApiError> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for part in form.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let name = percent_decode(name);
        if pairs.iter().any(|(other, _)| *other == name) {
            return Err(ApiError::bad(-1101, "Duplicate values for a parameter detected."));
        }
        pairs.push((name, percent_decode(value)));
    }
    Ok(pairs)
}

/// Decodes `%XX` and `+`; what is not a valid escape stays as it is.
pub(crate) fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while place < bytes.len() {
        let escape = (bytes[place] == b'%')
            .then(|| text.get(place + 1..place + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (bytes[place], escape) {
            (_, Some(byte)) => {
                decoded.push(byte);
                place += 2;
            }
            (b'+', None) => decoded.push(b' '),
            (byte, None) => decoded.push(byte),
        }
        place += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The signature payload of the REST API: query and body exactly as sent, without a separator, without `signature`.
///
/// Source: Binance REST API, "SIGNED Endpoint Examples".
pub(crate) fn form_payload(query: &str, body: &str) -> String {
    format!("{}{}", without_signature(query), without_signature(body))
}

fn without_signature(form: &str) -> String {
    form.split('&')
        .filter(|part| !part.starts_with("signature="))
        .collect::<Vec<_>>()
        .join("&")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_query_wins_and_twice_is_refused() {
        let params = Params::from_form("symbol=BTCUSDT&a=1", "a=2&b=%5B%22x%22%5D").unwrap();
        assert_eq!((params.get("a"), params.get("b")), (Some("1"), Some("[\"x\"]")));
        assert_eq!(Params::from_form("a=1&a=2", "").unwrap_err().code, -1101);
    }

    #[test]
    fn decimals_are_checked_for_form_and_precision() {
        let params = Params::from_form("p=1.50000000000&q=1e5&r=0.123456789&s=-1&t=.5", "").unwrap();
        assert_eq!(params.decimal("p", 8).unwrap(), Some(Decimal::new(15, 1)));
        assert_eq!(params.decimal("q", 8).unwrap_err().code, -1100);
        assert_eq!(params.decimal("r", 8).unwrap_err().code, -1111);
        assert_eq!(params.decimal("s", 8).unwrap_err().code, -1100);
        assert_eq!(params.decimal("t", 8).unwrap_err().code, -1100);
        assert_eq!(params.decimal("u", 8).unwrap(), None);
        let params = Params::from_form("p=92233720368.54775808&i=-1&j=99999999999999999999", "").unwrap();
        assert_eq!(params.decimal("p", 8).unwrap_err().code, -1108);
        assert_eq!(params.integer("i").unwrap_err().code, -1100);
        assert_eq!(params.integer("j").unwrap_err().code, -1108);
    }

    #[test]
    fn payloads_are_built_as_documented() {
        assert_eq!(form_payload("a=1&b=2", "c=3&signature=ff"), "a=1&b=2c=3");
        let Value::Object(map) = serde_json::json!({"b": 2, "a": "x y", "signature": "s", "apiKey": "k"}) else {
            unreachable!()
        };
        assert_eq!(Params::from_json(&map).sorted_payload(), "a=x y&apiKey=k&b=2");
    }
}
