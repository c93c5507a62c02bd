//! A status as people read it.

use std::fmt::{self, Write};

use colibri_model::TriggerState;
use colibri_store::export::trigger_state;

use super::{BookStatus, ConnectorStatus, Found, OrderEntryStatus, Snapshot, Standing, StrategyStatus, StreamStatus};

impl Found {
    /// The table, a line break after each line.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = String::new();
        write(&mut out, self).expect("writing into a text never fails");
        out
    }
}

fn write(out: &mut String, found: &Found) -> fmt::Result {
    let status = &found.snapshot;
    head(out, found)?;
    if let Some(kill) = &status.kill_switch {
        row(out, "KILL SWITCH", &format!("thrown ({}): {}", kill.cause, kill.reason))?;
        let proof = match kill.proven_ms {
            Some(_) => "the exchange says that no order is open and no trigger waits".to_owned(),
            None => format!(
                "NOT PROVEN yet: {} orders or triggers may be open, {} of them of unknown state",
                kill.may_be_open, kill.unknown
            ),
        };
        row(out, "", &proof)?;
        row(out, "", &format!("nothing is placed until you resume: {}", kill.resume))?;
    } else {
        row(out, "kill switch", "not thrown")?;
    }
    match &status.journal_fault {
        Some(why) => row(out, "JOURNAL", &format!("cannot be written: {why}; trading rests"))?,
        None => row(out, "journal", "written")?,
    }
    match &status.history.fault {
        Some(why) => row(
            out,
            "history",
            &format!("{} behind: {why}", span(status.history.lag_ms)),
        )?,
        None => row(out, "history", &format!("{} behind", span(status.history.lag_ms)))?,
    }
    let ticks = &status.ticks;
    row(
        out,
        "ticks",
        &format!("{} ({} late, {} left out)", ticks.ticks, ticks.overruns, ticks.skipped),
    )?;
    let counters = &status.counters;
    row(
        out,
        "orders",
        &format!(
            "{} sent, {} cancels, {} rejected, {} fills",
            counters.orders, counters.cancels, counters.rejects, counters.fills
        ),
    )?;
    let delays = &status.delays;
    row(
        out,
        "market data",
        &format!(
            "{} book updates, {} trades, {} books dropped; updates under way {} (99 of 100: {}, longest {})",
            counters.book_updates,
            counters.public_trades,
            counters.book_drops,
            span(delays.p50_us / 1_000),
            span(delays.p99_us / 1_000),
            span(delays.max_us / 1_000)
        ),
    )?;
    for strategy in &status.strategies {
        write_strategy(out, strategy)?;
    }
    for connector in &status.connectors {
        write_connector(out, connector, counters.streams_condemned)?;
    }
    Ok(())
}

fn head(out: &mut String, found: &Found) -> fmt::Result {
    let status = &found.snapshot;
    let ago = span(found.age_ms.unsigned_abs());
    let up = span(status.written_ms.saturating_sub(status.started_ms).unsigned_abs());
    match found.standing {
        Standing::Running => writeln!(
            out,
            "{} is {} on {} for {up} (process {}, {ago} ago)",
            status.bot,
            doing(status),
            status.environment,
            status.pid
        ),
        Standing::Stuck => writeln!(
            out,
            "{} DOES NOT ANSWER: process {} is there and has said nothing for {ago}; what it said last:",
            status.bot, status.pid
        ),
        Standing::Ended => writeln!(out, "{} does not run: it ended {ago} ago; as it ended:", status.bot),
        Standing::Gone => writeln!(
            out,
            "{} does not run: it ended without a word {ago} ago or less, orders may be open; as it stood:",
            status.bot
        ),
    }
}

/// What the bot as a whole does.
fn doing(status: &Snapshot) -> &str {
    let ready = status.connectors.iter().all(|c| c.state == "ready");
    match status.phase.as_str() {
        "running" if ready && status.kill_switch.is_none() => "trading",
        "running" if ready => "resting",
        "running" => "running, not everything is ready,",
        other => other,
    }
}

fn write_strategy(out: &mut String, strategy: &StrategyStatus) -> fmt::Result {
    let mut text = format!("{} for {}", strategy.state, span(strategy.for_ms));
    if let Some(why) = &strategy.why {
        write!(text, ": {why}")?;
    }
    row(out, &format!("strategy {}", strategy.id), &text)?;
    for line in strategy.says.lines() {
        row(out, "", line)?;
    }
    Ok(())
}

