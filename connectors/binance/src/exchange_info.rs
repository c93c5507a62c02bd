//! What can be traded and by which rules, in what the markets have in common (rest-api.md, "Exchange information"; filters.md;
//! of contracts, common-definition): the list, the filters, how exact numbers are.

use colibri_sdk::json::{MemberError, Object, Reader};
use colibri_sdk::model::{
    Amount, Decimal, Exponents, Instrument, Price, PriceBand, Quantity, TradingRule, to_mantissa,
};
use colibri_sdk::standard::InstrumentsEvent;
use colibri_sdk::{Operation, Request, Step, unreadable};

use crate::order_words::order_type;

/// "Any of the above variables can be set to 0, which disables that rule in the filter."
fn rule(value: Decimal) -> Option<Decimal> {
    Some(value).filter(|v| *v > Decimal::ZERO)
}

/// Takes over what a filter says (filters.md, "Symbol filters"). Kinds that this version does not know change nothing here:
/// the exchange refuses what breaks them.
fn apply(filter: &Object<'_>, rules: &mut TradingRule) -> Result<(), MemberError> {
    match filter.text("filterType")?.as_ref() {
        "PRICE_FILTER" => {
            rules.min_price = rule(filter.decimal("minPrice")?).map(Price);
            rules.max_price = rule(filter.decimal("maxPrice")?).map(Price);
            rules.price_tick = rule(filter.decimal("tickSize")?).map(Price);
        }
        "LOT_SIZE" => {
            rules.min_quantity = rule(filter.decimal("minQty")?).map(Quantity);
            rules.max_quantity = rule(filter.decimal("maxQty")?).map(Quantity);
            rules.quantity_step = rule(filter.decimal("stepSize")?).map(Quantity);
        }
        "MARKET_LOT_SIZE" => {
            rules.min_market_quantity = rule(filter.decimal("minQty")?).map(Quantity);
            rules.max_market_quantity = rule(filter.decimal("maxQty")?).map(Quantity);
            rules.market_quantity_step = rule(filter.decimal("stepSize")?).map(Quantity);
        }
        // Of contracts it has one member, and holds for every order.
        "MIN_NOTIONAL" => {
            let notional = match filter.some_decimal("notional")? {
                Some(notional) => notional,
                None => filter.decimal("minNotional")?,
            };
            rules.min_notional = rule(notional).map(Amount);
            rules.min_notional_applies_to_market = filter.some_flag("applyToMarket")?.unwrap_or(true);
        }
        "NOTIONAL" => {
            rules.min_notional = rule(filter.decimal("minNotional")?).map(Amount);
            rules.min_notional_applies_to_market = filter.flag("applyMinToMarket")?;
            rules.max_notional = filter.some_decimal("maxNotional")?.and_then(rule).map(Amount);
            rules.max_notional_applies_to_market = filter.some_flag("applyMaxToMarket")?.unwrap_or_default();
        }
        "PERCENT_PRICE" => {
            let (up, down) = (filter.decimal("multiplierUp")?, filter.decimal("multiplierDown")?);
            rules.price_band = Some(PriceBand {
                buy_down: down,
                buy_up: up,
                sell_down: down,
                sell_up: up,
            });
        }
        "PERCENT_PRICE_BY_SIDE" => {
            rules.price_band = Some(PriceBand {
                buy_down: filter.decimal("bidMultiplierDown")?,
                buy_up: filter.decimal("bidMultiplierUp")?,
                sell_down: filter.decimal("askMultiplierDown")?,
                sell_up: filter.decimal("askMultiplierUp")?,
            });
        }
        "MAX_NUM_ORDERS" => {
            let most = match filter.some_integer("limit")? {
                Some(limit) => limit,
                None => filter.integer("maxNumOrders")?,
            };
            rules.max_open_orders = u32::try_from(most).ok();
        }
        "MAX_POSITION" => rules.max_position = rule(filter.decimal("maxPosition")?).map(Quantity),
        _ => {}
    }
    Ok(())
}

/// The texts of a symbol's list, such as its order types.
pub(crate) fn words(symbol: &Object<'_>, name: &'static str) -> Result<Vec<String>, MemberError> {
    let read = |text| Reader::whole(text, Reader::string).map(|word| word.into_owned());
    let words = symbol.elements(name)?.into_iter().map(read);
    words
        .collect::<Result<_, _>>()
        .map_err(|e| MemberError::new(name, e.what))
}

/// Takes over a symbol's order types and filters.
pub(crate) fn take_rules(symbol: &Object<'_>, rules: &mut TradingRule) -> Result<(), MemberError> {
    for word in words(symbol, "orderTypes")? {
        rules.order_types.extend(order_type(&word));
    }
    symbol.object_elements("filters", |filter| apply(&filter, rules))
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

/// The exponents by which an instrument of these rules crosses the boundary.
pub(crate) fn exponents(rules: &TradingRule) -> Exponents {
    Exponents {
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
    }
}

/// Reads the list of symbols. One that cannot be read is left out and told in the log; the rest stands.
pub(crate) fn instruments(request: Request, read: fn(&Object<'_>) -> Result<Instrument, MemberError>) -> Operation {
    request.reads(move |reply, out| {
        let mut instruments = Vec::new();
        let mut found = false;
        Reader::whole(reply.body(), |r| {
            r.object(|key, r| {
                if key != b"symbols" {
                    return r.skip();
                }
                found = true;
                r.array(|r| {
                    let symbol = r.raw()?;
                    let object = Object::whole(symbol).map_err(|e| MemberError::new("symbols", e.what));
                    match object.and_then(|symbol| read(&symbol)) {
                        Ok(instrument) => instruments.push(instrument),
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
    })
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
