//! The order book of one instrument.

use colibri_abi::Level;
use colibri_model::{Decimal, Exponents, Price, Quantity, Side};

use crate::book::grid::MOST_PRICE;
use crate::book::ladder::Ladder;
use crate::book::{BookFault, Grid};

/// A price level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookLevel {
    /// The price.
    pub price: Price,
    /// The quantity at that price, in the base asset.
    pub quantity: Quantity,
}

/// Bids and asks on an integer grid. Reading converts to decimals at the edge; nothing inside is rounded.
#[derive(Debug, Clone)]
pub struct OrderBook {
    exponents: Exponents,
    grid: Grid,
    bids: Ladder,
    asks: Ladder,
}

const fn greatest_common_divisor(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl OrderBook {
    /// An empty book.
    #[must_use]
    pub fn new(exponents: Exponents, grid: Grid) -> OrderBook {
        OrderBook {
            exponents,
            grid,
            bids: Ladder::new(),
            asks: Ladder::new(),
        }
    }

    /// Sets the absolute quantity of a level; zero removes it. `side` is the side of the resting orders. A price between two
    /// ticks makes the grid finer: a tick says where new orders may be, and older ones rest where they are.
    ///
    /// # Errors
    /// A price that is none, or a negative quantity: the book is then in doubt and must be dropped.
    #[inline]
    pub fn set(&mut self, side: Side, level: Level) -> Result<(), BookFault> {
        self.set_all(side, &[level])
    }

    /// Sets levels of a side in the order given; see [`OrderBook::set`].
    ///
    /// # Errors
    /// As [`OrderBook::set`], of the first level that cannot be; the levels before it are set.
    #[inline]
    pub fn set_all(&mut self, side: Side, levels: &[Level]) -> Result<(), BookFault> {
        match self.set_on_grid(side, levels) {
            Ok(()) => Ok(()),
            Err(at) => self.set_off_grid(side, &levels[at..]),
        }
    }

    /// Sets levels up to the first that cannot be on the grid as it is, whose place among them is the error.
    #[inline]
    fn set_on_grid(&mut self, side: Side, levels: &[Level]) -> Result<(), usize> {
        let grid = self.grid;
        let tick = move |level: Level| grid.tick(level.price).filter(|_| level.quantity >= 0);
        match side {
            Side::Buy => self.bids.set_all(levels, tick),
            // Negated, so that the best ask is the highest key.
            Side::Sell => self.asks.set_all(levels, move |level| tick(level).map(|tick| -tick)),
        }
    }

    /// Sets levels of which the first cannot be on the grid as it is.
    #[cold]
    fn set_off_grid(&mut self, side: Side, levels: &[Level]) -> Result<(), BookFault> {
        let mut rest = levels;
        while let Some(&Level { price, quantity }) = rest.first() {
            if !(1..=MOST_PRICE).contains(&price) {
                return Err(BookFault::PriceOutOfRange { price });
            }
            if quantity < 0 {
                return Err(BookFault::NegativeQuantity { price, quantity });
            }
            self.refine(price);
            match self.set_on_grid(side, rest) {
                Ok(()) => break,
                Err(at) => rest = &rest[at..],
            }
        }
        Ok(())
    }

    /// Makes the grid so fine that a price is on it.
    fn refine(&mut self, price: i64) {
        let finer = Grid::new(greatest_common_divisor(self.grid.step(), price));
        let mut book = OrderBook::new(self.exponents, finer);
        for side in [Side::Buy, Side::Sell] {
            let levels: Vec<Level> = self.raw_levels(side).collect();
            let set = book.set_on_grid(side, &levels);
            debug_assert!(set.is_ok(), "a finer grid has every price of the coarser one");
        }
        *self = book;
    }

    /// The grid of its prices: the instrument's tick, or a finer one.
    #[must_use]
    pub const fn grid(&self) -> Grid {
        self.grid
    }

    /// Keeps the best `depth` levels of each side.
    pub fn truncate(&mut self, depth: usize) {
        self.bids.truncate(depth);
        self.asks.truncate(depth);
    }

    /// Removes every level.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// Whether neither side has a level.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bids.best().is_none() && self.asks.best().is_none()
    }

    /// How many levels a side has, by counting them.
    #[must_use]
    pub fn len(&self, side: Side) -> usize {
        match side {
            Side::Buy => self.bids.len(),
            Side::Sell => self.asks.len(),
        }
    }

    /// The exponents of its mantissas.
    #[must_use]
    pub const fn exponents(&self) -> Exponents {
        self.exponents
    }

    /// Levels of a side from the best on, as mantissas.
    pub fn raw_levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        let (ladder, sign) = match side {
            Side::Buy => (&self.bids, 1),
            Side::Sell => (&self.asks, -1),
        };
        ladder.levels().map(move |(key, quantity)| Level {
            price: self.grid.price(key * sign),
            quantity,
        })
    }

    /// The best level of a side as mantissas.
    #[inline]
    #[must_use]
    pub fn best_raw(&self, side: Side) -> Option<Level> {
        let (best, sign) = match side {
            Side::Buy => (self.bids.best(), 1),
            Side::Sell => (self.asks.best(), -1),
        };
        best.map(|(key, quantity)| Level {
            price: self.grid.price(key * sign),
            quantity,
        })
    }

    /// The quantity resting at a price, zero where none does or the price is off the grid.
    #[must_use]
    pub fn quantity_at(&self, side: Side, price: Price) -> Quantity {
        let tick = self
            .exponents
            .price_mantissa(price)
            .ok()
            .and_then(|mantissa| self.grid.tick(mantissa));
        let quantity = match (tick, side) {
            (None, _) => 0,
            (Some(tick), Side::Buy) => self.bids.get(tick),
            (Some(tick), Side::Sell) => self.asks.get(tick.saturating_neg()),
        };
        self.exponents.quantity(quantity)
    }

    pub(crate) fn level(&self, raw: Level) -> BookLevel {
        BookLevel {
            price: self.exponents.price(raw.price),
            quantity: self.exponents.quantity(raw.quantity),
        }
    }

    /// Levels of a side from the best on.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = BookLevel> + '_ {
        self.raw_levels(side).map(|raw| self.level(raw))
    }

    /// The first `n` levels of a side.
    #[must_use]
    pub fn depth(&self, side: Side, n: usize) -> Vec<BookLevel> {
        self.levels(side).take(n).collect()
    }

    /// The highest price that is bid.
    #[must_use]
    pub fn best_bid(&self) -> Option<BookLevel> {
        self.best_raw(Side::Buy).map(|raw| self.level(raw))
    }

    /// The lowest price that is asked.
    #[must_use]
    pub fn best_ask(&self) -> Option<BookLevel> {
        self.best_raw(Side::Sell).map(|raw| self.level(raw))
    }

    /// Halfway between best bid and best ask; `None` while a side is empty.
    #[must_use]
    pub fn mid(&self) -> Option<Price> {
        let (bid, ask) = (self.best_bid()?, self.best_ask()?);
        Some(Price((bid.price.0 + ask.price.0) / Decimal::TWO))
    }

    /// Best ask minus best bid; `None` while a side is empty.
    #[must_use]
    pub fn spread(&self) -> Option<Price> {
        let (bid, ask) = (self.best_bid()?, self.best_ask()?);
        Some(Price(ask.price.0 - bid.price.0))
    }

    /// Bid and ask mantissas where the bid is at or above the ask.
    #[inline]
    #[must_use]
    pub fn crossed(&self) -> Option<(i64, i64)> {
        let (bid, ask) = (self.best_raw(Side::Buy)?, self.best_raw(Side::Sell)?);
        (bid.price >= ask.price).then_some((bid.price, ask.price))
    }
}
