//! Fills, with who had decided them.

use colibri_model::{Amount, Asset, Fee, Fill, FillKey, StrategyId};
use rusqlite::{Row, params_from_iter};

use super::filter::{Filter, instant, maybe_word, word};
use crate::history::{History, HistoryError};

/// A fill, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trade {
    /// The bot, where one was running.
    pub bot: Option<String>,
    /// Who had decided the order; `None` for one that was not ours.
    pub strategy: Option<StrategyId>,
    /// The fill.
    pub fill: Fill,
}

/// The columns of a fill, for [`fill`].
pub(super) const FILL_COLUMNS: &str = "account, venue, pair, trade_id, client_id, exchange_id, side, price, quantity,
    fee_asset, fee_amount, liquidity, exchange_ns, local_ns, position_side, cause";

/// Selects what a [`trade`] is read from.
fn select_trades() -> String {
    format!("SELECT (SELECT bot FROM runs WHERE runs.run = fills.run) AS bot, strategy, {FILL_COLUMNS} FROM fills")
}

impl History {
    /// The trades that `filter` asks for, oldest first; where a limit cuts, the newest are kept.
    ///
    /// # Errors
    /// [`HistoryError::Sqlite`].
    pub fn trades(&self, filter: &Filter) -> Result<Vec<Trade>, HistoryError> {
        self.read_trades(filter).map_err(|source| self.failed(source))
    }

    /// Hands over the trades that `filter` asks for one by one, oldest first, however many there are: for a file that is
    /// larger than memory. The filter's limit has no meaning here.
    ///
    /// # Errors
    /// [`HistoryError::Sqlite`], and those of `take`, which end it.
    pub fn each_trade<E: From<HistoryError>>(
        &self,
        filter: &Filter,
        mut take: impl FnMut(Trade) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |source| E::from(self.failed(source));
        let condition = filter.rows("exchange_ns").map_err(failed)?;
        let sql = format!(
            "{} WHERE {} ORDER BY exchange_ns, sequence",
            select_trades(),
            condition.sql
        );
        let mut statement = self.connection.prepare(&sql).map_err(failed)?;
        let rows = statement
            .query_map(params_from_iter(condition.params), trade)
            .map_err(failed)?;
        for row in rows {
            take(row.map_err(failed)?)?;
        }
        Ok(())
    }

    fn read_trades(&self, filter: &Filter) -> rusqlite::Result<Vec<Trade>> {
        let condition = filter.rows("exchange_ns")?;
        let mut statement = self.connection.prepare(&format!(
            "{} WHERE {} ORDER BY exchange_ns DESC, sequence DESC LIMIT {}",
            select_trades(),
            condition.sql,
            filter.limit()
        ))?;
        let rows = statement.query_map(params_from_iter(condition.params), trade)?;
        let mut trades: Vec<Trade> = rows.collect::<Result<_, _>>()?;
        trades.reverse();
        Ok(trades)
    }
}

fn trade(row: &Row<'_>) -> rusqlite::Result<Trade> {
    Ok(Trade {
        bot: row.get("bot")?,
        strategy: maybe_word(row, "strategy")?,
        fill: fill(row)?,
    })
}

/// The fill in a row that has [`FILL_COLUMNS`].
pub(super) fn fill(row: &Row<'_>) -> rusqlite::Result<Fill> {
    let fee_asset: Option<Asset> = maybe_word(row, "fee_asset")?;
    let fee_amount: Option<Amount> = maybe_word(row, "fee_amount")?;
    Ok(Fill {
        key: FillKey {
            account: word(row, "account")?,
            venue: word(row, "venue")?,
            pair: word(row, "pair")?,
            trade_id: word(row, "trade_id")?,
            side: word(row, "side")?,
        },
        client_id: maybe_word(row, "client_id")?,
        exchange_id: maybe_word(row, "exchange_id")?,
        side: word(row, "side")?,
        price: word(row, "price")?,
        quantity: word(row, "quantity")?,
        fee: fee_asset.zip(fee_amount).map(|(asset, amount)| Fee { asset, amount }),
        liquidity: maybe_word(row, "liquidity")?,
        position_side: word(row, "position_side")?,
        cause: word(row, "cause")?,
        exchange_time: instant(row, "exchange_ns")?,
        local_time: instant(row, "local_ns")?,
    })
}
