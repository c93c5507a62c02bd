//! The matching loop: an arriving order against the best resting one, until it is done or nothing fits.

use rust_decimal::Decimal;

use super::book::{Level, within};
use super::contract::{Settled, Settlement};
use super::engine::Engine;
use super::event::{Event, Execution, Liquidity, PreventedDetail};
use super::market::{MyTrade, PublicTrade};
use super::order::{OrderKind, OrderStatus, PreventedMatch, SelfTradePrevention};
use super::place::Fill;
use crate::identity::{MarketId, OrderId, TradeId};
use crate::time::Timestamp;

/// A pair of orders that meet.
#[derive(Clone, Copy)]
pub(super) struct Meeting {
    pub taker: OrderId,
    pub maker: OrderId,
    pub price: Decimal,
    pub quantity: Decimal,
}

impl Engine {
    /// Trades an accepted order against the book until it is done or nothing fits.
    pub(super) fn take_liquidity(
        &mut self,
        market: MarketId,
        taker: OrderId,
        now: Timestamp,
    ) -> (Vec<Fill>, Vec<PreventedMatch>) {
        let (mut fills, mut prevented) = (Vec::new(), Vec::new());
        while let Some((meeting, mode)) = self.next_meeting(market, taker) {
            match mode {
                SelfTradePrevention::None => fills.push(self.trade(market, meeting, now)),
                mode => prevented.push(self.prevent(market, meeting, mode, now)),
            }
        }
        (fills, prevented)
    }

    /// The best resting order that an open taker accepts, and the prevention mode that applies between the two.
    fn next_meeting(&self, market: MarketId, taker_id: OrderId) -> Option<(Meeting, SelfTradePrevention)> {
        let place = &self.markets[market.0];
        let taker = place.orders.get(&taker_id).filter(|order| order.status.is_open())?;
        let limit = (taker.kind != OrderKind::Market).then_some(taker.price);
        let (price, level) = place.book.best(taker.side.opposite())?;
        if !within(taker.side, limit, price) {
            return None;
        }
        let maker_id = *level.orders.front()?;
        let maker = place.orders.get(&maker_id)?;
        let mode = if self.trade_together(taker.account, maker.account) {
            taker.self_trade_prevention
        } else {
            SelfTradePrevention::None
        };
        let (takes, gives) = (self.reducible(market, taker), self.reducible(market, maker));
        let quantity = taker.remaining().min(maker.remaining()).min(takes).min(gives);
        if quantity.is_zero() {
            return None;
        }
        Some((
            Meeting {
                taker: taker_id,
                maker: maker_id,
                price,
                quantity,
            },
            mode,
        ))
    }

    fn trade(&mut self, market: MarketId, meeting: Meeting, now: Timestamp) -> Fill {
        let place = &mut self.markets[market.0];
        let id = place.issue_trade_id();
        let taker_side = place.orders.get(&meeting.taker).expect("they met").side;
        let public = PublicTrade {
            id,
            price: meeting.price,
            quantity: meeting.quantity,
            time: now,
            taker_side,
            taker: meeting.taker,
        };
        place.record_trade(public.clone());
        self.push_event(Event::Trade(market, public));
        let fill = self.fill(market, meeting.taker, Liquidity::Taker, id, meeting, now);
        self.fill(market, meeting.maker, Liquidity::Maker, id, meeting, now);
        self.end_idle_reducers(market, now);
        fill
    }

