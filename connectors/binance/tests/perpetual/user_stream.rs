//! User sessions: the listen key, and the events that follow.

use colibri_sdk::model::{
    CollateralMode, FillCause, Liquidity, MarginMode, OrderType, PositionEffect, PositionSide, TimeInForce,
};
use colibri_sdk::standard::{
    BalanceScope, Command, Event, NoticeKind, OrderStatus, Outcome, PositionScope, RejectReason, RenewSession,
    ReportSource, SessionStatus,
};
use colibri_sdk::testing::{Action, events, outcome};

use crate::stage::{BTC, asked, config, only, opening, stage, stage_of, user};

#[test]
fn a_session_opens_by_its_listen_key() {
    let mut stage = stage();
    let actions = opening(&mut stage);
    let key = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1";
    let asked = actions.iter().find_map(|a| match a {
        Action::Request {
            endpoint, url, headers, ..
        } => Some((endpoint.as_str(), url.as_str(), headers.as_slice())),
        _ => None,
    });
    let header = ("X-MBX-APIKEY".to_owned(), "KEY1".to_owned());
    assert_eq!(
        asked,
        Some((
            "listen_key",
            "https://fapi.binance.com/fapi/v1/listenKey",
            &[header][..]
        ))
    );
    assert!(
        actions
            .iter()
            .any(|a| matches!(a, Action::Open { stream: 1, endpoint, url, .. }
        if endpoint == "user_stream" && *url == format!("wss://fstream.binance.com/private/ws/{key}")))
    );
    let opened = stage.stream_opened(1);
    assert!(matches!(events(&opened).last(), Some(Event::Session(s)) if s.status == SessionStatus::Live));
    assert_eq!(outcome(&opened, 1), Some(Outcome::Done));
}

#[test]
fn a_key_that_is_no_name_opens_nothing() {
    for body in [&br#"{"listenKey":"a/../b"}"#[..], br#"{"listenKey":""}"#, b"{}"] {
        let mut stage = stage();
        let command = Command::OpenSession(colibri_sdk::standard::OpenSession {
            session: 2,
            role: colibri_sdk::standard::SessionRole::User,
            subscriptions: Vec::new(),
        });
        let actions = stage.ask(1, &command, 200, body);
        assert!(outcome(&actions, 1).unwrap().is_unknown());
        assert!(!actions.iter().any(|a| matches!(a, Action::Open { .. })));
    }
}

#[test]
fn a_session_is_renewed_and_refused_where_its_key_is_gone() {
    let renew = Command::RenewSession(RenewSession { session: 2 });
    let refused = stage().command(5, &renew);
    assert!(matches!(outcome(&refused, 5), Some(Outcome::NotSent(r)) if r.reason == RejectReason::NotConnected));
    let mut stage = user();
    let (endpoint, url) = asked(&mut stage, 5, &renew);
    assert_eq!(
        (endpoint.as_str(), url.as_str()),
        ("renew_listen_key", "/fapi/v1/listenKey")
    );
    assert_eq!(outcome(&stage.response(5, 200, b"{}"), 5), Some(Outcome::Done));
    let gone = stage.ask(
        6,
        &renew,
        400,
        br#"{"code":-1125,"msg":"This listenKey does not exist."}"#,
    );
    assert!(matches!(outcome(&gone, 6), Some(Outcome::Rejected(_))));
    assert!(outcome(&stage.ask(7, &renew, 503, b""), 7).unwrap().is_unknown());
}

#[test]
fn a_key_that_has_run_out_ends_the_session() {
    let actions = user().frame(1, br#"{"e":"listenKeyExpired","E":1699596037418,"listenKey":"pqia"}"#);
    let session = only!(actions, Session);
    assert_eq!((session.session, session.status), (2, SessionStatus::Down));
    assert!(actions.iter().any(|a| matches!(a, Action::Close { stream: 1, .. })));
}

const TRADE: &str = r#"{"e":"ORDER_TRADE_UPDATE","E":1568879465651,"T":1568879465650,"o":{"s":"BTCUSDT","c":"x-C1","S":"SELL",
    "o":"LIMIT","f":"GTC","q":"0.010","p":"9910","ap":"9910.5","sp":"0","x":"TRADE","X":"PARTIALLY_FILLED","i":8886774,"l":"0.003",
    "z":"0.005","L":"9911","n":"0.0118","N":"USDT","T":1568879465649,"t":28457,"b":"0","a":"9.91","m":true,"R":true,
    "wt":"CONTRACT_PRICE","ot":"LIMIT","ps":"LONG","cp":false,"pP":false,"si":0,"ss":0,"rp":"-12.5","V":"EXPIRE_MAKER","pm":"NONE",
    "gtd":0,"er":"0"}}"#;

