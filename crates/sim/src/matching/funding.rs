//! Funding: what longs pay shorts, or the other way about, settled between wallets.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::contract::UpdateReason;
use super::engine::Engine;
use crate::identity::{AccountId, MarketId};
use crate::margin::{MarginKind, PositionSide, SCALE};
use crate::time::Timestamp;

/// One payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FundingPaid {
    /// Whose.
    pub account: AccountId,
    /// Of which position.
    pub side: PositionSide,
    /// Received, or paid when negative; in the margin asset.
    pub amount: Decimal,
}

impl Engine {
    /// Settles funding of a contract at its mark price: longs pay `rate` of their notional, shorts receive it. What rounding
    /// leaves over is the insurance fund's.
    pub fn settle_funding(&mut self, market: MarketId, rate: Decimal, now: Timestamp) -> Vec<FundingPaid> {
        let mark = self.markets[market.0].mark;
        let mut paid = Vec::new();
        for (place, account) in self.accounts.iter().enumerate() {
            for (other, side, position) in account.margin.open_positions() {
                if other == market {
                    paid.push(FundingPaid {
                        account: AccountId(place),
                        side,
                        amount: -(position.notional(mark) * rate).round_dp(SCALE),
                    });
                }
            }
        }
        let left_over = -paid.iter().map(|payment| payment.amount).sum::<Decimal>();
        self.fund.add(left_over);
        for payment in &paid {
            let account = payment.account;
            let margin = &mut self.accounts[account.0].margin;
            margin.fund(market, payment.side, payment.amount, now);
            // The balance alone tells of a cross position; an isolated one has changed, too.
            let isolated = margin.settings(market).margin == MarginKind::Isolated;
            let changed = isolated
                .then_some((market, payment.side))
                .into_iter()
                .collect::<BTreeSet<_>>();
            if !self.keeps_history(account) {
                self.accounts[account.0].margin.forget_income();
            }
            self.tell_positions(account, UpdateReason::FundingFee(market), changed, payment.amount, now);
        }
        paid
    }
}
