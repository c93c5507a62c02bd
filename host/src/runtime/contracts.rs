//! What an account holds of contracts, for the status file and the screen.

use colibri_driver::HostTime;
use colibri_engine::{MarketView, VenueView};
use colibri_model::{Amount, Decimal, PositionSide, Quantity};

use crate::screen::PositionRow;
use crate::status::{ContractStatus, ContractsStatus, MarginStatus, PositionStatus};

fn text(number: Decimal) -> String {
    // Nobody is owed the digits of a division beyond the eighth.
    number.round_dp(8).normalize().to_string()
}

fn amount(amount: Amount) -> String {
    text(amount.0)
}

/// The sides of a market that hold something, or of which the exchange states something else.
fn sides<'a>(market: &MarketView<'a>) -> Vec<(PositionSide, Option<Quantity>)> {
    let Some(positions) = market.positions() else {
        return Vec::new();
    };
    let differs = |side| {
        let mut differences = market.position_differences();
        differences.find(|(of, _)| *of == side).map(|(_, found)| found.stated)
    };
    let all = positions
        .iter()
        .map(|(side, position)| (side, position.quantity, differs(side)));
    all.filter(|(_, held, stated)| !held.is_zero() || stated.is_some())
        .map(|(side, _, stated)| (side, stated))
        .collect()
}

/// For the status file; `None` where the venue has no contracts.
pub(super) fn status(venue: &VenueView<'_>, now: HostTime) -> Option<ContractsStatus> {
    if !venue.has_contracts() {
        return None;
    }
    let traded = || venue.markets().filter(|market| !market.is_watched());
    let margin = venue.margin().map(|stated| MarginStatus {
        asset: stated.margin.asset.to_string(),
        equity: stated.margin.equity.map(amount),
        available: stated.margin.available.map(amount),
        maintenance: stated.margin.maintenance.map(amount),
        age_ms: now.mono.since(stated.updated).0,
    });
    Some(ContractsStatus {
        position_mode: venue.position_mode().map(|mode| mode.as_str().to_owned()),
        margin,
        settings_differ: venue.setting_differences().iter().map(ToString::to_string).collect(),
        markets: traded().map(|market| contract(&market, now)).collect(),
        positions: traded().flat_map(|market| positions(&market)).collect(),
        margin_call: venue.last_margin_call().map(|call| call.text.clone()),
        forced: venue
            .forced_reductions()
            .map(|forced| {
                let quantity = forced
                    .quantity
                    .map_or_else(|| "some".to_owned(), |quantity| text(quantity.0));
                format!("{} of {quantity} by the exchange", forced.cause.as_str())
            })
            .collect(),
    })
}

fn contract(market: &MarketView<'_>, now: HostTime) -> ContractStatus {
    let funding = market.funding_rate();
    let next = market.next_funding_time().map(|time| time.0.saturating_sub(now.wall.0));
    ContractStatus {
        pair: market.pair().clone(),
        mark: market.mark_price().map(|price| text(price.0)),
        index: market.index_price().map(|price| text(price.0)),
        funding_rate: funding.map(|funding| text(funding.rate)),
        next_funding_ms: next.and_then(|left| u64::try_from(left / 1_000_000).ok()),
        leverage: market.leverage(PositionSide::Net).map(|leverage| leverage.to_string()),
        margin_mode: market.margin_mode().map(|mode| mode.as_str().to_owned()),
    }
}

fn positions(market: &MarketView<'_>) -> Vec<PositionStatus> {
    let Some(contract) = market.contract() else {
        return Vec::new();
    };
    let of = |(side, stated): (PositionSide, Option<Quantity>)| {
        let position = market.position_of(side)?;
        let funding = position.funding.get(&contract.settle).copied().unwrap_or_default();
        Some(PositionStatus {
            pair: market.pair().clone(),
            side: side.as_str().to_owned(),
            quantity: text(position.quantity.0),
            entry_price: position.entry_price(contract).map(|price| text(price.0)),
            unrealized: market
                .mark_price()
                .map(|mark| amount(position.unrealized(contract, mark))),
            realized: amount(position.realized),
            funding: amount(funding),
            asset: contract.settle.to_string(),
            liquidation_price: market.liquidation_price(side).map(|price| text(price.0)),
            leverage: market.leverage(side).map(|leverage| leverage.to_string()),
            stated: stated.map(|stated| text(stated.0)),
        })
    };
    sides(market).into_iter().filter_map(of).collect()
}

/// For the screen.
pub(super) fn rows(venue: &VenueView<'_>) -> Vec<PositionRow> {
    let mut rows = Vec::new();
    for market in venue.markets().filter(|market| !market.is_watched()) {
        let Some(contract) = market.contract() else { continue };
        for (side, stated) in sides(&market) {
            let Some(position) = market.position_of(side) else {
                continue;
            };
            rows.push(PositionRow {
                pair: market.pair().clone(),
                side,
                quantity: position.quantity,
                entry_price: position.entry_price(contract),
                unrealized: market.mark_price().map(|mark| position.unrealized(contract, mark)),
                asset: contract.settle.clone(),
                leverage: market.leverage(side),
                margin_mode: market.margin_mode(),
                liquidation_price: market.liquidation_price(side),
                funding_rate: market.funding_rate().map(|funding| funding.rate),
                stated,
            });
        }
    }
    rows
}
