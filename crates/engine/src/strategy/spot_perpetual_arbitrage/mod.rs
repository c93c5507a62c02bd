//! Spot-perpetual arbitrage: one asset bought at the one market and sold at the other where their prices are apart, and back where
//! they have met.
//!
//! What lives here: one strategy over two venues at once. Its behaviour follows Hummingbot's of the same name; it is a state machine
//! of quantities. One decision is kept, the *target*: how much is to be held in spot, with the perpetual holding the opposite. What a
//! leg lacks is the target less what its fills make, and that alone is sent; a leg that has an order which may still fill sends
//! nothing, and an order whose outcome is unknown is such a one. So a leg that was filled in part or whose answer was lost is neither
//! forgotten nor sent twice, and what one leg has beyond the other is sent again, undone or held, as the configuration says.

mod config;
mod legs;
mod proposal;

use colibri_model::{Decimal, MonoNs, OrderState, Quantity, Side, SnapshotUnusable, StrategyId};
use serde::{Deserialize, Serialize};

use crate::contracts::PositionChanged;
use crate::engine::{LogLevel, MarketId};
use crate::strategy::pure_market_making::span;
use crate::strategy::{Input, MarketFit, MarketNeed, Strategy, StrategyActions};
use crate::view::{MarketView, View};

pub use config::{Residual, SpotPerpetualArbitrageConfig};

use legs::{LegView, Moment, Place, held};
use proposal::{Direction, Proposal, matched, propose};

/// How long a leg waits after it sent an order before it sends the next, milliseconds; twice as long after each refusal, so that a
/// leg's deadline comes before so many refusals that the strategy has to rest.
const BREATH: u64 = 1_000;
/// Refusals in a row from which on it waits no longer.
const MOST_DOUBLED: u32 = 5;
/// How long an order may rest where the exchange has no orders that do not, milliseconds.
const PATIENCE: u64 = 5_000;

/// Spot-perpetual arbitrage in two markets.
#[derive(Debug)]
pub struct SpotPerpetualArbitrage {
    id: StrategyId,
    config: SpotPerpetualArbitrageConfig,
    kept: Kept,
}

/// What changes of it while it runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    spot: Option<MarketId>,
    perpetual: Option<MarketId>,
    /// How much is to be held in spot, with the perpetual holding the opposite. The only decision.
    target: Quantity,
    /// When another may be opened.
    open_at: MonoNs,
    /// Until when a leg that is behind is sent again before anything else is done about it; `None` while both are where they are
    /// to be.
    deadline: Option<MonoNs>,
    /// Nothing more is sent until a person has looked.
    is_held: bool,
    /// What the exchange itself traded of the perpetual position.
    forced: Quantity,
    /// When each leg last sent an order, spot first.
    sent: [Option<MonoNs>; 2],
    /// How many orders of each leg were refused since one was not.
    #[serde(default)]
    refused: [u32; 2],
    /// Trading rests: what is decided now could be sent for one leg alone.
    #[serde(default)]
    rests: bool,
    /// What was last told of what stands in the way.
    told: Option<String>,
    status: String,
}

/// What became of an order, as far as the next one waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Taken,
    Refused,
}

/// Where the legs stand, by quantities alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing is held, and nothing is to be.
    Closed,
    /// Something is to be held, and a leg is not there yet.
    Opening,
    /// Both legs hold what they are to.
    Opened,
    /// Nothing is to be held, and a leg is not there yet.
    Closing,
}

impl SpotPerpetualArbitrage {
    /// A strategy that has not started.
    #[must_use]
    pub fn new(id: StrategyId, config: SpotPerpetualArbitrageConfig) -> SpotPerpetualArbitrage {
        SpotPerpetualArbitrage {
            id,
            config,
            kept: Kept {
                status: "waiting for its markets".to_owned(),
                ..Kept::default()
            },
        }
    }

    /// Everything that a tick does; done as well when something that was waited for has happened.
    fn decide(&mut self, view: &View<'_>, actions: &mut StrategyActions) {
        let Some(moment) = Moment::of(view, &self.id, self.kept.spot, self.kept.perpetual) else {
            self.kept.status = "no fresh book: nothing is sent".to_owned();
            return;
        };
        cancel_lingering(&moment, actions);
        if self.kept.rests {
            return;
        }
        if let Some(obstacle) = moment.obstacle(view, &self.config, self.kept.forced) {
            self.tell(LogLevel::Error, format!("nothing is sent: {obstacle}"), actions);
            self.kept.status = obstacle;
            return;
        }
        self.reconsider(&moment, actions);
        self.watch_deadline(&moment, actions);
        match self.phase(&moment) {
            Phase::Closed => self.consider_opening(view, &moment, actions),
            Phase::Opened => self.consider_closing(view, &moment, actions),
            Phase::Opening | Phase::Closing if self.kept.is_held => {
                let legs = moment.in_words(self.kept.target);
                self.kept.status = format!("HELD: {legs}; stop and start the bot to have it undone");
            }
            Phase::Opening | Phase::Closing => self.send_missing(&moment, actions),
        }
    }

