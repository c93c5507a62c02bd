//! Market sessions: their two streams, and the frames that follow.

use colibri_sdk::abi::{Level, trade_flag};
use colibri_sdk::standard::{
    Channel, Command, ConnectorConfig, Event, NoticeKind, OpenSession, Outcome, SessionRole, SessionStatus,
    Subscription, UpdateSession,
};
use colibri_sdk::testing::{Action, Stage, events, outcome};
use proptest::prelude::*;

use crate::stage::{BTC, ETH, config, only, stage, stage_of};

fn open(channels: &[Channel]) -> Command {
    Command::OpenSession(OpenSession {
        session: 1,
        role: SessionRole::Market,
        subscriptions: vec![Subscription {
            instrument: BTC,
            channels: channels.to_vec(),
        }],
    })
}

fn statuses(actions: &[Action]) -> Vec<SessionStatus> {
    let status = |e| match e {
        Event::Session(session) => Some(session.status),
        _ => None,
    };
    events(actions).into_iter().filter_map(status).collect()
}

fn opened(actions: &[Action]) -> Vec<(u32, String)> {
    let of = |a: &Action| match a {
        Action::Open { stream, url, .. } => Some((*stream, url.clone())),
        _ => None,
    };
    actions.iter().filter_map(of).collect()
}

fn sent(actions: &[Action]) -> Vec<String> {
    let of = |a: &Action| match a {
        Action::Send { frame, .. } => Some(frame.clone()),
        _ => None,
    };
    actions.iter().filter_map(of).collect()
}

