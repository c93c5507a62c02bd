//! Trades, orders and triggers as files for other programs: CSV, JSON, JSON lines.
//!
//! Every number is text as exact as it was stored, and every instant is UTC with nine digits of a second, so that no
//! reader rounds what it does not mean to.

mod csv;
mod rows;
mod timestamp;

use std::io::{self, Write};
use std::str::FromStr;

use crate::query::{Order, Trade, Trigger};
use rows::Row;

pub use rows::{liquidity, order_state, quantity_unit, trigger_state};
pub use timestamp::{parse_utc, utc};

/// How to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180: a line of names, then a line a row; what is unknown is empty.
    Csv,
    /// One array of objects; what is unknown is `null`.
    Json,
    /// An object a line.
    JsonLines,
}

/// Text that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a format: write csv, json or jsonl")]
pub struct FormatError(String);

impl FromStr for Format {
    type Err = FormatError;
    fn from_str(text: &str) -> Result<Format, FormatError> {
        match text {
            "csv" => Ok(Format::Csv),
            "json" => Ok(Format::Json),
            "jsonl" => Ok(Format::JsonLines),
            _ => Err(FormatError(text.to_owned())),
        }
    }
}

/// Writes trades, a row each.
///
/// # Errors
/// As `to` says.
pub fn trades(trades: &[Trade], format: Format, to: &mut dyn Write) -> io::Result<()> {
    write(trades, format, to)
}

/// Writes orders, a row each.
///
/// # Errors
/// As `to` says.
pub fn orders(orders: &[Order], format: Format, to: &mut dyn Write) -> io::Result<()> {
    write(orders, format, to)
}

/// Writes triggers, a row each.
///
/// # Errors
/// As `to` says.
pub fn triggers(triggers: &[Trigger], format: Format, to: &mut dyn Write) -> io::Result<()> {
    write(triggers, format, to)
}

fn write<R: Row>(rows: &[R], format: Format, to: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Csv => {
            csv::line(to, R::COLUMNS.iter().map(|name| Some(*name)))?;
            for row in rows {
                let cells = row.cells();
                csv::line(to, cells.iter().map(|cell| cell.as_deref()))?;
            }
        }
        Format::Json => {
            to.write_all(b"[")?;
            for (index, row) in rows.iter().enumerate() {
                to.write_all(if index == 0 { b"\n" } else { b",\n" })?;
                rows::json(row, to)?;
            }
            to.write_all(b"\n]\n")?;
        }
        Format::JsonLines => {
            for row in rows {
                rows::json(row, to)?;
                to.write_all(b"\n")?;
            }
        }
    }
    to.flush()
}
