//! Books and public trades of a recording: what its connectors told its engine, taken down while the recording is replayed.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use colibri::exit::{Exit, ExitError};
use colibri::replay::{Follower, Inspector, Outcome, Replay, Request, Verdict};
use colibri_abi::{BookBatch, Level, PublicTrade, TradeBatch, book_flag, trade_flag};
use colibri_desk::Observer;
use colibri_driver::HostTime;
use colibri_engine::VenueIndex;
use colibri_model::{OpId, WallNs};
use colibri_record::RunSetup;
use colibri_standard::Command;

use crate::parquet_file::{FileError, ParquetFile, Written};
use crate::row::{Cell, Column, ColumnType, Exact, Row, Scale};

/// Rows that may wait for a mark of the recording, which has one a second.
const UNCERTAIN: usize = 1_000_000;

/// The input that a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Origin {
    /// Its number, as `colibri replay --until '#N'` takes it.
    input: u64,
    received: WallNs,
}

/// Of what a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Market {
    venue: Rc<str>,
    pair: Rc<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BookKind {
    Snapshot,
    Update,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BookSide {
    Bid,
    Ask,
}

/// A level of a book as a batch states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookRow {
    market: Market,
    origin: Origin,
    exchange_ns: Option<i64>,
    first_id: Option<u64>,
    last_id: Option<u64>,
    kind: BookKind,
    side: BookSide,
    price: Exact,
    quantity: Exact,
}

impl Row for BookRow {
    const COLUMNS: &'static [Column] = &[
        Column::always("venue", ColumnType::Text),
        Column::always("pair", ColumnType::Text),
        Column::always("received", ColumnType::Instant),
        Column::maybe("exchange_time", ColumnType::Instant),
        Column::maybe("first_id", ColumnType::Number),
        Column::maybe("last_id", ColumnType::Number),
        Column::always("kind", ColumnType::Text),
        Column::always("side", ColumnType::Text),
        Column::always("price", ColumnType::Decimal),
        Column::always("quantity", ColumnType::Decimal),
        Column::always("input", ColumnType::Number),
    ];

    fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        [
            Cell::text(&*self.market.venue),
            Cell::text(&*self.market.pair),
            Cell::Instant(self.origin.received.0),
            Cell::instant(self.exchange_ns),
            Cell::number(self.first_id),
            Cell::number(self.last_id),
            Cell::text(match self.kind {
                BookKind::Snapshot => "snapshot",
                BookKind::Update => "update",
            }),
            Cell::text(match self.side {
                BookSide::Bid => "bid",
                BookSide::Ask => "ask",
            }),
            Cell::Decimal(self.price),
            Cell::Decimal(self.quantity),
            Cell::Number(self.origin.input),
        ]
        .into_iter()
    }
}

/// A public trade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradeRow {
    market: Market,
    origin: Origin,
    trade: PublicTrade,
    price: Exact,
    quantity: Exact,
}

impl Row for TradeRow {
    const COLUMNS: &'static [Column] = &[
        Column::always("venue", ColumnType::Text),
        Column::always("pair", ColumnType::Text),
        Column::always("received", ColumnType::Instant),
        Column::maybe("exchange_time", ColumnType::Instant),
        Column::always("id", ColumnType::Text),
        Column::maybe("taker_side", ColumnType::Text),
        Column::always("price", ColumnType::Decimal),
        Column::always("quantity", ColumnType::Decimal),
        Column::always("input", ColumnType::Number),
    ];

    fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        let taker = |flag: u32| self.trade.flags & flag != 0;
        [
            Cell::text(&*self.market.venue),
            Cell::text(&*self.market.pair),
            Cell::Instant(self.origin.received.0),
            Cell::instant(known(self.trade.exchange_ns)),
            Cell::text(self.trade.id.as_str()),
            match (taker(trade_flag::TAKER_BUY), taker(trade_flag::TAKER_SELL)) {
                (true, false) => Cell::text("buy"),
                (false, true) => Cell::text("sell"),
                _ => Cell::Absent,
            },
            Cell::Decimal(self.price),
            Cell::Decimal(self.quantity),
            Cell::Number(self.origin.input),
        ]
        .into_iter()
    }
}

/// A time that an exchange stated: a connector says zero where it did not.
fn known(exchange_ns: i64) -> Option<i64> {
    (exchange_ns != 0).then_some(exchange_ns)
}

/// Which files to make of a recording.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// One of the books.
    pub books: Option<&'a Path>,
    /// One of the trades.
    pub trades: Option<&'a Path>,
}

/// What was made of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The books' file, where it was wanted.
    pub books: Option<Written>,
    /// The trades' file, where it was wanted.
    pub trades: Option<Written>,
    /// How the replay went. Where it differs from the recording, the files end at the last mark up to which it did not.
    pub outcome: Outcome,
}

