//! What the host remembers of all its runs beside what the exchange did.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;

use super::bot::BotFolder;
use super::exchange::{LocalExchange, decimal, text};

/// What the host's client order ids begin with.
const PREFIX: &str = "clb";

/// How much was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Orders in the history.
    pub orders: usize,
    /// Those of them that reached the exchange.
    pub at_exchange: usize,
    /// Fills.
    pub fills: usize,
}

/// Compares every order, every fill and every balance.
///
/// # Panics
/// With every difference.
#[must_use]
pub fn compare(exchange: &LocalExchange, before: &BTreeMap<String, Decimal>, bot: &BotFolder) -> Figures {
    let (orders, trades) = (bot.orders(), bot.trades());
    let (exchange_orders, exchange_trades) = (exchange.all_orders(), exchange.trades());
    let mut wrong = Vec::new();
    compare_orders(&orders, &exchange_orders, &mut wrong);
    compare_trades(&trades, &exchange_trades, &mut wrong);
    compare_balances(&trades, before, &exchange.balances(), &mut wrong);
    assert!(
        wrong.is_empty(),
        "history and exchange differ in {} places:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    Figures {
        orders: orders.len(),
        at_exchange: exchange_orders.len(),
        fills: trades.len(),
    }
}

/// Rows by a key that must be unique.
fn by<'a>(
    rows: &'a [Value],
    what: &str,
    key: impl Fn(&Value) -> String,
    wrong: &mut Vec<String>,
) -> BTreeMap<String, &'a Value> {
    let mut map = BTreeMap::new();
    for row in rows {
        if let Some(twin) = map.insert(key(row), row) {
            wrong.push(format!("{what} stands twice: {twin} and {row}"));
        }
    }
    map
}

fn compare_orders(ours: &[Value], theirs: &[Value], wrong: &mut Vec<String>) {
    let ours = by(
        ours,
        "an order in the history",
        |o| text(&o["client_order_id"]).to_owned(),
        wrong,
    );
    let theirs = by(
        theirs,
        "a client order id at the exchange",
        |o| text(&o["clientOrderId"]).to_owned(),
        wrong,
    );
    for (id, order) in &theirs {
        let Some(known) = ours.get(id) else {
            let whose = if id.starts_with(PREFIX) {
                "ours"
            } else {
                "nobody's we know"
            };
            wrong.push(format!(
                "{id} ({whose}) was at the exchange and is not in the history: {order}"
            ));
            continue;
        };
        let state = match text(&order["status"]) {
            "FILLED" => "filled",
            "CANCELED" => "cancelled",
            "EXPIRED" | "EXPIRED_IN_MATCH" => "expired",
            _ => "an end",
        };
        let same = known["state"] == state
            && text(&known["side"]).eq_ignore_ascii_case(text(&order["side"]))
            && decimal(&known["price"]) == decimal(&order["price"])
            && decimal(&known["quantity"]) == decimal(&order["origQty"])
            && decimal(&known["filled"]) == decimal(&order["executedQty"])
            && known["exchange_order_id"].as_str() == Some(order["orderId"].to_string().as_str());
        if !same {
            wrong.push(format!("an order differs: history {known}, exchange {order}"));
        }
    }
    for (id, order) in &ours {
        // Never sent, or refused: either way the exchange knows nothing of it, and the history must say so.
        if !theirs.contains_key(id) && (order["state"] != "rejected" || !decimal(&order["filled"]).is_zero()) {
            wrong.push(format!(
                "the exchange never had what the history holds for real: {order}"
            ));
        }
    }
}

fn compare_trades(ours: &[Value], theirs: &[Value], wrong: &mut Vec<String>) {
    // By the side too: a trade of two of our own orders is a fill of each.
    let side_of = |trade: &Value| if trade["isBuyer"] == true { "buy" } else { "sell" };
    let ours = by(
        ours,
        "a fill in the history",
        |t| format!("{} {}", text(&t["trade_id"]), text(&t["side"])),
        wrong,
    );
    let theirs = by(
        theirs,
        "a trade at the exchange",
        |t| format!("{} {}", t["id"], side_of(t)),
        wrong,
    );
    for (id, trade) in &theirs {
        let Some(known) = ours.get(id) else {
            wrong.push(format!("a fill is lost: {trade}"));
            continue;
        };
        let same = known["side"] == side_of(trade)
            && decimal(&known["price"]) == decimal(&trade["price"])
            && decimal(&known["quantity"]) == decimal(&trade["qty"])
            && decimal(&known["fee"]) == decimal(&trade["commission"])
            && known["fee_asset"] == trade["commissionAsset"]
            && known["exchange_order_id"].as_str() == Some(trade["orderId"].to_string().as_str())
            && known["strategy"] == "maker";
        if !same {
            wrong.push(format!("a fill differs: history {known}, exchange {trade}"));
        }
    }
    for (id, trade) in &ours {
        if !theirs.contains_key(id) {
            wrong.push(format!("a fill that never was: {trade}"));
        }
    }
}

/// The balances before the first run and every fill of the history make the balances after the last.
fn compare_balances(
    trades: &[Value],
    before: &BTreeMap<String, Decimal>,
    after: &BTreeMap<String, Decimal>,
    wrong: &mut Vec<String>,
) {
    let mut expected = before.clone();
    for trade in trades {
        let (base, quote) = text(&trade["pair"]).split_once('-').expect("a pair has two assets");
        let quantity = decimal(&trade["quantity"]);
        let notional = quantity * decimal(&trade["price"]);
        let (base_moves, quote_moves) = match text(&trade["side"]) {
            "buy" => (quantity, -notional),
            _ => (-quantity, notional),
        };
        *expected.entry(base.to_owned()).or_default() += base_moves;
        *expected.entry(quote.to_owned()).or_default() += quote_moves;
        *expected.entry(text(&trade["fee_asset"]).to_owned()).or_default() -= decimal(&trade["fee"]);
    }
    if expected != *after {
        wrong.push(format!(
            "balances differ: the fills make {expected:?}, the exchange says {after:?}"
        ));
    }
}
