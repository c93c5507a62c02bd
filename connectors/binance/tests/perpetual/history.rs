//! Our orders and trades since an id or a time.

use colibri_sdk::model::{ExchangeOrderId, Liquidity, PositionSide, Side, TradeId, WallNs};
use colibri_sdk::standard::{Command, Event, OrdersSince, Outcome, RejectReason, TradesSince};
use colibri_sdk::testing::{Action, Stage, events, outcome};

use crate::stage::{BTC, asked, request, stage};

fn since(time: Option<WallNs>, from: Option<&str>, order: Option<&str>) -> Command {
    Command::TradesSince(TradesSince {
        instrument: BTC,
        from_id: from.and_then(|id| TradeId::new(id).ok()),
        since: time,
        exchange_id: order.and_then(|id| ExchangeOrderId::new(id).ok()),
    })
}

fn trade(id: u64) -> String {
    format!(
        r#"{{"buyer":false,"commission":"0.07819010","commissionAsset":"USDT","id":{id},"maker":true,"orderId":25851813,
        "price":"7819.01","qty":"0.002","quoteQty":"15.63802","realizedPnl":"-0.91539999","side":"SELL","positionSide":"SHORT",
        "symbol":"BTCUSDT","time":1569514978020}}"#
    )
}

fn page(ids: std::ops::Range<u64>) -> String {
    let trades: Vec<String> = ids.map(trade).collect();
    format!("[{}]", trades.join(","))
}

fn next(stage: &mut Stage, actions: &[Action]) -> String {
    assert_eq!(outcome(actions, 1), None, "there is another page");
    request(&stage.granted(1)).1
}

/// The stage's clock is at this time.
const NOW: i64 = 1_700_000_000_000;
const DAY: i64 = 86_400_000;

#[test]
fn trades_are_paged_by_their_ids() {
    let mut stage = stage();
    let (_, url) = asked(&mut stage, 1, &since(None, Some("28457"), None));
    assert!(
        url.starts_with("/fapi/v1/userTrades?symbol=BTCUSDT&fromId=28457&limit=1000&timestamp="),
        "{url}"
    );
    let first = stage.response(1, 200, page(1..1_001).as_bytes());
    let url = next(&mut stage, &first);
    assert!(url.contains("fromId=1001&"), "{url}");
    let actions = stage.response(1, 200, page(1_001..1_003).as_bytes());
    assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
    let told = events(&actions);
    let Event::Fill(fill) = &told[0] else {
        panic!("{told:?}")
    };
    assert_eq!((fill.side, fill.position_side), (Side::Sell, PositionSide::Short));
    assert_eq!(fill.liquidity, Some(Liquidity::Maker));
    assert_eq!(fill.fee.as_ref().unwrap().amount.to_string(), "0.07819010");
    assert_eq!(fill.realized.unwrap().to_string(), "-0.91539999");
    assert!(
        matches!(&told[2], Event::TradesProgress(p) if p.count == 1_002 && p.newest.as_ref().unwrap().as_str() == "1002")
    );
}

#[test]
fn time_is_stepped_through_in_weeks_until_something_is_found() {
    let mut stage = stage();
    let start = NOW - 20 * DAY;
    let (_, url) = asked(&mut stage, 1, &since(Some(WallNs::from_millis(start)), None, None));
    assert!(url.contains(&format!("startTime={start}&")), "{url}");
    let empty = stage.response(1, 200, b"[]");
    let url = next(&mut stage, &empty);
    assert!(url.contains(&format!("startTime={}&", start + 7 * DAY)), "{url}");
    // Found before the window that holds the present: ids lead from there.
    let found = stage.response(1, 200, page(5..6).as_bytes());
    let url = next(&mut stage, &found);
    assert!(url.contains("fromId=6&") && !url.contains("startTime"), "{url}");
    assert_eq!(outcome(&stage.response(1, 200, b"[]"), 1), Some(Outcome::Done));

    // What the exchange has forgotten is not stepped through.
    let (_, url) = asked(&mut stage, 1, &since(Some(WallNs(0)), None, None));
    assert!(
        url.contains(&format!("startTime={}&", NOW - 89 * DAY)),
        "nor asked about: {url}"
    );
    let empty = stage.response(1, 200, b"[]");
    let url = next(&mut stage, &empty);
    assert!(url.contains(&format!("startTime={}&", NOW - 89 * DAY)), "{url}");
    stage.ended(1, colibri_sdk::abi::outcome_kind::NOT_SENT);

    asked(&mut stage, 1, &since(Some(WallNs::from_millis(NOW - DAY)), None, None));
    let recent = stage.response(1, 200, page(5..6).as_bytes());
    assert_eq!(outcome(&recent, 1), Some(Outcome::Done), "the window holds the present");
}

#[test]
fn trades_of_an_order_are_all_fetched() {
    let (_, url) = asked(
        &mut stage(),
        1,
        &since(Some(WallNs::from_millis(NOW)), None, Some("28")),
    );
    assert!(
        url.starts_with("/fapi/v1/userTrades?symbol=BTCUSDT&orderId=28&limit=1000&timestamp="),
        "{url}"
    );
    let refused = stage().command(1, &since(None, Some("x"), None));
    assert!(matches!(outcome(&refused, 1), Some(Outcome::NotSent(r)) if r.reason == RejectReason::BadRequest));
}

#[test]
fn orders_are_paged_likewise() {
    let order = |id: u64| {
        format!(
            r#"{{"orderId":{id},"symbol":"BTCUSDT","status":"CANCELED","clientOrderId":"x-C1","price":"0","origQty":"0.4",
            "executedQty":"0","cumQuote":"0","timeInForce":"GTC","type":"LIMIT","side":"BUY","positionSide":"BOTH",
            "time":1579276756075,"updateTime":1579276756075}}"#
        )
    };
    let orders = |ids: std::ops::Range<u64>| format!("[{}]", ids.map(order).collect::<Vec<_>>().join(","));
    let mut stage = stage();
    let command = Command::OrdersSince(OrdersSince {
        instrument: BTC,
        from_id: None,
        since: Some(WallNs::from_millis(NOW - DAY)),
    });
    let (endpoint, url) = asked(&mut stage, 1, &command);
    assert_eq!(endpoint, "all_orders");
    assert!(
        url.contains(&format!("symbol=BTCUSDT&limit=1000&startTime={}&", NOW - DAY)),
        "{url}"
    );
    let first = stage.response(1, 200, orders(10..1_010).as_bytes());
    assert_eq!(events(&first).len(), 1_000);
    let url = next(&mut stage, &first);
    assert!(url.contains("orderId=1010&"), "{url}");
    let actions = stage.response(1, 200, orders(1_010..1_011).as_bytes());
    assert_eq!((events(&actions).len(), outcome(&actions, 1)), (1, Some(Outcome::Done)));
}
