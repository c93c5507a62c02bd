//! Every operation of the spot API in one table: its REST route, its WebSocket method, who may call it, what it costs,
//! and which parameters it reads. Source: Binance, REST API and WebSocket API pages.

use crate::wire::params::Params;
use crate::wire::transport::Method;

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Anybody.
    None,
    /// A signed request of any key.
    UserData,
    /// A signed request of a key that may trade.
    Trade,
    /// A WebSocket request that reads the session, or checks its own signature.
    Session,
}

/// An operation, the same over REST and WebSocket; the table spells out the route and method of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Ping,
    Time,
    ExchangeInfo,
    Depth,
    Trades,
    HistoricalTrades,
    AggTrades,
    Klines,
    UiKlines,
    AvgPrice,
    Ticker24h,
    TickerPrice,
    TickerBook,
    PlaceOrder,
    TestOrder,
    CancelOrder,
    CancelOpenOrders,
    CancelReplace,
    AmendOrder,
    QueryOrder,
    OpenOrders,
    AllOrders,
    MyTrades,
    PreventedMatches,
    Account,
    Commission,
    OrderRateLimits,
    SessionLogon,
    SessionStatus,
    SessionLogout,
    Subscribe,
    SubscribeSignature,
    Unsubscribe,
    Subscriptions,
}

struct Entry {
    operation: Operation,
    rest: Option<(Method, &'static str)>,
    socket: Option<&'static str>,
    security: Security,
    params: &'static [&'static str],
}

const ORDER: &[&str] = &[
    "symbol",
    "side",
    "type",
    "timeInForce",
    "quantity",
    "quoteOrderQty",
    "price",
    "newClientOrderId",
    "strategyId",
    "strategyType",
    "stopPrice",
    "trailingDelta",
    "icebergQty",
    "newOrderRespType",
    "selfTradePreventionMode",
    "pegPriceType",
    "pegOffsetValue",
    "pegOffsetType",
];
/// What a cancel-replace reads beside the new order.
const CANCEL_HALF: &[&str] = &[
    "cancelReplaceMode",
    "cancelNewClientOrderId",
    "cancelOrigClientOrderId",
    "cancelOrderId",
    "cancelRestrictions",
    "orderRateLimitExceededMode",
];
const SIGNED: &[&str] = &["apiKey", "timestamp", "recvWindow", "signature"];
const KLINES: &[&str] = &["symbol", "interval", "startTime", "endTime", "timeZone", "limit"];
const TICKER: &[&str] = &["symbol", "symbols", "symbolStatus", "type"];

const fn entry(
    operation: Operation,
    rest: Option<(Method, &'static str)>,
    socket: Option<&'static str>,
    security: Security,
    params: &'static [&'static str],
) -> Entry {
    Entry {
        operation,
        rest,
        socket,
        security,
        params,
    }
}

use Method::{Delete, Get, Post, Put};
use Operation as Op;
use Security::{None as Open, Session, Trade, UserData};

