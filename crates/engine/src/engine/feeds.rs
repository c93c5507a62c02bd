//! Each instrument judged by what the market stream delivers of it, and the stream by its instruments.
//!
//! An instrument of which nothing comes is silent. That it is not merely quiet is proven by asking: the exchange has moved
//! on, and the stream does not tell within the manifest's `lag_ms`. Where nothing can be asked, silence itself must do, for
//! longer and longer.

use colibri_model::{InstrumentId, Journal, Millis, MonoNs};
use colibri_standard::SessionRole;

use crate::engine::VenueIndex;
use crate::engine::core::Core;
use crate::engine::stream::{StreamEvent, StreamState};

impl<J: Journal> Core<J> {
    /// A book follows its stream: what was missing is made up for, a silence is over.
    #[inline]
    pub(crate) fn feed_delivers(&mut self, index: VenueIndex, instrument: InstrumentId) {
        let now = self.mono();
        let Some(market) = self.state.venues[index.0].market_mut(instrument) else {
            return;
        };
        if let Some(ahead) = market.ahead {
            // A stream that delivers and stays behind is late, and judged as if it were silent.
            let caught_up = market.keeper.as_ref().is_some_and(|k| k.last_id() >= ahead.id);
            market.ahead = Some(ahead).filter(|_| !caught_up);
        }
        match market.feed.state {
            StreamState::Healing => market.feed.on(StreamEvent::Healed, "", now),
            StreamState::Silent if market.ahead.is_none() => {
                market.snapshot.checks = 0;
                market.feed.on(StreamEvent::Heard, "", now)
            }
            _ => return,
        };
        // The session is judged by its instruments.
        self.wake_at(now);
    }

    /// Judges each instrument by what the stream delivers of it, and the market session by its instruments.
    pub(crate) fn judge_market_stream(&mut self, index: VenueIndex) {
        let now = self.mono();
        let venue = &self.state.venues[index.0];
        if !venue.market_stream.state.is_open() {
            return;
        }
        let listed: Vec<InstrumentId> = venue
            .markets
            .iter()
            .filter(|m| m.instrument.is_some())
            .map(|m| m.id)
            .collect();
        let mut condemned = None;
        for &instrument in &listed {
            condemned = condemned.or(self.judge_feed(index, instrument));
        }
        let venue = &mut self.state.venues[index.0];
        let states = || listed.iter().filter_map(|&id| Some(venue.market(id)?.feed.state));
        let all = |state: StreamState| states().all(|s| s == state);
        let event = if listed.is_empty() || all(StreamState::Live) {
            [StreamEvent::Heard, StreamEvent::Healed]
        } else if all(StreamState::Silent) {
            [StreamEvent::Silenced; 2]
        } else if states().any(|s| s == StreamState::Healing) {
            [StreamEvent::Heard, StreamEvent::Doubted]
        } else {
            [StreamEvent::Heard; 2]
        };
        let why = states().filter(|s| *s != StreamState::Live).count();
        let why = match why {
            0 => String::new(),
            missing => format!("{missing} of {} books are missing or silent", listed.len()),
        };
        for event in event {
            venue.market_stream.on(event, &why, now);
        }
        if let Some(why) = condemned {
            venue.market_stream.on(StreamEvent::Silenced, &why, now);
            for market in &mut venue.markets {
                market.ahead = None;
            }
            self.reopen(index, SessionRole::Market, why);
        }
    }

    /// Why the session must be opened again for the sake of one instrument, where it must: the exchange has moved on and
    /// the stream has not told; or it cannot be asked, and has told nothing for long.
    fn judge_feed(&mut self, index: VenueIndex, instrument: InstrumentId) -> Option<String> {
        let now = self.mono();
        let liveness = self.state.venues[index.0].manifest.liveness.clone();
        let by_request = self.state.venues[index.0].manifest.book.snapshot_by_request;
        let market = self.state.venues[index.0].market_mut(instrument)?;
        let pair = market.pair.clone();
        // One that is missing is asked for, or subscribed anew.
        let keeper = market.keeper.as_ref().filter(|keeper| keeper.book().is_some())?;
        let updated = keeper.updated();
        let stale_at = updated.plus(liveness.book_stale_ms);
        // A book that came before the session was said to be live needs no other to be there.
        market.feed.on(StreamEvent::Healed, "", now);
        if market.feed.state == StreamState::Live {
            if now <= stale_at {
                self.wake_at(MonoNs(stale_at.0 + 1));
                return None;
            }
            let why = format!("no update for {} s", liveness.book_stale_ms.0 / 1_000);
            market.feed.on(StreamEvent::Silenced, &why, now);
            market.snapshot.not_before = now;
            self.wake_at(now);
            return None;
        }
        if let Some(ahead) = market.ahead {
            let until = ahead.since.plus(liveness.lag_ms);
            if now >= until {
                let lag = liveness.lag_ms.0;
                return Some(format!(
                    "the book of {pair} has moved on, and the stream did not tell within {lag} ms"
                ));
            }
            self.wake_at(until);
        } else if !by_request && market.feed.state == StreamState::Silent && liveness.market_silence_ms.0 > 0 {
            let patience = Millis(liveness.market_silence_ms.0 << market.snapshot.checks.min(6));
            let until = updated.plus(patience);
            if now >= until {
                market.snapshot.checks = market.snapshot.checks.saturating_add(1);
                return Some(format!("it told nothing of {pair} for {} s", patience.0 / 1_000));
            }
            self.wake_at(until);
        }
        None
    }
}
