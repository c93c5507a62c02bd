//! The instruments that a driven connector has told, and those that it was told to use.

use std::collections::BTreeMap;

use colibri_model::{Exponents, Instrument, InstrumentId, Pair};
use colibri_standard::{UseInstruments, UsedInstrument};

/// What prices and quantities of an instrument nobody described cross the boundary with: eight digits after the point.
pub(in crate::connector) const UNDESCRIBED: Exponents = Exponents {
    price: -8,
    quantity: -8,
};

/// Quote assets by which an undescribed symbol such as `BTCUSDT` is taken apart.
const QUOTES: &[&str] = &[
    "FDUSD", "USDT", "USDC", "TUSD", "BUSD", "EUR", "USD", "GBP", "TRY", "BRL", "JPY", "DAI", "BTC", "ETH", "BNB",
];

/// How an input names an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named<'a> {
    /// By its handle.
    Handle(u32),
    /// By its pair.
    Pair(&'a str),
    /// By the exchange's symbol.
    Symbol(&'a str),
}

/// Told and used instruments.
#[derive(Debug, Default)]
pub(super) struct Known {
    told: Vec<Instrument>,
    used: BTreeMap<InstrumentId, UsedInstrument>,
}

impl Known {
    /// Everything that the exchange offers: replaces what was told before.
    pub fn tell(&mut self, instruments: Vec<Instrument>) {
        self.told = instruments;
    }

    /// The set in use.
    pub fn set_used(&mut self, set: &UseInstruments) {
        self.used = set.instruments.iter().map(|u| (u.id, u.clone())).collect();
    }

    /// The set in use, whole.
    pub fn used(&self) -> UseInstruments {
        UseInstruments {
            instruments: self.used.values().cloned().collect(),
        }
    }

    /// The instrument of a handle, where it is in use.
    pub fn get(&self, id: u32) -> Option<&UsedInstrument> {
        self.used.get(&InstrumentId(id))
    }

    /// The handle of a named instrument; `true` beside it where it has just been taken into use.
    pub fn resolve(&mut self, named: Named<'_>) -> Result<(InstrumentId, bool), String> {
        let in_use = self.used.values().find(|used| match named {
            Named::Handle(id) => used.id.0 == id,
            Named::Pair(pair) => used.pair.to_string().eq_ignore_ascii_case(pair),
            Named::Symbol(symbol) => used.symbol == symbol,
        });
        if let Some(used) = in_use {
            return Ok((used.id, false));
        }
        let told = self.told.iter().find(|told| match named {
            Named::Handle(_) => false,
            Named::Pair(pair) => told.pair.to_string().eq_ignore_ascii_case(pair),
            Named::Symbol(symbol) => told.symbol == symbol,
        });
        let (pair, symbol, exponents, contract) = match (told, named) {
            (Some(told), _) => (
                told.pair.clone(),
                told.symbol.clone(),
                told.exponents,
                told.contract.clone(),
            ),
            // A handle that nobody explained is the connector's to refuse.
            (None, Named::Handle(id)) => return Ok((InstrumentId(id), false)),
            (None, Named::Pair(text)) => {
                let pair: Pair = text.parse().map_err(|e: colibri_model::PairError| e.to_string())?;
                let symbol = format!("{}{}", pair.base, pair.quote).to_ascii_uppercase();
                (pair, symbol, UNDESCRIBED, None)
            }
            (None, Named::Symbol(symbol)) => (pair_of(symbol)?, symbol.to_owned(), UNDESCRIBED, None),
        };
        let id = InstrumentId(self.used.keys().next_back().map_or(1, |last| last.0 + 1));
        let used = UsedInstrument {
            id,
            pair,
            symbol,
            exponents,
            contract,
        };
        self.used.insert(id, used);
        Ok((id, true))
    }
}

/// The pair of a symbol that nobody described.
fn pair_of(symbol: &str) -> Result<Pair, String> {
    let upper = symbol.to_ascii_uppercase();
    if let Some((base, quote)) = upper.split_once(['-', '_', '/']) {
        return format!("{base}-{quote}")
            .parse()
            .map_err(|e: colibri_model::PairError| e.to_string());
    }
    QUOTES
        .iter()
        .find_map(|quote| {
            let base = upper.strip_suffix(quote).filter(|base| !base.is_empty())?;
            format!("{base}-{quote}").parse().ok()
        })
        .ok_or_else(|| format!("nobody told the instrument {symbol:?}; send instruments first, or name the pair"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_instrument_is_taken_into_use_once_however_it_is_named() {
        let mut known = Known::default();
        assert_eq!(known.resolve(Named::Pair("BTC-USDT")), Ok((InstrumentId(1), true)));
        assert_eq!(known.resolve(Named::Symbol("BTCUSDT")), Ok((InstrumentId(1), false)));
        assert_eq!(known.resolve(Named::Symbol("ETH_USDT")), Ok((InstrumentId(2), true)));
        assert_eq!(known.resolve(Named::Pair("eth-usdt")), Ok((InstrumentId(2), false)));
        assert_eq!(known.resolve(Named::Handle(9)), Ok((InstrumentId(9), false)));
        assert!(known.resolve(Named::Symbol("XYZ")).is_err());
        assert_eq!(known.used().instruments.len(), 2);
        assert_eq!(known.get(1).unwrap().symbol, "BTCUSDT");
    }
}
