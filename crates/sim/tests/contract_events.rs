//! What happens to contracts by the clock and by price: funding, triggers, liquidation, deleveraging.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;

use colibri_sim::binance::Method::{Delete, Get, Post};
use colibri_sim::config::{FlowConfig, FundingRule, RandomFlow, SimConfig};
use colibri_sim::identity::{AccountId, MarketId};
use colibri_sim::margin::PositionSide;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use support::contracts::Who::{Me, Other};
use support::contracts::{Contracts, Who, names, quiet_contracts};

const ALGO: &str = "/fapi/v1/algoOrder";

fn without_fees() -> SimConfig {
    let mut config = quiet_contracts();
    for account in &mut config.accounts {
        account.contract_fees = colibri_sim::matching::FeeRates::ZERO;
    }
    config
}

fn with_funding(seconds: u32, rate: i64) -> SimConfig {
    let mut config = without_fees();
    for market in &mut config.perpetual {
        market.funding = FundingRule {
            interval_seconds: seconds,
            fixed_rate: Some(Decimal::new(rate, 4)),
            ..FundingRule::default()
        };
    }
    config
}

#[test]
fn funding_is_paid_on_schedule_and_each_market_is_an_entry_of_its_own() {
    let mut desk = Contracts::new(&with_funding(60, 1));
    desk.trade(Me, "BUY", "0.1", "60000");
    let eth = |side: &str| format!("symbol=ETHUSDT&type=LIMIT&timeInForce=GTC&side={side}&quantity=2&price=2500");
    desk.order(Other, &eth("BUY"));
    desk.order(Me, &eth("SELL"));
    let stream = desk.listen(Me);
    let next = desk.get("/fapi/v1/premiumIndex", "symbol=BTCUSDT").1["nextFundingTime"].clone();
    desk.pass(130_000);
    // A long pays 0.6 of 6000, a short receives 0.5 of 5000, twice.
    assert_eq!(desk.wallet(Me), "9999.80000000");
    assert_eq!(desk.wallet(Other), "1000000.20000000");
    let rows = desk.ok(Me, Get, "/fapi/v1/income", "incomeType=FUNDING_FEE");
    let row = |row: &Value| (row["symbol"].clone(), row["income"].clone(), row["time"].clone());
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 4);
    assert_eq!(row(&rows[0]), (json!("BTCUSDT"), json!("-0.60000000"), next.clone()));
    assert_eq!(row(&rows[1]), (json!("ETHUSDT"), json!("0.50000000"), next));
    let mut ids: Vec<_> = rows.iter().map(|row| row["tranId"].as_u64().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    let events = desk.received(stream);
    assert_eq!(names(&events), ["ACCOUNT FUNDING_FEE"; 4]);
    let first = &events[0]["a"];
    assert_eq!(
        (&first["S"], &first["P"], &first["B"][0]["bc"]),
        (&json!("BTCUSDT"), &json!([]), &json!("-0.6"))
    );
    let rates = desk.get("/fapi/v1/fundingRate", "symbol=BTCUSDT").1;
    assert_eq!(
        (rates.as_array().unwrap().len(), &rates[0]["fundingRate"]),
        (2, &json!("0.00010000"))
    );
}

#[test]
fn an_isolated_position_pays_out_of_what_is_set_aside() {
    let mut desk = Contracts::new(&with_funding(60, 1));
    desk.ok(Me, Post, "/fapi/v1/marginType", "symbol=BTCUSDT&marginType=ISOLATED");
    desk.trade(Me, "BUY", "0.1", "60000");
    let stream = desk.listen(Me);
    desk.pass(61_000);
    let events = desk.received(stream);
    assert_eq!(events[0]["a"]["P"][0]["iw"], json!("299.40000000"));
    assert_eq!(events[0]["a"]["B"][0]["cw"], json!("9700.00000000"));
}

