//! What a run looks like to people: the screen's state, a log line, the report at the end, all read from the engine's view.

use std::collections::BTreeMap;
use std::time::Duration;

use colibri_driver::Driver;
use colibri_engine::strategy::PauseReason;
use colibri_engine::{BookSource, EnginePhase, MarketView, StrategyState, VenueView, View};
use colibri_model::{Amount, Asset, Journal, MonoNs, OrderState, Positions, Quantity, Side, TriggerState};
use colibri_standard::{SessionRole, SessionStatus};

use super::Runtime;
use crate::report::{BalanceCheck, PositionCheck, Proof, Report};
use crate::screen::{
    BookLadder, BookState, Counters, FillRow, LadderLevel, OrderRow, Phase, ProfitAndLoss, ScreenState, SessionRow,
    TickFigures, VenueRow,
};

/// Levels a side that the screen may show.
const LADDER: usize = 25;
/// Fills that the screen may show.
const FILLS: usize = 50;

fn since(now: MonoNs, then: MonoNs) -> Duration {
    Duration::from_nanos(now.0.saturating_sub(then.0))
}

fn status_of(driver: &Driver, role: SessionRole) -> (Option<SessionStatus>, u64, Option<MonoNs>) {
    let health = driver.health();
    let session = health.sessions.iter().find(|s| s.role == role);
    session.map_or((None, 0, None), |s| (s.status, s.reconnects, s.last_frame))
}

/// The state of the live screen.
#[must_use]
pub fn screen<J: Journal>(runtime: &Runtime<J>, environment: &str, elapsed: Duration) -> ScreenState {
    let view = runtime.desk.engine().view();
    let now = runtime.now();
    let counts = view.counts();
    let unknown = view
        .venues()
        .flat_map(|v| v.live_orders())
        .filter(|o| o.state() == OrderState::Unknown)
        .count();
    let stats = view.tick_stats();
    ScreenState {
        bot: view.bot().to_owned(),
        environment: environment.to_owned(),
        phase: phase(&view),
        elapsed,
        alerts: alerts(&view),
        venues: venues(runtime, now.mono),
        positions: view.venues().flat_map(|venue| super::contracts::rows(&venue)).collect(),
        book: view.markets().next().map(|market| ladder(&market)),
        orders: view
            .venues()
            .flat_map(|v| v.live_orders())
            .map(|order| OrderRow {
                client_id: order.client_id().clone(),
                pair: order.pair.clone(),
                side: order.intent.side,
                price: order.intent.price,
                quantity: order.intent.quantity,
                filled: order.filled(),
                state: order.state(),
                age: since(now.mono, order.sent),
            })
            .collect(),
        balances: view
            .venues()
            .flat_map(|v| v.balances())
            .map(|b| b.balance.clone())
            .collect(),
        fills: view
            .recent_fills()
            .take(FILLS)
            .map(|fill| FillRow {
                time: fill.exchange_time,
                pair: fill.key.pair.clone(),
                side: fill.side,
                price: fill.price,
                quantity: fill.quantity,
                liquidity: fill.liquidity,
            })
            .collect(),
        profit: profit(&view),
        fees: counts
            .fees
            .iter()
            .map(|(asset, amount)| colibri_model::Fee {
                asset: asset.clone(),
                amount: *amount,
            })
            .collect(),
        counters: Counters {
            orders: counts.orders_sent,
            cancels: counts.cancels_sent,
            rejects: counts.orders_rejected,
            fills: counts.buy_fills + counts.sell_fills,
            unknown: unknown as u64,
            book_gaps: book_gaps(&view),
        },
        ticks: TickFigures {
            ticks: stats.ticks,
            overruns: stats.overruns + stats.skipped,
            last: runtime.ticks.last(),
            longest: runtime.ticks.longest(),
        },
        log: runtime.log.tail(),
    }
}

fn phase(view: &View<'_>) -> Phase {
    match view.phase() {
        EnginePhase::Idle => Phase::Starting,
        EnginePhase::Running if view.strategies().all(|s| s.state == StrategyState::Waiting) => Phase::Starting,
        EnginePhase::Running if view.strategies().all(|s| s.state == StrategyState::Running) => Phase::Trading,
        EnginePhase::Running => Phase::Degraded,
        EnginePhase::Stopping => Phase::Stopping,
        EnginePhase::Stopped => Phase::Stopped,
    }
}

fn alerts(view: &View<'_>) -> Vec<String> {
    let kill = view
        .kill_switch()
        .map(|kill| format!("kill switch thrown: {}; colibri run --resume", kill.reason));
    let journal = view
        .journal_fault()
        .map(|why| format!("the journal cannot be written: {why}"));
    let rests = view.strategies().filter_map(|strategy| match strategy.state {
        StrategyState::Paused(PauseReason::KillSwitch | PauseReason::JournalFailed) => None,
        StrategyState::Paused(reason) => Some(format!(
            "strategy {} rests: {}",
            strategy.id,
            view.pause_in_words(reason)
        )),
        StrategyState::Waiting | StrategyState::Running | StrategyState::Stopped => None,
    });
    kill.into_iter().chain(journal).chain(rests).collect()
}

