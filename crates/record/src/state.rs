//! What a desk holds, for the digest: that two runs did the same is one thing, that they stand the same another.

use std::fmt::Debug;
use std::io::Write as _;

use colibri_engine::{VenueIndex, VenueView, View};

use crate::Digest;
use crate::bytes::{put_number, put_signed, put_text};

/// The kinds of pieces that [`Digest::state`] takes in; an onlooker's are below.
const ENGINE: u8 = 32;
const VENUE: u8 = 33;
const STRATEGY: u8 = 34;

impl Digest {
    /// Takes in how things stand: the engine's and the venues' phases, live orders with their states and what is filled of
    /// them, positions, balances, the strategies' states and status lines, and the engine's counts. Once a mark, not once an
    /// input: it walks over all of that.
    pub fn state(&mut self, view: &View<'_>) {
        self.take(ENGINE, VenueIndex(0), |out| {
            put_signed(out, view.now().wall.0);
            put_debug(out, view.phase());
            put_debug(out, &view.kill_switch());
            put_debug(out, &view.journal_fault());
            put_debug(out, view.counts());
        });
        for venue in view.venues() {
            self.take(VENUE, venue.index(), |out| put_venue(out, &venue));
        }
        for strategy in view.strategies() {
            self.take(STRATEGY, VenueIndex(0), |out| {
                put_text(out, strategy.id.as_str());
                put_debug(out, &strategy.state);
                put_debug(out, &strategy.obstacle);
                put_text(out, strategy.status);
            });
        }
    }
}

fn put_venue(out: &mut Vec<u8>, venue: &VenueView<'_>) {
    put_debug(out, venue.phase());
    put_debug(out, &venue.outage());
    for order in venue.live_orders() {
        put_text(out, order.client_id().as_str());
        put_debug(out, &order.state());
        put_debug(out, &order.filled());
        put_debug(out, &order.filled_quote());
    }
    for market in venue.markets() {
        put_number(out, market.id().instrument.0.into());
        put_debug(out, market.position());
        if let Some(positions) = market.positions() {
            put_debug(out, positions);
            put_debug(out, &market.mark_and_index());
            put_debug(out, &market.funding_rate());
        }
    }
    if venue.has_contracts() {
        put_debug(out, &venue.margin());
        put_debug(out, &venue.setting_differences());
    }
    for stated in venue.balances() {
        put_debug(out, &stated.balance);
    }
}

/// In the words of `Debug`: enough to be compared, by the same program.
fn put_debug(out: &mut Vec<u8>, value: &impl Debug) {
    write!(out, "{value:?}").expect("a vector takes every byte");
    // What follows must not read as its continuation.
    out.push(0);
}
