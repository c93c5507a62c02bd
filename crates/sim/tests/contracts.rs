//! Orders and positions of contracts through the REST door and the user stream.
#![allow(clippy::unwrap_used)]

mod support;

use colibri_sim::binance::Method::{Delete, Get, Post, Put};
use colibri_sim::usdm::TradingRules;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use support::contracts::Who::{Me, Other};
use support::contracts::{Contracts, names, quiet_contracts};

const ORDER: &str = "/fapi/v1/order";

#[test]
fn an_order_is_acknowledged_traded_and_seen_in_every_place() {
    let mut desk = Contracts::new(&quiet_contracts());
    let stream = desk.listen(Me);
    let ack = desk.order(
        Me,
        "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&side=BUY&quantity=0.5&price=60000&newClientOrderId=a.b:c/1",
    );
    assert_eq!((&ack["status"], &ack["executedQty"]), (&json!("NEW"), &json!("0.000")));
    assert_eq!(ack.get("avgPrice"), None, "an acknowledgement has no average price");
    desk.limit(Other, "SELL", "0.2", "59000");
    let events = desk.received(stream);
    assert_eq!(
        names(&events),
        ["NEW NEW", "TRADE_LITE", "TRADE PARTIALLY_FILLED", "ACCOUNT ORDER"]
    );
    let trade = &events[2]["o"];
    // A maker pays two basis points of 12000.
    assert_eq!((&trade["n"], &trade["N"]), (&json!("2.40000000"), &json!("USDT")));
    assert_eq!(
        (&trade["l"], &trade["L"], &trade["m"]),
        (&json!("0.200"), &json!("60000.0"), &json!(true))
    );
    assert_eq!(events[0]["o"].get("n"), None, "what is no trade has no commission");
    let change = &events[3]["a"];
    assert_eq!(change["B"][0]["wb"], json!("9997.60000000"));
    assert_eq!(
        (&change["P"][0]["pa"], &change["P"][0]["ep"]),
        (&json!("0.200"), &json!("60000"))
    );

    let queried = desk.ok(Me, Get, ORDER, "symbol=BTCUSDT&origClientOrderId=a.b:c/1");
    assert_eq!(
        (&queried["avgPrice"], &queried["cumQuote"]),
        (&json!("60000.00000"), &json!("12000"))
    );
    let trades = desk.ok(Me, Get, "/fapi/v1/userTrades", "symbol=BTCUSDT");
    assert_eq!(
        (&trades[0]["qty"], &trades[0]["positionSide"]),
        (&json!("0.200"), &json!("BOTH"))
    );
    let account = desk.ok(Me, Get, "/fapi/v3/account", "");
    // 0.2 held and 0.3 ordered, at 20x.
    assert_eq!(account["totalPositionInitialMargin"], json!("600.00000000"));
    assert_eq!(account["totalOpenOrderInitialMargin"], json!("900.00000000"));
    assert_eq!(account["availableBalance"], json!("8497.60000000"));

    let canceled = desk.ok(Me, Delete, ORDER, "symbol=BTCUSDT&origClientOrderId=a.b:c/1");
    assert_eq!(canceled["status"], json!("CANCELED"));
    assert_eq!(
        desk.refused(Me, Delete, ORDER, "symbol=BTCUSDT&origClientOrderId=a.b:c/1"),
        -2011
    );
    assert_eq!(
        desk.refused(Me, Get, ORDER, "symbol=BTCUSDT&origClientOrderId=never"),
        -2013
    );
    desk.trade(Me, "SELL", "0.2", "61000");
    assert_eq!(desk.position(Me, "BTCUSDT").0, "0", "a flat position is not shown");
    let entries = desk.ok(Me, Get, "/fapi/v1/income", "incomeType=REALIZED_PNL");
    assert_eq!(
        (&entries[0]["income"], &entries[0]["tradeId"]),
        (&json!("200.00000000"), &json!("2"))
    );
}

#[test]
fn a_market_order_answers_new_unless_the_result_is_asked_for() {
    let mut desk = Contracts::new(&quiet_contracts());
    desk.limit(Other, "SELL", "1", "60000");
    let ack = desk.order(Me, "symbol=BTCUSDT&type=MARKET&side=BUY&quantity=0.1");
    assert_eq!((&ack["status"], &ack["executedQty"]), (&json!("NEW"), &json!("0.000")));
    let result = desk.order(
        Me,
        "symbol=BTCUSDT&type=MARKET&side=BUY&quantity=0.1&newOrderRespType=RESULT",
    );
    assert_eq!(
        (&result["status"], &result["cumQty"]),
        (&json!("FILLED"), &json!("0.100"))
    );
    assert_eq!(desk.position(Me, "BTCUSDT"), ("0.2".to_owned(), "60000".to_owned()));
}