#[test]
fn a_stop_by_the_mark_becomes_the_order_that_ends_the_position() {
    let mut desk = Contracts::new(&without_fees());
    desk.trade(Me, "BUY", "0.3", "60000");
    desk.limit(Other, "BUY", "1", "58000");
    let stream = desk.listen(Me);
    let stop = "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=STOP_MARKET&triggerPrice=59000&workingType=MARK_PRICE\
                &closePosition=true&clientAlgoId=stop-1";
    let placed = desk.ok(Me, Post, ALGO, stop);
    assert_eq!(
        (&placed["algoStatus"], &placed["orderType"]),
        (&json!("NEW"), &json!("STOP_MARKET"))
    );
    assert_eq!(
        desk.ok(Me, Get, "/fapi/v1/openOrders", ""),
        json!([]),
        "a trigger is no order"
    );
    assert_eq!(
        desk.ok(Me, Get, "/fapi/v1/openAlgoOrders", "")[0]["algoId"],
        placed["algoId"]
    );
    desk.ok(Me, Delete, "/fapi/v1/allOpenOrders", "symbol=BTCUSDT");
    assert_eq!(desk.refused(Me, Post, ALGO, &stop.replace("stop-1", "stop-2")), -4130);
    assert_eq!(
        desk.refused(Me, Post, ALGO, &stop.replace("59000", "60000").replace("stop-1", "s")),
        -4130
    );

    desk.pin("BTCUSDT", 59_100);
    assert_eq!(desk.position(Me, "BTCUSDT").0, "0.3");
    desk.pin("BTCUSDT", 59_000);
    assert_eq!(desk.position(Me, "BTCUSDT").0, "0");
    let events = desk.received(stream);
    assert_eq!(
        names(&events),
        [
            "ALGO NEW",
            "ALGO TRIGGERING",
            "ALGO TRIGGERED",
            "NEW NEW",
            "TRADE_LITE",
            "TRADE FILLED",
            "ALGO FINISHED",
            "ACCOUNT ORDER"
        ]
    );
    let order = &events[5]["o"];
    assert_eq!(
        (&order["c"], &order["ot"], &order["cp"]),
        (&json!("stop-1"), &json!("STOP_MARKET"), &json!(true))
    );
    assert_eq!((&order["o"], &order["rp"]), (&json!("MARKET"), &json!("-600.00000000")));
    assert_eq!(events[2]["o"]["ai"], json!(order["i"].to_string()));
    let queried = desk.ok(Me, Get, ALGO, "clientAlgoId=stop-1");
    assert_eq!(
        (&queried["algoStatus"], &queried["actualQty"]),
        (&json!("FINISHED"), &json!("0.3"))
    );
    assert_eq!(queried["actualOrderId"], json!(order["i"].to_string()));
}

