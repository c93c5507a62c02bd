//! Our replies and events of contracts have the fields of real ones: compared with the payloads of other clients' test suites,
//! where these are at hand. What the documentation no longer has, and what we do not do, is left out by name.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;

use colibri_sim::binance::Method::{Delete, Get, Post, Put};
use serde_json::Value;
use support::contracts::Who::{Me, Other};
use support::contracts::{Contracts, quiet_contracts};

/// Fields of trailing stops, which are not done here.
const NOT_OURS: &[&str] = &["activatePrice", "priceRate", "AP", "cr"];

/// Fields that the documentation no longer has in these payloads.
const RETIRED: &[(&str, &str)] = &[
    // Acknowledgements lost their prices.
    ("Trading/PlaceOrder.json", ".avgPrice"),
    ("Trading/PlaceOrder.json", ".cumQuote"),
    ("Trading/EditOrder.json", ".avgPrice"),
    ("Trading/EditOrder.json", ".cumBase"),
    // The second version of positions had settings in it.
    ("Trading/GetPositions.json", "[].leverage"),
    ("Trading/GetPositions.json", "[].maxNotionalValue"),
    ("Trading/GetPositions.json", "[].marginType"),
    ("Trading/GetPositions.json", "[].isAutoAddMargin"),
    // The payload is that of the trigger; the documentation has four fields.
    ("Account/GetBrackets.json", "[].notionalCoef"),
    // Commission stands in trades alone, where a payload shows it for a new order.
    ("UsdFutures/OrderUpdate.json", ".o.N"),
    ("UsdFutures/OrderUpdate.json", ".o.n"),
    ("ExchangeData/GetExchangeInfo.json", ".symbols[].filters[].limit"),
];

fn fixture(path: &str) -> Option<Value> {
    let root = "../../../shared/fixtures/jkorf/binance_perpetual";
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(root);
    match std::fs::read_to_string(root.join(path)) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(_) => {
            println!("skipped: {path} is not at hand");
            None
        }
    }
}

/// The paths of all fields; rows of an array share theirs.
fn fields(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object.iter().filter(|(name, _)| !NOT_OURS.contains(&name.as_str())) {
                let path = format!("{path}.{name}");
                fields(value, &path, found);
                found.insert(path);
            }
        }
        Value::Array(rows) => rows.iter().for_each(|row| fields(row, &format!("{path}[]"), found)),
        _ => {}
    }
}

fn covers(ours: &Value, theirs: &Value, what: &str) {
    let (mut our_fields, mut their_fields) = (BTreeSet::new(), BTreeSet::new());
    fields(ours, "", &mut our_fields);
    fields(theirs, "", &mut their_fields);
    let retired = |field: &&String| RETIRED.iter().any(|(file, name)| what.ends_with(file) && field == name);
    let missing: Vec<_> = their_fields
        .difference(&our_fields)
        .filter(|field| !retired(field))
        .collect();
    assert!(
        missing.is_empty(),
        "{what} lacks {missing:?}\nours: {ours}\ntheirs: {theirs}"
    );
}

#[test]
fn replies_have_the_fields_of_real_ones() {
    let mut desk = Contracts::new(&quiet_contracts());
    desk.trade(Me, "BUY", "0.1", "60000");
    let order = "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&side=BUY&quantity=0.1&price=50000&newClientOrderId=a";
    let trigger = "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=TAKE_PROFIT&timeInForce=GTC&triggerPrice=70000\
                   &price=70000&quantity=0.01&clientAlgoId=t";
    let (named, algo) = ("symbol=BTCUSDT&origClientOrderId=a", "clientAlgoId=t");
    let modified = format!("{named}&side=BUY&quantity=0.2&price=50000");
    let leverage = "symbol=BTCUSDT&leverage=21";
    let calls = [
        ("Trading/PlaceOrder", Post, "v1/order", order),
        ("Trading/EditOrder", Put, "v1/order", modified.as_str()),
        ("Trading/GetOrder", Get, "v1/order", named),
        ("Trading/GetOpenOrder", Get, "v1/openOrder", named),
        ("Trading/GetOpenOrders", Get, "v1/openOrders", "symbol=BTCUSDT"),
        ("Trading/GetOrders", Get, "v1/allOrders", "symbol=BTCUSDT"),
        ("Trading/GetUserTrades", Get, "v1/userTrades", "symbol=BTCUSDT"),
        ("Trading/GetPositions", Get, "v3/positionRisk", "symbol=BTCUSDT"),
        ("Trading/PlaceConditionalOrder", Post, "v1/algoOrder", trigger),
        ("Trading/GetConditionalOrder", Get, "v1/algoOrder", algo),
        ("Trading/CancelConditionalOrder", Delete, "v1/algoOrder", algo),
        (
            "Trading/CancelAllConditionalOrders",
            Delete,
            "v1/algoOpenOrders",
            "symbol=BTCUSDT",
        ),
        ("Trading/CancelAllOrders", Delete, "v1/allOpenOrders", "symbol=BTCUSDT"),
        ("Account/ChangeInitialLeverage", Post, "v1/leverage", leverage),
        ("Account/GetAccountConfiguration", Get, "v1/accountConfig", ""),
        (
            "Account/GetSymbolConfiguration",
            Get,
            "v1/symbolConfig",
            "symbol=BTCUSDT",
        ),
        ("Account/GetAccountInfoV3", Get, "v3/account", ""),
        ("Account/GetBalances", Get, "v3/balance", ""),
        ("Account/GetBrackets", Get, "v1/leverageBracket", "symbol=BTCUSDT"),
        ("Account/GetIncomeHistory", Get, "v1/income", ""),
        (
            "Account/GetUserCommissionRate",
            Get,
            "v1/commissionRate",
            "symbol=BTCUSDT",
        ),
        ("Account/GetMultiAssetsMode", Get, "v1/multiAssetsMargin", ""),
        ("Account/GetOrderRateLimit", Get, "v1/rateLimit/order", ""),
        ("Account/StartUserStream", Post, "v1/listenKey", ""),
        ("Account/KeepAliveUserStream", Put, "v1/listenKey", ""),
        (
            "Account/ModifyPositionMode",
            Post,
            "v1/positionSide/dual",
            "dualSidePosition=true",
        ),
        ("ExchangeData/GetExchangeInfo", Get, "v1/exchangeInfo", ""),
        ("ExchangeData/GetOrderBook", Get, "v1/depth", "symbol=BTCUSDT"),
        ("ExchangeData/GetRecentTrades", Get, "v1/trades", "symbol=BTCUSDT"),
        ("ExchangeData/GetTradeHistory", Get, "v1/trades", "symbol=BTCUSDT"),
        ("ExchangeData/GetMarkPrice", Get, "v1/premiumIndex", "symbol=BTCUSDT"),
        (
            "ExchangeData/GetBookPrice",
            Get,
            "v1/ticker/bookTicker",
            "symbol=BTCUSDT",
        ),
        ("ExchangeData/GetPrice", Get, "v2/ticker/price", "symbol=BTCUSDT"),
        ("ExchangeData/GetTicker", Get, "v1/ticker/24hr", "symbol=BTCUSDT"),
        ("ExchangeData/GetServerTime", Get, "v1/time", ""),
    ];
    for (name, method, path, query) in calls {
        let (status, ours) = desk.signed(Me, method, &format!("/fapi/{path}"), query);
        // A position is in the way of the mode; its refusal has the same two fields.
        assert!(status == 200 || name.ends_with("ModifyPositionMode"), "{name}: {ours}");
        let file = format!("Endpoints/UsdFutures/{name}.json");
        if let Some(theirs) = fixture(&file) {
            covers(&ours, &theirs["response"], &file);
        }
    }
}

