//! Taking up what the journal left: orders and fills of earlier runs.

use colibri_model::{Millis, OrderEvidence, OrderState, WallNs};

use crate::engine::core::Core;
use crate::engine::market::MarketWanted;
use crate::engine::reconcile::ORDERS_OVERLAP_NS;
use crate::engine::venue::Venue;
use crate::engine::watermark::FillsWatermark;
use crate::engine::{EnvironmentConflict, RecoveredOrder, VenueIndex};
use crate::orders::{CancelState, EndKnown, InFlightOrder, OrderOrigin, OrderReport, Recorded};

/// Where the journal does not tell up to where fills are complete, they are asked for from so long before the time that it
/// does tell, or the start: clocks differ.
const FILLS_OVERLAP_NS: i64 = 60_000_000_000;
/// Ended orders that are taken up, the youngest: late fills of them may still come.
const ENDED: usize = 10_000;
/// Ended orders beyond these are remembered by their ids for so long: a question since the watermark may tell them again.
const UNTRACKED_NS: i64 = 86_400_000_000_000;
/// Fills are not asked for from before so many that the journal has: the ledger, which tells duplicates, is bounded.
const FILLS: usize = 100_000;

impl Core {
    /// Venues whose records are about another environment than the one that they are to be used in.
    pub(crate) fn environment_conflicts(&self) -> Vec<EnvironmentConflict> {
        let conflict = |(index, venue): (usize, &Venue)| {
            let key = (venue.id.clone(), venue.account.clone());
            let journaled = self.recovered.environments.get(&key)?;
            (*journaled != venue.environment).then(|| EnvironmentConflict {
                index: VenueIndex(index),
                venue: key.0,
                account: key.1,
                journaled: journaled.clone(),
                wanted: venue.environment.clone(),
            })
        };
        self.state.venues.iter().enumerate().filter_map(conflict).collect()
    }

    /// Orders that may be live and that no venue that was added takes up: their venue or their account is not there.
    pub(crate) fn orphans(&self) -> impl Iterator<Item = &RecoveredOrder> {
        let takes_up =
            |venue: &Venue, order: &RecoveredOrder| venue.id == order.venue && venue.account == order.account;
        let live = self.recovered.orders.values().filter(|o| o.state.may_be_live());
        live.filter(move |order| !self.state.venues.iter().any(|venue| takes_up(venue, order)))
    }

