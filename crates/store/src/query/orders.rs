//! Orders, with what was filled of them.

use colibri_model::{
    AccountId, Amount, ExchangeOrderId, InstrumentId, OrderIntent, OrderState, OrderTerms, Pair, Price, Quantity,
    StrategyId, VenueId, WallNs,
};
use rusqlite::{Row, params, params_from_iter};

use super::filter::{Filter, instant, maybe_instant, maybe_word, word};
use crate::history::{History, HistoryError, Word};

/// An order as it stands in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The bot, where one was running.
    pub bot: Option<String>,
    /// Who decided it.
    pub strategy: StrategyId,
    /// Where it went.
    pub venue: VenueId,
    /// For whose account.
    pub account: AccountId,
    /// Of which pair.
    pub pair: Pair,
    /// The order as decided.
    pub intent: OrderIntent,
    /// Its state.
    pub state: OrderState,
    /// The exchange's id.
    pub exchange_id: Option<ExchangeOrderId>,
    /// What was said with the last change of state.
    pub reason: Option<String>,
    /// When it was decided.
    pub created: WallNs,
    /// When its state last changed.
    pub updated: WallNs,
    /// The exchange's time of the last change for which it stated one.
    pub exchange_time: Option<WallNs>,
    /// When a cancel was last about to be sent.
    pub cancel_requested: Option<WallNs>,
    /// How much of the base asset its fills come to.
    pub filled: Quantity,
    /// How much of the quote asset its fills come to.
    pub filled_notional: Amount,
}

impl Order {
    /// The mean price of its fills; `None` without any, or beyond a decimal's range.
    #[must_use]
    pub fn average_price(&self) -> Option<Price> {
        self.filled_notional.0.checked_div(self.filled.0).map(Price)
    }
}

/// Selects what an [`order`] is read from.
const SELECT_ORDERS: &str = "SELECT *, (SELECT bot FROM runs WHERE runs.run = orders.run) AS bot FROM orders";

impl History {
    /// The orders that `filter` asks for, oldest first; where a limit cuts, the newest are kept.
    ///
    /// # Errors
    /// [`HistoryError::Sqlite`]; [`HistoryError::Overflow`].
    pub fn orders(&self, filter: &Filter) -> Result<Vec<Order>, HistoryError> {
        let mut orders = self.read_orders(filter).map_err(|source| self.failed(source))?;
        for order in &mut orders {
            self.add_fills_of(order)?;
        }
        Ok(orders)
    }

    /// Hands over the orders that `filter` asks for one by one, oldest first, however many there are: for a file that is
    /// larger than memory. The filter's limit has no meaning here.
    ///
    /// # Errors
    /// [`HistoryError::Sqlite`]; [`HistoryError::Overflow`]; those of `take`, which end it.
    pub fn each_order<E: From<HistoryError>>(
        &self,
        filter: &Filter,
        mut take: impl FnMut(Order) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |source| E::from(self.failed(source));
        let condition = filter.rows("created_ns").map_err(failed)?;
        let sql = format!("{SELECT_ORDERS} WHERE {} ORDER BY created_ns, sequence", condition.sql);
        let mut statement = self.connection.prepare(&sql).map_err(failed)?;
        let rows = statement
            .query_map(params_from_iter(condition.params), order)
            .map_err(failed)?;
        for row in rows {
            let mut order = row.map_err(failed)?;
            self.add_fills_of(&mut order)?;
            take(order)?;
        }
        Ok(())
    }

    fn add_fills_of(&self, order: &mut Order) -> Result<(), HistoryError> {
        for (price, quantity) in self.fills_of(order).map_err(|source| self.failed(source))? {
            let sums = price.0.checked_mul(quantity.0).and_then(|notional| {
                Some((
                    order.filled.0.checked_add(quantity.0)?,
                    order.filled_notional.0.checked_add(notional)?,
                ))
            });
            let (filled, notional) = sums.ok_or_else(|| HistoryError::Overflow {
                pair: order.pair.to_string(),
            })?;
            order.filled = Quantity(filled);
            order.filled_notional = Amount(notional);
        }
        Ok(())
    }

    fn read_orders(&self, filter: &Filter) -> rusqlite::Result<Vec<Order>> {
        let condition = filter.rows("created_ns")?;
        let mut statement = self.connection.prepare(&format!(
            "{SELECT_ORDERS} WHERE {} ORDER BY created_ns DESC, sequence DESC LIMIT {}",
            condition.sql,
            filter.limit()
        ))?;
        let rows = statement.query_map(params_from_iter(condition.params), order)?;
        let mut orders: Vec<Order> = rows.collect::<Result<_, _>>()?;
        orders.reverse();
        Ok(orders)
    }

    fn fills_of(&self, order: &Order) -> rusqlite::Result<Vec<(Price, Quantity)>> {
        self.connection
            .prepare_cached("SELECT price, quantity FROM fills WHERE venue = ? AND client_id = ?")?
            .query_map(params![Word(&order.venue), Word(&order.intent.client_id)], |row| {
                Ok((word(row, "price")?, word(row, "quantity")?))
            })?
            .collect()
    }
}

fn order(row: &Row<'_>) -> rusqlite::Result<Order> {
    Ok(Order {
        bot: row.get("bot")?,
        strategy: word(row, "strategy")?,
        venue: word(row, "venue")?,
        account: word(row, "account")?,
        pair: word(row, "pair")?,
        intent: OrderIntent {
            client_id: word(row, "client_id")?,
            instrument: InstrumentId(row.get("instrument")?),
            side: word(row, "side")?,
            order_type: word(row, "order_type")?,
            time_in_force: maybe_word(row, "time_in_force")?,
            price: maybe_word(row, "price")?,
            quantity: word(row, "quantity")?,
            quantity_unit: word(row, "quantity_unit")?,
            terms: OrderTerms::default(),
        },
        state: word(row, "state")?,
        exchange_id: maybe_word(row, "exchange_id")?,
        reason: row.get("reason")?,
        created: instant(row, "created_ns")?,
        updated: instant(row, "updated_ns")?,
        exchange_time: maybe_instant(row, "exchange_ns")?,
        cancel_requested: maybe_instant(row, "cancel_requested_ns")?,
        filled: Quantity::ZERO,
        filled_notional: Amount::ZERO,
    })
}
