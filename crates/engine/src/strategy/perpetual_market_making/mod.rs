//! Perpetual market making: quotes on both sides of a reference price while nothing is held, and the way out of what was filled.
//!
//! What lives here: one strategy. Its behaviour follows Hummingbot's of the same name. What it does next follows from quantities
//! alone: what the fills make of the position, less what its live orders may still close of it. An order whose outcome is unknown
//! counts as live. So a restart needs nothing but the journal, a partial fill changes the size of the way out, and no order for it is
//! ever larger than what is held.

mod config;
mod exits;
mod quoting;
mod tags;

use std::collections::{BTreeMap, BTreeSet};

use colibri_model::{
    ClientOrderId, MonoNs, OrderState, OrderTerms, OrderType, PositionEffect, PositionMode, PositionSide, Price,
    Quantity, QuantityUnit, SnapshotUnusable, StrategyId, TimeInForce, TradingRule,
};
use serde::{Deserialize, Serialize};

use crate::book::OrderBook;
use crate::engine::{LogLevel, MarketId};
use crate::orders::InFlightOrder;
use crate::strategy::in_play::{may_still_fill, unsettled};
use crate::strategy::pure_market_making::{PureMarketMakingConfig, span};
use crate::strategy::{Input, MarketNeed, OrderRequest, OwnOrderChange, Strategy, StrategyActions};
use crate::view::{MarketView, View};

pub use config::PerpetualMarketMakingConfig;

use exits::Open;
use tags::Part;

/// Perpetual market making in one market.
#[derive(Debug)]
pub struct PerpetualMarketMaking {
    id: StrategyId,
    config: PerpetualMarketMakingConfig,
    quoting: PureMarketMakingConfig,
    kept: Kept,
}

/// What changes of it while it runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    market: Option<MarketId>,
    /// From when on missing quotes are placed.
    create_at: MonoNs,
    /// From when on resting quotes are compared with what should be quoted.
    refresh_at: MonoNs,
    /// Orders that are to be gone.
    doomed: BTreeSet<ClientOrderId>,
    /// The last stop-loss order of a position that is being stopped.
    stops: BTreeMap<PositionSide, Stop>,
    /// What was last told of what stands in the way of quoting.
    told: Option<String>,
    status: String,
}

/// The last stop-loss order of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stop {
    price: Price,
    sent: MonoNs,
}

/// What a decision is made from.
struct Moment<'a> {
    now: MonoNs,
    market: MarketView<'a>,
    book: &'a OrderBook,
    rule: &'a TradingRule,
    /// Orders that may be live.
    live: Vec<&'a InFlightOrder>,
    /// Orders that have ended, of which fills are not told yet.
    unsettled: Vec<&'a InFlightOrder>,
}

impl Moment<'_> {
    /// What orders may still close of a position.
    fn pending(&self, open: &Open) -> Quantity {
        let closes = |order: &&&InFlightOrder| {
            order.intent.side == open.exit_side() && order.intent.terms.position_side == open.side
        };
        let orders = self.live.iter().chain(&self.unsettled);
        orders.filter(closes).map(|order| may_still_fill(order)).sum()
    }

    fn of_part<'m>(&'m self, part: Part) -> impl Iterator<Item = &'m InFlightOrder> + 'm {
        let is_of = move |order: &&&InFlightOrder| !order.origin.has_lost_its_tag() && order.tag == part.tag();
        self.live.iter().filter(is_of).copied()
    }
}

impl PerpetualMarketMaking {
    /// A strategy that has not started.
    #[must_use]
    pub fn new(id: StrategyId, config: PerpetualMarketMakingConfig) -> PerpetualMarketMaking {
        PerpetualMarketMaking {
            id,
            quoting: config.quoting(),
            config,
            kept: Kept {
                status: "waiting for its market".to_owned(),
                ..Kept::default()
            },
        }
    }

    /// Everything that a tick does; done as well when something that was waited for has happened.
    fn decide(&mut self, view: &View<'_>, actions: &mut StrategyActions) {
        let Some(market) = self.kept.market.and_then(|id| view.market(id)) else {
            return;
        };
        let live: Vec<&InFlightOrder> = view.live_orders(&self.id).collect();
        self.kept.doomed.retain(|id| live.iter().any(|o| o.client_id() == id));
        let (Some(book), Some(instrument)) = (market.book(), market.instrument()) else {
            self.kept.status = "no fresh book: nothing is changed".to_owned();
            return;
        };
        let moment = Moment {
            now: view.now().mono,
            market,
            book,
            rule: &instrument.rule,
            live,
            unsettled: unsettled(view, &market, &self.id),
        };
        let open = self.open_positions(&moment);
        if open.is_empty() {
            self.quote(view, &moment, actions);
        } else {
            self.close(&moment, &open, actions);
        }
        for id in &self.kept.doomed {
            actions.cancel(id.clone());
        }
    }

