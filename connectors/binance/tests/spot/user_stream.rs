//! User sessions: login by both kinds of key, and the events that follow.

use colibri_sdk::model::{ClientOrderId, Liquidity, WallNs};
use colibri_sdk::standard::{
    BalanceScope, Command, Event, KeyKind, NoticeKind, OpenSession, OrderEvent, OrderStatus, Outcome, SessionRole,
    SessionStatus,
};
use colibri_sdk::testing::{Action, Stage, events, outcome};

use crate::stage::{BTC, only, stage_with};

fn opening(kind: KeyKind) -> Stage {
    let mut stage = stage_with(kind);
    let actions = stage.command(
        1,
        &Command::OpenSession(OpenSession {
            session: 2,
            role: SessionRole::User,
            subscriptions: Vec::new(),
        }),
    );
    assert!(matches!(
        actions.as_slice(),
        [Action::Open { stream: 1, session: 2, endpoint, url }]
            if endpoint == "user_stream" && url == "wss://ws-api.binance.com:443/ws-api/v3?timeUnit=MICROSECOND"
    ));
    stage
}

fn live() -> Stage {
    let mut stage = opening(KeyKind::HmacSha256);
    stage.stream_opened(1);
    stage.granted(1);
    stage.frame(1, br#"{"id":1,"status":200,"result":{"subscriptionId":0}}"#);
    stage
}

fn wanted(actions: &[Action]) -> Option<&str> {
    actions.iter().find_map(|a| match a {
        Action::Want { endpoint, .. } => Some(endpoint.as_str()),
        _ => None,
    })
}

fn sent(actions: &[Action]) -> (&str, u64, Option<&str>) {
    actions
        .iter()
        .find_map(|a| match a {
            Action::Send { frame, op, signed, .. } => {
                Some((frame.as_str(), *op, signed.first().map(|s| s.preimage.as_str())))
            }
            _ => None,
        })
        .unwrap()
}

#[test]
fn an_hmac_key_subscribes_with_a_signature() {
    let mut stage = opening(KeyKind::HmacSha256);
    let actions = stage.stream_opened(1);
    assert_eq!(wanted(&actions), Some("user_stream_subscribe_signature"));
    let actions = stage.granted(1);
    assert_eq!(
        sent(&actions),
        (
            r#"{"id":1,"method":"userDataStream.subscribe.signature","params":{"apiKey":"KEY1","timestamp":1700000000000000,"signature":"${signature}"}}"#,
            1,
            Some("apiKey=KEY1&timestamp=1700000000000000")
        )
    );
    let actions = stage.frame(
        1,
        br#"{"id":1,"status":200,"result":{"subscriptionId":0},"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000,"count":4},{"rateLimitType":"ODD","interval":"DAY","intervalNum":1,"limit":1,"count":1}]}"#,
    );
    let told = events(&actions);
    assert!(matches!(&told[0], Event::Usage(u) if u.pool == "weight" && u.used == 4 && u.limit == Some(6000)));
    assert_eq!(told.len(), 3, "subscribing and live follow: {told:?}");
    assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
}

#[test]
fn an_ed25519_key_logs_on_first() {
    let mut stage = opening(KeyKind::Ed25519);
    assert_eq!(wanted(&stage.stream_opened(1)), Some("session_logon"));
    let actions = stage.granted(1);
    assert!(sent(&actions).0.contains(r#""method":"session.logon""#));
    let actions = stage.frame(1, br#"{"id":1,"status":200,"result":{"apiKey":"KEY1"}}"#);
    assert_eq!(wanted(&actions), Some("user_stream_subscribe"));
    let actions = stage.granted(1);
    assert_eq!(
        sent(&actions),
        (r#"{"id":2,"method":"userDataStream.subscribe","params":{}}"#, 1, None)
    );
    let actions = stage.frame(1, br#"{"id":2,"status":200,"result":{"subscriptionId":0}}"#);
    assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
}

#[test]
fn a_login_that_is_refused_ends_the_session() {
    for (answer, kind) in [
        (&br#"{"id":1,"status":401,"error":{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}}"#[..], 7),
        (br#"{"id":null,"status":400,"error":{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}}"#, 8),
        (br#"{"id":1,"status":429,"error":{"code":-1003,"msg":"Too much","data":{"serverTime":1,"retryAfter":1700000005000}}}"#, 5),
        (br#"{"id":1,"status":418,"error":{"code":-1003,"msg":"Way too much; IP banned until 1700000009000."}}"#, 6),
        (br#"{"id":1,"status":500}"#, 10),
    ] {
        let mut stage = opening(KeyKind::HmacSha256);
        stage.stream_opened(1);
        stage.granted(1);
        let actions = stage.frame(1, answer);
        let end = outcome(&actions, 1).unwrap();
        assert_eq!(end.kind(), kind, "{end:?}");
        if let Outcome::Throttled { retry_after, .. } = end {
            assert_eq!(retry_after.unwrap().0, 5_000);
        }
        assert!(matches!(&events(&actions)[0], Event::Session(s) if s.status == SessionStatus::Down));
    }
}

fn execution(changes: &[(&str, &str)]) -> Vec<u8> {
    let mut text = r#"{"e":"executionReport","E":1499405658658,"s":"BTCUSDT","c":"x-C1","S":"BUY","o":"LIMIT","f":"GTC","q":"1.00000000","p":"0.10264410","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"NEW","X":"NEW","r":"NONE","i":4293153,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1499405658657,"t":-1,"I":8641984,"w":true,"m":false,"M":false,"O":1499405658657,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000","W":1499405658657,"V":"NONE"}"#.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    format!(r#"{{"subscriptionId":0,"event":{text}}}"#).into_bytes()
}

fn told(changes: &[(&str, &str)]) -> Vec<Event> {
    events(&live().frame(1, &execution(changes)))
}

fn order(changes: &[(&str, &str)]) -> OrderEvent {
    match told(changes).pop() {
        Some(Event::Order(order)) => order,
        other => panic!("{other:?}"),
    }
}

fn id(text: &str) -> Option<ClientOrderId> {
    ClientOrderId::new(text).ok()
}

#[test]
fn a_new_order_is_open() {
    let order = order(&[]);
    assert_eq!(
        (order.status, order.client_id, order.instrument),
        (OrderStatus::Open, id("x-C1"), Some(BTC))
    );
    assert_eq!(order.reason, None);
}

#[test]
fn a_trade_is_a_fill_and_the_order_s_state() {
    let told = told(&[
        (r#""x":"NEW","X":"NEW""#, r#""x":"TRADE","X":"PARTIALLY_FILLED""#),
        (
            r#""l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null"#,
            r#""l":"0.4","z":"0.5","L":"0.1","n":"0.0004","N":"BNB""#,
        ),
        (r#""t":-1"#, r#""t":77"#),
        (r#""m":false"#, r#""m":true"#),
    ]);
    let [Event::Fill(fill), Event::Order(order)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(
        (
            fill.trade_id.as_str(),
            fill.quantity.to_string(),
            fill.price.to_string()
        ),
        ("77", "0.4".to_owned(), "0.1".to_owned())
    );
    assert_eq!(fill.fee.as_ref().unwrap().asset.as_str(), "BNB");
    assert_eq!(
        (fill.liquidity, fill.client_id.clone()),
        (Some(Liquidity::Maker), id("x-C1"))
    );
    assert_eq!(
        (order.status.clone(), order.filled.unwrap().to_string()),
        (OrderStatus::PartiallyFilled, "0.5".to_owned())
    );
}

#[test]
fn a_cancel_keeps_the_order_s_own_name() {
    let order = order(&[
        (r#""c":"x-C1""#, r#""c":"of-the-cancel""#),
        (r#""C":"""#, r#""C":"x-C1""#),
        (r#""x":"NEW","X":"NEW""#, r#""x":"CANCELED","X":"CANCELED""#),
    ]);
    assert_eq!(
        (order.client_id, order.previous_client_id, order.status),
        (id("x-C1"), None, OrderStatus::Cancelled)
    );
}

#[test]
fn an_amend_tells_both_names() {
    let order = order(&[
        (r#""c":"x-C1""#, r#""c":"x-C2""#),
        (r#""C":"""#, r#""C":"x-C1""#),
        (r#""x":"NEW","X":"NEW""#, r#""x":"REPLACED","X":"NEW""#),
        (r#""z":"0.00000000""#, r#""z":"0.1""#),
    ]);
    assert_eq!((order.client_id, order.previous_client_id), (id("x-C2"), id("x-C1")));
    assert_eq!(
        order.status,
        OrderStatus::PartiallyFilled,
        "its counter says that it was filled in part"
    );
}

#[test]
fn an_expiry_has_its_reason_and_keeps_its_fills() {
    let order = order(&[
        (r#""x":"NEW","X":"NEW""#, r#""x":"EXPIRED","X":"EXPIRED""#),
        (r#""z":"0.00000000""#, r#""z":"0.3""#),
        (r#""V":"NONE""#, r#""V":"NONE","eR":"UNFILLED_IOC_QUANTITY_EXPIRED""#),
    ]);
    assert_eq!(order.status, OrderStatus::Expired);
    assert_eq!(order.filled.unwrap().to_string(), "0.3");
    assert_eq!(order.reason.as_deref(), Some("UNFILLED_IOC_QUANTITY_EXPIRED"));
}

#[test]
fn self_trade_prevention_is_no_trade() {
    let told = told(&[
        (
            r#""x":"NEW","X":"NEW""#,
            r#""x":"TRADE_PREVENTION","X":"EXPIRED_IN_MATCH""#,
        ),
        (
            r#""V":"NONE""#,
            r#""V":"EXPIRE_MAKER","v":3,"A":"1.0","B":"1.0","u":1,"U":37"#,
        ),
    ]);
    let [Event::Order(order)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(
        (order.status.clone(), order.reason.as_deref()),
        (OrderStatus::Expired, Some("TRADE_PREVENTION"))
    );
}

#[test]
fn a_rejection_has_its_reason_and_an_unknown_status_is_kept() {
    let rejected = order(&[(
        r#""x":"NEW","X":"NEW","r":"NONE""#,
        r#""x":"REJECTED","X":"REJECTED","r":"WOULD_MATCH_IMMEDIATELY""#,
    )]);
    assert_eq!(
        (rejected.status, rejected.reason.as_deref()),
        (OrderStatus::Rejected, Some("WOULD_MATCH_IMMEDIATELY"))
    );
    let odd = order(&[
        (r#""X":"NEW""#, r#""X":"SLEEPING""#),
        (r#""s":"BTCUSDT""#, r#""s":"FOREIGN""#),
    ]);
    assert_eq!(odd.status, OrderStatus::Other("SLEEPING".to_owned()));
    assert_eq!((odd.instrument, odd.symbol.as_str()), (None, "FOREIGN"));
}

#[test]
fn balances_that_changed_are_told_and_moves_are_noticed() {
    let mut stage = live();
    let actions = stage.frame(1, br#"{"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":1564034571105,"u":1564034571073,"B":[{"a":"ETH","f":"10000.000000","l":"0.000000"}]}}"#);
    let balances = only!(actions, Balances);
    assert_eq!((balances.scope, balances.balances.len()), (BalanceScope::Changed, 1));
    let frame = |kind: &str| {
        format!(
            r#"{{"subscriptionId":0,"event":{{"e":"{kind}","E":1573200697110,"a":"BTC","d":"-100.5","T":1573200697068}}}}"#
        )
    };
    let change = only!(stage.frame(1, frame("balanceUpdate").as_bytes()), BalanceChange);
    assert_eq!(
        (change.asset.as_str(), change.change.to_string().as_str()),
        ("BTC", "-100.5")
    );
    assert_eq!(change.exchange_time, Some(WallNs::from_millis(1_573_200_697_068)));
    // What another system locks stays in the account.
    let notice = only!(stage.frame(1, frame("externalLockUpdate").as_bytes()), Notice);
    let asset = "BTC".to_owned();
    assert_eq!(notice.kind, NoticeKind::BalanceMoved { asset });
}

#[test]
fn the_stream_s_end_is_told() {
    let mut stage = live();
    let notice = only!(
        stage.frame(1, br#"{"event":{"e":"serverShutdown","E":1770123456789}}"#),
        Notice
    );
    assert_eq!(notice.kind, NoticeKind::Shutdown { session: 2 });
    let actions = stage.frame(
        1,
        br#"{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1728973001334}}"#,
    );
    let session = only!(actions, Session);
    assert_eq!((session.session, session.status), (2, SessionStatus::Down));
    assert!(actions.iter().any(|a| matches!(a, Action::Close { stream: 1, .. })));
}

#[test]
fn an_event_that_cannot_be_read_is_told() {
    for frame in [
        &execution(&[(r#""S":"BUY""#, r#""S":"HOLD""#)])[..],
        b"{}",
        b"[1",
        br#"{"event":{"e":5}}"#,
    ] {
        let actions = live().frame(1, frame);
        let notice = only!(actions, Notice);
        assert_eq!(
            notice.kind,
            NoticeKind::Unreadable {
                session: 2,
                instrument: None
            }
        );
    }
    assert!(events(&live().frame(1, br#"{"event":{"e":"somethingNew"}}"#)).is_empty());
}
