//! Every operation of the API in one table: its route, who may call it, what it costs. Source: Binance, USD-M futures, the
//! pages of each endpoint.

use crate::wire::params::Params;
use crate::wire::transport::Method;

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Anybody.
    Open,
    /// Whoever names a key, without a signature.
    Key,
    /// A signed request of any key.
    UserData,
    /// A signed request of a key that may trade.
    Trade,
}

/// An operation; the table spells out its route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Ping,
    Time,
    ExchangeInfo,
    Depth,
    Trades,
    AggTrades,
    Klines,
    PremiumIndex,
    FundingRate,
    FundingInfo,
    Ticker24h,
    TickerPrice,
    TickerBook,
    PlaceOrder,
    TestOrder,
    ModifyOrder,
    CancelOrder,
    QueryOrder,
    PlaceBatch,
    ModifyBatch,
    CancelBatch,
    CancelAll,
    Countdown,
    OpenOrder,
    OpenOrders,
    AllOrders,
    UserTrades,
    ForceOrders,
    PlaceAlgo,
    CancelAlgo,
    QueryAlgo,
    CancelAllAlgos,
    OpenAlgos,
    AllAlgos,
    Account,
    Balance,
    PositionRisk,
    AdlQuantile,
    PositionMode,
    SetPositionMode,
    AssetsMode,
    SetAssetsMode,
    SetLeverage,
    SetMarginType,
    MoveMargin,
    LeverageBracket,
    Income,
    CommissionRate,
    AccountConfig,
    SymbolConfig,
    OrderRateLimits,
    CreateListenKey,
    KeepListenKey,
    CloseListenKey,
}

use Method::{Delete, Get, Post, Put};
use Operation as Op;
use Security::{Key, Open, Trade, UserData};

