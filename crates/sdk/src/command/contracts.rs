//! Commands of the perp standard, read as [`super`] reads the others.

use colibri_model::{
    ClientOrderId, CollateralMode, Contract, ContractKind, ExchangeOrderId, Leverage, MarginMode, OrderTerms,
    OrderType, PositionEffect, PositionMode, PositionSide, Price, Quantity, Side, TimeInForce, TriggerBy,
    TriggerIntent, TriggerKind, WallNs,
};
use colibri_standard::{
    CancelAllTriggers, CancelTrigger, Capability, Command, FundingPaymentsSince, FundingRateQuery, Margin, MarginTiers,
    OpenTriggers, PlaceTrigger, Positions, SetCollateralMode, SetLeverage, SetMarginMode, SetPositionMode, Settings,
    TriggerStatusQuery,
};

use super::{Member, instrument, some_id, some_number, texts};
use crate::json::{MemberError, Object};

/// The command of a kind; `None` for a kind that this version does not know.
pub(super) fn read(kind: &str, p: &Object<'_>) -> Member<Option<Command>> {
    let some_instrument = || Ok(some_number(p, "instrument")?.map(colibri_model::InstrumentId));
    Ok(Some(match kind {
        "positions" => Command::Positions(Positions {
            instrument: some_instrument()?,
        }),
        "settings" => Command::Settings(Settings {
            instrument: some_instrument()?,
        }),
        "set_leverage" => Command::SetLeverage(SetLeverage {
            instrument: instrument(p)?,
            leverage: leverage(p, "leverage")?,
            position_side: position_side(p)?,
            margin_mode: some_word(p, "margin_mode", MARGIN_MODES)?,
            needs: needs(p)?,
        }),
        "set_margin_mode" => Command::SetMarginMode(SetMarginMode {
            instrument: some_instrument()?,
            mode: word(p, "mode", MARGIN_MODES)?,
        }),
        "set_position_mode" => Command::SetPositionMode(SetPositionMode {
            instrument: some_instrument()?,
            mode: word(
                p,
                "mode",
                &[PositionMode::OneWay, PositionMode::Hedge].map(|m| (m.as_str(), m)),
            )?,
        }),
        "set_collateral_mode" => Command::SetCollateralMode(SetCollateralMode {
            mode: word(
                p,
                "mode",
                &[
                    ("single_asset", CollateralMode::SingleAsset),
                    ("multi_asset", CollateralMode::MultiAsset),
                ],
            )?,
        }),
        "margin" => Command::Margin(Margin {}),
        "margin_tiers" => Command::MarginTiers(MarginTiers {
            instrument: instrument(p)?,
        }),
        "funding_rate" => Command::FundingRate(FundingRateQuery {
            instrument: instrument(p)?,
        }),
        "funding_payments_since" => Command::FundingPaymentsSince(FundingPaymentsSince {
            instrument: some_instrument()?,
            since: WallNs(p.integer("since")?),
        }),
        "place_trigger" => Command::PlaceTrigger(PlaceTrigger {
            trigger: trigger(&p.object("trigger")?)?,
            needs: needs(p)?,
        }),
        "cancel_trigger" => Command::CancelTrigger(CancelTrigger {
            instrument: instrument(p)?,
            client_id: some_id(p, "client_id", ClientOrderId::new)?,
            exchange_id: some_id(p, "exchange_id", ExchangeOrderId::new)?,
        }),
        "cancel_all_triggers" => Command::CancelAllTriggers(CancelAllTriggers {
            instrument: instrument(p)?,
        }),
        "open_triggers" => Command::OpenTriggers(OpenTriggers {
            instrument: some_instrument()?,
        }),
        "trigger_status" => Command::TriggerStatus(TriggerStatusQuery {
            instrument: instrument(p)?,
            client_id: some_id(p, "client_id", ClientOrderId::new)?,
            exchange_id: some_id(p, "exchange_id", ExchangeOrderId::new)?,
        }),
        _ => return Ok(None),
    }))
}

/// What an instrument in use is a contract of.
pub(super) fn contract(used: &Object<'_>) -> Member<Option<Contract>> {
    let Some(p) = used.some_object("contract")? else {
        return Ok(None);
    };
    Ok(Some(Contract {
        kind: word(
            &p,
            "kind",
            &[("linear", ContractKind::Linear), ("inverse", ContractKind::Inverse)],
        )?,
        size: p.decimal("size")?,
        settle: colibri_model::Asset::new(&p.text("settle")?),
        delivery: p.some_integer("delivery")?.map(WallNs),
        max_leverage: some_leverage(&p, "max_leverage")?,
    }))
}

