//! The instruments in use: between the host's handles and the exchange's symbols.

use colibri_model::{Exponents, InstrumentId};
use colibri_standard::{UseInstruments, UsedInstrument};

/// The instruments that the host uses, found by handle or by the exchange's symbol, without allocation.
#[derive(Debug, Default)]
pub struct Instruments {
    used: Vec<UsedInstrument>,
    /// Positions in `used`, in the order of their handles.
    by_id: Vec<u32>,
    /// Positions in `used`, in the order of their symbols.
    by_symbol: Vec<u32>,
}

impl Instruments {
    /// The set of a `use_instruments` command.
    #[must_use]
    pub fn new(set: UseInstruments) -> Instruments {
        let used = set.instruments;
        let (mut by_id, mut by_symbol) = (Vec::with_capacity(used.len()), Vec::with_capacity(used.len()));
        for (position, instrument) in (0u32..).zip(&used) {
            let at = by_id.partition_point(|&p: &u32| used[p as usize].id <= instrument.id);
            by_id.insert(at, position);
            let at = by_symbol.partition_point(|&p: &u32| used[p as usize].symbol <= instrument.symbol);
            by_symbol.insert(at, position);
        }
        Instruments { used, by_id, by_symbol }
    }

    /// The instrument of a handle.
    #[must_use]
    pub fn get(&self, id: InstrumentId) -> Option<&UsedInstrument> {
        let at = self
            .by_id
            .binary_search_by_key(&id, |&p| self.used[p as usize].id)
            .ok()?;
        self.used.get(self.by_id[at] as usize)
    }

    /// The instrument that the exchange calls so.
    #[must_use]
    pub fn by_symbol(&self, symbol: &[u8]) -> Option<&UsedInstrument> {
        let at = self
            .by_symbol
            .binary_search_by(|&p| self.used[p as usize].symbol.as_bytes().cmp(symbol))
            .ok()?;
        self.used.get(self.by_symbol[at] as usize)
    }

    /// Handle and exponents of the instrument that the exchange calls so: what a market-data frame needs.
    #[must_use]
    pub fn listed(&self, symbol: &[u8]) -> Option<(InstrumentId, Exponents)> {
        self.by_symbol(symbol).map(|u| (u.id, u.exponents))
    }

    /// The handle of the instrument that the exchange calls so, where it is in use.
    #[must_use]
    pub fn id_of(&self, symbol: &str) -> Option<InstrumentId> {
        self.by_symbol(symbol.as_bytes()).map(|u| u.id)
    }

    /// The set, as the state that a later instance starts from.
    pub(crate) fn to_set(&self) -> UseInstruments {
        UseInstruments {
            instruments: self.used.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn used(id: u32, pair: &str, symbol: &str) -> UsedInstrument {
        UsedInstrument {
            id: InstrumentId(id),
            pair: pair.parse().unwrap(),
            symbol: symbol.to_owned(),
            exponents: Exponents {
                price: -8,
                quantity: -8,
            },
            contract: None,
        }
    }

    #[test]
    fn handles_and_symbols_find_each_other() {
        let map = Instruments::new(UseInstruments {
            instruments: vec![
                used(7, "ETH-USDT", "ETHUSDT"),
                used(2, "BTC-USDT", "BTCUSDT"),
                used(9, "BNB-BTC", "BNBBTC"),
            ],
        });
        assert_eq!(map.id_of("BNBBTC"), Some(InstrumentId(9)));
        assert_eq!(map.id_of("BTCUSDT"), Some(InstrumentId(2)));
        assert_eq!(map.id_of("btcusdt"), None);
        assert_eq!(map.get(InstrumentId(7)).unwrap().symbol, "ETHUSDT");
        assert!(map.get(InstrumentId(3)).is_none());
    }
}
