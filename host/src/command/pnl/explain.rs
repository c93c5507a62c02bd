//! How a line's figures came about, fill by fill, so that a person can add them up.

use std::fmt::{self, Write};

use colibri_model::profit::{Counted, FeeInKind, Held, ProfitLine, ProfitStep, Valued};
use colibri_model::{Amount, Fill, FundingPayment};
use colibri_store::export::utc;

use super::words::{amount, plain, price, rate, unit};

/// Every step, and the sums.
pub(super) fn steps(out: &mut String, line: &ProfitLine) -> fmt::Result {
    for step in &line.steps {
        match &step.counted {
            Counted::Fill { fill, fee, in_kind } => traded(out, line, step, fill, fee.as_ref(), in_kind.as_ref())?,
            Counted::Funding { payment, paid } => settled(out, line, payment, paid)?,
        }
        writeln!(
            out,
            "      so far     realized {} - fees {} + funding {} = {} {}",
            amount(step.total_realized),
            amount(step.total_fees),
            amount(step.total_funding),
            plain(step.total()),
            line.asset()
        )?;
    }
    sums(out, line)
}

fn traded(
    out: &mut String,
    line: &ProfitLine,
    step: &ProfitStep,
    fill: &Fill,
    fee: Option<&Valued>,
    in_kind: Option<&FeeInKind>,
) -> fmt::Result {
    let cause = if fill.cause.is_order() {
        String::new()
    } else {
        format!(", {}", fill.cause.as_str())
    };
    writeln!(
        out,
        "    {}  trade {}: {} {} at {}{cause}",
        utc(fill.exchange_time),
        fill.key.trade_id,
        fill.side.as_str(),
        plain(fill.quantity.0),
        price(fill.price)
    )?;
    let after = in_kind.map_or(step.after, |in_kind| in_kind.after_trade);
    writeln!(out, "      held       {}", moved(line, step.before, after))?;
    match fee {
        None => writeln!(out, "      fee        not reported yet")?,
        Some(fee) => writeln!(out, "      fee        {}", worth(line, fee))?,
    }
    if let Some(in_kind) = in_kind {
        writeln!(
            out,
            "      given away {} {} at the fill's price, {}",
            plain(in_kind.quantity.0),
            line.key.pair.base,
            moved(line, in_kind.after_trade, step.after)
        )?;
        let by_trade = step.realized - in_kind.realized;
        return writeln!(
            out,
            "      realized   {} + {} (of what was given away) = {} {}",
            amount(by_trade),
            amount(in_kind.realized),
            amount(step.realized),
            line.asset()
        );
    }
    writeln!(out, "      realized   {} {}", amount(step.realized), line.asset())
}

fn settled(out: &mut String, line: &ProfitLine, payment: &FundingPayment, paid: &Valued) -> fmt::Result {
    let of = payment.quantity.map_or_else(String::new, |quantity| {
        format!(" of a position of {}", plain(quantity.0))
    });
    let at = payment
        .rate
        .map_or_else(String::new, |rate| format!(" at a rate of {}", plain(rate)));
    writeln!(
        out,
        "    {}  funding {}: {}{of}{at}",
        utc(payment.key.time),
        payment.key.id,
        worth(line, paid)
    )
}

/// A position before and after: quantity, cost, average.
fn moved(line: &ProfitLine, before: Held, after: Held) -> String {
    let average = after
        .average(line.terms())
        .map_or_else(String::new, |average| format!(", average {}", price(average)));
    format!(
        "{} -> {} {}, cost {} -> {} {}{average}",
        plain(before.quantity.0),
        plain(after.quantity.0),
        unit(line),
        amount(before.cost),
        amount(after.cost),
        line.asset()
    )
}

/// An amount, its rate and who says it, and what that makes.
fn worth(line: &ProfitLine, valued: &Valued) -> String {
    let paid = format!("{} {}", amount(valued.amount), valued.asset);
    match &valued.worth {
        None => format!("{paid}, not converted: no rate is on record of that time"),
        Some(_) if valued.asset == *line.asset() => paid,
        Some((worth, by)) => format!("{paid}{} = {} {}", rate(by), amount(*worth), line.asset()),
    }
}

/// The two ways to the same sum: by what was realized and what is not yet, and by money and what is held.
fn sums(out: &mut String, line: &ProfitLine) -> fmt::Result {
    let asset = line.asset();
    let (Some(unrealized), Some(value), Some(net), Some(by_flow)) =
        (line.unrealized(), line.value(), line.net(), line.net_by_flow())
    else {
        return writeln!(out, "    no sum: what is held has no price");
    };
    let carried = if line.carried.cost.is_zero() {
        String::new()
    } else {
        format!(" - carried in {}", amount(line.carried.cost))
    };
    let rest = |fees: Amount, funding: Amount| format!("- fees {} + funding {}", amount(fees), amount(funding));
    let rest = rest(line.fees, line.funding);
    writeln!(
        out,
        "    sum: realized {} + unrealized {} {rest} = {} {asset}",
        amount(line.realized),
        amount(unrealized),
        amount(net)
    )?;
    writeln!(
        out,
        "    the same by money: received less paid {} + held worth {}{carried} {rest} = {} {asset}",
        amount(line.flow),
        amount(value),
        amount(by_flow)
    )
}
