//! What can be traded in spot (rest-api.md, "Exchange information"; enums.md, "Symbol status").

use colibri_sdk::json::{MemberError, Object};
use colibri_sdk::model::{Asset, Instrument, InstrumentStatus, Pair, TimeInForce, TradingRule};
use colibri_sdk::{Asked, Request};

use crate::exchange_info::{self, exponents, take_rules};

fn status(symbol: &Object<'_>) -> Result<InstrumentStatus, MemberError> {
    // A symbol that only margin accounts trade is in the list too.
    let spot = symbol.some_flag("isSpotTradingAllowed")?.unwrap_or(true);
    Ok(match symbol.text("status")?.as_ref() {
        "TRADING" if spot => InstrumentStatus::Trading,
        "CANCEL_ONLY" => InstrumentStatus::CancelOnly,
        "TRADING" | "HALT" | "BREAK" | "END_OF_DAY" => InstrumentStatus::Halted,
        other => InstrumentStatus::Other(other.to_owned()),
    })
}

fn instrument(symbol: &Object<'_>) -> Result<Instrument, MemberError> {
    let allowed = |name| Ok::<bool, MemberError>(symbol.some_flag(name)?.unwrap_or_default());
    let mut rules = TradingRule {
        times_in_force: vec![TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok],
        quote_quantity: allowed("quoteOrderQtyMarketAllowed")?,
        amend: allowed("amendAllowed")?,
        replace: allowed("cancelReplaceAllowed")?,
        ..TradingRule::default()
    };
    take_rules(symbol, &mut rules)?;
    Ok(Instrument {
        pair: Pair::new(
            Asset::new(&symbol.text("baseAsset")?),
            Asset::new(&symbol.text("quoteAsset")?),
        ),
        symbol: symbol.text("symbol")?.into_owned(),
        status: status(symbol)?,
        exponents: exponents(&rules),
        rule: rules,
        contract: None,
    })
}

/// `GET /api/v3/exchangeInfo`.
pub(super) fn instruments() -> Asked {
    let request = Request::to("exchange_info", "/api/v3/exchangeInfo").query("showPermissionSets", "false");
    Ok(exchange_info::instruments(request, instrument))
}
