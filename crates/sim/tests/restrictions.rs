//! A market whose rules change, or that takes cancels only, as its face shows it.
#![allow(clippy::unwrap_used)]

mod support;

use colibri_sim::binance::Method;
use colibri_sim::config::MarketStatus;
use colibri_sim::identity::Symbol;
use rust_decimal::Decimal;
use serde_json::json;
use support::{Desk, quiet};

const ORDER: &str = "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&side=BUY&quantity=0.001";

#[test]
fn rules_that_change_bind_at_once_and_are_shown_later() {
    let mut desk = Desk::new(&quiet());
    let (now, symbol) = (desk.now, Symbol::new("BTCUSDT"));
    let tick = |desk: &mut Desk| {
        desk.get("/api/v3/exchangeInfo", "symbol=BTCUSDT").1["symbols"][0]["filters"][0]["tickSize"].clone()
    };
    assert!(
        desk.exchange
            .change_rules(&symbol, |market| market.price.tick = Decimal::ONE, now)
    );
    let (_, reply) = desk.order(&format!("{ORDER}&price=50000.5"));
    assert_eq!(reply["msg"], "Filter failure: PRICE_FILTER");
    assert_eq!(tick(&mut desk), "0.01000000");
    desk.exchange.show_rules();
    assert_eq!(tick(&mut desk), "1.00000000");
    assert_eq!(desk.order(&format!("{ORDER}&price=50000")).0, 200);
}

#[test]
fn a_cancel_only_market_takes_cancels_and_looks_as_ever() {
    let mut desk = Desk::new(&quiet());
    let (now, symbol) = (desk.now, Symbol::new("BTCUSDT"));
    let order = format!("{ORDER}&price=50000");
    assert_eq!(desk.order(&format!("{order}&newClientOrderId=mine")).0, 200);
    desk.exchange.set_market_status(&symbol, MarketStatus::CancelOnly, now);
    let (status, reply) = desk.order(&order);
    assert_eq!((status, &reply["code"]), (400, &json!(-2010)));
    let info = desk.get("/api/v3/exchangeInfo", "symbol=BTCUSDT").1;
    assert_eq!(info["symbols"][0]["status"], "TRADING");
    let cancel = "symbol=BTCUSDT&origClientOrderId=mine";
    assert_eq!(desk.signed(Method::Delete, "/api/v3/order", cancel).0, 200);
}
