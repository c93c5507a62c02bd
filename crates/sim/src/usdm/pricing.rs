//! One contract's index and mark price, and the rate of its funding.
//!
//! Source: Binance, "Mark Price in USD-M Futures" (the median of three prices) and "Introduction to Funding Rates" (average
//! premium, interest, clamps). The index is the price of the spot market where one leads it; else it strays from the book by
//! a walk that the seed decides.

use std::collections::VecDeque;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::config::{FundingRule, PerpetualConfig};
use crate::prng::Prng;
use crate::time::{Span, Timestamp};

/// The walk of the premium is kept in this part of the price.
const PREMIUM_SCALE: u32 = 9;
/// Samples, one a second, of the moving average of the basis.
const BASIS_SAMPLES: usize = 60;
/// Digits of prices and rates on the wire.
pub const DIGITS: u32 = 8;

/// A settlement of funding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// When.
    pub time: Timestamp,
    /// What longs paid, as a fraction of their notional.
    pub rate: Decimal,
    /// The mark price that it was reckoned by.
    pub mark: Decimal,
}

/// One contract's prices.
#[derive(Debug)]
pub struct Pricing {
    /// The index price.
    pub index: Decimal,
    /// The mark price.
    pub mark: Decimal,
    /// What was settled, oldest first.
    pub settled: Vec<Settled>,
    rule: FundingRule,
    prng: Prng,
    /// Deviation of one step of the premium, in 1e-9 of the price.
    deviation: i64,
    premium: i64,
    basis: VecDeque<Decimal>,
    premiums: (Decimal, u32),
    next_funding: Timestamp,
    pinned: Option<Decimal>,
}

impl Pricing {
    /// Prices that begin at the start price.
    pub fn new(config: &PerpetualConfig, seed: u64, now: Timestamp) -> Self {
        // Over a minute a walk of sixty steps has the deviation of one step times the root of sixty.
        let minute = (config.premium_bps * Decimal::from(100_000))
            .to_i64()
            .unwrap_or(i64::from(i32::MAX));
        Self {
            index: config.start_price,
            mark: config.start_price,
            settled: Vec::new(),
            rule: config.funding,
            prng: Prng::new(seed),
            deviation: minute * 1_000 / 7_746,
            premium: 0,
            basis: VecDeque::new(),
            premiums: (Decimal::ZERO, 0),
            next_funding: now
                .window_start(interval(config.funding))
                .after(interval(config.funding)),
            pinned: None,
        }
    }

    /// When funding is settled next.
    pub fn next_funding(&self) -> Timestamp {
        self.next_funding
    }

    /// Holds index and mark at a price from now on, or lets them move again.
    pub fn pin(&mut self, price: Option<Decimal>) {
        self.pinned = price;
        if let Some(price) = price {
            (self.index, self.mark) = (price, price);
        }
    }

    /// One second of prices: `middle` is the middle of the book, `last` the last trade, `spot` the price of the market that
    /// leads the index, where one does.
    pub fn step(&mut self, now: Timestamp, middle: Option<Decimal>, last: Option<Decimal>, spot: Option<Decimal>) {
        self.premium += self.prng.normal(self.deviation) - self.premium / 120;
        if let Some(price) = self.pinned {
            (self.index, self.mark) = (price, price);
            return;
        }
        let middle = middle.or(last).unwrap_or(self.mark);
        self.index = match spot {
            Some(spot) => spot,
            None => middle * (Decimal::ONE - Decimal::new(self.premium, PREMIUM_SCALE)),
        }
        .round_dp(DIGITS);
        if self.basis.len() == BASIS_SAMPLES {
            self.basis.pop_front();
        }
        self.basis.push_back(middle - self.index);
        let basis = self.basis.iter().sum::<Decimal>() / Decimal::from(self.basis.len());
        self.premiums.0 += (middle - self.index) / self.index;
        self.premiums.1 += 1;
        let left = Decimal::from(self.next_funding.since(now).micros().max(0));
        let share = left / Decimal::from(interval(self.rule).micros());
        let by_funding = self.index * (Decimal::ONE + self.rate() * share);
        let by_basis = self.index + basis;
        self.mark = median(by_funding, by_basis, last.unwrap_or(middle)).round_dp(DIGITS);
    }

