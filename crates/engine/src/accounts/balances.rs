//! What an account holds: by the exchange's statement and by the ledger.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use colibri_model::{Amount, Asset, Balance, Decimal, Fee, Fill, MonoNs, Pair, Side, WallNs};
use colibri_standard::{BalanceScope, BalancesEvent};
use serde::{Deserialize, Serialize};

/// Changes from outside that are remembered for telling repetitions.
const TOLD_EXTERNAL: usize = 1_000;
/// Changes that are remembered before the ledger has started: those that came last, since only these may be later than the
/// statement that it starts from.
const EARLY: usize = 1_000;
/// What exchanges round realised profit to.
const EXCHANGE_UNIT: Decimal = Decimal::from_parts(1, 0, 0, false, 8);

/// A balance with its age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatedBalance {
    /// What the exchange stated.
    pub balance: Balance,
    /// When we learned it.
    pub updated: MonoNs,
    /// The exchange's time of it, where it said one.
    pub exchange_time: Option<WallNs>,
}

/// A balance by the ledger beside the exchange's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerBalance {
    /// The asset.
    pub asset: Asset,
    /// What was held when the bot became ready.
    pub start: Amount,
    /// What fills and fees have changed since.
    pub change: Amount,
    /// Start and change together: what must be held, free and locked, had nothing come or left otherwise.
    pub expected: Amount,
    /// What came from outside since, by the exchange's own word; below zero where more left. Deposits, withdrawals, transfers.
    pub external: Amount,
    /// What the exchange states, free and locked.
    pub stated: Amount,
    /// By how much the exchange may have rounded otherwise what contracts realised: a hundred-millionth each time.
    pub rounding: Amount,
}

impl LedgerBalance {
    /// Whether ledger and exchange agree, to the last digit; where contracts realised profit, to the exchange's rounding.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.unexplained().0.abs() <= self.rounding.0
    }

    /// What the exchange states beyond what fills, fees and told changes from outside explain; below zero where it states
    /// less. A fill that is on its way makes one for a moment. It is never taken into the ledger.
    #[must_use]
    pub fn unexplained(&self) -> Amount {
        self.stated - self.expected - self.external
    }
}

/// Where a change of a balance comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Cause {
    /// A fill, its fee, or funding.
    Trading,
    /// What was realised of a contract, which the exchange rounds.
    Realized,
    /// From outside.
    External,
}

/// A change that was told before the ledger started.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct EarlyChange {
    told_time: WallNs,
    asset: Asset,
    by: Amount,
    cause: Cause,
}

/// Whether what was told for a time is known to have happened after a statement. A statement's time may be cut to the
/// millisecond where that of a fill is not: within one millisecond the statement has it. Without a time nothing is known.
fn is_after(told: WallNs, statement: Option<WallNs>) -> bool {
    const MILLISECOND: i64 = 1_000_000;
    statement.is_some_and(|statement| match statement.0 % MILLISECOND {
        0 => told.0 - told.0.rem_euclid(MILLISECOND) > statement.0,
        _ => told > statement,
    })
}

/// The balances of one account at one exchange.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Account {
    stated: BTreeMap<Asset, StatedBalance>,
    start: Option<BTreeMap<Asset, Amount>>,
    /// The exchange's time of the statement that the ledger starts from: fills up to then are in it.
    start_time: Option<WallNs>,
    change: BTreeMap<Asset, Amount>,
    external: BTreeMap<Asset, Amount>,
    /// How often the exchange rounded what a contract realised, since the ledger started.
    #[serde(default)]
    roundings: BTreeMap<Asset, u32>,
    /// Changes from outside that were told, so that none counts twice.
    told_external: BTreeSet<(WallNs, Asset, Amount)>,
    /// What was told before the ledger started, by times of the exchange's: the statement that it starts from may be older,
    /// because the stream overtakes an answer.
    #[serde(default)]
    early: VecDeque<EarlyChange>,
    /// What the run before left, until the ledger starts, and what was learned since that it does not hold.
    left: Option<BTreeMap<Asset, Amount>>,
    /// What came between the two runs.
    moved: BTreeMap<Asset, Amount>,
}

