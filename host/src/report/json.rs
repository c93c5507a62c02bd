//! The report as one JSON object. Field names are an interface: added to, never renamed.

use std::collections::BTreeMap;
use std::time::Duration;

use colibri_model::{Amount, Asset, Quantity};
use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

use super::{Agreement, BalanceCheck, PositionCheck, Report};

pub(super) fn line(report: &Report) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        #[serde(flatten)]
        report: &'a Report,
        ledger_equals_exchange: Option<bool>,
        positions_equal_exchange: Option<bool>,
    }
    let line = Line {
        report,
        ledger_equals_exchange: is_equal(report.ledger_agreement()),
        positions_equal_exchange: report.position_agreement().and_then(is_equal),
    };
    serde_json::to_string(&line).expect("numbers and texts under text keys always serialise")
}

const fn is_equal(agreement: Agreement) -> Option<bool> {
    match agreement {
        Agreement::Equal => Some(true),
        Agreement::Different => Some(false),
        Agreement::NotStated => None,
    }
}

/// Seconds with milliseconds: a length of time, never money.
pub(super) fn seconds<S: Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let millis = u32::try_from(elapsed.as_millis()).unwrap_or(u32::MAX);
    serializer.serialize_f64(f64::from(millis) / 1000.0)
}

pub(super) fn amount<S: Serializer>(amount: &Amount, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*amount))
}

pub(super) fn amounts<S: Serializer>(amounts: &BTreeMap<Asset, Amount>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(amounts.len()))?;
    for (asset, amount) in amounts {
        map.serialize_entry(asset.as_str(), &text(*amount))?;
    }
    map.end()
}

impl Serialize for BalanceCheck {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut check = serializer.serialize_struct("BalanceCheck", 7)?;
        check.serialize_field("venue", &self.venue)?;
        check.serialize_field("asset", &self.asset)?;
        check.serialize_field("ledger", &text(self.ledger))?;
        check.serialize_field("external", &text(self.external))?;
        check.serialize_field("exchange", &self.exchange.map(text))?;
        check.serialize_field("unexplained", &self.unexplained().map(text))?;
        check.serialize_field("equal", &is_equal(self.agreement()))?;
        check.end()
    }
}

impl Serialize for PositionCheck {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let quantity = |quantity: Quantity| quantity.0.normalize().to_string();
        let mut check = serializer.serialize_struct("PositionCheck", 6)?;
        check.serialize_field("venue", &self.venue)?;
        check.serialize_field("pair", &self.pair)?;
        check.serialize_field("side", &self.side)?;
        check.serialize_field("ledger", &quantity(self.ledger))?;
        check.serialize_field("exchange", &self.exchange.map(quantity))?;
        check.serialize_field("equal", &is_equal(self.agreement()))?;
        check.end()
    }
}

fn text(amount: Amount) -> String {
    amount.0.normalize().to_string()
}
