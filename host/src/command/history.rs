//! `colibri trades`, `colibri orders`, `colibri status`: questions to a bot's history.
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
use colibri_store::query::{Filter, PairSummary, Run};
use serde_json::json;

use crate::bot::Bot;
use crate::cli::{Format, HistoryArgs};
use crate::exit::{Exit, ExitError};

/// The file names in a bot's folder.
pub const JOURNAL: &str = "journal.colibri";
/// See [`JOURNAL`].
pub const HISTORY: &str = "history.sqlite";

fn open(bot: &Path) -> anyhow::Result<History> {
    let folder = if bot.is_dir() {
        bot.to_owned()
    } else {
        Bot::read(bot)?.data_folder()
    };
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
    let trades = open(&args.bot)?.trades(&filter(args)?)?;
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
    let orders = open(&args.bot)?.orders(&filter(args)?)?;
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

/// `colibri status`.
///
/// # Errors
/// The journal or history cannot be read.
pub fn status(args: &HistoryArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let history = open(&args.bot)?;
    let run = history.runs(None, 1)?.into_iter().next();
    let pairs = history.summary(&filter(args)?)?;
    let balances = history.balances()?;
    match args.format {
        Format::Json => {
            let pairs: Vec<_> = pairs.iter().map(pair_json).collect();
            let balances: Vec<_> = balances
                .iter()
                .map(|b| json!({"venue": b.venue, "account": b.account, "asset": b.balance.asset, "free": b.balance.free, "locked": b.balance.locked}))
                .collect();
            writeln!(
                out,
                "{}",
                json!({"run": run.as_ref().map(run_json), "pairs": pairs, "balances": balances})
            )?;
        }
        Format::Csv => {
            writeln!(
                out,
                "venue,account,pair,orders,open,unknown,fills,bought,sold,volume,realised,position"
            )?;
            for p in &pairs {
                writeln!(
                    out,
                    "{},{},{},{},{},{},{},{},{},{},{},{}",
                    p.venue,
                    p.account,
                    p.pair,
                    p.orders,
                    p.open,
                    p.unknown,
                    p.fills,
                    p.bought,
                    p.sold,
                    p.volume,
                    p.realised,
                    p.position.position()
                )?;
            }
        }
        Format::Table => {
            if let Some(run) = &run {
                let end = run
                    .stopped
                    .map_or_else(|| "running, or ended without a word".to_owned(), export::utc);
                writeln!(
                    out,
                    "run {} of {} ({}): {} to {end}",
                    run.run,
                    run.bot,
                    run.version,
                    export::utc(run.started)
                )?;
            }
            for p in &pairs {
                let fees: Vec<_> = p
                    .fees
                    .iter()
                    .map(|(asset, amount)| format!("{amount} {asset}"))
                    .collect();
                writeln!(out, "{} {} as {}", p.venue, p.pair, p.account)?;
                writeln!(
                    out,
                    "  orders {} (open {}, unknown {}), fills {}",
                    p.orders, p.open, p.unknown, p.fills
                )?;
                writeln!(
                    out,
                    "  bought {} sold {}, volume {} {}",
                    p.bought, p.sold, p.volume, p.pair.quote
                )?;
                writeln!(
                    out,
                    "  realised {} {} before fees; fees {}",
                    p.realised,
                    p.pair.quote,
                    fees.join(", ")
                )?;
                let average = p
                    .position
                    .average_price()
                    .map_or_else(String::new, |price| format!(" at {price}"));
                writeln!(out, "  position {} {}{average}", p.position.position(), p.pair.base)?;
            }
            for b in &balances {
                writeln!(
                    out,
                    "  {:<8} free {} locked {}",
                    b.balance.asset, b.balance.free, b.balance.locked
                )?;
            }
        }
    }
    Ok(Exit::Done)
}

fn pair_json(p: &PairSummary) -> serde_json::Value {
    json!({
        "venue": p.venue, "account": p.account, "pair": p.pair,
        "orders": p.orders, "open": p.open, "unknown": p.unknown, "fills": p.fills,
        "bought": p.bought, "sold": p.sold, "volume": p.volume, "realised": p.realised,
        "fees": p.fees.iter().map(|(a, x)| (a.to_string(), json!(x))).collect::<serde_json::Map<_, _>>(),
        "fills_without_fee": p.fills_without_fee, "position": p.position.position(),
        "average_price": p.position.average_price(),
    })
}

fn run_json(run: &Run) -> serde_json::Value {
    json!({
        "run": run.run, "bot": run.bot, "version": run.version,
        "started_ns": run.started, "stopped_ns": run.stopped, "stop_reason": run.stop_reason,
    })
}
