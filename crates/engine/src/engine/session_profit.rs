//! The profit of a session: what the limits on loss and drawdown are compared with.
//!
//! A session begins with a start and goes on over crashes; a stop that was proven ends it, and so does a person who resumes.
//! Each market is measured from where it stood when the session first knew its price, which is journaled: what an earlier
//! session had made, and inventory that it left, count from there on only.

use std::collections::{BTreeMap, BTreeSet};

use colibri_model::{AccountId, Amount, Asset, MonoNs, Pair, Price, Record, VenueId, WallNs};
use serde::{Deserialize, Serialize};

use crate::accounts::Position;
use crate::contracts::{ContractMarket, MARK_STALE};
use crate::engine::core::Core;
use crate::engine::market::{Market, MarketWanted};
use crate::engine::venue::VenuePhase;
use crate::engine::{LogLevel, MarketId, VenueIndex};

/// Where a market's profit stood when its session began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionReference {
    /// Realised and unrealised profit since the journal began, less the fees in base or quote asset; of a contract in the asset
    /// that it settles in, with funding.
    pub profit: Amount,
    /// Fees in other assets since the journal began.
    pub other_fees: BTreeMap<Asset, Amount>,
    /// The price that the inventory was valued at.
    pub price: Option<Price>,
    /// When.
    pub time: WallNs,
}

/// What names a market over restarts.
pub(crate) type MarketName = (VenueId, AccountId, Pair);

/// A session's profit in one quote asset, or in the asset that contracts settle in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SessionProfit {
    /// Realised and unrealised since the session began, less fees.
    pub profit: Amount,
    /// The highest that it has been, in this run; at least zero, where the session began.
    pub peak: Amount,
    /// Fees in assets that no market of the bot has a price of: not in the profit.
    pub uncounted_fees: BTreeMap<Asset, Amount>,
}

/// What the session knows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Session {
    /// From the journal: references of markets that this run has not valued yet.
    #[serde(with = "crate::kept::pairs")]
    pub(crate) journaled: BTreeMap<MarketName, SessionReference>,
    #[serde(with = "crate::kept::pairs")]
    references: BTreeMap<MarketId, SessionReference>,
    /// By quote asset, of those whose every market has a value.
    pub(crate) profits: BTreeMap<Asset, SessionProfit>,
    warned: BTreeSet<Asset>,
    #[serde(default)]
    told_unknown: BTreeSet<Pair>,
}

impl Session {
    pub(crate) fn new(journaled: BTreeMap<MarketName, SessionReference>) -> Session {
        Session {
            journaled,
            ..Session::default()
        }
    }

    /// The next valuing of each market is where it begins.
    pub(crate) fn begin_anew(&mut self) {
        *self = Session::default();
    }
}

/// A position's profit since the journal began; `None` where it cannot be valued.
fn profit_of(position: &Position, pair: &Pair, price: Option<Price>) -> Option<Amount> {
    match price {
        Some(price) => Some(position.net(pair, price)),
        None if position.is_flat() => Some(position.realised() - position.fees_in_quote),
        None => None,
    }
}

/// What a market's trading has made since the journal began, by the asset that it is in: of a contract all that its positions
/// made, whoever's fills, funding included, in the asset that it settles in.
struct Made {
    asset: Asset,
    profit: Option<Amount>,
    /// Fees in assets that are not in the profit.
    other_fees: BTreeMap<Asset, Amount>,
}

impl Made {
    fn of(market: &Market, price: Option<Price>) -> Made {
        let Some(contracts) = market.contracts.as_deref() else {
            let fees = market.position.other_fees(&market.pair);
            return Made {
                asset: market.pair.quote.clone(),
                profit: profit_of(&market.position, &market.pair, price),
                other_fees: fees.map(|(asset, fee)| (asset.clone(), fee)).collect(),
            };
        };
        let Some(contract) = contracts.contract() else {
            return Made {
                asset: market.pair.quote.clone(),
                profit: contracts.ledger.is_empty().then_some(Amount::ZERO),
                other_fees: BTreeMap::new(),
            };
        };
        let positions = contracts.positions();
        let is_flat = positions.iter().all(|(_, position)| position.quantity.is_zero());
        let mut other_fees: BTreeMap<Asset, Amount> = BTreeMap::new();
        for (_, position) in positions.iter() {
            let fees = position.fees.iter().map(|(asset, fee)| (asset, *fee));
            let funding = position.funding.iter().map(|(asset, paid)| (asset, -*paid));
            for (asset, cost) in fees.chain(funding).filter(|(asset, _)| **asset != contract.settle) {
                *other_fees.entry(asset.clone()).or_default() += cost;
            }
        }
        // What is flat is worth the same at any price.
        let price = price.or(is_flat.then_some(Price::ZERO));
        let net = |price| {
            positions
                .iter()
                .map(|(_, position)| position.net(contract, price))
                .sum()
        };
        // Before what was held at the start is entered, the session does not know where it begins.
        let is_known = contracts.is_opened || market.instrument.is_none();
        Made {
            asset: contract.settle.clone(),
            profit: price.filter(|_| is_known).map(net),
            other_fees,
        }
    }
}

/// The price that a market's inventory is valued at: the last mid of this run, and of a contract its mark price, unless that is old
/// and there is a mid. A pair that is not listed any more has none, and stays at its last fill's.
fn mark(market: &mut Market, now: MonoNs) -> Option<Price> {
    let mid = market.book().and_then(|book| book.mid());
    let is_new =
        |contracts: &&ContractMarket| mid.is_none() || contracts.mark_age(now).is_some_and(|age| age <= MARK_STALE);
    let contracts = market.contracts.as_deref().filter(is_new);
    let marked = contracts.and_then(ContractMarket::mark);
    market.valued_at = marked.or(mid).or(market.valued_at);
    match &market.instrument {
        Some(_) => market.valued_at,
        None => market.position.last_price,
    }
}