fn venues<J: Journal>(runtime: &Runtime<J>, now: MonoNs) -> Vec<VenueRow> {
    let view = runtime.desk.engine().view();
    view.venues()
        .zip(runtime.desk.venues().iter().map(|v| v.driver()))
        .map(|(venue, driver)| {
            let clock = driver.health().clock;
            let session = |role| {
                let (status, reconnects, last) = status_of(driver, role);
                let state = match role {
                    SessionRole::Market => Some(venue.market_stream().state),
                    SessionRole::User => venue.user_stream().map(|stream| stream.state),
                };
                SessionRow {
                    role,
                    state: state.filter(|_| status.is_some()),
                    silent_for: last.map(|at| since(now, at)),
                    reconnects,
                }
            };
            VenueRow {
                venue: venue.id().clone(),
                sessions: vec![session(SessionRole::Market), session(SessionRole::User)],
                clock_offset_ns: clock.offset_ns,
                round_trip: clock.round_trip.map(|t| Duration::from_millis(t.0)),
            }
        })
        .collect()
}

fn ladder(market: &MarketView<'_>) -> BookLadder {
    let own = |side: Side, price| {
        let orders = market
            .live_orders()
            .filter(|o| o.intent.side == side && o.intent.price == Some(price));
        orders.map(|o| o.intent.quantity - o.filled()).sum::<Quantity>()
    };
    let levels = |side: Side| {
        let book = market.last_book();
        let levels = book.into_iter().flat_map(|book| book.levels(side)).take(LADDER);
        levels
            .map(|level| LadderLevel {
                price: level.price,
                quantity: level.quantity,
                own: own(side, level.price),
            })
            .collect()
    };
    let state = match (market.last_book(), market.book()) {
        (None, _) => BookState::Resyncing,
        _ if market.book_source() == BookSource::Polling => BookState::Polled,
        (Some(_), None) => BookState::Stale,
        (Some(_), Some(_)) => BookState::Live,
    };
    BookLadder {
        venue: market.venue().clone(),
        pair: market.pair().clone(),
        state,
        bids: levels(Side::Buy),
        asks: levels(Side::Sell),
    }
}

/// Realised and unrealised, fees in base and quote deducted, of all pairs that share the first pair's quote asset.
fn profit(view: &View<'_>) -> Option<ProfitAndLoss> {
    let asset = view.markets().next()?.pair().quote.clone();
    let (realized, unrealized) = won(view, &asset);
    Some(ProfitAndLoss {
        asset,
        realized,
        unrealized,
    })
}

fn won(view: &View<'_>, quote: &Asset) -> (Amount, Amount) {
    let mut sums = (Amount::ZERO, Amount::ZERO);
    for market in view
        .markets()
        .filter(|m| m.contract().is_some_and(|c| c.settle == *quote))
    {
        // Of contracts it is the account's positions, funding among it, at the mark price.
        for (_, position) in market.positions().into_iter().flat_map(Positions::iter) {
            let of_settle = |costs: &BTreeMap<Asset, Amount>| costs.get(quote).copied().unwrap_or_default();
            sums.0 += position.realized + of_settle(&position.funding) - of_settle(&position.fees);
        }
        sums.1 += market.unrealized().unwrap_or_default();
    }
    let is_spot = |market: &MarketView<'_>| market.contract().is_none() && market.pair().quote == *quote;
    for market in view.markets().filter(is_spot) {
        let position = market.position();
        sums.0 += position.realised() - position.fees_in_quote;
        let price = market.last_book().and_then(|book| book.mid()).or(position.last_price);
        if let Some(price) = price {
            sums.1 += position.unrealised(market.pair(), price);
        }
    }
    // Shares of a cost have twelve digits behind the point; nobody is owed those beyond the eighth.
    (Amount(sums.0.0.round_dp(8)), Amount(sums.1.0.round_dp(8)))
}

fn book_gaps(view: &View<'_>) -> u64 {
    view.markets()
        .filter_map(|m| m.keeper())
        .map(|keeper| keeper.drops())
        .sum()
}

/// One line of figures for the log.
#[must_use]
pub fn line<J: Journal>(runtime: &Runtime<J>, elapsed: Duration) -> String {
    let view = runtime.desk.engine().view();
    let counts = view.counts();
    let open = view.venues().flat_map(|v| v.live_orders()).count();
    let mut line = format!(
        "{} s: {open} orders live, {} sent, {} cancels, {} buys and {} sells filled",
        elapsed.as_secs(),
        counts.orders_sent,
        counts.cancels_sent,
        counts.buy_fills,
        counts.sell_fills
    );
    for market in view.markets() {
        if let Some(book) = market.last_book()
            && let (Some(bid), Some(ask)) = (book.best_bid(), book.best_ask())
        {
            line.push_str(&format!("; {} {} / {}", market.pair(), bid.price, ask.price));
        }
    }
    if let Some(profit) = profit(&view) {
        line.push_str(&format!(
            "; profit {:.4} {}",
            (profit.realized + profit.unrealized).0,
            profit.asset
        ));
    }
    line
}