    /// The mark price by the moving average of the basis alone.
    pub fn mark_average(&self) -> Decimal {
        if self.basis.is_empty() {
            return self.mark;
        }
        let basis = self.basis.iter().sum::<Decimal>() / Decimal::from(self.basis.len());
        (self.index + basis).round_dp(DIGITS)
    }

    /// The rate as it would be if funding were settled now.
    pub fn rate(&self) -> Decimal {
        if let Some(rate) = self.rule.fixed_rate {
            return rate;
        }
        let (sum, count) = self.premiums;
        let premium = if count == 0 {
            Decimal::ZERO
        } else {
            sum / Decimal::from(count)
        };
        let most = Decimal::new(5, 4);
        let rate = premium + (self.rule.interest_rate - premium).clamp(-most, most);
        rate.clamp(-self.rule.cap, self.rule.cap).round_dp(DIGITS)
    }

    /// The settlement that is due at `now`, if one is; the premium is averaged anew from here.
    pub fn settle(&mut self, now: Timestamp) -> Option<Settled> {
        if now < self.next_funding {
            return None;
        }
        let settled = Settled {
            time: self.next_funding,
            rate: self.rate(),
            mark: self.mark,
        };
        self.settled.push(settled);
        self.premiums = (Decimal::ZERO, 0);
        self.next_funding = now.window_start(interval(self.rule)).after(interval(self.rule));
        Some(settled)
    }
}

fn interval(rule: FundingRule) -> Span {
    Span::from_secs(i64::from(rule.interval_seconds.max(1)))
}

fn median(one: Decimal, two: Decimal, three: Decimal) -> Decimal {
    one.max(two).min(one.min(two).max(three))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn second(n: i64) -> Timestamp {
        Timestamp::from_micros(n * 1_000_000)
    }

    fn pricing(rule: FundingRule) -> Pricing {
        let config = PerpetualConfig {
            funding: rule,
            premium_bps: Decimal::ZERO,
            ..PerpetualConfig::btcusdt()
        };
        Pricing::new(&config, 1, second(0))
    }

    #[test]
    fn the_rate_is_the_premium_within_clamps_and_settled_on_schedule() {
        let rule = FundingRule {
            interval_seconds: 60,
            ..FundingRule::default()
        };
        let mut level = pricing(rule);
        for n in 1..60 {
            let price = Some(Decimal::from(60_000));
            level.step(second(n), price, price, price);
        }
        assert_eq!(level.settle(second(59)), None);
        assert_eq!(level.settle(second(60)).unwrap().rate, Decimal::new(1, 4));
        assert_eq!(level.next_funding(), second(120));

        let mut dear = pricing(rule);
        dear.step(
            second(1),
            Some(Decimal::from(60_600)),
            None,
            Some(Decimal::from(60_000)),
        );
        assert_eq!(dear.rate(), Decimal::new(3, 3));
        let mut cheap = pricing(rule);
        cheap.step(
            second(1),
            Some(Decimal::from(59_940)),
            None,
            Some(Decimal::from(60_000)),
        );
        assert_eq!(cheap.rate(), Decimal::new(-5, 4));
    }

    #[test]
    fn the_mark_is_the_median_and_the_seed_decides() {
        assert_eq!(median(Decimal::ONE, Decimal::from(3), Decimal::TWO), Decimal::TWO);
        let walk = |seed| {
            let config = PerpetualConfig::btcusdt();
            let mut pricing = Pricing::new(&config, seed, second(0));
            for n in 1..100 {
                pricing.step(
                    second(n),
                    Some(Decimal::from(60_000)),
                    Some(Decimal::from(60_000)),
                    None,
                );
            }
            (pricing.index, pricing.mark)
        };
        assert_eq!(walk(1), walk(1));
        assert_ne!(walk(1).0, walk(2).0);
        let (index, mark) = walk(1);
        let near = |price: Decimal| (price - Decimal::from(60_000)).abs() < Decimal::from(300);
        assert!(near(index) && near(mark), "{index} {mark}");
    }
}