fn write_connector(out: &mut String, connector: &ConnectorStatus, condemned: u64) -> fmt::Result {
    let why = connector.why.as_deref().map_or(String::new(), |why| format!(": {why}"));
    writeln!(
        out,
        "{} as {}: {}{why}",
        connector.venue, connector.account, connector.state
    )?;
    if let Some(fault) = &connector.fault {
        row(out, "CONNECTOR", &format!("faulted: {fault}; it is made anew"))?;
    }
    row(out, "market stream", &stream(&connector.market_stream))?;
    match &connector.user_stream {
        Some(user) => row(out, "user stream", &stream(user))?,
        None => row(out, "user stream", "none: the exchange is asked")?,
    }
    if let Some(entry) = order_entry(&connector.order_entry) {
        row(out, "orders go", &entry)?;
    }
    let reconcile = &connector.reconcile;
    let last = reconcile
        .last_ms
        .map_or("never".to_owned(), |ms| format!("{} ago", span(ms)));
    let healed = match reconcile.healed {
        true => "nothing is missing",
        false => "something may be missing",
    };
    row(
        out,
        "reconciled",
        &format!("{last}, {healed}, again in {}", span(reconcile.next_ms)),
    )?;
    let clock = &connector.clock;
    let offset = clock.offset_us.map_or("not measured".to_owned(), |us| {
        format!(
            "{}{}.{:03} ms",
            if us < 0 { "-" } else { "+" },
            us.abs() / 1_000,
            us.abs() % 1_000
        )
    });
    let trip = clock
        .round_trip_ms
        .map_or(String::new(), |ms| format!(", round trip {}", span(ms)));
    row(out, "clock", &format!("{offset}{trip}"))?;
    let pools: Vec<String> = connector
        .pools
        .iter()
        .map(|pool| {
            let rest = pool
                .paused_ms
                .map_or(String::new(), |ms| format!(" RESTS {}", span(ms)));
            format!("{} {}/{}{rest}", pool.pool, pool.used, pool.limit)
        })
        .collect();
    row(out, "limits", &pools.join(", "))?;
    row(
        out,
        "operations",
        &format!(
            "{} under way, {} of them wait for a limit; {condemned} streams found silent",
            connector.operations, connector.queued
        ),
    )?;
    row(
        out,
        "live orders",
        &format!(
            "{} ({} of an earlier run, {} adopted)",
            connector.open_orders, connector.recovered_orders, connector.adopted_orders
        ),
    )?;
    for unknown in &connector.unknown_orders {
        row(
            out,
            "UNKNOWN",
            &format!(
                "{} {} for {}: the exchange is asked",
                unknown.client_id,
                unknown.pair,
                span(unknown.age_ms)
            ),
        )?;
    }
    for trigger in &connector.triggers {
        let state = match trigger.state {
            TriggerState::Unknown => "UNKNOWN: the exchange is asked",
            state => trigger_state(state),
        };
        row(
            out,
            "trigger",
            &format!(
                "{} {} {}: {state}, for {}",
                trigger.client_id,
                trigger.pair,
                trigger.what,
                span(trigger.age_ms)
            ),
        )?;
    }
    if let Some(moved) = &connector.moved_meanwhile {
        row(out, "funds", moved)?;
    }
    if let Some(contracts) = &connector.contracts {
        contracts.write(out)?;
    }
    let orders = connector.foreign_orders.iter().map(|foreign| ("order", foreign));
    let triggers = connector.foreign_triggers.iter().map(|foreign| ("trigger", foreign));
    for (what, foreign) in orders.chain(triggers) {
        let whose = match foreign.of_a_bot {
            true => "of another bot, or of one whose journal is lost",
            false => "not ours",
        };
        row(
            out,
            &format!("foreign {what}"),
            &format!("{} {} ({whose}): left alone", foreign.symbol, foreign.id),
        )?;
    }
    if connector.watched.books > 0 {
        let watched = format!(
            "{} books, {} of them live",
            connector.watched.books, connector.watched.live
        );
        row(out, "watched", &watched)?;
    }
    for book in &connector.books {
        write_book(out, book)?;
    }
    Ok(())
}

fn write_book(out: &mut String, book: &BookStatus) -> fmt::Result {
    let mut text = format!("{}, {} old, {} drops", book.state, span(book.age_ms), book.drops);
    if let Some((bid, ask)) = &book.top {
        write!(text, ", {bid} / {ask}")?;
    }
    if let Some(why) = &book.why {
        write!(text, "; stream {}: {why}", book.feed)?;
    } else if book.feed != "live" {
        write!(text, "; stream {}", book.feed)?;
    }
    row(out, &format!("book {}", book.pair), &text)
}

fn stream(stream: &StreamStatus) -> String {
    let mut text = format!("{} for {}", stream.state, span(stream.for_ms));
    if let Some(age) = stream.data_age_ms {
        text.push_str(&format!(", data {} ago", span(age)));
    }
    if stream.reconnects > 0 {
        text.push_str(&format!(", opened again {}x", stream.reconnects));
    }
    if let Some(why) = &stream.why {
        text.push_str(&format!("; {why}"));
    }
    match stream.next_try_ms {
        Some(next) => text.push_str(&format!("; tried again in {}", span(next))),
        None if stream.state == "down" => text.push_str("; being opened"),
        None => {}
    }
    text
}

/// Over what orders go out; nothing to say where that is HTTP by choice.
fn order_entry(entry: &OrderEntryStatus) -> Option<String> {
    if entry.chosen != "stream" {
        return None;
    }
    let counts = format!(
        "{} over the stream so far, {} back to HTTP",
        entry.over_stream, entry.fallen_back
    );
    Some(match &entry.why {
        None => format!("over the user stream; {counts}"),
        Some(why) => format!("over HTTP FOR NOW: {why}; {counts}"),
    })
}

pub(super) fn row(out: &mut String, name: &str, value: &str) -> fmt::Result {
    writeln!(out, "  {name:<16} {value}")
}

/// A span for people: `40 ms`, `3.2 s`, `12 min`, `5 h`, `3 days`.
pub(super) fn span(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} min", ms / 60_000),
        3_600_000..172_800_000 => format!("{} h", ms / 3_600_000),
        _ => format!("{} days", ms / 86_400_000),
    }
}
