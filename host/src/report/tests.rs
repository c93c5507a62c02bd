//! Both ways to write a report, and what follows from its figures.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use colibri_model::{Amount, Asset, Decimal, PositionSide, Quantity, VenueId};
use serde_json::{Value, json};

use super::{Agreement, BalanceCheck, PositionCheck, Proof, Report, TickTimings};

fn check(asset: &str, ledger: i64, exchange: Option<i64>) -> BalanceCheck {
    BalanceCheck {
        venue: VenueId::new("binance").unwrap(),
        asset: Asset::new(asset),
        ledger: Amount(Decimal::new(ledger, 4)),
        external: Amount::ZERO,
        exchange: exchange.map(|units| Amount(Decimal::new(units, 4))),
        rounding: Amount::ZERO,
    }
}

fn report(balances: Vec<BalanceCheck>) -> Report {
    Report {
        bot: "demo".to_owned(),
        elapsed: Duration::from_millis(10_250),
        orders: 42,
        cancels: 38,
        rejects: 1,
        fills: 3,
        buy_fills: 2,
        sell_fills: 1,
        quote: Asset::new("USDT"),
        volume_quote: Amount(Decimal::new(185_475_000, 4)),
        fees: [(Asset::new("USDT"), Amount(Decimal::new(18_500, 5)))].into(),
        realized_pnl: Amount(Decimal::new(-12_300, 4)),
        unrealized_pnl: Amount::ZERO,
        unknown_orders: 0,
        open_orders_at_end: 0,
        open_orders_proven_by: Proof::Exchange,
        balances,
        positions: Vec::new(),
        ticks: 10,
        tick_overruns: 0,
        tick_timings: TickTimings {
            p50_us: 120,
            p99_us: 400,
            max_us: 910,
        },
        reconnects: 0,
        book_gaps: 0,
        streams_condemned: 0,
        foreign_orders: 0,
        held_positions: Vec::new(),
        moved_meanwhile: Vec::new(),
        kill_switch: None,
    }
}

#[test]
fn json_is_one_object_on_one_line_with_money_as_text() {
    let line = report(vec![check("BTC", 10_000, Some(10_000)), check("USDT", 5, None)]).json_line();
    assert!(!line.contains('\n'));
    let value: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        value,
        json!({
            "bot": "demo", "seconds": 10.25, "orders": 42, "cancels": 38, "rejects": 1, "fills": 3, "buy_fills": 2,
            "sell_fills": 1, "quote": "USDT", "volume_quote": "18547.5", "fees": {"USDT": "0.185"},
            "realized_pnl": "-1.23", "unrealized_pnl": "0", "unknown_orders": 0, "open_orders_at_end": 0,
            "open_orders_proven_by": "exchange",
            "balances": [
                {"venue": "binance", "asset": "BTC", "ledger": "1", "external": "0", "exchange": "1", "unexplained": "0", "equal": true},
                {"venue": "binance", "asset": "USDT", "ledger": "0.0005", "external": "0", "exchange": null, "unexplained": null, "equal": null},
            ],
            "positions": [], "ledger_equals_exchange": null, "positions_equal_exchange": null, "ticks": 10, "tick_overruns": 0,
            "tick_timings": {"p50_us": 120, "p99_us": 400, "max_us": 910}, "reconnects": 0, "book_gaps": 0,
            "streams_condemned": 0, "foreign_orders": 0, "held_positions": [], "moved_meanwhile": [], "kill_switch": null,
        })
    );
}

#[test]
fn the_ledger_agrees_only_when_every_asset_was_stated_and_equal() {
    let agreement = |balances| report(balances).ledger_agreement();
    assert_eq!(agreement(vec![]), Agreement::NotStated);
    assert_eq!(agreement(vec![check("BTC", 1, Some(1))]), Agreement::Equal);
    assert_eq!(
        agreement(vec![check("BTC", 1, Some(1)), check("USDT", 1, None)]),
        Agreement::NotStated
    );
    assert_eq!(
        agreement(vec![check("BTC", 1, Some(2)), check("USDT", 1, None)]),
        Agreement::Different
    );
}

#[test]
fn the_table_says_what_is_proven_and_what_differs() {
    let mut figures = report(vec![check("BTC", 10_000, Some(9_999))]);
    let text = figures.table();
    assert!(text.contains("open orders at end   0 (the exchange says so)"), "{text}");
    assert!(
        text.contains("balance BTC          1 (THE EXCHANGE SAYS 0.9999: -0.0001 UNEXPLAINED)"),
        "{text}"
    );
    figures.held_positions = vec!["binance: BTC-USDT 2 at 99".to_owned()];
    assert!(
        figures
            .table()
            .contains("STILL HELD           binance: BTC-USDT 2 at 99")
    );
    figures.balances[0].rounding = Amount(Decimal::new(1, 4));
    assert_eq!(
        figures.balances[0].agreement(),
        Agreement::Equal,
        "within the exchange's rounding"
    );
    figures.balances[0].rounding = Amount::ZERO;
    figures.balances[0].external = Amount(Decimal::new(5, 1));
    assert!(figures.table().contains("1 (0.5 from outside; THE EXCHANGE"));
    assert!(text.contains("-1.23 USDT realized"), "{text}");
    figures.open_orders_proven_by = Proof::Tracker;
    assert!(figures.table().contains("NOT PROVEN"));
    assert!(!figures.table().contains("KILL SWITCH"));
    figures.kill_switch = Some("the profit has fallen".to_owned());
    let text = figures.table();
    assert!(
        text.contains(
            "KILL SWITCH          thrown: the profit has fallen; nothing is placed until colibri run --resume"
        ),
        "{text}"
    );
}

#[test]
fn a_venue_for_contracts_has_its_own_lines_and_its_own_rounding() {
    let mut spot = check("USDT", 10, Some(10));
    let mut margin = check("USDT", 20, Some(21));
    margin.venue = VenueId::new("binance_perpetual").unwrap();
    spot.rounding = Amount::ZERO;
    let mut figures = report(vec![spot, margin]);
    assert_eq!(
        figures.ledger_agreement(),
        Agreement::Different,
        "not hidden by the other venue"
    );
    figures.balances[1].rounding = Amount(Decimal::new(1, 4));
    assert_eq!(figures.ledger_agreement(), Agreement::Equal);
    assert_eq!(figures.position_agreement(), None);
    let position = |ledger: i64, exchange: Option<i64>| PositionCheck {
        venue: VenueId::new("binance_perpetual").unwrap(),
        pair: "BTC-USDT".parse().unwrap(),
        side: PositionSide::Net,
        ledger: Quantity(Decimal::new(ledger, 2)),
        exchange: exchange.map(|units| Quantity(Decimal::new(units, 2))),
    };
    figures.positions = vec![position(-1, Some(-1))];
    let value: Value = serde_json::from_str(&figures.json_line()).unwrap();
    assert_eq!(value["positions_equal_exchange"], true);
    assert_eq!(value["positions"][0]["ledger"], "-0.01");
    let text = figures.table();
    for line in [
        "balance USDT         0.001 at binance (the exchange says the same)",
        "balance USDT         0.002 at binance_perpetual (the exchange says the same)",
        "position BTC-USDT    -0.01 at binance_perpetual (the exchange says the same)",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    figures.positions.push(position(1, Some(2)));
    assert_eq!(figures.position_agreement(), Some(Agreement::Different));
    assert!(figures.table().contains("THE EXCHANGE SAYS 0.02"));
    figures.positions[1].exchange = None;
    assert_eq!(figures.position_agreement(), Some(Agreement::NotStated));
}
