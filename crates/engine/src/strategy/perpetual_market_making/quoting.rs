//! What is done while nothing is held: both sides are quoted, as far as there is margin, where what is set at the exchange is as it is
//! configured.

use colibri_model::{
    Amount, Decimal, Leverage, OrderTerms, PositionMode, PositionSide, Price, Quantity, QuantityUnit, Side, TimeInForce,
};

use super::tags::Part;
use super::{Moment, PerpetualMarketMaking};
use crate::engine::LogLevel;
use crate::orders::InFlightOrder;
use crate::strategy::pure_market_making::{Inputs, Quote, order_type, proposal, reference_price, span};
use crate::strategy::{OrderRequest, StrategyActions};
use crate::view::View;

impl PerpetualMarketMaking {
    pub(super) fn quote(&mut self, view: &View<'_>, moment: &Moment<'_>, actions: &mut StrategyActions) {
        self.kept.stops.clear();
        // The way out of a position that is closed is none any more.
        let is_exit = |order: &&&InFlightOrder| {
            order.origin.has_lost_its_tag() || !matches!(Part::of(order.tag), Some(Part::Quote(..)))
        };
        let exits: Vec<_> = moment
            .live
            .iter()
            .filter(is_exit)
            .map(|o| o.client_id().clone())
            .collect();
        self.kept.doomed.extend(exits);
        if let Some(obstacle) = self.obstacle(moment) {
            let quotes = moment.live.iter().map(|o| o.client_id().clone());
            self.kept.doomed.extend(quotes);
            if self.kept.told.as_ref() != Some(&obstacle) {
                actions.log(LogLevel::Warn, format!("nothing is quoted: {obstacle}"));
                self.kept.told = Some(obstacle.clone());
            }
            self.kept.status = obstacle;
            return;
        }
        self.kept.told = None;
        let quotes = self.quotes(view, moment);
        self.doom_near(moment);
        self.refresh(moment, &quotes);
        let waits = moment.now < self.kept.create_at;
        if !waits && self.place_missing(moment, &quotes, actions) {
            self.kept.create_at = moment.now.plus(span(self.config.order_refresh_time));
            self.kept.refresh_at = self.kept.create_at;
        }
        let resting = moment.live.len() - self.kept.doomed.len();
        let wait = self.kept.create_at.since(moment.now).0 / 1000;
        self.kept.status = format!(
            "{} quotes wanted, {resting} resting, next round in {wait} s",
            quotes.len()
        );
    }

    /// Why nothing may be opened: what is set at the exchange is not what the configuration says.
    fn obstacle(&self, moment: &Moment<'_>) -> Option<String> {
        let market = &moment.market;
        let place = || format!("{} at {}", market.pair(), market.venue());
        if market.contract().is_none() {
            return Some(format!("{} is no contract", place()));
        }
        let wanted = self.config.position_mode;
        match market.position_mode() {
            None => return Some(format!("the exchange has not told the position mode of {}", place())),
            Some(mode) if mode != wanted => {
                return Some(format!(
                    "the position mode of {} is {}, and {} is configured",
                    place(),
                    mode.as_str(),
                    wanted.as_str()
                ));
            }
            Some(_) => {}
        }
        let sides = [PositionSide::Net, PositionSide::Long, PositionSide::Short];
        let told: Vec<Leverage> = sides.iter().filter_map(|side| market.leverage(*side)).collect();
        let wanted = Leverage::new(self.config.leverage).ok()?;
        match told.iter().find(|leverage| **leverage != wanted) {
            Some(other) => Some(format!(
                "the leverage of {} is {other}, and {wanted} is configured",
                place()
            )),
            None if told.is_empty() => Some(format!("the exchange has not told the leverage of {}", place())),
            None => None,
        }
    }

    fn inputs<'a>(&'a self, moment: &Moment<'a>) -> Inputs<'a> {
        let quotes_of = |side| {
            let of_side = moment.live.iter().filter(move |o| o.intent.side == side);
            of_side.map(|o| o.leaves()).sum()
        };
        let enough = Amount(Decimal::MAX);
        Inputs {
            config: &self.quoting,
            book: moment.book,
            rule: moment.rule,
            last_trade: moment.market.last_trade(),
            last_own_trade: moment.market.position().last_price,
            own_buys: quotes_of(Side::Buy),
            own_sells: quotes_of(Side::Sell),
            total_base: Amount::ZERO,
            total_quote: Amount::ZERO,
            // What there is margin for is seen to below: neither asset is paid with.
            budget_base: enough,
            budget_quote: enough,
            filled_balance: 0,
        }
    }

