//! What profit is counted from: fills, funding payments, prices and contracts, in the order of their times.

use colibri_model::profit::{Contracts, ProfitEvent};
use colibri_model::{Contract, FundingKey, FundingPayment, OpenedPosition, Quantity, WallNs};
use rusqlite::{Row, params};

use super::filter::{instant, maybe_word, word};
use super::trades::{FILL_COLUMNS, fill};
use crate::history::{History, HistoryError};

impl History {
    /// The contracts that were traded. What is not among them is spot.
    ///
    /// # Errors
    /// [`HistoryError::Sqlite`].
    pub fn contracts(&self) -> Result<Contracts, HistoryError> {
        self.read_contracts().map_err(|source| self.failed(source))
    }

    /// Hands over everything that profit is counted from, up to `until`: first what was held before the first fill that is known,
    /// then all in the order of the exchange's times; of one time, prices first, then fills by the exchange's numbers.
    ///
    /// # Errors
    /// [`HistoryError::Sqlite`], and those of `take`, which end it.
    pub fn each_profit_event<E: From<HistoryError>>(
        &self,
        until: Option<WallNs>,
        mut take: impl FnMut(ProfitEvent) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |source| E::from(self.failed(source));
        let until = until.map_or(i64::MAX, |until| until.0);
        let mut opened = self
            .connection
            .prepare("SELECT * FROM openings WHERE time_ns < ? ORDER BY time_ns")
            .map_err(failed)?;
        for event in opened.query_map(params![until], opening).map_err(failed)? {
            take(event.map_err(failed)?)?;
        }
        let mut prices = self
            .connection
            .prepare("SELECT venue, pair, price, time_ns FROM prices WHERE time_ns < ? ORDER BY time_ns, sequence")
            .map_err(failed)?;
        let mut prices = prices.query_map(params![until], price).map_err(failed)?.peekable();
        let mut funding = self
            .connection
            .prepare("SELECT * FROM funding WHERE exchange_ns < ? ORDER BY exchange_ns, sequence")
            .map_err(failed)?;
        let mut funding = funding.query_map(params![until], payment).map_err(failed)?.peekable();
        let mut fills = self
            .connection
            .prepare(&format!(
                "SELECT strategy, {FILL_COLUMNS} FROM fills WHERE exchange_ns < ?
                 ORDER BY exchange_ns, length(trade_id), trade_id, sequence"
            ))
            .map_err(failed)?;
        let mut fills = fills.query_map(params![until], traded).map_err(failed)?.peekable();
        loop {
            let (price, fill, payment) = (time(prices.peek()), time(fills.peek()), time(funding.peek()));
            let next = match price.min(fill).min(payment) {
                Next::Ended => return Ok(()),
                first if first == price => prices.next(),
                first if first == fill => fills.next(),
                _ => funding.next(),
            };
            if let Some(event) = next {
                take(event.map_err(failed)?)?;
            }
        }
    }

    fn read_contracts(&self) -> rusqlite::Result<Contracts> {
        let mut statement = self.connection.prepare("SELECT * FROM contracts")?;
        let mut rows = statement.query([])?;
        let mut contracts = Contracts::new();
        while let Some(row) = rows.next()? {
            let key = (word(row, "venue")?, word(row, "account")?, word(row, "pair")?);
            let contract = Contract {
                kind: word(row, "kind")?,
                size: word::<Quantity>(row, "size")?.0,
                ..Contract::linear(word(row, "settle")?)
            };
            contracts.insert(key, contract);
        }
        Ok(contracts)
    }
}

/// See [`time`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Unreadable,
    At(WallNs),
    Ended,
}

/// When a stream's next event was: the earliest is taken first. A row that cannot be read comes before all, a stream that has
/// ended after all.
fn time(next: Option<&rusqlite::Result<ProfitEvent>>) -> Next {
    match next {
        Some(Ok(event)) => Next::At(event.time()),
        Some(Err(_)) => Next::Unreadable,
        None => Next::Ended,
    }
}

fn opening(row: &Row<'_>) -> rusqlite::Result<ProfitEvent> {
    Ok(ProfitEvent::Opened {
        venue: word(row, "venue")?,
        account: word(row, "account")?,
        pair: word(row, "pair")?,
        position: OpenedPosition {
            side: word(row, "position_side")?,
            quantity: word(row, "quantity")?,
            price: word(row, "price")?,
        },
        time: instant(row, "time_ns")?,
    })
}

fn price(row: &Row<'_>) -> rusqlite::Result<ProfitEvent> {
    Ok(ProfitEvent::Price {
        venue: word(row, "venue")?,
        pair: word(row, "pair")?,
        price: word(row, "price")?,
        time: instant(row, "time_ns")?,
    })
}

fn traded(row: &Row<'_>) -> rusqlite::Result<ProfitEvent> {
    Ok(ProfitEvent::Fill {
        strategy: maybe_word(row, "strategy")?,
        fill: fill(row)?,
    })
}

fn payment(row: &Row<'_>) -> rusqlite::Result<ProfitEvent> {
    Ok(ProfitEvent::Funding {
        strategy: maybe_word(row, "strategy")?,
        payment: FundingPayment {
            key: FundingKey {
                account: word(row, "account")?,
                venue: word(row, "venue")?,
                pair: word(row, "pair")?,
                time: instant(row, "exchange_ns")?,
                id: word(row, "id")?,
            },
            asset: word(row, "asset")?,
            amount: word(row, "amount")?,
            position_side: word(row, "position_side")?,
            rate: maybe_word::<Quantity>(row, "rate")?.map(|rate| rate.0),
            quantity: maybe_word(row, "quantity")?,
            local_time: instant(row, "local_ns")?,
        },
    })
}
