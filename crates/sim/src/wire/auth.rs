//! Who is asking: API keys, signatures, and whether a request is in time.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::{hmac, signature};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::error::ApiError;
use super::params::{Params, form_payload};
use super::transport::HttpRequest;
use crate::config::{ApiKeyConfig, ConfigError, KeyPermission};
use crate::identity::{AccountId, ApiKey};
use crate::time::{Span, Timestamp};

/// How far a timestamp may be ahead of the exchange's clock. Source: Binance REST API, "Timing security".
const AHEAD: Span = Span::from_millis(1_000);
/// `recvWindow` where none is sent.
const DEFAULT_WINDOW: Span = Span::from_millis(5_000);
/// Greatest `recvWindow`, in milliseconds.
const LONGEST_WINDOW: i64 = 60_000;

/// An API key as the exchange knows it.
pub struct KeyRecord {
    /// Whose.
    pub account: AccountId,
    /// What it may do beside reading.
    pub permission: KeyPermission,
    hmac: Option<hmac::Key>,
    ed25519: Option<[u8; 32]>,
}

impl KeyRecord {
    /// Whether the key may log on to a WebSocket session: Ed25519 alone may.
    pub fn is_ed25519(&self) -> bool {
        self.ed25519.is_some()
    }

    /// Whether `signature` signs `payload`: hex in any case for HMAC, base64 for Ed25519.
    pub fn verifies(&self, payload: &str, text: &str) -> bool {
        let by_hmac = self
            .hmac
            .as_ref()
            .is_some_and(|key| from_hex(text).is_some_and(|tag| hmac::verify(key, payload.as_bytes(), &tag).is_ok()));
        by_hmac
            || self.ed25519.as_ref().is_some_and(|key| {
                let public = signature::UnparsedPublicKey::new(&signature::ED25519, key);
                BASE64
                    .decode(text)
                    .is_ok_and(|signature| public.verify(payload.as_bytes(), &signature).is_ok())
            })
    }
}

/// Every API key.
#[derive(Default)]
pub struct KeyRing {
    keys: BTreeMap<ApiKey, KeyRecord>,
}

impl KeyRing {
    /// Adds a key of an account.
    ///
    /// # Errors
    /// A [`ConfigError`] when the key is known already, unreadable, or cannot verify anything.
    pub fn add(&mut self, account: AccountId, config: &ApiKeyConfig) -> Result<(), ConfigError> {
        let api_key = config.api_key.to_string();
        if self.keys.contains_key(&config.api_key) {
            return Err(ConfigError::Duplicate {
                what: "API key",
                name: api_key,
            });
        }
        let ed25519 = match &config.ed25519_public_key {
            Some(text) => Some(public_key(&text.0).ok_or_else(|| ConfigError::BadPublicKey {
                api_key: api_key.clone(),
            })?),
            None => None,
        };
        let hmac = config
            .hmac_secret
            .as_ref()
            .map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()));
        if hmac.is_none() && ed25519.is_none() {
            return Err(ConfigError::KeyWithoutSecret { api_key });
        }
        let record = KeyRecord {
            account,
            permission: config.permission,
            hmac,
            ed25519,
        };
        self.keys.insert(config.api_key.clone(), record);
        Ok(())
    }

    /// The record of a key.
    ///
    /// # Errors
    /// -2014 for a malformed key, -2015 for an unknown one.
    pub fn find(&self, api_key: &str) -> Result<&KeyRecord, ApiError> {
        if api_key.is_empty() || !api_key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(bad_key_format());
        }
        self.keys.get(&ApiKey::from(api_key)).ok_or_else(ApiError::rejected_key)
    }
}

/// -2014.
pub fn bad_key_format() -> ApiError {
    ApiError::new(401, -2014, "API-key format invalid.")
}

/// -1022.
pub fn bad_signature() -> ApiError {
    ApiError::bad(-1022, "Signature for this request is not valid.")
}

