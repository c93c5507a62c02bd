//! Streams that are lost, silent or late: what is asked for meanwhile, who rests and is told, and that all of it heals.
#![allow(clippy::unwrap_used)]

use colibri_engine::strategy::{BookNeed, PauseReason};
use colibri_engine::{BookSource, Outage, StrategyState, StreamState, VenueIndex};
use colibri_model::{InstrumentId, Millis, MonoNs, OrderState, Side};
use colibri_standard::{ReportSource, SessionRole, SessionStatus};

use crate::desk::{Delivery, Desk, MANIFEST, QUOTES};
use crate::floor::Floor;
use crate::trading::{order_of, state_of};

const A: usize = 0;
const B: usize = 1;
const BTC: usize = 0;
const ETH: usize = 1;

/// Two venues, a strategy at each, and one at the first that is content with polled books.
fn two_venues() -> Floor {
    let mut floor = Floor::new(
        &["a", "b"],
        &[
            ("at-a", "a", "BTC-USDT", BookNeed::Streamed),
            ("at-b", "b", "BTC-USDT", BookNeed::Streamed),
        ],
    );
    floor.start();
    floor
}

const BOTH: [(usize, usize); 4] = [(A, BTC), (A, ETH), (B, BTC), (B, ETH)];

fn user_state(floor: &Floor, venue: usize) -> StreamState {
    let venue = floor.view().venue(VenueIndex(venue)).unwrap();
    venue.user_stream().unwrap().state
}

/// One venue with two books that beat, and a strategy on each.
fn two_books() -> Floor {
    let mut floor = Floor::new(
        &["a"],
        &[
            ("btc", "a", "BTC-USDT", BookNeed::Streamed),
            ("eth", "a", "ETH-USDT", BookNeed::Streamed),
        ],
    );
    floor.start();
    floor.run_beating(5, &[(A, BTC), (A, ETH)]);
    floor
}

#[test]
fn an_outage_rests_the_strategies_of_its_venue_alone_and_they_are_told_why() {
    let mut floor = two_venues();
    floor.run_beating(3, &BOTH);
    assert_eq!(floor.strategy(0).state, StrategyState::Running);
    floor.session(A, SessionRole::User, SessionStatus::Down);
    let now = floor.now();
    floor.engine.on_session_rests(
        VenueIndex(A),
        SessionRole::User,
        "a stream was lost: code 1006",
        MonoNs(floor.millis * 1_000_000 + 7_000_000_000),
        now,
    );
    floor.run_beating(3, &BOTH);
    assert_eq!(
        floor.pause(0),
        PauseReason::VenueOut {
            venue: VenueIndex(A),
            outage: Outage::UserStream(StreamState::Down)
        }
    );
    assert_eq!(
        floor.strategy(1).state,
        StrategyState::Running,
        "the other venue trades on"
    );
    let view = floor.view();
    let stream = view.venue(VenueIndex(A)).unwrap().user_stream().unwrap();
    assert_eq!(
        (stream.state, stream.why),
        (StreamState::Down, "a stream was lost: code 1006")
    );
    assert_eq!(
        stream.retry_at.map(|at| at.0 / 1_000_000),
        Some(floor.millis - 3_000 + 7_000)
    );
    assert_eq!(floor.why(0), "a: its user stream is down: a stream was lost: code 1006");
    floor.session(A, SessionRole::User, SessionStatus::Live);
    floor.run_beating(3, &BOTH);
    assert_eq!(floor.strategy(0).state, StrategyState::Running, "without a restart");
    assert_eq!(user_state(&floor, A), StreamState::Live);
    let told = floor.told_of("at-a");
    assert_eq!(
        (told.len(), told[0].as_str(), told[2].as_str()),
        (3, "started", "resumed"),
        "{told:?}"
    );
    assert!(told[1].starts_with("paused: a: its user stream is down"), "{told:?}");
    assert_eq!(floor.told_of("at-b"), ["started"]);
}

