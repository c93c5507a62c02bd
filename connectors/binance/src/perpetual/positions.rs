//! Positions, margin and margin tiers (trade/rest-api/Position-Information-V3; account/rest-api/Account-Information-V3;
//! account/rest-api/Notional-and-Leverage-Brackets).

use colibri_sdk::json::{MemberError, Object, elements};
use colibri_sdk::model::{
    AccountMargin, Amount, Asset, Collateral, CollateralMode, Decimal, Leverage, MarginTier, Price, Quantity,
    StatedPosition,
};
use colibri_sdk::standard::{
    MarginEvent, MarginTiersEvent, PositionReport, PositionScope, PositionsEvent, ReportSource, UsedInstrument,
};
use colibri_sdk::{Asked, Emit, Instruments, Operation, Request, Step, unreadable};

use super::order_report::position_side;
use super::settings::{collateral_mode, margin_mode};
use crate::loose;

type Member<T> = Result<T, MemberError>;

/// A price; zero is written where there is none.
fn price(report: &Object<'_>, name: &'static str) -> Member<Option<Price>> {
    Ok(loose::some_decimal(report, name)?.filter(|p| !p.is_zero()).map(Price))
}

fn amount(report: &Object<'_>, name: &'static str) -> Member<Option<Amount>> {
    Ok(loose::some_decimal(report, name)?.map(Amount))
}

/// A position's quantity: below zero where it is short, whatever the report's sign is of one that can be nothing else.
pub(super) fn signed_quantity(position: &mut StatedPosition, stated: Decimal) {
    let side = position.side;
    let quantity = Quantity(stated);
    position.quantity = if side.may_hold(quantity) { quantity } else { -quantity };
}

/// The names of a report's members, which differ between answers and the stream.
pub(super) struct Names {
    pub symbol: &'static str,
    pub side: &'static str,
    pub quantity: &'static str,
    pub entry: &'static str,
    pub break_even: &'static str,
    pub unrealized: &'static [&'static str],
    pub margin_mode: &'static str,
    pub isolated: &'static str,
    pub mark: &'static str,
    pub maintenance: &'static str,
}

const OF_ANSWERS: Names = Names {
    symbol: "symbol",
    side: "positionSide",
    quantity: "positionAmt",
    entry: "entryPrice",
    break_even: "breakEvenPrice",
    // Spelled one way in this answer and another in the next.
    unrealized: &["unRealizedProfit", "unrealizedProfit"],
    margin_mode: "marginType",
    isolated: "isolatedMargin",
    mark: "markPrice",
    maintenance: "maintMargin",
};

/// Reads what answers and the stream have in common.
pub(super) fn read_position(report: &Object<'_>, names: &Names, out: &Emit<'_>) -> Member<PositionReport> {
    let symbol = report.text(names.symbol)?.into_owned();
    let mut unrealized = None;
    for name in names.unrealized {
        unrealized = unrealized.or(amount(report, name)?);
    }
    let mut position = StatedPosition {
        side: position_side(&report.some_text(names.side)?.unwrap_or_default()),
        entry_price: price(report, names.entry)?,
        break_even_price: price(report, names.break_even)?,
        mark_price: price(report, names.mark)?,
        unrealized,
        margin_mode: report.some_text(names.margin_mode)?.and_then(|text| margin_mode(&text)),
        isolated_margin: amount(report, names.isolated)?.filter(|a| !a.is_zero()),
        maintenance_margin: amount(report, names.maintenance)?,
        ..StatedPosition::default()
    };
    signed_quantity(&mut position, report.decimal(names.quantity)?);
    Ok(PositionReport {
        instrument: out.instruments().id_of(&symbol),
        symbol,
        position,
    })
}

fn read_stated(report: &Object<'_>, out: &Emit<'_>) -> Member<PositionReport> {
    let mut read = read_position(report, &OF_ANSWERS, out)?;
    let position = &mut read.position;
    position.liquidation_price = price(report, "liquidationPrice")?;
    position.leverage = loose::some_decimal(report, "leverage")?.and_then(|l| Leverage::new(l).ok());
    position.initial_margin = amount(report, "initialMargin")?;
    position.margin_asset = report.some_text("marginAsset")?.map(|asset| Asset::new(&asset));
    position.adl_rank = loose::some_integer(report, "adl")?.and_then(|rank| u8::try_from(rank).ok());
    Ok(read)
}