impl Account {
    /// Takes a statement in. An older statement than what is known of an asset, by the exchange's time, changes nothing.
    pub fn state(&mut self, event: &BalancesEvent, now: MonoNs) {
        let is_old = |known: &StatedBalance| match (known.exchange_time, event.exchange_time) {
            (Some(known), Some(told)) => told < known,
            _ => false,
        };
        if event.scope == BalanceScope::All {
            for (asset, known) in &mut self.stated {
                if !is_old(known) && !event.balances.iter().any(|b| b.asset == *asset) {
                    known.balance.free = Amount::ZERO;
                    known.balance.locked = Amount::ZERO;
                    known.updated = now;
                }
            }
        }
        for balance in &event.balances {
            if self.stated.get(&balance.asset).is_some_and(is_old) {
                continue;
            }
            let stated = StatedBalance {
                balance: balance.clone(),
                updated: now,
                exchange_time: event.exchange_time,
            };
            self.stated.insert(balance.asset.clone(), stated);
        }
    }

    /// What the run before left, every fill in it: what is stated at the start beside that moved in between.
    pub fn left_before(&mut self, totals: BTreeMap<Asset, Amount>) {
        self.left = Some(totals);
    }

    /// What came between the run before and the start of the ledger, and no trade explains; below zero where more left. It is
    /// in the start. Empty where it is not known what the run before left.
    #[must_use]
    pub const fn moved_meanwhile(&self) -> &BTreeMap<Asset, Amount> {
        &self.moved
    }

    /// From now on fills count: what the exchange states is where the ledger starts. What was told before and happened after
    /// that statement counts too.
    pub fn start_ledger(&mut self) {
        let start_time = self.stated.values().filter_map(|s| s.exchange_time).max();
        let later = std::mem::take(&mut self.early).into_iter();
        let later: Vec<EarlyChange> = later.filter(|change| is_after(change.told_time, start_time)).collect();
        if let Some(left) = &mut self.left {
            for change in &later {
                *left.entry(change.asset.clone()).or_default() -= change.by;
            }
        }
        let totals = self.stated.iter().map(|(asset, s)| (asset.clone(), s.balance.total()));
        let totals: BTreeMap<Asset, Amount> = totals.collect();
        if let Some(mut left) = self.left.take() {
            for (asset, total) in &totals {
                left.entry(asset.clone()).or_default();
                self.moved.insert(asset.clone(), *total);
            }
            for (asset, before) in left {
                let moved = self.moved.entry(asset).or_default();
                *moved -= before;
            }
            self.moved.retain(|_, moved| !moved.is_zero());
        }
        self.start = Some(totals);
        self.start_time = start_time;
        self.change.clear();
        self.external.clear();
        self.roundings.clear();
        for change in later {
            self.count(&change.asset, change.by, change.cause);
        }
    }

    /// Whether fills count yet.
    #[must_use]
    pub const fn ledger_started(&self) -> bool {
        self.start.is_some()
    }

    /// Counts a fill, fee included, unless the start holds it already. `told_time` is the exchange's time of it, where the
    /// report has one. Whether it counts.
    pub fn add_fill(&mut self, pair: &Pair, fill: &Fill, told_time: Option<WallNs>) -> bool {
        if !self.may_count(told_time) {
            return false;
        }
        let (base, quote) = match fill.side {
            Side::Buy => (fill.quantity.as_base_amount(), -fill.notional()),
            Side::Sell => (-fill.quantity.as_base_amount(), fill.notional()),
        };
        self.change(&pair.base, base, told_time, Cause::Trading);
        self.change(&pair.quote, quote, told_time, Cause::Trading);
        if let Some(fee) = &fill.fee {
            self.change(&fee.asset, -fee.amount, told_time, Cause::Trading);
        }
        self.start.is_some()
    }

    /// Counts what was realised of a contract, unless the start holds it already, as [`Account::add_fill`] does. An exchange
    /// rounds it to its own unit, each time.
    pub fn settle(&mut self, asset: &Asset, realized: Amount, told_time: Option<WallNs>) {
        if realized.is_zero() {
            return;
        }
        self.change(asset, realized, told_time, Cause::Realized);
    }

    /// Counts what was paid or received as the exchange itself stated it, unless the start holds it already: funding.
    pub fn settle_exactly(&mut self, asset: &Asset, amount: Amount, told_time: Option<WallNs>) {
        self.change(asset, amount, told_time, Cause::Trading);
    }

    /// Counts a fee that was learned after its fill, as [`Account::add_fill`] does.
    pub fn add_fee(&mut self, fee: &Fee, told_time: Option<WallNs>) {
        self.change(&fee.asset, -fee.amount, told_time, Cause::Trading);
    }

