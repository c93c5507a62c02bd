//! What user streams carry. Source: Binance, USD-M futures, "User Data Streams" and the pages of each event.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::algo_calls::life;
use super::exchange::Exchange;
use super::render::{average, millis, order_type, plain, stepped, tif};
use crate::identity::{AccountId, MarketId};
use crate::margin::{AssetsMode, MarginKind, PositionSide};
use crate::matching::{
    Cause, Effect, Execution, ExecutionReport, ExpiryReason, Liquidity, Order, OrderStatus, PositionChange,
    UpdateReason,
};
use crate::time::Timestamp;
use crate::wire::text::{amount, prevention, side, status};

impl Exchange {
    pub(super) fn tell_execution(&mut self, report: &ExecutionReport) {
        let account = report.order.account;
        if let Execution::Trade { .. } = &report.execution {
            let lite = self.trade_lite(report);
            self.send_to_account(account, "TRADE_LITE", &lite);
        }
        let Some(change) = self.order_change(report) else {
            return;
        };
        let event = json!({
            "e": "ORDER_TRADE_UPDATE",
            "E": report.time.millis(),
            "T": report.time.millis(),
            "o": change,
        });
        self.send_to_account(account, "ORDER_TRADE_UPDATE", &event);
    }

    fn trade_lite(&self, report: &ExecutionReport) -> Value {
        let (config, order) = (self.config(report.market), &report.order);
        let mut event = json!({
            "e": "TRADE_LITE",
            "E": report.time.millis(),
            "T": report.time.millis(),
            "s": config.symbol.as_str(),
            "q": stepped(order.quantity, config.lot.step),
            "p": stepped(order.price, config.price.tick),
            "c": order.client_id.as_str(),
            "S": side(order.side),
            "i": order.id.0,
        });
        if let Execution::Trade {
            trade,
            quantity,
            price,
            liquidity,
            ..
        } = &report.execution
        {
            event["m"] = json!(*liquidity == Liquidity::Maker);
            event["L"] = json!(stepped(*price, config.price.tick));
            event["l"] = json!(stepped(*quantity, config.lot.step));
            event["t"] = json!(trade.0);
        }
        event
    }

    /// The `o` of `ORDER_TRADE_UPDATE`; `None` for a change that the exchange does not tell.
    fn order_change(&self, report: &ExecutionReport) -> Option<Value> {
        let (config, order) = (self.config(report.market), &report.order);
        let detail = self.detail(report.market, order);
        let pledged = self.engine.pledged(order.account, report.market, order.terms.position);
        let forced = order.terms.cause != Cause::Client;
        let (change, shown) = match &report.execution {
            // What the exchange orders by itself is told as NEW and CALCULATED.
            Execution::New if forced => ("CALCULATED", OrderStatus::New),
            Execution::New => ("NEW", OrderStatus::New),
            Execution::Trade { .. } => ("TRADE", order.status),
            Execution::Canceled { .. } => ("CANCELED", order.status),
            Execution::Replaced { .. } => ("AMENDMENT", order.status),
            Execution::Expired => ("EXPIRED", order.status),
            Execution::TradePrevention(_) if order.status.is_open() => return None,
            Execution::TradePrevention(_) => ("EXPIRED", order.status),
        };
        let price = |value| stepped(value, config.price.tick);
        let quantity = |value| stepped(value, config.lot.step);
        let mut body = json!({
            "s": config.symbol.as_str(),
            "c": order.client_id.as_str(),
            "S": side(order.side),
            "o": order_type(order.kind),
            "f": tif(order),
            "q": quantity(order.quantity),
            "p": price(order.price),
            "ap": plain(average(order)),
            "sp": price(detail.stop_price),
            "x": change,
            "X": status(shown),
            "i": order.id.0,
            "l": "0",
            "z": quantity(order.executed),
            "L": "0",
            "T": report.time.millis(),
            "t": 0,
            "b": plain(pledged.bids),
            "a": plain(pledged.asks),
            "m": false,
            "R": order.terms.effect != Effect::Any,
            "wt": detail.working_type,
            "ot": detail.orig_type,
            "ps": order.terms.position.as_str(),
            "cp": order.terms.effect == Effect::ClosePosition,
            "pP": detail.price_protect,
            "si": 0,
            "ss": 0,
            "rp": "0",
            "V": prevention(order.self_trade_prevention),
            "pm": detail.price_match,
            "gtd": millis(order.terms.good_till),
            "er": expiry_reason(order).to_string(),
        });
        if let Execution::Trade {
            trade,
            quantity: traded,
            price: at,
            commission,
            commission_asset,
            liquidity,
            realized,
        } = &report.execution
        {
            body["l"] = json!(quantity(*traded));
            body["L"] = json!(price(*at));
            body["N"] = json!(commission_asset.as_str());
            body["n"] = json!(amount(*commission));
            body["t"] = json!(trade.0);
            body["m"] = json!(*liquidity == Liquidity::Maker);
            body["rp"] = json!(amount(*realized));
        }
        Some(body)
    }

