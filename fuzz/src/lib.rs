//! Every decoder of Colibri as a function of bytes.
//!
//! What lives here: for each place where bytes of somebody else become values (an exchange's frames and answers, a
//! connector's messages, a library's manifest, the files that a user writes, a journal after a crash), one function that
//! reads its input and panics where the decoder does, or where it breaks a promise that it makes: that what it read can be
//! written and read again, that it agrees with another reader, that an operation ends once. What must not live here:
//! anything that a decoder needs in order to work, and libFuzzer, which the binaries in `fuzz_targets` are linked with.
//!
//! `docs/fuzzing.md` says how to run them. `tests/tests/decoders.rs` runs them all on their corpus and on mutations of it.

#![forbid(unsafe_code)]

mod binance;
mod binance_perpetual;
mod book;
mod book_checksum;
mod files;
mod input;
mod journal;
mod json;
mod lines;
mod manifest;
mod messages;
mod numeral;
mod recording;
mod scanner;
mod signing;
mod sim;

pub use binance::{binance_market_frames, binance_response, binance_user_frames};
pub use binance_perpetual::{
    binance_perpetual_market_frames, binance_perpetual_response, binance_perpetual_user_frames,
};
pub use book::{book_keeper, order_book};
pub use book_checksum::book_checksum;
pub use files::{bot_file, key_file, library, plugins_file};
pub use journal::journal;
pub use json::json;
pub use lines::drive_lines;
pub use manifest::{manifest, manifest_section};
pub use messages::{command, event, outcome};
pub use numeral::numeral;
pub use recording::recording;
pub use scanner::scanner;
pub use signing::{placeholders, signing_key};
pub use sim::{sim_http, sim_recording, sim_socket};

/// A decoder: what its corpus and its binary are called, and its function. The function panics where the decoder is wrong;
/// an input that it refuses is no fault.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Decodes one input.
    pub run: fn(&[u8]),
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        /// All of them.
        pub const TARGETS: &[Target] = &[$(Target { name: stringify!($name), run: $name }),*];
    };
}

targets! {
    binance_market_frames,
    binance_perpetual_market_frames,
    binance_perpetual_response,
    binance_perpetual_user_frames,
    binance_response,
    binance_user_frames,
    book_checksum,
    book_keeper,
    bot_file,
    command,
    drive_lines,
    event,
    journal,
    json,
    key_file,
    library,
    manifest,
    manifest_section,
    numeral,
    order_book,
    outcome,
    placeholders,
    plugins_file,
    recording,
    scanner,
    signing_key,
    sim_http,
    sim_recording,
    sim_socket,
}