#[test]
fn what_only_reduces_never_opens() {
    let mut desk = Contracts::new(&quiet_contracts());
    let reduce = |side: &str, quantity: &str, price: &str| {
        format!(
            "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&side={side}&quantity={quantity}&price={price}&reduceOnly=true"
        )
    };
    assert_eq!(desk.order_refused(Me, &reduce("SELL", "0.1", "61000")), -2022);
    desk.trade(Me, "BUY", "0.3", "60000");
    assert_eq!(desk.order_refused(Me, &reduce("BUY", "0.1", "59000")), -2022);
    desk.order(Me, &reduce("SELL", "0.3", "61000"));
    desk.order(Me, &reduce("SELL", "0.3", "61500"));
    let stream = desk.listen(Me);
    // 0.2 go by an order that may do anything; of the two others, 0.1 can still trade.
    desk.trade(Me, "SELL", "0.2", "60500");
    desk.limit(Other, "BUY", "1", "62000");
    assert_eq!(desk.position(Me, "BTCUSDT").0, "0");
    let events = desk.received(stream);
    let reduced: Vec<_> = events
        .iter()
        .filter(|event| event["o"]["R"] == json!(true))
        .map(|event| {
            (
                event["o"]["x"].clone(),
                event["o"]["z"].clone(),
                event["o"]["er"].clone(),
            )
        })
        .collect();
    let expected = [
        ("TRADE", "0.100", "0"),
        ("EXPIRED", "0.100", "4"),
        ("EXPIRED", "0.000", "4"),
    ];
    assert_eq!(reduced, expected.map(|(x, z, er)| (json!(x), json!(z), json!(er))));
    assert_eq!(desk.position(Other, "BTCUSDT").0, "0");
}

#[test]
fn hedge_mode_has_two_positions_that_never_turn_over() {
    let mut desk = Contracts::new(&quiet_contracts());
    let dual = "/fapi/v1/positionSide/dual";
    assert_eq!(desk.refused(Me, Post, dual, "dualSidePosition=false"), -4059);
    desk.limit(Me, "BUY", "0.1", "50000");
    assert_eq!(desk.refused(Me, Post, dual, "dualSidePosition=true"), -4067);
    desk.ok(Me, Delete, "/fapi/v1/allOpenOrders", "symbol=BTCUSDT");
    desk.ok(Me, Post, dual, "dualSidePosition=true");
    assert_eq!(desk.ok(Me, Get, dual, "")["dualSidePosition"], json!(true));

    let order = |side: &str, position: &str| {
        format!("symbol=BTCUSDT&type=MARKET&side={side}&quantity=0.1&positionSide={position}")
    };
    assert_eq!(
        desk.order_refused(Me, "symbol=BTCUSDT&type=MARKET&side=BUY&quantity=0.1"),
        -4061
    );
    assert_eq!(desk.order_refused(Me, &order("SELL", "LONG")), -2022);
    assert_eq!(
        desk.order_refused(Me, &format!("{}&reduceOnly=true", order("BUY", "LONG"))),
        -1106
    );
    desk.limit(Other, "SELL", "1", "60000");
    desk.limit(Other, "BUY", "1", "59000");
    desk.order(Me, &order("BUY", "LONG"));
    desk.order(Me, &order("SELL", "SHORT"));
    let rows = desk.ok(Me, Get, "/fapi/v3/positionRisk", "");
    let amounts: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["positionSide"], &row["positionAmt"]))
        .collect();
    assert_eq!(
        amounts,
        [(&json!("LONG"), &json!("0.100")), (&json!("SHORT"), &json!("-0.100"))]
    );
    assert_eq!(desk.refused(Me, Post, dual, "dualSidePosition=false"), -4068);
    let too_much = "symbol=BTCUSDT&type=MARKET&side=SELL&quantity=0.2&positionSide=LONG";
    assert_eq!(desk.order_refused(Me, too_much), -2022);
    desk.order(Me, &order("SELL", "LONG"));
    desk.order(Me, &order("BUY", "SHORT"));
    assert_eq!(desk.ok(Me, Get, "/fapi/v3/positionRisk", ""), json!([]));
}