#[test]
fn a_ban_rests_the_strategies_of_its_venue_alone_until_it_ends() {
    let mut floor = two_venues();
    floor.run_beating(3, &BOTH);
    let now = floor.now();
    let until = |ms: u64| MonoNs(now.mono.0 + ms * 1_000_000);
    floor.engine.on_ban(VenueIndex(A), until(9_000), now);
    floor.engine.on_ban(VenueIndex(A), until(2_000), now);
    floor.run_beating(8, &BOTH);
    let outage = Outage::Banned;
    let venue = VenueIndex(A);
    assert_eq!(
        floor.pause(0),
        PauseReason::VenueOut { venue, outage },
        "the longer ban holds"
    );
    assert_eq!(
        floor.why(0),
        "a: the exchange has banned this address for a while, and takes nothing from it"
    );
    assert_eq!(
        floor.strategy(1).state,
        StrategyState::Running,
        "the other venue trades on"
    );
    assert_eq!(floor.engine.kill_switch(), None, "its streams go on");
    floor.run_beating(3, &BOTH);
    assert_eq!(floor.strategy(0).state, StrategyState::Running);
    assert_eq!(floor.told_of("at-a").len(), 3, "started, paused, resumed");
}

#[test]
fn while_the_user_stream_is_down_everything_is_asked_for_at_the_fast_interval_and_then_at_the_slow_one() {
    let mut floor = two_venues();
    floor.session(A, SessionRole::User, SessionStatus::Down);
    let (from, b_before) = (floor.sites[A].reconciled.len(), floor.sites[B].reconciled.len());
    floor.run_beating(60, &BOTH);
    let times = &floor.sites[A].reconciled[from..];
    let gaps: Vec<u64> = times.windows(2).map(|w| w[1] - w[0]).collect();
    assert!((27..=31).contains(&times.len()), "every two seconds: {times:?}");
    assert!(gaps.iter().skip(1).all(|gap| (2_000..2_100).contains(gap)), "{gaps:?}");
    assert!(
        floor.sites[B].reconciled.len() <= b_before + 1,
        "the other venue keeps its pace"
    );
    floor.session(A, SessionRole::User, SessionStatus::Live);
    floor.run_beating(3, &BOTH);
    let healed = floor.sites[A].reconciled.len();
    floor.run_beating(50, &BOTH);
    assert_eq!(floor.sites[A].reconciled.len(), healed, "the slow cadence is a minute");
}

#[test]
fn what_cannot_be_asked_is_asked_less_and_less_often() {
    let mut floor = two_venues();
    floor.session(A, SessionRole::Market, SessionStatus::Down);
    floor.sites[A].snapshots_fail = true;
    let from = floor.sites[A].asked.len();
    floor.run_beating(120, &[(B, BTC), (B, ETH)]);
    let asked = floor.sites[A].asked[from..].iter();
    let times: Vec<u64> = asked.filter(|a| a.1 == InstrumentId(1)).map(|a| a.0).collect();
    assert!(times.len() < 20, "{times:?}");
    let last = times.windows(2).map(|w| w[1] - w[0]).next_back().unwrap();
    assert!(last >= 16_000, "{times:?}");
}

