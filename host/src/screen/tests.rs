//! Whole pictures as text, at the sizes that people have.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use colibri_engine::StreamState;
use colibri_model::{
    Amount, Asset, Balance, ClientOrderId, Decimal, Fee, Leverage, Liquidity, MarginMode, OrderState, Pair,
    PositionSide, Price, Quantity, Side, VenueId, WallNs,
};
use colibri_standard::SessionRole;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;

fn price(text: &str) -> Price {
    Price(text.parse().unwrap())
}

fn quantity(text: &str) -> Quantity {
    Quantity(text.parse().unwrap())
}

fn pair() -> Pair {
    "BTC-USDT".parse().unwrap()
}

fn level(at: &str, all: &str, own: &str) -> LadderLevel {
    LadderLevel {
        price: price(at),
        quantity: quantity(all),
        own: quantity(own),
    }
}

fn session(role: SessionRole, state: StreamState) -> SessionRow {
    SessionRow {
        role,
        state: Some(state),
        silent_for: Some(Duration::from_millis(40)),
        reconnects: 0,
    }
}

fn balance(asset: &str, free: i64, locked: i64) -> Balance {
    Balance {
        asset: Asset::new(asset),
        free: Amount(Decimal::new(free, 2)),
        locked: Amount(Decimal::new(locked, 2)),
    }
}

fn order(id: &str, side: Side, at: &str, filled: &str, state: OrderState) -> OrderRow {
    OrderRow {
        client_id: ClientOrderId::new(id).unwrap(),
        pair: pair(),
        side,
        price: Some(price(at)),
        quantity: quantity("0.01000"),
        filled: quantity(filled),
        state,
        age: Duration::from_millis(340),
    }
}

fn trading() -> ScreenState {
    ScreenState {
        bot: "demo".to_owned(),
        environment: "local exchange".to_owned(),
        phase: Phase::Trading,
        elapsed: Duration::from_secs(75),
        alerts: Vec::new(),
        venues: vec![VenueRow {
            venue: VenueId::new("binance").unwrap(),
            sessions: vec![
                session(SessionRole::Market, StreamState::Live),
                session(SessionRole::User, StreamState::Live),
            ],
            clock_offset_ns: Some(-1_200_000),
            round_trip: Some(Duration::from_millis(14)),
        }],
        positions: Vec::new(),
        book: Some(BookLadder {
            venue: VenueId::new("binance").unwrap(),
            pair: pair(),
            state: BookState::Live,
            bids: vec![
                level("61824.00", "0.51000", "0.01"),
                level("61823.50", "1.20000", "0"),
                level("61823.00", "0.40000", "0"),
                level("61822.50", "2.00000", "0"),
                level("61822.00", "0.75000", "0"),
            ],
            asks: vec![
                level("61824.50", "0.33000", "0"),
                level("61825.00", "0.71000", "0.01"),
                level("61825.50", "0.90000", "0"),
                level("61826.00", "1.10000", "0"),
                level("61826.50", "0.20000", "0"),
            ],
        }),
        orders: vec![
            order("a", Side::Buy, "61824.00", "0", OrderState::Open),
            order("b", Side::Sell, "61825.00", "0.004", OrderState::PartiallyFilled),
            order("c", Side::Buy, "61820.00", "0", OrderState::Unknown),
        ],
        balances: vec![balance("BTC", 99, 1), balance("USDT", 99_381_760, 61_824)],
        fills: vec![FillRow {
            time: WallNs::from_millis(34_013_000),
            pair: pair(),
            side: Side::Sell,
            price: price("61825.00"),
            quantity: quantity("0.00400"),
            liquidity: Some(Liquidity::Maker),
        }],
        profit: Some(ProfitAndLoss {
            asset: Asset::new("USDT"),
            realized: Amount(Decimal::new(12_345, 4)),
            unrealized: Amount(Decimal::new(-2_345, 4)),
        }),
        fees: vec![Fee {
            asset: Asset::new("USDT"),
            amount: Amount(Decimal::new(2_473, 4)),
        }],
        counters: Counters {
            orders: 42,
            cancels: 38,
            fills: 1,
            unknown: 1,
            ..Counters::default()
        },
        ticks: TickFigures {
            ticks: 75,
            overruns: 0,
            last: Duration::from_micros(180),
            longest: Duration::from_micros(910),
        },
        log: vec![
            LogLine {
                time: WallNs::from_millis(34_012_000),
                level: LogLevel::Info,
                text: "market session is live".to_owned(),
            },
            LogLine {
                time: WallNs::from_millis(34_013_000),
                level: LogLevel::Warn,
                text: "order c: no answer in time; asking the exchange about it".to_owned(),
            },
        ],
    }
}