    /// By quantities alone. A leg with an order that may still fill is not there yet.
    fn phase(&self, moment: &Moment<'_>) -> Phase {
        let target = self.kept.target;
        let is_there = |side: &LegView<'_>, wanted| !side.is_in_play() && side.leg.missing(wanted).is_none();
        let both = is_there(&moment.spot, target) && is_there(&moment.perpetual, -target);
        match (target.is_zero(), both) {
            (true, true) => Phase::Closed,
            (true, false) => Phase::Closing,
            (false, true) => Phase::Opened,
            (false, false) => Phase::Opening,
        }
    }

    // ---- legs ----

    /// Sends what the legs lack, each for itself and both at once.
    fn send_missing(&mut self, moment: &Moment<'_>, actions: &mut StrategyActions) {
        let target = self.kept.target;
        let (spot, perpetual) = (
            self.config.spot_market_slippage_buffer,
            self.config.perpetual_market_slippage_buffer,
        );
        for (side, wanted, buffer) in [(&moment.spot, target, spot), (&moment.perpetual, -target, perpetual)] {
            let breath = BREATH << self.kept.refused[side.place as usize].min(MOST_DOUBLED);
            let sent = &mut self.kept.sent[side.place as usize];
            let waits = sent.is_some_and(|at| moment.now.since(at).0 < breath);
            if side.is_in_play() || waits {
                continue;
            }
            if let Some(order) = side.order_to(wanted, buffer) {
                *sent = Some(moment.now);
                actions.create(order);
            }
        }
        let what = if target.is_zero() { "closing" } else { "opening" };
        self.kept.status = format!("{what}: {}", moment.in_words(target));
    }

    /// Where the legs are alike and there is more to do in both, that is done at a profit only: what one leg has beyond the other
    /// has to be traded at whatever price, what neither has does not.
    fn reconsider(&mut self, moment: &Moment<'_>, actions: &mut StrategyActions) {
        let both = moment.matched();
        if moment.is_in_play() || !moment.is_balanced() || both == self.kept.target {
            return;
        }
        let (direction, least) = if self.kept.target.is_zero() {
            (Direction::of(both).reverse(), self.config.min_closing_arbitrage_pct)
        } else {
            (Direction::of(self.kept.target), self.config.min_opening_arbitrage_pct)
        };
        let left = moment.on_grids(Quantity((self.kept.target - both).0.abs()));
        let proposal = self.propose(direction, moment, left);
        if left.is_positive() && proposal.is_none_or(|proposal| proposal.profit < least) {
            let text = format!("the prices have moved before both legs were filled: {both} is kept");
            actions.log(LogLevel::Info, text);
            self.kept.target = both;
        }
    }

    /// Keeps the time that a leg has been behind, and does what is to be done at the deadline.
    fn watch_deadline(&mut self, moment: &Moment<'_>, actions: &mut StrategyActions) {
        let phase = self.phase(moment);
        if matches!(phase, Phase::Closed | Phase::Opened) {
            if self.kept.deadline.take().is_some() {
                self.kept.is_held = false;
                self.arrived(phase, moment, actions);
            }
            return;
        }
        let patience = span(self.config.residual_deadline);
        let deadline = *self.kept.deadline.get_or_insert(moment.now.plus(patience));
        if moment.now < deadline {
            return;
        }
        self.kept.deadline = Some(moment.now.plus(patience));
        let legs = moment.in_words(self.kept.target);
        let both = moment.matched();
        let (level, text) = match (self.config.residual, phase) {
            (Residual::Unwind, Phase::Opening) if both != self.kept.target => {
                self.kept.target = both;
                let what = format!("what one has beyond the other is undone, {both} is kept");
                (
                    LogLevel::Warn,
                    format!("the legs were not filled alike in time ({legs}): {what}"),
                )
            }
            (Residual::Hold, _) => {
                self.kept.is_held = true;
                let what = "nothing more is sent; stop and start the bot: it undoes what one leg has beyond the other";
                (
                    LogLevel::Error,
                    format!("the legs are not where they are to be ({legs}): {what}"),
                )
            }
            _ => {
                let what = "what is missing is sent again";
                (
                    LogLevel::Error,
                    format!("the legs are not where they are to be ({legs}): {what}"),
                )
            }
        };
        actions.log(level, text);
    }