#[test]
fn while_the_market_stream_is_down_books_are_polled_and_traded_on_by_those_alone_that_accept_it() {
    let mut floor = Floor::new(
        &["a"],
        &[
            ("strict", "a", "BTC-USDT", BookNeed::Streamed),
            ("content", "a", "BTC-USDT", BookNeed::Polled),
        ],
    );
    floor.start();
    floor.session(A, SessionRole::Market, SessionStatus::Down);
    floor.run(100);
    let market = floor.market(A, BTC);
    assert_eq!(market.book_source(), BookSource::Polling);
    assert!(market.book().is_none(), "nothing to quote on");
    assert!(market.book_for(BookNeed::Polled).is_some() && market.last_book().is_some());
    let asked = floor.sites[A].asked.len();
    floor.run(20_000);
    assert!(
        floor.market(A, BTC).book_age() <= Millis(2_500),
        "an unchanged book is known to be right"
    );
    let (polls, depths) = (&floor.sites[A].asked[asked..], 100);
    assert!(
        (16..=22).contains(&polls.len()),
        "two books every two seconds: {polls:?}"
    );
    assert!(polls.iter().all(|p| p.2 == depths));
    assert!(matches!(
        floor.pause(0),
        PauseReason::VenueOut {
            outage: Outage::MarketStream(StreamState::Down),
            ..
        }
    ));
    assert_eq!(floor.strategy(1).state, StrategyState::Running);
    let content = floor.strategy(1).id.clone();
    assert_eq!(floor.view().live_orders(&content).count(), 2);
    // It is back: a book of its own at once, and nobody waits for the next poll.
    floor.session(A, SessionRole::Market, SessionStatus::Live);
    floor.run(200);
    assert_eq!(floor.market(A, BTC).book_source(), BookSource::Stream);
    assert_eq!(floor.market(A, BTC).feed().state, StreamState::Live);
    assert_eq!(floor.strategy(0).state, StrategyState::Running);
}

#[test]
fn a_stream_that_is_lost_beside_another_takes_its_books_alone() {
    let mut floor = two_books();
    let last_id = |floor: &Floor| floor.market(A, BTC).keeper().unwrap().last_id();
    let (asked, id) = (floor.sites[A].asked.len(), last_id(&floor));
    floor.part(A, ETH, SessionStatus::Down);
    let market = floor.market(A, ETH);
    assert!(market.book().is_none() && market.last_book().is_none());
    assert_eq!(market.feed().state, StreamState::Down);
    assert_eq!(market.feed().why, "the stream is closed (code 1006)");
    floor.run_beating(12, &[(A, BTC)]);
    assert_eq!(
        floor.sites[A].asked.len(),
        asked,
        "nothing is asked of a stream that is away"
    );
    assert_eq!(floor.market(A, BTC).feed().state, StreamState::Live);
    assert_eq!(last_id(&floor), id + 12, "its own stream goes on");
    assert_eq!(floor.strategy(0).state, StrategyState::Running);
    assert!(matches!(floor.pause(1), PauseReason::BookStale(_)));
    let venue = VenueIndex(A);
    assert_eq!(
        floor.view().venue(venue).unwrap().market_stream().state,
        StreamState::Healing
    );

    floor.part(A, ETH, SessionStatus::Live);
    floor.run_beating(2, &[(A, BTC), (A, ETH)]);
    assert_eq!(floor.market(A, ETH).feed().state, StreamState::Live);
    assert_eq!(floor.strategy(1).state, StrategyState::Running);
    assert_eq!(
        floor.view().venue(venue).unwrap().market_stream().state,
        StreamState::Live
    );
    let asked = &floor.sites[A].asked[asked..];
    assert_eq!(
        asked.iter().map(|a| a.1).collect::<Vec<_>>(),
        [InstrumentId(2)],
        "its snapshot alone"
    );
    assert_eq!(floor.told_of("btc"), ["started"], "undisturbed");
    assert_eq!(floor.view().counts().streams_condemned, 0);
}

#[test]
fn a_snapshot_that_comes_when_its_stream_is_gone_is_no_book() {
    let mut floor = two_venues();
    floor.run_beating(2, &BOTH);
    floor.part(A, ETH, SessionStatus::Down);
    floor.part(A, ETH, SessionStatus::Live);
    // The snapshot is asked for, and not answered yet.
    floor.part(A, ETH, SessionStatus::Down);
    floor.run(500);
    assert!(floor.market(A, ETH).last_book().is_none());
    floor.part(A, ETH, SessionStatus::Live);
    floor.run(1_000);
    assert!(floor.market(A, ETH).last_book().is_some());
}

