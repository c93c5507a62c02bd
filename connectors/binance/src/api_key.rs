//! The account's key: what a configuration says of it, and how a request is signed with it.

use colibri_sdk::standard::{ConnectorConfig, Credential, KeyKind, Refusal, RejectReason};
use colibri_sdk::{Authentication, Encoding, Request, Signature};

/// The account's key, as far as a connector may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiKey {
    /// What goes into the header `X-MBX-APIKEY`.
    pub id: String,
    /// How it signs.
    pub kind: KeyKind,
}

impl ApiKey {
    /// The key of a configuration; `None` where it has none.
    ///
    /// # Errors
    /// Half a credential, or a secret of a kind that Binance does not take.
    pub(crate) fn of(config: &ConnectorConfig) -> Result<Option<ApiKey>, String> {
        match (config.credentials.get("api_key"), config.credentials.get("secret")) {
            (None, None) => Ok(None),
            (Some(Credential::Public { value }), Some(Credential::Secret { kind })) => {
                if !matches!(kind, KeyKind::HmacSha256 | KeyKind::Ed25519 | KeyKind::Rsa) {
                    return Err("Binance takes secrets of the kinds hmac-sha256, ed25519 and rsa".to_owned());
                }
                if value.is_empty() || !value.bytes().all(|b| b.is_ascii_alphanumeric()) {
                    return Err("the API key is not one of Binance: it consists of letters and digits".to_owned());
                }
                Ok(Some(ApiKey {
                    id: value.clone(),
                    kind: *kind,
                }))
            }
            _ => Err("the account needs both api_key (public) and secret (secret)".to_owned()),
        }
    }

    /// rest-api.md, "SIGNED Endpoint security"; of contracts, general-info: the payload is the query as it is sent,
    /// percent-encoded, and the signature its last parameter. `timestamp` is the exchange's time in the market's unit.
    pub(crate) fn authenticate(&self, request: &mut Request, authentication: Authentication, timestamp: i64) {
        request.add_header("X-MBX-APIKEY", &self.id);
        if authentication == Authentication::Signed {
            request.add_query("timestamp", timestamp);
            let payload = request.query_text().to_owned();
            let signature = Signature::new("signature", "secret")
                .encoding(Encoding::OfTheKeyPercent)
                .over(payload);
            request.add_query_signature("signature", signature);
        }
    }
}

/// The key, for what cannot be asked without one.
pub(crate) fn needed(key: Option<&ApiKey>) -> Result<&ApiKey, Refusal> {
    key.ok_or_else(|| {
        Refusal::new(
            RejectReason::NotPermitted,
            "this instance has no API key: it reads public data only",
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn config(fields: &[(&str, Credential)]) -> ConnectorConfig {
        ConnectorConfig {
            credentials: fields.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(),
            ..ConnectorConfig::default()
        }
    }

    #[test]
    fn credentials_are_whole_or_absent() {
        let key = |value: &str| Credential::Public {
            value: value.to_owned(),
        };
        let secret = |kind| Credential::Secret { kind };
        assert_eq!(ApiKey::of(&config(&[])), Ok(None));
        let whole = config(&[("api_key", key("abc1")), ("secret", secret(KeyKind::Ed25519))]);
        assert_eq!(ApiKey::of(&whole).unwrap().unwrap().id, "abc1");
        for bad in [
            config(&[("api_key", key("abc1"))]),
            config(&[("secret", secret(KeyKind::HmacSha256))]),
            config(&[("api_key", key("abc1")), ("secret", secret(KeyKind::Text))]),
            config(&[("api_key", key("a${x}")), ("secret", secret(KeyKind::HmacSha256))]),
            config(&[("api_key", secret(KeyKind::HmacSha256)), ("secret", key("abc1"))]),
        ] {
            assert!(ApiKey::of(&bad).is_err(), "{bad:?}");
        }
    }
}
