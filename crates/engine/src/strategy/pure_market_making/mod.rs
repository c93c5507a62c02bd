//! Pure market making: quotes on both sides of a reference price, renewed in a rhythm.
//!
//! What lives here: one strategy. Its behaviour follows Hummingbot's of the same name, with two differences: a level whose
//! old order is still being cancelled, or whose outcome is unknown, waits alone while the others are quoted; and a quote
//! is renewed as soon as the cancel of the old one is confirmed, not a tick later.

mod config;
mod inventory_skew;
mod proposal;

use std::collections::BTreeSet;

use colibri_model::{
    Amount, ClientOrderId, MonoNs, OrderState, OrderTerms, OrderType, Quantity, QuantityUnit, Side, SnapshotUnusable,
    StrategyId, TimeInForce,
};
use serde::{Deserialize, Serialize};

use crate::engine::MarketId;
use crate::orders::InFlightOrder;
use crate::strategy::{
    Input, MarketFit, MarketNeed, OrderRequest, OwnOrderChange, RequestEnd, Strategy, StrategyActions,
};
use crate::view::{MarketView, View};

pub use config::{PriceType, PureMarketMakingConfig, Refresh};

pub(in crate::strategy) use config::span;
pub(in crate::strategy) use proposal::{Inputs, Quote, order_type, proposal, reference_price};

/// Pure market making in one market.
#[derive(Debug)]
pub struct PureMarketMaking {
    id: StrategyId,
    config: PureMarketMakingConfig,
    market: Option<MarketId>,
    /// From when on missing quotes are placed.
    create_at: MonoNs,
    /// From when on resting quotes are compared with what should be quoted.
    refresh_at: MonoNs,
    /// Orders that are to be gone.
    doomed: BTreeSet<ClientOrderId>,
    /// Wholly filled buys less wholly filled sells, for ping-pong.
    filled_balance: i64,
    status: String,
}

/// What changes of a strategy while it runs, in a snapshot.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    market: Option<MarketId>,
    create_at: MonoNs,
    refresh_at: MonoNs,
    doomed: BTreeSet<ClientOrderId>,
    filled_balance: i64,
    status: String,
}

/// Whether every level has its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placed {
    All,
    /// Some wait for the end of the order that was there before.
    SomeWait,
}

/// A level as the number that its orders carry.
const fn tag(side: Side, level: u32) -> u32 {
    level * 2
        + match side {
            Side::Buy => 0,
            Side::Sell => 1,
        }
}

impl PureMarketMaking {
    /// A strategy that has not started.
    #[must_use]
    pub fn new(id: StrategyId, config: PureMarketMakingConfig) -> PureMarketMaking {
        PureMarketMaking {
            id,
            config,
            market: None,
            create_at: MonoNs(0),
            refresh_at: MonoNs(0),
            doomed: BTreeSet::new(),
            filled_balance: 0,
            status: "waiting for its market".to_owned(),
        }
    }

    fn quotes(&self, view: &View<'_>, market: &MarketView<'_>) -> Option<Vec<Quote>> {
        let inputs = self.inputs(view, market)?;
        Some(proposal(&inputs))
    }

