//! Profit for programs: decimals as text, times in nanoseconds since 1970, `null` for what is not known.

use std::collections::BTreeMap;

use colibri_model::profit::{Counted, Held, Owner, PriceSource, ProfitLine, ProfitStep, RateSource, Valued, Way};
use colibri_model::{Amount, Asset, Contract, ContractKind, WallNs};
use serde_json::{Map, Value, json};

use super::words::{amount, plain};
use super::{Profit, totals};

/// A bot's profit as one object.
pub(super) fn of(profit: &Profit) -> Value {
    let totals = totals::of(&profit.lines).into_iter().map(|(asset, total)| {
        let value = json!({
            "realized": amount(total.realized), "unrealized": amount(total.unrealized), "fees": amount(total.fees),
            "funding": amount(total.funding), "net": total.net().map(amount), "lines": total.lines,
            "unpriced": total.unpriced, "uncounted": by_asset(&total.uncounted),
        });
        (asset.to_string(), value)
    });
    json!({
        "folder": profit.folder,
        "lines": profit.lines.iter().map(line).collect::<Vec<_>>(),
        "totals": totals.collect::<Map<_, _>>(),
    })
}

fn line(line: &ProfitLine) -> Value {
    let key = &line.key;
    let strategy = match &key.owner {
        Owner::Strategy(strategy) => Some(strategy),
        _ => None,
    };
    let mut value = json!({
        "owner": key.owner.as_str(), "strategy": strategy, "venue": key.venue, "account": key.account, "pair": key.pair,
        "position_side": key.position_side, "contract": line.contract.as_ref().map(contract), "asset": line.asset(),
        "carried": held(line.carried, line), "held": held(line.held(), line), "mark": line.mark.as_ref().map(|mark| {
            let mut value = source(&mark.source);
            value["price"] = plain(mark.price.0).into();
            value
        }),
        "realized": amount(line.realized), "unrealized": line.unrealized().map(amount), "fees": amount(line.fees),
        "funding": amount(line.funding), "net": line.net().map(amount),
        "flow": amount(line.flow), "value": line.value().map(amount),
        "other_fees": by_asset(&line.other_fees), "other_funding": by_asset(&line.other_funding),
        "fills_without_fee": line.fills_without_fee,
        "fills": line.fills, "funding_payments": line.payments,
    });
    if !line.steps.is_empty() {
        value["steps"] = line.steps.iter().map(|of| step(of, line)).collect();
    }
    value
}

fn contract(contract: &Contract) -> Value {
    let kind = match contract.kind {
        ContractKind::Linear => "linear",
        ContractKind::Inverse => "inverse",
    };
    json!({"kind": kind, "size": plain(contract.size), "settle": contract.settle})
}

fn held(held: Held, line: &ProfitLine) -> Value {
    let average = held.average(line.terms()).map(|average| plain(average.0));
    json!({"quantity": plain(held.quantity.0), "cost": amount(held.cost), "average": average})
}

fn by_asset(amounts: &BTreeMap<Asset, Amount>) -> Value {
    let amounts = amounts
        .iter()
        .map(|(asset, of)| (asset.to_string(), amount(*of).into()));
    Value::Object(amounts.collect())
}

fn step(step: &ProfitStep, line: &ProfitLine) -> Value {
    let mut value = match &step.counted {
        Counted::Fill { fill, fee, in_kind } => json!({
            "kind": "fill", "trade_id": fill.key.trade_id, "client_id": fill.client_id, "exchange_id": fill.exchange_id,
            "side": fill.side, "price": plain(fill.price.0), "quantity": plain(fill.quantity.0), "cause": fill.cause,
            "fee": fee.as_ref().map(valued),
            "given_away": in_kind.map(|in_kind| {
                json!({"quantity": plain(in_kind.quantity.0), "realized": amount(in_kind.realized)})
            }),
        }),
        Counted::Funding { payment, paid } => json!({
            "kind": "funding", "id": payment.key.id, "paid": valued(paid), "rate": payment.rate.map(plain),
            "quantity": payment.quantity.map(|quantity| plain(quantity.0)),
        }),
    };
    let WallNs(time) = step.time();
    value["time_ns"] = time.into();
    value["before"] = held(step.before, line);
    value["after"] = held(step.after, line);
    value["realized"] = amount(step.realized).into();
    value["total"] = json!({
        "realized": amount(step.total_realized), "fees": amount(step.total_fees), "funding": amount(step.total_funding),
    });
    value
}

fn valued(valued: &Valued) -> Value {
    let mut value = json!({"asset": valued.asset, "amount": amount(valued.amount), "worth": null, "rate": null});
    if let Some((worth, rate)) = &valued.worth {
        value["worth"] = amount(*worth).into();
        let mut by = match &rate.source {
            RateSource::SameAsset => json!({"source": "same_asset"}),
            RateSource::OwnFill => json!({"source": "own_fill"}),
            RateSource::Recorded(recorded) => source(recorded),
        };
        by["price"] = plain(rate.price.0).into();
        by["way"] = match rate.way {
            Way::Times => "times",
            Way::Divided => "divided",
        }
        .into();
        value["rate"] = by;
    }
    value
}

fn source(source: &PriceSource) -> Value {
    match source {
        PriceSource::Fill {
            venue,
            pair,
            trade_id,
            time,
        } => json!({"source": "fill", "venue": venue, "pair": pair, "trade_id": trade_id, "time_ns": time}),
        PriceSource::Journal { venue, pair, time } => {
            json!({"source": "journal", "venue": venue, "pair": pair, "time_ns": time})
        }
        PriceSource::Book { venue, pair, time } => {
            json!({"source": "book", "venue": venue, "pair": pair, "time_ns": time})
        }
        PriceSource::Mark { venue, pair, time } => {
            json!({"source": "mark", "venue": venue, "pair": pair, "time_ns": time})
        }
        PriceSource::Given { pair } => json!({"source": "given", "pair": pair}),
    }
}
