//! What a replay shows: every decision with what led to it, and how things stood at the end.

use std::collections::{BTreeMap, VecDeque};

use colibri_abi::{BookBatch, OrderOp, TopOfBook, TradeBatch, op_kind, order_side};
use colibri_desk::{Desk, Observer};
use colibri_driver::{Asked, HostTime, LogLevel, TransportEvent};
use colibri_engine::VenueIndex;
use colibri_model::{Decimal, Journal, OpId, WallNs};
use colibri_record::{Digest, RecordedInput};
use colibri_standard::{Command, Event, Outcome, SessionRole, SessionStatus};

/// How an input is called.
pub(super) const fn kind_of(input: &RecordedInput) -> &'static str {
    match input {
        RecordedInput::Start => "start",
        RecordedInput::Turn => "turn",
        RecordedInput::Operator(_) => "operator",
        RecordedInput::Made { .. } => "connector made",
        RecordedInput::Bulk { .. } => "bulk lane",
        RecordedInput::Driver { event, .. } => match event {
            TransportEvent::Http { .. } => "answer",
            TransportEvent::StreamOpened { .. } => "stream opened",
            TransportEvent::Frame { .. } => "frame",
            TransportEvent::Pinged { .. } => "ping",
            TransportEvent::FrameRefused { .. } => "frame refused",
            TransportEvent::StreamClosed { .. } => "stream closed",
        },
    }
}

/// How things stood where a replay ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Picture {
    /// What happened last, oldest first.
    pub happened: Vec<String>,
    /// Venues, books, orders, positions, strategies: a line each.
    pub stood: Vec<String>,
}

/// Looks on during a replay.
#[derive(Debug, Default)]
pub struct Inspector {
    /// Lines of what happened that are kept; none are made where it is zero.
    keep: usize,
    wall: WallNs,
    number: u64,
    lines: VecDeque<String>,
    names: BTreeMap<(usize, u32), String>,
    venues: Vec<String>,
    stood: Vec<String>,
}

impl Inspector {
    /// One that keeps the last `keep` lines of what happened; zero to look at nothing.
    #[must_use]
    pub fn keeping(keep: usize) -> Inspector {
        Inspector {
            keep,
            ..Inspector::default()
        }
    }

    /// What it has seen.
    #[must_use]
    pub fn picture(self) -> Picture {
        Picture {
            happened: self.lines.into(),
            stood: self.stood,
        }
    }

