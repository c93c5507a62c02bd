//! What the screen shows, as plain values.

use std::time::Duration;

use colibri_engine::StreamState;
use colibri_model::{
    Amount, Asset, Balance, ClientOrderId, Decimal, Fee, Leverage, Liquidity, MarginMode, OrderState, Pair,
    PositionSide, Price, Quantity, Side, VenueId, WallNs,
};
use colibri_standard::SessionRole;

/// What a bot is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Connecting, learning instruments, balances and open orders.
    #[default]
    Starting,
    /// Its strategies run.
    Trading,
    /// A venue is out or a strategy rests; what can go on does.
    Degraded,
    /// Orders are being cancelled, and the exchange is asked for proof.
    Stopping,
    /// Nothing more happens.
    Stopped,
}

/// Everything that one picture shows.
#[derive(Debug, Clone, Default)]
pub struct ScreenState {
    /// The bot's name.
    pub bot: String,
    /// What it trades on, as the user knows it: `live`, `testnet`, `local exchange`.
    pub environment: String,
    /// What it is doing.
    pub phase: Phase,
    /// Since it was started.
    pub elapsed: Duration,
    /// What somebody should know: a kill switch that is thrown, a journal that cannot be written, strategies that rest.
    pub alerts: Vec<String>,
    /// A connection line each.
    pub venues: Vec<VenueRow>,
    /// Positions in contracts that are held.
    pub positions: Vec<PositionRow>,
    /// The book that is quoted on, once there is one.
    pub book: Option<BookLadder>,
    /// Orders that are not ended, in any order.
    pub orders: Vec<OrderRow>,
    /// Balances, in the order in which they are shown.
    pub balances: Vec<Balance>,
    /// The last fills, newest first.
    pub fills: Vec<FillRow>,
    /// What was won and lost; `None` until the first price is known.
    pub profit: Option<ProfitAndLoss>,
    /// Fees paid so far, an entry an asset.
    pub fees: Vec<Fee>,
    /// What was counted since the start.
    pub counters: Counters,
    /// How the Clock keeps time.
    pub ticks: TickFigures,
    /// The end of the log, oldest first.
    pub log: Vec<LogLine>,
}

/// A position in a contract.
#[derive(Debug, Clone)]
pub struct PositionRow {
    /// Of which pair.
    pub pair: Pair,
    /// Which of its positions.
    pub side: PositionSide,
    /// How much, below zero where it is short.
    pub quantity: Quantity,
    /// Its average price.
    pub entry_price: Option<Price>,
    /// What closing it at the mark price would realise, once that is known.
    pub unrealized: Option<Amount>,
    /// What it settles in.
    pub asset: Asset,
    /// Its leverage, as the exchange told it.
    pub leverage: Option<Leverage>,
    /// How its margin is kept.
    pub margin_mode: Option<MarginMode>,
    /// The price at which the exchange liquidates it, as it last estimated.
    pub liquidation_price: Option<Price>,
    /// The funding rate of the next settlement, a fraction.
    pub funding_rate: Option<Decimal>,
    /// What the exchange states instead, where it goes on to state something else.
    pub stated: Option<Quantity>,
}

/// One connector instance and its sessions.
#[derive(Debug, Clone)]
pub struct VenueRow {
    /// Its name in this installation.
    pub venue: VenueId,
    /// Its sessions.
    pub sessions: Vec<SessionRow>,
    /// The exchange's clock minus ours, nanoseconds, once measured.
    pub clock_offset_ns: Option<i64>,
    /// Round trip of the last request, once measured, in whole milliseconds.
    pub round_trip: Option<Duration>,
}

/// One session of a connector instance.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// What it carries.
    pub role: SessionRole,
    /// Where its stream stands; `None` before the first attempt.
    pub state: Option<StreamState>,
    /// Since its last frame.
    pub silent_for: Option<Duration>,
    /// How often it was connected again.
    pub reconnects: u64,
}

/// Whether a book can be quoted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookState {
    /// In sequence and fresh.
    Live,
    /// In sequence, and older than the limit.
    Stale,
    /// The stream is down: asked for again and again, and not quoted on.
    Polled,
    /// A gap was found; a snapshot is on its way.
    Resyncing,
}

/// The levels around the middle of one order book.
#[derive(Debug, Clone)]
pub struct BookLadder {
    /// Where.
    pub venue: VenueId,
    /// Of what.
    pub pair: Pair,
    /// Whether it can be quoted on.
    pub state: BookState,
    /// Bids, best first.
    pub bids: Vec<LadderLevel>,
    /// Asks, best first.
    pub asks: Vec<LadderLevel>,
}

/// A price level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LadderLevel {
    /// Its price.
    pub price: Price,
    /// Everybody's quantity, ours included.
    pub quantity: Quantity,
    /// Ours; zero where we have none there.
    pub own: Quantity,
}

/// An order that is not ended.
#[derive(Debug, Clone)]
pub struct OrderRow {
    /// Our id.
    pub client_id: ClientOrderId,
    /// Of what.
    pub pair: Pair,
    /// Buy or sell.
    pub side: Side,
    /// Limit price; `None` for market orders.
    pub price: Option<Price>,
    /// Whole quantity.
    pub quantity: Quantity,
    /// Filled so far.
    pub filled: Quantity,
    /// Where it stands.
    pub state: OrderState,
    /// Since it was decided.
    pub age: Duration,
}

/// A fill.
#[derive(Debug, Clone)]
pub struct FillRow {
    /// The exchange's time.
    pub time: WallNs,
    /// Of what.
    pub pair: Pair,
    /// Bought or sold.
    pub side: Side,
    /// At which price.
    pub price: Price,
    /// How much of the base asset.
    pub quantity: Quantity,
    /// Maker or taker, where the report says.
    pub liquidity: Option<Liquidity>,
}

/// What was won and lost, fees included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfitAndLoss {
    /// In which asset.
    pub asset: Asset,
    /// By closed positions.
    pub realized: Amount,
    /// By open ones, at the current price.
    pub unrealized: Amount,
}

/// What was counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Orders placed.
    pub orders: u64,
    /// Orders cancelled.
    pub cancels: u64,
    /// Orders refused.
    pub rejects: u64,
    /// Fills.
    pub fills: u64,
    /// Orders whose outcome is not known now.
    pub unknown: u64,
    /// Gaps found in books.
    pub book_gaps: u64,
}

/// How the Clock keeps time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TickFigures {
    /// Ticks so far.
    pub ticks: u64,
    /// Ticks that took longer than the interval, or came too late.
    pub overruns: u64,
    /// What the last one took.
    pub last: Duration,
    /// What the longest one took.
    pub longest: Duration,
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// As expected.
    Info,
    /// Worth a look.
    Warn,
    /// Something failed.
    Error,
}

/// A line of the log.
#[derive(Debug, Clone)]
pub struct LogLine {
    /// When, our clock.
    pub time: WallNs,
    /// How much it matters.
    pub level: LogLevel,
    /// The words.
    pub text: String,
}