    /// Counts a change from outside, unless the start holds it already. Whether it was told for the first time: the stream
    /// may repeat itself.
    pub fn add_external(&mut self, asset: &Asset, change: Amount, told_time: Option<WallNs>) -> bool {
        if let Some(time) = told_time {
            if !self.told_external.insert((time, asset.clone(), change)) {
                return false;
            }
            if self.told_external.len() > TOLD_EXTERNAL {
                self.told_external.pop_first();
            }
        }
        self.change(asset, change, told_time, Cause::External);
        true
    }

    /// Whether what was told is not in the start already. Before the start nothing is.
    fn may_count(&self, told_time: Option<WallNs>) -> bool {
        let is_in_start = |told| self.start_time.is_some() && !is_after(told, self.start_time);
        self.start.is_none() || !told_time.is_some_and(is_in_start)
    }

    /// A change, unless the start holds it already. Before the ledger has started, what the run before left changes, where that
    /// is known, and the change is remembered in case that it is later than the start.
    fn change(&mut self, asset: &Asset, by: Amount, told_time: Option<WallNs>, cause: Cause) {
        if !self.may_count(told_time) {
            return;
        }
        if self.start.is_some() {
            return self.count(asset, by, cause);
        }
        if let Some(left) = &mut self.left {
            *left.entry(asset.clone()).or_default() += by;
        }
        if let Some(told_time) = told_time {
            let asset = asset.clone();
            self.early.push_back(EarlyChange {
                told_time,
                asset,
                by,
                cause,
            });
            if self.early.len() > EARLY {
                self.early.pop_front();
            }
        }
    }

    fn count(&mut self, asset: &Asset, by: Amount, cause: Cause) {
        let changed = match cause {
            Cause::Trading | Cause::Realized => &mut self.change,
            Cause::External => &mut self.external,
        };
        *changed.entry(asset.clone()).or_default() += by;
        if cause == Cause::Realized {
            *self.roundings.entry(asset.clone()).or_default() += 1;
        }
    }

    /// A balance as the exchange stated it.
    #[must_use]
    pub fn get(&self, asset: &Asset) -> Option<&StatedBalance> {
        self.stated.get(asset)
    }

    /// Every balance that the exchange stated.
    pub fn iter(&self) -> impl Iterator<Item = &StatedBalance> {
        self.stated.values()
    }

