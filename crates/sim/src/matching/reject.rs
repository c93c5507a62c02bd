//! Why the engine refused something. A face translates these into its exchange's codes.

use thiserror::Error;

/// A refusal: nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Reject {
    /// The account cannot pay for it.
    #[error("the account's free balance does not cover the order; reduce it or fund the account")]
    InsufficientBalance,
    /// An open order has the same client order id.
    #[error("an open order of this account has the same client order id; choose another")]
    DuplicateClientOrderId,
    /// A post-only order would take.
    #[error("the post-only order would take liquidity; price it away from the touch")]
    WouldTake,
    /// A market order by quote amount finds less than one lot.
    #[error("the book cannot fill one lot for this quote amount; wait for liquidity or raise the amount")]
    NoLiquidity,
    /// No such open order of this account.
    #[error("no open order of this account has this id; it was filled, cancelled, expired, or never existed")]
    UnknownOrder,
    /// The order exists but its status is not what the cancel asks for.
    #[error("the order's status does not meet the cancel's restriction; query it before cancelling")]
    CancelRestricted,
    /// An amendment may only reduce.
    #[error("an amendment may only reduce the quantity")]
    QuantityIncrease,
    /// The margin does not cover the order.
    #[error("the account's available margin does not cover the order; reduce it or fund the account")]
    InsufficientMargin,
    /// There is nothing that the order could reduce.
    #[error("the order may only reduce, and there is no position that it could reduce by this much")]
    NothingToReduce,
    /// The position would be too large for its leverage.
    #[error("the position would be too large for its leverage; lower the leverage or the quantity")]
    PositionTooLarge,
    /// A fill-or-kill order of a contract that cannot be filled whole.
    #[error("the fill-or-kill order cannot be filled whole; reduce it or change its price")]
    WouldNotFill,
    /// The amendment's quantity equals the present one, or is not above what has traded.
    #[error("the amendment would not change the order")]
    NoChange,
}
