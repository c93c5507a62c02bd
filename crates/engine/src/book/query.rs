//! What a book answers about taking from it. `taker` is the side of who takes: a buyer takes asks.

use colibri_model::{Amount, Decimal, Price, Quantity, Side};

use crate::book::{BookLevel, OrderBook};

impl OrderBook {
    fn takes(&self, taker: Side) -> impl Iterator<Item = BookLevel> + '_ {
        self.levels(taker.opposite())
    }

    /// The worst price that taking `volume` of the base asset reaches; `None` where the book does not hold it.
    #[must_use]
    pub fn price_for_volume(&self, taker: Side, volume: Quantity) -> Option<Price> {
        let mut seen = Quantity::ZERO;
        self.takes(taker).find_map(|level| {
            seen += level.quantity;
            (seen >= volume).then_some(level.price)
        })
    }

    /// The worst price that spending (or raising) `volume` of the quote asset reaches.
    #[must_use]
    pub fn price_for_quote_volume(&self, taker: Side, volume: Amount) -> Option<Price> {
        let mut seen = Amount::ZERO;
        self.takes(taker).find_map(|level| {
            seen += level.price * level.quantity;
            (seen >= volume).then_some(level.price)
        })
    }

    /// How much of the base asset can be taken without a worse price than `limit`.
    #[must_use]
    pub fn volume_to_price(&self, taker: Side, limit: Price) -> Quantity {
        self.takes(taker)
            .take_while(|level| within(taker, level.price, limit))
            .map(|level| level.quantity)
            .sum()
    }

    /// How much of the quote asset changes hands for [`OrderBook::volume_to_price`].
    #[must_use]
    pub fn quote_volume_to_price(&self, taker: Side, limit: Price) -> Amount {
        self.takes(taker)
            .take_while(|level| within(taker, level.price, limit))
            .map(|level| level.price * level.quantity)
            .sum()
    }

    /// What taking `volume` of the base asset costs (or raises) in the quote asset; `None` where the book does not hold it.
    #[must_use]
    pub fn quote_volume_for_volume(&self, taker: Side, volume: Quantity) -> Option<Amount> {
        let mut left = volume;
        let mut quote = Amount::ZERO;
        for level in self.takes(taker) {
            let part = left.min(level.quantity);
            quote += level.price * part;
            left -= part;
            if !left.is_positive() {
                return Some(quote);
            }
        }
        (!left.is_positive()).then_some(quote)
    }

    /// How much of the base asset `volume` of the quote asset buys (or is raised by); `None` where the book does not hold
    /// it. Divided in the last level at the 28 digits of a decimal.
    #[must_use]
    pub fn volume_for_quote_volume(&self, taker: Side, volume: Amount) -> Option<Quantity> {
        let mut left = volume.0;
        let mut base = Quantity::ZERO;
        if left <= Decimal::ZERO {
            return Some(base);
        }
        for level in self.takes(taker) {
            let whole = (level.price * level.quantity).0;
            if whole >= left {
                return Some(base + Quantity(left / level.price.0));
            }
            left -= whole;
            base += level.quantity;
        }
        None
    }

    /// The volume-weighted average price of taking `volume` of the base asset; `None` for nothing, or more than the book
    /// holds.
    #[must_use]
    pub fn vwap_for_volume(&self, taker: Side, volume: Quantity) -> Option<Price> {
        if !volume.is_positive() {
            return None;
        }
        let quote = self.quote_volume_for_volume(taker, volume)?;
        Some(Price(quote.0 / volume.0))
    }

    /// The volume-weighted average price of spending (or raising) `volume` of the quote asset.
    #[must_use]
    pub fn vwap_for_quote_volume(&self, taker: Side, volume: Amount) -> Option<Price> {
        let base = self.volume_for_quote_volume(taker, volume)?;
        base.is_positive().then(|| Price(volume.0 / base.0))
    }
}

