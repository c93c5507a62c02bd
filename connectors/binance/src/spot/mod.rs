//! Binance spot. This file says who we are and which function answers what; each subject has a file of its own.

mod account;
mod exchange_info;
mod execution;
mod failure;
mod market;
mod market_stream;
mod moment;
mod order_report;
mod order_request;
mod trading;
mod user_stream;

use colibri_sdk::standard::{
    Candles, Capability, ConnectorConfig, Credential, KeyKind, OrdersSince, Outcome, Refusal, RejectReason,
    SessionRole, TradesSince, UsedInstrument,
};
use colibri_sdk::{
    AmendOrder, Asked, Authentication, Emit, Encoding, Heard, Moment, Opening, OrderCommand, OrderRef, PlaceOrder,
    ReplaceOrder, Reply, Request, Signature, Spot, Topic, TopicChange, Unreadable,
};

pub use moment::exchange_ns;
use order_request::Door;

/// The account's key, as far as a connector may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ApiKey {
    /// What goes into the header `X-MBX-APIKEY`.
    id: String,
    /// How it signs.
    kind: KeyKind,
}

/// Binance spot: one account, or the public data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinanceSpot {
    key: Option<ApiKey>,
}

impl BinanceSpot {
    /// A connector of a configuration.
    ///
    /// # Errors
    /// Half a credential, or a secret of a kind that Binance does not take.
    pub fn new(config: &ConnectorConfig) -> Result<BinanceSpot, String> {
        let key = match (config.credentials.get("api_key"), config.credentials.get("secret")) {
            (None, None) => None,
            (Some(Credential::Public { value }), Some(Credential::Secret { kind })) => {
                if !matches!(kind, KeyKind::HmacSha256 | KeyKind::Ed25519 | KeyKind::Rsa) {
                    return Err("Binance takes secrets of the kinds hmac-sha256, ed25519 and rsa".to_owned());
                }
                if value.is_empty() || !value.bytes().all(|b| b.is_ascii_alphanumeric()) {
                    return Err("the API key is not one of Binance: it consists of letters and digits".to_owned());
                }
                Some(ApiKey {
                    id: value.clone(),
                    kind: *kind,
                })
            }
            _ => return Err("the account needs both api_key (public) and secret (secret)".to_owned()),
        };
        Ok(BinanceSpot { key })
    }

    /// The key, for what cannot be asked without one.
    fn key(&self) -> Result<&ApiKey, Refusal> {
        self.key.as_ref().ok_or_else(|| {
            Refusal::new(
                RejectReason::NotPermitted,
                "this instance has no API key: it reads public data only",
            )
        })
    }

    /// Refuses a private operation of an instance without a key before anything is sent.
    fn private(&self, operation: impl FnOnce() -> Asked) -> Asked {
        self.key()?;
        operation()
    }
}

/// What Binance spot can do beyond the standard's core.
const CAPABILITIES: &[Capability] = &[
    Capability::MarketOrders,
    Capability::LimitMaker,
    Capability::Ioc,
    Capability::Fok,
    Capability::QuoteQuantity,
    Capability::CancelAll,
    Capability::AmendKeepPriority,
    Capability::Replace,
    Capability::StatusByClientId,
    Capability::UserStream,
    Capability::Candles,
    Capability::FeeRates,
    Capability::OrderHistory,
];

