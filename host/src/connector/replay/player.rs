//! A connector that is played a capture, and the book that comes of it.

use std::collections::VecDeque;
use std::io::Write;

use colibri_abi::{
    Actions, BookBatch, Connector, Fault, Grant, Now, Request, Response, StreamOpen, StreamSend, TopOfBook, TradeBatch,
    accepted, book_flag, frame_kind, level, outcome_kind,
};
use colibri_engine::book::{BookChange, BookFault, BookKeeper, BookLevel, Grid, OrderBook};
use colibri_model::{InstrumentId, MonoNs, Pair, Side};
use colibri_standard::{
    BookSnapshot, Channel, Command, Event, NoticeKind, OpenSession, Outcome, SessionRole, SessionStatus, Subscription,
    UseInstruments, UsedInstrument,
};

use super::observed::Observed;
use super::{Checkpoint, ReplayReport, TextLevel};
use crate::connector::Opened;
use crate::exit::{Exit, ExitError};

const INSTRUMENT: InstrumentId = InstrumentId(1);
const SESSION: u32 = 1;
/// Levels a side that a checkpoint shows.
const SHOWN: usize = 5;
/// A connector that ends its session more often than this does not get on with the capture.
const MOST_SESSIONS: u32 = 1_000;

pub(super) struct Player {
    connector: Connector,
    stage: Stage,
    depth: u32,
    op: u64,
    sessions: u32,
}

/// What the connector's actions do: the book, and what the next input refers to.
struct Stage {
    now: Now,
    wants: VecDeque<u64>,
    requests: VecDeque<u64>,
    stream: Option<u32>,
    ended: Option<String>,
    failed: Option<Outcome>,
    keeper: BookKeeper,
    checkpoints: VecDeque<u64>,
    report: ReplayReport,
}

impl Player {
    pub fn new(opened: &Opened, pair: &Pair, observed: Observed, checkpoints: &[u64]) -> Result<Player, ExitError> {
        let mut checkpoints = checkpoints.to_vec();
        checkpoints.sort_unstable();
        let manifest = &opened.manifest;
        let stage = Stage {
            now: Now::default(),
            wants: VecDeque::new(),
            requests: VecDeque::new(),
            stream: None,
            ended: None,
            failed: None,
            keeper: BookKeeper::new(&manifest.book, observed.exponents, Grid::UNIT),
            checkpoints: checkpoints.into(),
            report: ReplayReport {
                pair: pair.to_string(),
                ..ReplayReport::default()
            },
        };
        let mut player = Player {
            connector: opened.create()?,
            stage,
            depth: manifest.book.snapshot_depth,
            op: 0,
            sessions: 0,
        };
        player.command(&Command::UseInstruments(UseInstruments {
            instruments: vec![UsedInstrument {
                id: INSTRUMENT,
                pair: pair.clone(),
                symbol: observed.symbol,
                exponents: observed.exponents,
                contract: None,
            }],
        }))?;
        Ok(player)
    }

    pub fn frame(&mut self, local_ns: i64, bytes: &[u8]) -> Result<(), ExitError> {
        self.at(local_ns);
        let stream = self.stream()?;
        self.stage.report.frames += 1;
        self.call(|c, now, stage| c.frame(now, stream, frame_kind::TEXT, bytes, stage))
    }

    pub fn snapshot(&mut self, local_ns: i64, body: &[u8]) -> Result<(), ExitError> {
        self.at(local_ns);
        self.stream()?;
        self.stage.report.snapshots += 1;
        self.command(&Command::BookSnapshot(BookSnapshot {
            instrument: INSTRUMENT,
            depth: self.depth,
        }))?;
        let Some(op) = self.stage.requests.pop_front() else {
            return Err(failed(
                "the connector asked for nothing when it was told to fetch a book snapshot".to_owned(),
            ));
        };
        let response = Response {
            op,
            status: 200,
            reserved: 0,
            headers: [][..].into(),
            body: body.into(),
            ext: [0; 4],
        };
        self.call(|c, now, stage| c.response(now, &response, stage))?;
        if let Some(outcome) = self.stage.failed.take() {
            self.stage.report.unreadable += 1;
            warn(&format!("a snapshot of the capture was not taken: {outcome:?}"));
        }
        Ok(())
    }