    /// An input is about to be posted.
    pub(super) fn begin<J: Journal>(&mut self, time: HostTime, number: u64, input: &RecordedInput, desk: &Desk<J>) {
        self.wall = time.wall;
        self.number = number;
        if self.keep == 0 {
            return;
        }
        if self.venues.is_empty() {
            self.venues = desk.venues().iter().map(|v| v.driver().venue().to_string()).collect();
        }
        match input {
            RecordedInput::Operator(wish) => self.line(format!("a person wants: {wish:?}")),
            RecordedInput::Driver { driver, event } => {
                let venue = self.venue(VenueIndex(driver.0));
                match event {
                    TransportEvent::StreamClosed { stream, code, reason } => {
                        self.line(format!("{venue}: stream {} closed: {code} {reason}", stream.0));
                    }
                    TransportEvent::Http {
                        request,
                        result: Err(why),
                    } => {
                        self.line(format!("{venue}: request {}: {why}", request.0));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Looks on beside the digest.
    pub(super) const fn beside<'a>(&'a mut self, digest: &'a mut Digest) -> Onlooker<'a> {
        Onlooker {
            inspector: self,
            digest,
        }
    }

    /// The replay has ended.
    pub(super) fn end<J: Journal>(&mut self, desk: &Desk<J>) {
        if self.keep > 0 {
            self.stood = stood(desk);
        }
    }

    fn venue(&self, venue: VenueIndex) -> String {
        self.venues
            .get(venue.0)
            .cloned()
            .unwrap_or_else(|| format!("venue {}", venue.0))
    }

    fn line(&mut self, what: impl AsRef<str>) {
        if self.keep == 0 {
            return;
        }
        if self.lines.len() == self.keep {
            self.lines.pop_front();
        }
        let millis = self.wall.as_millis();
        let of_day = millis.rem_euclid(86_400_000);
        let (h, m, s, ms) = (
            of_day / 3_600_000,
            of_day / 60_000 % 60,
            of_day / 1_000 % 60,
            of_day % 1_000,
        );
        let line = format!("{h:02}:{m:02}:{s:02}.{ms:03} #{:<7} {}", self.number, what.as_ref());
        self.lines.push_back(line);
    }

    fn order_line(&self, venue: VenueIndex, op: &OrderOp) -> String {
        let pair = self
            .names
            .get(&(venue.0, op.instrument))
            .cloned()
            .unwrap_or_else(|| format!("instrument {}", op.instrument));
        let amount = |mantissa: i64, exponent: i32| {
            let digits = u32::try_from(-exponent).unwrap_or(0);
            Decimal::try_new(mantissa, digits).map_or_else(|_| mantissa.to_string(), |d| d.normalize().to_string())
        };
        let side = if op.side == order_side::BUY { "buy" } else { "sell" };
        let what = match op.kind {
            op_kind::PLACE => "place",
            op_kind::CANCEL => "cancel",
            op_kind::AMEND => "amend",
            op_kind::REPLACE => "replace",
            _ => "order operation",
        };
        let mut line = format!("{}: {what} {pair} {}", self.venue(venue), op.client_id.as_str());
        if op.kind != op_kind::CANCEL {
            line.push_str(&format!(
                " {side} {} at {}",
                amount(op.quantity, op.quantity_exponent),
                amount(op.price, op.price_exponent)
            ));
        }
        line
    }
}

/// The digest and the inspector, looking on together.
pub(super) struct Onlooker<'a> {
    inspector: &'a mut Inspector,
    digest: &'a mut Digest,
}

impl Observer for Onlooker<'_> {
    fn book(&mut self, venue: VenueIndex, batch: &BookBatch<'_>) {
        self.digest.book(venue, batch);
    }
    fn trades(&mut self, venue: VenueIndex, batch: &TradeBatch<'_>) {
        self.digest.trades(venue, batch);
    }
    fn top(&mut self, venue: VenueIndex, top: &TopOfBook) {
        self.digest.top(venue, top);
    }
    fn event(&mut self, venue: VenueIndex, event: &Event) {
        self.digest.event(venue, event);
        if self.inspector.keep > 0 && !matches!(event, Event::Instruments(_)) {
            let name = self.inspector.venue(venue);
            let json = String::from_utf8_lossy(&event.to_json()).into_owned();
            self.inspector.line(format!("{name}: {} {json}", event.kind()));
        }
    }
    fn completed(&mut self, venue: VenueIndex, op: OpId, outcome: &Outcome) {
        self.digest.completed(venue, op, outcome);
        if self.inspector.keep > 0
            && let Some(why) = outcome.refusal()
        {
            let name = self.inspector.venue(venue);
            self.inspector.line(format!("{name}: {op} ended: {outcome:?} {why}"));
        }
    }
    fn session(&mut self, venue: VenueIndex, role: SessionRole, status: SessionStatus) {
        self.digest.session(venue, role, status);
        if self.inspector.keep > 0 {
            let name = self.inspector.venue(venue);
            self.inspector.line(format!("{name}: {role:?} session {status:?}"));
        }
    }
    fn asked(&mut self, venue: VenueIndex, asked: Asked<'_>) {
        self.digest.asked(venue, asked);
    }
    fn log(&mut self, level: LogLevel, text: &str) {
        self.digest.log(level, text);
        if self.inspector.keep > 0 {
            self.inspector.line(format!("log {level:?}: {text}"));
        }
    }
    fn orders(&mut self, venue: VenueIndex, ops: &[OrderOp]) {
        self.digest.orders(venue, ops);
        if self.inspector.keep > 0 {
            for op in ops {
                let line = self.inspector.order_line(venue, op);
                self.inspector.line(line);
            }
        }
    }
    fn command(&mut self, venue: VenueIndex, op: OpId, command: &Command) {
        self.digest.command(venue, op, command);
        if self.inspector.keep == 0 {
            return;
        }
        if let Command::UseInstruments(instruments) = command {
            for used in &instruments.instruments {
                self.inspector.names.insert((venue.0, used.id.0), used.pair.to_string());
            }
        }
        let name = self.inspector.venue(venue);
        self.inspector.line(format!("{name}: asks {} ({op})", command.kind()));
    }
}

/// How things stand.
fn stood<J: Journal>(desk: &Desk<J>) -> Vec<String> {
    let view = desk.engine().view();
    let mut lines = vec![format!("{} is {:?}", view.bot(), view.phase())];
    if let Some(kill) = view.kill_switch() {
        lines.push(format!("the kill switch is thrown: {}", kill.reason));
    }
    for venue in view.venues() {
        let state = venue
            .not_ready()
            .map_or_else(|| "ready".to_owned(), |why| format!("not ready: {why}"));
        lines.push(format!("{} for {}: {state}", venue.id(), venue.account()));
        for market in venue.markets() {
            let book = market.last_book().map_or_else(
                || "no book".to_owned(),
                |book| {
                    let side = |level: Option<colibri_engine::book::BookLevel>| {
                        level.map_or_else(|| "-".to_owned(), |l| format!("{} x {}", l.price, l.quantity))
                    };
                    format!("{} / {}", side(book.best_bid()), side(book.best_ask()))
                },
            );
            let position = market.position();
            lines.push(format!(
                "  {}: {book}, {} ms old; position {}",
                market.pair(),
                market.book_age().0,
                position.inventory
            ));
        }
        for order in venue.live_orders() {
            let price = order
                .intent
                .price
                .map_or_else(|| "the market".to_owned(), |p| p.to_string());
            lines.push(format!(
                "  {} {:?}: {:?} {} of {} at {price} by {}",
                order.client_id(),
                order.state(),
                order.intent.side,
                order.intent.quantity,
                order.pair,
                order.strategy
            ));
        }
        for stated in venue.balances() {
            let balance = &stated.balance;
            lines.push(format!(
                "  {}: {} free, {} locked",
                balance.asset, balance.free, balance.locked
            ));
        }
    }
    for strategy in view.strategies() {
        lines.push(format!(
            "{} ({}) is {:?}: {}",
            strategy.id, strategy.kind, strategy.state, strategy.status
        ));
    }
    lines
}