impl Spot for BinanceSpot {
    fn capabilities(&self) -> &'static [Capability] {
        CAPABILITIES
    }

    /// rest-api.md, "SIGNED Endpoint security": the payload is the query as it is sent, percent-encoded, and the signature
    /// its last parameter. Times of the answer are asked for in microseconds ("General API Information").
    fn authenticate(&self, request: &mut Request, authentication: Authentication, moment: &Moment) {
        let Some(key) = &self.key else { return };
        request.add_header("X-MBX-APIKEY", &key.id);
        request.add_header("X-MBX-TIME-UNIT", "MICROSECOND");
        if authentication == Authentication::Signed {
            request.add_query("timestamp", moment.exchange_micros());
            let payload = request.query_text().to_owned();
            let signature = Signature::new("signature", "secret")
                .encoding(Encoding::OfTheKeyPercent)
                .over(payload);
            request.add_query_signature("signature", signature);
        }
    }

    fn refusal(&self, reply: &Reply<'_>) -> Outcome {
        failure::of_reply(reply)
    }

    fn place(&self, order: &PlaceOrder<'_>) -> Asked {
        self.private(|| trading::place(order, Door::Http))
    }
    fn cancel(&self, order: &OrderRef<'_>) -> Asked {
        self.private(|| trading::cancel(order, Door::Http))
    }
    fn amend(&self, order: &AmendOrder<'_>) -> Asked {
        self.private(|| trading::amend(order, Door::Http))
    }
    fn replace(&self, order: &ReplaceOrder<'_>) -> Asked {
        self.private(|| trading::replace(order, Door::Http))
    }
    fn over_stream(&self, order: &OrderCommand<'_>) -> Asked {
        trading::order(order, Door::Socket(self.key()?))
    }
    fn cancel_all(&self, instrument: &UsedInstrument) -> Asked {
        self.private(|| trading::cancel_all(instrument))
    }

    fn instruments(&self) -> Asked {
        exchange_info::instruments()
    }
    fn server_time(&self) -> Asked {
        market::server_time()
    }
    fn book_snapshot(&self, instrument: &UsedInstrument, depth: u32) -> Asked {
        market::book_snapshot(instrument, depth)
    }
    fn candles(&self, instrument: &UsedInstrument, query: &Candles) -> Asked {
        market::candles(instrument, query)
    }

    fn balances(&self) -> Asked {
        self.private(account::balances)
    }
    fn fees(&self, instrument: &UsedInstrument) -> Asked {
        self.private(|| account::fees(instrument))
    }
    fn open_orders(&self, instrument: Option<&UsedInstrument>) -> Asked {
        self.private(|| account::open_orders(instrument))
    }
    fn order_status(&self, order: &OrderRef<'_>) -> Asked {
        self.private(|| account::order_status(order))
    }
    fn orders_since(&self, instrument: &UsedInstrument, query: &OrdersSince) -> Asked {
        self.private(|| account::orders_since(instrument, query))
    }
    fn trades_since(&self, instrument: &UsedInstrument, query: &TradesSince) -> Asked {
        self.private(|| account::trades_since(instrument, query))
    }

    fn session(&self, role: SessionRole) -> Result<Opening, Refusal> {
        Ok(Opening::Stream(match role {
            SessionRole::Market => market_stream::plan(),
            SessionRole::User => user_stream::plan(self.key()?),
        }))
    }
    fn topics(&self, change: TopicChange, topics: &[Topic<'_>], id: u64) -> String {
        market_stream::topics(change, topics, id)
    }
    fn frame(&mut self, role: SessionRole, bytes: &[u8], out: &mut Emit<'_>) -> Result<Heard, Unreadable> {
        match role {
            SessionRole::Market => market_stream::frame(bytes, out),
            SessionRole::User => user_stream::frame(bytes, out),
        }
    }
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
        assert!(BinanceSpot::new(&config(&[])).unwrap().key.is_none());
        assert!(
            BinanceSpot::new(&config(&[
                ("api_key", key("abc1")),
                ("secret", secret(KeyKind::Ed25519))
            ]))
            .is_ok()
        );
        for bad in [
            config(&[("api_key", key("abc1"))]),
            config(&[("secret", secret(KeyKind::HmacSha256))]),
            config(&[("api_key", key("abc1")), ("secret", secret(KeyKind::Text))]),
            config(&[("api_key", key("a${x}")), ("secret", secret(KeyKind::HmacSha256))]),
            config(&[("api_key", secret(KeyKind::HmacSha256)), ("secret", key("abc1"))]),
        ] {
            assert!(BinanceSpot::new(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn without_a_key_nothing_private_is_sent() {
        let public = BinanceSpot::new(&config(&[])).unwrap();
        assert_eq!(public.balances().unwrap_err().reason, RejectReason::NotPermitted);
        assert!(public.session(SessionRole::User).is_err());
        assert!(public.session(SessionRole::Market).is_ok());
        assert!(public.instruments().is_ok());
    }
}
