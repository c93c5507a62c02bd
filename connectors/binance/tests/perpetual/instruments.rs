//! What can be traded, by which rules.

use colibri_sdk::model::{ContractKind, Exponents, InstrumentStatus, OrderType, TimeInForce};
use colibri_sdk::standard::{Command, Instruments, Outcome};
use colibri_sdk::testing::{Action, events, outcome};

use crate::stage::stage;

const INFO: &[u8] = include_bytes!("../fixtures/contracts.json");

#[test]
fn contracts_have_their_rules() {
    let actions = stage().ask(1, &Command::Instruments(Instruments {}), 200, INFO);
    assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
    let told = events(&actions);
    let [colibri_sdk::standard::Event::Instruments(told)] = told.as_slice() else {
        panic!("{told:?}")
    };
    let logged = actions.iter().filter(|a| matches!(a, Action::Log { .. })).count();
    assert_eq!((told.instruments.len(), logged), (3, 1), "one cannot be read");
    let [btc, dated, settling] = told.instruments.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(
        (btc.pair.to_string(), btc.symbol.as_str()),
        ("BTC-USDT".to_owned(), "BTCUSDT")
    );
    assert_eq!(btc.status, InstrumentStatus::Trading);
    assert_eq!(
        btc.exponents,
        Exponents {
            price: -8,
            quantity: -8
        }
    );
    let contract = btc.contract.as_ref().unwrap();
    assert_eq!(
        (contract.kind, contract.size.to_string(), contract.delivery),
        (ContractKind::Linear, "1".to_owned(), None)
    );
    assert_eq!(contract.settle.as_str(), "USDT");
    let rule = &btc.rule;
    assert_eq!(rule.price_tick.unwrap().to_string(), "0.10");
    assert_eq!(rule.quantity_step.unwrap().to_string(), "0.001");
    assert_eq!(rule.max_market_quantity.unwrap().to_string(), "120");
    assert_eq!(
        (
            rule.min_notional.unwrap().to_string(),
            rule.min_notional_applies_to_market
        ),
        ("100".to_owned(), true)
    );
    assert!(rule.min_notional_exempts_reducing && rule.price_band_of_mark);
    assert_eq!((rule.max_open_orders, rule.max_triggers), (Some(200), Some(200)));
    let band = rule.price_band.unwrap();
    assert_eq!(
        (band.buy_up.to_string(), band.sell_down.to_string()),
        ("1.0500".to_owned(), "0.9500".to_owned())
    );
    assert!(band.buy_down.is_zero() && band.sell_up > band.buy_up);
    assert_eq!(
        rule.order_types,
        [OrderType::Limit, OrderType::Market, OrderType::LimitMaker]
    );
    assert_eq!(
        rule.times_in_force,
        [TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok, TimeInForce::Gtd]
    );
    assert_eq!(dated.pair.to_string(), "BTC_260925-USDT");
    assert_eq!(
        dated.contract.as_ref().unwrap().delivery.unwrap().as_millis(),
        1_790_323_200_000
    );
    assert_eq!(
        (settling.pair.to_string(), settling.status.clone()),
        ("ABC-USDC".to_owned(), InstrumentStatus::Halted)
    );
    assert_eq!(settling.contract.as_ref().unwrap().settle.as_str(), "USDC");
}