#[test]
fn margin_and_brackets_bound_what_can_be_opened() {
    let mut desk = Contracts::new(&quiet_contracts());
    let leverage = "/fapi/v1/leverage";
    let set = |value: u32| format!("symbol=BTCUSDT&leverage={value}");
    // 10000 at 20x carry 200000, which is 3.333 coins.
    let buy =
        |quantity: &str| format!("symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&side=BUY&quantity={quantity}&price=60000");
    assert_eq!(desk.order_refused(Me, &buy("3.334")), -2019);
    desk.order(Me, &buy("3.333"));
    assert_eq!(desk.order_refused(Me, &buy("0.001")), -2019);
    assert_eq!(desk.refused(Me, Post, leverage, &set(10)), -2028);
    assert_eq!(desk.refused(Me, Post, leverage, &set(126)), -4028);
    assert_eq!(desk.refused(Me, Post, leverage, &set(0)), -4028);
    let stream = desk.listen(Me);
    let reply = desk.ok(Me, Post, leverage, &set(100));
    assert_eq!(
        (&reply["leverage"], &reply["maxNotionalValue"]),
        (&json!(100), &json!("800000"))
    );
    let events = desk.received(stream);
    assert_eq!(events[0]["ac"], json!({ "s": "BTCUSDT", "l": 100 }));
    desk.order(Me, &buy("10"));
    assert_eq!(desk.order_refused(Me, &buy("0.001")), -2027);
    assert_eq!(desk.refused(Me, Post, leverage, &set(125)), -2027);
    desk.ok(Me, Delete, "/fapi/v1/allOpenOrders", "symbol=BTCUSDT");
    // A price above the mark loses at once: 10 coins need 6060 at 100x, and 6000 more for the loss.
    let dear = "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&side=BUY&quantity=10&price=60600";
    assert_eq!(desk.order_refused(Me, dear), -2019);
    let available = |desk: &mut Contracts| desk.ok(Me, Get, "/fapi/v3/balance", "")[0]["availableBalance"].clone();
    assert_eq!(available(&mut desk), json!("10000.00000000"));
    let brackets = desk.ok(Me, Get, "/fapi/v1/leverageBracket", "symbol=BTCUSDT");
    assert_eq!(brackets[0]["brackets"][1]["cum"], json!(300));
}

#[test]
fn margin_types_and_assets_modes_stand_in_each_others_way() {
    let mut desk = Contracts::new(&quiet_contracts());
    let (kind, assets) = ("/fapi/v1/marginType", "/fapi/v1/multiAssetsMargin");
    let isolated = "symbol=BTCUSDT&marginType=ISOLATED";
    assert_eq!(desk.refused(Me, Post, kind, "symbol=BTCUSDT&marginType=CROSSED"), -4046);
    assert_eq!(desk.refused(Me, Post, assets, "multiAssetsMargin=false"), -4171);
    desk.limit(Me, "BUY", "0.1", "50000");
    assert_eq!(desk.refused(Me, Post, kind, isolated), -4047);
    desk.ok(Me, Delete, "/fapi/v1/allOpenOrders", "symbol=BTCUSDT");
    desk.ok(Me, Post, assets, "multiAssetsMargin=true");
    assert_eq!(desk.refused(Me, Post, kind, isolated), -4168);
    desk.ok(Me, Post, assets, "multiAssetsMargin=false");
    desk.ok(Me, Post, kind, isolated);
    assert_eq!(desk.refused(Me, Post, assets, "multiAssetsMargin=true"), -4167);
    desk.trade(Me, "BUY", "0.1", "60000");
    assert_eq!(desk.refused(Me, Post, kind, "symbol=BTCUSDT&marginType=CROSSED"), -4048);
    let row = desk.ok(Me, Get, "/fapi/v3/positionRisk", "")[0].clone();
    assert_eq!(
        (&row["isolatedWallet"], &row["isolatedMargin"]),
        (&json!("300"), &json!("300.00000000"))
    );
    let stream = desk.listen(Me);
    desk.ok(Me, Post, "/fapi/v1/positionMargin", "symbol=BTCUSDT&amount=50&type=1");
    let events = desk.received(stream);
    assert_eq!(names(&events), ["ACCOUNT MARGIN_TRANSFER"]);
    assert_eq!(events[0]["a"]["P"][0]["iw"], json!("350.00000000"));
    assert_eq!(
        desk.refused(Me, Post, "/fapi/v1/positionMargin", "symbol=BTCUSDT&amount=60&type=2"),
        -4050
    );
    assert_eq!(
        desk.refused(Me, Post, "/fapi/v1/positionMargin", "symbol=ETHUSDT&amount=1&type=1"),
        -4049
    );
    desk.trade(Me, "SELL", "0.1", "60000");
    assert_eq!(
        desk.ok(Me, Get, "/fapi/v3/account", "")["totalCrossWalletBalance"],
        json!(desk.wallet(Me))
    );
}