/// A live session of everything: books on stream 1, the rest on stream 2.
fn live() -> Stage {
    let mut stage = stage();
    stage.command(1, &open(Channel::PERP));
    stage.stream_opened(1);
    stage.stream_opened(2);
    assert!(
        outcome(&stage.frame(1, br#"{"result":null,"id":1}"#), 1).is_none(),
        "one of two"
    );
    let actions = stage.frame(2, br#"{"result":null,"id":2}"#);
    assert_eq!(statuses(&actions), [SessionStatus::Live]);
    assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
    stage
}

#[test]
fn books_and_the_rest_have_a_route_each() {
    let mut stage = stage();
    let actions = stage.command(1, &open(Channel::PERP));
    assert_eq!(
        opened(&actions),
        [
            (1, "wss://fstream.binance.com/public/stream".to_owned()),
            (2, "wss://fstream.binance.com/market/stream".to_owned())
        ]
    );
    assert_eq!(
        sent(&stage.stream_opened(1)),
        [r#"{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms","btcusdt@bookTicker"],"id":1}"#]
    );
    assert_eq!(
        sent(&stage.stream_opened(2)),
        [r#"{"method":"SUBSCRIBE","params":["btcusdt@aggTrade","btcusdt@markPrice@1s"],"id":2}"#]
    );
}

#[test]
fn a_route_of_which_nothing_is_wanted_is_not_opened() {
    for (channels, route) in [
        (&[Channel::Book, Channel::Top][..], "/public/stream"),
        (&[Channel::Trades], "/market/stream"),
        (&[Channel::FundingRate], "/market/stream"),
    ] {
        let opened = opened(&stage().command(1, &open(channels)));
        assert_eq!(opened, [(1, format!("wss://fstream.binance.com{route}"))]);
    }
}

fn update(add: &[(colibri_sdk::model::InstrumentId, Channel)], remove: &[Channel]) -> Command {
    let of = |instrument, channel| Subscription {
        instrument,
        channels: vec![channel],
    };
    Command::UpdateSession(UpdateSession {
        session: 1,
        add: add.iter().map(|(i, c)| of(*i, *c)).collect(),
        remove: remove.iter().map(|c| of(BTC, *c)).collect(),
    })
}

#[test]
fn what_changes_goes_to_its_route_and_one_that_is_not_open_needs_another_session() {
    let mut stage = live();
    let sends = |actions: &[Action]| -> Vec<(u32, String)> {
        let of = |a: &Action| match a {
            Action::Send { stream, frame, .. } => Some((*stream, frame.clone())),
            _ => None,
        };
        actions.iter().filter_map(of).collect()
    };
    let actions = stage.command(
        2,
        &update(&[(ETH, Channel::Top), (ETH, Channel::Trades)], &[Channel::Book]),
    );
    assert_eq!(
        sends(&actions),
        [
            (
                1,
                r#"{"method":"UNSUBSCRIBE","params":["btcusdt@depth@100ms"],"id":3}"#.to_owned()
            ),
            (
                1,
                r#"{"method":"SUBSCRIBE","params":["ethusdt@bookTicker"],"id":4}"#.to_owned()
            ),
            (
                2,
                r#"{"method":"SUBSCRIBE","params":["ethusdt@aggTrade"],"id":5}"#.to_owned()
            ),
        ]
    );
    let mut books = crate::stage::stage();
    books.command(1, &open(&[Channel::Book]));
    books.stream_opened(1);
    books.frame(1, br#"{"result":null,"id":1}"#);
    let refused = books.command(2, &update(&[(BTC, Channel::Trades)], &[]));
    assert!(matches!(outcome(&refused, 2), Some(Outcome::NotSent(_))), "{refused:?}");
}

#[test]
fn mark_price_and_funding_rate_share_a_stream() {
    let mut stage = live();
    let actions = stage.command(2, &update(&[], &[Channel::MarkPrice]));
    assert_eq!((sent(&actions).len(), outcome(&actions, 2)), (0, Some(Outcome::Done)));
    let told = events(&stage.frame(2, MARK));
    assert!(matches!(told[..], [Event::FundingRate(_)]), "{told:?}");
    let actions = stage.command(3, &update(&[], &[Channel::FundingRate]));
    assert_eq!(
        sent(&actions),
        [r#"{"method":"UNSUBSCRIBE","params":["btcusdt@markPrice@1s"],"id":3}"#]
    );
    let actions = stage.command(
        4,
        &update(&[(BTC, Channel::FundingRate), (BTC, Channel::MarkPrice)], &[]),
    );
    assert_eq!(
        sent(&actions),
        [r#"{"method":"SUBSCRIBE","params":["btcusdt@markPrice@1s"],"id":4}"#]
    );
}

#[test]
fn a_later_instance_knows_the_routes() {
    let [Action::Snapshot(state)] = &live().snapshot()[..] else {
        panic!("a snapshot")
    };
    let mut later = stage_of(&ConnectorConfig {
        state: Some(serde_json::from_slice(state).unwrap()),
        ..config()
    });
    let actions = later.command(2, &update(&[(ETH, Channel::Trades)], &[]));
    let to = actions.iter().find_map(|a| match a {
        Action::Send { stream, .. } => Some(*stream),
        _ => None,
    });
    assert_eq!(to, Some(2), "{actions:?}");
}

const MARK: &[u8] = br#"{"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11794.15000000","ap":"11790.1","P":"11784.25641265","i":"11784.62659091","r":"-0.00038167","T":1562306400000,"st":1}}"#;

#[test]
fn a_mark_price_tells_the_funding_rate_too() {
    let told = events(&live().frame(2, MARK));
    let [Event::MarkPrice(mark), Event::FundingRate(funding)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(mark.instrument, BTC);
    assert_eq!(mark.price.mark.to_string(), "11794.15000000");
    assert_eq!(mark.price.index.unwrap().to_string(), "11784.62659091");
    assert_eq!(mark.exchange_time.unwrap().as_millis(), 1_562_305_380_000);
    assert_eq!(funding.funding.rate.to_string(), "-0.00038167");
    assert_eq!(funding.funding.next_time.unwrap().as_millis(), 1_562_306_400_000);
    // A contract that is delivered has none.
    let delivered = String::from_utf8_lossy(MARK).replace(r#""r":"-0.00038167","T":1562306400000"#, r#""r":"","T":0"#);
    let told = events(&live().frame(2, delivered.as_bytes()));
    assert!(matches!(told[..], [Event::MarkPrice(_)]), "{told:?}");
}

const DEPTH: &str = r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255208,"T":1723161255200,"s":"BTCUSDT","U":157,"u":160,"pu":149,"b":[["61737.60","0.000"]],"a":[["61837.60","1.546"]]}}"#;

#[test]
fn a_depth_update_names_the_one_before() {
    let expected = [Action::Book {
        instrument: 1,
        flags: 2 | 4,
        ids: (157, 160, 149),
        exchange_ns: 1_723_161_255_208_000_000,
        exponents: (-8, -8),
        bids: vec![Level {
            price: 6_173_760_000_000,
            quantity: 0,
        }],
        asks: vec![Level {
            price: 6_183_760_000_000,
            quantity: 154_600_000,
        }],
    }];
    for frame in [
        DEPTH.to_owned(),
        // With the members of 2026, by the fast way.
        DEPTH
            .replace(r#""BTCUSDT","#, r#""BTCUSDT","ps":"BTCUSDT","#)
            .replace("]]}}", r#"]],"st":1}}"#),
        // Out of order, escaped, spaced.
        DEPTH
            .replace(r#""e":"depthUpdate","#, "")
            .replace(r#""U":157,"#, "")
            .replace("]]}}", r#"]] , "U":157}}"#),
        DEPTH.replace("\"BTCUSDT\"", "\"\\u0042TCUSDT\""),
        // Of another pace; alone, as a recording has it.
        DEPTH.replace("depth@100ms", "depth@500ms"),
        DEPTH
            .split_once("\"data\":")
            .unwrap()
            .1
            .strip_suffix('}')
            .unwrap()
            .to_owned(),
    ] {
        let actions = live().frame(1, frame.as_bytes());
        assert_eq!(actions, expected, "{frame}");
    }
}

#[test]
fn trades_are_told_by_either_stream() {
    let aggregate = br#"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1723161255300,"a":5933014,"s":"BTCUSDT","p":"61800.30","q":"0.006","nq":"0.006","f":100,"l":105,"T":1723161255200,"m":true,"st":1}}"#;
    let documented = br#"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1723161255300,"s":"BTCUSDT","a":5933014,"p":"61800.30","q":"0.006","f":100,"l":105,"T":1723161255200,"m":true}}"#;
    let single = br#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255300,"T":1723161255200,"s":"BTCUSDT","t":5933014,"p":"61800.30","q":"0.006","X":"MARKET","m":true}}"#;
    let odd = br#" {"data":{"m":true,"T":1723161255200,"q":0.006,"p":"61800.30","a":5933014,"s":"BTCUSDT"},"stream":"btcusdt@aggTrade"}"#;
    let told = live().frame(2, aggregate);
    let [Action::Trades { trades, .. }] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(
        (trades[0].id.as_str(), trades[0].flags),
        ("5933014", trade_flag::TAKER_SELL)
    );
    assert_eq!((trades[0].price, trades[0].quantity), (6_180_030_000_000, 600_000));
    assert_eq!(trades[0].exchange_ns, 1_723_161_255_200_000_000);
    for same in [&documented[..], single, odd] {
        assert_eq!(live().frame(2, same), told);
    }
    // Of the insurance fund, or of auto-deleveraging.
    let fund = String::from_utf8_lossy(single).replace("MARKET", "INSURANCE_FUND");
    assert!(live().frame(2, fund.as_bytes()).is_empty());
}

#[test]
fn a_book_ticker_has_its_time() {
    for frame in [
        r#"{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":400900217,"s":"BTCUSDT","b":"25.35","B":"31.21","a":"25.36","A":"40.66","T":1568014460891,"E":1568014460893}}"#,
        r#"{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":400900217,"s":"BTCUSDT","ps":"BTCUSDT","b":"25.35","B":"31.21","a":"25.36","A":"40.66","T":1568014460891,"E":1568014460893,"st":1}}"#,
        r#"{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":400900217,"E":1568014460893,"T":1568014460891,"s":"BTCUSDT","b":"25.35","B":"31.21","a":"25.36","A":"40.66"}}"#,
        r#"{"e":"bookTicker","u":400900217,"s":"BTCUSDT","b":"25.35","B":"31.21","a":"25.36","A":"40.66","T":1568014460891,"E":1568014460893}"#,
    ] {
        let actions = live().frame(1, frame.as_bytes());
        let [Action::Top(top)] = actions.as_slice() else {
            panic!("{frame} {actions:?}")
        };
        assert_eq!(
            (top.update_id, top.bid.price, top.ask.quantity, top.exchange_ns),
            (400_900_217, 2_535_000_000, 4_066_000_000, 1_568_014_460_893_000_000)
        );
    }
}

#[test]
fn what_is_not_ours_is_of_no_interest() {
    for frame in [
        r#"{"stream":"xrpusdt@aggTrade","data":{"e":"aggTrade","s":"XRPUSDT","a":5,"p":"1.5","q":"2","T":1,"m":true}}"#,
        r#"{"stream":"btcusd_perp@depth@100ms","data":{"e":"depthUpdate","s":"BTCUSD_PERP","st":2}}"#,
        r#"{"stream":"btcusdt@forceOrder","data":{"e":"forceOrder","o":{}}}"#,
        r#"{"stream":"btcusdt@depth5@100ms","data":{"e":"depthUpdate","s":"BTCUSDT"}}"#,
        r#"{"stream":"!markPrice@arr","data":[]}"#,
    ] {
        assert!(live().frame(2, frame.as_bytes()).is_empty(), "{frame}");
    }
}

#[test]
fn a_frame_that_cannot_be_read_puts_its_book_in_doubt() {
    for (frame, instrument) in [
        (DEPTH.replace("61837.60", "61837.600000001"), Some(BTC)),
        (DEPTH.replace("61837.60", "99999999999999"), Some(BTC)),
        (DEPTH.replace("\"pu\":149,", ""), Some(BTC)),
        (DEPTH.replace("\"u\":160,", ""), Some(BTC)),
        (DEPTH.replace("\"pu\":149", "\"pu\":99999999999999999999"), Some(BTC)),
        (DEPTH.replace("\"1.546\"]]", "\"1.546\""), Some(BTC)),
        (DEPTH.replace("\"s\":\"BTCUSDT\",", ""), None),
        ("not JSON".to_owned(), None),
        (DEPTH[..40].to_owned(), None),
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
    fn damaged_frames_are_read_alike_by_both_ways(at in 0..DEPTH.len(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut frame = DEPTH.as_bytes().to_vec();
        if cut {
            frame.truncate(at);
        } else {
            frame[at] = byte;
        }
        let readable = serde_json::from_slice::<serde_json::Value>(&frame).is_ok();
        let actions = live().frame(1, &frame);
        let is_book = |a: &Action| matches!(a, Action::Book { .. });
        prop_assert!(readable || !actions.iter().any(is_book), "a frame that is not JSON has moved the book");
        // A space closes the fast way.
        let careful = live().frame(1, &[b" ", &frame[..]].concat());
        if actions.iter().any(is_book) || careful.iter().any(is_book) {
            prop_assert_eq!(actions, careful);
        }
    }
}
