//! Commands: what the host asks of a connector beside order entry. Each is an operation and ends with an outcome.

use colibri_model::{ClientOrderId, Contract, ExchangeOrderId, Exponents, InstrumentId, Pair, TradeId, WallNs};
use serde::{Deserialize, Serialize};

use crate::Capability;
use crate::perp;

/// List every instrument that the exchange offers. Answered by an `instruments` event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Instruments {}

/// An instrument that the host will use, with the handle that it has from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedInstrument {
    /// The handle.
    pub id: InstrumentId,
    /// The pair.
    pub pair: Pair,
    /// The exchange's name for it.
    pub symbol: String,
    /// How its prices and quantities cross the boundary.
    pub exponents: Exponents,
    /// What it is a contract of; `None` for spot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
}

/// The instruments in use: replaces the set before. Completes at once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UseInstruments {
    /// The whole set.
    pub instruments: Vec<UsedInstrument>,
}

/// A kind of market data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Changes of the order book.
    Book,
    /// Public trades.
    Trades,
    /// Best bid and ask.
    Top,
    /// Mark price and index (perp), told as `mark_price` events.
    MarkPrice,
    /// The funding rate (perp), told as `funding_rate` events.
    FundingRate,
}

impl Channel {
    /// What every connector of the spot standard carries.
    pub const SPOT: &'static [Channel] = &[Channel::Book, Channel::Trades, Channel::Top];
    /// What every connector of the perp standard carries.
    pub const PERP: &'static [Channel] = &[
        Channel::Book,
        Channel::Trades,
        Channel::Top,
        Channel::MarkPrice,
        Channel::FundingRate,
    ];

    /// `book`, `trades`, `top`, `mark_price` or `funding_rate`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Channel::Book => "book",
            Channel::Trades => "trades",
            Channel::Top => "top",
            Channel::MarkPrice => "mark_price",
            Channel::FundingRate => "funding_rate",
        }
    }
}

/// What is wanted of one instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The instrument.
    pub instrument: InstrumentId,
    /// The channels.
    pub channels: Vec<Channel>,
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionRole {
    /// Market data.
    Market,
    /// Our orders, fills and balances; where the exchange has it, order entry too.
    User,
}

/// Open a session: the connector opens its stream, logs in and subscribes, tells each step by `session` events, and
/// completes once it is live. The host sends it again, after a back-off, when the session has gone down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSession {
    /// The host's number for the session.
    pub session: u32,
    /// What it is for.
    pub role: SessionRole,
    /// Everything wanted on it (market sessions).
    #[serde(default)]
    pub subscriptions: Vec<Subscription>,
}

/// Change what is wanted on a live market session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateSession {
    /// The session.
    pub session: u32,
    /// To subscribe.
    #[serde(default)]
    pub add: Vec<Subscription>,
    /// To unsubscribe.
    #[serde(default)]
    pub remove: Vec<Subscription>,
}

/// Close a session for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseSession {
    /// The session.
    pub session: u32,
}

/// Renew what keeps a live session's stream alive at the exchange, such as a listen key that runs out. Where it is refused, the
/// host opens the session anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewSession {
    /// The session.
    pub session: u32,
}

/// Open the streams of a live session again that were lost while others of it delivered on: those alone, with what was
/// wanted on them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MendSession {
    /// The session.
    pub session: u32,
}

/// Fetch the book. Answered by a book batch with the snapshot flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookSnapshot {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// Levels a side; the connector takes the next that the exchange offers.
    pub depth: u32,
}

/// Fetch all balances. Answered by a `balances` event of scope `all`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Balances {}

/// Fetch open orders. Answered by an `order` event for each, then Done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OpenOrders {
    /// Of one instrument; of all where absent (dear on most exchanges).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentId>,
}

/// Ask about one order, by either id. Answered by an `order` event, or Rejected(order_not_found).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderStatusQuery {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// Our id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientOrderId>,
    /// The exchange's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_id: Option<ExchangeOrderId>,
}

/// Fetch the account's orders of an instrument, working and ended, oldest first: from an order on (inclusive), or from a
/// time on. Answered by an `order` event for each, then Done. The connector pages until nothing is left, each page a new
/// admission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdersSince {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// From this order on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_id: Option<ExchangeOrderId>,
    /// From this time on, exchange time: those that were placed at it or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<WallNs>,
}

