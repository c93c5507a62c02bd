//! Binance's USD-margined contracts, perpetual and dated. This file says who we are and which function answers what; each
//! subject has a file of its own.

mod account;
mod account_update;
mod exchange_info;
mod execution;
mod failure;
mod forced;
mod funding;
mod history;
mod market;
mod market_stream;
mod order_report;
mod positions;
mod settings;
mod trading;
mod triggers;
mod user_stream;

use colibri_sdk::model::{CollateralMode, MarginMode, PositionMode, TriggerIntent, WallNs};
use colibri_sdk::standard::{
    Candles, Capability, Channel, ConnectorConfig, OrdersSince, Outcome, Refusal, SessionRole, SetLeverage,
    TradesSince, UsedInstrument,
};
use colibri_sdk::{
    AmendOrder, Asked, Authentication, Emit, Heard, Moment, Opening, OrderRef, Perp, PlaceOrder, Reply, Request, Spot,
    Topic, TopicChange, Unreadable, unsupported,
};

use crate::api_key::{self, ApiKey};
use forced::Forced;
use market_stream::ContractFrames;

/// Binance's USD-margined contracts: one account, or the public data.
#[derive(Debug)]
pub struct BinancePerpetual {
    key: Option<ApiKey>,
    /// The orders that the exchange made by itself, as far as they were told of.
    forced: Forced,
}

impl BinancePerpetual {
    /// A connector of a configuration.
    ///
    /// # Errors
    /// Half a credential, or a secret of a kind that Binance does not take.
    pub fn new(config: &ConnectorConfig) -> Result<BinancePerpetual, String> {
        Ok(BinancePerpetual {
            key: ApiKey::of(config)?,
            forced: Forced::default(),
        })
    }

    /// Refuses a private operation of an instance without a key before anything is sent.
    fn private(&self, operation: impl FnOnce(Forced) -> Asked) -> Asked {
        api_key::needed(self.key.as_ref())?;
        operation(self.forced.clone())
    }
}

/// What the market can do beyond the standard's core.
const CAPABILITIES: &[Capability] = &[
    Capability::MarketOrders,
    Capability::LimitMaker,
    Capability::Ioc,
    Capability::Fok,
    Capability::CancelAll,
    Capability::BatchPlace,
    Capability::BatchCancel,
    Capability::StatusByClientId,
    Capability::OrderHistory,
    Capability::UserStream,
    Capability::Candles,
    Capability::FeeRates,
    Capability::ReduceOnly,
    Capability::HedgeMode,
    Capability::GoodTillDate,
    Capability::SetLeverage,
    Capability::SetMarginMode,
    Capability::SetPositionMode,
    Capability::SetCollateralMode,
    Capability::TriggerByLast,
    Capability::TriggerByMark,
    Capability::TriggerLimit,
    Capability::TriggerClosePosition,
    Capability::CancelAllTriggers,
    Capability::MarginTiers,
    Capability::FundingPayments,
];

