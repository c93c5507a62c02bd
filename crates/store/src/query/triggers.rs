//! Triggers, with the orders that they became.

use colibri_model::{
    AccountId, ClientOrderId, ExchangeOrderId, InstrumentId, OrderTerms, Pair, StrategyId, TriggerIntent, TriggerState,
    VenueId, WallNs,
};
use rusqlite::{Row, params_from_iter};

use super::filter::{Filter, instant, maybe_instant, maybe_word, word};
use crate::history::{History, HistoryError};

/// A trigger as it stands in the history. The order that it became is an order of the same client id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
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
    /// The trigger as decided.
    pub intent: TriggerIntent,
    /// Its state.
    pub state: TriggerState,
    /// The exchange's id of the trigger.
    pub exchange_id: Option<ExchangeOrderId>,
    /// The exchange's id of the order that it became.
    pub became: Option<ExchangeOrderId>,
    /// The client id of that order at the exchange, where it is not the trigger's.
    pub became_client_id: Option<ClientOrderId>,
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
}

impl History {
    /// The triggers that `filter` asks for, oldest first; where a limit cuts, the newest are kept.
    ///
    /// # Errors
    /// [`HistoryError::Sqlite`].
    pub fn triggers(&self, filter: &Filter) -> Result<Vec<Trigger>, HistoryError> {
        self.read_triggers(filter).map_err(|source| self.failed(source))
    }

    fn read_triggers(&self, filter: &Filter) -> rusqlite::Result<Vec<Trigger>> {
        let condition = filter.rows("created_ns")?;
        let mut statement = self.connection.prepare(&format!(
            "SELECT *, (SELECT bot FROM runs WHERE runs.run = triggers.run) AS bot FROM triggers
             WHERE {} ORDER BY created_ns DESC, sequence DESC LIMIT {}",
            condition.sql,
            filter.limit()
        ))?;
        let rows = statement.query_map(params_from_iter(condition.params), trigger)?;
        let mut triggers: Vec<Trigger> = rows.collect::<Result<_, _>>()?;
        triggers.reverse();
        Ok(triggers)
    }
}

fn trigger(row: &Row<'_>) -> rusqlite::Result<Trigger> {
    Ok(Trigger {
        bot: row.get("bot")?,
        strategy: word(row, "strategy")?,
        venue: word(row, "venue")?,
        account: word(row, "account")?,
        pair: word(row, "pair")?,
        intent: TriggerIntent {
            client_id: word(row, "client_id")?,
            instrument: InstrumentId(row.get("instrument")?),
            kind: word(row, "kind")?,
            by: word(row, "watches")?,
            trigger_price: word(row, "trigger_price")?,
            side: word(row, "side")?,
            order_type: word(row, "order_type")?,
            time_in_force: maybe_word(row, "time_in_force")?,
            price: maybe_word(row, "price")?,
            quantity: maybe_word(row, "quantity")?,
            terms: OrderTerms {
                position_side: word(row, "position_side")?,
                effect: word(row, "effect")?,
                margin_mode: maybe_word(row, "margin_mode")?,
                good_till: maybe_instant(row, "good_till_ns")?,
            },
        },
        state: word(row, "state")?,
        exchange_id: maybe_word(row, "exchange_id")?,
        became: maybe_word(row, "became_exchange_id")?,
        became_client_id: maybe_word(row, "became_client_id")?,
        reason: row.get("reason")?,
        created: instant(row, "created_ns")?,
        updated: instant(row, "updated_ns")?,
        exchange_time: maybe_instant(row, "exchange_ns")?,
        cancel_requested: maybe_instant(row, "cancel_requested_ns")?,
    })
}