/// Fetch our fills, oldest first: from a trade id on (inclusive), or from a time on, or of one order. Answered by a `fill`
/// event for each and one `trades_progress` event, then Done. The connector pages until nothing is left or `limit` is
/// reached, each page a new admission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradesSince {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// From this trade on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_id: Option<TradeId>,
    /// From this time on, exchange time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<WallNs>,
    /// Of this order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_id: Option<ExchangeOrderId>,
}

/// Fetch the account's fee rates of an instrument. Answered by a `fees` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fees {
    /// Of which instrument.
    pub instrument: InstrumentId,
}

/// Cancel every open order of an instrument. Answered by an `order` event for each, then Done (also when there was none).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelAll {
    /// Of which instrument.
    pub instrument: InstrumentId,
}

/// Fetch the exchange's clock. Answered by a `time` event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServerTime {}

/// Fetch candles, oldest first. Answered by a `candles` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candles {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// The interval as text: `1s`, `1m`, `1h`, `1d`, `1w`.
    pub interval: String,
    /// From this time on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<WallNs>,
    /// Up to this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<WallNs>,
    /// At most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A command whose bytes cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A kind that this version does not know.
    #[error("no command is called {0:?}")]
    UnknownKind(String),
    /// A payload that is not what its kind says.
    #[error("the payload of the command {kind:?} cannot be read: {source}")]
    Payload {
        /// The kind.
        kind: String,
        /// What serde says.
        source: serde_json::Error,
    },
}