/// `GET /fapi/v3/positionRisk`: lists instruments with a position or an open order alone; leverage and margin mode are told by
/// the settings.
pub(super) fn positions(instrument: Option<&UsedInstrument>) -> Asked {
    let of = instrument.map(|i| i.id);
    let request = Request::to("positions", "/fapi/v3/positionRisk").query_some("symbol", instrument.map(|i| &i.symbol));
    Ok(request.signed().reads(move |reply, out| {
        let mut positions = Vec::new();
        for report in reply.elements()? {
            let report = Object::whole(report).map_err(|e| unreadable(&e))?;
            positions.push(read_stated(&report, out).map_err(|e| unreadable(&e))?);
        }
        out.event(PositionsEvent {
            scope: match of {
                Some(_) => PositionScope::Instrument,
                None => PositionScope::All,
            },
            instrument: of,
            positions,
            source: ReportSource::Query,
            // `updateTime` is when a position last changed: what has closed is not listed, and may have done so later.
            exchange_time: None,
        });
        Ok(Step::Done)
    }))
}

/// `GET /fapi/v3/account`, and which assets answer by `GET /fapi/v1/accountConfig`, since that is what the figures are in.
pub(super) fn margin() -> Asked {
    let request = Request::to("account", "/fapi/v3/account").signed();
    Ok(request.reads(|reply, out| {
        let account = reply.object()?;
        let margin = read_margin(&account, out.instruments()).map_err(|e| unreadable(&e))?;
        // The version before says it here.
        match loose::some_flag(&account, "multiAssetsMargin").map_err(|e| unreadable(&e))? {
            Some(multi) => {
                tell_margin(margin, collateral_mode(multi), out);
                Ok(Step::Done)
            }
            None => Ok(Step::Next(in_which_asset(margin))),
        }
    }))
}

fn in_which_asset(margin: AccountMargin) -> Operation {
    let request = Request::to("account_config", "/fapi/v1/accountConfig").signed();
    request.reads(move |reply, out| {
        let config = reply.object()?;
        let multi = loose::some_flag(&config, "multiAssetsMargin").map_err(|e| unreadable(&e))?;
        let multi = multi.ok_or_else(|| unreadable(&"an account's configuration without its assets mode"))?;
        tell_margin(margin.clone(), collateral_mode(multi), out);
        Ok(Step::Done)
    })
}

/// "Single-asset mode: only for USDT; multi-assets mode: the sum of USD value."
fn tell_margin(margin: AccountMargin, mode: CollateralMode, out: &mut Emit<'_>) {
    let asset = match mode {
        CollateralMode::SingleAsset => "USDT",
        CollateralMode::MultiAsset => "USD",
    };
    out.event(MarginEvent {
        margin: AccountMargin {
            asset: Asset::new(asset),
            collateral_mode: Some(mode),
            ..margin
        },
        source: ReportSource::Query,
        exchange_time: None,
    });
}

/// Whether a position's margin is in USDT: the answer does not say, and what is not in use here is known by its symbol alone.
fn is_in_usdt(symbol: &str, instruments: &Instruments) -> bool {
    let contract = instruments
        .id_of(symbol)
        .and_then(|id| instruments.get(id)?.contract.as_ref());
    // A contract that is delivered has its date behind: BTCUSDT_260925.
    let quoted = || symbol.split('_').next().is_some_and(|pair| pair.ends_with("USDT"));
    contract.map_or_else(quoted, |contract| contract.settle.as_str() == "USDT")
}