    /// The positions that are open, as their fills make them. One that is too small to be closed is none.
    fn open_positions(&self, moment: &Moment<'_>) -> Vec<Open> {
        let (market, rule) = (&moment.market, moment.rule);
        let Some(contract) = market.contract() else {
            return Vec::new();
        };
        let sides = match self.config.position_mode {
            PositionMode::OneWay => &[PositionSide::Net][..],
            PositionMode::Hedge => &[PositionSide::Long, PositionSide::Short],
        };
        let open = sides.iter().filter_map(|side| {
            let position = market.position_of(*side)?;
            let open = Open {
                side: *side,
                quantity: position.quantity,
                entry: position.entry_price(contract)?,
            };
            let size = rule.quantize_quantity(OrderType::Limit, open.size());
            exits::is_tradable(rule, size, open.entry).then_some(open)
        });
        open.collect()
    }

    fn close(&mut self, moment: &Moment<'_>, open: &[Open], actions: &mut StrategyActions) {
        self.kept.stops.retain(|side, _| open.iter().any(|o| o.side == *side));
        self.doom_openings(moment, open);
        let mut words = Vec::new();
        for position in open {
            let is_resting = moment.of_part(Part::StopLoss(position.side)).next().is_some();
            let what = if is_resting || position.is_stopped(&self.config, moment.book) {
                self.stop_loss(moment, position, actions)
            } else {
                self.kept.stops.remove(&position.side);
                self.take_profit(moment, position, actions)
            };
            words.push(format!(
                "{} at {}: {what}",
                position.quantity,
                position.entry.0.round_dp(8).normalize()
            ));
        }
        self.kept.status = words.join("; ");
    }

    /// Quotes that would close the position before its profit is taken go at once, the others when they would be renewed:
    /// nothing that nobody renews is left in the market.
    fn doom_openings(&mut self, moment: &Moment<'_>, open: &[Open]) {
        let is_due = moment.now >= self.kept.refresh_at;
        for order in &moment.live {
            let is_quote = matches!(Part::of(order.tag), Some(Part::Quote(..)));
            let reduces = open
                .iter()
                .any(|o| order.intent.side == o.exit_side() && order.intent.terms.position_side == o.side);
            if order.origin.has_lost_its_tag() || is_quote && (reduces || is_due) {
                self.kept.doomed.insert(order.client_id().clone());
            }
        }
    }

    /// Lets one order rest where the profit is taken: of the whole position, and no other.
    fn take_profit(&mut self, moment: &Moment<'_>, open: &Open, actions: &mut StrategyActions) -> String {
        let price = open.take_profit(&self.config, moment.rule);
        let part = Part::TakeProfit(open.side);
        let whole = moment.rule.quantize_quantity(OrderType::Limit, open.size());
        for order in moment.of_part(part) {
            if order.intent.price != Some(price) || order.leaves() != whole {
                self.kept.doomed.insert(order.client_id().clone());
            }
        }
        let quantity = open.missing(moment.rule, moment.pending(open), price);
        // One at a time: while one that is outdated is being cancelled, its successor waits.
        if quantity.is_positive() && moment.of_part(part).next().is_none() {
            actions.create(self.exit(moment, open, part, price, quantity));
        }
        format!("profit is taken at {price}")
    }

    /// Closes with a loss: what waits to take profit goes first, and an order that was not filled in time is renewed farther on.
    fn stop_loss(&mut self, moment: &Moment<'_>, open: &Open, actions: &mut StrategyActions) -> String {
        let part = Part::StopLoss(open.side);
        let profit = moment.of_part(Part::TakeProfit(open.side));
        self.kept.doomed.extend(profit.map(|o| o.client_id().clone()));
        let last = self.kept.stops.get(&open.side).copied();
        let patience = span(self.config.time_between_stop_loss_orders);
        let is_spent = last.is_none_or(|stop| moment.now.since(stop.sent) >= patience);
        if is_spent {
            let resting = moment.of_part(part);
            self.kept.doomed.extend(resting.map(|o| o.client_id().clone()));
        }
        let price = match last {
            // What the position has grown by since joins the order that rests.
            Some(stop) if !is_spent => stop.price,
            _ => open.stop_order(&self.config, moment.rule, last.map(|stop| stop.price)),
        };
        let quantity = open.missing(moment.rule, moment.pending(open), price);
        if quantity.is_positive() && open.is_stopped(&self.config, moment.book) {
            let sent = last.filter(|_| !is_spent).map_or(moment.now, |stop| stop.sent);
            self.kept.stops.insert(open.side, Stop { price, sent });
            let side = open.exit_side().as_str();
            actions.log(
                LogLevel::Warn,
                format!(
                    "stop loss: {side} {quantity} at {price} to close {} that was opened at {}",
                    open.quantity,
                    open.entry.0.round_dp(8).normalize()
                ),
            );
            actions.create(self.exit(moment, open, part, price, quantity));
        }
        format!("loss is stopped at {price}")
    }

