//! Each instrument judged by what the market stream delivers of it, and the stream by its instruments.
//!
//! An instrument of which nothing comes is silent. Asking tells whether it is merely quiet: then the exchange has nothing
//! newer. It is proven not to be where the exchange has moved on, and the stream does not tell within the manifest's
//! `lag_ms`. Where nothing can be asked, silence itself must do, for longer and longer.
//!
//! What is proven silent alone, while others deliver, is subscribed anew alone. The session, and with it every other book,
//! is opened again only where that does not help or where nothing is delivered at all.

use colibri_model::{InstrumentId, Millis, MonoNs};
use colibri_standard::{Channel, Command, Outcome, SessionRole, Subscription, UpdateSession};

use crate::engine::core::Core;
use crate::engine::market::Resubscription;
use crate::engine::operations::Purpose;
use crate::engine::stream::{StreamEvent, StreamState};
use crate::engine::streams::MARKET_SESSION;
use crate::engine::{LogLevel, VenueIndex};

/// A book that could not be confirmed for so long is not known to be merely quiet any more.
const QUIET_FOR: Millis = Millis(90_000);

/// Leaves an instrument's book and enters it again.
pub(crate) fn anew(instrument: InstrumentId) -> Command {
    let book = vec![Subscription {
        instrument,
        channels: vec![Channel::Book],
    }];
    Command::UpdateSession(UpdateSession {
        session: MARKET_SESSION,
        add: book.clone(),
        remove: book,
    })
}

impl Core {
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
            StreamState::Silent | StreamState::Quiet if market.ahead.is_none() => {
                market.snapshot.checks = 0;
                market.feed.on(StreamEvent::Heard, "", now)
            }
            _ => return,
        };
        market.resubscribed = None;
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
        let count = |state: StreamState| states().filter(|s| *s == state).count();
        let missing = listed.len() - count(StreamState::Live) - count(StreamState::Quiet);
        let event = if missing == 0 {
            [StreamEvent::Heard, StreamEvent::Healed]
        } else if count(StreamState::Silent) == listed.len() {
            [StreamEvent::Silenced; 2]
        } else if count(StreamState::Healing) + count(StreamState::Down) > 0 {
            [StreamEvent::Heard, StreamEvent::Doubted]
        } else {
            [StreamEvent::Heard; 2]
        };
        let why = match missing {
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
                market.resubscribed = None;
            }
            self.reopen(index, SessionRole::Market, why);
        }
    }

    /// Why the session must be opened again for the sake of one instrument, where it must: the exchange has moved on and
    /// the stream has not told; or it cannot be asked, and has told nothing for long.
    fn judge_feed(&mut self, index: VenueIndex, instrument: InstrumentId) -> Option<String> {
        let now = self.mono();
        let manifest = &self.state.venues[index.0].manifest;
        let (book_stale_ms, lag_ms) = (manifest.liveness.book_stale_ms, manifest.liveness.lag_ms);
        let market_silence_ms = manifest.liveness.market_silence_ms;
        let by_request = manifest.book.snapshot_by_request;
        let market = self.state.venues[index.0].market_mut(instrument)?;
        // One that is missing is asked for, or subscribed anew.
        let keeper = market.keeper.as_ref().filter(|keeper| keeper.book().is_some())?;
        let updated = keeper.updated();
        let stale_at = updated.plus(book_stale_ms);
        // A book that came before the session was said to be live needs no other to be there.
        market.feed.on(StreamEvent::Healed, "", now);
        if market.feed.state == StreamState::Live {
            if now <= stale_at {
                self.wake_at(MonoNs(stale_at.0 + 1));
                return None;
            }
            let why = format!("no update for {} s", book_stale_ms.0 / 1_000);
            market.feed.on(StreamEvent::Silenced, &why, now);
            market.snapshot.not_before = now;
            self.wake_at(now);
            return None;
        }
        if market.feed.state == StreamState::Quiet {
            let until = market.confirmed.unwrap_or(updated).plus(QUIET_FOR);
            if now >= until {
                let why = market.feed.why.clone();
                market.feed.on(StreamEvent::Silenced, &why, now);
            }
            self.wake_at(until.max(now));
        } else if let Some(ahead) = market.ahead {
            let until = ahead.since.plus(lag_ms);
            if now >= until {
                let (pair, lag) = (&market.pair, lag_ms.0);
                let why = format!("the book of {pair} has moved on, and the stream did not tell within {lag} ms");
                return self.resubscribe_first(index, instrument, why);
            }
            self.wake_at(until);
        } else if !by_request && market.feed.state == StreamState::Silent && market_silence_ms.0 > 0 {
            let patience = Millis(market_silence_ms.0 << market.snapshot.checks.min(6));
            let until = updated.plus(patience);
            if now >= until {
                let why = format!("it told nothing of {} for {} s", market.pair, patience.0 / 1_000);
                let condemned = self.resubscribe_first(index, instrument, why)?;
                if let Some(market) = self.state.venues[index.0].market_mut(instrument) {
                    market.snapshot.checks = market.snapshot.checks.saturating_add(1);
                }
                return Some(condemned);
            }
            self.wake_at(until);
        }
        None
    }

    /// Subscribes an instrument anew that is proven silent, where the stream delivers of another. Why the session must be
    /// opened again, where it delivers of none or that has not helped.
    fn resubscribe_first(&mut self, index: VenueIndex, instrument: InstrumentId, why: String) -> Option<String> {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let lag = venue.manifest.liveness.lag_ms;
        let others = || venue.markets.iter().filter(|m| m.id != instrument);
        let delivers = others().any(|m| m.feed.state == StreamState::Live);
        let name = venue.id.clone();
        let market = venue.market_mut(instrument)?;
        match market.resubscribed {
            _ if !delivers => Some(why),
            None => {
                market.resubscribed = Some(Resubscription::Asked);
                let text = format!("{name}: {} is subscribed anew: {why}", market.pair);
                self.state.counts.feeds_resubscribed += 1;
                self.log(LogLevel::Warn, text);
                self.command(index, Purpose::Resubscribe(instrument), anew(instrument));
                None
            }
            Some(Resubscription::Asked) => None,
            Some(Resubscription::Failed) => Some(format!("{why}, and could not be subscribed anew")),
            Some(Resubscription::Done(at)) if now >= at.plus(lag) => {
                Some(format!("{why}, nor after it was subscribed anew"))
            }
            Some(Resubscription::Done(at)) => {
                self.wake_at(at.plus(lag));
                None
            }
        }
    }

    /// An instrument was subscribed anew, or could not be.
    pub(crate) fn resubscribe_ended(&mut self, index: VenueIndex, instrument: InstrumentId, outcome: &Outcome) {
        let now = self.mono();
        // It may deliver already, or its session be another: then the end says nothing.
        if let Some(market) = self.state.venues[index.0].market_mut(instrument)
            && market.resubscribed == Some(Resubscription::Asked)
        {
            market.resubscribed = Some(match outcome {
                Outcome::Done => Resubscription::Done(now),
                _ => Resubscription::Failed,
            });
        }
        self.wake_at(now);
    }
}
