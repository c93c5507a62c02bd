//! What the user streams of the WebSocket API carry. Source: Binance, "User Data Streams".

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::connection::Door;
use super::exchange::Exchange;
use super::render::{TimeUnit, amount, expiry, kind, prevention, side, status, time_in_force};
use crate::identity::{AccountId, Asset};
use crate::matching::{Execution, ExecutionReport, Liquidity, OrderKind};
use crate::time::Timestamp;
use crate::wire::transport::Outgoing;

impl Exchange {
    pub(super) fn publish_execution(&mut self, report: &ExecutionReport) {
        let symbol = self.symbol(report.market).to_string();
        let group = self.engine.account(report.order.account).settings.trade_group;
        self.send_to_account(report.order.account, |unit| {
            execution_report(&symbol, report, group, unit)
        });
    }

    pub(super) fn publish_balances(&mut self, account: AccountId, assets: &[Asset], time: Timestamp) {
        let ledger = &self.engine.account(account).ledger;
        let balances: Value = assets
            .iter()
            .map(|asset| (asset, ledger.balance(asset)))
            .map(|(asset, balance)| {
                json!({ "a": asset.as_str(), "f": amount(balance.free), "l": amount(balance.locked) })
            })
            .collect();
        self.send_to_account(
            account,
            |unit| json!({ "e": "outboundAccountPosition", "E": unit.of(time), "u": unit.of(time), "B": balances }),
        );
    }

    pub(super) fn publish_transfer(&mut self, account: AccountId, asset: &Asset, delta: Decimal, time: Timestamp) {
        self.send_to_account(account, |unit| {
            json!({ "e": "balanceUpdate", "E": unit.of(time), "a": asset.as_str(), "d": amount(delta),
                "T": unit.of(time) })
        });
    }

    /// Sends an event to every subscription to an account's user stream.
    fn send_to_account(&mut self, account: AccountId, render: impl Fn(TimeUnit) -> Value) {
        for (id, connection) in &self.connections {
            let Door::Api(session) = &connection.door else { continue };
            for (subscription, (owner, _)) in &session.subscriptions {
                if *owner == account {
                    let text = json!({ "subscriptionId": subscription, "event": render(connection.unit) });
                    self.outgoing.push((*id, Outgoing::Text(text.to_string())));
                }
            }
        }
    }
}

fn execution_report(symbol: &str, report: &ExecutionReport, group: Option<u64>, unit: TimeUnit) -> Value {
    let order = &report.order;
    let zero = amount(Decimal::ZERO);
    let on_book = order.status.is_open() && (order.rests() || matches!(report.execution, Execution::New));
    let mut event = json!({
        "e": "executionReport",
        "E": unit.of(report.time),
        "s": symbol,
        "c": order.client_id.as_str(),
        "S": side(order.side),
        "o": kind(order.kind),
        "f": time_in_force(order.time_in_force),
        "q": amount(order.quantity),
        "p": amount(order.price),
        "P": zero,
        "F": zero,
        "g": -1,
        "C": "",
        "x": "NEW",
        "X": status(order.status),
        "r": "NONE",
        "i": order.id.0,
        "l": zero,
        "z": amount(order.executed),
        "L": zero,
        "n": "0",
        "N": Value::Null,
        "T": unit.of(report.time),
        "t": -1,
        "I": report.execution_id.0,
        "w": on_book,
        "m": false,
        "M": false,
        "O": unit.of(order.created),
        "Z": amount(order.quote_executed),
        "Y": zero,
        "Q": amount(order.quote_quantity),
        "V": prevention(order.self_trade_prevention),
    });
    if order.rests() || order.kind == OrderKind::Market || order.executed > Decimal::ZERO {
        event["W"] = json!(unit.of(order.created));
    }
    if let Some(id) = order.strategy_id {
        event["j"] = json!(id);
    }
    if let Some(kind) = order.strategy_type {
        event["J"] = json!(kind);
    }
    if let Some(reason) = order.expiry_reason {
        event["eR"] = json!(expiry(reason));
    }
    if let Some(id) = order.prevented_match {
        event["v"] = json!(id.0);
        event["A"] = json!(amount(order.prevented));
    }
    describe_execution(&mut event, symbol, &report.execution, group);
    event
}

fn describe_execution(event: &mut Value, symbol: &str, execution: &Execution, group: Option<u64>) {
    match execution {
        Execution::New => {}
        Execution::Trade {
            trade,
            quantity,
            price,
            commission,
            commission_asset,
            liquidity,
            realized: _,
        } => {
            event["x"] = json!("TRADE");
            event["t"] = json!(trade.0);
            event["l"] = json!(amount(*quantity));
            event["L"] = json!(amount(*price));
            event["Y"] = json!(amount(*price * *quantity));
            event["n"] = json!(amount(*commission));
            event["N"] = json!(commission_asset.as_str());
            event["m"] = json!(*liquidity == Liquidity::Maker);
            event["M"] = json!(true);
        }
        Execution::Canceled { cancel_id } => {
            event["x"] = json!("CANCELED");
            event["C"] = event["c"].take();
            event["c"] = json!(cancel_id.as_str());
        }
        Execution::Replaced { previous_client_id } => {
            event["x"] = json!("REPLACED");
            event["C"] = json!(previous_client_id.as_str());
        }
        Execution::Expired => event["x"] = json!("EXPIRED"),
        Execution::TradePrevention(detail) => {
            event["x"] = json!("TRADE_PREVENTION");
            event["v"] = json!(detail.id.0);
            event["B"] = json!(amount(detail.prevented));
            event["u"] = group.map_or(json!(-1), |group| json!(group));
            event["U"] = json!(detail.counter.0);
            event["Cs"] = json!(symbol);
            event["pl"] = json!(amount(detail.quantity));
            event["pL"] = json!(amount(detail.price));
            event["pY"] = json!(amount(detail.price * detail.quantity));
        }
    }
}