impl Spot for BinancePerpetual {
    fn capabilities(&self) -> &'static [Capability] {
        CAPABILITIES
    }

    /// general-info, "SIGNED Endpoint Security": times are milliseconds.
    fn authenticate(&self, request: &mut Request, authentication: Authentication, moment: &Moment) {
        if let Some(key) = &self.key {
            key.authenticate(request, authentication, moment.exchange_millis());
        }
    }

    fn refusal(&self, reply: &Reply<'_>) -> Outcome {
        failure::of_reply(reply)
    }

    fn place(&self, order: &PlaceOrder<'_>) -> Asked {
        self.private(|forced| trading::place(order, forced))
    }
    fn cancel(&self, order: &OrderRef<'_>) -> Asked {
        self.private(|forced| trading::cancel(order, forced))
    }
    fn amend(&self, order: &AmendOrder<'_>) -> Asked {
        self.private(|forced| trading::amend(order, forced))
    }
    fn place_batch(&self, orders: &[PlaceOrder<'_>]) -> Asked {
        self.private(|forced| trading::place_batch(orders, forced))
    }
    fn cancel_batch(&self, orders: &[OrderRef<'_>]) -> Asked {
        self.private(|forced| trading::cancel_batch(orders, forced))
    }
    fn cancel_all(&self, instrument: &UsedInstrument) -> Asked {
        self.private(|_| trading::cancel_all(instrument))
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
        self.private(|_| account::balances())
    }
    fn fees(&self, instrument: &UsedInstrument) -> Asked {
        self.private(|_| account::fees(instrument))
    }
    fn open_orders(&self, instrument: Option<&UsedInstrument>) -> Asked {
        self.private(|forced| account::open_orders(instrument, forced))
    }
    fn order_status(&self, order: &OrderRef<'_>) -> Asked {
        self.private(|forced| account::order_status(order, forced))
    }
    fn orders_since(&self, instrument: &UsedInstrument, query: &OrdersSince) -> Asked {
        self.private(|forced| history::orders_since(instrument, query, forced))
    }
    fn trades_since(&self, instrument: &UsedInstrument, query: &TradesSince) -> Asked {
        self.private(|forced| history::trades_since(instrument, query, forced))
    }

    fn session(&self, role: SessionRole) -> Result<Opening, Refusal> {
        match role {
            SessionRole::Market => Ok(Opening::Streams(market_stream::plans())),
            SessionRole::User => {
                api_key::needed(self.key.as_ref())?;
                Ok(Opening::Ask(user_stream::opening()))
            }
        }
    }
    fn renew(&self, role: SessionRole) -> Asked {
        match role {
            SessionRole::User => self.private(|_| user_stream::renewal()),
            SessionRole::Market => Err(unsupported("renewing a market session")),
        }
    }
    fn channels(&self) -> &'static [Channel] {
        Channel::PERP
    }
    fn carrier(&self, channel: Channel) -> Channel {
        market_stream::carrier(channel)
    }
    fn topics(&self, change: TopicChange, topics: &[Topic<'_>], id: u64) -> String {
        crate::market_stream::topics(change, topics, id, market_stream::stream)
    }
    fn frame(&mut self, role: SessionRole, bytes: &[u8], out: &mut Emit<'_>) -> Result<Heard, Unreadable> {
        match role {
            SessionRole::Market => crate::market_stream::frame::<ContractFrames>(bytes, out),
            SessionRole::User => user_stream::frame(bytes, &self.forced, out),
        }
    }

    fn state(&self) -> Option<String> {
        self.forced.to_text()
    }
    fn restore(&mut self, state: &str) -> Result<(), String> {
        self.forced.restore(state)
    }
}

impl Perp for BinancePerpetual {
    fn positions(&self, instrument: Option<&UsedInstrument>) -> Asked {
        self.private(|_| positions::positions(instrument))
    }
    fn settings(&self, instrument: Option<&UsedInstrument>) -> Asked {
        self.private(|_| settings::settings(instrument))
    }
    fn margin(&self) -> Asked {
        self.private(|_| positions::margin())
    }
    fn margin_tiers(&self, instrument: &UsedInstrument) -> Asked {
        self.private(|_| positions::margin_tiers(instrument))
    }
    fn funding_rate(&self, instrument: &UsedInstrument) -> Asked {
        funding::rate(instrument)
    }
    fn funding_payments_since(&self, instrument: Option<&UsedInstrument>, since: WallNs) -> Asked {
        self.private(|_| funding::payments_since(instrument, since))
    }

    fn set_leverage(&self, instrument: &UsedInstrument, wanted: &SetLeverage) -> Asked {
        self.private(|_| settings::set_leverage(instrument, wanted))
    }
    fn set_margin_mode(&self, instrument: Option<&UsedInstrument>, mode: MarginMode) -> Asked {
        self.private(|_| settings::set_margin_mode(instrument, mode))
    }
    fn set_position_mode(&self, instrument: Option<&UsedInstrument>, mode: PositionMode) -> Asked {
        self.private(|_| settings::set_position_mode(instrument, mode))
    }
    fn set_collateral_mode(&self, mode: CollateralMode) -> Asked {
        self.private(|_| settings::set_collateral_mode(mode))
    }

    fn place_trigger(&self, instrument: &UsedInstrument, trigger: &TriggerIntent) -> Asked {
        self.private(|_| triggers::place(instrument, trigger))
    }
    fn cancel_trigger(&self, trigger: &OrderRef<'_>) -> Asked {
        self.private(|_| triggers::cancel(trigger))
    }
    fn cancel_all_triggers(&self, instrument: &UsedInstrument) -> Asked {
        self.private(|_| triggers::cancel_all(instrument))
    }
    fn open_triggers(&self, instrument: Option<&UsedInstrument>) -> Asked {
        self.private(|_| triggers::open(instrument))
    }
    fn trigger_status(&self, trigger: &OrderRef<'_>) -> Asked {
        self.private(|_| triggers::status(trigger))
    }
}
