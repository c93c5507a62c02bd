//! How values look on the wire: amounts with eight decimals, times in the unit asked for, sides, levels.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::matching::{OrderStatus, SelfTradePrevention, Side, TimeInForce};
use crate::time::Timestamp;

/// The unit of times in replies. Source: Binance, `X-MBX-TIME-UNIT` and `timeUnit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TimeUnit {
    /// The default.
    #[default]
    Milliseconds,
    /// On request.
    Microseconds,
}

impl TimeUnit {
    /// Reads the header or the parameter; `None` when it names neither unit.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "MILLISECOND" | "millisecond" => Some(Self::Milliseconds),
            "MICROSECOND" | "microsecond" => Some(Self::Microseconds),
            _ => None,
        }
    }

    /// A moment in this unit.
    pub fn of(self, moment: Timestamp) -> i64 {
        match self {
            Self::Milliseconds => moment.millis(),
            Self::Microseconds => moment.micros(),
        }
    }

    /// The last moment of this unit before `moment`: a candle's close time.
    pub fn just_before(self, moment: Timestamp) -> i64 {
        self.of(moment) - 1
    }
}

/// An amount or price with eight decimals, as the exchange writes nearly all of them.
pub fn amount(value: Decimal) -> String {
    format!("{value:.8}")
}

/// `BUY` or `SELL`.
pub fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

/// An order's `timeInForce`.
pub fn time_in_force(value: TimeInForce) -> &'static str {
    match value {
        TimeInForce::GoodTillCancel => "GTC",
        TimeInForce::ImmediateOrCancel => "IOC",
        TimeInForce::FillOrKill => "FOK",
    }
}

/// An order's `status`.
pub fn status(value: OrderStatus) -> &'static str {
    match value {
        OrderStatus::New => "NEW",
        OrderStatus::PartiallyFilled => "PARTIALLY_FILLED",
        OrderStatus::Filled => "FILLED",
        OrderStatus::Canceled => "CANCELED",
        OrderStatus::Expired => "EXPIRED",
        OrderStatus::ExpiredInMatch => "EXPIRED_IN_MATCH",
    }
}

/// A self-trade prevention mode.
pub fn prevention(value: SelfTradePrevention) -> &'static str {
    match value {
        SelfTradePrevention::None => "NONE",
        SelfTradePrevention::ExpireTaker => "EXPIRE_TAKER",
        SelfTradePrevention::ExpireMaker => "EXPIRE_MAKER",
        SelfTradePrevention::ExpireBoth => "EXPIRE_BOTH",
        SelfTradePrevention::Decrement => "DECREMENT",
        SelfTradePrevention::Transfer => "TRANSFER",
    }
}

/// Price levels as `[["price","quantity"],…]`.
pub fn levels(levels: impl Iterator<Item = (Decimal, Decimal)>) -> Value {
    levels
        .map(|(price, quantity)| json!([amount(price), amount(quantity)]))
        .collect()
}