    /// Tracks what the journal left at a venue. What was on its way when the host died is Unknown.
    pub(crate) fn recover(&mut self, index: VenueIndex) {
        self.doubt();
        let now = self.state.now;
        let venue = &mut self.state.venues[index.0];
        // A journal from before there were watermarks: fills were asked for when its last run began.
        let last_seen = self.recovered.last_seen.get(&venue.id).copied();
        let known = [last_seen, last_seen.and(self.recovered.last_started), Some(now.wall)];
        let known = known.into_iter().flatten().min().unwrap_or(now.wall).0;
        let mut since = known.saturating_sub(FILLS_OVERLAP_NS);
        let remembered = self.recovered.fills.len().checked_sub(FILLS);
        if let Some((_, oldest)) = remembered.and_then(|at| self.recovered.fills.get(at)) {
            since = since.max(oldest.exchange_time.0);
        }
        venue.reconcile.history_wanted = true;
        let account = (venue.id.clone(), venue.account.clone());
        if let Some(left) = self.recovered.holdings.get(&account).filter(|left| left.settled) {
            venue.holdings.left_before(left.totals.clone());
        }
        if let Some(contracts) = &mut venue.contracts {
            let first = self.recovered.first_used.get(&account).copied();
            let through = self.recovered.funding_through.get(&account).copied();
            let own = self.recovered.funding.values();
            let own = own.filter(|p| p.key.venue == account.0 && p.key.account == account.1);
            let first = first.unwrap_or(now.wall);
            contracts.funding.begin(first, through.unwrap_or(first), own.cloned());
        }
        for market in &mut venue.markets {
            market.bookless_since = now.mono;
            let key = (venue.id.clone(), venue.account.clone(), market.pair.clone());
            let marks = self.recovered.watermarks.get(&key);
            if let Some(contracts) = &mut market.contracts {
                contracts.recover(&self.recovered, &key);
            }
            market.fills = match marks {
                Some(marks) => FillsWatermark::new(marks.trade.clone(), marks.trades_since),
                None => FillsWatermark::new(None, WallNs(since)),
            };
            let from_known = WallNs(known.saturating_sub(ORDERS_OVERLAP_NS));
            market.orders_since = marks.map_or(from_known, |marks| marks.orders_since);
        }
        let mut orders: Vec<_> = self
            .recovered
            .orders
            .values()
            .filter(|o| o.venue == venue.id && o.account == venue.account)
            .filter_map(|o| Some((o, venue.markets.iter().find(|m| m.pair == o.pair)?.id)))
            .collect();
        orders.sort_by_key(|(o, _)| (o.created, o.intent.client_id.clone()));
        let ended = orders.iter().filter(|(o, _)| o.state.is_terminal()).count();
        let mut skip = ended.saturating_sub(ENDED);
        for (recovered, instrument) in orders {
            if recovered.state.is_terminal() && skip > 0 {
                skip -= 1;
                if known.saturating_sub(recovered.created.0) < UNTRACKED_NS {
                    venue.untracked.insert(recovered.intent.client_id.clone());
                    venue.untracked.extend(recovered.names.iter().cloned());
                }
                continue;
            }
            let mut intent = recovered.intent.clone();
            intent.instrument = instrument;
            let mut order = InFlightOrder::new(
                recovered.strategy.clone(),
                0,
                recovered.pair.clone(),
                intent,
                now.mono,
                recovered.created,
            );
            order.origin = OrderOrigin::Recovered;
            order.answered = Some(now.mono);
            order.amend_to = recovered.amend_to;
            order.exchange_id.clone_from(&recovered.exchange_id);
            order.name_there = self
                .recovered
                .name_there(order.client_id(), venue.order_keeps_client_id());
            if let Some(evidence) = evidence_of(recovered.state) {
                // From PendingCreate every state can be reached in one step.
                let report = OrderReport {
                    filled: recovered.reported_filled,
                    ..OrderReport::default()
                };
                let _ = order.learn(evidence, &report, now.mono);
            }
            // What an earlier run concluded is not known to have been told.
            if order.state().is_terminal() {
                order.end_known = EndKnown::Inferred;
            }
            if order.may_be_live() {
                if recovered.cancel_wanted.is_some() {
                    order.cancel = CancelState::Wanted;
                }
                order.inquiry.want(now.mono.plus(Millis(0)));
                venue.in_doubt.insert(order.client_id().clone());
            }
            venue.orders.track(order);
            for name in &recovered.names {
                venue.orders.rename(&recovered.intent.client_id, name);
            }
        }
        self.recover_triggers(index);
        let venue = &mut self.state.venues[index.0];
        for (strategy, fill) in &self.recovered.fills {
            if fill.key.venue != venue.id || fill.key.account != venue.account {
                continue;
            }
            let Some(at) = venue.markets.iter().position(|m| m.pair == fill.key.pair) else {
                continue;
            };
            let id = venue.orders.find(
                Some(venue.markets[at].id),
                fill.client_id.as_ref(),
                fill.exchange_id.as_ref(),
            );
            let instrument = venue.markets[at].id;
            let order = id.and_then(|id| venue.orders.get_mut(&id));
            let is_ours = strategy.is_some() || order.is_some();
            let owner = strategy.clone().or_else(|| order.as_ref().map(|o| o.strategy.clone()));
            if venue.ledger.record(fill) != Recorded::New {
                continue;
            }
            if let Some(contracts) = &mut venue.markets[at].contracts {
                contracts.ledger.add_fill(fill);
            }
            let position = &mut venue.markets[at].position;
            if let Some(order) = order {
                order.add_fill(fill);
                venue.ledger.attribute(&fill.key, order.client_id());
            } else if let Some(exchange_id) = fill.exchange_id.clone().filter(|_| !is_ours) {
                let key = (instrument, exchange_id);
                venue.unattributed.entry(key).or_default().push(fill.key.clone());
            }
            if is_ours {
                position.add_fill(&fill.key.pair, fill);
            }
            if let Some(owner) = owner.as_ref().filter(|_| venue.contracts.is_none()) {
                self.state.takings.add_fill(owner, &fill.key.pair, fill);
            }
        }
        // What has only orders left may not be listed any more: the exchange does not tell then what it is a contract of.
        for market in venue
            .markets
            .iter_mut()
            .filter(|m| m.wanted == MarketWanted::LeftOrders)
        {
            let key = (venue.id.clone(), venue.account.clone(), market.pair.clone());
            if let (Some(contracts), Some(known)) = (&mut market.contracts, self.recovered.contracts.get(&key)) {
                contracts.ledger.know(known);
            }
        }
        // An order of which the exchange counted fills that the journal lacks: they are asked for.
        let lacking = venue.orders.iter().filter(|o| !o.missing_fills().is_zero());
        let lacking: Vec<_> = lacking.map(|o| o.client_id().clone()).collect();
        for id in lacking {
            if let Some(order) = venue.orders.get_mut(&id) {
                order.fills_inquiry.want(now.mono);
                venue.in_doubt.insert(id);
            }
        }
    }
}

const fn evidence_of(state: OrderState) -> Option<OrderEvidence> {
    Some(match state {
        OrderState::PendingCreate | OrderState::Unknown => OrderEvidence::OutcomeUnknown,
        OrderState::Acknowledged => OrderEvidence::Acknowledged,
        OrderState::Open => OrderEvidence::Open,
        OrderState::PartiallyFilled => OrderEvidence::PartiallyFilled,
        OrderState::Filled => OrderEvidence::Filled,
        OrderState::Cancelled => OrderEvidence::Cancelled,
        OrderState::Rejected => OrderEvidence::Rejected,
        OrderState::Expired => OrderEvidence::Expired,
    })
}