type Entry = (Operation, Method, &'static str, Security);

const TABLE: &[Entry] = &[
    (Op::Ping, Get, "v1/ping", Open),
    (Op::Time, Get, "v1/time", Open),
    (Op::ExchangeInfo, Get, "v1/exchangeInfo", Open),
    (Op::Depth, Get, "v1/depth", Open),
    (Op::Trades, Get, "v1/trades", Open),
    (Op::AggTrades, Get, "v1/aggTrades", Open),
    (Op::Klines, Get, "v1/klines", Open),
    (Op::PremiumIndex, Get, "v1/premiumIndex", Open),
    (Op::FundingRate, Get, "v1/fundingRate", Open),
    (Op::FundingInfo, Get, "v1/fundingInfo", Open),
    (Op::Ticker24h, Get, "v1/ticker/24hr", Open),
    (Op::TickerPrice, Get, "v2/ticker/price", Open),
    (Op::TickerBook, Get, "v1/ticker/bookTicker", Open),
    (Op::PlaceOrder, Post, "v1/order", Trade),
    (Op::TestOrder, Post, "v1/order/test", Trade),
    (Op::ModifyOrder, Put, "v1/order", Trade),
    (Op::CancelOrder, Delete, "v1/order", Trade),
    (Op::QueryOrder, Get, "v1/order", UserData),
    (Op::PlaceBatch, Post, "v1/batchOrders", Trade),
    (Op::ModifyBatch, Put, "v1/batchOrders", Trade),
    (Op::CancelBatch, Delete, "v1/batchOrders", Trade),
    (Op::CancelAll, Delete, "v1/allOpenOrders", Trade),
    (Op::Countdown, Post, "v1/countdownCancelAll", Trade),
    (Op::OpenOrder, Get, "v1/openOrder", UserData),
    (Op::OpenOrders, Get, "v1/openOrders", UserData),
    (Op::AllOrders, Get, "v1/allOrders", UserData),
    (Op::UserTrades, Get, "v1/userTrades", UserData),
    (Op::ForceOrders, Get, "v1/forceOrders", UserData),
    (Op::PlaceAlgo, Post, "v1/algoOrder", Trade),
    (Op::CancelAlgo, Delete, "v1/algoOrder", Trade),
    (Op::QueryAlgo, Get, "v1/algoOrder", UserData),
    (Op::CancelAllAlgos, Delete, "v1/algoOpenOrders", Trade),
    (Op::OpenAlgos, Get, "v1/openAlgoOrders", UserData),
    (Op::AllAlgos, Get, "v1/allAlgoOrders", UserData),
    (Op::Account, Get, "v3/account", UserData),
    (Op::Balance, Get, "v3/balance", UserData),
    (Op::PositionRisk, Get, "v3/positionRisk", UserData),
    (Op::AdlQuantile, Get, "v1/adlQuantile", UserData),
    (Op::PositionMode, Get, "v1/positionSide/dual", UserData),
    (Op::SetPositionMode, Post, "v1/positionSide/dual", Trade),
    (Op::AssetsMode, Get, "v1/multiAssetsMargin", UserData),
    (Op::SetAssetsMode, Post, "v1/multiAssetsMargin", Trade),
    (Op::SetLeverage, Post, "v1/leverage", Trade),
    (Op::SetMarginType, Post, "v1/marginType", Trade),
    (Op::MoveMargin, Post, "v1/positionMargin", Trade),
    (Op::LeverageBracket, Get, "v1/leverageBracket", UserData),
    (Op::Income, Get, "v1/income", UserData),
    (Op::CommissionRate, Get, "v1/commissionRate", UserData),
    (Op::AccountConfig, Get, "v1/accountConfig", UserData),
    (Op::SymbolConfig, Get, "v1/symbolConfig", UserData),
    (Op::OrderRateLimits, Get, "v1/rateLimit/order", UserData),
    (Op::CreateListenKey, Post, "v1/listenKey", Key),
    (Op::KeepListenKey, Put, "v1/listenKey", Key),
    (Op::CloseListenKey, Delete, "v1/listenKey", Key),
];

impl Operation {
    /// The operation of a route below `/fapi/`.
    pub fn of_route(method: Method, path: &str) -> Option<Self> {
        let path = path.strip_prefix("/fapi/")?;
        TABLE
            .iter()
            .find(|(_, other, route, _)| (*other, *route) == (method, path))
            .map(|(operation, ..)| *operation)
    }

    /// Who may call it.
    pub fn security(self) -> Security {
        TABLE
            .iter()
            .find(|(operation, ..)| *operation == self)
            .map_or(Trade, |(.., security)| *security)
    }

    /// Whether replies tell the order counts.
    pub fn counts_orders(self) -> bool {
        matches!(
            self,
            Self::PlaceOrder | Self::ModifyOrder | Self::PlaceBatch | Self::ModifyBatch | Self::PlaceAlgo
        )
    }

    /// What a request costs an address. Malformed parameters cost what their absence would.
    pub fn weight(self, params: &Params) -> u32 {
        let one_symbol = params.get("symbol").is_some();
        let by_symbol = |one, all| if one_symbol { one } else { all };
        match self {
            Self::PlaceOrder | Self::ModifyOrder | Self::PlaceAlgo | Self::TestOrder => 0,
            Self::Depth => match params.limit(500, 1_000).unwrap_or(500) {
                0..=50 => 2,
                51..=100 => 5,
                101..=500 => 10,
                _ => 20,
            },
            Self::Klines => match params.limit(500, 1_500).unwrap_or(500) {
                0..100 => 1,
                100..500 => 2,
                500..=1_000 => 5,
                _ => 10,
            },
            Self::Trades | Self::AllOrders | Self::UserTrades | Self::AllAlgos => 5,
            Self::PlaceBatch | Self::ModifyBatch | Self::Account | Self::Balance | Self::PositionRisk => 5,
            Self::AdlQuantile | Self::AccountConfig | Self::SymbolConfig => 5,
            Self::AggTrades | Self::CommissionRate => 20,
            Self::PremiumIndex => by_symbol(1, 10),
            Self::Ticker24h | Self::OpenOrders | Self::OpenAlgos => by_symbol(1, 40),
            Self::TickerPrice => by_symbol(1, 2),
            Self::TickerBook => by_symbol(2, 5),
            Self::ForceOrders => by_symbol(20, 50),
            Self::Countdown => 10,
            Self::PositionMode | Self::AssetsMode | Self::Income => 30,
            // Counted in a pool of their own, which is not modelled.
            Self::FundingRate | Self::FundingInfo => 0,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn routes_stand_once_and_cost_what_is_documented() {
        for (operation, method, path, security) in TABLE {
            let found = Operation::of_route(*method, &format!("/fapi/{path}"));
            assert_eq!(found, Some(*operation));
            assert_eq!(operation.security(), *security);
        }
        let weight = |op: Operation, query: &str| op.weight(&Params::from_form(query, "").unwrap());
        assert_eq!(weight(Op::Depth, "symbol=A&limit=1000"), 20);
        assert_eq!(weight(Op::Depth, "symbol=A"), 10);
        assert_eq!(weight(Op::Klines, "symbol=A&limit=99"), 1);
        assert_eq!(weight(Op::OpenOrders, ""), 40);
        assert_eq!(weight(Op::PlaceOrder, ""), 0);
        assert_eq!(Operation::of_route(Get, "/fapi/v2/account"), None);
    }
}
