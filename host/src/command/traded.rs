//! What a bot has traded, by its history, in each of the ways to write it.

use std::io::{self, Write};

use colibri_store::export;
use colibri_store::query::{AccountBalance, PairSummary, Run};
use serde_json::{Value, json};

/// What the history tells of a bot.
pub struct Traded {
    /// The last run.
    pub run: Option<Run>,
    /// By venue, account and pair.
    pub pairs: Vec<PairSummary>,
    /// As the exchange last stated them.
    pub balances: Vec<AccountBalance>,
}

/// One JSON object.
#[must_use]
pub fn as_json(traded: &Traded) -> Value {
    let pairs: Vec<_> = traded.pairs.iter().map(pair_json).collect();
    let balances: Vec<_> = traded
        .balances
        .iter()
        .map(|b| json!({"venue": b.venue, "account": b.account, "asset": b.balance.asset, "free": b.balance.free, "locked": b.balance.locked}))
        .collect();
    json!({"run": traded.run.as_ref().map(run_json), "pairs": pairs, "balances": balances})
}

/// A line a pair.
///
/// # Errors
/// Those of `out`.
pub fn write_csv(traded: &Traded, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "venue,account,pair,orders,open,unknown,fills,bought,sold,volume,realised,position"
    )?;
    for p in &traded.pairs {
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
            p.position.quantity
        )?;
    }
    Ok(())
}

/// For people.
///
/// # Errors
/// Those of `out`.
pub fn write_table(traded: &Traded, out: &mut dyn Write) -> io::Result<()> {
    if let Some(run) = &traded.run {
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
    for p in &traded.pairs {
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
            p.asset(),
            fees.join(", ")
        )?;
        let average = p
            .average_price()
            .map_or_else(String::new, |price| format!(" at {price}"));
        writeln!(out, "  position {} {}{average}", p.position.quantity, p.pair.base)?;
    }
    for b in &traded.balances {
        writeln!(
            out,
            "  {:<8} free {} locked {}",
            b.balance.asset, b.balance.free, b.balance.locked
        )?;
    }
    Ok(())
}

fn pair_json(p: &PairSummary) -> Value {
    json!({
        "venue": p.venue, "account": p.account, "pair": p.pair,
        "orders": p.orders, "open": p.open, "unknown": p.unknown, "fills": p.fills,
        "bought": p.bought, "sold": p.sold, "volume": p.volume, "realised": p.realised, "asset": p.asset(),
        "fees": p.fees.iter().map(|(a, x)| (a.to_string(), json!(x))).collect::<serde_json::Map<_, _>>(),
        "fills_without_fee": p.fills_without_fee, "position": p.position.quantity,
        "average_price": p.average_price(),
    })
}

fn run_json(run: &Run) -> Value {
    json!({
        "run": run.run, "bot": run.bot, "version": run.version,
        "started_ns": run.started, "stopped_ns": run.stopped, "stop_reason": run.stop_reason,
    })
}