/// Checks `timestamp` and `recvWindow` against the exchange's clock.
///
/// # Errors
/// -1102 when the timestamp is missing or the window too long, -1100 when malformed, -1021 when out of time.
pub fn check_timing(params: &Params, now: Timestamp) -> Result<(), ApiError> {
    let timestamp = params
        .moment("timestamp")?
        .ok_or_else(|| ApiError::missing("timestamp"))?;
    let window = match params.decimal("recvWindow", 3)? {
        None => DEFAULT_WINDOW,
        Some(window) if window > Decimal::from(LONGEST_WINDOW) => {
            let message = format!("'recvWindow' contains unexpected value. Cannot be greater than {LONGEST_WINDOW}.");
            return Err(ApiError::bad(-1102, message));
        }
        Some(window) => Span::from_micros((window * Decimal::from(1_000)).to_i64().unwrap_or_default()),
    };
    if timestamp >= now.after(AHEAD) {
        let message = "Timestamp for this request was 1000ms ahead of the server's time.";
        return Err(ApiError::bad(-1021, message));
    }
    if now.since(timestamp) > window {
        return Err(ApiError::bad(
            -1021,
            "Timestamp for this request is outside of the recvWindow.",
        ));
    }
    Ok(())
}

/// The account behind a signed REST request.
///
/// # Errors
/// -2014, -2015, -1102, -1022 or -1021, in this order.
pub fn authorize(
    keys: &KeyRing,
    request: &HttpRequest,
    params: &Params,
    permission: KeyPermission,
    now: Timestamp,
) -> Result<AccountId, ApiError> {
    let api_key = request.header("X-MBX-APIKEY").ok_or_else(bad_key_format)?;
    let record = keys.find(api_key)?;
    params.required("timestamp")?;
    let signature = params.required("signature")?;
    if !record.verifies(&form_payload(&request.query, &request.body), signature) {
        return Err(bad_signature());
    }
    check_timing(params, now)?;
    if permission == KeyPermission::Trade && record.permission != KeyPermission::Trade {
        return Err(ApiError::rejected_key());
    }
    Ok(record.account)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

/// The 32 key bytes out of PEM, base64 of DER, or base64 of the bare key.
fn public_key(text: &str) -> Option<[u8; 32]> {
    let body: String = text
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .map(str::trim)
        .collect();
    let bytes = BASE64.decode(body).ok()?;
    // A SubjectPublicKeyInfo of Ed25519 is 12 bytes of frame before the key (RFC 8410).
    match bytes.len() {
        32 | 44 => bytes[bytes.len() - 32..].try_into().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{AccountConfig, HmacSecret};

    /// The example of Binance's REST API page, "SIGNED Endpoint Examples for POST /api/v3/order".
    #[test]
    fn the_documented_signatures_are_accepted() {
        let config = ApiKeyConfig {
            api_key: ApiKey::from("vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"),
            hmac_secret: Some(HmacSecret::new(
                "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
            )),
            ed25519_public_key: None,
            permission: KeyPermission::Trade,
        };
        let mut ring = KeyRing::default();
        ring.add(AccountId(0), &config).unwrap();
        let record = ring.find(config.api_key.as_str()).unwrap();
        let rest = "&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";
        for (symbol, signature) in [
            (
                "LTCBTC",
                "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
            ),
            (
                "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96",
                "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
            ),
        ] {
            let payload = format!("symbol={symbol}{rest}");
            assert!(record.verifies(&payload, signature));
            assert!(record.verifies(&payload, &signature.to_uppercase()));
            assert!(!record.verifies(&format!("{payload}0"), signature));
        }
        assert!(!format!("{config:?}").contains("NhqPtm"));
    }

    #[test]
    fn every_form_of_a_public_key_is_read() {
        let demo = AccountConfig::demo();
        let bare = demo.keys[1].ed25519_public_key.clone().unwrap().0;
        let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        der.extend(BASE64.decode(&bare).unwrap());
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            BASE64.encode(&der)
        );
        assert_eq!(public_key(&bare), public_key(&pem));
        assert!(public_key("AAAA").is_none());
    }

    #[test]
    fn a_request_is_in_time_or_refused() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let check = |query: &str| check_timing(&Params::from_form(query, "").unwrap(), now).map_err(|e| e.code);
        assert_eq!(check("timestamp=1700000000999"), Ok(()));
        assert_eq!(check("timestamp=1700000001000"), Err(-1021));
        assert_eq!(check("timestamp=1699999995000"), Ok(()));
        assert_eq!(check("timestamp=1699999994999"), Err(-1021));
        assert_eq!(check("timestamp=1699999994999&recvWindow=6000.346"), Ok(()));
        assert_eq!(check("timestamp=1699999999999000&recvWindow=1"), Ok(()));
        assert_eq!(check("timestamp=1699999999998999&recvWindow=1"), Err(-1021));
        assert_eq!(check("timestamp=1700000000000&recvWindow=60001"), Err(-1102));
        assert_eq!(check("recvWindow=5000"), Err(-1102));
    }
}
