//! Market sessions: subscriptions, and the frames that follow.

use colibri_sdk::abi::{Level, trade_flag};
use colibri_sdk::model::InstrumentId;
use colibri_sdk::standard::{
    Channel, Command, Event, NoticeKind, OpenSession, Outcome, SessionRole, SessionStatus, Subscription, UpdateSession,
};
use colibri_sdk::testing::{Action, Stage, events, outcome};
use proptest::prelude::*;

use crate::stage::{BTC, ETH, only, stage};

const ALL: [Channel; 3] = [Channel::Book, Channel::Trades, Channel::Top];

fn open(instruments: &[InstrumentId]) -> Command {
    Command::OpenSession(OpenSession {
        session: 1,
        role: SessionRole::Market,
        subscriptions: instruments
            .iter()
            .map(|&instrument| Subscription {
                instrument,
                channels: ALL.to_vec(),
            })
            .collect(),
    })
}

fn statuses(actions: &[Action]) -> Vec<SessionStatus> {
    events(actions)
        .into_iter()
        .filter_map(|e| match e {
            Event::Session(session) => Some(session.status),
            _ => None,
        })
        .collect()
}

/// A live session on stream 1.
pub fn live() -> Stage {
    let mut stage = stage();
    stage.command(1, &open(&[BTC]));
    stage.stream_opened(1);
    let actions = stage.frame(1, br#"{"result":null,"id":1}"#);
    assert_eq!(statuses(&actions), [SessionStatus::Live]);
    assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
    stage
}

#[test]
fn a_session_opens_subscribes_and_is_live_when_all_is_confirmed() {
    let mut stage = stage();
    let actions = stage.command(1, &open(&[BTC, ETH]));
    assert_eq!(
        actions,
        [Action::Open {
            stream: 1,
            session: 1,
            endpoint: "market_stream".to_owned(),
            url: "wss://stream.binance.com:9443/stream?timeUnit=MICROSECOND".to_owned()
        }]
    );
    let actions = stage.stream_opened(1);
    assert_eq!(statuses(&actions), [SessionStatus::Subscribing]);
    let sent: Vec<_> = actions
        .iter()
        .filter_map(|a| match a {
            Action::Send { frame, op, .. } => Some((frame.as_str(), *op)),
            _ => None,
        })
        .collect();
    assert_eq!(
        sent,
        [(
            r#"{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms","btcusdt@trade","btcusdt@bookTicker","ethbtc@depth@100ms","ethbtc@trade","ethbtc@bookTicker"],"id":1}"#,
            0
        )]
    );
    assert!(
        outcome(&stage.frame(1, br#"{"result":null,"id":99}"#), 1).is_none(),
        "another answer"
    );
    let actions = stage.frame(1, br#"{"result":null,"id":1}"#);
    assert_eq!(statuses(&actions), [SessionStatus::Live]);
    assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
}

#[test]
fn what_is_wanted_changes_on_a_live_session() {
    let mut stage = live();
    let subscription = |instrument, channel| Subscription {
        instrument,
        channels: vec![channel],
    };
    let update = Command::UpdateSession(UpdateSession {
        session: 1,
        add: vec![subscription(ETH, Channel::Top)],
        remove: vec![subscription(BTC, Channel::Trades)],
    });
    let actions = stage.command(2, &update);
    assert_eq!(actions.iter().filter(|a| matches!(a, Action::Send { .. })).count(), 2);
    assert!(outcome(&stage.frame(1, br#"{"result":null,"id":2}"#), 2).is_none());
    assert_eq!(
        outcome(&stage.frame(1, br#"{"result":null,"id":3}"#), 2),
        Some(Outcome::Done)
    );
    let actions = stage.command(3, &update);
    assert!(outcome(&actions, 3).is_none());
    let actions = stage.frame(1, br#"{"code":2,"msg":"Invalid request: too many parameters","id":4}"#);
    assert!(matches!(outcome(&actions, 3), Some(Outcome::Rejected(r)) if r.code.as_deref() == Some("2")));
    assert!(statuses(&actions).is_empty(), "the session stays live");
}

#[test]
fn subscriptions_are_paced() {
    let mut stage = stage();
    let instruments: Vec<_> = (0..300)
        .map(|i| crate::stage::used(InstrumentId(i + 1), &format!("A{i}-B"), &format!("A{i}B")))
        .collect();
    let ids: Vec<InstrumentId> = instruments.iter().map(|i| i.id).collect();
    stage.command(
        2,
        &Command::UseInstruments(colibri_sdk::standard::UseInstruments { instruments }),
    );
    stage.command(3, &open(&ids));
    let sends = |actions: &[Action]| actions.iter().filter(|a| matches!(a, Action::Send { .. })).count();
    let actions = stage.stream_opened(1);
    assert_eq!(sends(&actions), 4, "900 topics are five messages, four a second");
    let timer = actions.iter().find_map(|a| match a {
        Action::Timer { timer, at_mono_ns } if *at_mono_ns == 1_000_000_000 => Some(*timer),
        _ => None,
    });
    stage.pass_ms(1_000);
    assert_eq!(sends(&stage.timer(timer.unwrap())), 1);
    for id in 1..=4 {
        stage.frame(1, format!(r#"{{"result":null,"id":{id}}}"#).as_bytes());
    }
    assert_eq!(
        outcome(&stage.frame(1, br#"{"result":null,"id":5}"#), 3),
        Some(Outcome::Done)
    );
}

#[test]
fn a_session_ends_when_refused_unanswered_or_closed() {
    let begin = || {
        let mut stage = stage();
        stage.command(1, &open(&[BTC]));
        stage.stream_opened(1);
        stage
    };
    let mut stage = begin();
    let actions = stage.frame(1, br#"{"error":{"code":2,"msg":"Invalid request"},"id":1}"#);
    assert_eq!(statuses(&actions), [SessionStatus::Down]);
    assert!(matches!(outcome(&actions, 1), Some(Outcome::Rejected(_))));
    assert!(actions.iter().any(|a| matches!(a, Action::Close { stream: 1, .. })));

    let mut stage = begin();
    stage.pass_ms(10_000);
    let actions = stage.timer(4 + 2);
    assert_eq!(statuses(&actions), [SessionStatus::Down]);
    assert!(outcome(&actions, 1).unwrap().is_unknown());

    let mut stage = begin();
    let actions = stage.stream_closed(1, 1006, "reset");
    assert_eq!(statuses(&actions), [SessionStatus::Down]);
    assert!(outcome(&actions, 1).unwrap().is_unknown());
    assert!(!actions.iter().any(|a| matches!(a, Action::Close { .. })));

    let mut stage = live();
    let actions = stage.stream_closed(1, 1006, "");
    assert_eq!(
        (statuses(&actions), outcome(&actions, 1)),
        (vec![SessionStatus::Down], None)
    );
    let again = stage.command(9, &open(&[BTC]));
    assert!(matches!(again.as_slice(), [Action::Open { stream: 2, .. }]));
}

#[test]
fn a_depth_update_becomes_a_change_of_the_book() {
    let mut stage = live();
    let actions = stage.frame(1, br#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":157,"u":160,"b":[["61737.63000000","0.00000000"]],"a":[["61837.64000000","1.54698000"],["61839.85","2"]]}}"#);
    assert_eq!(
        actions,
        [Action::Book {
            instrument: 1,
            flags: 2,
            ids: (157, 160, 0),
            exchange_ns: 1_723_161_255_208_000_000,
            exponents: (-8, -8),
            bids: vec![Level {
                price: 6_173_763_000_000,
                quantity: 0
            }],
            asks: vec![
                Level {
                    price: 6_183_764_000_000,
                    quantity: 154_698_000
                },
                Level {
                    price: 6_183_985_000_000,
                    quantity: 200_000_000
                },
            ],
        }]
    );
}

#[test]
fn the_order_of_members_does_not_matter() {
    let usual = live().frame(1, br#"{"stream":"btcusdt@depth@100ms","data":{"E":1723161255208,"s":"BTCUSDT","U":157,"u":160,"b":[["1","2"]],"a":[["3","4"]]}}"#);
    let odd = live().frame(1, br#"{ "data" : {"a":[["3","4"]],"b":[["1","2"]],"u":160,"x":{"y":[1]},"U":157,"s":"\u0042TCUSDT","E":1723161255208} , "stream" : "btcusdt@depth@100ms"}"#);
    assert_eq!(usual, odd);
    let usual = live().frame(1, br#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":5,"p":"1.5","q":"2","T":1723161255208123,"m":true,"M":true}}"#);
    let odd = live().frame(
        1,
        br#"{"data":{"p":"1.5","m":true,"q":2,"T":1723161255208123,"t":5,"s":"BTCUSDT"},"stream":"btcusdt@trade"}"#,
    );
    assert_eq!(usual, odd);
    let [Action::Trades { trades, .. }] = usual.as_slice() else {
        panic!("{usual:?}")
    };
    assert_eq!(
        (trades[0].flags, trades[0].exchange_ns),
        (trade_flag::TAKER_SELL, 1_723_161_255_208_123_000)
    );
    assert_eq!(trades[0].id.as_str(), "5");
}

#[test]
fn a_book_ticker_is_the_top_of_the_book() {
    let actions = live().frame(1, br#"{"stream":"btcusdt@bookTicker","data":{"u":400900217,"s":"BTCUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}}"#);
    let [Action::Top(top)] = actions.as_slice() else {
        panic!("{actions:?}")
    };
    assert_eq!(
        (top.update_id, top.bid.price, top.ask.quantity),
        (400_900_217, 2_535_190_000, 4_066_000_000)
    );
}

#[test]
fn what_is_not_ours_is_of_no_interest() {
    for frame in [
        &br#"{"stream":"xrpusdt@trade","data":{"e":"trade","s":"XRPUSDT","t":5,"p":"1.5","q":"2","T":1,"m":true}}"#[..],
        br#"{"stream":"btcusdt@kline_1m","data":{"e":"kline","s":"BTCUSDT","k":{}}}"#,
    ] {
        assert!(live().frame(1, frame).is_empty());
    }
}

#[test]
fn a_shutdown_is_told() {
    let actions = live().frame(
        1,
        br#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}"#,
    );
    let notice = only!(actions, Notice);
    assert_eq!(notice.kind, NoticeKind::Shutdown { session: 1 });
}

const DEPTH: &[u8] = br#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":157,"u":160,"b":[["61737.63000000","0.00000000"]],"a":[["61837.64000000","1.54698000"]]}}"#;

#[test]
fn a_frame_that_cannot_be_read_puts_its_book_in_doubt() {
    let depth = String::from_utf8_lossy(DEPTH).into_owned();
    for (frame, instrument) in [
        (depth.replace("61837.64000000", "61837.640000001"), Some(BTC)),
        (depth.replace("61837.64000000", "99999999999999"), Some(BTC)),
        (depth.replace("\"u\":160,", ""), Some(BTC)),
        (depth.replace("\"1.54698000\"]]", "\"1.54698000\""), Some(BTC)),
        (depth.replace("\"s\":\"BTCUSDT\",", ""), None),
        ("{}".to_owned(), None),
        ("not JSON".to_owned(), None),
        (depth[..40].to_owned(), None),
    ] {
        let actions = live().frame(1, frame.as_bytes());
        let notice = only!(actions, Notice);
        assert_eq!(
            notice.kind,
            NoticeKind::Unreadable { session: 1, instrument },
            "{frame}"
        );
        assert_eq!(actions.len(), 1, "nothing of it is emitted");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        live().frame(1, &bytes);
    }

    #[test]
    fn damaged_frames_are_read_or_refused(at in 0..DEPTH.len(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut frame = DEPTH.to_vec();
        if cut { frame.truncate(at); } else { frame[at] = byte; }
        let readable = serde_json::from_slice::<serde_json::Value>(&frame).is_ok();
        let actions = live().frame(1, &frame);
        let emitted = actions.iter().any(|a| matches!(a, Action::Book { .. }));
        prop_assert!(readable || !emitted, "a frame that is not JSON has moved the book");
    }
}