#[test]
fn events_have_the_fields_of_real_ones() {
    let mut desk = Contracts::new(&quiet_contracts());
    let user = desk.listen(Me);
    let market = desk.open(
        "/market/stream",
        "streams=btcusdt@aggTrade/btcusdt@markPrice@1s/btcusdt@kline_1m/btcusdt@miniTicker/btcusdt@ticker/btcusdt@forceOrder",
    );
    let public = desk.open(
        "/public/stream",
        "streams=btcusdt@depth@100ms/btcusdt@depth5@100ms/btcusdt@bookTicker",
    );
    desk.ok(Me, Post, "/fapi/v1/leverage", "symbol=BTCUSDT&leverage=50");
    desk.ok(Me, Post, "/fapi/v1/multiAssetsMargin", "multiAssetsMargin=true");
    desk.trade(Me, "BUY", "3", "60000");
    desk.limit(Other, "BUY", "5", "57000");
    let trigger =
        "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=TAKE_PROFIT_MARKET&triggerPrice=70000&quantity=0.01";
    desk.ok(Me, Post, "/fapi/v1/algoOrder", trigger);
    desk.pass(2_000);
    desk.pin("BTCUSDT", 56_900);
    desk.pass(2_000);
    let sent: Vec<(_, Value)> = desk
        .exchange
        .drain()
        .into_iter()
        .filter_map(|(id, outgoing)| match outgoing {
            colibri_sim::binance::Outgoing::Text(text) => Some((id, serde_json::from_str(&text).unwrap())),
            _ => None,
        })
        .collect();
    let wanted = [
        (user, "OrderUpdate", "ORDER_TRADE_UPDATE", ""),
        (user, "AccountUpdate", "ACCOUNT_UPDATE", ""),
        (user, "AlgoOrderUpdate", "ALGO_UPDATE", ""),
        (user, "TradeUpdate", "TRADE_LITE", ""),
        (user, "MarginUpdate", "MARGIN_CALL", ""),
        (user, "Leverage", "ACCOUNT_CONFIG_UPDATE", "ac"),
        (user, "MultiAssetMode", "ACCOUNT_CONFIG_UPDATE", "ai"),
        (market, "AggTrades", "aggTrade", ""),
        (market, "MarkPrice", "markPriceUpdate", ""),
        (market, "Klines", "kline", ""),
        (market, "MiniTicker", "24hrMiniTicker", ""),
        (market, "Ticker", "24hrTicker", ""),
        (market, "Liquidations", "forceOrder", ""),
        (public, "Book", "depthUpdate", ""),
        (public, "PartialBook", "depthUpdate", ""),
        (public, "BookTicker", "bookTicker", ""),
    ];
    for (connection, name, event, field) in wanted {
        let payload = |value: &Value| value.get("data").unwrap_or(value).clone();
        let ours = sent
            .iter()
            .filter(|(id, _)| *id == connection)
            .map(|(_, value)| payload(value))
            .find(|value| value["e"] == event && (field.is_empty() || value.get(field).is_some()))
            .unwrap_or_else(|| panic!("no {event}"));
        let file = format!("Subscriptions/UsdFutures/{name}.json");
        let Some(script) = fixture(&file) else { continue };
        let steps = script["steps"].as_array().unwrap();
        let push = steps.iter().find(|step| step["dir"] == "server_pushes").unwrap();
        covers(&ours, &payload(&push["message"]), &file);
    }
}