#[test]
fn an_update_that_comes_before_the_session_is_up_is_not_put_on_a_polled_book() {
    let mut floor = two_venues();
    floor.session(A, SessionRole::Market, SessionStatus::Down);
    floor.run(3_000);
    floor.session(A, SessionRole::Market, SessionStatus::Subscribing);
    floor.moves_unseen(A, BTC);
    floor.beat(A, BTC);
    assert_eq!(floor.market(A, BTC).book_source(), BookSource::Stream);
    assert!(floor.market(A, BTC).last_book().is_none(), "it does not follow");
    floor.session(A, SessionRole::Market, SessionStatus::Live);
    floor.run(100);
    assert!(floor.market(A, BTC).book().is_some());
}

#[test]
fn an_instrument_that_falls_silent_while_another_delivers_is_subscribed_anew_and_then_its_session_opened_again() {
    let mut floor = two_books();
    // From now on nothing comes of the second book, although it moves.
    for _ in 0..12 {
        floor.run_beating(1, &[(A, BTC)]);
        floor.moves_unseen(A, ETH);
    }
    assert_eq!(floor.market(A, BTC).feed().state, StreamState::Live);
    assert_eq!(floor.market(A, ETH).feed().state, StreamState::Silent);
    assert_eq!(floor.strategy(0).state, StrategyState::Running);
    assert!(matches!(floor.pause(1), PauseReason::BookStale(_)));
    assert!(floor.sites[A].exchange.reopened.is_empty(), "not proven yet");
    floor.run_beating(10, &[(A, BTC)]);
    assert_eq!(floor.sites[A].exchange.book_subscribed, 1, "it alone: {:?}", floor.log);
    assert!(floor.sites[A].exchange.reopened.is_empty());
    floor.run_beating(10, &[(A, BTC)]);
    assert_eq!(floor.strategy(0).state, StrategyState::Running, "undisturbed");
    assert_eq!(floor.sites[A].exchange.book_subscribed, 1, "once");
    floor.run_beating(2, &[(A, BTC)]);
    assert_eq!(
        floor.sites[A].exchange.reopened,
        [SessionRole::Market],
        "{:?}",
        floor.log
    );
    floor.run_beating(3, &[(A, BTC), (A, ETH)]);
    assert_eq!(floor.market(A, ETH).feed().state, StreamState::Live);
    assert_eq!(floor.strategy(1).state, StrategyState::Running);
    assert_eq!(floor.view().counts().streams_condemned, 1);
}

#[test]
fn subscribing_a_silent_instrument_anew_brings_it_back_and_no_other_book_is_touched() {
    let mut floor = two_books();
    let mut subscribed = 0;
    for _ in 0..60 {
        floor.run_beating(1, &[(A, BTC)]);
        subscribed = floor.sites[A].exchange.book_subscribed;
        if subscribed > 0 {
            // From here on the exchange tells again.
            floor.beat(A, ETH);
        } else {
            floor.moves_unseen(A, ETH);
        }
    }
    assert_eq!(subscribed, 1, "{:?}", floor.log);
    assert_eq!(floor.market(A, ETH).feed().state, StreamState::Live, "{:?}", floor.log);
    assert_eq!(floor.strategy(1).state, StrategyState::Running);
    assert!(floor.sites[A].exchange.reopened.is_empty(), "{:?}", floor.log);
    assert_eq!(floor.market(A, BTC).keeper().unwrap().drops(), 0);
    let counts = floor.view().counts();
    assert_eq!((counts.streams_condemned, counts.feeds_resubscribed), (0, 1));
    assert_eq!(floor.told_of("btc"), ["started"]);
}