/// The report at the end of a run.
#[must_use]
pub fn report<J: Journal>(runtime: &Runtime<J>, elapsed: Duration) -> Report {
    let view = runtime.desk.engine().view();
    let counts = view.counts();
    let quote = view
        .markets()
        .next()
        .map_or_else(|| Asset::new("?"), |m| m.pair().quote.clone());
    let (realized_pnl, unrealized_pnl) = won(&view, &quote);
    let stop = runtime.desk.engine().stop_report();
    let open = view.venues().flat_map(|v| v.live_orders()).count();
    let waiting = view.venues().flat_map(|v| v.live_triggers()).count();
    let unknown_triggers = view.venues().flat_map(|v| v.live_triggers());
    let unknown_triggers = unknown_triggers.filter(|t| t.state() == TriggerState::Unknown).count();
    let proven = stop.as_ref().is_some_and(|s| s.is_proven());
    let stats = view.tick_stats();
    Report {
        bot: view.bot().to_owned(),
        elapsed,
        orders: counts.orders_sent,
        cancels: counts.cancels_sent,
        rejects: counts.orders_rejected,
        fills: counts.buy_fills + counts.sell_fills,
        buy_fills: counts.buy_fills,
        sell_fills: counts.sell_fills,
        volume_quote: counts.volume.get(&quote).copied().unwrap_or_default(),
        quote,
        fees: counts.fees.clone(),
        realized_pnl,
        unrealized_pnl,
        unknown_orders: view
            .venues()
            .flat_map(|v| v.live_orders())
            .filter(|o| o.state() == OrderState::Unknown)
            .count() as u64
            + unknown_triggers as u64,
        open_orders_at_end: (open + waiting) as u64,
        open_orders_proven_by: match &stop {
            Some(stop) if proven && stop.venues.iter().any(|venue| venue.asked == 0) => Proof::NothingSent,
            Some(_) if proven => Proof::Exchange,
            _ => Proof::Tracker,
        },
        balances: balances(&view),
        positions: positions(&view),
        ticks: stats.ticks,
        tick_overruns: stats.overruns + stats.skipped,
        tick_timings: runtime.ticks.timings(),
        reconnects: runtime
            .desk
            .venues()
            .iter()
            .flat_map(|venue| venue.driver().health().sessions)
            .map(|session| session.reconnects)
            .sum(),
        book_gaps: book_gaps(&view),
        streams_condemned: counts.streams_condemned,
        held_positions: view
            .venues()
            .flat_map(|v| {
                v.held_positions()
                    .into_iter()
                    .map(move |held| format!("{}: {held}", v.id()))
            })
            .collect(),
        moved_meanwhile: view
            .venues()
            .filter_map(|v| Some(format!("{}: {}", v.id(), v.moved_meanwhile()?)))
            .collect(),
        foreign_orders: view
            .venues()
            .map(|v| (v.foreign_orders().count() + v.foreign_triggers().count()) as u64)
            .sum(),
        kill_switch: view.kill_switch().map(|kill| kill.reason.clone()),
    }
}

fn balances(view: &View<'_>) -> Vec<BalanceCheck> {
    let of_venue = |venue: VenueView<'_>| {
        let ledger = venue.ledger_balances().into_iter();
        let checks = ledger.map(|ledger| BalanceCheck {
            venue: venue.id().clone(),
            asset: ledger.asset,
            ledger: ledger.expected + ledger.external,
            external: ledger.external,
            exchange: Some(ledger.stated),
            rounding: ledger.rounding,
        });
        checks.collect::<Vec<_>>()
    };
    view.venues().flat_map(of_venue).collect()
}

/// Positions that are held, or that the exchange states; of each contract that is traded at least one.
fn positions(view: &View<'_>) -> Vec<PositionCheck> {
    let of_market = |market: MarketView<'_>| {
        let positions = market.positions().into_iter().flat_map(Positions::iter);
        let checks = positions.map(|(side, position)| PositionCheck {
            venue: market.venue().clone(),
            pair: market.pair().clone(),
            side,
            ledger: position.quantity,
            exchange: market.stated_quantity(side),
        });
        let is_something = |check: &PositionCheck| {
            let stated = check.exchange.is_some_and(|stated| !stated.is_zero());
            !check.ledger.is_zero() || stated || check.side.is_net()
        };
        checks.filter(is_something).collect::<Vec<_>>()
    };
    view.markets()
        .filter(|market| !market.is_watched())
        .flat_map(of_market)
        .collect()
}
