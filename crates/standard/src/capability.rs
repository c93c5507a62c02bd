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
}

impl From<Capability> for String {
    fn from(capability: Capability) -> String {
        capability.as_str().to_owned()
    }
}
