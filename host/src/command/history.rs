//! `colibri trades`, `colibri orders` and `colibri triggers`: questions to a bot's history.
//!
//! The history is brought up to the journal first, unless the bot that writes it is running: then its own disk thread does
//! that, and what is shown may be a tenth of a second old.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use colibri_model::WallNs;
use colibri_store::export;
use colibri_store::history::History;
use colibri_store::journal::JournalReader;
use colibri_store::query::Filter;

use crate::bot::Bot;
use crate::cli::{Format, HistoryArgs};
use crate::exit::{Exit, ExitError};

/// The file names in a bot's folder.
pub const JOURNAL: &str = "journal.colibri";
/// See [`JOURNAL`].
pub const HISTORY: &str = "history.sqlite";

/// The folder of a bot, by its file or itself.
///
/// # Errors
/// The file cannot be read, or is no bot's.
pub fn folder_of(bot: &Path) -> anyhow::Result<PathBuf> {
    Ok(if bot.is_dir() {
        bot.to_owned()
    } else {
        Bot::read(bot)?.data_folder()
    })
}

/// The history in a bot's folder, brought up to its journal.
///
/// # Errors
/// There is no journal, or one of both cannot be read.
pub fn open(folder: &Path) -> anyhow::Result<History> {
    let journal: PathBuf = folder.join(JOURNAL);
    let storage = |error: String| ExitError::new(Exit::Storage, error);
    if !journal.exists() {
        let text = format!(
            "{} does not exist: the bot has not run yet, or keeps its data elsewhere",
            journal.display()
        );
        return Err(storage(text).into());
    }
    let mut history = History::open(&folder.join(HISTORY)).map_err(|e| storage(e.to_string()))?;
    let mut reader = JournalReader::open(&journal).map_err(|e| storage(e.to_string()))?;
    history.catch_up(&mut reader).map_err(|e| storage(e.to_string()))?;
    Ok(history)
}

fn filter(args: &HistoryArgs) -> anyhow::Result<Filter> {
    Ok(Filter {
        pair: args.pair.as_deref().map(str::parse).transpose()?,
        since: args.since.map(WallNs::from_millis),
        until: args.until.map(WallNs::from_millis),
        limit: args.limit,
        ..Filter::default()
    })
}

/// `colibri trades`.
///
/// # Errors
/// The journal or history cannot be read.
pub fn trades(args: &HistoryArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let trades = open(&folder_of(&args.bot)?)?.trades(&filter(args)?)?;
    match args.format {
        Format::Csv => export::trades(&trades, export::Format::Csv, out)?,
        Format::Json => export::trades(&trades, export::Format::Json, out)?,
        Format::Table => {
            writeln!(
                out,
                "{:<30} {:<12} {:<4} {:>16} {:>16} {:<24} strategy",
                "time", "pair", "side", "price", "quantity", "fee"
            )?;
            for trade in &trades {
                let fill = &trade.fill;
                let fee = fill
                    .fee
                    .as_ref()
                    .map_or_else(String::new, |f| format!("{} {}", f.amount, f.asset));
                let strategy = trade.strategy.as_ref().map_or("", |s| s.as_str());
                writeln!(
                    out,
                    "{:<30} {:<12} {:<4} {:>16} {:>16} {fee:<24} {strategy}",
                    export::utc(fill.exchange_time),
                    fill.key.pair,
                    fill.side.as_str(),
                    fill.price,
                    fill.quantity,
                )?;
            }
        }
    }
    Ok(Exit::Done)
}

/// `colibri orders`.
///
/// # Errors
/// The journal or history cannot be read.
pub fn orders(args: &HistoryArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let orders = open(&folder_of(&args.bot)?)?.orders(&filter(args)?)?;
    match args.format {
        Format::Csv => export::orders(&orders, export::Format::Csv, out)?,
        Format::Json => export::orders(&orders, export::Format::Json, out)?,
        Format::Table => {
            writeln!(
                out,
                "{:<30} {:<12} {:<4} {:>14} {:>14} {:>14} {:<17} {:<36} reason",
                "created", "pair", "side", "price", "quantity", "filled", "state", "client id"
            )?;
            for order in &orders {
                let state = serde_json::to_value(order.state).context("a state is text")?;
                writeln!(
                    out,
                    "{:<30} {:<12} {:<4} {:>14} {:>14} {:>14} {:<17} {:<36} {}",
                    export::utc(order.created),
                    order.pair,
                    order.intent.side.as_str(),
                    order
                        .intent
                        .price
                        .map_or_else(|| "market".to_owned(), |p| p.to_string()),
                    order.intent.quantity,
                    order.filled,
                    state.as_str().unwrap_or(""),
                    order.intent.client_id,
                    order.reason.as_deref().unwrap_or(""),
                )?;
            }
        }
    }
    Ok(Exit::Done)
}

/// `colibri triggers`.
///
/// # Errors
/// The journal or history cannot be read.
pub fn triggers(args: &HistoryArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let triggers = open(&folder_of(&args.bot)?)?.triggers(&filter(args)?)?;
    match args.format {
        Format::Csv => export::triggers(&triggers, export::Format::Csv, out)?,
        Format::Json => export::triggers(&triggers, export::Format::Json, out)?,
        Format::Table => {
            writeln!(
                out,
                "{:<30} {:<12} {:<11} {:>14} {:<5} {:<4} {:>14} {:>14} {:<13} {:<36} reason",
                "created", "pair", "kind", "at", "by", "side", "price", "quantity", "state", "client id"
            )?;
            for trigger in &triggers {
                let intent = &trigger.intent;
                let price = intent.price.map_or_else(|| "market".to_owned(), |p| p.to_string());
                let quantity = intent.quantity.map_or_else(|| "all".to_owned(), |q| q.to_string());
                writeln!(
                    out,
                    "{:<30} {:<12} {:<11} {:>14} {:<5} {:<4} {price:>14} {quantity:>14} {:<13} {:<36} {}",
                    export::utc(trigger.created),
                    trigger.pair,
                    intent.kind.as_str(),
                    intent.trigger_price,
                    intent.by.as_str(),
                    intent.side.as_str(),
                    export::trigger_state(trigger.state),
                    intent.client_id,
                    trigger.reason.as_deref().unwrap_or(""),
                )?;
            }
        }
    }
    Ok(Exit::Done)
}