impl Market {
    /// Whether it is a contract that nobody tells anything of: neither the exchange nor the journal.
    fn is_of_unknown_contract(&self) -> bool {
        let unknown = self.contracts.as_ref().is_some_and(|c| c.contract().is_none());
        unknown && self.instrument.is_none()
    }
}

impl Core {
    /// Values the session. A quote asset one of whose markets has no value yet keeps what it had.
    pub(crate) fn value_session(&mut self) {
        let mut unknown: BTreeSet<Asset> = BTreeSet::new();
        let mut sums: BTreeMap<Asset, SessionProfit> = BTreeMap::new();
        let mut begun: Vec<Record> = Vec::new();
        let mut fees: Vec<(Asset, Asset, Amount)> = Vec::new();
        let mut uncounted: Vec<(VenueId, Pair)> = Vec::new();
        let now = self.mono();
        for (index, venue) in self.state.venues.iter_mut().enumerate() {
            if matches!(venue.phase, VenuePhase::Failed(_)) {
                continue;
            }
            let ready = venue.phase == VenuePhase::Ready;
            // Those that are watched stand behind all others.
            let markets = venue.markets.iter_mut();
            for market in markets.take_while(|m| m.wanted != MarketWanted::Watching) {
                let price = mark(market, now);
                let made = Made::of(market, price);
                let Some(profit) = made.profit.filter(|_| ready) else {
                    if ready && market.is_of_unknown_contract() {
                        uncounted.push((venue.id.clone(), market.pair.clone()));
                    }
                    unknown.insert(made.asset);
                    continue;
                };
                let id = MarketId {
                    venue: VenueIndex(index),
                    instrument: market.id,
                };
                let session = &mut self.state.session;
                let reference = session.references.entry(id).or_insert_with(|| {
                    let name = (venue.id.clone(), venue.account.clone(), market.pair.clone());
                    session.journaled.remove(&name).unwrap_or_else(|| {
                        let reference = SessionReference {
                            profit,
                            other_fees: made.other_fees.clone(),
                            price,
                            time: self.state.now.wall,
                        };
                        begun.push(record(name, &reference));
                        reference
                    })
                });
                let quote = &made.asset;
                sums.entry(quote.clone()).or_default().profit += profit - reference.profit;
                for (asset, fee) in &made.other_fees {
                    let fee = *fee - reference.other_fees.get(asset).copied().unwrap_or_default();
                    if !fee.is_zero() {
                        fees.push((quote.clone(), asset.clone(), fee));
                    }
                }
            }
        }
        for record in begun {
            self.journal_fact(record);
        }
        self.warn_of_unknown_contracts(uncounted);
        for (quote, asset, fee) in fees {
            let price = self.price_of(&asset, &quote);
            let Some(sum) = sums.get_mut(&quote) else { continue };
            match price {
                Some(price) => sum.profit -= Amount(fee.0 * price.0),
                None => *sum.uncounted_fees.entry(asset).or_default() += fee,
            }
        }
        for (quote, mut value) in sums {
            if unknown.contains(&quote) {
                continue;
            }
            self.warn_of_uncounted(&quote, &value);
            let before = self.state.session.profits.get(&quote).map_or(Amount::ZERO, |v| v.peak);
            value.peak = before.max(value.profit);
            self.state.session.profits.insert(quote, value);
        }
    }

    /// The last price of an asset in a quote asset, where a market of the bot has one.
    fn price_of(&self, asset: &Asset, quote: &Asset) -> Option<Price> {
        let markets = self.state.venues.iter().flat_map(|v| &v.markets);
        let mut priced = markets.filter(|m| m.pair.base == *asset && m.pair.quote == *quote);
        priced.find_map(|m| m.valued_at.or_else(|| m.book()?.mid()))
    }

    /// Says once of each contract that is gone what it keeps from being judged.
    fn warn_of_unknown_contracts(&mut self, uncounted: Vec<(VenueId, Pair)>) {
        for (venue, pair) in uncounted {
            if self.state.session.told_unknown.insert(pair.clone()) {
                let text = format!(
                    "{venue}: {pair} is not listed any more, and the journal does not say what it is a contract of: what its \
                     fills have made is not known, so max_loss and max_drawdown are not judged in {}; end its orders at the \
                     exchange, and start with a new data folder once the bot is stopped",
                    pair.quote
                );
                self.log(LogLevel::Error, text);
            }
        }
    }

    /// Says once of each asset that fees in it are left out.
    fn warn_of_uncounted(&mut self, quote: &Asset, value: &SessionProfit) {
        for asset in value.uncounted_fees.keys() {
            if self.state.session.warned.insert(asset.clone()) {
                let text = format!(
                    "fees in {asset} have no price in {quote} here: the profit that max_loss and max_drawdown are compared \
                     with leaves them out; list the pair {asset}-{quote} with the venue to count them"
                );
                self.log(LogLevel::Warn, text);
            }
        }
    }
}

fn record((venue, account, pair): MarketName, reference: &SessionReference) -> Record {
    Record::SessionReference {
        venue,
        account,
        pair,
        profit: reference.profit,
        other_fees: reference.other_fees.clone(),
        price: reference.price,
        time: reference.time,
    }
}
