//! Profit for people: a block a line, and the sums.

use std::fmt::{self, Write};

use colibri_model::profit::ProfitLine;
use colibri_model::{Amount, Asset};
use colibri_store::export::utc;

use super::words::{amount, amounts, plain, price, source, unit};
use super::{Profit, explain, totals};
use crate::cli::PnlArgs;

/// The whole table.
pub(super) fn of(profit: &Profit, args: &PnlArgs) -> String {
    let mut out = String::new();
    write(&mut out, profit, args).expect("writing into a text never fails");
    out
}

fn write(out: &mut String, profit: &Profit, args: &PnlArgs) -> fmt::Result {
    let begin = args.since.map_or_else(
        || "since its journal began".to_owned(),
        |since| format!("from {}", utc(since)),
    );
    let end = args
        .until
        .map_or_else(String::new, |until| format!(" to {}", utc(until)));
    let folder = profit.folder.display();
    if profit.lines.is_empty() {
        return writeln!(out, "{folder}: nothing was traded {begin}{end}");
    }
    writeln!(out, "{folder}: profit by average cost, {begin}{end}")?;
    for line in &profit.lines {
        block(out, line)?;
    }
    for (asset, total) in totals::of(&profit.lines) {
        writeln!(out, "all {} lines in {asset}", total.lines)?;
        row(out, "realized", total.realized, &asset)?;
        row(out, "unrealized", total.unrealized, &asset)?;
        row(out, "fees", -total.fees, &asset)?;
        row(out, "funding", total.funding, &asset)?;
        match total.net() {
            Some(net) => row(out, "net", net, &asset)?,
            None => writeln!(
                out,
                "  net            unknown: {} of them hold what has no price; give one with --price",
                total.unpriced
            )?,
        }
        if !total.uncounted.is_empty() {
            let uncounted = amounts(&total.uncounted);
            writeln!(
                out,
                "  not counted    {uncounted} in fees and funding, for which there is no rate"
            )?;
        }
    }
    Ok(())
}

fn block(out: &mut String, line: &ProfitLine) -> fmt::Result {
    let (key, asset) = (&line.key, line.asset());
    let side = if key.position_side.is_net() {
        String::new()
    } else {
        format!(" {}", key.position_side.as_str())
    };
    let kind = line.contract.as_ref().map_or("spot", |_| "contracts");
    writeln!(
        out,
        "{} {}{side} at {} as {} ({kind})",
        key.owner, key.pair, key.venue, key.account
    )?;
    if !line.steps.is_empty() {
        explain::steps(out, line)?;
    }
    let (carried, held) = (line.carried, line.held());
    if let Some(average) = carried.average(line.terms()) {
        let (quantity, cost) = (plain(carried.quantity.0), amount(carried.cost));
        writeln!(
            out,
            "  carried in     {quantity} {} at {}, that cost {cost} {asset}",
            unit(line),
            price(average)
        )?;
    }
    if let Some(average) = held.average(line.terms()) {
        let (quantity, cost) = (plain(held.quantity.0), amount(held.cost));
        writeln!(
            out,
            "  held           {quantity} {} at {}, that cost {cost} {asset}",
            unit(line),
            price(average)
        )?;
        match &line.mark {
            Some(mark) => writeln!(out, "  valued at      {} ({})", price(mark.price), source(&mark.source))?,
            None => writeln!(out, "  valued at      no price is known; give one with --price")?,
        }
    } else {
        writeln!(out, "  held           nothing")?;
    }
    row(out, "realized", line.realized, asset)?;
    match line.unrealized() {
        Some(unrealized) => row(out, "unrealized", unrealized, asset)?,
        None => writeln!(out, "  unrealized     unknown")?,
    }
    row(out, "fees", -line.fees, asset)?;
    row(out, "funding", line.funding, asset)?;
    match line.net() {
        Some(net) => row(out, "net", net, asset)?,
        None => writeln!(out, "  net            unknown")?,
    }
    if !line.other_fees.is_empty() {
        let fees = amounts(&line.other_fees);
        writeln!(
            out,
            "  not counted    fees of {fees}: no rate is on record of when they were paid"
        )?;
    }
    if !line.other_funding.is_empty() {
        let funding = amounts(&line.other_funding);
        writeln!(
            out,
            "  not counted    funding of {funding}: no rate is on record of when it was paid"
        )?;
    }
    if line.fills_without_fee > 0 {
        writeln!(
            out,
            "  not counted    the fees of {} fills, not reported yet",
            line.fills_without_fee
        )?;
    }
    behind(out, line)
}

/// The fills and payments that the figures are from.
fn behind(out: &mut String, line: &ProfitLine) -> fmt::Result {
    let range = |first: Option<&str>, last: Option<&str>, what: &str| match (first, last) {
        (Some(first), Some(last)) if first == last => format!(" ({what} {first})"),
        (Some(first), Some(last)) => format!(" ({what} {first} to {last})"),
        _ => String::new(),
    };
    let trade = |id: Option<&colibri_model::TradeId>| id.map(|id| id.as_str().to_owned());
    let (first, last) = (trade(line.fills.first()), trade(line.fills.last()));
    let fills = range(first.as_deref(), last.as_deref(), "trades");
    let paid = |id: Option<&colibri_model::FundingPaymentId>| id.map(|id| id.as_str().to_owned());
    let (first, last) = (paid(line.payments.first()), paid(line.payments.last()));
    let payments = range(first.as_deref(), last.as_deref(), "entries");
    let more = if line.steps.is_empty() {
        "; --explain shows each"
    } else {
        ""
    };
    writeln!(
        out,
        "  from           {} fills{fills}, {} funding payments{payments}{more}",
        line.fills.len(),
        line.payments.len()
    )
}

fn row(out: &mut String, name: &str, figure: Amount, asset: &Asset) -> fmt::Result {
    writeln!(out, "  {name:<14} {} {asset}", amount(figure))
}