    pub fn report(mut self) -> ReplayReport {
        let keeper = &self.stage.keeper;
        let report = &mut self.stage.report;
        report.drops = keeper.drops();
        report.last_update_id = keeper.last_id();
        if let Some(book) = keeper.book() {
            report.best_bid = top(book, Side::Buy, 1).into_iter().next();
            report.best_ask = top(book, Side::Sell, 1).into_iter().next();
            report.bid_levels = book.len(Side::Buy);
            report.ask_levels = book.len(Side::Sell);
        }
        self.stage.report
    }

    fn at(&mut self, local_ns: i64) {
        self.stage.now = Now {
            mono_ns: u64::try_from(local_ns).unwrap_or(0),
            wall_ns: local_ns,
            exchange_ns: local_ns,
        };
    }

    /// The market session's stream: opened where there is none, and again where the connector ended it.
    fn stream(&mut self) -> Result<u32, ExitError> {
        if let Some(why) = self.stage.ended.take() {
            warn(&format!("the connector ended its session ({why}); it is opened again"));
            self.stage.stream = None;
            self.stage.keeper.drop_book(BookFault::StreamDown);
        }
        if let Some(stream) = self.stage.stream {
            return Ok(stream);
        }
        self.sessions += 1;
        if self.sessions > MOST_SESSIONS {
            return Err(failed(
                "the connector ends its session again and again; is this its capture?".to_owned(),
            ));
        }
        self.command(&Command::OpenSession(OpenSession {
            session: SESSION,
            role: SessionRole::Market,
            subscriptions: vec![Subscription {
                instrument: INSTRUMENT,
                channels: vec![Channel::Book, Channel::Trades, Channel::Top],
            }],
        }))?;
        let Some(stream) = self.stage.stream else {
            return Err(failed(
                "the connector opens no stream at once; a capture cannot answer what it asks first".to_owned(),
            ));
        };
        self.call(|c, now, stage| c.stream_opened(now, stream, stage))?;
        Ok(stream)
    }

    fn command(&mut self, command: &Command) -> Result<(), ExitError> {
        self.op += 1;
        let op = self.op;
        self.call(|c, now, stage| c.command(now, op, command.kind(), &command.to_json(), stage))
    }

    /// Calls the connector, then admits whatever it wants.
    fn call(
        &mut self,
        method: impl FnOnce(&mut Connector, Now, &mut Stage) -> Result<(), Fault>,
    ) -> Result<(), ExitError> {
        let now = self.stage.now;
        let mut result = method(&mut self.connector, now, &mut self.stage);
        while let (Ok(()), Some(op)) = (result, self.stage.wants.pop_front()) {
            let grant = Grant {
                op,
                nonce: now.mono_ns,
                ..Grant::default()
            };
            result = self.connector.granted(now, &grant, &mut self.stage);
        }
        result.map_err(|fault| failed(fault.to_string()))
    }
}

fn failed(message: String) -> ExitError {
    ExitError::new(Exit::Failed, message)
}

fn warn(text: &str) {
    // A closed standard error must not end a replay.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn text_level(level: &BookLevel) -> TextLevel {
    (level.price.to_string(), level.quantity.to_string())
}

fn top(book: &OrderBook, side: Side, levels: usize) -> Vec<TextLevel> {
    book.depth(side, levels).iter().map(text_level).collect()
}