macro_rules! commands {
    (
        spot { $($(#[$doc:meta])* $variant:ident($payload:ty) = $kind:literal,)* }
        perp { $($(#[$perp_doc:meta])* $perp:ident($perp_payload:ty) = $perp_kind:literal,)* }
    ) => {
        /// A command of the standards.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Command {
            $($(#[$doc])* $variant($payload),)*
            $($(#[$perp_doc])* $perp($perp_payload),)*
        }

        impl Command {
            /// Every kind.
            pub const KINDS: &'static [&'static str] = &[$($kind,)* $($perp_kind),*];
            /// The kinds that the perp standard adds.
            pub const PERP_KINDS: &'static [&'static str] = &[$($perp_kind),*];

            /// The kind that travels beside the payload.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self { $(Command::$variant(_) => $kind,)* $(Command::$perp(_) => $perp_kind,)* }
            }

            /// The payload as JSON.
            #[must_use]
            pub fn to_json(&self) -> Vec<u8> {
                match self {
                    $(Command::$variant(payload) => serde_json::to_vec(payload),)*
                    $(Command::$perp(payload) => serde_json::to_vec(payload),)*
                }
                .unwrap_or_default()
            }

            /// Reads a payload of a kind.
            ///
            /// # Errors
            /// An unknown kind, or a payload that does not fit it.
            pub fn parse(kind: &str, payload: &[u8]) -> Result<Command, CommandError> {
                let unreadable = |source| CommandError::Payload { kind: kind.to_owned(), source };
                match kind {
                    $($kind => serde_json::from_slice(payload).map(Command::$variant).map_err(unreadable),)*
                    $($perp_kind => serde_json::from_slice(payload).map(Command::$perp).map_err(unreadable),)*
                    _ => Err(CommandError::UnknownKind(kind.to_owned())),
                }
            }
        }
    };
}

commands! {
    spot {
        /// See [`Instruments`].
        Instruments(Instruments) = "instruments",
        /// See [`UseInstruments`].
        UseInstruments(UseInstruments) = "use_instruments",
        /// See [`OpenSession`].
        OpenSession(OpenSession) = "open_session",
        /// See [`UpdateSession`].
        UpdateSession(UpdateSession) = "update_session",
        /// See [`CloseSession`].
        CloseSession(CloseSession) = "close_session",
        /// See [`RenewSession`].
        RenewSession(RenewSession) = "renew_session",
        /// See [`MendSession`].
        MendSession(MendSession) = "mend_session",
        /// See [`BookSnapshot`].
        BookSnapshot(BookSnapshot) = "book_snapshot",
        /// See [`Balances`].
        Balances(Balances) = "balances",
        /// See [`OpenOrders`].
        OpenOrders(OpenOrders) = "open_orders",
        /// See [`OrderStatusQuery`].
        OrderStatus(OrderStatusQuery) = "order_status",
        /// See [`OrdersSince`].
        OrdersSince(OrdersSince) = "orders_since",
        /// See [`TradesSince`].
        TradesSince(TradesSince) = "trades_since",
        /// See [`Fees`].
        Fees(Fees) = "fees",
        /// See [`CancelAll`].
        CancelAll(CancelAll) = "cancel_all",
        /// See [`ServerTime`].
        ServerTime(ServerTime) = "server_time",
        /// See [`Candles`].
        Candles(Candles) = "candles",
    }
    perp {
        /// See [`perp::Positions`](crate::Positions).
        Positions(perp::Positions) = "positions",
        /// See [`perp::Settings`](crate::Settings).
        Settings(perp::Settings) = "settings",
        /// See [`perp::SetLeverage`](crate::SetLeverage).
        SetLeverage(perp::SetLeverage) = "set_leverage",
        /// See [`perp::SetMarginMode`](crate::SetMarginMode).
        SetMarginMode(perp::SetMarginMode) = "set_margin_mode",
        /// See [`perp::SetPositionMode`](crate::SetPositionMode).
        SetPositionMode(perp::SetPositionMode) = "set_position_mode",
        /// See [`perp::SetCollateralMode`](crate::SetCollateralMode).
        SetCollateralMode(perp::SetCollateralMode) = "set_collateral_mode",
        /// See [`perp::Margin`](crate::Margin).
        Margin(perp::Margin) = "margin",
        /// See [`perp::MarginTiers`](crate::MarginTiers).
        MarginTiers(perp::MarginTiers) = "margin_tiers",
        /// See [`perp::FundingRateQuery`](crate::FundingRateQuery).
        FundingRate(perp::FundingRateQuery) = "funding_rate",
        /// See [`perp::FundingPaymentsSince`](crate::FundingPaymentsSince).
        FundingPaymentsSince(perp::FundingPaymentsSince) = "funding_payments_since",
        /// See [`perp::PlaceTrigger`](crate::PlaceTrigger).
        PlaceTrigger(perp::PlaceTrigger) = "place_trigger",
        /// See [`perp::CancelTrigger`](crate::CancelTrigger).
        CancelTrigger(perp::CancelTrigger) = "cancel_trigger",
        /// See [`perp::CancelAllTriggers`](crate::CancelAllTriggers).
        CancelAllTriggers(perp::CancelAllTriggers) = "cancel_all_triggers",
        /// See [`perp::OpenTriggers`](crate::OpenTriggers).
        OpenTriggers(perp::OpenTriggers) = "open_triggers",
        /// See [`perp::TriggerStatusQuery`](crate::TriggerStatusQuery).
        TriggerStatus(perp::TriggerStatusQuery) = "trigger_status",
    }
}

/// The capabilities that a command's payload lists under `needs`, whatever else it holds.
#[derive(Deserialize)]
struct Needs {
    #[serde(default)]
    needs: Vec<Capability>,
}

impl Command {
    /// What the bytes of a command need, to be compared with what the connector declares before anything else is read.
    #[must_use]
    pub fn needs(payload: &[u8]) -> Vec<Capability> {
        serde_json::from_slice::<Needs>(payload)
            .map(|n| n.needs)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_survives_the_boundary() {
        let command = Command::BookSnapshot(BookSnapshot {
            instrument: InstrumentId(3),
            depth: 1000,
        });
        assert_eq!(command.to_json(), br#"{"instrument":3,"depth":1000}"#);
        assert!(matches!(Command::parse(command.kind(), &command.to_json()), Ok(c) if c == command));
        assert!(matches!(
            Command::parse("dance", b"{}"),
            Err(CommandError::UnknownKind(_))
        ));
    }

    #[test]
    fn needs_are_read_before_the_rest() {
        assert_eq!(
            Command::needs(br#"{"needs":["replace","moon"],"x":1}"#),
            [Capability::Replace, Capability::Other("moon".into())]
        );
        assert!(Command::needs(b"{}").is_empty());
    }
}
