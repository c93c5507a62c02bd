//! Why an order was not sent, in words that name the figure, the cap, and the key of the bot's file that sets it.

use colibri_model::{
    Amount, Asset, Decimal, Millis, Pair, PositionMode, PositionSide, Price, Quantity, RuleViolation, VenueId,
};
use colibri_standard::Capability;

/// Why an order was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RiskRefusal {
    /// The engine is stopping.
    #[error("the bot is stopping")]
    Stopping,
    /// The journal cannot be written, and an order that is not journaled may not be sent.
    #[error("the journal cannot be written")]
    JournalFailed,
    /// The venue is not ready, or its streams are down.
    #[error("the venue is not ready: {0}")]
    VenueNotReady(String),
    /// The strategy named a market that it does not have.
    #[error("no such market")]
    NoSuchMarket,
    /// The instrument takes no orders now.
    #[error("the instrument is {0}")]
    NotTrading(String),
    /// There is no book, or it is stale.
    #[error("there is no fresh book")]
    NoFreshBook,
    /// The trading rule would be broken.
    #[error("{0}")]
    Rule(#[from] RuleViolation),
    /// Too little is free.
    #[error("{needed} {asset} are needed, {available} are available")]
    Balance {
        /// Of which asset.
        asset: Asset,
        /// The order needs.
        needed: Amount,
        /// There are.
        available: Amount,
    },
    /// Over the cap on one order's notional.
    #[error("the order's notional of {notional} is above the cap of {cap} (max_order_notional in [risk])")]
    OrderNotional {
        /// The order's, in the quote asset.
        notional: Amount,
        /// The cap.
        cap: Amount,
    },
    /// Over the cap on one order's quantity.
    #[error("the order's quantity of {quantity} is above the cap of {cap} (max_order_quantity.{pair} in [risk])")]
    OrderQuantity {
        /// Of which pair.
        pair: Pair,
        /// The order's, in the base asset.
        quantity: Quantity,
        /// The cap.
        cap: Quantity,
    },
    /// Over the cap on a market's position.
    #[error(
        "were it and every live order of its side filled, the position would be {worst}, above the cap of {cap} \
         (max_position.{pair} in [risk])"
    )]
    Position {
        /// Of which pair.
        pair: Pair,
        /// The position in the worst case, without its sign: long for a buy, short for a sell.
        worst: Quantity,
        /// The cap.
        cap: Quantity,
    },
    /// Over the cap on the notional of a market's position.
    #[error(
        "were it and every live order of its side filled, the position in {pair} would be worth {worst}, above the cap of \
         {cap} (max_position_notional in [risk])"
    )]
    PositionNotional {
        /// Of which pair.
        pair: Pair,
        /// In the worst case, in the quote asset.
        worst: Amount,
        /// The cap.
        cap: Amount,
    },
    /// Over the cap on the notional of all positions.
    #[error(
        "in the worst case the bot's positions would be worth {worst} {asset}, above the cap of {cap} (max_gross_notional in \
         [risk])"
    )]
    GrossNotional {
        /// The quote asset.
        asset: Asset,
        /// In the worst case, without signs.
        worst: Amount,
        /// The cap.
        cap: Amount,
    },
    /// Over a budget.
    #[error(
        "it needs {needed} {asset}, and {taken} are taken of the account already: above the budget of {budget} \
         (budget.{asset} {place})"
    )]
    Budget {
        /// Of which asset.
        asset: Asset,
        /// The order needs.
        needed: Amount,
        /// What is taken of the account by fills and live orders.
        taken: Amount,
        /// The budget.
        budget: Amount,
        /// Where it is set.
        place: String,
    },
    /// Over the cap on live orders.
    #[error(
        "{live} orders of the strategy may be live, as many as the cap of {cap} allows (max_open_orders in [risk])"
    )]
    OpenOrders {
        /// How many.
        live: usize,
        /// The cap.
        cap: u32,
    },
    /// As many orders are live in a market as the exchange allows.
    #[error("{live} orders may be live in the market, as many as the exchange's rule of {cap} allows")]
    MarketOpenOrders {
        /// How many.
        live: usize,
        /// The rule.
        cap: u32,
    },
    /// As many triggers wait in a market as the exchange allows.
    #[error("{live} triggers may wait in the market, as many as the exchange's rule of {cap} allows")]
    MarketTriggers {
        /// How many, those of others included.
        live: usize,
        /// The rule.
        cap: u32,
    },
    /// The connector has no such triggers.
    #[error("the connector has no {0}")]
    NoSuchTrigger(&'static str),
    /// The connector lacks something that is needed.
    #[error("the connector does not offer {}", .0.as_str())]
    Lacks(Capability),
    /// Over the cap on orders in a second.
    #[error("{0} orders were sent within a second, as many as the cap allows (max_orders_per_second in [risk])")]
    OrderRate(u32),
    /// The exchange refused too many of the strategy's orders in a row.
    #[error("the exchange refused too many orders in a row; the strategy rests")]
    Resting,
    /// The kill switch is thrown.
    #[error("the kill switch is thrown")]
    KillSwitch,
    /// Too far from mid.
    #[error("the price {price} is farther from mid, {mid}, than the fraction of {collar} (price_collar in [risk])")]
    Collar {
        /// The order's.
        price: Price,
        /// Mid.
        mid: Price,
        /// The collar, a fraction.
        collar: Decimal,
    },
    /// The value does not fit the boundary.
    #[error("{0}")]
    DoesNotFit(String),
    /// The connector has not declared what the order needs.
    #[error("the exchange, or its connector, does not have {}", .0.as_str())]
    Unsupported(Capability),
    /// What the order says beyond side, price and quantity makes no sense.
    #[error("{0}")]
    Terms(&'static str),
    /// The order's position side is none of the account's position mode.
    #[error("the account's position mode is {}, in which there is no order of the position {}", mode.as_str(), side.as_str())]
    PositionMode {
        /// The mode.
        mode: PositionMode,
        /// The order's position side.
        side: PositionSide,
    },
    /// The exchange states another position than the fills make, and it would open more.
    #[error(
        "the exchange states a position in {pair} of {stated}, and the fills that it has told make {summed}: until they agree \
         only what reduces is placed. If you know why no fill will tell of it, set accept_positions = {{ {pair} = {stated} }} in its \
         [[venue]] in the bot's file and start the bot again"
    )]
    PositionDiffers {
        /// Of which pair.
        pair: Pair,
        /// What the exchange states.
        stated: Quantity,
        /// What the fills make.
        summed: Quantity,
    },
    /// Too little margin is free.
    #[error("{needed} {asset} of margin are needed, {available} are available")]
    Margin {
        /// Of which asset.
        asset: Asset,
        /// The order needs.
        needed: Amount,
        /// There are.
        available: Amount,
    },
    /// Over the cap on leverage.
    #[error(
        "in the worst case the positions at {venue} would be worth {leverage} times what answers for them, above the cap of {cap} \
         (max_leverage in [risk])"
    )]
    Leverage {
        /// Where.
        venue: VenueId,
        /// In the worst case.
        leverage: Decimal,
        /// The cap.
        cap: Decimal,
    },
    /// The position is too near to its liquidation.
    #[error(
        "the price at which the position in {pair} is liquidated is {distance} of the mark price away, nearer than \
         {least} (min_liquidation_distance in [risk])"
    )]
    LiquidationNear {
        /// Of which pair.
        pair: Pair,
        /// How far the mark price may still move, as a fraction of it.
        distance: Decimal,
        /// The least.
        least: Decimal,
    },
    /// How near a position is to its liquidation is not known now.
    #[error(
        "the mark price of {pair} was last told {} s ago, too long to say how near the position is to its liquidation \
         (min_liquidation_distance in [risk]): until it is told again only what reduces is placed",
        age.0 / 1_000
    )]
    MarkStale {
        /// Of which pair.
        pair: Pair,
        /// How old it is.
        age: Millis,
    },
    /// A figure that a cap needs was not told.
    #[error("the exchange has not told {0}, which a cap is compared with")]
    NotTold(&'static str),
    /// The order that is to be changed is not there, or cannot be changed now.
    #[error("the order cannot be changed: {0}")]
    NotChangeable(&'static str),
}
