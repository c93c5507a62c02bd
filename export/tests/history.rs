//! Orders and fills of a bot's history, in a file.
#![allow(clippy::unwrap_used)]

mod reading;

use std::path::Path;

use colibri::command::history::JOURNAL;
use colibri_export::history;
use colibri_model::{
    AccountId, Amount, Asset, ClientOrderId, Decimal, ExchangeOrderId, Fee, Fill, FillCause, FillKey, InstrumentId,
    Journal, Liquidity, OrderIntent, OrderState, OrderTerms, OrderType, PositionSide, Price, Quantity, QuantityUnit,
    Record, Side, StrategyId, TimeInForce, TradeId, VenueId, WallNs,
};
use colibri_store::journal::{Durability, JournalFile};
use reading::{Table, Value, read};

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn intent(price: Option<&str>) -> Record {
    Record::Intent {
        strategy: StrategyId::new("maker").unwrap(),
        venue: VenueId::new("binance").unwrap(),
        account: AccountId::new("main").unwrap(),
        pair: "BTC-USDT".parse().unwrap(),
        order: OrderIntent {
            client_id: ClientOrderId::new("c1").unwrap(),
            instrument: InstrumentId(7),
            side: Side::Sell,
            order_type: price.map_or(OrderType::Market, |_| OrderType::Limit),
            time_in_force: price.map(|_| TimeInForce::Gtc),
            price: price.map(|price| Price(decimal(price))),
            quantity: Quantity(decimal("0.50")),
            quantity_unit: QuantityUnit::Base,
            terms: OrderTerms::default(),
        },
        time: WallNs(1_795_264_838_000_000_001),
    }
}

fn fill(fee: &str) -> Record {
    Record::Filled {
        strategy: Some(StrategyId::new("maker").unwrap()),
        fill: Fill {
            key: FillKey {
                account: AccountId::new("main").unwrap(),
                venue: VenueId::new("binance").unwrap(),
                pair: "BTC-USDT".parse().unwrap(),
                trade_id: TradeId::new("t1").unwrap(),
                side: Side::Sell,
            },
            client_id: Some(ClientOrderId::new("c1").unwrap()),
            exchange_id: Some(ExchangeOrderId::new("e1").unwrap()),
            side: Side::Sell,
            price: Price(decimal("61824.01")),
            quantity: Quantity(decimal("0.2")),
            fee: Some(Fee {
                asset: Asset::new("BNB"),
                amount: Amount(decimal(fee)),
            }),
            liquidity: Some(Liquidity::Maker),
            position_side: PositionSide::Net,
            cause: FillCause::Order,
            exchange_time: WallNs(20),
            local_time: WallNs(21),
        },
    }
}

fn changed() -> Record {
    Record::OrderChanged {
        venue: VenueId::new("binance").unwrap(),
        client_id: ClientOrderId::new("c1").unwrap(),
        exchange_id: Some(ExchangeOrderId::new("e1").unwrap()),
        state: OrderState::PartiallyFilled,
        filled: None,
        reason: None,
        exchange_time: Some(WallNs(20)),
        time: WallNs(22),
    }
}

fn exported(records: &[Record]) -> (Table, Table) {
    let bot = tempfile::tempdir().unwrap();
    let (mut journal, _) = JournalFile::open(&bot.path().join(JOURNAL), Durability::default()).unwrap();
    journal.append(records).unwrap();
    drop(journal);
    let table = |export: fn(&Path, &Path) -> anyhow::Result<_>, name: &str| {
        let path = bot.path().join(name);
        let written: colibri_export::parquet_file::Written = export(bot.path(), &path).unwrap();
        let table = read(&path);
        assert_eq!(written.rows, table.rows() as u64);
        table
    };
    (
        table(history::orders, "orders.parquet"),
        table(history::fills, "fills.parquet"),
    )
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn an_order_and_its_fill_are_rows_with_everything_exact() {
    let (orders, fills) = exported(&[intent(Some("61824.01")), fill("-0.000123"), changed()]);
    let unit = 10_i128.pow(18);
    assert_eq!((orders.rows(), orders.scale), (1, Some(18)));
    for (column, value) in [
        ("created", Value::Instant(1_795_264_838_000_000_001)),
        ("bot", Value::Null),
        ("strategy", text("maker")),
        ("venue", text("binance")),
        ("account", text("main")),
        ("pair", text("BTC-USDT")),
        ("side", text("sell")),
        ("type", text("limit")),
        ("time_in_force", text("gtc")),
        ("price", Value::Decimal(6_182_401 * unit / 100)),
        ("quantity", Value::Decimal(unit / 2)),
        ("quantity_unit", text("base")),
        ("state", text("partially_filled")),
        ("filled", Value::Decimal(unit / 5)),
        ("filled_notional", Value::Decimal(12_364_802 * unit / 1_000)),
        ("client_order_id", text("c1")),
        ("exchange_order_id", text("e1")),
        ("updated", Value::Instant(22)),
        ("exchange_time", Value::Instant(20)),
        ("cancel_requested", Value::Null),
        ("reason", Value::Null),
    ] {
        assert_eq!(orders.columns[column], [value], "{column}");
    }
    assert_eq!((fills.rows(), fills.scale), (1, Some(18)));
    for (column, value) in [
        ("exchange_time", Value::Instant(20)),
        ("received", Value::Instant(21)),
        ("strategy", text("maker")),
        ("side", text("sell")),
        ("price", Value::Decimal(6_182_401 * unit / 100)),
        ("quantity", Value::Decimal(unit / 5)),
        ("fee", Value::Decimal(-123 * unit / 1_000_000)),
        ("fee_asset", text("BNB")),
        ("liquidity", text("maker")),
        ("trade_id", text("t1")),
        ("client_order_id", text("c1")),
        ("exchange_order_id", text("e1")),
    ] {
        assert_eq!(fills.columns[column], [value], "{column}");
    }
}

#[test]
fn a_market_order_has_no_price() {
    let (orders, fills) = exported(&[intent(None)]);
    assert_eq!(orders.columns["price"], [Value::Null]);
    assert_eq!(orders.columns["time_in_force"], [Value::Null]);
    assert_eq!(fills.rows(), 0);
}

#[test]
fn a_value_that_is_deeper_than_usual_deepens_its_file_and_is_not_rounded() {
    let (orders, fills) = exported(&[intent(Some("61824.01")), fill("0.000000000000000000123")]);
    assert_eq!(orders.scale, Some(18));
    assert_eq!(fills.scale, Some(21));
    assert_eq!(fills.columns["fee"], [Value::Decimal(123)]);
    assert_eq!(fills.columns["quantity"], [Value::Decimal(2 * 10_i128.pow(20))]);
}
