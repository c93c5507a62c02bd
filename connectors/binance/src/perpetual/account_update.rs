//! What happened to the account: balances, positions, settings, warnings (user-data-streams/Event-Balance-and-Position-Update,
//! Event-Account-Configuration-Update, Event-Margin-Call).

use colibri_sdk::Emit;
use colibri_sdk::json::{MemberError, Object};
use colibri_sdk::model::{Amount, Asset, Leverage, MarginMode, PositionSide, WallNs};
use colibri_sdk::standard::{
    BalanceChangeEvent, BalanceScope, BalancesEvent, FundingPaymentEvent, InstrumentSettings, MarginCallEvent,
    PositionReport, PositionScope, PositionsEvent, ReportSource, SettingsEvent,
};

use super::account::balance;
use super::order_report::position_side;
use super::positions::{Names, read_position};
use super::settings::collateral_mode;
use crate::{exchange_ns, loose};

type Member<T> = Result<T, MemberError>;

const OF_THE_STREAM: Names = Names {
    symbol: "s",
    side: "ps",
    quantity: "pa",
    entry: "ep",
    break_even: "bep",
    unrealized: &["up"],
    margin_mode: "mt",
    isolated: "iw",
    mark: "mp",
    maintenance: "mm",
};

fn read(position: &Object<'_>, out: &Emit<'_>) -> Member<PositionReport> {
    let mut read = read_position(position, &OF_THE_STREAM, out)?;
    read.position.realized = loose::some_decimal(position, "cr")?.map(Amount);
    // What stands here for cross positions is part of the wallet.
    if read.position.margin_mode != Some(MarginMode::Isolated) {
        read.position.isolated_margin = None;
    }
    Ok(read)
}

fn time(event: &Object<'_>) -> Member<Option<WallNs>> {
    let time = match loose::some_integer(event, "T")? {
        None => loose::some_integer(event, "E")?,
        time => time,
    };
    Ok(time.map(|t| WallNs(exchange_ns(t))))
}

/// What moved a balance.
enum Moved {
    /// Trading, and what follows from it: told by fills.
    ByTrading,
    /// Within the account: no balance has changed.
    Within,
    /// A funding fee.
    Funding,
    /// Something else: a deposit, a withdrawal, a transfer, an exchange of assets.
    Otherwise,
}

fn moved(reason: &str) -> Moved {
    match reason {
        "ORDER" => Moved::ByTrading,
        "MARGIN_TRANSFER" | "MARGIN_TYPE_CHANGE" => Moved::Within,
        "FUNDING_FEE" => Moved::Funding,
        _ => Moved::Otherwise,
    }
}

/// `ACCOUNT_UPDATE`: the assets and positions that something changed, absolute. Of a wallet it says what there is and what part of
/// it answers for cross positions, not what could be withdrawn: that part is told as free, and a question for balances says
/// it exactly.
pub(super) fn tell_account(event: &Object<'_>, out: &mut Emit<'_>) -> Member<()> {
    let exchange_time = time(event)?;
    let update = event.object("a")?;
    let moved = moved(&update.some_text("m")?.unwrap_or_default());
    let (mut balances, mut changes) = (Vec::new(), Vec::new());
    update.object_elements("B", |held| {
        let asset = held.text("a")?;
        let wallet = Amount(held.decimal("wb")?);
        let cross = loose::some_decimal(&held, "cw")?.map_or(wallet, Amount);
        balances.push(balance(&asset, wallet, cross));
        // "Balance change except PnL and commission".
        let change = Amount(loose::some_decimal(&held, "bc")?.unwrap_or_default());
        changes.push((Asset::new(&asset), change));
        Ok(())
    })?;
    let mut positions = Vec::new();
    update.object_elements("P", |position| {
        positions.push(read(&position, out)?);
        Ok(())
    })?;
    match moved {
        Moved::Funding => {
            let payment = funding(&update, &positions, exchange_time, out)?;
            for (asset, amount) in changes {
                out.event(FundingPaymentEvent {
                    asset,
                    amount,
                    ..payment.clone()
                });
            }
        }
        Moved::Otherwise => {
            for (asset, change) in changes.into_iter().filter(|(_, change)| !change.is_zero()) {
                out.event(BalanceChangeEvent {
                    asset,
                    change,
                    exchange_time,
                });
            }
        }
        Moved::ByTrading | Moved::Within => {}
    }
    if !balances.is_empty() {
        out.event(BalancesEvent {
            scope: BalanceScope::Changed,
            balances,
            source: ReportSource::Stream,
            exchange_time,
        });
    }
    if !positions.is_empty() {
        out.event(PositionsEvent {
            scope: PositionScope::Changed,
            instrument: None,
            positions,
            source: ReportSource::Stream,
            exchange_time,
        });
    }
    Ok(())
}

/// That something was paid, and not which entry of the ledger it is. Of which instrument stands in `S` since August 2026, and
/// an isolated position is told beside it.
fn funding(
    update: &Object<'_>,
    positions: &[PositionReport],
    exchange_time: Option<WallNs>,
    out: &Emit<'_>,
) -> Member<FundingPaymentEvent> {
    let named = update.some_text("S")?.map(|symbol| symbol.into_owned());
    let (symbol, position_side) = match positions {
        [one] => (named.unwrap_or_else(|| one.symbol.clone()), one.position.side),
        _ => (named.unwrap_or_default(), PositionSide::Net),
    };
    Ok(FundingPaymentEvent {
        instrument: out.instruments().id_of(&symbol),
        symbol,
        id: None,
        asset: Asset::new(""),
        amount: Amount::ZERO,
        position_side,
        rate: None,
        quantity: None,
        source: ReportSource::Stream,
        exchange_time: exchange_time.ok_or(MemberError::new("T", "it is missing"))?,
    })
}

/// `ACCOUNT_CONFIG_UPDATE`: a leverage, or which assets answer.
pub(super) fn tell_settings(event: &Object<'_>, out: &mut Emit<'_>) -> Member<()> {
    let mut settings = SettingsEvent {
        position_mode: None,
        margin_mode: None,
        collateral_mode: None,
        instruments: Vec::new(),
        source: ReportSource::Stream,
        exchange_time: time(event)?,
    };
    if let Some(changed) = event.some_object("ac")? {
        let symbol = changed.text("s")?;
        settings.instruments.push(InstrumentSettings {
            instrument: out.instruments().id_of(&symbol),
            symbol: symbol.into_owned(),
            position_side: position_side(&changed.some_text("ps")?.unwrap_or_default()),
            position_mode: None,
            margin_mode: None,
            leverage: loose::some_decimal(&changed, "l")?.and_then(|l| Leverage::new(l).ok()),
        });
    }
    if let Some(changed) = event.some_object("ai")? {
        settings.collateral_mode = loose::some_flag(&changed, "j")?.map(collateral_mode);
    }
    out.event(settings);
    Ok(())
}

/// `MARGIN_CALL`.
pub(super) fn tell_margin_call(event: &Object<'_>, out: &mut Emit<'_>) -> Member<()> {
    let mut positions = Vec::new();
    event.object_elements("p", |position| {
        positions.push(read(&position, out)?);
        Ok(())
    })?;
    out.event(MarginCallEvent {
        cross_wallet: loose::some_decimal(event, "cw")?.map(Amount),
        positions,
        text: "the exchange warns that margin is short".to_owned(),
        exchange_time: time(event)?,
    });
    Ok(())
}
