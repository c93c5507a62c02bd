//! `ORDER_TRADE_UPDATE`: what happened to an order (user-data-streams/Event-Order-Update).

use colibri_sdk::Emit;
use colibri_sdk::json::{MemberError, Object};
use colibri_sdk::model::{Amount, Price, Quantity, WallNs};
use colibri_sdk::standard::{FillEvent, OrderEvent, ReportSource};

use super::forced::{Forced, cause};
use super::order_report::{fee, liquidity, position_side, some_id, status, terms, type_and_time};
use crate::order_words::{client_id, limit_price, side, trade_id};
use crate::{exchange_ns, loose};

/// Why an order ended: the exchange writes a number.
fn expiry_reason(number: &str) -> Option<&'static str> {
    Some(match number {
        "1" => "self-trade prevention",
        "2" => "the rest of an order that is immediate or cancelled",
        "3" => "self-trade prevention of an order that is immediate or cancelled",
        "4" => "knocked out: an order that only reduces, beside one of more priority or of a position that is gone",
        "5" => "the account is liquidated",
        "6" => "an order that lives while its position does (GTE)",
        "7" => "the contract is delisted",
        "8" => "the order that its stop came of has ended",
        "9" => "the rest of a market order",
        _ => return None,
    })
}

/// Tells the fill, where the report is of a trade, then the order.
pub(super) fn tell_execution(event: &Object<'_>, forced: &Forced, out: &mut Emit<'_>) -> Result<(), MemberError> {
    let report = event.object("o")?;
    let symbol = report.text("s")?.into_owned();
    let instrument = out.instruments().id_of(&symbol);
    let side = side(&report.text("S")?).ok_or(MemberError::new("S", "it is no side"))?;
    let own = report.some_text("c")?.unwrap_or_default();
    let stated = report.text("X")?;
    let cause = cause(&own, &stated);
    let exchange_id = Some(some_id(&report, "i")?.ok_or(MemberError::new("i", "it is missing"))?);
    let time = match loose::some_integer(&report, "T")?.filter(|t| *t > 0) {
        None => loose::some_integer(event, "T")?,
        time => time,
    };
    let exchange_time = time.map(|t| WallNs(exchange_ns(t)));
    let filled = loose::some_decimal(&report, "z")?.map(Quantity);
    let word = |name| Ok::<_, MemberError>(report.some_text(name)?.unwrap_or_default());
    let (order_type, time_in_force) = type_and_time(&word("o")?, &word("f")?);
    let terms = terms(&report, ["ps", "R", "cp", "gtd"])?;
    let reason = loose::some_word(&report, "er")?.and_then(|number| expiry_reason(&number));
    let order = OrderEvent {
        instrument,
        symbol: symbol.clone(),
        client_id: client_id(&own),
        previous_client_id: None,
        exchange_id: exchange_id.clone(),
        op: None,
        source: ReportSource::Stream,
        status: status(&stated, filled),
        side: Some(side),
        order_type,
        time_in_force,
        price: loose::some_decimal(&report, "p")?.and_then(|p| limit_price(Price(p))),
        quantity: loose::some_decimal(&report, "q")?
            .map(Quantity)
            .filter(|q| q.is_positive()),
        filled,
        filled_quote: None,
        reason: reason.map(str::to_owned),
        exchange_time,
        terms,
        cause,
        trigger: None,
    };
    // What a liquidation trades is told as calculated. Without a number it is no trade that can be told apart from others: it
    // is asked for, because the order's counter has it.
    let traded = matches!(&*report.text("x")?, "TRADE" | "CALCULATED");
    let quantity = Quantity(loose::some_decimal(&report, "l")?.unwrap_or_default());
    let trade = loose::some_integer(&report, "t")?.filter(|id| *id > 0);
    let fill = match trade {
        Some(id) if traded && quantity.is_positive() => Some(FillEvent {
            instrument,
            symbol,
            trade_id: trade_id(id)?,
            client_id: order.client_id.clone(),
            exchange_id,
            source: ReportSource::Stream,
            side,
            price: Price(report.decimal("L")?),
            quantity,
            fee: fee(&report, "n", "N")?,
            liquidity: loose::some_flag(&report, "m")?.map(liquidity),
            position_side: position_side(&report.some_text("ps")?.unwrap_or_default()),
            cause,
            realized: loose::some_decimal(&report, "rp")?.map(Amount),
            exchange_time,
        }),
        _ => None,
    };
    forced.tell(&order, out);
    if let Some(fill) = fill {
        out.event(fill);
    }
    out.event(order);
    Ok(())
}
