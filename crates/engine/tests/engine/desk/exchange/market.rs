//! The market of the scripted exchange: its instrument and its book.

use colibri_abi::{Level, book_flag};
use colibri_model::{Amount, Decimal, Exponents, Instrument, InstrumentStatus, Price, Quantity, TradingRule};
use colibri_standard::InstrumentsEvent;

use super::Exchange;
use crate::desk::Delivery;

impl Exchange {
    /// Bid 99.90, ask 100.10: mid 100.
    pub fn snapshot(&self) -> Delivery {
        let level = |price| Level {
            price,
            quantity: 50_000,
        };
        Delivery::Book {
            ids: (self.book_id, self.book_id),
            flags: book_flag::SNAPSHOT,
            bids: vec![level(9_990), level(9_980)],
            asks: vec![level(10_010), level(10_020)],
        }
    }

    pub fn next_diff(&mut self, bids: &[Level], asks: &[Level]) -> Delivery {
        self.book_id += 1;
        Delivery::Book {
            ids: (self.book_id, self.book_id),
            flags: 0,
            bids: bids.to_vec(),
            asks: asks.to_vec(),
        }
    }
}

pub(super) fn instruments(replace: bool) -> InstrumentsEvent {
    let rule = TradingRule {
        price_tick: Some(Price(Decimal::new(1, 2))),
        quantity_step: Some(Quantity(Decimal::new(1, 4))),
        min_notional: Some(Amount(Decimal::from(5))),
        amend: true,
        replace,
        ..TradingRule::default()
    };
    InstrumentsEvent {
        instruments: vec![Instrument {
            pair: "BTC-USDT".parse().unwrap(),
            symbol: "BTCUSDT".to_owned(),
            status: InstrumentStatus::Trading,
            exponents: Exponents {
                price: -2,
                quantity: -4,
            },
            rule,
            contract: None,
        }],
    }
}
