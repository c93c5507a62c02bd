//! Markets and their filters. Names follow Binance's filters page; the values are close to the live ones.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::identity::{Asset, Symbol};
use crate::matching::SelfTradePrevention;

/// Whether a market trades. Source: Binance, enums, "Symbol status".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MarketStatus {
    /// Orders are accepted.
    #[default]
    Trading,
    /// No orders for now.
    Halt,
    /// No orders until further notice.
    Break,
    /// No new orders, but cancels; its face shows it as trading, as exchanges do that restrict a symbol for an account.
    CancelOnly,
}

/// `PRICE_FILTER`: bounds and step of prices in quote; a zero switches that rule off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRule {
    /// Least price.
    pub min: Decimal,
    /// Greatest price.
    pub max: Decimal,
    /// Step.
    pub tick: Decimal,
}

/// `LOT_SIZE` or `MARKET_LOT_SIZE`: bounds and step of quantities in base; a zero step switches the step off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotRule {
    /// Least quantity.
    pub min: Decimal,
    /// Greatest quantity.
    pub max: Decimal,
    /// Step.
    pub step: Decimal,
}

/// `NOTIONAL`: bounds of price × quantity in quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotionalRule {
    /// Least value.
    pub min: Decimal,
    /// Whether the least value binds market orders, valued at the average price.
    pub apply_min_to_market: bool,
    /// Greatest value.
    pub max: Decimal,
    /// Whether the greatest value binds market orders.
    pub apply_max_to_market: bool,
    /// Minutes of the average price; zero means the last price.
    pub avg_price_mins: u32,
}

/// `PERCENT_PRICE_BY_SIDE`: how far a limit price may be from the average price, as factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PercentPriceRule {
    /// Greatest factor for buys.
    pub bid_multiplier_up: Decimal,
    /// Least factor for buys.
    pub bid_multiplier_down: Decimal,
    /// Greatest factor for sells.
    pub ask_multiplier_up: Decimal,
    /// Least factor for sells.
    pub ask_multiplier_down: Decimal,
    /// Minutes of the average price; zero means the last price.
    pub avg_price_mins: u32,
}

/// A market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketConfig {
    /// Such as `BTCUSDT`.
    pub symbol: Symbol,
    /// Such as `BTC`.
    pub base: Asset,
    /// Such as `USDT`.
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
    /// `NOTIONAL`.
    pub notional: NotionalRule,
    /// `PERCENT_PRICE_BY_SIDE`.
    pub percent_price: PercentPriceRule,
    /// `MAX_NUM_ORDERS`.
    pub max_num_orders: u32,
    /// `MAX_NUM_ORDER_AMENDS`.
    pub max_num_order_amends: u32,
    /// `MAX_POSITION` in base, where there is one.
    #[serde(default)]
    pub max_position: Option<Decimal>,
    /// The self-trade prevention of orders that name none.
    pub default_self_trade_prevention: SelfTradePrevention,
    /// The modes that an order may name.
    pub allowed_self_trade_prevention: Vec<SelfTradePrevention>,
}

impl MarketConfig {
    /// A market with ordinary filters: `tick` and `lot` are the steps of price and quantity.
    pub fn new(base: &str, quote: &str, start_price: Decimal, tick: Decimal, lot: Decimal) -> Self {
        Self {
            symbol: Symbol::new(format!("{base}{quote}")),
            base: Asset::from(base),
            quote: Asset::from(quote),
            status: MarketStatus::Trading,
            start_price,
            price: PriceRule {
                min: tick,
                max: Decimal::from(1_000_000),
                tick,
            },
            lot: LotRule {
                min: lot,
                max: Decimal::from(9_000),
                step: lot,
            },
            market_lot: LotRule {
                min: Decimal::ZERO,
                max: Decimal::from(120),
                step: Decimal::ZERO,
            },
            notional: NotionalRule {
                min: Decimal::from(5),
                apply_min_to_market: true,
                max: Decimal::from(9_000_000),
                apply_max_to_market: false,
                avg_price_mins: 5,
            },
            percent_price: PercentPriceRule {
                bid_multiplier_up: Decimal::from(5),
                bid_multiplier_down: Decimal::new(2, 1),
                ask_multiplier_up: Decimal::from(5),
                ask_multiplier_down: Decimal::new(2, 1),
                avg_price_mins: 5,
            },
            max_num_orders: 200,
            max_num_order_amends: 10,
            max_position: None,
            default_self_trade_prevention: SelfTradePrevention::ExpireMaker,
            allowed_self_trade_prevention: vec![
                SelfTradePrevention::None,
                SelfTradePrevention::ExpireTaker,
                SelfTradePrevention::ExpireMaker,
                SelfTradePrevention::ExpireBoth,
                SelfTradePrevention::Decrement,
                SelfTradePrevention::Transfer,
            ],
        }
    }

    /// Bitcoin against Tether: tick 0.01, lot 0.00001.
    pub fn btcusdt() -> Self {
        Self::new(
            "BTC",
            "USDT",
            Decimal::from(60_000),
            Decimal::new(1, 2),
            Decimal::new(1, 5),
        )
    }

    /// Ether against Tether: tick 0.01, lot 0.0001.
    pub fn ethusdt() -> Self {
        Self::new(
            "ETH",
            "USDT",
            Decimal::from(2_500),
            Decimal::new(1, 2),
            Decimal::new(1, 4),
        )
    }

    /// BNB against Tether: tick 0.01, lot 0.001.
    pub fn bnbusdt() -> Self {
        Self::new(
            "BNB",
            "USDT",
            Decimal::from(600),
            Decimal::new(1, 2),
            Decimal::new(1, 3),
        )
    }
}