    pub(super) fn tell_margin(&mut self, change: &PositionChange) {
        let margin = &self.engine.account(change.account).margin;
        let positions: Vec<Value> = change
            .positions
            .iter()
            .map(|(market, side)| self.position_change(change.account, *market, *side))
            .collect();
        let mut body = json!({
            "m": match change.reason {
                UpdateReason::Order => "ORDER",
                UpdateReason::FundingFee(_) => "FUNDING_FEE",
                UpdateReason::Transfer if change.moved < Decimal::ZERO => "WITHDRAW",
                UpdateReason::Transfer => "DEPOSIT",
                UpdateReason::MarginTransfer => "MARGIN_TRANSFER",
                UpdateReason::InsuranceClear => "INSURANCE_CLEAR",
            },
            "B": [{
                "a": self.margin_asset(),
                "wb": amount(margin.wallet()),
                "cw": amount(margin.cross_wallet()),
                "bc": plain(change.moved),
            }],
            "P": positions,
        });
        if let UpdateReason::FundingFee(market) = change.reason {
            body["S"] = json!(self.symbol(market).as_str());
        }
        let time = change.time.millis();
        let event = json!({ "e": "ACCOUNT_UPDATE", "E": time, "T": time, "a": body });
        self.send_to_account(change.account, "ACCOUNT_UPDATE", &event);
    }

    fn position_change(&self, account: AccountId, market: MarketId, side: PositionSide) -> Value {
        let margin = &self.engine.account(account).margin;
        let position = margin.position(market, side);
        let config = self.config(market);
        json!({
            "s": config.symbol.as_str(),
            "pa": stepped(position.amount, config.lot.step),
            "ep": plain(position.entry_price()),
            "bep": plain(position.break_even_price()),
            "cr": amount(position.realized),
            "up": amount(position.unrealized(self.engine.market(market).mark())),
            "mt": kind_of_margin(margin.settings(market).margin),
            "iw": amount(position.isolated_wallet),
            "ps": side.as_str(),
        })
    }

    pub(super) fn tell_margin_call(
        &mut self,
        account: AccountId,
        positions: &[(MarketId, PositionSide)],
        time: Timestamp,
    ) {
        let margin = &self.engine.account(account).margin;
        let mut cross = false;
        let mut rows = Vec::with_capacity(positions.len());
        for (market, side) in positions {
            let kind = margin.settings(*market).margin;
            cross |= kind == MarginKind::Cross;
            let position = margin.position(*market, *side);
            let demand = self.engine.demand(account, *market, *side);
            let config = self.config(*market);
            rows.push(json!({
                "s": config.symbol.as_str(),
                "ps": side.as_str(),
                "pa": stepped(position.amount, config.lot.step),
                "mt": match kind {
                    MarginKind::Cross => "CROSSED",
                    MarginKind::Isolated => "ISOLATED",
                },
                "iw": plain(position.isolated_wallet),
                "mp": plain(self.engine.market(*market).mark()),
                "up": plain(demand.unrealized),
                "mm": plain(demand.maintenance),
            }));
        }
        let mut event = json!({ "e": "MARGIN_CALL", "E": time.millis(), "p": rows });
        if cross {
            event["cw"] = json!(plain(margin.cross_wallet()));
        }
        self.send_to_account(account, "MARGIN_CALL", &event);
    }

    pub(super) fn tell_leverage(&mut self, account: AccountId, market: MarketId, leverage: u32) {
        let config = json!({ "s": self.symbol(market).as_str(), "l": leverage });
        self.tell_config(account, "ac", config);
    }