    /// Both legs are where they are to be.
    fn arrived(&mut self, phase: Phase, moment: &Moment<'_>, actions: &mut StrategyActions) {
        let what = if phase == Phase::Opened { "opened" } else { "closed" };
        actions.log(LogLevel::Info, format!("{what}: {}", moment.in_words(self.kept.target)));
        if phase == Phase::Closed {
            self.kept.open_at = moment.now.plus(span(self.config.next_arbitrage_opening_delay));
        }
    }

    // ---- opening and closing ----

    fn consider_opening(&mut self, view: &View<'_>, moment: &Moment<'_>, actions: &mut StrategyActions) {
        let amount = moment.on_grids(self.config.order_amount);
        let proposals =
            [Direction::BuySpot, Direction::SellSpot].map(|direction| self.propose(direction, moment, amount));
        let best = proposals.into_iter().flatten().max_by_key(|p| p.profit);
        let Some(best) = best else {
            self.kept.status = format!("closed; a book does not hold {amount}");
            return;
        };
        let least = self.config.min_opening_arbitrage_pct;
        let wait = self.kept.open_at.since(moment.now).0 / 1_000;
        self.kept.status = format!(
            "closed; opening would bring {} of {}",
            percent(best.profit),
            percent(least)
        );
        if wait > 0 {
            self.kept.status.push_str(&format!(", in {wait} s at the earliest"));
        }
        if moment.now < self.kept.open_at || best.profit < least {
            return;
        }
        if let Some(lack) = moment.lack(view, &self.config, &best, amount) {
            self.tell(LogLevel::Warn, format!("it is not opened: {lack}"), actions);
            self.kept.status = format!("closed; {lack}");
            return;
        }
        self.kept.told = None;
        self.go(best.direction.target(amount), &best, "opening", moment, actions);
    }

    fn consider_closing(&mut self, view: &View<'_>, moment: &Moment<'_>, actions: &mut StrategyActions) {
        let amount = Quantity(self.kept.target.0.abs());
        let way_back = Direction::of(self.kept.target).reverse();
        let Some(proposal) = self.propose(way_back, moment, amount) else {
            self.kept.status = format!("opened; a book does not hold {amount}");
            return;
        };
        let least = self.config.min_closing_arbitrage_pct;
        self.kept.status = format!(
            "opened: {}; closing would bring {} of {}",
            moment.in_words(self.kept.target),
            percent(proposal.profit),
            percent(least)
        );
        if proposal.profit < least {
            return;
        }
        if let Some(lack) = moment.lack_of_spot(view, &self.config, &proposal, Quantity::ZERO) {
            self.kept.status.push_str(&format!("; {lack}"));
            self.tell(LogLevel::Warn, format!("it is not closed: {lack}"), actions);
            return;
        }
        self.kept.told = None;
        self.go(Quantity::ZERO, &proposal, "closing", moment, actions);
    }

    fn go(
        &mut self,
        target: Quantity,
        proposal: &Proposal,
        what: &str,
        moment: &Moment<'_>,
        actions: &mut StrategyActions,
    ) {
        self.kept.target = target;
        self.kept.deadline = Some(moment.now.plus(span(self.config.residual_deadline)));
        self.kept.sent = [None; 2];
        let text = format!(
            "{what} brings {}: spot at {}, perpetual at {}",
            percent(proposal.profit),
            proposal.spot,
            proposal.perpetual
        );
        actions.log(LogLevel::Info, text);
        self.send_missing(moment, actions);
    }

    fn propose(&self, direction: Direction, moment: &Moment<'_>, amount: Quantity) -> Option<Proposal> {
        if !amount.is_positive() {
            return None;
        }
        propose(direction, moment.spot.book, moment.perpetual.book, amount)
    }

    /// An order of a leg was taken, or refused.
    fn ended(&mut self, tag: u32, end: End) {
        if let Some(refused) = self.kept.refused.get_mut(tag as usize) {
            *refused = match end {
                End::Taken => 0,
                End::Refused => refused.saturating_add(1),
            };
        }
    }

    // ---- telling ----

    /// Says a thing once for as long as it is so.
    fn tell(&mut self, level: LogLevel, text: String, actions: &mut StrategyActions) {
        if self.kept.told.as_ref() != Some(&text) {
            actions.log(level, text.clone());
            self.kept.told = Some(text);
        }
    }

    /// What both legs have is what was opened, whatever an earlier run had in mind.
    fn begin(&mut self, view: &View<'_>, actions: &mut StrategyActions) {
        self.kept.spot = view.find_market(&self.config.spot_venue, &self.config.spot_market);
        self.kept.perpetual = view.find_market(&self.config.perpetual_venue, &self.config.perpetual_market);
        let market = |id: Option<MarketId>| id.and_then(|id| view.market(id));
        if let (Some(spot), Some(perpetual)) = (market(self.kept.spot), market(self.kept.perpetual)) {
            self.kept.forced = forced_so_far(view, &perpetual);
            let (spot, perpetual) = (held(&spot, Place::Spot), held(&perpetual, Place::Perpetual));
            self.kept.target = matched(spot, perpetual);
            if !spot.is_zero() || !perpetual.is_zero() {
                let text = format!(
                    "an earlier run left {spot} in spot and {perpetual} in the perpetual: {} is kept open",
                    self.kept.target
                );
                actions.log(LogLevel::Info, text);
            }
        }
        self.decide(view, actions);
    }

