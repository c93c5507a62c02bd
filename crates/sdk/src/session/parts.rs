//! The streams of a session, its parts: which of them carries what is wanted, when it opens and when that changes.

use colibri_model::InstrumentId;
use colibri_standard::{Channel, Outcome, Refusal, RejectReason, SessionRole, Subscription, UpdateSession};

use super::{Around, Session, SessionPlan};

/// A session that is about to open.
pub(crate) struct Wanted {
    pub(crate) session: u32,
    pub(crate) role: SessionRole,
    pub(crate) op: u64,
    pub(crate) subscriptions: Vec<Subscription>,
}

/// What changes on a part: to subscribe, and to unsubscribe.
type Changes = (Vec<Subscription>, Vec<Subscription>);

pub(super) fn add_to(subscriptions: &mut Vec<Subscription>, instrument: InstrumentId, channel: Channel) {
    match subscriptions.iter_mut().find(|s| s.instrument == instrument) {
        Some(subscription) => subscription.channels.push(channel),
        None => subscriptions.push(Subscription {
            instrument,
            channels: vec![channel],
        }),
    }
}

/// Changes what is subscribed on a session: each channel on a part that may carry it, with others of its instrument where
/// there are some, else where there is the most room. Whether there is such a session.
pub(crate) fn update(sessions: &mut [Session], update: &UpdateSession, op: u64, around: &mut Around<'_>) -> bool {
    let mut parts: Vec<&mut Session> = sessions.iter_mut().filter(|s| s.id == update.session).collect();
    if let [whole] = &mut parts[..]
        && whole.plan.carries.is_none()
    {
        whole.update(&update.add, &update.remove, op, around);
        return true;
    }
    let mut changes: Vec<Changes> = vec![Changes::default(); parts.len()];
    let mut room: Vec<usize> = parts.iter().map(|part| part.room()).collect();
    let each = |subscriptions: &[Subscription]| -> Vec<(InstrumentId, Channel)> {
        let of = |s: &Subscription| s.channels.iter().map(|c| (s.instrument, *c)).collect::<Vec<_>>();
        subscriptions.iter().flat_map(of).collect()
    };
    let is_away = |(instrument, channel)| parts.iter().any(|part| part.will_carry(instrument, channel));
    if each(&update.remove).into_iter().chain(each(&update.add)).any(is_away) {
        let text = "the stream that carries it is lost and not open again yet";
        around.complete(op, &Outcome::NotSent(Refusal::new(RejectReason::NotConnected, text)));
        return true;
    }
    for (instrument, channel) in each(&update.remove) {
        if let Some(at) = parts.iter().position(|part| part.has_topic(instrument, channel)) {
            room[at] += 1;
            add_to(&mut changes[at].1, instrument, channel);
        }
    }
    for (instrument, channel) in each(&update.add) {
        let may: Vec<usize> = (0..parts.len())
            .filter(|&at| parts[at].is_there() && parts[at].plan.may_carry(channel))
            .collect();
        let with_others = may.iter().copied().find(|&at| {
            parts[at].carries(instrument) || changes[at].0.iter().any(|added| added.instrument == instrument)
        });
        let found = with_others.or_else(|| may.into_iter().max_by_key(|&at| room[at]));
        let Some(at) = found.filter(|&at| room[at] > 0) else {
            if parts.is_empty() {
                return false;
            }
            let text = "none of the session's streams has room for another instrument: let it be opened anew";
            around.complete(op, &Outcome::NotSent(Refusal::new(RejectReason::DoesNotFit, text)));
            return true;
        };
        room[at] -= 1;
        add_to(&mut changes[at].0, instrument, channel);
    }
    for (part, (add, remove)) in parts.iter_mut().zip(&changes) {
        part.update(add, remove, op, around);
    }
    !parts.is_empty()
}

impl Wanted {
    /// Each plan's share of it, by the channels that the plan carries. A plan without one is left out, unless nothing is
    /// wanted at all: then the first has it.
    pub(crate) fn by_plan(self, plans: &[SessionPlan]) -> Vec<(usize, Wanted)> {
        let mut shares: Vec<Vec<Subscription>> = vec![Vec::new(); plans.len()];
        for subscription in &self.subscriptions {
            for &channel in &subscription.channels {
                // What none carries is refused with the first's topics.
                let at = plans.iter().position(|plan| plan.may_carry(channel)).unwrap_or(0);
                if let Some(share) = shares.get_mut(at) {
                    add_to(share, subscription.instrument, channel);
                }
            }
        }
        let nothing = shares.iter().all(Vec::is_empty);
        let share = |(at, subscriptions): (usize, Vec<Subscription>)| {
            let wanted = Wanted {
                session: self.session,
                role: self.role,
                op: self.op,
                subscriptions,
            };
            (at, wanted)
        };
        shares
            .into_iter()
            .enumerate()
            .filter(|(at, share)| !share.is_empty() || (nothing && *at == 0))
            .map(share)
            .collect()
    }

    /// Split so that a stream carries each part; the channels of an instrument stay together.
    pub(crate) fn in_parts(self, most_topics: usize) -> Vec<Wanted> {
        let Wanted { session, role, op, .. } = self;
        let part = || Wanted {
            session,
            role,
            op,
            subscriptions: Vec::new(),
        };
        let mut last = part();
        let (mut parts, mut topics) = (Vec::new(), 0);
        for subscription in self.subscriptions {
            let more = subscription.channels.len();
            if topics > 0 && topics + more > most_topics {
                parts.push(std::mem::replace(&mut last, part()));
                topics = 0;
            }
            topics += more;
            last.subscriptions.push(subscription);
        }
        parts.push(last);
        parts
    }
}
