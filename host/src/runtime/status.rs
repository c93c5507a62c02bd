//! How the bot stands, for the status file: the engine's view and the drivers' health in one.

use std::time::Duration;

use colibri_driver::{ConnectorState, Driver, HostTime, SessionHealth};
use colibri_engine::orders::{InFlightOrder, InFlightTrigger, OrderOrigin};
use colibri_engine::strategy::BookNeed;
use colibri_engine::{
    BookSource, EnginePhase, MarketView, StrategyState, StrategyView, StreamState, StreamView, VenueView, View,
};
use colibri_model::{ClientOrderId, ExchangeOrderId, Journal, Millis, MonoNs, OrderState};
use colibri_standard::SessionRole;

use super::Runtime;
use crate::status::{
    BookStatus, ClockStatus, ConnectorStatus, Counters, DelayStatus, ForeignStatus, HistoryStatus, KillSwitchStatus,
    OrderEntryStatus, PoolStatus, ReconcileStatus, Snapshot, StrategyStatus, StreamStatus, TickStatus, TriggerStatus,
    UnknownOrder, VERSION, WatchedStatus,
};

/// Watched books that are not live are shown up to so many.
const WATCHED_SHOWN: usize = 20;

const fn ms(span: Millis) -> u64 {
    span.0
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// How the bot stands now.
#[must_use]
pub fn snapshot<J: Journal>(runtime: &Runtime<J>, environment: &str, elapsed: Duration) -> Snapshot {
    let view = runtime.desk.engine().view();
    let now = runtime.now();
    let written_ms = now.wall.0 / 1_000_000;
    let counts = view.counts();
    let ticks = view.tick_stats();
    let venues = view.venues().zip(runtime.desk.venues());
    Snapshot {
        version: VERSION,
        bot: view.bot().to_owned(),
        environment: environment.to_owned(),
        host: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started_ms: written_ms.saturating_sub_unsigned(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)),
        written_ms,
        phase: phase(&view).to_owned(),
        ended_ms: None,
        kill_switch: view.kill_switch().map(|kill| KillSwitchStatus {
            cause: kill.cause.as_str().to_owned(),
            proven_ms: kill.proven.map(|time| time.as_millis()),
            may_be_open: kill.venues.iter().map(|v| v.remaining.len() + v.triggers.len()).sum(),
            unknown: kill.venues.iter().map(|v| v.unknown.len()).sum(),
            reason: kill.reason.clone(),
            since_ms: kill.time.0 / 1_000_000,
            resume: "colibri run BOT.toml --resume".to_owned(),
        }),
        journal_fault: view.journal_fault().map(str::to_owned),
        history: HistoryStatus {
            lag_ms: u64::try_from(runtime.disk.lag().as_millis()).unwrap_or(u64::MAX),
            fault: runtime.history_fault.clone(),
        },
        connectors: venues
            .map(|(venue, desk)| connector(&venue, desk.driver(), now))
            .collect(),
        strategies: view.strategies().map(|s| strategy(&view, s, now)).collect(),
        ticks: TickStatus {
            ticks: ticks.ticks,
            overruns: ticks.overruns,
            skipped: ticks.skipped,
            latest_us: ticks.max_lateness_ns / 1_000,
        },
        counters: Counters {
            orders: counts.orders_sent,
            cancels: counts.cancels_sent,
            rejects: counts.orders_rejected,
            fills: counts.buy_fills + counts.sell_fills,
            reconciliations: counts.reconciliations,
            book_updates: counts.book_updates,
            public_trades: counts.public_trades,
            book_drops: counts.book_drops,
            streams_condemned: counts.streams_condemned,
        },
        delays: DelayStatus {
            p50_us: view.delays().at_per_mille(500),
            p99_us: view.delays().at_per_mille(990),
            max_us: view.delays().longest_us(),
            counts: view.delays().counts().collect(),
        },
    }
}