fn told(replacements: &[(&str, &str)]) -> Vec<Event> {
    let mut frame = TRADE.to_owned();
    for (from, to) in replacements {
        assert!(frame.contains(from), "{from}");
        frame = frame.replace(from, to);
    }
    events(&user().frame(1, frame.as_bytes()))
}

#[test]
fn a_trade_is_a_fill_and_then_the_order() {
    let told = told(&[]);
    let [Event::Fill(fill), Event::Order(order)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(
        (fill.trade_id.as_str(), fill.price.to_string()),
        ("28457", "9911".to_owned())
    );
    assert_eq!(
        (fill.quantity.to_string(), fill.position_side),
        ("0.003".to_owned(), PositionSide::Long)
    );
    assert_eq!(
        (fill.liquidity, fill.source),
        (Some(Liquidity::Maker), ReportSource::Stream)
    );
    let fee = fill.fee.as_ref().unwrap();
    assert_eq!(
        (fee.asset.as_str(), fee.amount.to_string()),
        ("USDT", "0.0118".to_owned())
    );
    assert_eq!(
        (fill.realized.unwrap().to_string(), fill.cause),
        ("-12.5".to_owned(), FillCause::Order)
    );
    assert_eq!(fill.exchange_time.unwrap().as_millis(), 1_568_879_465_649);
    assert_eq!(
        (order.instrument, order.status.clone()),
        (Some(BTC), OrderStatus::PartiallyFilled)
    );
    assert_eq!(order.filled.unwrap().to_string(), "0.005");
    let terms = order.terms.unwrap();
    assert_eq!(
        (terms.position_side, terms.effect),
        (PositionSide::Long, PositionEffect::ReduceOnly)
    );
    assert_eq!(order.reason, None);
}

#[test]
fn every_execution_is_told() {
    let order = |replacements: &[(&str, &str)]| {
        let told = told(replacements);
        let [Event::Order(order)] = told.as_slice() else {
            panic!("{told:?}")
        };
        order.clone()
    };
    let new = [
        (r#""x":"TRADE","X":"PARTIALLY_FILLED""#, r#""x":"NEW","X":"NEW""#),
        (r#""z":"0.005""#, r#""z":"0""#),
    ];
    assert_eq!(order(&new).status, OrderStatus::Open);
    let maker = order(&[new[0], new[1], (r#""f":"GTC""#, r#""f":"GTX""#)]);
    assert_eq!(
        (maker.order_type, maker.time_in_force),
        (Some(OrderType::LimitMaker), Some(TimeInForce::Gtc))
    );
    // An order that was amended reports NEW; its counter says what was filled.
    let amended = order(&[(r#""x":"TRADE","X":"PARTIALLY_FILLED""#, r#""x":"AMENDMENT","X":"NEW""#)]);
    assert_eq!(amended.status, OrderStatus::PartiallyFilled);
    // Not traded: no commission.
    let expired = order(&[
        (
            r#""x":"TRADE","X":"PARTIALLY_FILLED""#,
            r#""x":"EXPIRED","X":"EXPIRED""#,
        ),
        (r#""n":"0.0118","N":"USDT","#, ""),
        (r#""er":"0""#, r#""er":5"#),
    ]);
    assert_eq!(expired.status, OrderStatus::Expired);
    assert!(expired.reason.is_some_and(|why| why.contains("liquidated")));
    let unknown = order(&[
        (r#""x":"TRADE","X":"PARTIALLY_FILLED""#, r#""x":"DANCE","X":"DANCING""#),
        ("BTCUSDT", "FOREIGN"),
    ]);
    assert_eq!(
        (unknown.status, unknown.instrument),
        (OrderStatus::Other("DANCING".to_owned()), None)
    );
    // A trade without a number is asked for: the counter has it.
    assert_eq!(
        order(&[(r#""t":28457"#, r#""t":0"#)]).filled.unwrap().to_string(),
        "0.005"
    );
    let no_fee = told(&[(r#""n":"0.0118","N":"USDT","#, r#""n":"0","N":null,"#)]);
    assert!(matches!(&no_fee[0], Event::Fill(f) if f.fee.is_none()));
}

#[test]
fn what_the_exchange_does_by_itself_is_told_once_as_forced() {
    let mut stage = user();
    let frame = TRADE.replace("x-C1", "autoclose-1568879465").replace(
        r#""x":"TRADE","X":"PARTIALLY_FILLED""#,
        r#""x":"CALCULATED","X":"FILLED""#,
    );
    let told = events(&stage.frame(1, frame.as_bytes()));
    let [Event::Forced(forced), Event::Fill(fill), Event::Order(order)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(forced.cause, FillCause::Liquidation);
    assert_eq!(
        (forced.position_side, forced.source),
        (PositionSide::Long, ReportSource::Stream)
    );
    assert_eq!(
        (fill.cause, order.cause),
        (FillCause::Liquidation, FillCause::Liquidation)
    );
    let again = events(&stage.frame(1, frame.as_bytes()));
    assert!(matches!(again[..], [Event::Fill(_), Event::Order(_)]), "{again:?}");
    // A later instance goes on from there.
    let [Action::Snapshot(state)] = &stage.snapshot()[..] else {
        panic!("a snapshot")
    };
    let mut later = stage_of(&colibri_sdk::standard::ConnectorConfig {
        state: Some(serde_json::from_slice(state).unwrap()),
        ..config()
    });
    let told = events(&later.frame(1, frame.as_bytes()));
    assert!(matches!(told[..], [Event::Fill(_), Event::Order(_)]), "{told:?}");
    for (id, cause) in [
        ("adl_autoclose", FillCause::Adl),
        ("settlement_autoclose-15", FillCause::Settlement),
    ] {
        let told = events(&user().frame(1, TRADE.replace("x-C1", id).as_bytes()));
        assert!(matches!(&told[0], Event::Forced(f) if f.cause == cause), "{told:?}");
    }
}

#[test]
fn balances_and_positions_that_changed_are_told() {
    let frame = br#"{"e":"ACCOUNT_UPDATE","E":1564745798939,"T":1564745798938,"a":{"m":"ORDER","B":[
        {"a":"USDT","wb":"122624.12345678","cw":"100.12345678","bc":"50.5"},{"a":"BNFCR","wb":"1","cw":"2","bc":"0"}],
        "P":[{"s":"BTCUSDT","pa":"0","ep":"0.00000","bep":"0","cr":"200","up":"0","mt":"isolated","iw":"0.00000000","ps":"BOTH"},
        {"s":"ETHUSDT","pa":"-10","ep":"6563.86","bep":"6563.6","cr":"-45.04","up":"-1423.15","mt":"isolated","iw":"6570.42","ps":"SHORT"},
        {"s":"XRPUSDT","pa":"20","ep":"6563.66","cr":"0","up":"2850.2","mt":"cross","iw":"0","ps":"LONG"}]}}"#;
    let told = events(&user().frame(1, frame));
    let [Event::Balances(balances), Event::Positions(positions)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(
        (balances.scope, balances.source),
        (BalanceScope::Changed, ReportSource::Stream)
    );
    let first = &balances.balances[0];
    assert_eq!(
        (first.free.to_string(), first.locked.to_string()),
        ("100.12345678".to_owned(), "122524.00000000".to_owned())
    );
    assert_eq!(
        balances.balances[1].free.to_string(),
        "1",
        "never more than the wallet holds"
    );
    assert_eq!(
        (positions.scope, positions.positions.len()),
        (PositionScope::Changed, 3)
    );
    let [flat, short, long] = [0, 1, 2].map(|n| &positions.positions[n].position);
    assert_eq!(
        (flat.side, flat.entry_price, flat.realized.unwrap().to_string()),
        (PositionSide::Net, None, "200".to_owned())
    );
    assert_eq!(
        (short.side, short.quantity.to_string()),
        (PositionSide::Short, "-10".to_owned())
    );
    assert_eq!(
        (short.margin_mode, short.isolated_margin.unwrap().to_string()),
        (Some(MarginMode::Isolated), "6570.42".to_owned())
    );
    assert_eq!(
        (long.margin_mode, long.isolated_margin),
        (Some(MarginMode::Cross), None)
    );
}

#[test]
fn transfers_and_funding_are_told_as_such() {
    let frame = |reason: &str, rest: &str| {
        format!(
            r#"{{"e":"ACCOUNT_UPDATE","E":1564745798939,"T":1564745798938,"a":{{"m":"{reason}","B":[{{"a":"USDT","wb":"90","cw":"80","bc":"-10"}}]{rest}}}}}"#
        )
    };
    let told = |reason: &str, rest: &str| events(&user().frame(1, frame(reason, rest).as_bytes()));
    for reason in [
        "DEPOSIT",
        "WITHDRAW",
        "ASSET_TRANSFER",
        "COIN_SWAP_DEPOSIT",
        "SOMETHING_NEW",
    ] {
        let told = told(reason, "");
        assert!(
            matches!(&told[..], [Event::BalanceChange(c), Event::Balances(_)] if c.change.to_string() == "-10"),
            "{told:?}"
        );
    }
    for reason in ["ORDER", "MARGIN_TRANSFER", "MARGIN_TYPE_CHANGE"] {
        assert!(matches!(told(reason, "")[..], [Event::Balances(_)]));
    }
    let cross = told("FUNDING_FEE", r#","S":"BTCUSDT""#);
    let [Event::FundingPayment(payment), Event::Balances(_)] = cross.as_slice() else {
        panic!("{cross:?}")
    };
    assert_eq!(
        (payment.instrument, payment.symbol.as_str(), &payment.id),
        (Some(BTC), "BTCUSDT", &None)
    );
    assert_eq!(
        (payment.asset.as_str(), payment.amount.to_string()),
        ("USDT", "-10".to_owned())
    );
    assert_eq!(payment.source, ReportSource::Stream);
    // Before it named its instrument.
    let unnamed = told("FUNDING_FEE", "");
    assert!(matches!(&unnamed[0], Event::FundingPayment(p) if p.symbol.is_empty() && p.instrument.is_none()));
    let isolated = told(
        "FUNDING_FEE",
        r#","P":[{"s":"ETHUSDT","pa":"2","ep":"1","cr":"0","up":"0","mt":"isolated","iw":"5","ps":"LONG"}]"#,
    );
    assert!(
        matches!(&isolated[0], Event::FundingPayment(p) if p.symbol == "ETHUSDT" && p.position_side == PositionSide::Long)
    );
    assert!(matches!(isolated[2], Event::Positions(_)));
}

#[test]
fn settings_and_warnings_are_told() {
    let leverage = only!(
        user().frame(
            1,
            br#"{"e":"ACCOUNT_CONFIG_UPDATE","E":1611646737479,"T":1611646737476,"ac":{"s":"BTCUSDT","l":25}}"#
        ),
        Settings
    );
    assert_eq!(leverage.source, ReportSource::Stream);
    assert_eq!(
        (
            leverage.instruments[0].instrument,
            leverage.instruments[0].leverage.unwrap().to_string()
        ),
        (Some(BTC), "25".to_owned())
    );
    let mode = only!(
        user().frame(1, br#"{"stream":"key","data":{"e":"ACCOUNT_CONFIG_UPDATE","E":1611646737479,"T":1611646737476,"ai":{"j":true}}}"#),
        Settings
    );
    assert_eq!(
        (mode.collateral_mode, mode.instruments.len()),
        (Some(CollateralMode::MultiAsset), 0)
    );
    let call = only!(
        user().frame(1, br#"{"e":"MARGIN_CALL","E":1587727187525,"cw":"3.16812045","p":[{"s":"BTCUSDT","ps":"LONG","pa":"1.327","mt":"CROSSED","iw":"0","mp":"187.17127","up":"-1.166074","mm":"1.614445"}]}"#),
        MarginCall
    );
    assert_eq!(call.cross_wallet.unwrap().to_string(), "3.16812045");
    let position = &call.positions[0].position;
    assert_eq!(
        (position.side, position.margin_mode),
        (PositionSide::Long, Some(MarginMode::Cross))
    );
    assert_eq!(
        (
            position.mark_price.unwrap().to_string(),
            position.maintenance_margin.unwrap().to_string()
        ),
        ("187.17127".to_owned(), "1.614445".to_owned())
    );
}

#[test]
fn copies_and_unknown_kinds_are_passed_over() {
    for frame in [
        r#"{"e":"TRADE_LITE","E":1721895408092,"T":1721895408214,"s":"BTCUSDT","q":"0.001","p":"0","m":false,"c":"z8h","S":"BUY","L":"64089.20","l":"0.040","t":109100866,"i":8886774}"#,
        r#"{"e":"STRATEGY_UPDATE","T":1669261797627,"E":1669261797628,"su":{"si":176054594}}"#,
        r#"{"e":"GRID_UPDATE","gu":{}}"#,
        r#"{"e":"SOMETHING_NEW","x":[1]}"#,
        r#"{"result":null,"id":7}"#,
    ] {
        assert!(events(&user().frame(1, frame.as_bytes())).is_empty(), "{frame}");
    }
}

#[test]
fn an_event_that_cannot_be_read_is_told() {
    for frame in [
        TRADE.replace(r#""S":"SELL""#, r#""S":"HOLD""#),
        TRADE.replace(r#""i":8886774,"#, ""),
        TRADE.replace(r#""L":"9911""#, r#""L":"x""#),
        r#"{"e":"ACCOUNT_UPDATE","T":1,"a":{"B":[{"a":"USDT"}]}}"#.to_owned(),
        "{}".to_owned(),
        "[1".to_owned(),
        r#"{"e":5}"#.to_owned(),
    ] {
        let notice = only!(user().frame(1, frame.as_bytes()), Notice);
        let kind = NoticeKind::Unreadable {
            session: 2,
            instrument: None,
        };
        assert_eq!(notice.kind, kind, "{frame}");
    }
}
