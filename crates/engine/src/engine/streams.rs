//! Streams as the engine judges them: what follows when one is lost, comes back, or is proven silent.
//!
//! The exchange's own words prove a user stream silent: what an answer or a question has told of an order, the stream must
//! tell too, within the manifest's `lag_ms`.

use colibri_model::{ClientOrderId, FillKey, InstrumentId, MonoNs, OrderEvidence, OrderState};
use colibri_standard::{Capability, Channel, ReportSource, SessionPart, SessionRole, SessionStatus};

use crate::HostNow;
use crate::engine::core::Core;
use crate::engine::stream::{OrderNews, StreamEvent, StreamState};
use crate::engine::{EngineAction, LogLevel, VenueIndex};
use crate::orders::Recorded;

/// The sessions' numbers at the boundary; a notice of any other is taken to be about both.
pub(crate) const MARKET_SESSION: u32 = 1;
const USER_SESSION: u32 = 2;

impl Core {
    pub(crate) fn on_session(&mut self, index: VenueIndex, role: SessionRole, status: SessionStatus, now: HostNow) {
        self.at(now);
        let Some(venue) = self.state.venues.get_mut(index.0) else {
            return;
        };
        let session = match role {
            SessionRole::Market => &mut venue.market_session,
            SessionRole::User => &mut venue.user_session,
        };
        let before = std::mem::replace(session, status);
        if before == status {
            return;
        }
        let (was_live, is_live) = (before == SessionStatus::Live, status == SessionStatus::Live);
        if was_live || is_live {
            let text = format!("{}: the {role:?} session is {status:?}", venue.id);
            let level = if is_live { LogLevel::Info } else { LogLevel::Warn };
            self.log(level, text);
        }
        let event = match status {
            SessionStatus::LoggingIn | SessionStatus::Subscribing => StreamEvent::Opening,
            SessionStatus::Live => StreamEvent::Opened,
            SessionStatus::Down => StreamEvent::Lost,
        };
        let venue = &mut self.state.venues[index.0];
        match role {
            SessionRole::Market => {
                venue.market_stream.on(event, "", now.mono);
                for market in &mut venue.markets {
                    market.feed.on(event, "", now.mono);
                    market.resubscribed = None;
                }
                if was_live {
                    self.drop_books(index);
                } else if is_live {
                    self.end_polling(index);
                    self.ask_snapshots(index);
                }
            }
            SessionRole::User => {
                venue.user_stream.on(event, "", now.mono);
                venue.owed.forgive();
                // What happened while the stream was down is learned by asking, before anything is traded on.
                if was_live || is_live {
                    self.reconcile_anew(index);
                }
            }
        }
    }

    /// One of several streams of the market session is lost, or is back: its books go, and come again, and no others.
    pub(crate) fn on_session_part(&mut self, index: VenueIndex, part: &SessionPart) {
        let now = self.mono();
        let (event, why) = match part.status {
            SessionStatus::Down => (StreamEvent::Lost, part.reason.as_deref().unwrap_or_default()),
            SessionStatus::Live => (StreamEvent::Opened, ""),
            SessionStatus::LoggingIn | SessionStatus::Subscribing => return,
        };
        if part.session != MARKET_SESSION {
            return;
        }
        let with_book = part
            .subscriptions
            .iter()
            .filter(|s| s.channels.contains(&Channel::Book));
        for instrument in with_book.map(|s| s.instrument) {
            let Some(market) = self.state.venues[index.0].market_mut(instrument) else {
                continue;
            };
            market.feed.on(event, why, now);
            market.resubscribed = None;
            market.snapshot.not_before = now;
            if event == StreamEvent::Lost {
                self.lose_book(index, instrument);
            }
        }
        // The session is judged by its instruments, and snapshots are asked for, those of traded markets first.
        self.wake_at(now);
    }

    pub(crate) fn on_session_rests(
        &mut self,
        index: VenueIndex,
        role: SessionRole,
        reason: &str,
        until: MonoNs,
        now: HostNow,
    ) {
        self.at(now);
        let Some(venue) = self.state.venues.get_mut(index.0) else {
            return;
        };
        let stream = match role {
            SessionRole::Market => &mut venue.market_stream,
            SessionRole::User => &mut venue.user_stream,
        };
        reason.clone_into(&mut stream.why);
        stream.retry_at = Some(until);
    }

    pub(crate) fn on_ban(&mut self, index: VenueIndex, until: MonoNs, now: HostNow) {
        self.at(now);
        let Some(venue) = self.state.venues.get_mut(index.0) else {
            return;
        };
        let before = venue.banned_until.replace(until);
        venue.banned_until = before.max(Some(until));
        if before.is_none() {
            let (id, seconds) = (&venue.id, until.since(now.mono).0.div_ceil(1_000));
            let text = format!(
                "{id}: the exchange has banned this address for {seconds} s: nothing is placed there meanwhile"
            );
            self.log(LogLevel::Warn, text);
        }
        self.wake_at(until);
    }