#[test]
fn orders_are_refused_with_the_documented_codes() {
    let mut desk = Contracts::new(&quiet_contracts());
    desk.limit(Other, "SELL", "0.1", "60000");
    let mut code = |query: &str| desk.order_refused(Me, &format!("symbol=BTCUSDT&side=BUY&{query}"));
    assert_eq!(code("type=LIMIT&timeInForce=GTX&quantity=0.1&price=60000"), -5022);
    assert_eq!(code("type=LIMIT&timeInForce=FOK&quantity=0.2&price=60000"), -5021);
    assert_eq!(code("type=LIMIT&timeInForce=GTC&quantity=0.001&price=10000"), -4164);
    assert_eq!(code("type=LIMIT&timeInForce=GTC&quantity=0.1&price=60000.05"), -1111);
    assert_eq!(code("type=LIMIT&timeInForce=GTC&quantity=0.1&price=400000"), -4016);
    assert_eq!(code("type=LIMIT&timeInForce=GTC&quantity=20000&price=60000"), -4005);
    assert_eq!(code("type=LIMIT&timeInForce=GTC&quantity=0&price=60000"), -4003);
    assert_eq!(code("type=LIMIT&timeInForce=GTD&quantity=0.1&price=50000"), -1102);
    assert_eq!(code("type=LIMIT&quantity=0.1&price=50000"), -1102);
    assert_eq!(code("type=STOP_MARKET&quantity=0.1&stopPrice=50000"), -4120);
    assert_eq!(code("type=MARKET&quantity=0.1&price=50000"), -1106);
    assert_eq!(code("type=MARKET&quantity=0.1&newClientOrderId=has%20space"), -1100);
    let named = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=50000&newClientOrderId=x";
    desk.order(Me, named);
    assert_eq!(desk.order_refused(Me, named), -4116);
    assert_eq!(
        desk.order_refused(Me, "symbol=DOGEUSDT&side=BUY&type=MARKET&quantity=1"),
        -1121
    );
}

#[test]
fn a_modified_order_keeps_its_name_and_loses_its_place() {
    let mut desk = Contracts::new(&quiet_contracts());
    let stream = desk.listen(Me);
    let first = desk.limit(Me, "BUY", "0.1", "59000");
    desk.limit(Other, "BUY", "0.1", "59000");
    let query = |quantity: &str, price: &str| {
        format!(
            "symbol=BTCUSDT&orderId={}&side=BUY&quantity={quantity}&price={price}",
            first["orderId"]
        )
    };
    assert_eq!(desk.refused(Me, Put, ORDER, &query("0.1", "59000")), -5027);
    let modified = desk.ok(Me, Put, ORDER, &query("0.2", "59000"));
    assert_eq!(
        (&modified["origQty"], &modified["clientOrderId"]),
        (&json!("0.200"), &first["clientOrderId"])
    );
    let events = desk.received(stream);
    assert_eq!(names(&events), ["NEW NEW", "AMENDMENT NEW"]);
    // The other order at this price is now the first.
    let third = "symbol=BTCUSDT&type=MARKET&side=SELL&quantity=0.1&selfTradePreventionMode=EXPIRE_TAKER";
    desk.order(Me, third);
    assert_eq!(desk.position(Me, "BTCUSDT").0, "-0.1");
    desk.ok(Me, Put, ORDER, &query("0.15", "58000.5"));
    let open = desk.ok(Me, Get, "/fapi/v1/openOrders", "symbol=BTCUSDT");
    assert_eq!(
        (&open[0]["price"], &open[0]["origQty"]),
        (&json!("58000.5"), &json!("0.150"))
    );
    assert_eq!(
        desk.refused(Me, Put, ORDER, "symbol=BTCUSDT&orderId=999&side=BUY&quantity=1&price=1"),
        -2013
    );
}

#[test]
fn each_order_of_a_batch_has_its_own_answer() {
    let mut desk = Contracts::new(&quiet_contracts());
    let order = |quantity: &str| json!({ "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": quantity, "price": "50000" });
    let batch = |orders: Value| {
        let text: String = orders.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
        format!("batchOrders={text}")
    };
    let replies = desk.ok(
        Me,
        Post,
        "/fapi/v1/batchOrders",
        &batch(json!([order("0.1"), order("900"), order("0.2")])),
    );
    assert_eq!(
        (&replies[0]["status"], &replies[1]["code"]),
        (&json!("NEW"), &json!(-2019))
    );
    let ids = json!([replies[0]["orderId"], 999, replies[2]["orderId"]]).to_string();
    let ids: String = ids.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let query = format!("symbol=BTCUSDT&orderIdList={ids}");
    let canceled = desk.ok(Me, Delete, "/fapi/v1/batchOrders", &query);
    assert_eq!(
        (&canceled[0]["status"], &canceled[1]["code"]),
        (&json!("CANCELED"), &json!(-2011))
    );
    let six: Vec<Value> = (0..6).map(|_| order("0.1")).collect();
    assert_eq!(
        desk.refused(Me, Post, "/fapi/v1/batchOrders", &batch(json!(six))),
        -4082
    );
}