    /// The exchange has closed some of the perpetual position: what the spot leg has beyond it is sold.
    fn forced(&mut self, changed: &PositionChanged, view: &View<'_>, actions: &mut StrategyActions) {
        let fill = &changed.fill;
        self.kept.forced += match fill.side {
            Side::Buy => fill.quantity,
            Side::Sell => -fill.quantity,
        };
        let spot = self.kept.spot.and_then(|id| view.market(id));
        let spot = spot.map_or(Quantity::ZERO, |market| held(&market, Place::Spot));
        self.kept.target = matched(spot, changed.quantity);
        let text = format!(
            "the exchange has closed {} of the perpetual leg ({}): {} is kept, and what spot has beyond it is undone",
            fill.quantity,
            fill.cause.as_str(),
            self.kept.target
        );
        actions.log(LogLevel::Error, text);
        self.decide(view, actions);
    }
}

/// What the exchange itself has traded of a position, by the fills that are remembered.
fn forced_so_far(view: &View<'_>, market: &MarketView<'_>) -> Quantity {
    let fills = view
        .venue(market.id().venue)
        .into_iter()
        .flat_map(|venue| venue.fills());
    let forced = fills.filter(|fill| fill.key.pair == *market.pair() && !fill.cause.is_order());
    forced
        .map(|fill| match fill.side {
            Side::Buy => fill.quantity,
            Side::Sell => -fill.quantity,
        })
        .sum()
}

/// Orders that rest where they should not, and those of an earlier run, go.
fn cancel_lingering(moment: &Moment<'_>, actions: &mut StrategyActions) {
    for order in moment.spot.live.iter().chain(&moment.perpetual.live) {
        if order.origin.has_lost_its_tag() || moment.now.since(order.sent).0 >= PATIENCE {
            actions.cancel(order.client_id().clone());
        }
    }
}

/// A fraction for people.
fn percent(fraction: Decimal) -> String {
    format!("{} %", (fraction * Decimal::ONE_HUNDRED).round_dp(4).normalize())
}

impl Strategy for SpotPerpetualArbitrage {
    fn id(&self) -> &StrategyId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "spot_perpetual_arbitrage"
    }

    fn needs(&self) -> Vec<MarketNeed> {
        vec![
            MarketNeed {
                venue: self.config.spot_venue.clone(),
                pair: self.config.spot_market.clone(),
            },
            MarketNeed {
                venue: self.config.perpetual_venue.clone(),
                pair: self.config.perpetual_market.clone(),
            },
        ]
    }

    fn market_fit(&self) -> MarketFit {
        MarketFit::Alone
    }

    fn input(&mut self, input: Input<'_>, view: &View<'_>, actions: &mut StrategyActions) {
        match input {
            Input::Started => self.begin(view, actions),
            Input::Resumed => {
                self.kept.rests = false;
                self.decide(view, actions);
            }
            Input::Tick(_) => self.decide(view, actions),
            Input::Fill(fill) => {
                self.ended(fill.tag, End::Taken);
                self.decide(view, actions);
            }
            Input::Order(change) if change.to.is_terminal() => {
                if change.to == OrderState::Rejected {
                    self.ended(change.tag, End::Refused);
                }
                self.decide(view, actions);
            }
            Input::Position(changed) if !changed.fill.cause.is_order() => self.forced(changed, view, actions),
            Input::Position(_) => self.decide(view, actions),
            Input::Paused(reason) => {
                self.kept.rests = true;
                for order in view.live_orders(&self.id) {
                    actions.cancel(order.client_id().clone());
                }
                self.kept.status = format!("resting: {}", view.pause_in_words(reason));
            }
            Input::Refused(refused) => {
                // Nothing was sent: it is wanted still, and tried again after a breath.
                self.ended(refused.tag, End::Refused);
                let text = format!("an order was not sent: {}", refused.reason);
                self.tell(LogLevel::Warn, text, actions);
            }
            Input::Stopping => self.kept.status = "stopping; what both legs hold is kept".to_owned(),
            Input::Order(_)
            | Input::Timer(_)
            | Input::Book(_)
            | Input::Trades { .. }
            | Input::Fee(_)
            | Input::Amended(_)
            | Input::Replaced(_)
            | Input::Rates(_)
            | Input::Funding(_)
            | Input::MarginCall(_)
            | Input::Forced(_)
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