    /// A ban that has ended keeps nobody any more.
    pub(crate) fn lift_ban(&mut self, index: VenueIndex) {
        let venue = &mut self.state.venues[index.0];
        let Some(until) = venue.banned_until else { return };
        if self.state.now.mono < until {
            return self.wake_at(until);
        }
        venue.banned_until = None;
        let text = format!("{}: the ban of this address has ended", venue.id);
        self.log(LogLevel::Info, text);
    }

    /// A message that could not be read: what it told is missing, of books or of our own orders and fills.
    pub(crate) fn unreadable(&mut self, index: VenueIndex, session: u32, instrument: Option<InstrumentId>) {
        if session != USER_SESSION {
            self.doubt_book(index, instrument);
        }
        if session != MARKET_SESSION {
            self.reconcile_anew(index);
        }
    }

    /// Nothing is traded on at a venue before a reconciliation that begins now has succeeded.
    fn reconcile_anew(&mut self, index: VenueIndex) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        venue
            .user_stream
            .on(StreamEvent::Doubted, "it is being reconciled", now);
        // A change of settings that the stream would have told of, too, and a payment; one that was asked for in vain is not put
        // off further.
        if let Some(account) = venue.contracts.as_deref_mut() {
            account.settings.doubt();
            account.funding.due = now;
        }
        let reconcile = &mut venue.reconcile;
        reconcile.healed = false;
        reconcile.overtaken = true;
        reconcile.history_wanted = true;
        reconcile.next = now;
        self.wake_at(now);
    }

    /// A reconciliation has succeeded while the user stream delivered: nothing is missing.
    pub(crate) fn user_stream_healed(&mut self, index: VenueIndex) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        venue.user_stream.on(StreamEvent::Healed, "", now);
    }

    /// An order has been told of: what the stream tells pays what it owes, what anything else told first it owes.
    pub(crate) fn order_witnessed(
        &mut self,
        index: VenueIndex,
        id: &ClientOrderId,
        before: Option<OrderState>,
        source: ReportSource,
        evidence: OrderEvidence,
    ) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let news = |state: OrderState| match state.is_terminal() {
            true => OrderNews::Ended,
            false => OrderNews::Working,
        };
        if source == ReportSource::Stream {
            venue.user_stream.last_data = Some(now);
            if let Ok(told) = OrderState::Unknown.after(evidence) {
                venue.owed.order_told(id, news(told));
            }
            return;
        }
        let Some(after) = venue.orders.get(id).map(|order| order.state()) else {
            return;
        };
        if before != Some(after) && venue.user_stream.state == StreamState::Live {
            venue.owed.order(id, news(after), now);
            let lag = venue.manifest.liveness.lag_ms;
            self.wake_in(lag);
        }
    }

    /// A fill has been told, see [`Core::order_witnessed`]. Fills of others are not owed: some exchanges tell them late.
    pub(crate) fn fill_witnessed(
        &mut self,
        index: VenueIndex,
        key: &FillKey,
        is_ours: bool,
        recorded: Recorded,
        source: ReportSource,
    ) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        if source == ReportSource::Stream {
            venue.user_stream.last_data = Some(now);
            venue.owed.fill_told(key);
        } else if is_ours && recorded == Recorded::New && venue.user_stream.state == StreamState::Live {
            venue.owed.fill(key, now);
            let lag = venue.manifest.liveness.lag_ms;
            self.wake_in(lag);
        }
    }

    /// Gives a user stream up that owes something for too long: it is opened again, and until then everything is asked for.
    pub(crate) fn judge_user_stream(&mut self, index: VenueIndex) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        if !venue.has(&Capability::UserStream) || !venue.user_stream.state.delivers() {
            return;
        }
        let lag = venue.manifest.liveness.lag_ms;
        let Some(why) = venue.owed.overdue(lag, now) else {
            if let Some(since) = venue.owed.since() {
                self.wake_at(since.plus(lag));
            }
            return;
        };
        venue.owed.forgive();
        venue.user_stream.on(StreamEvent::Silenced, &why, now);
        self.reconcile_anew(index);
        self.reopen(index, SessionRole::User, why);
    }

    /// Has a session opened again that is proven not to deliver.
    pub(crate) fn reopen(&mut self, index: VenueIndex, role: SessionRole, reason: String) {
        let venue = &self.state.venues[index.0];
        let text = format!("{}: the {role:?} session is silent: {reason}", venue.id);
        self.state.counts.streams_condemned += 1;
        self.log(LogLevel::Warn, text);
        self.act(EngineAction::Reopen {
            venue: index,
            role,
            reason,
        });
    }
}
