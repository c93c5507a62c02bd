//! `colibri pnl` through its real door: of a run of the demo, whose every fill is added up once more here, and of journals that
//! were written for it, whose figures are worked by hand.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use colibri_model::{
    AccountId, Amount, Asset, Contract, Decimal, Fee, Fill, FillCause, FillKey, FundingKey, FundingPayment,
    FundingPaymentId, Journal, PositionSide, Price, Quantity, Record, Side, StrategyId, TradeId, VenueId, WallNs,
};
use colibri_store::journal::{Durability, JournalFile};
use colibri_tests::built;
use serde_json::Value;

fn colibri(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(built::host())
        .args(arguments)
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder)
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{arguments:?}: {stdout}\n{stderr}");
    stdout
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let text = colibri(folder, arguments);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {text}"))
}

fn decimal(value: &Value) -> Decimal {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no text"));
    text.parse().unwrap()
}

#[test]
fn a_run_s_profit_is_what_its_fills_paid_and_received_and_what_it_holds() {
    built::connector("binance");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let release = built::release_directory();
    let demo = [
        "demo",
        "--json",
        "--seconds",
        "30",
        "--plugin-dir",
        release.to_str().unwrap(),
    ];
    colibri(folder, &demo);
    let trades = json(folder, &["trades", "data/demo", "--format", "json"]);
    let trades = trades.as_array().unwrap();
    let fees_in_base = trades.iter().filter(|t| t["fee_asset"] == "BTC").count();
    assert!(fees_in_base > 0 && fees_in_base < trades.len(), "{trades:?}");

    let profit = json(folder, &["pnl", "--bot", "data/demo", "--json", "--explain"]);
    let line = &profit["lines"][0];
    assert_eq!(profit["lines"].as_array().unwrap().len(), 1, "{profit}");
    let (mut money, mut coins) = (Decimal::ZERO, Decimal::ZERO);
    for trade in trades {
        let (price, quantity) = (decimal(&trade["price"]), decimal(&trade["quantity"]));
        let signed = if trade["side"] == "buy" { quantity } else { -quantity };
        coins += signed;
        money -= signed * price;
        let fee = decimal(&trade["fee"]);
        match trade["fee_asset"].as_str().unwrap() {
            "BTC" => coins -= fee,
            "USDT" => money -= fee,
            other => panic!("a fee in {other}"),
        }
    }
    let mark = decimal(&line["mark"]["price"]);
    assert_eq!(decimal(&line["held"]["quantity"]), coins, "{line}");
    assert_eq!(decimal(&line["net"]), money + coins * mark, "{line}");
    let ids = |value: &Value, name: &str| -> Vec<String> {
        let of = value.as_array().unwrap().iter();
        of.map(|item| if name.is_empty() { item } else { &item[name] })
            .map(|id| id.as_str().unwrap().to_owned())
            .collect()
    };
    let traded: Vec<_> = trades
        .iter()
        .map(|t| t["trade_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids(&line["fills"], ""), traded, "every figure names its fills");
    assert_eq!(ids(&line["steps"], "trade_id"), traded);
    let steps = line["steps"].as_array().unwrap();
    let realized: Decimal = steps.iter().map(|step| decimal(&step["realized"])).sum();
    assert_eq!(decimal(&line["realized"]), realized);
    assert_eq!(profit["totals"]["USDT"]["net"], line["net"]);

    // The bot by its name, and in words; another strategy has nothing.
    let strategy = line["strategy"].as_str().unwrap();
    let text = colibri(folder, &["pnl", "--bot", "demo", "--strategy", strategy]);
    let net = format!("  net            {} USDT", line["net"].as_str().unwrap());
    assert!(text.contains(&net) && text.contains("; --explain shows each"), "{text}");
    let none = colibri(folder, &["pnl", "--bot", "demo", "--strategy", "nobody"]);
    assert!(none.contains("nothing was traded since its journal began"), "{none}");
}

const MINUTE: i64 = 60_000_000_000;
const BEGIN: i64 = 1_790_000_000_000_000_000;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn venue(name: &str) -> VenueId {
    VenueId::new(name).unwrap()
}

fn account() -> AccountId {
    AccountId::new("main").unwrap()
}

fn strategy(name: &str) -> Option<StrategyId> {
    (!name.is_empty()).then(|| StrategyId::new(name).unwrap())
}

/// What a fill is, but for its time and number: strategy, venue, side, price, quantity, fee.
type Traded<'a> = (&'a str, &'a str, Side, &'a str, &'a str, &'a str);

fn fill(minute: i64, (owner, at, side, price, quantity, fee): Traded<'_>, cause: FillCause) -> Record {
    Record::Filled {
        strategy: strategy(owner),
        fill: Fill {
            key: FillKey {
                account: account(),
                venue: venue(at),
                pair: "BTC-USDT".parse().unwrap(),
                trade_id: TradeId::new(&format!("t{minute}")).unwrap(),
                side,
            },
            client_id: None,
            exchange_id: None,
            side,
            price: Price(dec(price)),
            quantity: Quantity(dec(quantity)),
            fee: fee.split_once(' ').map(|(amount, asset)| Fee {
                asset: Asset::new(asset),
                amount: Amount(dec(amount)),
            }),
            liquidity: None,
            position_side: PositionSide::Net,
            cause,
            exchange_time: WallNs(BEGIN + minute * MINUTE),
            local_time: WallNs(BEGIN + minute * MINUTE),
        },
    }
}

fn funding(minute: i64, owner: &str, amount: &str) -> Record {
    Record::FundingPaid {
        strategy: strategy(owner),
        payment: FundingPayment {
            key: FundingKey {
                account: account(),
                venue: venue("perpetual"),
                pair: "BTC-USDT".parse().unwrap(),
                time: WallNs(BEGIN + minute * MINUTE),
                id: FundingPaymentId::new(&format!("f{minute}")).unwrap(),
            },
            asset: Asset::new("USDT"),
            amount: Amount(dec(amount)),
            position_side: PositionSide::Net,
            rate: Some(dec("0.0001")),
            quantity: Some(Quantity(dec("-2"))),
            local_time: WallNs(BEGIN + minute * MINUTE),
        },
    }
}

fn price_seen(minute: i64, price: &str) -> Record {
    Record::PriceSeen {
        venue: venue("spot"),
        pair: "BNB-USDT".parse().unwrap(),
        price: Price(dec(price)),
        of: WallNs(BEGIN + minute * MINUTE),
        time: WallNs(BEGIN + minute * MINUTE + 1),
    }
}

/// A spot strategy as in the book's page, and one of contracts that is liquidated in the end, in one journal.
fn a_day() -> Vec<Record> {
    use FillCause::{Liquidation, Order};
    vec![
        Record::Started {
            bot: "carry".to_owned(),
            version: "0.1.0".to_owned(),
            time: WallNs(BEGIN),
        },
        Record::ContractKnown {
            venue: venue("perpetual"),
            account: account(),
            pair: "BTC-USDT".parse().unwrap(),
            contract: Contract::linear(Asset::new("USDT")),
            time: WallNs(BEGIN),
        },
        fill(1, ("maker", "spot", Side::Buy, "100", "1.001", "0.001 BTC"), Order),
        price_seen(2, "600"),
        fill(2, ("maker", "spot", Side::Buy, "110", "1", "0.002 BNB"), Order),
        fill(3, ("maker", "spot", Side::Sell, "120", "1", "0.12 USDT"), Order),
        fill(4, ("maker", "spot", Side::Sell, "115", "3", "0.345 USDT"), Order),
        fill(5, ("carry", "perpetual", Side::Sell, "50000", "2", "50 USDT"), Order),
        funding(6, "carry", "3.09"),
        funding(6, "carry", "3.09"),
        fill(7, ("carry", "perpetual", Side::Buy, "49000", "1", "24.5 USDT"), Order),
        fill(8, ("", "perpetual", Side::Buy, "49500", "1", "0.03 BNB"), Liquidation),
    ]
}

fn written(records: &[Record]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data/carry");
    std::fs::create_dir_all(&data).unwrap();
    let (mut journal, _) = JournalFile::open(&data.join("journal.colibri"), Durability::Process).unwrap();
    for record in records {
        journal.append(std::slice::from_ref(record)).unwrap();
    }
    folder
}

#[test]
fn a_day_of_spot_and_contracts_is_as_worked_by_hand() {
    let folder = written(&a_day());
    let folder = folder.path();
    let ask = ["pnl", "--bot", "carry", "--json", "--price", "BTC-USDT=110"];
    let profit = json(folder, &ask);
    let of = |owner: &str| {
        let lines = profit["lines"].as_array().unwrap();
        lines.iter().find(|line| line["owner"] == owner).unwrap().clone()
    };
    let maker = of("maker");
    let figures = |line: &Value| {
        ["realized", "unrealized", "fees", "funding", "net"].map(|name| line[name].as_str().unwrap().to_owned())
    };
    assert_eq!(figures(&maker), ["25", "10", "1.765", "0", "33.235"]);
    assert_eq!(maker["fills"], serde_json::json!(["t1", "t2", "t3", "t4"]));
    assert!(maker["contract"].is_null());
    // 2 sold at 50,000, of which one was bought back at 49,000; the other is short at 50,000 still, and at 110.
    let carry = of("carry");
    assert_eq!(figures(&carry), ["1000", "49890", "74.5", "3.09", "50818.59"]);
    assert_eq!(
        carry["funding_payments"],
        serde_json::json!(["f6"]),
        "a payment counts once"
    );
    assert_eq!(carry["contract"]["kind"], "linear");
    // What closed it is no strategy's. Nothing says what its fee was worth: 0.03 BNB, six minutes after the last price.
    let forced = of("(liquidation)");
    assert_eq!(figures(&forced), ["0", "-49390", "0", "0", "-49390"]);
    assert_eq!(forced["other_fees"], serde_json::json!({"BNB": "0.03"}));
    // Both together hold nothing: whatever the price, they have won 1,500 less fees, with funding.
    let sum = decimal(&carry["net"]) + decimal(&forced["net"]);
    assert_eq!(sum, dec("1500") - dec("74.5") + dec("3.09"));
    assert_eq!(profit["totals"]["USDT"]["net"], (sum + dec("33.235")).to_string());

    // A part of the time: what was held is carried in at its cost.
    let since = (BEGIN + 3 * MINUTE) / 1_000_000;
    let late = json(
        folder,
        &[&ask[..], &["--since", &since.to_string(), "--strategy", "maker"]].concat(),
    );
    assert_eq!(late["lines"][0]["carried"]["cost"], "210");
    assert_eq!(figures(&late["lines"][0]), ["25", "10", "0.465", "0", "34.535"]);
}

#[test]
fn each_step_is_shown_with_its_rate_and_the_sums_in_two_ways() {
    let folder = written(&a_day());
    let arguments = ["pnl", "--bot", "carry", "--explain", "--price", "BTC-USDT=110"];
    let text = colibri(folder.path(), &arguments);
    for words in [
        "maker BTC-USDT at spot as main (spot)",
        "trade t1: buy 1.001 at 100\n      held       0 -> 1.001 BTC, cost 0 -> 100.1 USDT, average 100\n      \
         fee        0.001 BTC × 100 (the fill's own price) = 0.1 USDT\n      \
         given away 0.001 BTC at the fill's price, 1.001 -> 1 BTC, cost 100.1 -> 100 USDT, average 100",
        "fee        0.002 BNB × 600 (the price of BNB-USDT at spot in the journal, 2026-09-21T14:15:20.000000000Z) = 1.2 USDT",
        "held       2 -> 1 BTC, cost 210 -> 105 USDT, average 105",
        "held       1 -> -2 BTC, cost 105 -> -230 USDT, average 115",
        "so far     realized 25 - fees 1.765 + funding 0 = 23.235 USDT",
        "sum: realized 25 + unrealized 10 - fees 1.765 + funding 0 = 33.235 USDT",
        "the same by money: received less paid 255 + held worth -220 - fees 1.765 + funding 0 = 33.235 USDT",
        "funding f6: 3.09 USDT of a position of -2 at a rate of 0.0001",
        "trade t8: buy 1 at 49500, liquidation",
        "fee        0.03 BNB, not converted: no rate is on record of that time",
        "not counted    fees of 0.03 BNB: no rate is on record of when they were paid",
        "valued at      110 (as given)",
    ] {
        assert!(text.contains(words), "{words}\nin\n{text}");
    }
    // A person can add up what is shown: the contributions of the maker's fills are its figures.
    let maker = text.split("BTC-USDT at spot").nth(1).unwrap();
    let maker = maker.split("    sum: ").next().unwrap();
    let amount = |line: &str| -> Decimal {
        let sum = line.rsplit(" = ").next().unwrap();
        dec(sum.trim().split(' ').next().unwrap())
    };
    let realized = maker.lines().filter_map(|line| line.strip_prefix("      realized   "));
    assert_eq!(realized.map(amount).sum::<Decimal>(), dec("25"));
    let fees = maker.lines().filter_map(|line| line.strip_prefix("      fee        "));
    assert_eq!(fees.map(amount).sum::<Decimal>(), dec("1.765"));
}

#[test]
fn what_was_asked_wrongly_and_what_is_not_there_is_said() {
    let folder = written(&a_day());
    let ask = |arguments: &[&str]| {
        let mut command = Command::new(built::host());
        let output = command
            .arg("pnl")
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for (arguments, code, words) in [
        (&["--since", "yesterday"][..], 2, "2026-11-29T15:23:36"),
        (&["--price", "BTC-USDT"], 2, "PAIR=PRICE"),
        (&["--price", "BTC-USDT=0"], 2, "above zero"),
        (&["--bot", "carry", "--pair", "BTCUSDT"], 1, "BASE-QUOTE"),
        (&["--bot", "nobody"], 3, "nobody"),
    ] {
        let (exit, error) = ask(arguments);
        assert_eq!(exit, Some(code), "{arguments:?}: {error}");
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
    let every = json(folder.path(), &["pnl", "--json"]);
    assert_eq!(every["bots"].as_array().unwrap().len(), 1, "{every}");
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = Command::new(built::host());
    let output = command.arg("pnl").current_dir(elsewhere.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(8));
}