const TABLE: &[Entry] = &[
    entry(Op::Ping, Some((Get, "ping")), Some("ping"), Open, &[]),
    entry(Op::Time, Some((Get, "time")), Some("time"), Open, &[]),
    entry(
        Op::ExchangeInfo,
        Some((Get, "exchangeInfo")),
        Some("exchangeInfo"),
        Open,
        &["symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus"],
    ),
    entry(
        Op::Depth,
        Some((Get, "depth")),
        Some("depth"),
        Open,
        &["symbol", "limit", "symbolStatus"],
    ),
    entry(
        Op::Trades,
        Some((Get, "trades")),
        Some("trades.recent"),
        Open,
        &["symbol", "limit"],
    ),
    entry(
        Op::HistoricalTrades,
        Some((Get, "historicalTrades")),
        Some("trades.historical"),
        Open,
        &["symbol", "limit", "fromId"],
    ),
    entry(
        Op::AggTrades,
        Some((Get, "aggTrades")),
        Some("trades.aggregate"),
        Open,
        &["symbol", "fromId", "startTime", "endTime", "limit"],
    ),
    entry(Op::Klines, Some((Get, "klines")), Some("klines"), Open, KLINES),
    entry(Op::UiKlines, Some((Get, "uiKlines")), Some("uiKlines"), Open, KLINES),
    entry(
        Op::AvgPrice,
        Some((Get, "avgPrice")),
        Some("avgPrice"),
        Open,
        &["symbol"],
    ),
    entry(
        Op::Ticker24h,
        Some((Get, "ticker/24hr")),
        Some("ticker.24hr"),
        Open,
        TICKER,
    ),
    entry(
        Op::TickerPrice,
        Some((Get, "ticker/price")),
        Some("ticker.price"),
        Open,
        TICKER,
    ),
    entry(
        Op::TickerBook,
        Some((Get, "ticker/bookTicker")),
        Some("ticker.book"),
        Open,
        TICKER,
    ),
    entry(Op::PlaceOrder, Some((Post, "order")), Some("order.place"), Trade, ORDER),
    entry(
        Op::TestOrder,
        Some((Post, "order/test")),
        Some("order.test"),
        Trade,
        ORDER,
    ),
    entry(
        Op::CancelOrder,
        Some((Delete, "order")),
        Some("order.cancel"),
        Trade,
        &[
            "symbol",
            "orderId",
            "origClientOrderId",
            "newClientOrderId",
            "cancelRestrictions",
        ],
    ),
    entry(
        Op::CancelOpenOrders,
        Some((Delete, "openOrders")),
        Some("openOrders.cancelAll"),
        Trade,
        &["symbol"],
    ),
    entry(
        Op::CancelReplace,
        Some((Post, "order/cancelReplace")),
        Some("order.cancelReplace"),
        Trade,
        ORDER,
    ),
    entry(
        Op::AmendOrder,
        Some((Put, "order/amend/keepPriority")),
        Some("order.amend.keepPriority"),
        Trade,
        &["symbol", "orderId", "origClientOrderId", "newClientOrderId", "newQty"],
    ),
    entry(
        Op::QueryOrder,
        Some((Get, "order")),
        Some("order.status"),
        UserData,
        &["symbol", "orderId", "origClientOrderId"],
    ),
    entry(
        Op::OpenOrders,
        Some((Get, "openOrders")),
        Some("openOrders.status"),
        UserData,
        &["symbol"],
    ),
    entry(
        Op::AllOrders,
        Some((Get, "allOrders")),
        Some("allOrders"),
        UserData,
        &["symbol", "orderId", "startTime", "endTime", "limit"],
    ),
    entry(
        Op::MyTrades,
        Some((Get, "myTrades")),
        Some("myTrades"),
        UserData,
        &["symbol", "orderId", "startTime", "endTime", "fromId", "limit"],
    ),
    entry(
        Op::PreventedMatches,
        Some((Get, "myPreventedMatches")),
        Some("myPreventedMatches"),
        UserData,
        &["symbol", "preventedMatchId", "orderId", "fromPreventedMatchId", "limit"],
    ),
    entry(
        Op::Account,
        Some((Get, "account")),
        Some("account.status"),
        UserData,
        &["omitZeroBalances"],
    ),
    entry(
        Op::Commission,
        Some((Get, "account/commission")),
        Some("account.commission"),
        UserData,
        &["symbol"],
    ),
    entry(
        Op::OrderRateLimits,
        Some((Get, "rateLimit/order")),
        Some("account.rateLimits.orders"),
        UserData,
        &[],
    ),
    entry(Op::SessionLogon, None, Some("session.logon"), Session, SIGNED),
    entry(Op::SessionStatus, None, Some("session.status"), Session, &[]),
    entry(Op::SessionLogout, None, Some("session.logout"), Session, &[]),
    entry(Op::Subscribe, None, Some("userDataStream.subscribe"), Session, &[]),
    entry(
        Op::SubscribeSignature,
        None,
        Some("userDataStream.subscribe.signature"),
        Session,
        SIGNED,
    ),
    entry(
        Op::Unsubscribe,
        None,
        Some("userDataStream.unsubscribe"),
        Session,
        &["subscriptionId"],
    ),
    entry(Op::Subscriptions, None, Some("session.subscriptions"), Session, &[]),
];

impl Operation {
    /// The operation of a route below `/api/v3/`.
    pub fn of_route(method: Method, path: &str) -> Option<Self> {
        let path = path.strip_prefix("/api/v3/")?;
        TABLE
            .iter()
            .find(|entry| entry.rest == Some((method, path)))
            .map(|entry| entry.operation)
    }

    /// The operation of a WebSocket method, with or without the version before it.
    pub fn of_method(method: &str) -> Option<Self> {
        let method = method.strip_prefix("v3/").unwrap_or(method);
        TABLE
            .iter()
            .find(|entry| entry.socket == Some(method))
            .map(|entry| entry.operation)
    }

