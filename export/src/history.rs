//! Orders and fills of a bot, as its history holds them.

use std::path::Path;

use colibri::command::history::{folder_of, open};
use colibri_model::TimeInForce;
use colibri_store::export::{liquidity, order_state, quantity_unit};
use colibri_store::history::{History, HistoryError};
use colibri_store::query::{Filter, Order, Trade};

use crate::parquet_file::{FileError, ParquetFile, Written};
use crate::row::{Cell, Column, ColumnType, NotHeld, Row, Scale};

impl Row for Order {
    const COLUMNS: &'static [Column] = &[
        Column::always("created", ColumnType::Instant),
        Column::maybe("bot", ColumnType::Text),
        Column::always("strategy", ColumnType::Text),
        Column::always("venue", ColumnType::Text),
        Column::always("account", ColumnType::Text),
        Column::always("pair", ColumnType::Text),
        Column::always("side", ColumnType::Text),
        Column::always("type", ColumnType::Text),
        Column::maybe("time_in_force", ColumnType::Text),
        Column::maybe("price", ColumnType::Decimal),
        Column::always("quantity", ColumnType::Decimal),
        Column::always("quantity_unit", ColumnType::Text),
        Column::always("state", ColumnType::Text),
        Column::always("filled", ColumnType::Decimal),
        Column::always("filled_notional", ColumnType::Decimal),
        Column::always("client_order_id", ColumnType::Text),
        Column::maybe("exchange_order_id", ColumnType::Text),
        Column::always("updated", ColumnType::Instant),
        Column::maybe("exchange_time", ColumnType::Instant),
        Column::maybe("cancel_requested", ColumnType::Instant),
        Column::maybe("reason", ColumnType::Text),
    ];

    fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        let intent = &self.intent;
        [
            Cell::Instant(self.created.0),
            maybe(self.bot.as_deref()),
            Cell::text(self.strategy.as_str()),
            Cell::text(self.venue.as_str()),
            Cell::text(self.account.as_str()),
            Cell::shown(Some(&self.pair)),
            Cell::text(intent.side.as_str()),
            Cell::text(intent.order_type.as_str()),
            maybe(intent.time_in_force.map(TimeInForce::as_str)),
            Cell::decimal(intent.price.map(|price| price.0)),
            Cell::Decimal(intent.quantity.0.into()),
            Cell::text(quantity_unit(intent.quantity_unit)),
            Cell::text(order_state(self.state)),
            Cell::Decimal(self.filled.0.into()),
            Cell::Decimal(self.filled_notional.0.into()),
            Cell::text(intent.client_id.as_str()),
            maybe(self.exchange_id.as_ref().map(|id| id.as_str())),
            Cell::Instant(self.updated.0),
            Cell::instant(self.exchange_time.map(|time| time.0)),
            Cell::instant(self.cancel_requested.map(|time| time.0)),
            maybe(self.reason.as_deref()),
        ]
        .into_iter()
    }
}

impl Row for Trade {
    const COLUMNS: &'static [Column] = &[
        Column::always("exchange_time", ColumnType::Instant),
        Column::maybe("bot", ColumnType::Text),
        Column::maybe("strategy", ColumnType::Text),
        Column::always("venue", ColumnType::Text),
        Column::always("account", ColumnType::Text),
        Column::always("pair", ColumnType::Text),
        Column::always("side", ColumnType::Text),
        Column::always("price", ColumnType::Decimal),
        Column::always("quantity", ColumnType::Decimal),
        Column::maybe("fee", ColumnType::Decimal),
        Column::maybe("fee_asset", ColumnType::Text),
        Column::maybe("liquidity", ColumnType::Text),
        Column::always("trade_id", ColumnType::Text),
        Column::maybe("client_order_id", ColumnType::Text),
        Column::maybe("exchange_order_id", ColumnType::Text),
        Column::always("received", ColumnType::Instant),
    ];

    fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        let fill = &self.fill;
        let fee = fill.fee.as_ref();
        [
            Cell::Instant(fill.exchange_time.0),
            maybe(self.bot.as_deref()),
            maybe(self.strategy.as_ref().map(|id| id.as_str())),
            Cell::text(fill.key.venue.as_str()),
            Cell::text(fill.key.account.as_str()),
            Cell::shown(Some(&fill.key.pair)),
            Cell::text(fill.side.as_str()),
            Cell::Decimal(fill.price.0.into()),
            Cell::Decimal(fill.quantity.0.into()),
            Cell::decimal(fee.map(|fee| fee.amount.0)),
            maybe(fee.map(|fee| fee.asset.as_str())),
            maybe(fill.liquidity.map(liquidity)),
            Cell::text(fill.key.trade_id.as_str()),
            maybe(fill.client_id.as_ref().map(|id| id.as_str())),
            maybe(fill.exchange_id.as_ref().map(|id| id.as_str())),
            Cell::Instant(fill.local_time.0),
        ]
        .into_iter()
    }
}

fn maybe(text: Option<&str>) -> Cell<'_> {
    text.map_or(Cell::Absent, Cell::text)
}

/// A history that cannot be exported.
#[derive(Debug, thiserror::Error)]
enum HistoryExportError {
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    File(#[from] FileError),
}

/// Writes the orders of a bot, its file or folder given, oldest first.
///
/// # Errors
/// There is no journal, the history cannot be read, or the file cannot be written. Then there is no new file.
pub fn orders(bot: &Path, path: &Path) -> anyhow::Result<Written> {
    let history = open(&folder_of(bot)?)?;
    Ok(as_deep_as_it_is(|scale| orders_at(&history, path, scale))?)
}

/// Writes the fills of a bot, its file or folder given, oldest first.
///
/// # Errors
/// As [`orders`].
pub fn fills(bot: &Path, path: &Path) -> anyhow::Result<Written> {
    let history = open(&folder_of(bot)?)?;
    Ok(as_deep_as_it_is(|scale| fills_at(&history, path, scale))?)
}

fn orders_at(history: &History, path: &Path, scale: Scale) -> Result<Written, HistoryExportError> {
    let mut file = ParquetFile::create(path, scale)?;
    history.each_order(&Filter::default(), |order| {
        file.push(order);
        file.settle().map_err(HistoryExportError::from)
    })?;
    Ok(file.finish()?)
}

fn fills_at(history: &History, path: &Path, scale: Scale) -> Result<Written, HistoryExportError> {
    let mut file = ParquetFile::create(path, scale)?;
    history.each_trade(&Filter::default(), |trade| {
        file.push(trade);
        file.settle().map_err(HistoryExportError::from)
    })?;
    Ok(file.finish()?)
}

/// Begins again with a deeper scale where a value needs one. The scale grows with each, and ends at 38.
fn as_deep_as_it_is(
    mut write: impl FnMut(Scale) -> Result<Written, HistoryExportError>,
) -> Result<Written, HistoryExportError> {
    let mut scale = Scale::USUAL;
    loop {
        match write(scale) {
            Err(HistoryExportError::File(FileError::Value {
                source: NotHeld::Deeper { needed, .. },
                ..
            })) => scale = needed,
            written => return written,
        }
    }
}