/// Replays a recording and writes what its market data was.
///
/// # Errors
/// Those of [`Replay::run`]; a file cannot be written, or a value cannot be said exactly. Then there is no new file.
pub fn export(request: &Request<'_>, wanted: Wanted<'_>) -> Result<Exported, ExitError> {
    let mut export = Export {
        books: wanted.books.map(begin).transpose()?,
        trades: wanted.trades.map(begin).transpose()?,
        venues: Vec::new(),
        pairs: BTreeMap::new(),
        origin: Origin::default(),
        fault: None,
    };
    let outcome = Replay::follow(request, &mut Inspector::keeping(0), &mut export)?;
    if outcome.verdict == Verdict::Same {
        export.same()?;
    }
    Ok(Exported {
        books: export.books.map(ParquetFile::finish).transpose().map_err(refused)?,
        trades: export.trades.map(ParquetFile::finish).transpose().map_err(refused)?,
        outcome,
    })
}

fn begin<R: Row>(path: &Path) -> Result<ParquetFile<R>, ExitError> {
    ParquetFile::create(path, Scale::USUAL).map_err(refused)
}

fn refused(error: FileError) -> ExitError {
    ExitError::new(Exit::Storage, error.to_string())
}

/// Follows a replay and takes down what is wanted.
struct Export {
    books: Option<ParquetFile<BookRow>>,
    trades: Option<ParquetFile<TradeRow>>,
    /// Names, in the engine's order.
    venues: Vec<Rc<str>>,
    /// By venue and by the handle that the engine has given it.
    pairs: BTreeMap<(VenueIndex, u32), Rc<str>>,
    origin: Origin,
    /// What an observer could not say: the replay ends with it at the next input.
    fault: Option<ExitError>,
}

impl Export {
    fn market(&mut self, venue: VenueIndex, instrument: u32) -> Option<Market> {
        let market = self.venues.get(venue.0).zip(self.pairs.get(&(venue, instrument)));
        if market.is_none() {
            let text = format!(
                "input {} is of instrument {instrument} of venue {}, which the run did not use",
                self.origin.input, venue.0
            );
            self.fault.get_or_insert_with(|| ExitError::new(Exit::Storage, text));
        }
        market.map(|(venue, pair)| Market {
            venue: Rc::clone(venue),
            pair: Rc::clone(pair),
        })
    }

    fn uncertain(&self) -> usize {
        let books = self.books.as_ref().map_or(0, ParquetFile::uncertain);
        books + self.trades.as_ref().map_or(0, ParquetFile::uncertain)
    }
}

impl Observer for Export {
    fn command(&mut self, venue: VenueIndex, _: OpId, command: &Command) {
        if let Command::UseInstruments(used) = command {
            for used in &used.instruments {
                self.pairs.insert((venue, used.id.0), used.pair.to_string().into());
            }
        }
    }

    fn book(&mut self, venue: VenueIndex, batch: &BookBatch<'_>) {
        if self.books.is_none() {
            return;
        }
        let Some(market) = self.market(venue, batch.instrument) else {
            return;
        };
        let Some(books) = &mut self.books else {
            return;
        };
        let has = |flag: u32| batch.flags & flag != 0;
        let ids = has(book_flag::RANGE_IDS);
        let row = |side: BookSide, level: &Level| BookRow {
            market: market.clone(),
            origin: self.origin,
            exchange_ns: known(batch.exchange_ns),
            first_id: ids.then_some(batch.first_id),
            last_id: ids.then_some(batch.last_id),
            kind: if has(book_flag::SNAPSHOT) {
                BookKind::Snapshot
            } else {
                BookKind::Update
            },
            side,
            price: Exact::new(level.price, batch.price_exponent),
            quantity: Exact::new(level.quantity, batch.quantity_exponent),
        };
        for level in batch.bids.iter() {
            books.push(row(BookSide::Bid, level));
        }
        for level in batch.asks.iter() {
            books.push(row(BookSide::Ask, level));
        }
    }

    fn trades(&mut self, venue: VenueIndex, batch: &TradeBatch<'_>) {
        if self.trades.is_none() {
            return;
        }
        let Some(market) = self.market(venue, batch.instrument) else {
            return;
        };
        let Some(trades) = &mut self.trades else {
            return;
        };
        for trade in batch.trades.iter() {
            trades.push(TradeRow {
                market: market.clone(),
                origin: self.origin,
                trade: *trade,
                price: Exact::new(trade.price, batch.price_exponent),
                quantity: Exact::new(trade.quantity, batch.quantity_exponent),
            });
        }
    }
}

impl Follower for Export {
    fn begins(&mut self, setup: &RunSetup) {
        self.venues = setup.venues.iter().map(|venue| venue.venue.as_str().into()).collect();
    }

    fn input(&mut self, number: u64, time: HostTime) -> Result<(), ExitError> {
        self.origin = Origin {
            input: number,
            received: time.wall,
        };
        if self.uncertain() > UNCERTAIN {
            let text = format!("the recording has no mark for {UNCERTAIN} rows before input {number}: it is not sound");
            return Err(ExitError::new(Exit::Storage, text));
        }
        self.fault.take().map_or(Ok(()), Err)
    }

    fn same(&mut self) -> Result<(), ExitError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        if let Some(books) = &mut self.books {
            books.settle().map_err(refused)?;
        }
        if let Some(trades) = &mut self.trades {
            trades.settle().map_err(refused)?;
        }
        Ok(())
    }
}