#[test]
fn triggers_by_the_last_price_fire_expire_are_refused_and_cancelled() {
    let mut desk = Contracts::new(&without_fees());
    desk.trade(Me, "BUY", "0.1", "60000");
    let stream = desk.listen(Me);
    let ask = |kind: &str, name: &str, price: &str, rest: &str| {
        format!(
            "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type={kind}&triggerPrice={price}&clientAlgoId={name}&{rest}"
        )
    };
    let place = |desk: &mut Contracts, query: String| desk.ok(Me, Post, ALGO, &query);
    assert_eq!(
        desk.refused(Me, Post, ALGO, &ask("STOP_MARKET", "now", "60000", "quantity=0.1")),
        -2021
    );
    place(
        &mut desk,
        ask(
            "TAKE_PROFIT",
            "limit",
            "61000",
            "quantity=0.1&price=61000&reduceOnly=true&timeInForce=GTC",
        ),
    );
    place(&mut desk, ask("STOP_MARKET", "idle", "59000", "closePosition=true"));
    place(&mut desk, ask("STOP_MARKET", "rich", "59000", "quantity=100"));
    place(&mut desk, ask("STOP_MARKET", "gone", "50000", "quantity=0.1"));
    let reply = desk.ok(Me, Delete, ALGO, "clientAlgoId=gone");
    assert_eq!(
        (&reply["code"], &reply["clientAlgoId"]),
        (&json!("200"), &json!("gone"))
    );
    assert_eq!(desk.refused(Me, Delete, ALGO, "clientAlgoId=gone"), -2011);
    let _ = desk.received(stream);

    // A trade at 61000 between others: the take profit becomes an order that rests.
    desk.limit(Other, "SELL", "0.1", "61000");
    desk.limit(Me, "BUY", "0.1", "61000");
    assert_eq!(
        names(&desk.received(stream))[..2],
        ["NEW NEW".to_owned(), "TRADE_LITE".to_owned()]
    );
    let open = desk.ok(Me, Get, "/fapi/v1/openOrders", "");
    assert_eq!(
        (&open[0]["clientOrderId"], &open[0]["origType"]),
        (&json!("limit"), &json!("TAKE_PROFIT"))
    );
    let queried = desk.ok(Me, Get, ALGO, "clientAlgoId=limit");
    assert_eq!(queried["algoStatus"], json!("TRIGGERED"));

    // The position is closed; then the price falls: nothing to close, and too little margin for a hundred coins.
    desk.limit(Other, "BUY", "0.1", "61000");
    desk.trade(Me, "SELL", "0.1", "60500");
    assert_eq!(desk.position(Me, "BTCUSDT").0, "0");
    let _ = desk.received(stream);
    desk.trade(Me, "SELL", "0.001", "59000");
    let statuses: Vec<_> = ["idle", "rich"]
        .iter()
        .map(|name| desk.ok(Me, Get, ALGO, &format!("clientAlgoId={name}"))["algoStatus"].clone())
        .collect();
    assert_eq!(statuses, [json!("EXPIRED"), json!("REJECTED")]);
    let events = desk.received(stream);
    let reasons: Vec<_> = events
        .iter()
        .filter(|event| event["o"]["X"] == json!("REJECTED"))
        .collect();
    assert_eq!(reasons[0]["o"]["rm"], json!("Margin is insufficient."));
    place(&mut desk, ask("STOP_MARKET", "one", "50000", "quantity=0.1"));
    desk.ok(Me, Delete, "/fapi/v1/algoOpenOrders", "symbol=BTCUSDT");
    assert_eq!(desk.ok(Me, Get, "/fapi/v1/openAlgoOrders", ""), json!([]));
}

/// Me with 10000 and 3.3 coins at 20x, bought at 60000: maintenance is 792 of 198000 at the start.
fn levered(fund: i64) -> Contracts {
    let mut config = without_fees();
    config.contracts.insurance_fund = Decimal::from(fund);
    let mut desk = Contracts::new(&config);
    desk.trade(Me, "BUY", "3.3", "60000");
    desk
}

fn wallet(desk: &mut Contracts, who: Who) -> Decimal {
    desk.wallet(who).parse().unwrap()
}