    fn inputs<'a>(&'a self, view: &View<'a>, market: &MarketView<'a>) -> Option<Inputs<'a>> {
        let (book, instrument) = (market.book()?, market.instrument()?);
        let venue = view.venue(market.id().venue)?;
        let pair = market.pair();
        let (mut budget_base, mut budget_quote) = (venue.available(&pair.base), venue.available(&pair.quote));
        let (mut own_buys, mut own_sells) = (Quantity::ZERO, Quantity::ZERO);
        for order in view.live_orders(&self.id) {
            match order.intent.side {
                Side::Buy => {
                    budget_quote += venue.held_by(order);
                    own_buys += order.leaves();
                }
                Side::Sell => {
                    budget_base += venue.held_by(order);
                    own_sells += order.leaves();
                }
            }
        }
        Some(Inputs {
            config: &self.config,
            book,
            rule: &instrument.rule,
            last_trade: market.last_trade(),
            last_own_trade: market.position().last_price,
            own_buys,
            own_sells,
            total_base: venue.total(&pair.base),
            total_quote: venue.total(&pair.quote),
            budget_base,
            budget_quote,
            filled_balance: self.filled_balance,
        })
    }

    fn next_cycle(&mut self, now: MonoNs) {
        self.create_at = now.plus(span(self.config.order_refresh_time));
        self.refresh_at = self.create_at;
    }

    /// Everything that a tick does; done as well when something that was waited for has happened.
    fn quote(&mut self, view: &View<'_>, actions: &mut StrategyActions) {
        let now = view.now().mono;
        let Some(market) = self.market.and_then(|id| view.market(id)) else {
            return;
        };
        let live: Vec<&InFlightOrder> = view.live_orders(&self.id).collect();
        self.doomed.retain(|id| live.iter().any(|o| o.client_id() == id));
        let Some(quotes) = self.quotes(view, &market) else {
            self.status = "no fresh book: nothing is changed".to_owned();
            return;
        };
        self.doom_old(&live, now);
        self.doom_near(&live, view, &market);
        self.refresh(&live, &quotes, &market, now, actions);
        for id in &self.doomed {
            actions.cancel(id.clone());
        }
        if now >= self.create_at && self.place_missing(&live, &quotes, view, &market, actions) == Placed::All {
            self.next_cycle(now);
        }
        let resting = live.len() - self.doomed.len();
        let wait = self.create_at.since(now).0 / 1000;
        self.status = format!(
            "{} quotes wanted, {resting} resting, next round in {wait} s",
            quotes.len()
        );
    }

    fn doom_old(&mut self, live: &[&InFlightOrder], now: MonoNs) {
        let most = span(self.config.max_order_age);
        for order in live.iter().filter(|o| now.since(o.sent) > most) {
            if self.doomed.insert(order.client_id().clone()) {
                self.create_at = self.create_at.min(now);
            }
        }
    }

    /// Dooms quotes that the market has come too near to.
    fn doom_near(&mut self, live: &[&InFlightOrder], view: &View<'_>, market: &MarketView<'_>) {
        let Some(least) = self.config.minimum_spread else {
            return;
        };
        let Some(reference) = self.inputs(view, market).and_then(|i| reference_price(&i)) else {
            return;
        };
        for order in live {
            let Some(price) = order.intent.price else { continue };
            let distance = match order.intent.side {
                Side::Buy => reference.0 - price.0,
                Side::Sell => price.0 - reference.0,
            };
            if distance < least * reference.0 {
                self.doomed.insert(order.client_id().clone());
            }
        }
    }

    /// When it is time: keeps the resting quotes where all are within the tolerance, else dooms them all, or replaces those
    /// that are not.
    fn refresh(
        &mut self,
        live: &[&InFlightOrder],
        quotes: &[Quote],
        market: &MarketView<'_>,
        now: MonoNs,
        actions: &mut StrategyActions,
    ) {
        if now < self.refresh_at {
            return;
        }
        let resting: Vec<_> = live.iter().filter(|o| !self.doomed.contains(o.client_id())).collect();
        if resting.is_empty() {
            return;
        }
        let tolerance = self.config.order_refresh_tolerance_pct;
        let fits = |order: &InFlightOrder| {
            let wanted = quotes.iter().find(|q| tag(q.side, q.level) == order.tag);
            let (Some(wanted), Some(price)) = (wanted, order.intent.price) else {
                return false;
            };
            (wanted.price.0 - price.0).abs() <= tolerance * price.0
        };
        if resting.len() == quotes.len() && resting.iter().all(|o| fits(o)) {
            self.next_cycle(now);
        } else {
            match self.config.refresh {
                Refresh::Cancel => self.doomed.extend(resting.iter().map(|o| o.client_id().clone())),
                Refresh::Replace => {
                    for order in resting.iter().filter(|o| !fits(o)) {
                        match self.successor(order, quotes, market) {
                            Some(by) => actions.replace(order.client_id().clone(), by),
                            None => {
                                self.doomed.insert(order.client_id().clone());
                            }
                        }
                    }
                }
            }
            self.create_at = self.create_at.min(now);
            // What is placed while others still wait is not compared again before its time.
            self.refresh_at = now.plus(span(self.config.order_refresh_time));
        }
    }

    /// What should stand in a quote's place; `None` where its level is not quoted, or is not known.
    fn successor(&self, order: &InFlightOrder, quotes: &[Quote], market: &MarketView<'_>) -> Option<OrderRequest> {
        let rule = &market.instrument()?.rule;
        let known = !order.origin.has_lost_its_tag();
        let quote = quotes.iter().find(|q| known && tag(q.side, q.level) == order.tag)?;
        Some(self.request(quote, market, order_type(&self.config, rule)))
    }

    fn request(&self, quote: &Quote, market: &MarketView<'_>, order_type: OrderType) -> OrderRequest {
        OrderRequest {
            market: market.id(),
            side: quote.side,
            order_type,
            time_in_force: Some(TimeInForce::Gtc),
            price: Some(quote.price),
            quantity: quote.quantity,
            quantity_unit: QuantityUnit::Base,
            terms: OrderTerms::default(),
            tag: tag(quote.side, quote.level),
        }
    }

    /// A quote was not replaced: it is cancelled, and its level quoted anew once it is gone.
    fn not_replaced(&mut self, id: &ClientOrderId, now: MonoNs) {
        self.doomed.insert(id.clone());
        self.create_at = self.create_at.min(now);
    }

    /// Places quotes for levels without an order. A level whose old order may still be live waits; so does a quote whose
    /// money is still held by one.
    fn place_missing(
        &self,
        live: &[&InFlightOrder],
        quotes: &[Quote],
        view: &View<'_>,
        market: &MarketView<'_>,
        actions: &mut StrategyActions,
    ) -> Placed {
        let (Some(venue), Some(instrument)) = (view.venue(market.id().venue), market.instrument()) else {
            return Placed::SomeWait;
        };
        let pair = market.pair();
        let (mut base, mut quote_asset) = (venue.available(&pair.base), venue.available(&pair.quote));
        let order_type = order_type(&self.config, &instrument.rule);
        let mut placed = Placed::All;
        for quote in quotes {
            let tag = tag(quote.side, quote.level);
            let occupies = |o: &&&InFlightOrder| {
                // One of an earlier run does not know its level any more: it may be any of its side.
                o.intent.side == quote.side && (o.tag == tag || o.origin.has_lost_its_tag())
            };
            if let Some(there) = live.iter().find(occupies) {
                if self.doomed.contains(there.client_id()) {
                    placed = Placed::SomeWait;
                }
                continue;
            }
            let (left, cost): (&mut Amount, Amount) = match quote.side {
                Side::Buy => (&mut quote_asset, quote.price * quote.quantity),
                Side::Sell => (&mut base, quote.quantity.as_base_amount()),
            };
            if cost > *left {
                // What a doomed order holds is free once it is gone; else the budget has shrunk in the meantime.
                if !self.doomed.is_empty() {
                    placed = Placed::SomeWait;
                }
                continue;
            }
            *left -= cost;
            actions.create(self.request(quote, market, order_type));
        }
        placed
    }

    fn order_changed(&mut self, change: &OwnOrderChange, view: &View<'_>, actions: &mut StrategyActions) {
        let now = view.now().mono;
        if change.to == OrderState::Filled {
            self.filled_balance += match change.side {
                Side::Buy => 1,
                Side::Sell => -1,
            };
            self.create_at = now.plus(span(self.config.filled_order_delay));
            self.refresh_at = self.refresh_at.min(self.create_at);
        } else if change.to.is_terminal() && self.doomed.remove(&change.client_id) && now >= self.create_at {
            self.quote(view, actions);
        }
    }

    fn doom_all(&mut self, view: &View<'_>, actions: &mut StrategyActions) {
        for order in view.live_orders(&self.id) {
            self.doomed.insert(order.client_id().clone());
            actions.cancel(order.client_id().clone());
        }
    }
}