const MARGIN_MODES: &[(&str, MarginMode)] = &[("cross", MarginMode::Cross), ("isolated", MarginMode::Isolated)];

fn trigger(p: &Object<'_>) -> Member<TriggerIntent> {
    const ORDER_TYPES: &[OrderType] = &[OrderType::Limit, OrderType::Market, OrderType::LimitMaker];
    const TIMES: &[TimeInForce] = &[TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok, TimeInForce::Gtd];
    const BY: &[TriggerBy] = &[TriggerBy::Last, TriggerBy::Mark, TriggerBy::Index];
    Ok(TriggerIntent {
        client_id: some_id(p, "client_id", ClientOrderId::new)?
            .ok_or(MemberError::new("client_id", "it is missing"))?,
        instrument: instrument(p)?,
        kind: word(
            p,
            "kind",
            &[TriggerKind::Stop, TriggerKind::TakeProfit].map(|k| (k.as_str(), k)),
        )?,
        by: one_of(p, "by", BY, |b| b.as_str())?,
        trigger_price: Price(p.decimal("trigger_price")?),
        side: word(p, "side", &[Side::Buy, Side::Sell].map(|s| (s.as_str(), s)))?,
        order_type: one_of(p, "order_type", ORDER_TYPES, |t| t.as_str())?,
        time_in_force: match p.some_text("time_in_force")? {
            Some(_) => Some(one_of(p, "time_in_force", TIMES, |t| t.as_str())?),
            None => None,
        },
        price: p.some_decimal("price")?.map(Price),
        quantity: p.some_decimal("quantity")?.map(Quantity),
        terms: match p.some_object("terms")? {
            Some(terms) => order_terms(&terms)?,
            None => OrderTerms::default(),
        },
    })
}

fn order_terms(p: &Object<'_>) -> Member<OrderTerms> {
    const EFFECTS: &[PositionEffect] = &[
        PositionEffect::Any,
        PositionEffect::ReduceOnly,
        PositionEffect::ClosePosition,
    ];
    Ok(OrderTerms {
        position_side: position_side(p)?,
        effect: match p.raw("effect") {
            Some(_) => one_of(p, "effect", EFFECTS, |e| e.as_str())?,
            None => PositionEffect::Any,
        },
        margin_mode: some_word(p, "margin_mode", MARGIN_MODES)?,
        good_till: p.some_integer("good_till")?.map(WallNs),
    })
}

fn position_side(p: &Object<'_>) -> Member<PositionSide> {
    const SIDES: &[PositionSide] = &[PositionSide::Net, PositionSide::Long, PositionSide::Short];
    match p.raw("position_side") {
        Some(_) => one_of(p, "position_side", SIDES, |s| s.as_str()),
        None => Ok(PositionSide::Net),
    }
}

fn needs(p: &Object<'_>) -> Member<Vec<Capability>> {
    Ok(texts(p, "needs")?.into_iter().map(Capability::from).collect())
}

fn leverage(p: &Object<'_>, name: &'static str) -> Member<Leverage> {
    some_leverage(p, name)?.ok_or(MemberError::new(name, "it is missing"))
}

fn some_leverage(p: &Object<'_>, name: &'static str) -> Member<Option<Leverage>> {
    let leverage = p.some_decimal(name)?.map(Leverage::new).transpose();
    leverage.map_err(|_| MemberError::new(name, "it is no leverage"))
}

/// What a word stands for.
fn word<T: Copy>(p: &Object<'_>, name: &'static str, words: &[(&str, T)]) -> Member<T> {
    some_word(p, name, words)?.ok_or(MemberError::new(name, "it is missing"))
}

fn some_word<T: Copy>(p: &Object<'_>, name: &'static str, words: &[(&str, T)]) -> Member<Option<T>> {
    let Some(text) = p.some_text(name)? else {
        return Ok(None);
    };
    let found = words.iter().find(|(word, _)| *word == text);
    let found = found.ok_or(MemberError::new(name, "nothing is called so"))?;
    Ok(Some(found.1))
}

fn one_of<T: Copy>(p: &Object<'_>, name: &'static str, all: &[T], word: impl Fn(T) -> &'static str) -> Member<T> {
    let text = p.text(name)?;
    let found = all.iter().find(|value| word(**value) == text);
    found.copied().ok_or(MemberError::new(name, "nothing is called so"))
}
