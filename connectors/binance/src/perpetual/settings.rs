//! What is set of the account and of instruments (account/rest-api/Account-Config, Symbol-Config; trade/rest-api/Change-…).

use colibri_sdk::json::{MemberError, Object};
use colibri_sdk::model::{CollateralMode, Leverage, MarginMode, PositionMode};
use colibri_sdk::standard::{InstrumentSettings, Outcome, ReportSource, SetLeverage, SettingsEvent, UsedInstrument};
use colibri_sdk::{Asked, Emit, Operation, Request, Step, unreadable, unsupported};

use super::failure;
use crate::failure::ApiError;
use crate::loose;

/// The mode of a position or an instrument: `CROSSED` or `cross`, `ISOLATED` or `isolated`.
pub(super) fn margin_mode(text: &str) -> Option<MarginMode> {
    match text.to_ascii_lowercase().as_str() {
        "cross" | "crossed" => Some(MarginMode::Cross),
        "isolated" => Some(MarginMode::Isolated),
        _ => None,
    }
}

/// Multi-assets mode, or not.
pub(super) const fn collateral_mode(multi: bool) -> CollateralMode {
    if multi {
        CollateralMode::MultiAsset
    } else {
        CollateralMode::SingleAsset
    }
}

/// Hedge mode, or not.
const fn position_mode(hedged: bool) -> PositionMode {
    if hedged {
        PositionMode::Hedge
    } else {
        PositionMode::OneWay
    }
}

/// The account's modes by `GET /fapi/v1/accountConfig`, then what is set of instruments by `GET /fapi/v1/symbolConfig`.
pub(super) fn settings(instrument: Option<&UsedInstrument>) -> Asked {
    let symbol = instrument.map(|i| i.symbol.clone());
    let request = Request::to("account_config", "/fapi/v1/accountConfig").signed();
    Ok(request.reads(move |reply, _| {
        let config = reply.object()?;
        let flag = |name| loose::some_flag(&config, name).map_err(|e| unreadable(&e));
        let (hedged, multi) = (flag("dualSidePosition")?, flag("multiAssetsMargin")?);
        if hedged.is_none() && multi.is_none() {
            return Err(unreadable(&"an account's configuration without its modes"));
        }
        let settings = SettingsEvent {
            position_mode: hedged.map(position_mode),
            margin_mode: None,
            collateral_mode: multi.map(collateral_mode),
            instruments: Vec::new(),
            source: ReportSource::Query,
            exchange_time: None,
        };
        Ok(Step::Next(of_instruments(settings, symbol.clone())))
    }))
}

fn of_instruments(account: SettingsEvent, symbol: Option<String>) -> Operation {
    let request = Request::to("symbol_config", "/fapi/v1/symbolConfig").query_some("symbol", symbol.as_ref());
    request.signed().reads(move |reply, out| {
        let mut settings = account.clone();
        for entry in reply.elements()? {
            let entry = Object::whole(entry).map_err(|e| unreadable(&e))?;
            let read = read_instrument(&entry, out).map_err(|e| unreadable(&e))?;
            // Without a symbol the exchange lists everything that it trades.
            if symbol.is_some() || read.instrument.is_some() {
                settings.instruments.push(read);
            }
        }
        out.event(settings);
        Ok(Step::Done)
    })
}

fn read_instrument(entry: &Object<'_>, out: &Emit<'_>) -> Result<InstrumentSettings, MemberError> {
    let symbol = entry.text("symbol")?;
    Ok(InstrumentSettings {
        instrument: out.instruments().id_of(&symbol),
        symbol: symbol.into_owned(),
        position_side: Default::default(),
        position_mode: None,
        margin_mode: entry.some_text("marginType")?.and_then(|text| margin_mode(&text)),
        leverage: loose::some_decimal(entry, "leverage")?.and_then(|l| Leverage::new(l).ok()),
    })
}

/// A change that the exchange confirms, or says to have already by this code.
fn sets(request: Request, already: i64) -> Operation {
    request.signed().reads_every_status(move |reply, _| {
        let error = ApiError::read(reply.body()).filter(|error| error.code < 0);
        match error {
            Some(error) if error.code == already => Ok(Step::Done),
            Some(error) if reply.is_success() => Err(failure::of_item(&error)),
            None if reply.is_success() => reply.object().map(|_| Step::Done),
            _ => Err(failure::of_reply(reply)),
        }
    })
}

/// There is no code for a leverage that is set already: it is confirmed.
const NONE: i64 = 0;

/// `POST /fapi/v1/leverage`: one for all positions of an instrument.
pub(super) fn set_leverage(instrument: &UsedInstrument, wanted: &SetLeverage) -> Asked {
    if !wanted.position_side.is_net() {
        return Err(unsupported("a leverage for each position side"));
    }
    if wanted.margin_mode.is_some() {
        return Err(unsupported("a leverage for each margin mode"));
    }
    if !wanted.leverage.value().is_integer() {
        return Err(unsupported("a leverage that is not whole"));
    }
    let request = Request::to("set_leverage", "/fapi/v1/leverage")
        .query("symbol", &instrument.symbol)
        .query("leverage", wanted.leverage);
    Ok(sets(request, NONE))
}

/// `POST /fapi/v1/marginType`.
pub(super) fn set_margin_mode(instrument: Option<&UsedInstrument>, mode: MarginMode) -> Asked {
    let instrument = instrument.ok_or_else(|| unsupported("a margin mode of the whole account"))?;
    let word = match mode {
        MarginMode::Cross => "CROSSED",
        MarginMode::Isolated => "ISOLATED",
    };
    let request = Request::to("set_margin_type", "/fapi/v1/marginType")
        .query("symbol", &instrument.symbol)
        .query("marginType", word);
    Ok(sets(request, -4046))
}

/// `POST /fapi/v1/positionSide/dual`: of every instrument, and of the coin-margined market too.
pub(super) fn set_position_mode(instrument: Option<&UsedInstrument>, mode: PositionMode) -> Asked {
    if instrument.is_some() {
        return Err(unsupported("a position mode of one instrument"));
    }
    let request = Request::to("set_position_mode", "/fapi/v1/positionSide/dual")
        .query("dualSidePosition", mode == PositionMode::Hedge);
    Ok(sets(request, -4059))
}

/// `POST /fapi/v1/multiAssetsMargin`.
pub(super) fn set_collateral_mode(mode: CollateralMode) -> Asked {
    let request = Request::to("set_assets_mode", "/fapi/v1/multiAssetsMargin")
        .query("multiAssetsMargin", mode == CollateralMode::MultiAsset);
    Ok(sets(request, -4171))
}

/// What became of a listen key, where a refusal of another kind says it.
pub(super) fn confirmed(request: Request) -> Operation {
    request.reads_every_status(|reply, _| match ApiError::read(reply.body()) {
        _ if !reply.is_success() => Err(failure::of_reply(reply)),
        Some(error) if error.code < 0 => Err(failure::of_item(&error)),
        _ => Ok::<Step, Outcome>(Step::Done),
    })
}