#[test]
fn good_till_date_and_countdown_end_orders_by_the_clock() {
    let mut desk = Contracts::new(&quiet_contracts());
    let until = desk.now.millis() + 601_000;
    desk.order(
        Me,
        &format!("symbol=BTCUSDT&type=LIMIT&timeInForce=GTD&goodTillDate={until}&side=BUY&quantity=0.1&price=50000"),
    );
    desk.limit(Me, "BUY", "0.1", "50001");
    desk.ok(
        Me,
        Post,
        "/fapi/v1/countdownCancelAll",
        "symbol=BTCUSDT&countdownTime=700000",
    );
    let stream = desk.listen(Me);
    desk.pass(602_000);
    assert_eq!(names(&desk.received(stream)), ["EXPIRED EXPIRED"]);
    desk.pass(100_000);
    assert_eq!(names(&desk.received(stream)), ["CANCELED CANCELED"]);
}

#[test]
fn rules_that_change_bind_at_once_and_are_shown_later() {
    let mut desk = Contracts::new(&quiet_contracts());
    let kept = desk.limit(Me, "BUY", "0.1", "50000.1");
    let change = |rules: &mut TradingRules| {
        rules.price.tick = Decimal::from(10);
        (rules.lot.step, rules.market_lot.step) = (Decimal::new(1, 2), Decimal::new(1, 2));
        rules.min_notional = Decimal::from(1_000);
    };
    assert!(desk.exchange.change_rules(&"BTCUSDT".into(), change, desk.now));
    let mut code = |query: &str| desk.order_refused(Me, &format!("symbol=BTCUSDT&side=BUY&{query}"));
    assert_eq!(code("type=LIMIT&timeInForce=GTC&quantity=0.1&price=50001"), -4014);
    assert_eq!(code("type=LIMIT&timeInForce=GTC&quantity=0.105&price=50000"), -4023);
    assert_eq!(code("type=MARKET&quantity=0.105"), -4023);
    assert_eq!(code("type=LIMIT&timeInForce=GTC&quantity=0.01&price=50000"), -4164);
    let tick = |desk: &mut Contracts| {
        let shown = desk.get("/fapi/v1/exchangeInfo", "").1;
        let contract = &shown["symbols"][0];
        (
            contract["filters"][0]["tickSize"].clone(),
            contract["pricePrecision"].clone(),
        )
    };
    assert_eq!(tick(&mut desk), (json!("0.1"), json!(1)));
    desk.exchange.show_rules();
    assert_eq!(tick(&mut desk), (json!("10.0"), json!(1)));
    // What rests between the new ticks stays, and is written as it was.
    let query = format!("symbol=BTCUSDT&orderId={}", kept["orderId"]);
    assert_eq!(desk.ok(Me, Get, ORDER, &query)["price"], "50000.1");
}

#[test]
fn weights_and_order_counts_are_told() {
    let mut desk = Contracts::new(&quiet_contracts());
    let query = "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&side=BUY&quantity=0.1&price=50000";
    let response = desk.signed_raw(Me, Post, ORDER, query);
    assert_eq!(
        response.header("X-MBX-USED-WEIGHT-1M"),
        Some("0"),
        "an order costs an address nothing"
    );
    assert_eq!(response.header("X-MBX-ORDER-COUNT-10S"), Some("1"));
    assert_eq!(response.header("X-MBX-ORDER-COUNT-1M"), Some("1"));
    let response = desk.signed_raw(Me, Get, "/fapi/v3/account", "");
    assert_eq!(response.header("X-MBX-USED-WEIGHT-1M"), Some("5"));
    let limits = desk.ok(Me, Get, "/fapi/v1/rateLimit/order", "");
    assert_eq!(
        (&limits[1]["interval"], &limits[1]["limit"]),
        (&json!("MINUTE"), &json!(1_200))
    );
    for _ in 0..299 {
        desk.limit(Me, "BUY", "0.1", "50000");
        desk.ok(Me, Delete, "/fapi/v1/allOpenOrders", "symbol=BTCUSDT");
    }
    assert_eq!(desk.order_refused(Me, query), -1015);
}