    pub(super) fn tell_assets_mode(&mut self, account: AccountId, mode: AssetsMode) {
        self.tell_config(account, "ai", json!({ "j": mode == AssetsMode::Multi }));
    }

    fn tell_config(&mut self, account: AccountId, field: &str, config: Value) {
        let now = self.now.millis();
        let mut event = json!({ "e": "ACCOUNT_CONFIG_UPDATE", "E": now, "T": now });
        event[field] = config;
        self.send_to_account(account, "ACCOUNT_CONFIG_UPDATE", &event);
    }

    /// Tells of a trigger as it stands.
    pub(super) fn tell_algo(&mut self, id: u64) {
        let Some(trigger) = self.algos.get(id) else { return };
        let config = self.config(trigger.market);
        let price = |value| stepped(value, config.price.tick);
        let actual = self.actual_order(trigger);
        let body = json!({
            "caid": trigger.client_id.as_str(),
            "aid": trigger.id,
            "at": "CONDITIONAL",
            "o": trigger.order_type(),
            "s": config.symbol.as_str(),
            "S": side(trigger.side),
            "ps": trigger.position.as_str(),
            "f": life(trigger),
            "q": stepped(trigger.quantity, config.lot.step),
            "X": trigger.status.as_str(),
            "ai": actual.map_or_else(String::new, |order| order.id.to_string()),
            "ap": actual.map_or_else(|| "0.00000".to_owned(), |order| format!("{:.5}", average(order))),
            "aq": actual.map_or_else(|| "0.00000".to_owned(), |order| plain(order.executed)),
            "act": actual.map_or("0", |order| order_type(order.kind)),
            "tp": price(trigger.trigger_price),
            "p": price(trigger.price),
            "V": prevention(trigger.prevention),
            "wt": trigger.working.as_str(),
            "pm": trigger.price_match.map_or("NONE", |matched| matched.name),
            "cp": trigger.effect == Effect::ClosePosition,
            "pP": trigger.protected,
            "R": trigger.effect != Effect::Any,
            "tt": millis(trigger.triggered),
            "gtd": millis(trigger.good_till),
            "rm": trigger.reason,
        });
        let (account, now) = (trigger.account, self.now.millis());
        let event = json!({ "e": "ALGO_UPDATE", "T": now, "E": now, "o": body });
        self.send_to_account(account, "ALGO_UPDATE", &event);
    }

    /// The `forceOrder` of what was liquidated; `None` for everything else.
    pub(super) fn forced_order(&self, report: &ExecutionReport) -> Option<Value> {
        let (config, order) = (self.config(report.market), &report.order);
        let Execution::Trade { quantity, .. } = &report.execution else {
            return None;
        };
        (order.terms.cause == Cause::Liquidation).then(|| {
            json!({
                "e": "forceOrder",
                "E": report.time.millis(),
                "o": {
                    "s": config.symbol.as_str(),
                    "S": side(order.side),
                    "o": order_type(order.kind),
                    "f": tif(order),
                    "q": stepped(order.quantity, config.lot.step),
                    "p": stepped(order.price, config.price.tick),
                    "ap": plain(average(order)),
                    "X": status(order.status),
                    "l": stepped(*quantity, config.lot.step),
                    "z": stepped(order.executed, config.lot.step),
                    "T": report.time.millis(),
                },
            })
        })
    }
}

fn kind_of_margin(kind: MarginKind) -> &'static str {
    match kind {
        MarginKind::Cross => "cross",
        MarginKind::Isolated => "isolated",
    }
}

/// The `er` of an order. Source: "Event: Order Update", expiry reason.
fn expiry_reason(order: &Order) -> u8 {
    match (order.status, order.expiry_reason) {
        (OrderStatus::ExpiredInMatch, _) => 1,
        (OrderStatus::Expired, Some(reason)) => match reason {
            ExpiryReason::UnfilledImmediateOrCancel | ExpiryReason::UnfilledFillOrKill => 2,
            ExpiryReason::NothingToReduce => 4,
            ExpiryReason::Liquidated => 5,
            ExpiryReason::InsufficientLiquidity => 9,
            ExpiryReason::GoodTillDate | ExpiryReason::WouldTake => 0,
        },
        _ => 0,
    }
}
