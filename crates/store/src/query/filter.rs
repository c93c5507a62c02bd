//! Which rows are asked for.

use colibri_model::{AccountId, Pair, StrategyId, VenueId, WallNs};
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Row, ToSql};

use crate::history::Word;

/// Which rows are asked for. Empty: all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this bot's runs.
    pub bot: Option<String>,
    /// Decided by this strategy.
    pub strategy: Option<StrategyId>,
    /// Through this venue.
    pub venue: Option<VenueId>,
    /// For this account.
    pub account: Option<AccountId>,
    /// Of this pair.
    pub pair: Option<Pair>,
    /// From this instant on: a trade's time at the exchange, an order's creation here.
    pub since: Option<WallNs>,
    /// Before this instant.
    pub until: Option<WallNs>,
    /// The newest so many.
    pub limit: Option<u32>,
}

/// A filter as SQL: the condition, and its parameters in order.
pub(super) struct Condition {
    pub(super) sql: String,
    pub(super) params: Vec<Value>,
}

impl Filter {
    /// The rows of a table whose time is `time_column`, for a statement that orders by it.
    pub(super) fn rows(&self, time_column: &str) -> rusqlite::Result<Condition> {
        let mut condition = self.but_since(time_column)?;
        if let Some(since) = self.since {
            condition.and(&format!("{time_column} >= ?"), Value::Integer(since.0));
        }
        Ok(condition)
    }

    /// As [`Filter::rows`], with what came before `since` too.
    pub(super) fn but_since(&self, time_column: &str) -> rusqlite::Result<Condition> {
        let mut condition = Condition {
            sql: "1".to_owned(),
            params: Vec::new(),
        };
        if let Some(bot) = &self.bot {
            condition.and("run IN (SELECT run FROM runs WHERE bot = ?)", Value::Text(bot.clone()));
        }
        if let Some(strategy) = &self.strategy {
            condition.and("strategy = ?", owned(&Word(strategy))?);
        }
        if let Some(venue) = &self.venue {
            condition.and("venue = ?", owned(&Word(venue))?);
        }
        if let Some(account) = &self.account {
            condition.and("account = ?", owned(&Word(account))?);
        }
        if let Some(pair) = &self.pair {
            condition.and("pair = ?", owned(&Word(pair))?);
        }
        if let Some(until) = self.until {
            condition.and(&format!("{time_column} < ?"), Value::Integer(until.0));
        }
        Ok(condition)
    }

    /// The limit as SQLite wants it: negative is none.
    pub(super) fn limit(&self) -> i64 {
        self.limit.map_or(-1, i64::from)
    }
}

impl Condition {
    fn and(&mut self, sql: &str, param: Value) {
        self.sql.push_str(" AND ");
        self.sql.push_str(sql);
        self.params.push(param);
    }
}

fn owned(value: &dyn ToSql) -> rusqlite::Result<Value> {
    Ok(match value.to_sql()? {
        ToSqlOutput::Owned(value) => value,
        ToSqlOutput::Borrowed(value) => value.try_into()?,
        _ => Value::Null,
    })
}

/// An instant in a column.
pub(super) fn instant(row: &Row<'_>, column: &str) -> rusqlite::Result<WallNs> {
    row.get(column).map(WallNs)
}

/// An instant in a column that may be empty.
pub(super) fn maybe_instant(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<WallNs>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(WallNs))
}

/// A value in a text column.
pub(super) fn word<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    row.get::<_, crate::history::Read<T>>(column).map(|read| read.0)
}

/// A value in a text column that may be empty.
pub(super) fn maybe_word<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>> {
    Ok(row
        .get::<_, Option<crate::history::Read<T>>>(column)?
        .map(|read| read.0))
}
