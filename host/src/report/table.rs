//! The report as a table for people.

use std::fmt::{self, Write};

use colibri_model::{Amount, Quantity, VenueId};

use super::{Agreement, Proof, Report};

pub(super) fn of(report: &Report) -> String {
    let mut out = String::new();
    write(&mut out, report).expect("writing into a text never fails");
    out
}

fn write(out: &mut String, report: &Report) -> fmt::Result {
    let quote = &report.quote;
    writeln!(out, "{} ran for {} s", report.bot, report.elapsed.as_secs())?;
    row(
        out,
        "orders",
        &format!(
            "{} ({} cancelled, {} refused)",
            report.orders, report.cancels, report.rejects
        ),
    )?;
    row(
        out,
        "fills",
        &format!(
            "{} ({} buys, {} sells)",
            report.fills, report.buy_fills, report.sell_fills
        ),
    )?;
    row(out, "volume", &format!("{} {quote}", text(report.volume_quote)))?;
    let fees: Vec<String> = report
        .fees
        .iter()
        .map(|(asset, amount)| format!("{} {asset}", text(*amount)))
        .collect();
    row(
        out,
        "fees",
        if fees.is_empty() {
            "none".to_owned()
        } else {
            fees.join(", ")
        }
        .as_str(),
    )?;
    row(
        out,
        "profit and loss",
        &format!(
            "{} {quote} realized, {} {quote} unrealized",
            text(report.realized_pnl),
            text(report.unrealized_pnl)
        ),
    )?;
    row(out, "unknown orders", &report.unknown_orders.to_string())?;
    let proof = match report.open_orders_proven_by {
        Proof::Exchange => "the exchange says so",
        Proof::NothingSent => "a venue never came up, and nothing was sent to it",
        Proof::Tracker => "NOT PROVEN: the exchange could not be asked; look there yourself",
    };
    row(
        out,
        "open orders at end",
        &format!("{} ({proof})", report.open_orders_at_end),
    )?;
    let several = report
        .balances
        .iter()
        .any(|check| check.venue != report.balances[0].venue);
    let at = |venue: &VenueId| if several { format!(" at {venue}") } else { String::new() };
    for check in &report.balances {
        let beside = match (check.agreement(), check.exchange) {
            (Agreement::Equal, _) => "the exchange says the same".to_owned(),
            (_, Some(exchange)) => format!(
                "THE EXCHANGE SAYS {}: {} UNEXPLAINED",
                text(exchange),
                text(exchange - check.ledger)
            ),
            (_, None) => "not stated by the exchange".to_owned(),
        };
        let moved = if check.external.is_zero() {
            String::new()
        } else {
            format!("{} from outside; ", text(check.external))
        };
        row(
            out,
            &format!("balance {}", check.asset),
            &format!("{}{} ({moved}{beside})", text(check.ledger), at(&check.venue)),
        )?;
    }
    for check in &report.positions {
        let quantity = |quantity: Quantity| quantity.0.normalize().to_string();
        let beside = match (check.agreement(), check.exchange) {
            (Agreement::Equal, _) => "the exchange says the same".to_owned(),
            (_, Some(exchange)) => format!("THE EXCHANGE SAYS {}", quantity(exchange)),
            (_, None) => "not stated by the exchange".to_owned(),
        };
        let side = if check.side.is_net() {
            String::new()
        } else {
            format!(" {}", check.side.as_str())
        };
        row(
            out,
            &format!("position {}{side}", check.pair),
            &format!("{}{} ({beside})", quantity(check.ledger), at(&check.venue)),
        )?;
    }
    let timings = report.tick_timings;
    row(
        out,
        "ticks",
        &format!(
            "{} ({} late; took p50 {} µs, p99 {} µs, max {} µs)",
            report.ticks, report.tick_overruns, timings.p50_us, timings.p99_us, timings.max_us
        ),
    )?;
    row(out, "reconnects", &report.reconnects.to_string())?;
    row(out, "book gaps", &report.book_gaps.to_string())?;
    if report.streams_condemned > 0 {
        row(out, "silent streams", &report.streams_condemned.to_string())?;
    }
    for position in &report.held_positions {
        row(out, "STILL HELD", position)?;
    }
    for moved in &report.moved_meanwhile {
        row(out, "funds", moved)?;
    }
    if report.foreign_orders > 0 {
        row(out, "foreign orders", &format!("{}: left alone", report.foreign_orders))?;
    }
    match &report.kill_switch {
        Some(reason) => row(
            out,
            "KILL SWITCH",
            &format!("thrown: {reason}; nothing is placed until colibri run --resume"),
        ),
        None => Ok(()),
    }
}

fn row(out: &mut String, name: &str, value: &str) -> fmt::Result {
    writeln!(out, "  {name:<20} {value}")
}

fn text(amount: Amount) -> String {
    amount.0.normalize().to_string()
}
