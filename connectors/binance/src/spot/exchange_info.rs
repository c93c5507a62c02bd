//! What can be traded and by which rules (rest-api.md, "Exchange information"; filters.md; enums.md, "Symbol status").

use colibri_sdk::json::Reader;
use colibri_sdk::model::{
    Amount, Asset, Decimal, Exponents, Instrument, InstrumentStatus, OrderType, Pair, Price, PriceBand, Quantity,
    TimeInForce, TradingRule, to_mantissa,
};
use colibri_sdk::standard::InstrumentsEvent;
use colibri_sdk::{Asked, Request, Step, serde_json, unreadable};
use serde::Deserialize;

use super::order_report::order_type;

/// A symbol, as far as it says what may be sent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Symbol {
    symbol: String,
    status: String,
    base_asset: Asset,
    quote_asset: Asset,
    #[serde(default)]
    order_types: Vec<String>,
    #[serde(default)]
    quote_order_qty_market_allowed: bool,
    #[serde(default)]
    cancel_replace_allowed: bool,
    #[serde(default)]
    amend_allowed: bool,
    #[serde(default = "yes")]
    is_spot_trading_allowed: bool,
    #[serde(default)]
    filters: Vec<Filter>,
}

const fn yes() -> bool {
    true
}

/// A filter. Kinds that this version does not know change nothing here: the exchange refuses what breaks them.
#[derive(Debug, Deserialize)]
#[serde(tag = "filterType", rename_all_fields = "camelCase")]
enum Filter {
    #[serde(rename = "PRICE_FILTER")]
    Price {
        min_price: Price,
        max_price: Price,
        tick_size: Price,
    },
    #[serde(rename = "LOT_SIZE")]
    LotSize {
        min_qty: Quantity,
        max_qty: Quantity,
        step_size: Quantity,
    },
    #[serde(rename = "MARKET_LOT_SIZE")]
    MarketLotSize {
        min_qty: Quantity,
        max_qty: Quantity,
        step_size: Quantity,
    },
    #[serde(rename = "MIN_NOTIONAL")]
    MinNotional {
        min_notional: Amount,
        #[serde(default)]
        apply_to_market: bool,
    },
    #[serde(rename = "NOTIONAL")]
    Notional {
        min_notional: Amount,
        #[serde(default)]
        apply_min_to_market: bool,
        #[serde(default)]
        max_notional: Amount,
        #[serde(default)]
        apply_max_to_market: bool,
    },
    #[serde(rename = "PERCENT_PRICE")]
    PercentPrice {
        multiplier_up: Amount,
        multiplier_down: Amount,
    },
    #[serde(rename = "PERCENT_PRICE_BY_SIDE")]
    PercentPriceBySide {
        bid_multiplier_up: Amount,
        bid_multiplier_down: Amount,
        ask_multiplier_up: Amount,
        ask_multiplier_down: Amount,
    },
    #[serde(rename = "MAX_NUM_ORDERS")]
    MaxNumOrders { max_num_orders: u32 },
    #[serde(rename = "MAX_POSITION")]
    MaxPosition { max_position: Quantity },
    #[serde(other)]
    Unknown,
}

/// "Any of the above variables can be set to 0, which disables that rule."
fn rule<T: Copy + Default + PartialOrd>(value: T) -> Option<T> {
    Some(value).filter(|v| *v > T::default())
}

impl Filter {
    fn apply(self, rules: &mut TradingRule) {
        match self {
            Filter::Price {
                min_price,
                max_price,
                tick_size,
            } => {
                rules.min_price = rule(min_price);
                rules.max_price = rule(max_price);
                rules.price_tick = rule(tick_size);
            }
            Filter::LotSize {
                min_qty,
                max_qty,
                step_size,
            } => {
                rules.min_quantity = rule(min_qty);
                rules.max_quantity = rule(max_qty);
                rules.quantity_step = rule(step_size);
            }
            Filter::MarketLotSize {
                min_qty,
                max_qty,
                step_size,
            } => {
                rules.min_market_quantity = rule(min_qty);
                rules.max_market_quantity = rule(max_qty);
                rules.market_quantity_step = rule(step_size);
            }
            Filter::MinNotional {
                min_notional,
                apply_to_market,
            } => {
                rules.min_notional = rule(min_notional);
                rules.min_notional_applies_to_market = apply_to_market;
            }
            Filter::Notional {
                min_notional,
                apply_min_to_market,
                max_notional,
                apply_max_to_market,
            } => {
                rules.min_notional = rule(min_notional);
                rules.min_notional_applies_to_market = apply_min_to_market;
                rules.max_notional = rule(max_notional);
                rules.max_notional_applies_to_market = apply_max_to_market;
            }
            Filter::PercentPrice {
                multiplier_up,
                multiplier_down,
            } => {
                rules.price_band = Some(PriceBand {
                    buy_down: multiplier_down.0,
                    buy_up: multiplier_up.0,
                    sell_down: multiplier_down.0,
                    sell_up: multiplier_up.0,
                });
            }
            Filter::PercentPriceBySide {
                bid_multiplier_up,
                bid_multiplier_down,
                ask_multiplier_up,
                ask_multiplier_down,
            } => {
                rules.price_band = Some(PriceBand {
                    buy_down: bid_multiplier_down.0,
                    buy_up: bid_multiplier_up.0,
                    sell_down: ask_multiplier_down.0,
                    sell_up: ask_multiplier_up.0,
                });
            }
            Filter::MaxNumOrders { max_num_orders } => rules.max_open_orders = Some(max_num_orders),
            Filter::MaxPosition { max_position } => rules.max_position = rule(max_position),
            Filter::Unknown => {}
        }
    }
}

