//! `colibri connector replay`: a recorded capture through a connector and the engine's order book.
//!
//! The capture's frames are delivered as they were received, at the times at which they were received; its snapshots
//! answer the connector's own `book_snapshot` requests. Sequencing is the engine's: a gap drops the book, and the next
//! snapshot of the capture brings it back.

mod capture;
mod observed;
mod player;

use std::path::PathBuf;

use clap::Args;
use colibri_model::Pair;
use serde::Serialize;

use crate::connector::{Opened, OpenedArgs, write_out};
use crate::exit::{Exit, ExitError};
use capture::Recorded;
use player::Player;

pub use capture::{Capture, CaptureError};

/// Options of `connector replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// Which connector.
    #[command(flatten)]
    pub connector: OpenedArgs,
    /// The capture: lines `<local time> <JSON>`, gzip or not.
    pub capture: PathBuf,
    /// The pair whose book is kept, such as BTC-USDT.
    #[arg(long)]
    pub pair: Pair,
    /// Report the top five levels a side after so many applied updates. Several, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "N,…")]
    pub checkpoints: Vec<u64>,
}

/// A price level as text, with the digits that the exchange writes: price, quantity.
pub type TextLevel = (String, String);

/// The book after a number of updates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checkpoint {
    /// How many updates had been applied: the number asked for, or the first above it where several were applied at once.
    pub after_applied_depth_updates: u64,
    /// When the last of them was received.
    pub local_ts_ns: i64,
    /// Its id.
    pub last_update_id: u64,
    /// The best five bids.
    pub bids: Vec<TextLevel>,
    /// The best five asks.
    pub asks: Vec<TextLevel>,
}

/// What became of a capture.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ReplayReport {
    /// The pair.
    pub pair: String,
    /// Frames that were delivered, of any kind and instrument.
    pub frames: u64,
    /// Snapshots that were delivered.
    pub snapshots: u64,
    /// Changes that were applied to the book, snapshots not among them.
    pub book_updates: u64,
    /// Public trades of the pair.
    pub trades: u64,
    /// Best bids and asks of the pair.
    pub tops: u64,
    /// Gaps in the sequence.
    pub gaps: u64,
    /// How often the book was dropped, for whatever reason.
    pub drops: u64,
    /// Messages that the connector could not read.
    pub unreadable: u64,
    /// Best bid at the end; absent where there is no book then.
    pub best_bid: Option<TextLevel>,
    /// Best ask at the end.
    pub best_ask: Option<TextLevel>,
    /// The id of the last update in the book.
    pub last_update_id: u64,
    /// Levels of the book at the end.
    pub bid_levels: usize,
    /// Levels of the book at the end.
    pub ask_levels: usize,
    /// What was asked for with `--checkpoints`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checkpoints: Vec<Checkpoint>,
}

/// Runs a capture through a connector and prints the report as one JSON line.
///
/// # Errors
/// The library is refused, the capture cannot be read, or the connector faults.
pub fn replay(args: &ReplayArgs) -> anyhow::Result<Exit> {
    let report = run(args)?;
    write_out(&format!("{}\n", serde_json::to_string(&report)?))?;
    Ok(Exit::Done)
}

/// Runs a capture through a connector.
///
/// # Errors
/// As [`replay`].
pub fn run(args: &ReplayArgs) -> Result<ReplayReport, ExitError> {
    let failed = |error: CaptureError| ExitError::new(Exit::Failed, error.to_string());
    let opened = Opened::open(&args.connector)?;
    let observed = observed::observe(Capture::open(&args.capture).map_err(failed)?, &args.pair).map_err(failed)?;
    let mut capture = Capture::open(&args.capture).map_err(failed)?;
    let mut player = Player::new(&opened, &args.pair, observed, &args.checkpoints)?;
    while let Some(line) = capture.next().map_err(failed)? {
        match line.recorded {
            Recorded::Frame => player.frame(line.local_ns, line.json.as_bytes())?,
            Recorded::Snapshot => player.snapshot(line.local_ns, line.json.as_bytes())?,
        }
    }
    Ok(player.report())
}
