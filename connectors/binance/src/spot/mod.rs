//! Binance spot. This file says who we are and which function answers what; each subject has a file of its own.

mod account;
mod exchange_info;
mod execution;
mod failure;
mod market;
mod market_stream;
mod order_report;
mod order_request;
mod trading;
mod user_stream;

use colibri_sdk::standard::{
    Candles, Capability, ConnectorConfig, OrdersSince, Outcome, Refusal, SessionRole, TradesSince, UsedInstrument,
};
use colibri_sdk::{
    AmendOrder, Asked, Authentication, Emit, Heard, Moment, Opening, OrderCommand, OrderRef, PlaceOrder, ReplaceOrder,
    Reply, Request, Spot, Topic, TopicChange, Unreadable,
};

use crate::api_key::{self, ApiKey};
use market_stream::SpotFrames;
use order_request::Door;

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
        Ok(BinanceSpot {
            key: ApiKey::of(config)?,
        })
    }

    /// The key, for what cannot be asked without one.
    fn key(&self) -> Result<&ApiKey, Refusal> {
        api_key::needed(self.key.as_ref())
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

    /// Times of the answer are asked for in microseconds (rest-api.md, "General API Information").
    fn authenticate(&self, request: &mut Request, authentication: Authentication, moment: &Moment) {
        let Some(key) = &self.key else { return };
        request.add_header("X-MBX-TIME-UNIT", "MICROSECOND");
        key.authenticate(request, authentication, moment.exchange_micros());
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
        crate::market_stream::topics(change, topics, id, market_stream::stream)
    }
    fn frame(&mut self, role: SessionRole, bytes: &[u8], out: &mut Emit<'_>) -> Result<Heard, Unreadable> {
        match role {
            SessionRole::Market => crate::market_stream::frame::<SpotFrames>(bytes, out),
            SessionRole::User => user_stream::frame(bytes, out),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use colibri_sdk::standard::RejectReason;

    use super::*;

    #[test]
    fn without_a_key_nothing_private_is_sent() {
        let public = BinanceSpot::new(&ConnectorConfig::default()).unwrap();
        assert_eq!(public.balances().unwrap_err().reason, RejectReason::NotPermitted);
        assert!(public.session(SessionRole::User).is_err());
        assert!(public.session(SessionRole::Market).is_ok());
        assert!(public.instruments().is_ok());
    }
}