#[test]
fn a_position_below_its_margin_is_called_and_then_liquidated() {
    let mut desk = levered(100_000);
    let risk = desk.ok(Me, Get, "/fapi/v3/positionRisk", "")[0].clone();
    let liquidation: Decimal = risk["liquidationPrice"].as_str().unwrap().parse().unwrap();
    assert!(
        (Decimal::from(57_150)..Decimal::from(57_250)).contains(&liquidation),
        "{liquidation}"
    );
    desk.limit(Me, "BUY", "0.001", "50000");
    desk.limit(Other, "BUY", "5", "57100");
    let stream = desk.listen(Me);
    desk.pin("BTCUSDT", 57_240);
    let events = desk.received(stream);
    assert_eq!(names(&events), ["MARGIN_CALL"]);
    assert_eq!(
        (&events[0]["p"][0]["s"], &events[0]["p"][0]["pa"]),
        (&json!("BTCUSDT"), &json!("3.300"))
    );
    let forced = desk.open("/market/ws/btcusdt@forceOrder", "");
    desk.pin("BTCUSDT", 57_190);
    let sent = desk.exchange.drain();
    let texts = |id| -> Vec<Value> {
        let of = sent.iter().filter(|(other, _)| *other == id);
        of.map(|(_, outgoing)| match outgoing {
            colibri_sim::binance::Outgoing::Text(text) => serde_json::from_str(text).unwrap(),
            other => panic!("{other:?}"),
        })
        .collect()
    };
    let events = texts(stream);
    assert_eq!(
        names(&events),
        [
            "EXPIRED EXPIRED",
            "CALCULATED NEW",
            "TRADE_LITE",
            "TRADE FILLED",
            "ACCOUNT ORDER",
            "ACCOUNT INSURANCE_CLEAR"
        ]
    );
    assert_eq!(events[0]["o"]["er"], json!("5"));
    assert!(events[3]["o"]["c"].as_str().unwrap().starts_with("autoclose-"));
    assert_eq!(texts(forced)[0]["o"]["S"], json!("SELL"));
    assert_eq!(desk.position(Me, "BTCUSDT").0, "0");
    // 3.3 times 2900 are lost; what is left of 430 is less than the fee of 2359.09, which takes all of it.
    assert_eq!(desk.wallet(Me), "0.00000000");
    let rows = desk.ok(Me, Get, "/fapi/v1/income", "incomeType=INSURANCE_CLEAR");
    assert_eq!(rows[0]["income"], json!("-430.00000000"));
    assert_eq!(
        desk.exchange.engine().insurance_fund().balance(),
        Decimal::from(100_430)
    );
    let orders = desk.ok(Me, Get, "/fapi/v1/forceOrders", "autoCloseType=LIQUIDATION");
    assert_eq!(
        (&orders[0]["status"], &orders[0]["timeInForce"]),
        (&json!("FILLED"), &json!("IOC"))
    );
}

#[test]
fn the_fund_pays_what_a_liquidation_loses_beyond_the_wallet() {
    let mut desk = levered(100_000);
    desk.limit(Other, "BUY", "5", "56000");
    desk.pin("BTCUSDT", 57_000);
    // 13200 are lost of 10000.
    assert_eq!(desk.wallet(Me), "0.00000000");
    assert_eq!(desk.exchange.engine().insurance_fund().balance(), Decimal::from(96_800));
    let rows = desk.ok(Me, Get, "/fapi/v1/income", "incomeType=INSURANCE_CLEAR");
    assert_eq!(rows[0]["income"], json!("3200.00000000"));
}

#[test]
fn an_empty_fund_leaves_the_rest_to_those_who_gained() {
    let mut desk = levered(0);
    desk.limit(Other, "BUY", "5", "56000");
    let stream = desk.listen(Other);
    let before = wallet(&mut desk, Other);
    desk.pin("BTCUSDT", 57_000);
    assert_eq!(desk.position(Me, "BTCUSDT").0, "0");
    assert_eq!(desk.position(Other, "BTCUSDT").0, "0");
    let events = desk.received(stream);
    let forced: Vec<_> = events
        .iter()
        .filter(|event| event["o"]["c"] == json!("adl_autoclose"))
        .collect();
    assert_eq!(forced[0]["o"]["x"], json!("CALCULATED"));
    assert_eq!(
        (&forced[1]["o"]["X"], &forced[1]["o"]["S"]),
        (&json!("FILLED"), &json!("BUY"))
    );
    // What one lost the other gained, to the last digit, and nobody is below zero.
    let mine = wallet(&mut desk, Me);
    assert!(mine >= Decimal::ZERO && mine < Decimal::ONE, "{mine}");
    assert_eq!(
        wallet(&mut desk, Other) - before + mine,
        Decimal::from(10_000) - desk.exchange.engine().insurance_fund().balance()
    );
    assert_eq!(
        desk.ok(Other, Get, "/fapi/v1/forceOrders", "autoCloseType=ADL")[0]["clientOrderId"],
        json!("adl_autoclose")
    );
}

