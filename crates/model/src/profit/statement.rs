//! The statement: every owner's profit in every position, from events in the order of their times.

use std::collections::BTreeMap;

use super::line::Counting;
use super::{LineKey, Owner, PriceSource, ProfitLine, RecordedPrice, RecordedPrices};
use crate::{AccountId, Contract, Fill, FundingPayment, OpenedPosition, Pair, Price, StrategyId, VenueId, WallNs};

/// What a statement is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfitEvent {
    /// A fill.
    Fill {
        /// Whose, where a strategy had decided it.
        strategy: Option<StrategyId>,
        /// The fill.
        fill: Fill,
    },
    /// A funding payment.
    Funding {
        /// Whose, where one strategy alone holds the position.
        strategy: Option<StrategyId>,
        /// The payment.
        payment: FundingPayment,
    },
    /// What was held of a contract before the first fill that is known: it is carried in.
    Opened {
        /// Where.
        venue: VenueId,
        /// In which account.
        account: AccountId,
        /// Of which pair.
        pair: Pair,
        /// The position.
        position: OpenedPosition,
        /// When that was learned.
        time: WallNs,
    },
    /// A price that the journal has: what fees in a third asset are converted by.
    Price {
        /// Where.
        venue: VenueId,
        /// Of which pair.
        pair: Pair,
        /// The price.
        price: Price,
        /// When.
        time: WallNs,
    },
}

impl ProfitEvent {
    /// When it was, by the exchange's clock.
    #[must_use]
    pub const fn time(&self) -> WallNs {
        match self {
            ProfitEvent::Fill { fill, .. } => fill.exchange_time,
            ProfitEvent::Funding { payment, .. } => payment.key.time,
            ProfitEvent::Opened { time, .. } | ProfitEvent::Price { time, .. } => *time,
        }
    }
}

/// How much a statement keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The sums, and which fills and payments are in them.
    Sums,
    /// Each fill and payment with what it did, too.
    Steps,
}

/// A statement cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sums of {pair} at {venue} do not fit into a decimal of 28 digits; ask for one pair, or look at its fills")]
pub struct ProfitError {
    /// Where.
    pub venue: VenueId,
    /// Of which pair.
    pub pair: Pair,
}

/// Contracts by venue, account and pair. What is not in it is spot.
pub type Contracts = BTreeMap<(VenueId, AccountId, Pair), Contract>;

/// Profit by owner and position, in the making.
#[derive(Debug, Clone)]
pub struct Statement {
    contracts: Contracts,
    counting: Counting,
    prices: RecordedPrices,
    lines: BTreeMap<LineKey, ProfitLine>,
}

impl Statement {
    /// An empty one, of what happened from `since` on; events before make what was held then.
    #[must_use]
    pub fn new(contracts: Contracts, since: Option<WallNs>, detail: Detail) -> Statement {
        Statement {
            contracts,
            counting: Counting {
                since,
                keeps_steps: detail == Detail::Steps,
            },
            prices: RecordedPrices::default(),
            lines: BTreeMap::new(),
        }
    }

    /// Counts an event. They come in the order of their times; of one time, prices first.
    ///
    /// # Errors
    /// [`ProfitError`] where a sum leaves the range of a decimal.
    pub fn count(&mut self, event: ProfitEvent) -> Result<(), ProfitError> {
        let error = |venue: &VenueId, pair: &Pair| ProfitError {
            venue: venue.clone(),
            pair: pair.clone(),
        };
        match event {
            ProfitEvent::Price {
                venue,
                pair,
                price,
                time,
            } => {
                let source = PriceSource::Journal {
                    venue: venue.clone(),
                    pair: pair.clone(),
                    time,
                };
                self.prices.record(&venue, &pair, RecordedPrice { price, source });
            }
            ProfitEvent::Opened {
                venue,
                account,
                pair,
                position,
                ..
            } => {
                let key = LineKey {
                    owner: Owner::Before,
                    venue: venue.clone(),
                    account,
                    pair: pair.clone(),
                    position_side: position.side,
                };
                let line = line_of(&mut self.lines, &self.contracts, key);
                line.carry(&position).ok_or_else(|| error(&venue, &pair))?;
            }
            ProfitEvent::Fill { strategy, fill } => {
                let key = fill.key.clone();
                let line = LineKey {
                    owner: Owner::of_fill(strategy.as_ref(), fill.cause),
                    venue: key.venue.clone(),
                    account: key.account,
                    pair: key.pair.clone(),
                    position_side: fill.position_side,
                };
                let recorded = RecordedPrice {
                    price: fill.price,
                    source: PriceSource::Fill {
                        venue: key.venue.clone(),
                        pair: key.pair.clone(),
                        trade_id: key.trade_id,
                        time: fill.exchange_time,
                    },
                };
                let line = line_of(&mut self.lines, &self.contracts, line);
                line.add_fill(fill, &self.prices, self.counting)
                    .ok_or_else(|| error(&key.venue, &key.pair))?;
                self.prices.record(&key.venue, &key.pair, recorded);
            }
            ProfitEvent::Funding { strategy, payment } => {
                let key = payment.key.clone();
                let line = LineKey {
                    owner: Owner::of_funding(strategy.as_ref()),
                    venue: key.venue.clone(),
                    account: key.account,
                    pair: key.pair.clone(),
                    position_side: payment.position_side,
                };
                let line = line_of(&mut self.lines, &self.contracts, line);
                line.add_funding(payment, &self.prices, self.counting)
                    .ok_or_else(|| error(&key.venue, &key.pair))?;
            }
        }
        Ok(())
    }

    /// The lines in which something counts, each valued at the newest price that is known of its pair: of `marks`, or the last on
    /// record. One of `marks` that was given comes before all.
    #[must_use]
    pub fn lines(self, marks: &[RecordedPrice]) -> Vec<ProfitLine> {
        let prices = self.prices;
        let mut lines: Vec<ProfitLine> = self.lines.into_values().filter(|line| !line.is_empty()).collect();
        for line in &mut lines {
            let (venue, pair) = (&line.key.venue, &line.key.pair);
            let of_line = |mark: &&RecordedPrice| match &mark.source {
                PriceSource::Given { pair: of } => of == pair,
                PriceSource::Mark {
                    venue: at, pair: of, ..
                } => of == pair && at == venue,
                PriceSource::Fill {
                    venue: at, pair: of, ..
                }
                | PriceSource::Journal {
                    venue: at, pair: of, ..
                }
                | PriceSource::Book {
                    venue: at, pair: of, ..
                } => of == pair && at == venue,
            };
            let known = prices.last(venue, pair).into_iter().chain(marks.iter().filter(of_line));
            line.mark = known
                .max_by_key(|mark| (mark.source.time().is_none(), mark.source.time()))
                .cloned();
        }
        lines
    }
}

fn line_of<'l>(
    lines: &'l mut BTreeMap<LineKey, ProfitLine>,
    contracts: &Contracts,
    key: LineKey,
) -> &'l mut ProfitLine {
    lines.entry(key.clone()).or_insert_with(|| {
        let of = (key.venue.clone(), key.account.clone(), key.pair.clone());
        let contract = contracts.get(&of).cloned();
        ProfitLine::new(key, contract)
    })
}