fn status(symbol: &Symbol) -> InstrumentStatus {
    match symbol.status.as_str() {
        // A symbol that only margin accounts trade is in the list too.
        "TRADING" if !symbol.is_spot_trading_allowed => InstrumentStatus::Halted,
        "TRADING" => InstrumentStatus::Trading,
        "CANCEL_ONLY" => InstrumentStatus::CancelOnly,
        "HALT" | "BREAK" | "END_OF_DAY" => InstrumentStatus::Halted,
        other => InstrumentStatus::Other(other.to_owned()),
    }
}

/// How far above the greatest allowed value a message may be: a level sums many orders.
const HEADROOM: Decimal = Decimal::ONE_THOUSAND;

/// The exponent of a value that Binance writes with eight places. Where so many places leave no room in 64 bits for the
/// greatest value, fewer, but never fewer than the step has: then every value that the rules allow is exact.
fn exponent(step: Option<Decimal>, most: Option<Decimal>, headroom: Decimal) -> i32 {
    let coarsest = step
        .map_or(0, |s| -i32::try_from(s.normalize().scale()).unwrap_or(0))
        .min(0);
    let most = most.and_then(|m| m.checked_mul(headroom)).unwrap_or(Decimal::ZERO);
    // Finer than eight places only where the step is.
    (coarsest.min(-8)..=coarsest)
        .find(|&e| to_mantissa(most.trunc(), e).is_ok())
        .unwrap_or(coarsest)
}

fn instrument(symbol: Symbol) -> Instrument {
    let mut rules = TradingRule {
        order_types: symbol.order_types.iter().filter_map(|t| order_type(t)).collect(),
        times_in_force: vec![TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok],
        quote_quantity: symbol.quote_order_qty_market_allowed,
        amend: symbol.amend_allowed,
        replace: symbol.cancel_replace_allowed,
        ..TradingRule::default()
    };
    if rules.order_types.is_empty() {
        rules.order_types = vec![OrderType::Limit];
    }
    let status = status(&symbol);
    for filter in symbol.filters {
        filter.apply(&mut rules);
    }
    let exponents = Exponents {
        price: exponent(
            rules.price_tick.map(|t| t.0),
            rules.max_price.map(|p| p.0),
            Decimal::ONE,
        ),
        quantity: exponent(
            rules.quantity_step.map(|s| s.0),
            rules.max_quantity.map(|q| q.0),
            HEADROOM,
        ),
    };
    Instrument {
        pair: Pair::new(symbol.base_asset, symbol.quote_asset),
        symbol: symbol.symbol,
        status,
        exponents,
        rule: rules,
    }
}

/// `GET /api/v3/exchangeInfo`. A symbol that cannot be read is left out and told in the log; the rest stands.
pub(super) fn instruments() -> Asked {
    let request = Request::to("exchange_info", "/api/v3/exchangeInfo").query("showPermissionSets", "false");
    Ok(request.reads(|reply, out| {
        let mut instruments = Vec::new();
        let mut found = false;
        Reader::whole(reply.body(), |r| {
            r.object(|key, r| {
                if key != b"symbols" {
                    return r.skip();
                }
                found = true;
                r.array(|r| {
                    match serde_json::from_slice::<Symbol>(r.raw()?) {
                        Ok(symbol) => instruments.push(instrument(symbol)),
                        Err(error) => out.warn(&format!("a symbol that cannot be read is left out: {error}")),
                    }
                    Ok(())
                })
            })
        })
        .map_err(|e| unreadable(&e))?;
        if !found {
            return Err(unreadable(&"exchange information without symbols"));
        }
        out.event(InstrumentsEvent { instruments });
        Ok(Step::Done)
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(step: &str, most: &str, headroom: u32) -> i32 {
        exponent(
            Some(step.parse().unwrap()),
            Some(most.parse().unwrap()),
            Decimal::from(headroom),
        )
    }

    #[test]
    fn exponents_hold_what_the_rules_allow() {
        assert_eq!(of("0.01", "1000000.00", 1), -8);
        assert_eq!(of("0.00001", "9000.00", 1000), -8);
        // 9×10⁹ with headroom for sums is 9×10¹²: six places are left.
        assert_eq!(of("1.00", "9000000000.00", 1000), -6);
        assert_eq!(of("0.000000000001", "1.0", 1), -12);
        assert_eq!(exponent(None, None, Decimal::ONE), -8);
        // Never coarser than the step, even where sums may not fit: then a message is refused, not rounded.
        assert_eq!(of("0.00000001", "92141578000.00000000", 1000), -8);
    }
}