impl Stage {
    /// Checkpoints that have been reached.
    fn check(&mut self) {
        while self
            .checkpoints
            .front()
            .is_some_and(|wanted| *wanted <= self.report.book_updates)
        {
            let Some(book) = self.keeper.book() else {
                return;
            };
            self.checkpoints.pop_front();
            self.report.checkpoints.push(Checkpoint {
                after_applied_depth_updates: self.report.book_updates,
                local_ts_ns: self.now.wall_ns,
                last_update_id: self.keeper.last_id(),
                bids: top(book, Side::Buy, SHOWN),
                asks: top(book, Side::Sell, SHOWN),
            });
        }
    }
}

impl Actions for Stage {
    fn want(&mut self, op: u64, _endpoint: &str) -> u32 {
        self.wants.push_back(op);
        accepted::YES
    }
    fn request(&mut self, request: &Request<'_>) -> u32 {
        self.requests.push_back(request.op);
        accepted::YES
    }
    fn open(&mut self, open: &StreamOpen<'_>) -> u32 {
        self.stream = Some(open.stream);
        accepted::YES
    }
    fn send(&mut self, _send: &StreamSend<'_>) -> u32 {
        accepted::YES
    }
    fn close(&mut self, stream: u32, code: u32) -> u32 {
        if self.stream == Some(stream) {
            self.ended = Some(format!("it closed its stream with code {code}"));
        }
        accepted::YES
    }
    fn set_timer(&mut self, _timer: u64, _at_mono_ns: u64) -> u32 {
        accepted::YES
    }

    fn book(&mut self, batch: &BookBatch<'_>) -> u32 {
        if batch.instrument != INSTRUMENT.0 {
            return accepted::YES;
        }
        let before = self.keeper.updates();
        let change = self.keeper.apply(batch, MonoNs(self.now.mono_ns));
        let applied = self.keeper.updates() - before;
        // A snapshot counts as an update of the keeper's; what was buffered behind it counts here.
        let snapshot = u64::from(batch.flags & book_flag::SNAPSHOT != 0);
        self.report.book_updates += applied.saturating_sub(snapshot);
        if let BookChange::Dropped(fault) = change {
            if matches!(fault, BookFault::Gap { .. } | BookFault::Chain { .. }) {
                self.report.gaps += 1;
            }
            warn(&format!("frame {}: {fault}", self.report.frames));
        }
        self.check();
        accepted::YES
    }
    fn trades(&mut self, batch: &TradeBatch<'_>) -> u32 {
        if batch.instrument == INSTRUMENT.0 {
            self.report.trades += batch.trades.len() as u64;
        }
        accepted::YES
    }
    fn top(&mut self, top: &TopOfBook) -> u32 {
        self.report.tops += u64::from(top.instrument == INSTRUMENT.0);
        accepted::YES
    }
    fn event(&mut self, kind: &str, payload: &[u8]) -> u32 {
        match Event::parse(kind, payload) {
            Ok(Some(Event::Notice(notice))) => {
                if let NoticeKind::Unreadable { instrument, .. } = notice.kind {
                    self.report.unreadable += 1;
                    if instrument.is_none_or(|id| id == INSTRUMENT) {
                        self.keeper.drop_book(BookFault::Unreadable);
                    }
                }
                warn(&format!("frame {}: {}", self.report.frames, notice.text));
            }
            Ok(Some(Event::Session(session))) if session.status == SessionStatus::Down => {
                self.ended = Some(session.reason.unwrap_or_default());
            }
            Ok(_) => {}
            Err(error) => warn(&error.to_string()),
        }
        accepted::YES
    }
    fn complete(&mut self, op: u64, outcome: u32, detail: &[u8]) -> u32 {
        self.requests.retain(|open| *open != op);
        if outcome != outcome_kind::DONE {
            self.failed = Some(Outcome::from_boundary(outcome, detail));
        }
        accepted::YES
    }
    fn log(&mut self, number: u32, text: &str) -> u32 {
        if number <= level::WARN {
            warn(text);
        }
        accepted::YES
    }
    fn snapshot(&mut self, _state: &[u8]) -> u32 {
        accepted::YES
    }
}