fn within(taker: Side, price: Price, limit: Price) -> bool {
    match taker {
        Side::Buy => price <= limit,
        Side::Sell => price >= limit,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::book::Grid;
    use colibri_abi::Level;
    use colibri_model::Exponents;

    fn price(text: &str) -> Price {
        Price(text.parse().unwrap())
    }
    fn quantity(text: &str) -> Quantity {
        Quantity(text.parse().unwrap())
    }
    fn amount(text: &str) -> Amount {
        Amount(text.parse().unwrap())
    }

    /// Asks 1.0 of 101, 2.0 of 102, 3.0 of 110; bids 1.0 of 100, 2.0 of 99.
    fn book() -> OrderBook {
        let exponents = Exponents {
            price: -2,
            quantity: -1,
        };
        let mut book = OrderBook::new(exponents, Grid::new(50));
        for (side, price, quantity) in [
            (Side::Sell, 11_000, 30),
            (Side::Sell, 10_100, 10),
            (Side::Sell, 10_200, 20),
            (Side::Buy, 10_000, 10),
            (Side::Buy, 9_900, 20),
        ] {
            book.set(side, Level { price, quantity }).unwrap();
        }
        book
    }

    #[test]
    fn the_touch() {
        let book = book();
        assert_eq!(book.mid(), Some(price("100.5")));
        assert_eq!(book.spread(), Some(price("1")));
        assert_eq!(book.best_bid().unwrap().quantity, quantity("1"));
        assert_eq!(book.depth(Side::Sell, 2).len(), 2);
        assert_eq!(book.quantity_at(Side::Sell, price("102")), quantity("2"));
        assert_eq!(book.quantity_at(Side::Sell, price("102.001")), quantity("0"));
    }

    #[test]
    fn taking() {
        let book = book();
        assert_eq!(book.price_for_volume(Side::Buy, quantity("2.5")), Some(price("102")));
        assert_eq!(book.price_for_volume(Side::Buy, quantity("7")), None);
        assert_eq!(book.price_for_volume(Side::Sell, quantity("1.1")), Some(price("99")));
        assert_eq!(
            book.quote_volume_for_volume(Side::Buy, quantity("2")),
            Some(amount("203"))
        );
        assert_eq!(book.vwap_for_volume(Side::Buy, quantity("2")), Some(price("101.5")));
        assert_eq!(book.volume_to_price(Side::Buy, price("102")), quantity("3"));
        assert_eq!(book.volume_to_price(Side::Sell, price("99.5")), quantity("1"));
        assert_eq!(book.quote_volume_to_price(Side::Buy, price("102")), amount("305"));
        assert_eq!(
            book.volume_for_quote_volume(Side::Buy, amount("203")),
            Some(quantity("2"))
        );
        assert_eq!(
            book.vwap_for_quote_volume(Side::Buy, amount("203")),
            Some(price("101.5"))
        );
        assert_eq!(
            book.price_for_quote_volume(Side::Buy, amount("101")),
            Some(price("101"))
        );
        assert_eq!(
            book.price_for_quote_volume(Side::Sell, amount("298")),
            Some(price("99"))
        );
        assert_eq!(book.price_for_quote_volume(Side::Sell, amount("299")), None);
    }

    #[test]
    fn a_price_between_ticks_makes_the_grid_finer_and_moves_nothing() {
        let (mut book, coarse) = (book(), book());
        let before: Vec<_> = [Side::Buy, Side::Sell].map(|side| book.depth(side, 100)).into();
        let level = |price| Level { price, quantity: 7 };
        assert_eq!(book.set_all(Side::Buy, &[level(50), level(30), level(50)]), Ok(()));
        assert_eq!((book.grid().step(), coarse.grid().step()), (10, 50));
        book.set_all(Side::Buy, &[50, 30].map(|price| Level { price, quantity: 0 }))
            .unwrap();
        let after: Vec<_> = [Side::Buy, Side::Sell].map(|side| book.depth(side, 100)).into();
        assert_eq!(before, after);
    }
}