    /// Applies one side of a trade.
    pub(super) fn fill(
        &mut self,
        market: MarketId,
        id: OrderId,
        liquidity: Liquidity,
        trade: TradeId,
        meeting: Meeting,
        now: Timestamp,
    ) -> Fill {
        let Meeting { price, quantity, .. } = meeting;
        let before = self.markets[market.0].orders.get(&id).expect("they met").clone();
        let rate = self.fee_rate(&before, liquidity);
        let contract = matches!(self.markets[market.0].settings.settlement, Settlement::Contract(_));
        let settled = if contract {
            self.settle_contract(market, &before, price, quantity, rate, trade, now)
        } else {
            let (fee, fee_asset) = self.settle_fill(market, &before, price, quantity, rate);
            Settled {
                fee,
                fee_asset,
                realized: Decimal::ZERO,
            }
        };
        let Settled {
            fee: commission,
            fee_asset: commission_asset,
            realized,
        } = settled;

        let keeps_history = self.keeps_history(before.account);
        let place = &mut self.markets[market.0];
        let order = place.orders.get_mut(&id).expect("they met");
        order.executed += quantity;
        order.quote_executed += price * quantity;
        let done = order.remaining().is_zero();
        order.become_status(
            if done {
                OrderStatus::Filled
            } else {
                OrderStatus::PartiallyFilled
            },
            now,
        );
        if done {
            place.remove_open(id, before.account);
        }
        // What is deleveraged was never in the book.
        let in_book = |level: &Level| level.orders.contains(&id);
        let rests = liquidity == Liquidity::Maker && place.book.level(before.side, before.price).is_some_and(in_book);
        if rests {
            if done {
                place.book.remove(before.side, before.price, id, quantity);
            } else {
                place.book.reduce(before.side, before.price, quantity);
            }
            place.level_changed(before.side, before.price);
        }
        if keeps_history {
            place.my_trades.entry(before.account).or_default().push(MyTrade {
                id: trade,
                order: id,
                side: before.side,
                price,
                quantity,
                commission,
                commission_asset: commission_asset.clone(),
                time: now,
                liquidity,
                realized,
                position: before.terms.position,
            });
        }
        let fill = Fill {
            trade,
            price,
            quantity,
            commission,
            commission_asset: commission_asset.clone(),
        };
        let execution = Execution::Trade {
            trade,
            quantity,
            price,
            commission,
            commission_asset,
            liquidity,
            realized,
        };
        self.report(market, id, execution, now);
        if liquidity == Liquidity::Maker {
            self.forget_if_ended(market, id);
        }
        fill
    }

    /// Stops a trade of an account with itself. Source: Binance, Self Trade Prevention FAQ.
    fn prevent(
        &mut self,
        market: MarketId,
        meeting: Meeting,
        mode: SelfTradePrevention,
        now: Timestamp,
    ) -> PreventedMatch {
        let place = &self.markets[market.0];
        let taker = place.orders.get(&meeting.taker).expect("they met");
        let maker = place.orders.get(&meeting.maker).expect("they met");
        let (taker_prevented, maker_prevented) = match mode {
            SelfTradePrevention::ExpireTaker => (taker.remaining(), Decimal::ZERO),
            SelfTradePrevention::ExpireMaker => (Decimal::ZERO, maker.remaining()),
            SelfTradePrevention::ExpireBoth => (taker.remaining(), maker.remaining()),
            SelfTradePrevention::Decrement | SelfTradePrevention::Transfer | SelfTradePrevention::None => {
                (meeting.quantity, meeting.quantity)
            }
        };
        let record = PreventedMatch {
            id: place.issue_prevented_match_id(),
            taker: meeting.taker,
            taker_account: taker.account,
            maker: meeting.maker,
            mode,
            price: meeting.price,
            taker_prevented,
            maker_prevented,
            time: now,
        };
        self.markets[market.0].prevented.push(record.clone());
        self.lose(market, meeting.maker, meeting.taker, maker_prevented, meeting, &record);
        self.lose(market, meeting.taker, meeting.maker, taker_prevented, meeting, &record);
        self.forget_if_ended(market, meeting.maker);
        record
    }

    /// Takes quantity from an order by self-trade prevention; an order left with nothing ends.
    fn lose(
        &mut self,
        market: MarketId,
        id: OrderId,
        counter: OrderId,
        prevented: Decimal,
        meeting: Meeting,
        record: &PreventedMatch,
    ) {
        if prevented.is_zero() {
            return;
        }
        let order = self.markets[market.0].orders.get_mut(&id).expect("they met");
        order.prevented_match = Some(record.id);
        if prevented == order.remaining() {
            // Ending releases what is still locked, so it comes before the quantity is taken off.
            self.end_order(market, id, OrderStatus::ExpiredInMatch, record.time);
            self.markets[market.0].orders.get_mut(&id).expect("they met").prevented += prevented;
        } else {
            let before = order.locked_amount();
            order.prevented += prevented;
            order.updated = record.time;
            let released = before - order.locked_amount();
            let (account, side, price, kind) = (order.account, order.side, order.price, order.kind);
            if kind != OrderKind::Market {
                self.unlock_for(market, account, side, released);
            }
            let place = &mut self.markets[market.0];
            if place
                .book
                .level(side, price)
                .is_some_and(|level| level.orders.contains(&id))
            {
                place.book.reduce(side, price, prevented);
                place.level_changed(side, price);
            }
        }
        let detail = PreventedDetail {
            id: record.id,
            prevented,
            quantity: meeting.quantity,
            price: meeting.price,
            counter,
        };
        self.report(market, id, Execution::TradePrevention(detail), record.time);
    }
}
