//! Profit, counted from fills and funding payments: of each strategy and pair, with everything that is behind a figure.
//!
//! What lives here: what fills were decided by, what a fee was worth when it was paid and who says so, and the sums. Average cost
//! itself is [`Position::checked_apply`](crate::Position::checked_apply), for spot as for contracts. What must not live here:
//! balances (profit is never the difference of two wallets), reading a history, writing a table.

mod line;
mod owner;
mod rate;
mod statement;
mod step;

pub use line::{LineKey, ProfitLine};
pub use owner::Owner;
pub use rate::{PriceSource, RATE_AGE, Rate, RateSource, RecordedPrice, RecordedPrices, Way};
pub use statement::{Contracts, Detail, ProfitError, ProfitEvent, Statement};
pub use step::{Counted, FeeInKind, Held, ProfitStep, Valued};

#[cfg(test)]
mod tests;