#[test]
fn where_nothing_is_delivered_at_all_the_session_is_opened_again_at_once() {
    let mut floor = Floor::new(&["a"], &[]);
    floor.start();
    floor.run_beating(5, &[(A, BTC), (A, ETH)]);
    for _ in 0..30 {
        floor.run(1_000);
        floor.moves_unseen(A, ETH);
        if !floor.sites[A].exchange.reopened.is_empty() {
            break;
        }
    }
    assert_eq!(
        floor.sites[A].exchange.reopened,
        [SessionRole::Market],
        "{:?}",
        floor.log
    );
    assert_eq!(floor.sites[A].exchange.book_subscribed, 0);
}

#[test]
fn an_instrument_that_is_merely_quiet_is_checked_less_and_less_often_and_is_no_outage() {
    let mut floor = two_venues();
    floor.run_beating(5, &BOTH);
    let from = floor.sites[A].asked.len();
    floor.run_beating(300, &[(A, BTC), (B, BTC), (B, ETH)]);
    assert_eq!(floor.market(A, ETH).feed().state, StreamState::Quiet);
    let venue = floor.view().venue(VenueIndex(A)).unwrap();
    assert_eq!(venue.market_stream().state, StreamState::Live, "nothing is missing");
    assert_eq!(venue.market_stream().why, "");
    assert_eq!(floor.sites[A].exchange.book_subscribed, 0);
    let checks = &floor.sites[A].asked[from..];
    assert!((8..=20).contains(&checks.len()), "{checks:?}");
    assert!(floor.sites[A].exchange.reopened.is_empty());
    assert!(floor.market(A, ETH).book_confirmed().is_some(), "and known to be right");
    assert!(floor.market(A, ETH).book().is_none(), "but not quoted on");
    floor.beat(A, ETH);
    assert_eq!(
        floor.market(A, ETH).feed().state,
        StreamState::Live,
        "no gap: the book goes on"
    );
    assert!(floor.market(A, ETH).book().is_some());
}

#[test]
fn where_nothing_can_be_asked_a_silent_instrument_has_its_session_opened_again_and_rarely() {
    let books = "rule = \"overlap\", snapshot_by_request = true";
    let manifest = MANIFEST.replace(books, "rule = \"snapshots\", snapshot_by_request = false");
    assert_ne!(manifest, MANIFEST);
    let mut floor = Floor::with_manifest(&manifest, &["a"], &[]);
    floor.start();
    floor.run_beating(5, &[(A, BTC), (A, ETH)]);
    floor.run_beating(28, &[(A, BTC)]);
    assert_eq!(floor.market(A, ETH).feed().state, StreamState::Silent);
    assert!(floor.sites[A].exchange.reopened.is_empty());
    // Each time it begins with the book, and falls silent again.
    for _ in 0..600 {
        floor.run_beating(1, &[(A, BTC)]);
        if floor.market(A, ETH).last_book().is_none() {
            floor.beat(A, ETH);
        }
    }
    assert_eq!(
        floor.sites[A].exchange.reopened.len(),
        4,
        "after 30, 60, 120 and 240 seconds"
    );
    assert!(floor.sites[A].asked.is_empty());
}

#[test]
fn a_user_stream_that_pings_and_does_not_tell_is_found_out_by_what_the_exchange_answers() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    desk.book_beats(1_000, 3);
    let buy = order_of(&desk, Side::Buy);
    // The session stays up, and tells nothing any more: a trade is found by asking.
    desk.exchange.stream_is_up = false;
    desk.at_exchange(|exchange, now| {
        exchange.trade(&buy, "1", now);
        Vec::new()
    });
    desk.book_beats(1_000, 75);
    assert_eq!(state_of(&desk, &buy), OrderState::Filled);
    assert_eq!(desk.exchange.reopened, [SessionRole::User], "{:?}", desk.log);
    assert!(desk.logged("the User session is silent"));
    desk.book_beats(1_000, 30);
    assert_eq!(desk.exchange.reopened.len(), 1, "it tells again: {:?}", desk.log);
    assert_eq!(desk.view().strategies().next().unwrap().state, StrategyState::Running);
    let venue = desk.view().venues().next().unwrap();
    assert_eq!(venue.user_stream().unwrap().state, StreamState::Live);
    desk.assert_ledger_agrees();
}

