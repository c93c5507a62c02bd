//! What changed a wallet, entry by entry. Source: Binance, "Get Income History".

use rust_decimal::Decimal;

use crate::identity::{MarketId, TradeId};
use crate::time::Timestamp;

/// What an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IncomeKind {
    /// Funds that came from outside or left.
    Transfer,
    /// What a fill realised.
    RealizedPnl,
    /// What a fill cost; negative.
    Commission,
    /// Funding received, or paid when negative.
    FundingFee,
    /// The fee of a liquidation, negative; or a loss that the insurance fund took over, positive.
    InsuranceClear,
}

impl IncomeKind {
    /// The exchange's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transfer => "TRANSFER",
            Self::RealizedPnl => "REALIZED_PNL",
            Self::Commission => "COMMISSION",
            Self::FundingFee => "FUNDING_FEE",
            Self::InsuranceClear => "INSURANCE_CLEAR",
        }
    }
}

/// One entry. The wallet is the sum of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Income {
    /// What for.
    pub kind: IncomeKind,
    /// Of which market, where of one.
    pub market: Option<MarketId>,
    /// How much, in the margin asset; negative when it was paid.
    pub amount: Decimal,
    /// When.
    pub time: Timestamp,
    /// The entry's number, unique within the account.
    pub id: u64,
    /// The trade, where it is of one.
    pub trade: Option<TradeId>,
}
