//! Amounts, prices and sources in words.

use std::collections::BTreeMap;

use colibri_model::profit::{PriceSource, ProfitLine, Rate, RateSource, Way};
use colibri_model::{Amount, Asset, ContractKind, Decimal, Price};
use colibri_store::export::utc;

/// A decimal without zeros at its end.
pub(super) fn plain(value: Decimal) -> String {
    value.normalize().to_string()
}

pub(super) fn amount(amount: Amount) -> String {
    plain(amount.0)
}

/// Amounts of several assets.
pub(super) fn amounts(amounts: &BTreeMap<Asset, Amount>) -> String {
    let words: Vec<_> = amounts
        .iter()
        .map(|(asset, of)| format!("{} {asset}", amount(*of)))
        .collect();
    words.join(", ")
}

/// A price, an average among them, to at most twelve digits behind the point.
pub(super) fn price(price: Price) -> String {
    plain(price.0.round_dp(12))
}

/// What the quantity of a line is of.
pub(super) fn unit(line: &ProfitLine) -> String {
    match line.terms().kind {
        ContractKind::Linear => line.key.pair.base.to_string(),
        ContractKind::Inverse => format!("contracts of {} {}", plain(line.terms().size), line.key.pair.quote),
    }
}

/// Who says a price.
pub(super) fn source(source: &PriceSource) -> String {
    match source {
        PriceSource::Fill {
            venue,
            pair,
            trade_id,
            time,
        } => format!("trade {trade_id} of {pair} at {venue}, {}", utc(*time)),
        PriceSource::Journal { venue, pair, time } => {
            format!("the price of {pair} at {venue} in the journal, {}", utc(*time))
        }
        PriceSource::Book { venue, pair, time } => {
            format!("the middle of the book of {pair} at {venue}, {}", utc(*time))
        }
        PriceSource::Mark { venue, pair, time } => format!("the mark price of {pair} at {venue}, {}", utc(*time)),
        PriceSource::Given { .. } => "as given".to_owned(),
    }
}

/// How an amount was converted: `× 612.5 (trade 7 of BNB-USDT …)`; nothing where it need not be.
pub(super) fn rate(rate: &Rate) -> String {
    let sign = match rate.way {
        Way::Times => "×",
        Way::Divided => "/",
    };
    match &rate.source {
        RateSource::SameAsset => String::new(),
        RateSource::OwnFill => format!(" {sign} {} (the fill's own price)", price(rate.price)),
        RateSource::Recorded(recorded) => format!(" {sign} {} ({})", price(rate.price), source(recorded)),
    }
}