    fn entry(self) -> &'static Entry {
        TABLE
            .iter()
            .find(|entry| entry.operation == self)
            .expect("the table holds every operation")
    }

    /// Who may call it.
    pub fn security(self) -> Security {
        self.entry().security
    }

    /// Whether it reads a parameter of this name.
    pub fn reads(self, name: &str) -> bool {
        let signed = matches!(self.security(), Trade | UserData);
        let also = match self {
            Self::CancelReplace => CANCEL_HALF.contains(&name),
            Self::TestOrder => name == "computeCommissionRates",
            _ => false,
        };
        also || self.entry().params.contains(&name) || (signed && SIGNED.contains(&name))
    }

    /// Whether the weight is given back when it succeeds. Source: change log of 2026-03-27.
    pub fn is_free_on_success(self) -> bool {
        matches!(
            self,
            Self::PlaceOrder | Self::CancelOrder | Self::CancelOpenOrders | Self::CancelReplace
        )
    }

    /// Whether replies tell the unfilled order count.
    pub fn counts_orders(self) -> bool {
        matches!(self, Self::PlaceOrder | Self::CancelReplace)
    }

    /// What a request costs. Malformed parameters cost what their absence would.
    pub fn weight(self, params: &Params) -> u32 {
        let one_symbol = params.get("symbol").is_some();
        match self {
            Self::Ping | Self::Time | Self::PlaceOrder | Self::CancelOrder => 1,
            Self::CancelOpenOrders | Self::CancelReplace => 1,
            Self::TestOrder
                if params
                    .boolean("computeCommissionRates")
                    .is_ok_and(|flag| flag == Some(true)) =>
            {
                20
            }
            Self::TestOrder => 1,
            Self::ExchangeInfo | Self::AllOrders | Self::Account | Self::Commission => 20,
            Self::Depth => match params.limit(100, 5_000).unwrap_or(100) {
                0..=100 => 5,
                101..=500 => 25,
                501..=1_000 => 50,
                _ => 250,
            },
            Self::Trades | Self::HistoricalTrades => 25,
            Self::AggTrades | Self::AmendOrder | Self::QueryOrder => 4,
            Self::Klines | Self::UiKlines | Self::AvgPrice => 2,
            Self::Ticker24h => match params.symbols("symbols").ok().flatten().map(|symbols| symbols.len()) {
                _ if one_symbol => 2,
                Some(0..=20) => 2,
                Some(21..=100) => 40,
                _ => 80,
            },
            Self::TickerPrice | Self::TickerBook => {
                if one_symbol {
                    2
                } else {
                    4
                }
            }
            Self::OpenOrders => {
                if one_symbol {
                    6
                } else {
                    80
                }
            }
            Self::MyTrades => {
                if params.get("orderId").is_some() {
                    5
                } else {
                    20
                }
            }
            Self::PreventedMatches => {
                if params.get("preventedMatchId").is_some() {
                    2
                } else {
                    20
                }
            }
            Self::OrderRateLimits => 40,
            Self::SessionLogon | Self::SessionStatus | Self::SessionLogout => 2,
            Self::Subscribe | Self::SubscribeSignature | Self::Unsubscribe | Self::Subscriptions => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn routes_and_methods_lead_to_the_same_operation() {
        assert_eq!(Operation::of_route(Post, "/api/v3/order"), Some(Op::PlaceOrder));
        assert_eq!(Operation::of_method("v3/order.place"), Some(Op::PlaceOrder));
        assert_eq!(Operation::of_route(Get, "/api/v1/ping"), None);
        for entry in TABLE {
            assert_eq!(
                entry.operation.entry().socket,
                entry.socket,
                "{:?} stands once",
                entry.operation
            );
        }
    }

    #[test]
    fn weights_are_as_documented() {
        let weight = |op: Operation, query: &str| op.weight(&Params::from_form(query, "").unwrap());
        assert_eq!(weight(Op::Depth, "symbol=A"), 5);
        assert_eq!(weight(Op::Depth, "symbol=A&limit=500"), 25);
        assert_eq!(weight(Op::Depth, "symbol=A&limit=99999"), 250);
        assert_eq!(weight(Op::OpenOrders, ""), 80);
        assert_eq!(weight(Op::MyTrades, "symbol=A&orderId=1"), 5);
        assert_eq!(weight(Op::Ticker24h, "symbols=[\"A\",\"B\"]"), 2);
        assert_eq!(weight(Op::Ticker24h, ""), 80);
    }
}