fn picture(state: &ScreenState, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, state)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    (0..height)
        .map(|y| {
            let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
            format!("{}\n", line.trim_end())
        })
        .collect()
}

#[test]
fn a_trading_bot_fits_eighty_by_twenty_four() {
    assert_eq!(picture(&trading(), 80, 24), include_str!("trading_80x24.txt"));
}

#[test]
fn more_room_shows_more_of_the_book() {
    let small = picture(&trading(), 80, 24);
    let large = picture(&trading(), 120, 40);
    assert!(!small.contains("61822.0") || !small.contains("61826.5"));
    assert!(large.contains("61822.0") && large.contains("61826.5"), "{large}");
}

#[test]
fn a_long_price_is_never_cut() {
    let mut state = trading();
    state.orders[0].price = Some(price("0.000012345678"));
    state.fills[0].price = price("0.000087654321");
    let text = picture(&state, 80, 24);
    assert!(
        text.contains("0.000012345678") && text.contains("0.000087654321"),
        "{text}"
    );
}

#[test]
fn nothing_known_yet_is_said_and_not_drawn_as_zero() {
    let text = picture(&ScreenState::default(), 80, 24);
    for words in ["starting", "no book yet", "none", "pnl: no price yet"] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
}

#[test]
fn a_gap_and_a_lost_session_are_named() {
    let mut state = trading();
    state.venues[0].sessions[0].state = Some(StreamState::Down);
    state.venues[0].sessions[0].reconnects = 2;
    if let Some(book) = &mut state.book {
        book.state = BookState::Resyncing;
        book.asks.clear();
    }
    let text = picture(&state, 80, 24);
    for words in ["market down reconnected 2x", "gap: asking", "one side is empty"] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
}

#[test]
fn what_somebody_should_know_stands_above_the_book() {
    let mut state = trading();
    state.phase = Phase::Degraded;
    state.venues[0].sessions[1].state = Some(StreamState::Silent);
    state.alerts = vec![
        "kill switch thrown: the profit has fallen; colibri run --resume".to_owned(),
        "strategy mm rests: binance: its user stream is silent".to_owned(),
    ];
    let text = picture(&state, 80, 24);
    for words in [
        "degraded",
        "user silent",
        " !  kill switch thrown: the profit has fallen; colibri run --resume",
        " !  strategy mm rests: binance: its user stream is silent",
    ] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
}

#[test]
fn no_size_of_window_breaks_it() {
    for (width, height) in [
        (1, 1),
        (10, 3),
        (59, 16),
        (60, 16),
        (60, 15),
        (200, 16),
        (60, 100),
        (300, 100),
    ] {
        let _ = picture(&trading(), width, height);
    }
}

#[test]
fn positions_stand_below_the_venues_with_where_they_would_be_liquidated() {
    let mut state = trading();
    state.positions = vec![PositionRow {
        pair: pair(),
        side: PositionSide::Net,
        quantity: quantity("-0.5"),
        entry_price: Some(price("61824")),
        unrealized: Some(Amount(Decimal::new(-306, 2))),
        asset: Asset::new("USDT"),
        leverage: Some(Leverage::new(Decimal::from(5)).unwrap()),
        margin_mode: Some(MarginMode::Isolated),
        liquidation_price: Some(price("71000")),
        funding_rate: Some(Decimal::new(1, 4)),
        stated: Some(quantity("-0.6")),
    }];
    let text = picture(&state, 120, 24);
    for words in [
        "BTC-USDT -0.5 at 61824",
        "-3.06 USDT",
        "5x isolated",
        "liq 71000",
        "funding 0.01%",
        "exchange states -0.6",
    ] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
}
