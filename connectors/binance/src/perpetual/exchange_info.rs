//! Which contracts can be traded and by which rules (market-data/rest-api/Exchange-Information; common-definition).

use colibri_sdk::json::{MemberError, Object};
use colibri_sdk::model::{
    Asset, Contract, Decimal, Instrument, InstrumentStatus, OrderType, Pair, PriceBand, TimeInForce, TradingRule,
    WallNs,
};
use colibri_sdk::{Asked, Request};

use crate::exchange_info::{self, exponents, take_rules, words};
use crate::exchange_ns;

/// Triggers that an account may have waiting, in all instruments together: exchangeInfo does not say it any more (change-log,
/// 2025-12-29).
const MOST_TRIGGERS: u32 = 200;

/// A multiple of the mark price that no price has.
const UNBOUNDED: Decimal = Decimal::ONE_THOUSAND;

/// common-definition, "Contract status".
fn status(text: &str) -> InstrumentStatus {
    match text {
        "TRADING" => InstrumentStatus::Trading,
        "PENDING_TRADING" | "PRE_DELIVERING" | "DELIVERING" | "DELIVERED" | "PRE_SETTLE" | "SETTLING" | "CLOSE"
        | "BREAK" | "HALT" => InstrumentStatus::Halted,
        other => InstrumentStatus::Other(other.to_owned()),
    }
}

/// When a contract is delivered; `None` for a perpetual one, whose date is a century away.
fn delivery(symbol: &Object<'_>) -> Result<Option<WallNs>, MemberError> {
    let kind = symbol.some_text("contractType")?.unwrap_or_default();
    if kind.is_empty() || kind.contains("PERPETUAL") {
        return Ok(None);
    }
    let date = symbol.some_integer("deliveryDate")?.filter(|date| *date > 0);
    Ok(date.map(|date| WallNs(exchange_ns(date))))
}

/// The pair: of a dated contract with its date in the base, as the symbol has it.
fn pair(symbol: &Object<'_>, name: &str, delivery: Option<WallNs>) -> Result<Pair, MemberError> {
    let base = symbol.text("baseAsset")?;
    let base = match (delivery, name.rsplit_once('_')) {
        (Some(_), Some((_, date))) => format!("{base}_{date}"),
        _ => base.into_owned(),
    };
    Ok(Pair::new(Asset::new(&base), Asset::new(&symbol.text("quoteAsset")?)))
}

fn instrument(symbol: &Object<'_>) -> Result<Instrument, MemberError> {
    let name = symbol.text("symbol")?.into_owned();
    let delivery = delivery(symbol)?;
    let mut rules = TradingRule {
        min_notional_exempts_reducing: true,
        price_band_of_mark: true,
        max_triggers: Some(MOST_TRIGGERS),
        // An amended order goes to the end of its queue.
        amend: false,
        ..TradingRule::default()
    };
    take_rules(symbol, &mut rules)?;
    // "BUY: price <= markPrice * multiplierUp; SELL: price >= markPrice * multiplierDown"
    rules.price_band = rules.price_band.map(|band| PriceBand {
        buy_down: Decimal::ZERO,
        sell_up: UNBOUNDED,
        ..band
    });
    for word in words(symbol, "timeInForce")? {
        match word.as_str() {
            "GTC" => rules.times_in_force.push(TimeInForce::Gtc),
            "IOC" => rules.times_in_force.push(TimeInForce::Ioc),
            "FOK" => rules.times_in_force.push(TimeInForce::Fok),
            "GTD" => rules.times_in_force.push(TimeInForce::Gtd),
            // Post-only is a time in force here.
            "GTX" => rules.order_types.push(OrderType::LimitMaker),
            _ => {}
        }
    }
    let settle = match symbol.some_text("marginAsset")? {
        Some(asset) => asset,
        None => symbol.text("quoteAsset")?,
    };
    Ok(Instrument {
        pair: pair(symbol, &name, delivery)?,
        status: status(&symbol.text("status")?),
        exponents: exponents(&rules),
        rule: rules,
        contract: Some(Contract {
            delivery,
            ..Contract::linear(Asset::new(&settle))
        }),
        symbol: name,
    })
}

/// `GET /fapi/v1/exchangeInfo`.
pub(super) fn instruments() -> Asked {
    let request = Request::to("exchange_info", "/fapi/v1/exchangeInfo");
    Ok(exchange_info::instruments(request, instrument))
}
