//! Tick to trade: from the first byte of a market frame that an exchange writes to the last byte of the order that answers it,
//! over loopback sockets with TLS. Ours is the bot as `colibri run` wires it, with its journal on the disk; beside it, in turn
//! and at the same exchange, a bare program that reads the frame with the same TLS library, writes the very same order and
//! does nothing else.
//!
//! `cargo bench -p colibri --bench tick_to_trade`, with `-- --help` for what can be asked. What it found: docs/performance.md.

#![allow(clippy::unwrap_used, missing_docs)]

mod bare;
mod exchange;
mod figures;
mod frames;
mod identity;
mod library;
mod ours;
mod responder;
mod stamps;

use std::time::Duration;

use clap::Parser;

use exchange::{Plan, Venue};
use frames::FrameShape;
use identity::Identity;
use ours::Wiring;

/// Tick to trade over loopback TLS, beside a bare program.
#[derive(Debug, Parser)]
struct Args {
    /// Frames that each of the two answers.
    #[arg(long, default_value_t = 3000)]
    samples: usize,
    /// Milliseconds between an answer and the next frame.
    #[arg(long, default_value_t = 2)]
    gap_ms: u64,
    /// Of the settings to measure, only those whose name holds this.
    #[arg(long, default_value = "")]
    only: String,
    /// Which frames; all where absent.
    #[arg(long)]
    frame: Option<FrameShape>,
    /// What cargo says to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let args = Args::parse();
    let library = library::build();
    let identity = Identity::new();
    println!(
        "{} answers of each, {} ms apart; load before: {}",
        args.samples,
        args.gap_ms,
        figures::load()
    );
    figures::heading();
    let shapes: Vec<FrameShape> = args.frame.map_or_else(|| FrameShape::ALL.to_vec(), |one| vec![one]);
    for wiring in Wiring::ALL.iter().filter(|w| w.name.contains(&args.only)) {
        for shape in &shapes {
            let plan = Plan {
                samples: args.samples,
                gap: Duration::from_millis(args.gap_ms),
                shape: *shape,
            };
            let (venue, answers) = Venue::start(&identity, plan);
            let bare = bare::start(&venue, &identity);
            ours::run(venue, &identity, &library, wiring, *shape);
            let answers = answers.recv().expect("the exchange says why there are none");
            bare.join().unwrap();
            figures::rows(wiring.name, *shape, &answers);
        }
    }
    println!("load after: {}", figures::load());
}
