//! Perpetual contracts: their filters, their leverage brackets, their funding. Names follow Binance's USD-M pages; the values
//! are close to the live ones.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::limits::LimitConfig;
use super::market::{LotRule, MarketStatus, PriceRule};
use crate::identity::{Asset, Symbol};
use crate::margin::Tier;

/// `PERCENT_PRICE`: how far a limit price may be from the mark price, as factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PercentMarkRule {
    /// Greatest factor, for buys.
    pub up: Decimal,
    /// Least factor, for sells.
    pub down: Decimal,
}

/// When and how much longs and shorts pay each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FundingRule {
    /// Seconds between two settlements, 1 to 28 800; settlements are aligned to the clock. Binance's is 28 800.
    pub interval_seconds: u32,
    /// The interest part of the rate of one settlement.
    pub interest_rate: Decimal,
    /// The rate is never above this, nor below its negative.
    pub cap: Decimal,
    /// Where given, the rate is this, whatever the premium.
    pub fixed_rate: Option<Decimal>,
}

impl Default for FundingRule {
    fn default() -> Self {
        Self {
            interval_seconds: 28_800,
            interest_rate: Decimal::new(1, 4),
            cap: Decimal::new(3, 3),
            fixed_rate: None,
        }
    }
}

/// A perpetual contract, linear: profit is in the quote asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerpetualConfig {
    /// Such as `BTCUSDT`.
    pub symbol: Symbol,
    /// Such as `BTC`.
    pub base: Asset,
    /// The quote and margin asset, such as `USDT`.
    pub quote: Asset,
    /// Whether it trades.
    #[serde(default)]
    pub status: MarketStatus,
    /// Where the price starts, in quote per base.
    pub start_price: Decimal,
    /// `PRICE_FILTER`.
    pub price: PriceRule,
    /// `LOT_SIZE`.
    pub lot: LotRule,
    /// `MARKET_LOT_SIZE`.
    pub market_lot: LotRule,
    /// `MIN_NOTIONAL`.
    pub min_notional: Decimal,
    /// `PERCENT_PRICE`.
    pub percent_price: PercentMarkRule,
    /// `MAX_NUM_ORDERS`.
    pub max_num_orders: u32,
    /// Leverage brackets, smallest first.
    pub tiers: Vec<Tier>,
    /// What a liquidation costs, as a fraction of the position's value.
    pub liquidation_fee: Decimal,
    /// How far the mark and the last price may be apart for a trigger with `priceProtect`, as a fraction.
    pub trigger_protect: Decimal,
    /// Funding.
    #[serde(default)]
    pub funding: FundingRule,
    /// How far the index strays from the book where no spot market leads it: deviation over a minute, in basis points.
    #[serde(default)]
    pub premium_bps: Decimal,
}

impl PerpetualConfig {
    /// A contract with ordinary filters: `tick` and `lot` are the steps of price and quantity.
    pub fn new(base: &str, quote: &str, start_price: Decimal, tick: Decimal, lot: Decimal) -> Self {
        let tier = |cap: i64, max_leverage: u32, rate: Decimal| Tier {
            cap: Decimal::from(cap),
            max_leverage,
            maintenance_rate: rate,
        };
        Self {
            symbol: Symbol::new(format!("{base}{quote}")),
            base: Asset::from(base),
            quote: Asset::from(quote),
            status: MarketStatus::Trading,
            start_price,
            price: PriceRule {
                min: tick,
                max: Decimal::from(5_000_000),
                tick,
            },
            lot: LotRule {
                min: lot,
                max: Decimal::from(10_000),
                step: lot,
            },
            market_lot: LotRule {
                min: lot,
                max: Decimal::from(1_200),
                step: lot,
            },
            min_notional: Decimal::from(20),
            percent_price: PercentMarkRule {
                up: Decimal::new(105, 2),
                down: Decimal::new(95, 2),
            },
            max_num_orders: 200,
            tiers: vec![
                tier(300_000, 125, Decimal::new(4, 3)),
                tier(800_000, 100, Decimal::new(5, 3)),
                tier(3_000_000, 75, Decimal::new(65, 4)),
                tier(12_000_000, 50, Decimal::new(1, 2)),
                tier(70_000_000, 25, Decimal::new(2, 2)),
                tier(230_000_000, 10, Decimal::new(5, 2)),
                tier(1_800_000_000, 1, Decimal::new(5, 1)),
            ],
            liquidation_fee: Decimal::new(125, 4),
            trigger_protect: Decimal::new(5, 2),
            funding: FundingRule::default(),
            premium_bps: Decimal::from(2),
        }
    }