const fn phase(view: &View<'_>) -> &'static str {
    match view.phase() {
        EnginePhase::Idle => "idle",
        EnginePhase::Running => "running",
        EnginePhase::Stopping => "stopping",
        EnginePhase::Stopped => "stopped",
    }
}

fn connector(venue: &VenueView<'_>, driver: &Driver, now: HostTime) -> ConnectorStatus {
    let health = driver.health();
    let session = |role| health.sessions.iter().find(|s| s.role == role);
    let why = venue.not_ready();
    let live = || venue.live_orders();
    let of_origin = |origin: OrderOrigin| live().filter(|o| o.origin == origin).count();
    let unknown = live().filter(|o| o.state() == OrderState::Unknown);
    let reconcile = venue.reconcile();
    let watched = || venue.markets().filter(MarketView::is_watched);
    ConnectorStatus {
        venue: venue.id().clone(),
        account: venue.account().clone(),
        state: if why.is_none() { "ready" } else { "out" }.to_owned(),
        why,
        fault: match &health.connector {
            ConnectorState::Running => None,
            ConnectorState::Faulted { reason, .. } => Some(reason.clone()),
        },
        market_stream: stream(venue.market_stream(), session(SessionRole::Market), now),
        user_stream: venue
            .user_stream()
            .map(|user| stream(user, session(SessionRole::User), now)),
        order_entry: OrderEntryStatus {
            chosen: health.order_entry.chosen.as_str().to_owned(),
            now: health.order_entry.now.as_str().to_owned(),
            why: health.order_entry.why.map(str::to_owned),
            over_stream: health.order_entry.over_stream,
            fallen_back: health.order_entry.fallen_back,
        },
        reconcile: ReconcileStatus {
            healed: reconcile.is_healed,
            last_ms: (reconcile.started != MonoNs(0)).then(|| ms(now.mono.since(reconcile.started))),
            next_ms: ms(reconcile.next.since(now.mono)),
        },
        clock: ClockStatus {
            offset_us: health.clock.offset_ns.map(|ns| ns / 1_000),
            round_trip_ms: health.clock.round_trip.map(ms),
        },
        pools: health
            .pools
            .into_iter()
            .map(|pool| PoolStatus {
                pool: pool.pool,
                used: pool.used,
                limit: pool.limit,
                paused_ms: pool
                    .paused_until
                    .map(|until| ms(until.since(now.mono)))
                    .filter(|left| *left > 0),
            })
            .collect(),
        operations: health.operations,
        queued: health.queued,
        open_orders: live().count(),
        recovered_orders: of_origin(OrderOrigin::Recovered),
        adopted_orders: of_origin(OrderOrigin::Adopted),
        unknown_orders: unknown.map(|order| unknown_order(order, now)).collect(),
        triggers: venue.live_triggers().map(|waiting| trigger(waiting, now)).collect(),
        foreign_triggers: venue
            .foreign_triggers()
            .map(|trigger| ForeignStatus {
                symbol: trigger.symbol.clone(),
                id: either_id(trigger.client_id.as_ref(), trigger.exchange_id.as_ref()),
                of_a_bot: trigger.is_a_bots(),
            })
            .collect(),
        moved_meanwhile: venue.moved_meanwhile(),
        foreign_orders: venue
            .foreign_orders()
            .map(|order| ForeignStatus {
                symbol: order.symbol.clone(),
                id: either_id(order.client_id.as_ref(), order.exchange_id.as_ref()),
                of_a_bot: order.is_a_bots(),
            })
            .collect(),
        contracts: super::contracts::status(venue, now),
        books: {
            let traded = venue.markets().filter(|market| !market.is_watched());
            let missing = watched().filter(|market| !is_live(market)).take(WATCHED_SHOWN);
            traded.chain(missing).map(|market| book(&market, now)).collect()
        },
        watched: WatchedStatus {
            books: watched().count(),
            live: watched().filter(is_live).count(),
        },
    }
}

/// Whether a book is there and follows its stream.
fn is_live(market: &MarketView<'_>) -> bool {
    market.book_source() == BookSource::Stream && market.book().is_some()
}

/// What something that is not ours is called: by its maker, or by the exchange.
fn either_id(client_id: Option<&ClientOrderId>, exchange_id: Option<&ExchangeOrderId>) -> String {
    match (client_id, exchange_id) {
        (Some(id), _) => id.to_string(),
        (None, Some(id)) => id.to_string(),
        (None, None) => String::new(),
    }
}

fn trigger(trigger: &InFlightTrigger, now: HostTime) -> TriggerStatus {
    let intent = &trigger.intent;
    let quantity = match intent.quantity {
        Some(quantity) => quantity.0.normalize().to_string(),
        None => "the whole position".to_owned(),
    };
    let price = match intent.price {
        Some(price) => price.0.normalize().to_string(),
        None => "market".to_owned(),
    };
    TriggerStatus {
        client_id: trigger.client_id().clone(),
        pair: trigger.pair.clone(),
        what: format!(
            "{} at {} by {}: {} {quantity} at {price}",
            intent.kind.as_str(),
            intent.trigger_price.0.normalize(),
            intent.by.as_str(),
            intent.side.as_str()
        ),
        state: trigger.state(),
        age_ms: ms(now.mono.since(trigger.sent)),
    }
}

fn unknown_order(order: &InFlightOrder, now: HostTime) -> UnknownOrder {
    UnknownOrder {
        client_id: order.client_id().clone(),
        pair: order.pair.clone(),
        age_ms: ms(now.mono.since(order.sent)),
    }
}

fn stream(stream: StreamView<'_>, session: Option<&SessionHealth>, now: HostTime) -> StreamStatus {
    let retry_at = session.and_then(|s| s.next_attempt).or(stream.retry_at);
    let down = session.and_then(|s| s.down_reason.clone());
    StreamStatus {
        state: stream.state.as_str().to_owned(),
        for_ms: ms(now.mono.since(stream.since)),
        why: some(stream.why).or(down),
        data_age_ms: stream.last_data.map(|at| ms(now.mono.since(at))),
        // One that is past is being made now.
        next_try_ms: retry_at.filter(|at| *at > now.mono).map(|at| ms(at.since(now.mono))),
        reconnects: session.map_or(0, |s| s.reconnects),
    }
}

fn book(market: &MarketView<'_>, now: HostTime) -> BookStatus {
    let feed = market.feed();
    let state = match (market.last_book(), market.book_source()) {
        (None, _) => "missing",
        (Some(_), BookSource::Polling) => "polled",
        (Some(_), BookSource::Stream) if market.book().is_some() => "live",
        (Some(_), BookSource::Stream) if feed.state == StreamState::Quiet => "quiet",
        (Some(_), BookSource::Stream) => "stale",
    };
    // A book of which nothing comes and that was asked about is known to be as it was.
    let asked = matches!(feed.state, StreamState::Silent | StreamState::Quiet);
    let checked = market.book_confirmed().filter(|_| asked);
    let why = match checked {
        Some(at) => Some(format!(
            "{}; asked {} s ago: nothing newer",
            feed.why,
            ms(now.mono.since(at)) / 1_000
        )),
        None => some(feed.why),
    };
    let top = market.last_book().and_then(|book| {
        let (bid, ask) = (book.best_bid()?, book.best_ask()?);
        Some((bid.price.0.normalize().to_string(), ask.price.0.normalize().to_string()))
    });
    BookStatus {
        pair: market.pair().clone(),
        state: state.to_owned(),
        feed: feed.state.as_str().to_owned(),
        why,
        age_ms: ms(market.book_age_for(BookNeed::Polled)),
        drops: market.keeper().map_or(0, |keeper| keeper.drops()),
        top,
    }
}

fn strategy(view: &View<'_>, strategy: StrategyView<'_>, now: HostTime) -> StrategyStatus {
    StrategyStatus {
        id: strategy.id.clone(),
        kind: strategy.kind.to_owned(),
        state: match strategy.state {
            StrategyState::Waiting => "waiting",
            StrategyState::Running => "running",
            StrategyState::Paused(_) => "paused",
            StrategyState::Stopped => "stopped",
        }
        .to_owned(),
        for_ms: ms(now.mono.since(strategy.since)),
        why: match strategy.state {
            StrategyState::Waiting | StrategyState::Paused(_) => {
                strategy.obstacle.map(|reason| view.pause_in_words(reason))
            }
            StrategyState::Running | StrategyState::Stopped => None,
        },
        says: strategy.status.to_owned(),
    }
}