    /// What should be quoted, and there is margin for: each quote whole or not at all, the best first.
    fn quotes(&self, view: &View<'_>, moment: &Moment<'_>) -> Vec<Quote> {
        let quotes = proposal(&self.inputs(moment));
        let (Some(contract), Some(venue)) = (moment.market.contract(), view.venue(moment.market.id().venue)) else {
            return Vec::new();
        };
        let Some(free) = venue.margin_available(&contract.settle) else {
            return Vec::new();
        };
        let margin =
            |quantity: Quantity, price: Price| Amount(contract.notional(quantity, price).0 / self.config.leverage);
        // What resting quotes hold is there for those that come in their place.
        let held = moment
            .live
            .iter()
            .filter_map(|o| Some(margin(o.leaves(), o.intent.price?)));
        let mut left = free + held.sum();
        let mut fits = |quote: &Quote| {
            let needed = margin(quote.quantity, quote.price);
            let fits = needed <= left;
            if fits {
                left -= needed;
            }
            fits
        };
        quotes.into_iter().filter(|quote| fits(quote)).collect()
    }

    /// Dooms quotes that the market has come too near to.
    fn doom_near(&mut self, moment: &Moment<'_>) {
        let reference = reference_price(&self.inputs(moment));
        let (Some(least), Some(reference)) = (self.config.minimum_spread, reference) else {
            return;
        };
        for order in &moment.live {
            let Some(price) = order.intent.price else { continue };
            let distance = match order.intent.side {
                Side::Buy => reference.0 - price.0,
                Side::Sell => price.0 - reference.0,
            };
            if distance < least * reference.0 {
                self.kept.doomed.insert(order.client_id().clone());
            }
        }
    }

    /// When it is time: keeps the resting quotes where all are within the tolerance, else dooms them all.
    fn refresh(&mut self, moment: &Moment<'_>, quotes: &[Quote]) {
        if moment.now < self.kept.refresh_at {
            return;
        }
        let resting = moment.live.iter().filter(|o| !self.kept.doomed.contains(o.client_id()));
        let resting: Vec<&InFlightOrder> = resting.copied().collect();
        if resting.is_empty() {
            return;
        }
        let tolerance = self.config.order_refresh_tolerance_pct;
        let fits = |order: &InFlightOrder| {
            let wanted = quotes.iter().find(|q| Part::Quote(q.side, q.level).tag() == order.tag);
            let (Some(wanted), Some(price)) = (wanted, order.intent.price) else {
                return false;
            };
            (wanted.price.0 - price.0).abs() <= tolerance * price.0
        };
        self.kept.refresh_at = moment.now.plus(span(self.config.order_refresh_time));
        if resting.len() == quotes.len() && resting.iter().all(|order| fits(order)) {
            self.kept.create_at = self.kept.refresh_at;
        } else {
            self.kept.doomed.extend(resting.iter().map(|o| o.client_id().clone()));
            self.kept.create_at = self.kept.create_at.min(moment.now);
        }
    }

    /// Places quotes for levels without an order; whether every level has one now. A level whose old order may still be live
    /// waits for its end.
    fn place_missing(&self, moment: &Moment<'_>, quotes: &[Quote], actions: &mut StrategyActions) -> bool {
        let order_type = order_type(&self.quoting, moment.rule);
        let mut all = true;
        for quote in quotes {
            let part = Part::Quote(quote.side, quote.level);
            let occupies =
                |o: &&&InFlightOrder| o.tag == part.tag() || o.intent.side == quote.side && o.origin.has_lost_its_tag();
            if let Some(there) = moment.live.iter().find(occupies) {
                all &= !self.kept.doomed.contains(there.client_id());
                continue;
            }
            actions.create(OrderRequest {
                market: moment.market.id(),
                side: quote.side,
                order_type,
                time_in_force: Some(TimeInForce::Gtc),
                price: Some(quote.price),
                quantity: quote.quantity,
                quantity_unit: QuantityUnit::Base,
                terms: OrderTerms {
                    position_side: match (self.config.position_mode, quote.side) {
                        (PositionMode::OneWay, _) => PositionSide::Net,
                        (PositionMode::Hedge, Side::Buy) => PositionSide::Long,
                        (PositionMode::Hedge, Side::Sell) => PositionSide::Short,
                    },
                    ..OrderTerms::default()
                },
                tag: part.tag(),
            });
        }
        all
    }
}