    /// Bitcoin against Tether: tick 0.1, lot 0.001.
    pub fn btcusdt() -> Self {
        Self::new(
            "BTC",
            "USDT",
            Decimal::from(60_000),
            Decimal::new(1, 1),
            Decimal::new(1, 3),
        )
    }

    /// Ether against Tether: tick 0.01, lot 0.001.
    pub fn ethusdt() -> Self {
        Self::new(
            "ETH",
            "USDT",
            Decimal::from(2_500),
            Decimal::new(1, 2),
            Decimal::new(1, 3),
        )
    }
}

/// What all contracts of an exchange share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContractsConfig {
    /// What the insurance fund begins with, in the margin asset; zero or more. When it is empty, profitable positions are
    /// deleveraged.
    pub insurance_fund: Decimal,
    /// An account is warned when its maintenance margin is this part of what answers for it, above 0 and up to 1.
    pub margin_call_ratio: Decimal,
    /// Triggers that an account may have waiting.
    pub max_triggers: u32,
    /// How long a listen key lives without being kept alive, in seconds.
    pub listen_key_seconds: u32,
    /// An order that is good till a date works for longer than this, in seconds. Source: Binance, USD-M futures, "New Order",
    /// `goodTillDate`.
    pub good_till_seconds: u32,
    /// Request and order limits, counted apart from spot's.
    pub limits: ContractLimits,
}

impl Default for ContractsConfig {
    fn default() -> Self {
        Self {
            insurance_fund: Decimal::from(1_000_000),
            margin_call_ratio: Decimal::new(8, 1),
            max_triggers: 200,
            listen_key_seconds: 3_600,
            good_till_seconds: 600,
            limits: ContractLimits::default(),
        }
    }
}

/// How much a client may ask. Source: Binance, USD-M futures, "General Info", "LIMITS".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContractLimits {
    /// Request weight per minute and address.
    pub weight_per_minute: u32,
    /// Orders per ten seconds and account, filled or not.
    pub orders_per_10_seconds: u32,
    /// Orders per minute and account, filled or not.
    pub orders_per_minute: u32,
    /// Requests answered with 429, within one window, after which the address is banned.
    pub violations_before_ban: u32,
    /// Length of the first ban; each further ban doubles it, up to three days.
    pub first_ban_seconds: u32,
    /// WebSocket connections opened per five minutes and address.
    pub connections_per_5_minutes: u32,
    /// Messages a client may send on a connection per second before it is disconnected.
    pub stream_messages_per_second: u32,
}

impl Default for ContractLimits {
    fn default() -> Self {
        let spot = LimitConfig::default();
        Self {
            weight_per_minute: 2_400,
            orders_per_10_seconds: 300,
            orders_per_minute: 1_200,
            violations_before_ban: spot.violations_before_ban,
            first_ban_seconds: spot.first_ban_seconds,
            connections_per_5_minutes: spot.connections_per_5_minutes,
            stream_messages_per_second: 10,
        }
    }
}

impl ContractLimits {
    /// The same numbers for the counters that both markets share; there the longer order window has spot's name.
    pub(crate) fn counted(self) -> LimitConfig {
        LimitConfig {
            weight_per_minute: self.weight_per_minute,
            requests_per_5_minutes: u32::MAX,
            orders_per_10_seconds: self.orders_per_10_seconds,
            orders_per_day: self.orders_per_minute,
            violations_before_ban: self.violations_before_ban,
            first_ban_seconds: self.first_ban_seconds,
            connections_per_5_minutes: self.connections_per_5_minutes,
            stream_messages_per_second: self.stream_messages_per_second,
        }
    }
}