impl Strategy for PureMarketMaking {
    fn id(&self) -> &StrategyId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "pure_market_making"
    }

    fn needs(&self) -> Vec<MarketNeed> {
        vec![MarketNeed {
            venue: self.config.venue.clone(),
            pair: self.config.market.clone(),
        }]
    }

    fn market_fit(&self) -> MarketFit {
        MarketFit::Spot {
            of_contracts: "perpetual_market_making",
        }
    }

    fn input(&mut self, input: Input<'_>, view: &View<'_>, actions: &mut StrategyActions) {
        let now = view.now().mono;
        match input {
            Input::Started => {
                self.market = view.find_market(&self.config.venue, &self.config.market);
                // What an earlier run left does not know its level any more.
                let left = view.live_orders(&self.id).filter(|o| o.origin.has_lost_its_tag());
                self.doomed.extend(left.map(|o| o.client_id().clone()));
                (self.create_at, self.refresh_at) = (now, now);
                self.quote(view, actions);
            }
            Input::Resumed => {
                (self.create_at, self.refresh_at) = (now, now);
                self.quote(view, actions);
            }
            Input::Tick(_) => self.quote(view, actions),
            Input::Order(change) => self.order_changed(change, view, actions),
            Input::Paused(reason) => {
                // Quotes that cannot be watched are not left in the market.
                self.doom_all(view, actions);
                self.status = format!("resting: {}", view.pause_in_words(reason));
            }
            Input::Stopping => {
                self.doom_all(view, actions);
                self.status = "stopping".to_owned();
            }
            Input::Replaced(told) if matches!(told.cancel, RequestEnd::Refused(_)) => {
                self.not_replaced(&told.replaced, now);
            }
            Input::Refused(told) => {
                if let Some(id) = &told.client_id {
                    self.not_replaced(id, now);
                }
            }
            Input::Timer(_)
            | Input::Book(_)
            | Input::Trades { .. }
            | Input::Fill(_)
            | Input::Fee(_)
            | Input::Amended(_)
            | Input::Replaced(_)
            | Input::Trigger(_)
            | Input::TriggerRefused(_)
            | Input::Balances(_)
            | Input::Position(_)
            | Input::Rates(_)
            | Input::Funding(_)
            | Input::MarginCall(_)
            | Input::Forced(_)
            | Input::Settings(_) => {}
        }
    }

    fn status(&self) -> String {
        self.status.clone()
    }
    fn snapshot(&self) -> Option<serde_json::Value> {
        serde_json::to_value(Kept {
            market: self.market,
            create_at: self.create_at,
            refresh_at: self.refresh_at,
            doomed: self.doomed.clone(),
            filled_balance: self.filled_balance,
            status: self.status.clone(),
        })
        .ok()
    }
    fn restore(&mut self, state: serde_json::Value) -> Result<(), SnapshotUnusable> {
        let kept: Kept = serde_json::from_value(state).map_err(SnapshotUnusable::new)?;
        self.market = kept.market;
        self.create_at = kept.create_at;
        self.refresh_at = kept.refresh_at;
        self.doomed = kept.doomed;
        self.filled_balance = kept.filled_balance;
        self.status = kept.status;
        Ok(())
    }
}
