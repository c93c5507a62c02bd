//! One market's public data between the engine and the streams: depth windows, aggregate trades, best prices, candles.

use std::collections::{BTreeMap, VecDeque};

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::candles::Candles;
use super::text::{TimeUnit, amount, levels};
use crate::identity::{OrderId, Symbol, TradeId, UpdateId};
use crate::matching::{Book, LevelChange, PublicTrade, Side};
use crate::time::{Span, Timestamp};

/// How many aggregate trades are remembered.
const AGGREGATES_KEPT: usize = 10_000;

/// How often depth is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Speed {
    /// Every 100 ms.
    Fast,
    /// Every 250 ms.
    Quarter,
    /// Every 500 ms.
    Half,
    /// Every 1000 ms.
    Slow,
}

impl Speed {
    /// The time between two sendings.
    pub const fn span(self) -> Span {
        Span::from_millis(match self {
            Self::Fast => 100,
            Self::Quarter => 250,
            Self::Half => 500,
            Self::Slow => 1_000,
        })
    }
}

/// Level changes since a depth stream last sent.
#[derive(Debug, Default)]
struct DepthWindow {
    first: Option<UpdateId>,
    last: UpdateId,
    bids: BTreeMap<Decimal, Decimal>,
    asks: BTreeMap<Decimal, Decimal>,
}

impl DepthWindow {
    fn add(&mut self, change: LevelChange) {
        self.first.get_or_insert(change.id);
        self.last = change.id;
        match change.side {
            Side::Buy => self.bids.insert(change.price, change.quantity),
            Side::Sell => self.asks.insert(change.price, change.quantity),
        };
    }
}

/// What a depth stream sends: the levels that changed, each with its new total.
#[derive(Debug)]
pub struct DepthUpdate {
    /// The first change of the book in it.
    pub first: UpdateId,
    /// The last one.
    pub last: UpdateId,
    /// Bids, with zero where a level is gone.
    pub bids: BTreeMap<Decimal, Decimal>,
    /// Asks, likewise.
    pub asks: BTreeMap<Decimal, Decimal>,
}

impl DepthUpdate {
    /// As spot's `depthUpdate`.
    pub fn render(&self, symbol: &Symbol, now: Timestamp, unit: TimeUnit) -> Value {
        let pairs = |(price, quantity): (&Decimal, &Decimal)| (*price, *quantity);
        json!({
            "e": "depthUpdate",
            "E": unit.of(now),
            "s": symbol.as_str(),
            "U": self.first.0,
            "u": self.last.0,
            "b": levels(self.bids.iter().rev().map(pairs)),
            "a": levels(self.asks.iter().map(pairs)),
        })
    }
}

/// Trades of one taker at one price, as one.
#[derive(Debug, Clone)]
pub struct AggregateTrade {
    /// Its number.
    pub id: u64,
    /// Quote per base.
    pub price: Decimal,
    /// Base.
    pub quantity: Decimal,
    /// Its first trade.
    pub first: TradeId,
    /// Its last trade.
    pub last: TradeId,
    /// When.
    pub time: Timestamp,
    /// The side of the order that arrived.
    pub taker_side: Side,
    taker: OrderId,
}

impl AggregateTrade {
    /// As a row of `aggTrades`.
    pub fn render(&self, unit: TimeUnit) -> Value {
        json!({
            "a": self.id,
            "p": amount(self.price),
            "q": amount(self.quantity),
            "f": self.first.0,
            "l": self.last.0,
            "T": unit.of(self.time),
            "m": self.taker_side == Side::Sell,
            "M": true,
        })
    }
}

/// Best price and quantity of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BestPrices {
    /// Best bid.
    pub bid: Option<(Decimal, Decimal)>,
    /// Best ask.
    pub ask: Option<(Decimal, Decimal)>,
}

impl BestPrices {
    /// Of a book.
    pub fn of(book: &Book) -> Self {
        let best = |side| book.best(side).map(|(price, level)| (price, level.quantity));
        Self {
            bid: best(Side::Buy),
            ask: best(Side::Sell),
        }
    }

    /// Price and quantity of a side as text; zeros when it is empty.
    pub fn texts(side: Option<(Decimal, Decimal)>) -> (String, String) {
        let (price, quantity) = side.unwrap_or_default();
        (amount(price), amount(quantity))
    }
}

/// One market's public data.
#[derive(Debug, Default)]
pub struct Feed {
    /// Candles of every interval.
    pub candles: Candles,
    /// Recent aggregate trades, oldest first.
    pub aggregates: VecDeque<AggregateTrade>,
    depth: BTreeMap<Speed, DepthWindow>,
    building: Option<AggregateTrade>,
    next_aggregate: u64,
    best: BestPrices,
}

impl Feed {
    /// A feed whose depth is sent at these speeds.
    pub fn new(speeds: &[Speed]) -> Self {
        Self {
            depth: speeds.iter().map(|speed| (*speed, DepthWindow::default())).collect(),
            ..Self::default()
        }
    }

    /// Adds a level change to every depth window.
    pub fn add_change(&mut self, change: LevelChange) {
        self.depth.values_mut().for_each(|window| window.add(change));
    }

    /// Ends a depth window; `None` when nothing changed in it.
    pub fn take_depth(&mut self, speed: Speed) -> Option<DepthUpdate> {
        let DepthWindow {
            first,
            last,
            bids,
            asks,
        } = std::mem::take(self.depth.get_mut(&speed)?);
        first.map(|first| DepthUpdate {
            first,
            last,
            bids,
            asks,
        })
    }

    /// Adds a trade to candles and aggregates; answers with the aggregate trade that it ended, if it did.
    pub fn add_trade(&mut self, trade: &PublicTrade) -> Option<AggregateTrade> {
        self.candles.add(trade);
        if let Some(building) = &mut self.building
            && building.taker == trade.taker
            && building.price == trade.price
        {
            building.quantity += trade.quantity;
            building.last = trade.id;
            return None;
        }
        let ended = self.end_aggregate();
        self.next_aggregate += 1;
        self.building = Some(AggregateTrade {
            id: self.next_aggregate,
            price: trade.price,
            quantity: trade.quantity,
            first: trade.id,
            last: trade.id,
            time: trade.time,
            taker_side: trade.taker_side,
            taker: trade.taker,
        });
        ended
    }

    /// Ends the aggregate trade that is being built: its taker is done.
    pub fn end_aggregate(&mut self) -> Option<AggregateTrade> {
        let ended = self.building.take()?;
        if self.aggregates.len() == AGGREGATES_KEPT {
            self.aggregates.pop_front();
        }
        self.aggregates.push_back(ended.clone());
        Some(ended)
    }

    /// The best prices, if they are not what they were at the last call.
    pub fn best_if_changed(&mut self, book: &Book) -> Option<BestPrices> {
        let best = BestPrices::of(book);
        (best != self.best).then(|| {
            self.best = best;
            best
        })
    }
}
