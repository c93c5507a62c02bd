//! Capabilities: what a connector declares that it can do beyond its standard's core.

use serde::{Deserialize, Serialize};

macro_rules! capabilities {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// Something that a connector can do. Unknown text is kept.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum Capability {
            $($(#[$doc])* $variant,)*
            /// One that this version does not know.
            Other(String),
        }

        impl From<String> for Capability {
            fn from(text: String) -> Capability {
                match text.as_str() {
                    $($text => Capability::$variant,)*
                    _ => Capability::Other(text),
                }
            }
        }
        impl Capability {
            /// The text that manifests and commands use.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Capability::$variant => $text,)*
                    Capability::Other(text) => text,
                }
            }
        }
    };
}

capabilities! {
    /// Market orders.
    MarketOrders = "market_orders",
    /// Post-only orders.
    LimitMaker = "limit_maker",
    /// Immediate-or-cancel orders.
    Ioc = "ioc",
    /// Fill-or-kill orders.
    Fok = "fok",
    /// Market orders by an amount of the quote asset.
    QuoteQuantity = "quote_quantity",
    /// Cancel every open order of an instrument in one request.
    CancelAll = "cancel_all",
    /// Change a live order's quantity, its place in the queue kept.
    AmendKeepPriority = "amend_keep_priority",
    /// Cancel one order and place another in one request.
    Replace = "replace",
    /// Place several orders in one request, with a result for each.
    BatchPlace = "batch_place",
    /// Cancel several orders in one request, with a result for each.
    BatchCancel = "batch_cancel",
    /// One order's status by client id.
    StatusByClientId = "status_by_client_id",
    /// The account's orders since a time, ended ones too.
    OrderHistory = "order_history",
    /// A stream of our orders, fills and balances.
    UserStream = "user_stream",
    /// Candles over HTTP.
    Candles = "candles",
    /// The account's fee rates.
    FeeRates = "fee_rates",
    /// Orders that only reduce a position (perp; so are all below).
    ReduceOnly = "reduce_only",
    /// Orders that end a position however large it is, without a quantity.
    ClosePosition = "close_position",
    /// A long and a short position of one instrument: orders name theirs.
    HedgeMode = "hedge_mode",
    /// Orders that say how their position's margin is kept.
    OrderMarginMode = "order_margin_mode",
    /// Orders that work until a date.
    GoodTillDate = "good_till_date",
    /// Setting leverage.
    SetLeverage = "set_leverage",
    /// A leverage for each position of hedge mode.
    LeverageBySide = "leverage_by_side",
    /// Setting the margin mode.
    SetMarginMode = "set_margin_mode",
    /// Setting the position mode.
    SetPositionMode = "set_position_mode",
    /// Choosing which assets answer for cross positions.
    SetCollateralMode = "set_collateral_mode",
    /// Triggers by the price of the last trade.
    TriggerByLast = "trigger_by_last",
    /// Triggers by the mark price.
    TriggerByMark = "trigger_by_mark",
    /// Triggers by the index.
    TriggerByIndex = "trigger_by_index",
    /// Triggers that become limit orders.
    TriggerLimit = "trigger_limit",
    /// Triggers that end a position however large it is, without a quantity.
    TriggerClosePosition = "trigger_close_position",
    /// Triggers that wait until a date.
    TriggerGoodTill = "trigger_good_till",
    /// Cancel every trigger of an instrument in one request.
    CancelAllTriggers = "cancel_all_triggers",
    /// An instrument's margin tiers.
    MarginTiers = "margin_tiers",
    /// The account's funding payments since a time.
    FundingPayments = "funding_payments",
}

impl From<Capability> for String {
    fn from(capability: Capability) -> String {
        capability.as_str().to_owned()
    }
}
