//! Nothing is allocated and nothing given back for a market-data frame in the steady state: through the library, the driver,
//! the book, and a strategy that is told and reads its best prices. Counted on both sides of the boundary.
//!
//! A test binary of its own with one test: what another thread allocates would be counted too.
#![allow(clippy::unwrap_used)]
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod sys;

use colibri_bench::bot::{Bot, symbol};
use colibri_bench::frames::{FRAMES, Told, first_id, in_sequence, made_up};
use colibri_bench::stage::build_library;

/// Rounds of the frames before it is counted: buffers have grown, every chunk of the books is there.
const WARM_UP: usize = 3;
/// Rounds that are counted.
const COUNTED: usize = 5;

#[test]
fn a_frame_allocates_nothing() {
    let seen = sys::allocations();
    drop(std::hint::black_box(vec![1u8; 100]));
    assert_eq!(sys::allocations() - seen, 2, "this program's allocations are counted");
    let path = build_library();
    let rounds = WARM_UP + COUNTED;
    let depth = in_sequence(&made_up(Told::Depth, &symbol(0)), Told::Depth, rounds);
    let trades = in_sequence(&made_up(Told::Trade, &symbol(0)), Told::Trade, rounds);
    let tickers = in_sequence(&made_up(Told::BookTicker, &symbol(0)), Told::BookTicker, rounds);
    let before = first_id(&depth[0]) - 1;
    let seen = sys::allocations();
    let mut bot = Bot::new(&path, 3, 2, before);
    assert!(
        sys::allocations() - seen > 1_000,
        "the library's allocations are counted"
    );

    for (name, frames) in [("depth", &depth), ("trade", &trades), ("book ticker", &tickers)] {
        let heard = bot.told();
        for frame in &frames[..WARM_UP * FRAMES] {
            bot.frame(frame);
        }
        let counted = sys::watched(|| {
            for frame in &frames[WARM_UP * FRAMES..] {
                bot.frame(frame);
            }
        });
        assert_eq!(counted, 0, "allocations in {} {name} frames", COUNTED * FRAMES);
        assert!(bot.is_quiet(), "nothing is wanted of the outside");
        let told = bot.told() - heard;
        let expected = if name == "book ticker" { 0 } else { frames.len() as u64 };
        assert_eq!(told, expected, "the strategy is told of every {name} frame");
    }
}
