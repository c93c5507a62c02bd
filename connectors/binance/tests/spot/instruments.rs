//! Exchange information becomes instruments and rules.

use colibri_sdk::model::{Exponents, InstrumentStatus, OrderType};
use colibri_sdk::standard::{Command, Instruments, Outcome};
use colibri_sdk::testing::{Action, outcome};

use crate::stage::{only, request, stage};

const INFO: &[u8] = include_bytes!("../fixtures/exchange_info.json");

#[test]
fn filters_and_statuses_are_rules() {
    let mut stage = stage();
    stage.command(1, &Command::Instruments(Instruments {}));
    assert_eq!(
        request(&stage.granted(1)).1,
        "/api/v3/exchangeInfo?showPermissionSets=false"
    );
    let actions = stage.response(1, 200, INFO);
    let event = only!(actions, Instruments);
    let [btc, doge, halted, odd, margin] = event.instruments.as_slice() else {
        panic!("{event:?}");
    };

    assert_eq!(btc.pair.to_string(), "BTC-USDT");
    assert_eq!(btc.status, InstrumentStatus::Trading);
    assert_eq!(
        btc.exponents,
        Exponents {
            price: -8,
            quantity: -8
        }
    );
    let rule = &btc.rule;
    assert_eq!(rule.price_tick.unwrap().0.normalize().to_string(), "0.01");
    assert_eq!(rule.quantity_step.unwrap().0.normalize().to_string(), "0.00001");
    assert_eq!(rule.market_quantity_step, None, "a step of zero is no step");
    assert_eq!(rule.min_market_quantity, None);
    assert_eq!(rule.max_market_quantity.unwrap().0.normalize().to_string(), "107.8");
    assert_eq!(rule.min_notional.unwrap().0.normalize().to_string(), "5");
    assert!(rule.min_notional_applies_to_market && !rule.max_notional_applies_to_market);
    let band = rule.price_band.unwrap();
    assert_eq!(
        (band.buy_up.to_string(), band.sell_down.to_string()),
        ("5".to_owned(), "0.3".to_owned())
    );
    assert_eq!(rule.max_open_orders, Some(200));
    assert_eq!(
        rule.order_types,
        [OrderType::Limit, OrderType::LimitMaker, OrderType::Market]
    );
    assert!(rule.quote_quantity && rule.amend && rule.replace);

    assert_eq!(doge.status, InstrumentStatus::CancelOnly);
    assert_eq!(
        doge.exponents.quantity, -5,
        "room for sums of orders of the greatest quantity"
    );
    assert_eq!(doge.rule.max_price, None);
    assert_eq!(doge.rule.max_position.unwrap().0.normalize().to_string(), "10");
    assert!(!doge.rule.amend && doge.rule.min_notional_applies_to_market);
    assert_eq!(doge.rule.price_band.unwrap().sell_up.to_string(), "5");

    assert_eq!(halted.status, InstrumentStatus::Halted);
    assert_eq!(odd.status, InstrumentStatus::Other("AUCTION_MATCH".to_owned()));
    assert_eq!(margin.status, InstrumentStatus::Halted, "not for spot accounts");

    assert!(
        actions
            .iter()
            .any(|a| matches!(a, Action::Log { text, .. } if text.contains("left out")))
    );
    assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
}

#[test]
fn information_that_is_none_is_unknown() {
    for bad in [&b"{}"[..], b"<html>", br#"{"symbols":[{]}"#, br#"{"symbols":{}}"#] {
        let actions = stage().ask(1, &Command::Instruments(Instruments {}), 200, bad);
        assert!(outcome(&actions, 1).unwrap().is_unknown());
    }
}
