//! What is done to the market from outside: prices held or moved, a market halted, its rules changed, funds moved, a position
//! taken, a key ended.

use rust_decimal::Decimal;

use super::algo::Trigger;
use super::exchange::Exchange;
use super::filters::TradingRules;
use crate::config::MarketStatus;
use crate::identity::{AccountId, Symbol};
use crate::margin::PositionSide;
use crate::matching::Reject;
use crate::time::Timestamp;

impl Exchange {
    /// Holds a contract's index and mark price from now on, or lets them move again; what follows from it follows at once.
    /// Whether there is such a contract.
    pub fn pin_mark(&mut self, symbol: &Symbol, price: Option<Decimal>, now: Timestamp) -> bool {
        self.advance(now);
        let Some(market) = self.engine.find_market(symbol) else {
            return false;
        };
        self.prices[market.0].pin(price);
        self.mark_changed(market);
        self.settle();
        true
    }

    /// Halts a market, or lets it trade again. Whether there is such a market.
    pub fn set_market_status(&mut self, symbol: &Symbol, status: MarketStatus, now: Timestamp) -> bool {
        self.advance(now);
        let market = self.markets.iter_mut().find(|market| market.symbol == *symbol);
        market.map(|market| market.status = status).is_some()
    }

    /// Changes the trading rules of a contract: they bind from now on, and exchangeInfo goes on showing the old ones until
    /// [`Exchange::show_rules`]. Whether there is such a contract.
    pub fn change_rules(&mut self, symbol: &Symbol, change: impl FnOnce(&mut TradingRules), now: Timestamp) -> bool {
        self.advance(now);
        let Some(market) = self.engine.find_market(symbol) else {
            return false;
        };
        let rules = &mut self.rules[market.0];
        self.outdated.entry(market).or_insert_with(|| rules.clone());
        change(rules);
        true
    }

    /// From now on exchangeInfo shows the rules that bind.
    pub fn show_rules(&mut self) {
        self.outdated.clear();
    }

    /// Deposits into a margin account, or withdraws when `delta` is negative; the account's stream tells of it.
    ///
    /// # Errors
    /// [`Reject::InsufficientBalance`]; nothing has changed then.
    pub fn transfer(&mut self, account: AccountId, delta: Decimal, now: Timestamp) -> Result<(), Reject> {
        self.advance(now);
        self.engine.deposit(account, delta, self.now)?;
        self.settle();
        Ok(())
    }

    /// Moves a contract's market makers to a price at once, and its index with them where no spot market leads it: a gap, over
    /// which nobody trades. Whether there is such a contract.
    pub fn jump(&mut self, symbol: &Symbol, price: Decimal, now: Timestamp) -> bool {
        self.advance(now);
        self.lead(symbol, price);
        let market = self.engine.find_market(symbol);
        market.map(|market| self.flow.jump(market, price)).is_some()
    }

    /// Reduces an account's position near the mark price, as if it answered for somebody else's liquidation that the insurance fund
    /// cannot pay for. Whether there was so much to reduce.
    pub fn deleverage(
        &mut self,
        account: AccountId,
        symbol: &Symbol,
        side: PositionSide,
        quantity: Decimal,
        now: Timestamp,
    ) -> bool {
        self.advance(now);
        let Some(market) = self.engine.find_market(symbol) else {
            return false;
        };
        let done = self
            .engine
            .deleverage_for_another(market, (account, side), quantity, self.house, self.now);
        self.settle();
        done
    }

    /// Ends an account's listen key, as one that nobody kept alive: told within a second. Whether there was one.
    pub fn expire_listen_key(&mut self, account: AccountId, now: Timestamp) -> bool {
        self.advance(now);
        self.listen_keys.expire(account, self.now)
    }

    /// Every trigger of an account, oldest first, whatever became of it.
    pub fn triggers_of(&self, account: AccountId) -> impl Iterator<Item = &Trigger> {
        self.algos.of(account)
    }
}