#[test]
fn a_user_stream_that_tells_late_but_within_its_bound_is_left_alone() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    // Its news come five seconds late, those of answers at once.
    desk.exchange.stream_is_up = false;
    for _ in 0..12 {
        desk.book_beats(1_000, 5);
        desk.at_exchange(|exchange, now| {
            let known: Vec<_> = exchange.orders.keys().cloned().collect();
            let tell = |id| (0, Delivery::Event(exchange.order_event(id, ReportSource::Stream, now)));
            known.iter().map(tell).collect()
        });
    }
    assert!(desk.exchange.reopened.is_empty(), "{:?}", desk.log);
}

#[test]
fn cancels_are_sent_while_the_venue_is_out() {
    let mut floor = two_venues();
    floor.run_beating(2, &BOTH);
    assert_eq!(floor.sites[A].exchange.open().count(), 2);
    floor.session(A, SessionRole::Market, SessionStatus::Down);
    floor.session(A, SessionRole::User, SessionStatus::Down);
    floor.run(500);
    assert_eq!(
        floor.sites[A].exchange.open().count(),
        0,
        "quotes are withdrawn though both streams are down"
    );
    assert_eq!(floor.sites[B].exchange.open().count(), 2);
}

/// Hundreds of watched books would use up a limit's window, and what the account needs would wait for the next one.
#[test]
fn a_watched_book_is_asked_for_once_the_account_is_known() {
    let mut floor = Floor::watching(&["a"], &[("at-a", "a", "BTC-USDT", BookNeed::Streamed)]);
    floor.sites[A].exchange.slow_fills = 30_000;
    floor.start();
    let of = |floor: &Floor, instrument: u32| {
        let asked = floor.sites[A].asked.iter();
        asked.filter(|(_, id, _)| *id == InstrumentId(instrument)).count()
    };
    floor.run_beating(20, &[(A, BTC), (A, ETH)]);
    assert_eq!((of(&floor, 1), of(&floor, 2)), (1, 0), "its fills are still under way");
    assert!(floor.market(A, BTC).book().is_some());
    floor.run_beating(60, &[(A, BTC), (A, ETH)]);
    assert_eq!(of(&floor, 2), 1);
    assert!(floor.market(A, ETH).book().is_some());
    assert_eq!(floor.strategy(0).state, StrategyState::Running);
}

/// In the second that it takes to subscribe a thousand books hundreds of polls would use up the limit's window.
#[test]
fn a_watched_book_is_not_polled_while_its_stream_is_away_for_a_moment() {
    let mut floor = Floor::watching(&["a"], &[("at-a", "a", "BTC-USDT", BookNeed::Streamed)]);
    floor.start();
    floor.run_beating(5, &[(A, BTC), (A, ETH)]);
    floor.session(A, SessionRole::Market, SessionStatus::Down);
    let begin = floor.sites[A].asked.len();
    let of = |floor: &Floor, instrument: u32| {
        let asked = floor.sites[A].asked[begin..].iter();
        asked.filter(|(_, id, _)| *id == InstrumentId(instrument)).count()
    };
    floor.run(9_000);
    assert!(of(&floor, 1) > 2, "what is traded is");
    assert_eq!(of(&floor, 2), 0);
    floor.run(10_000);
    assert!(of(&floor, 2) > 2, "it is away for longer");
    assert!(floor.market(A, ETH).last_book().is_some());
    floor.session(A, SessionRole::Market, SessionStatus::Live);
    floor.run_beating(2, &[(A, BTC), (A, ETH)]);
    assert_eq!(floor.market(A, ETH).book_source(), BookSource::Stream);
}
