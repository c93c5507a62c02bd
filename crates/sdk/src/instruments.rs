//! The instruments in use: between the host's handles and the exchange's symbols.

use colibri_model::{Exponents, InstrumentId};
use colibri_standard::{UseInstruments, UsedInstrument};

/// The instruments that the host uses, found by handle or by the exchange's symbol, without allocation.
#[derive(Debug, Default)]
pub struct Instruments {
    used: Vec<UsedInstrument>,
    /// Positions in `used`, in the order of their handles.
    by_id: Vec<u32>,
    by_symbol: SymbolTable,
}

/// Positions of instruments by their symbols: a table of open addressing, at most a quarter full, so that a frame of one of
/// a thousand instruments costs what a frame of the only one does. Its hash is the same in every run.
#[derive(Debug, Default)]
struct SymbolTable {
    /// Positions from one on; zero for an empty slot. A power of two of them, or none.
    slots: Vec<u32>,
    /// How far a hash is shifted so that it is a slot.
    shift: u32,
}

impl SymbolTable {
    fn new(used: &[UsedInstrument]) -> SymbolTable {
        let length = (used.len() * 4).next_power_of_two().max(8);
        let mut table = SymbolTable {
            slots: vec![0; length],
            shift: 64 - length.trailing_zeros(),
        };
        for (position, instrument) in (1u32..).zip(used) {
            let mut slot = table.first_slot(instrument.symbol.as_bytes());
            while table.slots[slot] != 0 {
                slot = (slot + 1) % length;
            }
            table.slots[slot] = position;
        }
        table
    }

    #[inline]
    fn first_slot(&self, symbol: &[u8]) -> usize {
        (hash(symbol) >> self.shift) as usize
    }

    #[inline]
    fn find<'a>(&self, used: &'a [UsedInstrument], symbol: &[u8]) -> Option<&'a UsedInstrument> {
        if self.slots.is_empty() {
            return None;
        }
        let mut slot = self.first_slot(symbol);
        // A slot in four is taken, so that there is an empty one to stop at.
        loop {
            let position = self.slots[slot].checked_sub(1)?;
            let instrument = used.get(position as usize)?;
            if instrument.symbol.as_bytes() == symbol {
                return Some(instrument);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }
}

/// Of a symbol's first and last eight bytes, which overlap or leave out what is between them.
#[inline]
fn hash(symbol: &[u8]) -> u64 {
    let (first, last) = match (symbol.first_chunk::<8>(), symbol.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => match (symbol.first_chunk::<4>(), symbol.last_chunk::<4>()) {
            (Some(first), Some(last)) => (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into()),
            _ => symbol.iter().fold((0, 0), |(all, _), &b| (all << 8 | u64::from(b), 0)),
        },
    };
    let mixed = (first ^ last.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ symbol.len() as u64;
    (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

impl Instruments {
    /// The set of a `use_instruments` command.
    #[must_use]
    pub fn new(set: UseInstruments) -> Instruments {
        let used = set.instruments;
        let mut by_id = Vec::with_capacity(used.len());
        for (position, instrument) in (0u32..).zip(&used) {
            let at = by_id.partition_point(|&p: &u32| used[p as usize].id <= instrument.id);
            by_id.insert(at, position);
        }
        let by_symbol = SymbolTable::new(&used);
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
    #[inline]
    #[must_use]
    pub fn by_symbol(&self, symbol: &[u8]) -> Option<&UsedInstrument> {
        self.by_symbol.find(&self.used, symbol)
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

    #[test]
    fn a_thousand_symbols_are_found_and_no_other() {
        let symbols: Vec<String> = (0..1_000)
            .map(|i| format!("{}USDT", "X".repeat(i % 17) + &i.to_string()))
            .collect();
        let instruments = (0u32..)
            .zip(&symbols)
            .map(|(i, symbol)| used(i, "BTC-USDT", symbol))
            .collect();
        let map = Instruments::new(UseInstruments { instruments });
        for (i, symbol) in (0u32..).zip(&symbols) {
            assert_eq!(map.id_of(symbol), Some(InstrumentId(i)), "{symbol}");
            assert_eq!(
                map.id_of(&symbol[1..])
                    .filter(|_| !symbols.contains(&symbol[1..].to_owned())),
                None
            );
        }
        assert_eq!(map.id_of(""), None);
        assert_eq!(Instruments::default().id_of("BTCUSDT"), None);
    }
}