    fn exit(&self, moment: &Moment<'_>, open: &Open, part: Part, price: Price, quantity: Quantity) -> OrderRequest {
        OrderRequest {
            market: moment.market.id(),
            side: open.exit_side(),
            order_type: OrderType::Limit,
            time_in_force: Some(TimeInForce::Gtc),
            price: Some(price),
            quantity,
            quantity_unit: QuantityUnit::Base,
            terms: OrderTerms {
                position_side: open.side,
                effect: PositionEffect::ReduceOnly,
                ..OrderTerms::default()
            },
            tag: part.tag(),
        }
    }

    fn order_changed(&mut self, change: &OwnOrderChange, view: &View<'_>, actions: &mut StrategyActions) {
        if change.to == OrderState::Filled {
            self.kept.create_at = view.now().mono.plus(span(self.config.filled_order_delay));
            self.kept.refresh_at = self.kept.refresh_at.min(self.kept.create_at);
        }
        if change.to.is_terminal() {
            self.kept.doomed.remove(&change.client_id);
            self.decide(view, actions);
        }
    }

    /// Quotes are not left in a market that is not watched. The way out of a position may stay: it can only reduce it.
    fn rest(&mut self, view: &View<'_>, actions: &mut StrategyActions) {
        for order in view.live_orders(&self.id) {
            if !order.intent.terms.effect.only_reduces() {
                self.kept.doomed.insert(order.client_id().clone());
                actions.cancel(order.client_id().clone());
            }
        }
    }

    fn begin(&mut self, view: &View<'_>, actions: &mut StrategyActions) {
        let now = view.now().mono;
        (self.kept.create_at, self.kept.refresh_at) = (now, now);
        self.decide(view, actions);
    }
}

impl Strategy for PerpetualMarketMaking {
    fn id(&self) -> &StrategyId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "perpetual_market_making"
    }

    fn needs(&self) -> Vec<MarketNeed> {
        vec![MarketNeed {
            venue: self.config.venue.clone(),
            pair: self.config.market.clone(),
        }]
    }

    fn input(&mut self, input: Input<'_>, view: &View<'_>, actions: &mut StrategyActions) {
        match input {
            Input::Started => {
                self.kept.market = view.find_market(&self.config.venue, &self.config.market);
                self.begin(view, actions);
            }
            Input::Resumed => self.begin(view, actions),
            Input::Tick(_) | Input::Fill(_) | Input::Position(_) => self.decide(view, actions),
            Input::Order(change) => self.order_changed(change, view, actions),
            Input::Paused(reason) => {
                self.rest(view, actions);
                self.kept.status = format!("resting: {}", view.pause_in_words(reason));
            }
            Input::Stopping => self.kept.status = "stopping".to_owned(),
            // What of the position is left is closed once it is told what that is; the engine says what happened.
            Input::Forced(_) | Input::MarginCall(_) => self.decide(view, actions),
            Input::Refused(refused) => {
                // Nothing of it was sent, so the next goes no farther.
                let is_refused = |side: &PositionSide| Part::StopLoss(*side).tag() == refused.tag;
                self.kept.stops.retain(|side, _| !is_refused(side));
            }
            Input::Timer(_)
            | Input::Book(_)
            | Input::Trades { .. }
            | Input::Fee(_)
            | Input::Amended(_)
            | Input::Replaced(_)
            | Input::Rates(_)
            | Input::Funding(_)
            | Input::Settings(_)
            | Input::Trigger(_)
            | Input::TriggerRefused(_)
            | Input::Balances(_) => {}
        }
    }

    fn status(&self) -> String {
        self.kept.status.clone()
    }

    fn snapshot(&self) -> Option<serde_json::Value> {
        serde_json::to_value(&self.kept).ok()
    }

    fn restore(&mut self, state: serde_json::Value) -> Result<(), SnapshotUnusable> {
        self.kept = serde_json::from_value(state).map_err(SnapshotUnusable::new)?;
        Ok(())
    }
}