    /// Ledger beside statement, for every asset that was held at the start or has changed since. Empty before the start.
    #[must_use]
    pub fn ledger(&self) -> Vec<LedgerBalance> {
        let Some(start) = &self.start else { return Vec::new() };
        let changed = self.change.keys().chain(self.external.keys());
        // What is stated and was never told of is held too: an asset that came without a word.
        let mut assets: Vec<&Asset> = start.keys().chain(changed).chain(self.stated.keys()).collect();
        assets.sort();
        assets.dedup();
        assets
            .into_iter()
            .map(|asset| {
                let start = start.get(asset).copied().unwrap_or_default();
                let change = self.change.get(asset).copied().unwrap_or_default();
                LedgerBalance {
                    asset: asset.clone(),
                    start,
                    change,
                    expected: start + change,
                    external: self.external.get(asset).copied().unwrap_or_default(),
                    stated: self.stated.get(asset).map(|s| s.balance.total()).unwrap_or_default(),
                    rounding: Amount(EXCHANGE_UNIT * Decimal::from(self.roundings.get(asset).copied().unwrap_or(0))),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use colibri_model::{AccountId, Decimal, FillCause, FillKey, PositionSide, Price, Quantity, TradeId, VenueId};
    use colibri_standard::ReportSource;

    fn amount(text: &str) -> Amount {
        Amount(text.parse().unwrap())
    }

    fn event(scope: BalanceScope, balances: &[(&str, &str, &str)], time: Option<i64>) -> BalancesEvent {
        BalancesEvent {
            scope,
            balances: balances
                .iter()
                .map(|&(asset, free, locked)| Balance {
                    asset: Asset::new(asset),
                    free: amount(free),
                    locked: amount(locked),
                })
                .collect(),
            source: ReportSource::Stream,
            exchange_time: time.map(WallNs),
        }
    }

    #[test]
    fn statements_replace_by_scope_and_never_go_back() {
        let mut account = Account::default();
        let all = event(BalanceScope::All, &[("BTC", "1", "0"), ("USDT", "5", "5")], Some(10));
        account.state(&all, MonoNs(1));
        account.state(
            &event(BalanceScope::Changed, &[("USDT", "4", "5")], Some(12)),
            MonoNs(2),
        );
        account.state(
            &event(BalanceScope::Changed, &[("USDT", "9", "9")], Some(11)),
            MonoNs(3),
        );
        let usdt = account.get(&Asset::new("USDT")).unwrap();
        assert_eq!(usdt.balance.free, amount("4"), "the older statement came late");
        account.state(&event(BalanceScope::All, &[("USDT", "4", "4")], Some(13)), MonoNs(4));
        assert!(account.get(&Asset::new("BTC")).unwrap().balance.total().is_zero());
    }

    #[test]
    fn what_is_told_before_the_start_counts_where_the_statement_is_older() {
        let millis = |tenths: i64| Some(WallNs(tenths * 100_000));
        let fee = |tenths| (Asset::new("BNB"), millis(tenths));
        let started = |statement: Option<i64>, told: i64| {
            let mut account = Account::default();
            account.left_before([(Asset::new("BNB"), amount("5"))].into());
            account.state(
                &event(
                    BalanceScope::All,
                    &[("BNB", "5", "0")],
                    statement.map(|tenths| tenths * 100_000),
                ),
                MonoNs(1),
            );
            let (asset, told) = fee(told);
            let amount = amount("1");
            account.add_fee(&Fee { asset, amount }, told);
            account.start_ledger();
            let moved = account.moved_meanwhile().values().next().copied();
            (account.ledger()[0].expected, moved)
        };
        assert_eq!(started(Some(1_005), 1_006), (amount("4"), None), "the fee came later");
        assert_eq!(
            started(Some(1_006), 1_006),
            (amount("5"), Some(amount("1"))),
            "it is in the start"
        );
        assert_eq!(
            started(Some(1_000), 1_006).0,
            amount("5"),
            "a time cut to the millisecond"
        );
        assert_eq!(started(Some(1_000), 1_010).0, amount("4"));
        assert_eq!(started(None, 1_010).0, amount("5"), "nothing is known");
    }

    #[test]
    fn the_ledger_expects_start_and_fills_less_fees_to_the_last_digit() {
        let mut account = Account::default();
        account.state(
            &event(BalanceScope::All, &[("BTC", "1", "0"), ("USDT", "100", "0")], Some(7)),
            MonoNs(1),
        );
        let pair: Pair = "BTC-USDT".parse().unwrap();
        let mut fill = Fill {
            key: FillKey {
                account: AccountId::new("a").unwrap(),
                venue: VenueId::new("v").unwrap(),
                pair: pair.clone(),
                trade_id: TradeId::new("1").unwrap(),
                side: Side::Buy,
            },
            client_id: None,
            exchange_id: None,
            side: Side::Buy,
            price: Price(Decimal::new(33_333, 3)),
            quantity: Quantity(Decimal::new(1_234_567, 8)),
            fee: Some(Fee {
                asset: Asset::new("BTC"),
                amount: amount("0.00001234"),
            }),
            liquidity: None,
            position_side: PositionSide::Net,
            cause: FillCause::Order,
            exchange_time: WallNs(0),
            local_time: WallNs(0),
        };
        assert!(!account.add_fill(&pair, &fill, None));
        assert!(!account.add_fill(&pair, &fill, Some(WallNs(7))));
        assert!(account.ledger().is_empty(), "what was before the start does not count");
        // The stream tells it before the start, and the statement is of before it.
        account.add_fill(&pair, &fill, Some(WallNs(8)));
        account.start_ledger();
        assert!(!account.add_fill(&pair, &fill, Some(WallNs(7))), "the start holds it");
        fill.side = Side::Sell;
        fill.fee = None;
        fill.price = Price(Decimal::from(40));
        account.add_fill(&pair, &fill, Some(WallNs(8)));
        let fee = Fee {
            asset: Asset::new("BNB"),
            amount: amount("0.1"),
        };
        account.add_fee(&fee, Some(WallNs(8)));
        let ledger = account.ledger();
        let expected: Vec<_> = ledger.iter().map(|l| (l.asset.as_str(), l.expected)).collect();
        assert_eq!(expected[0], ("BNB", amount("-0.1")));
        assert_eq!(expected[1], ("BTC", amount("0.99998766")));
        assert_eq!(expected[2], ("USDT", amount("100") + amount("0.08230858189")));
        assert!(!ledger[2].agrees());
    }
}
