//! What an asset was worth in another: by which price, and who says so.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::perp::to_places;
use crate::{Amount, Asset, Contract, ContractKind, Fill, Pair, Price, TradeId, VenueId, WallNs};

/// How old a recorded price may be when something is converted by it, nanoseconds: a minute.
pub const RATE_AGE: i64 = 60_000_000_000;

/// Who says a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceSource {
    /// A fill of the account.
    Fill {
        /// Where.
        venue: VenueId,
        /// Of which pair.
        pair: Pair,
        /// Which trade.
        trade_id: TradeId,
        /// When, exchange time.
        time: WallNs,
    },
    /// A price that the journal has: the middle of the bot's own book at that time, or of a contract the mark price.
    Journal {
        /// Where.
        venue: VenueId,
        /// Of which pair.
        pair: Pair,
        /// When.
        time: WallNs,
    },
    /// The middle of the book that the bot has, or had last.
    Book {
        /// Where.
        venue: VenueId,
        /// Of which pair.
        pair: Pair,
        /// When.
        time: WallNs,
    },
    /// The mark price of a contract, as the bot was told it last.
    Mark {
        /// Where.
        venue: VenueId,
        /// Of which pair.
        pair: Pair,
        /// When.
        time: WallNs,
    },
    /// Whoever asked has given it.
    Given {
        /// Of which pair.
        pair: Pair,
    },
}

impl PriceSource {
    /// Of when it is; `None` of one that was given.
    #[must_use]
    pub const fn time(&self) -> Option<WallNs> {
        match self {
            PriceSource::Fill { time, .. }
            | PriceSource::Journal { time, .. }
            | PriceSource::Book { time, .. }
            | PriceSource::Mark { time, .. } => Some(*time),
            PriceSource::Given { .. } => None,
        }
    }
}

/// A price and who says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedPrice {
    /// The price.
    pub price: Price,
    /// Who says it.
    pub source: PriceSource,
}

/// Who says what an asset was worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RateSource {
    /// Nobody needs to: it is the asset that profit is in.
    SameAsset,
    /// The fill's own price: the asset is one of its pair.
    OwnFill,
    /// A price of another fill, of the journal.
    Recorded(PriceSource),
}

/// What turns amounts of one asset into those of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// What an amount is multiplied with, or divided by.
    pub price: Price,
    /// Whether it is divided: the price is of the asset that profit is in, in the asset that was paid.
    pub way: Way,
    /// Who says so.
    pub source: RateSource,
}

/// How a price converts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The amount times the price.
    Times,
    /// The amount divided by the price, at [`MONEY_PLACES`](crate::MONEY_PLACES).
    Divided,
}

impl Rate {
    fn same() -> Rate {
        Rate {
            price: Price(Decimal::ONE),
            way: Way::Times,
            source: RateSource::SameAsset,
        }
    }

    /// Converts; `None` where it leaves the range of a decimal, or the price is zero.
    #[must_use]
    pub fn convert(&self, amount: Amount) -> Option<Amount> {
        match self.way {
            Way::Times => amount.0.checked_mul(self.price.0).map(Amount),
            Way::Divided => amount.0.checked_div(self.price.0).map(|q| Amount(to_places(q))),
        }
    }
}

/// The last price of each pair at each venue, as events are told in the order of their times.
#[derive(Debug, Clone, Default)]
pub struct RecordedPrices {
    last: BTreeMap<Pair, BTreeMap<VenueId, RecordedPrice>>,
}

impl RecordedPrices {
    /// Takes a price; it stands until the next of its pair and venue.
    pub fn record(&mut self, venue: &VenueId, pair: &Pair, price: RecordedPrice) {
        if price.price.is_positive() {
            self.last.entry(pair.clone()).or_default().insert(venue.clone(), price);
        }
    }

    /// The last price of a pair at a venue, however old.
    #[must_use]
    pub fn last(&self, venue: &VenueId, pair: &Pair) -> Option<&RecordedPrice> {
        self.last.get(pair)?.get(venue)
    }

    /// A price of a pair that is at most [`RATE_AGE`] older than `time`: of `venue`, else the newest of any.
    fn fresh(&self, venue: &VenueId, pair: &Pair, time: WallNs) -> Option<&RecordedPrice> {
        let prices = self.last.get(pair)?;
        let is_fresh = |price: &&RecordedPrice| {
            price
                .source
                .time()
                .is_some_and(|of| (0..=RATE_AGE).contains(&time.0.saturating_sub(of.0)))
        };
        let of_venue = prices.get(venue).filter(is_fresh);
        of_venue.or_else(|| prices.values().filter(is_fresh).max_by_key(|price| price.source.time()))
    }

    /// What an asset was worth in `into` at a time, by prices that are on record.
    #[must_use]
    pub fn rate(&self, venue: &VenueId, asset: &Asset, into: &Asset, time: WallNs) -> Option<Rate> {
        if asset == into {
            return Some(Rate::same());
        }
        let of = |base: &Asset, quote: &Asset, way: Way| {
            let pair = Pair::new(base.clone(), quote.clone());
            self.fresh(venue, &pair, time).map(|recorded| Rate {
                price: recorded.price,
                way,
                source: RateSource::Recorded(recorded.source.clone()),
            })
        };
        of(asset, into, Way::Times).or_else(|| of(into, asset, Way::Divided))
    }

    /// What a fill's fee asset was worth in the settle asset when it was paid: by the fill's own price where it is an asset of
    /// its pair, else by a price on record. `None` where there is neither: nothing is invented.
    #[must_use]
    pub fn rate_of_fee(&self, contract: &Contract, fill: &Fill, asset: &Asset) -> Option<Rate> {
        let (pair, settle) = (&fill.key.pair, &contract.settle);
        if asset == settle {
            return Some(Rate::same());
        }
        let own = |way: Way| Rate {
            price: fill.price,
            way,
            source: RateSource::OwnFill,
        };
        match contract.kind {
            ContractKind::Linear if *asset == pair.base => Some(own(Way::Times)),
            ContractKind::Inverse if *asset == pair.quote && *settle == pair.base && fill.price.is_positive() => {
                Some(own(Way::Divided))
            }
            _ => self.rate(&fill.key.venue, asset, settle, fill.exchange_time),
        }
    }
}
