//! Sums a pair: what `status` shows.

use std::collections::BTreeMap;

use colibri_model::profit::Contracts;
use colibri_model::{
    AccountId, Amount, Asset, Contract, ContractKind, Decimal, Fill, OrderState, Pair, Position, Price, Quantity, Side,
    VenueId, WallNs,
};
use rusqlite::params_from_iter;

use super::filter::{Filter, word};
use super::trades::{FILL_COLUMNS, fill};
use crate::history::{History, HistoryError};

/// What was traded of a pair in an account, in the time asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairSummary {
    /// Where.
    pub venue: VenueId,
    /// For whose account.
    pub account: AccountId,
    /// Of which pair.
    pub pair: Pair,
    /// Orders created.
    pub orders: u64,
    /// Of these, how many may be working, their state known.
    pub open: u64,
    /// Of these, how many are in state `Unknown`: being asked about.
    pub unknown: u64,
    /// Fills.
    pub fills: u64,
    /// Bought, in the base asset.
    pub bought: Quantity,
    /// Sold, in the base asset.
    pub sold: Quantity,
    /// The notional of all fills, in the quote asset.
    pub volume: Amount,
    /// Fees by asset; below zero is a rebate.
    pub fees: BTreeMap<Asset, Amount>,
    /// Fills whose report did not state a fee: `fees` lacks theirs.
    pub fills_without_fee: u64,
    /// Realised by average cost in the settle asset (of spot: the quote asset), fees not deducted.
    pub realised: Amount,
    /// The position and its cost at the end of that time, from all fills before it; of spot, what fees took of the base asset is
    /// not in it.
    pub position: Position,
    /// What it is a contract of; `None` for spot.
    pub contract: Option<Contract>,
}

impl PairSummary {
    /// What realised profit is in.
    #[must_use]
    pub fn asset(&self) -> &Asset {
        self.contract.as_ref().map_or(&self.pair.quote, |c| &c.settle)
    }

    /// The average price of the position; `None` without one.
    #[must_use]
    pub fn average_price(&self) -> Option<Price> {
        self.position.entry_price(&self.terms())
    }

    fn terms(&self) -> Contract {
        self.contract.clone().unwrap_or_else(|| Contract::spot(&self.pair))
    }
}

type Key = (VenueId, AccountId, Pair);

impl History {
    /// Sums by venue, account and pair. `since` bounds what is counted, not what the position was built from; the limit
    /// has no meaning here.
    ///
    /// # Errors
    /// [`HistoryError::Sqlite`]; [`HistoryError::Overflow`].
    pub fn summary(&self, filter: &Filter) -> Result<Vec<PairSummary>, HistoryError> {
        let mut pairs = Pairs {
            contracts: self.contracts()?,
            summaries: BTreeMap::new(),
        };
        self.count_orders(filter, &mut pairs)
            .map_err(|source| self.failed(source))?;
        self.add_fills(filter, &mut pairs)?;
        Ok(pairs.summaries.into_values().collect())
    }

    fn count_orders(&self, filter: &Filter, pairs: &mut Pairs) -> rusqlite::Result<()> {
        let condition = filter.rows("created_ns")?;
        let mut statement = self.connection.prepare(&format!(
            "SELECT venue, account, pair, state, count(*) AS orders FROM orders WHERE {}
             GROUP BY venue, account, pair, state",
            condition.sql
        ))?;
        let mut rows = statement.query(params_from_iter(condition.params))?;
        while let Some(row) = rows.next()? {
            let orders = row.get::<_, i64>("orders")?.cast_unsigned();
            let state: OrderState = word(row, "state")?;
            let pair = pairs.of((word(row, "venue")?, word(row, "account")?, word(row, "pair")?));
            pair.orders += orders;
            if state == OrderState::Unknown {
                pair.unknown += orders;
            } else if state.may_be_live() {
                pair.open += orders;
            }
        }
        Ok(())
    }

    fn add_fills(&self, filter: &Filter, pairs: &mut Pairs) -> Result<(), HistoryError> {
        let failed = |source| self.failed(source);
        let condition = filter.but_since("exchange_ns").map_err(failed)?;
        let since = filter.since.unwrap_or(WallNs(i64::MIN));
        let mut statement = self
            .connection
            .prepare(&format!(
                "SELECT {FILL_COLUMNS} FROM fills WHERE {} ORDER BY exchange_ns, length(trade_id), trade_id, sequence",
                condition.sql
            ))
            .map_err(failed)?;
        let mut rows = statement.query(params_from_iter(condition.params)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let fill = fill(row).map_err(failed)?;
            let key = &fill.key;
            let pair = pairs.of((key.venue.clone(), key.account.clone(), key.pair.clone()));
            if add(pair, &fill, since).is_none() {
                return Err(HistoryError::Overflow {
                    pair: fill.key.pair.to_string(),
                });
            }
        }
        pairs
            .summaries
            .retain(|_, pair| pair.orders > 0 || pair.fills > 0 || !pair.position.quantity.is_zero());
        Ok(())
    }
}

fn add(pair: &mut PairSummary, fill: &Fill, since: WallNs) -> Option<()> {
    let terms = pair.terms();
    let change = pair
        .position
        .checked_apply(&terms, fill.side, fill.price, fill.quantity)?;
    let mut realised = change.realized;
    if let Some(fee) = &fill.fee
        && pair.contract.is_none()
        && fee.asset == pair.pair.base
    {
        let given = pair.position.checked_give(&terms, fill.price, fee.amount)?;
        realised = Amount(realised.0.checked_add(given.realized.0)?);
    }
    if fill.exchange_time < since {
        return Some(());
    }
    let plus = |sum: Decimal, more: Decimal| sum.checked_add(more);
    pair.fills += 1;
    pair.realised = Amount(plus(pair.realised.0, realised.0)?);
    let notional = match terms.kind {
        ContractKind::Linear => fill.price.0.checked_mul(fill.quantity.0)?,
        ContractKind::Inverse => terms.size.checked_mul(fill.quantity.0)?,
    };
    pair.volume = Amount(plus(pair.volume.0, notional)?);
    let side = match fill.side {
        Side::Buy => &mut pair.bought,
        Side::Sell => &mut pair.sold,
    };
    *side = Quantity(plus(side.0, fill.quantity.0)?);
    match &fill.fee {
        Some(fee) => {
            let sum = pair.fees.entry(fee.asset.clone()).or_default();
            *sum = Amount(plus(sum.0, fee.amount.0)?);
        }
        None => pair.fills_without_fee += 1,
    }
    Some(())
}

/// Summaries in the making.
struct Pairs {
    contracts: Contracts,
    summaries: BTreeMap<Key, PairSummary>,
}

impl Pairs {
    fn of(&mut self, key: Key) -> &mut PairSummary {
        let contracts = &self.contracts;
        self.summaries.entry(key.clone()).or_insert_with(|| PairSummary {
            contract: contracts.get(&key).cloned(),
            venue: key.0,
            account: key.1,
            pair: key.2,
            orders: 0,
            open: 0,
            unknown: 0,
            fills: 0,
            bought: Quantity::ZERO,
            sold: Quantity::ZERO,
            volume: Amount::ZERO,
            fees: BTreeMap::new(),
            fills_without_fee: 0,
            realised: Amount::ZERO,
            position: Position::default(),
        })
    }
}