/// What isolated positions take of a total: the event's figures are those of cross positions. The total is of USDT alone where an
/// asset answers for its own positions, and where all answer together there is no isolated position.
fn of_isolated(account: &Object<'_>, name: &'static str, instruments: &Instruments) -> Member<Amount> {
    let mut sum = Amount::ZERO;
    account.object_elements("positions", |position| {
        if !is_in_usdt(&position.text("symbol")?, instruments) {
            return Ok(());
        }
        let set_aside = amount(&position, "isolatedWallet")?.unwrap_or_default();
        if !set_aside.is_zero() || loose::some_flag(&position, "isolated")? == Some(true) {
            sum += amount(&position, name)?.unwrap_or_default();
        }
        Ok(())
    })?;
    Ok(sum)
}

fn read_margin(account: &Object<'_>, instruments: &Instruments) -> Member<AccountMargin> {
    let mut collateral = Vec::new();
    account.array("assets")?;
    account.object_elements("assets", |held| {
        let wallet = Amount(held.decimal("walletBalance")?);
        let unrealized = match amount(&held, "crossUnPnl")? {
            None => amount(&held, "unrealizedProfit")?,
            told => told,
        };
        // Assets that the account never had are listed too.
        if !wallet.is_zero() || unrealized.is_some_and(|u| !u.is_zero()) {
            collateral.push(Collateral {
                asset: Asset::new(&held.text("asset")?),
                wallet,
                available: amount(&held, "availableBalance")?,
                unrealized,
                valuation: None,
            });
        }
        Ok(())
    })?;
    let cross = |total: &'static str, part: &'static str| {
        let total = amount(account, total)?;
        let isolated = of_isolated(account, part, instruments)?;
        Ok::<_, MemberError>(total.map(|total| total - isolated))
    };
    let unrealized = match amount(account, "totalCrossUnPnl")? {
        None => amount(account, "totalUnrealizedProfit")?,
        told => told,
    };
    let equity = match (amount(account, "totalCrossWalletBalance")?, unrealized) {
        (Some(wallet), Some(unrealized)) => Some(wallet + unrealized),
        _ => amount(account, "totalMarginBalance")?,
    };
    Ok(AccountMargin {
        asset: Asset::new("USDT"),
        equity,
        available: amount(account, "availableBalance")?,
        initial: cross("totalInitialMargin", "initialMargin")?,
        maintenance: cross("totalMaintMargin", "maintMargin")?,
        unrealized,
        collateral_mode: None,
        collateral,
    })
}

/// `GET /fapi/v1/leverageBracket`: an array, or the one object where a symbol was named.
pub(super) fn margin_tiers(instrument: &UsedInstrument) -> Asked {
    let (id, symbol) = (instrument.id, instrument.symbol.clone());
    let request = Request::to("leverage_bracket", "/fapi/v1/leverageBracket").query("symbol", &symbol);
    Ok(request.signed().reads(move |reply, out| {
        let all = match elements(reply.body()) {
            Ok(all) => all,
            Err(_) => vec![reply.body()],
        };
        let mut tiers = None;
        for entry in all {
            let entry = Object::whole(entry).map_err(|e| unreadable(&e))?;
            if entry.text("symbol").map_err(|e| unreadable(&e))? == symbol {
                tiers = Some(read_tiers(&entry).map_err(|e| unreadable(&e))?);
            }
        }
        let tiers = tiers.ok_or_else(|| unreadable(&"leverage brackets without those of the instrument"))?;
        out.event(MarginTiersEvent { instrument: id, tiers });
        Ok(Step::Done)
    }))
}

fn read_tiers(entry: &Object<'_>) -> Member<Vec<MarginTier>> {
    let mut tiers = Vec::new();
    entry.array("brackets")?;
    entry.object_elements("brackets", |bracket| {
        let leverage = Leverage::new(bracket.decimal("initialLeverage")?);
        tiers.push(MarginTier {
            floor: Amount(bracket.decimal("notionalFloor")?),
            cap: amount(&bracket, "notionalCap")?.filter(|cap| cap.is_positive()),
            max_leverage: leverage.map_err(|_| MemberError::new("initialLeverage", "it is no leverage"))?,
            maintenance_rate: bracket.decimal("maintMarginRatio")?,
            deduction: amount(&bracket, "cum")?.unwrap_or_default(),
        });
        Ok(())
    })?;
    tiers.sort_by_key(|tier| tier.floor);
    Ok(tiers)
}