#[test]
fn an_isolated_position_takes_nothing_with_it() {
    let mut desk = Contracts::new(&without_fees());
    desk.ok(Me, Post, "/fapi/v1/marginType", "symbol=BTCUSDT&marginType=ISOLATED");
    desk.trade(Me, "BUY", "0.1", "60000");
    let eth = |side: &str| format!("symbol=ETHUSDT&type=LIMIT&timeInForce=GTC&side={side}&quantity=1&price=2500");
    desk.order(Other, &eth("SELL"));
    desk.order(Me, &eth("BUY"));
    desk.limit(Other, "BUY", "1", "50000");
    desk.pin("BTCUSDT", 50_000);
    assert_eq!(desk.position(Me, "BTCUSDT").0, "0");
    assert_eq!(desk.position(Me, "ETHUSDT").0, "1");
    // 300 were set aside, 1000 were lost.
    assert_eq!(desk.wallet(Me), "9700.00000000");
    assert_eq!(
        desk.exchange.engine().insurance_fund().balance(),
        Decimal::from(999_300)
    );
}

/// Everybody is counted, those who make the market too.
#[test]
fn positions_and_money_add_up_in_a_lively_market() {
    let mut config = SimConfig {
        flow: FlowConfig::Random(RandomFlow {
            warm_up_seconds: 5,
            volatility_bps: Decimal::from(40),
            ..RandomFlow::default()
        }),
        ..SimConfig::demo()
    };
    config.accounts[0].margin = Decimal::from(1_000);
    for market in &mut config.perpetual {
        market.funding.interval_seconds = 7;
    }
    let mut desk = Contracts::new(&config);
    let stream = desk.listen(Me);
    let start = Decimal::from(1_000) + config.contracts.insurance_fund;
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for symbol in ["BTCUSDT", "ETHUSDT"] {
        desk.ok(Me, Post, "/fapi/v1/leverage", &format!("symbol={symbol}&leverage=100"));
    }
    for round in 0..120_u32 {
        let (symbol, quantity) = if round % 3 == 0 {
            ("ETHUSDT", "2")
        } else {
            ("BTCUSDT", "0.1")
        };
        let side = if round % 5 < 3 { "BUY" } else { "SELL" };
        let query = format!("symbol={symbol}&type=MARKET&side={side}&quantity={quantity}");
        // It is refused when there is no margin left.
        desk.signed(Me, Post, "/fapi/v1/order", &query);
        if round == 100 {
            // The mark falls away from the book: what is held by then is liquidated into it.
            desk.pin("BTCUSDT", 50_000);
        }
        seen.extend(names(&desk.wait_millis(stream, 1_000)));
        let engine = desk.exchange.engine();
        let accounts = || (0..2).map(|place| &engine.account(AccountId(place)).margin);
        for market in (0..2).map(MarketId) {
            let held: Decimal = accounts()
                .map(|margin| margin.position(market, PositionSide::Both).amount)
                .sum();
            assert_eq!(held, Decimal::ZERO, "round {round}");
        }
        let money: Decimal = accounts()
            .map(|margin| {
                margin.wallet()
                    - margin
                        .open_positions()
                        .map(|(.., position)| position.cost())
                        .sum::<Decimal>()
            })
            .sum();
        let fees: Decimal = engine.collected_fees().values().sum();
        assert_eq!(money + fees + engine.insurance_fund().balance(), start, "round {round}");
        let mine = &engine.account(AccountId(1)).margin;
        let booked: Decimal = mine.income().iter().map(|entry| entry.amount).sum();
        assert_eq!(mine.wallet(), booked);
    }
    for name in [
        "ACCOUNT FUNDING_FEE",
        "MARGIN_CALL",
        "CALCULATED NEW",
        "ACCOUNT INSURANCE_CLEAR",
    ] {
        assert!(seen.contains(name), "no {name} in {seen:?}");
    }
}
