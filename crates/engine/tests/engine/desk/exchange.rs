//! The scripted exchange: keeps orders, trades and balances, and answers as it is told to.

mod changes;
mod market;
mod perp;
mod triggers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use colibri_abi::{OrderOp, op_kind, order_side};
use colibri_engine::{EngineAction, HostNow};
use colibri_model::{
    Amount, Asset, Balance, ClientOrderId, Decimal, ExchangeOrderId, Fee, FeeRates, FillCause, InstrumentId, Liquidity,
    Millis, OpId, PositionSide, Price, Quantity, Side, TradeId, WallNs, from_mantissa,
};
use colibri_standard::{
    BalanceScope, BalancesEvent, Channel, Command, Event, FeesEvent, FillEvent, OrderEvent, OrderStatus, Outcome,
    Refusal, RejectReason, ReportSource, SessionRole, SessionStatus, Subscription, TradesProgress,
};

use super::{BOOK_RULE, BookMessage, Delivery};
pub use changes::{Amendment, Replacing};
use market::instruments;
pub use perp::Perp;
pub use triggers::{Naming, OWN_NAMES, TriggerBook};

type Answers = Vec<(u64, Delivery)>;

/// What becomes of the next placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Taken and confirmed.
    Taken,
    /// Taken; the answer is lost.
    TakenAnswerLost,
    /// Never arrived; the answer is a time-out.
    LostAnswerLost,
    /// Refused by the engine.
    Refused,
    /// Refused before it was sent.
    NotSent,
}

#[derive(Debug, Clone)]
pub struct Resting {
    pub client_id: ClientOrderId,
    pub exchange_id: ExchangeOrderId,
    pub side: Side,
    pub price: Price,
    pub quantity: Quantity,
    pub filled: Quantity,
    pub status: OrderStatus,
}

pub struct Exchange {
    /// What it has of contracts, where it is an exchange for them.
    pub perp: Option<Perp>,
    pub orders: BTreeMap<ClientOrderId, Resting>,
    pub trades: Vec<FillEvent>,
    pub balances: BTreeMap<Asset, Amount>,
    pub script: VecDeque<Placement>,
    /// What becomes of amends; where nothing stands, they are done and their answers are lost.
    pub amend_script: VecDeque<Amendment>,
    /// What becomes of replaces.
    pub replace_script: VecDeque<Replacing>,
    /// Whether the instrument's rule allows to replace in one request.
    pub replaces_at_once: bool,
    pub replaces: u64,
    /// How many operations each slice of orders had.
    pub slices: Vec<usize>,
    /// Cancels whose answer is lost although they are done.
    pub lose_cancel_answers: usize,
    /// Cancels that never arrive.
    pub lose_cancels: usize,
    /// Cancels that are not sent: the limits leave no room for them.
    pub block_cancels: usize,
    /// Whether questions about single orders are answered from a cache that knows none.
    pub denies_orders: bool,
    pub stream_is_up: bool,
    /// Which environment the bot's file says that it is.
    pub environment: String,
    /// Questions for the fills of the account whose answer breaks off after the first of them.
    pub break_account_fills: usize,
    /// Questions for fee rates that fail.
    pub lose_fees: usize,
    /// Orders that the bot's file says to be the bot's.
    pub adopt: BTreeSet<ExchangeOrderId>,
    /// Orders that the history tells as open, whatever they are.
    pub history_lags: BTreeSet<ClientOrderId>,
    /// Questions about orders since a time, and from when each asked.
    pub history_asked_since: Vec<Option<WallNs>>,
    pub placements: u64,
    /// The prices that amends carried.
    pub amended_prices: Vec<i64>,
    pub amends: u64,
    /// By how much later questions for the fills of the account are answered than others, milliseconds.
    pub slow_fills: u64,
    /// Questions for the fills of the account that are not answered.
    pub lose_account_fills: usize,
    /// Whether questions for fills are answered from a cache that knows none.
    pub hides_trades: bool,
    /// The asset that fees are paid in, where it is neither of the pair.
    pub fee_asset: Option<Asset>,
    /// From which trade on each of these questions asked.
    pub account_fills_asked_from: Vec<Option<TradeId>>,
    /// And from which time.
    pub account_fills_asked_since: Vec<Option<WallNs>>,
    pub open_order_queries: u64,
    pub status_queries: u64,
    pub snapshots: u64,
    pub book_id: u64,
    /// Whether requests for snapshots fail.
    pub book_is_silent: bool,
    /// The manifest's words on how books are sequenced.
    pub book_rule: &'static str,
    /// The triggers that wait, and what becomes of questions about them.
    pub waiting: TriggerBook,
    /// What the book's stream begins with, where it does.
    pub book_begins: Option<BookMessage>,
    pub instruments_asked: u64,
    /// Whether it tells no instrument where it is asked for all.
    pub lists_nothing: bool,
    /// How often the book was subscribed anew.
    pub book_subscribed: u64,
    /// Sessions that the engine had opened again, in order.
    pub reopened: Vec<SessionRole>,
    next_id: u64,
}

fn unknown() -> Outcome {
    Outcome::Unknown(Refusal::new(RejectReason::Deadline, "no answer"))
}

fn rejected(reason: RejectReason) -> Outcome {
    Outcome::Rejected(Refusal::new(reason, "refused"))
}

impl Exchange {
    pub fn new() -> Exchange {
        let balances = [("BTC", 100), ("USDT", 10_000)];
        Exchange {
            perp: None,
            orders: BTreeMap::new(),
            trades: Vec::new(),
            balances: balances.map(|(a, n)| (Asset::new(a), Amount(Decimal::from(n)))).into(),
            script: VecDeque::new(),
            amend_script: VecDeque::new(),
            replace_script: VecDeque::new(),
            replaces_at_once: false,
            replaces: 0,
            slices: Vec::new(),
            lose_cancel_answers: 0,
            lose_cancels: 0,
            block_cancels: 0,
            denies_orders: false,
            stream_is_up: true,
            environment: "live".to_owned(),
            break_account_fills: 0,
            lose_fees: 0,
            adopt: BTreeSet::new(),
            history_lags: BTreeSet::new(),
            history_asked_since: Vec::new(),
            placements: 0,
            amended_prices: Vec::new(),
            amends: 0,
            slow_fills: 0,
            lose_account_fills: 0,
            hides_trades: false,
            fee_asset: None,
            account_fills_asked_from: Vec::new(),
            account_fills_asked_since: Vec::new(),
            open_order_queries: 0,
            status_queries: 0,
            snapshots: 0,
            book_id: 100,
            book_is_silent: false,
            book_rule: BOOK_RULE,
            waiting: TriggerBook::default(),
            book_begins: None,
            instruments_asked: 0,
            lists_nothing: false,
            book_subscribed: 0,
            reopened: Vec::new(),
            next_id: 1,
        }
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub fn open(&self) -> impl Iterator<Item = &Resting> {
        self.orders
            .values()
            .filter(|o| matches!(o.status, OrderStatus::Open | OrderStatus::PartiallyFilled))
    }

    pub fn act(&mut self, action: EngineAction, now: HostNow) -> Answers {
        match action {
            EngineAction::Orders { ops, .. } => {
                self.slices.push(ops.len());
                ops.iter().flat_map(|op| self.order(op, now)).collect()
            }
            EngineAction::Command { op, command, .. } => self.command(op, &command, now),
            EngineAction::Subscribe {
                role, subscriptions, ..
            } => {
                let has_rates = |s: &Subscription| {
                    s.channels.contains(&Channel::MarkPrice) && s.channels.contains(&Channel::FundingRate)
                };
                assert!(subscriptions.iter().all(|s| has_rates(s) == self.perp.is_some()));
                let mut answers = vec![(5, Delivery::Session(role, SessionStatus::Live))];
                if role == SessionRole::Market {
                    answers.extend(self.book_begins.clone().map(|first| (6, Delivery::Message(first))));
                }
                answers
            }
            EngineAction::Reopen { role, .. } => self.reopen(role),
            EngineAction::Log { .. } => Vec::new(),
        }
    }

    fn order(&mut self, op: &OrderOp, now: HostNow) -> Answers {
        let id = match op.client_id.as_str() {
            "" => self.name_of(op.exchange_id.as_str()),
            name => ClientOrderId::new(name).unwrap(),
        };
        let op_id = OpId(op.grant.op);
        match op.kind {
            op_kind::PLACE => self.place(op, id, op_id, now),
            op_kind::CANCEL => self.cancel(&id, op_id, now),
            op_kind::AMEND => self.amend(op, &id, op_id, now),
            op_kind::REPLACE => self.replace(op, &id, op_id, now),
            other => panic!("no operation of kind {other} was expected"),
        }
    }

    fn name_of(&self, number: &str) -> ClientOrderId {
        let numbered = self.orders.values().find(|o| o.exchange_id.as_str() == number);
        numbered.unwrap().client_id.clone()
    }

    fn place(&mut self, op: &OrderOp, client_id: ClientOrderId, op_id: OpId, now: HostNow) -> Answers {
        self.placements += 1;
        let script = self.script.pop_front();
        match script {
            Some(Placement::LostAnswerLost) => return vec![(10_000, Delivery::Completed(op_id, unknown()))],
            Some(Placement::Refused) => {
                let outcome = rejected(RejectReason::WouldTakeLiquidity);
                return vec![(5, Delivery::Completed(op_id, outcome))];
            }
            Some(Placement::NotSent) => {
                let outcome = Outcome::NotSent(Refusal::new(RejectReason::NoRoom, "no room"));
                return vec![(5, Delivery::Completed(op_id, outcome))];
            }
            Some(Placement::Taken | Placement::TakenAnswerLost) | None => {}
        }
        self.rest(op, client_id.clone());
        if script == Some(Placement::TakenAnswerLost) {
            return vec![(10_000, Delivery::Completed(op_id, unknown()))];
        }
        let ack = Delivery::Event(self.order_event(&client_id, ReportSource::Ack, now));
        let mut answers = vec![(5, ack), (5, Delivery::Completed(op_id, Outcome::Done))];
        answers.extend(self.stream(&client_id, now, 3));
        answers
    }

    /// An order rests in the book from now on.
    fn rest(&mut self, op: &OrderOp, client_id: ClientOrderId) {
        if let Some(perp) = &mut self.perp {
            perp.placed.push(*op);
        }
        let exchange_id = ExchangeOrderId::new(&self.id().to_string()).unwrap();
        let resting = Resting {
            client_id: client_id.clone(),
            exchange_id,
            side: if op.side == order_side::BUY {
                Side::Buy
            } else {
                Side::Sell
            },
            price: Price(from_mantissa(op.price, op.price_exponent)),
            quantity: Quantity(from_mantissa(op.quantity, op.quantity_exponent)),
            filled: Quantity::ZERO,
            status: OrderStatus::Open,
        };
        self.orders.insert(client_id, resting);
    }

    fn cancel(&mut self, id: &ClientOrderId, op_id: OpId, now: HostNow) -> Answers {
        if self.block_cancels > 0 {
            self.block_cancels -= 1;
            let outcome = match self.block_cancels % 2 {
                0 => Outcome::NotSent(Refusal::new(RejectReason::NoRoom, "no room")),
                _ => Outcome::Throttled {
                    retry_after: Some(Millis(700)),
                    pool: None,
                    refusal: Refusal::new(RejectReason::NoRoom, "too many"),
                },
            };
            return vec![(5, Delivery::Completed(op_id, outcome))];
        }
        if self.lose_cancels > 0 {
            self.lose_cancels -= 1;
            return vec![(10_000, Delivery::Completed(op_id, unknown()))];
        }
        let open = self.open().any(|o| o.client_id == *id);
        if !open {
            return vec![(5, Delivery::Completed(op_id, rejected(RejectReason::OrderNotFound)))];
        }
        self.orders.get_mut(id).unwrap().status = OrderStatus::Cancelled;
        if self.lose_cancel_answers > 0 {
            self.lose_cancel_answers -= 1;
            return vec![(10_000, Delivery::Completed(op_id, unknown()))];
        }
        let ack = Delivery::Event(self.order_event(id, ReportSource::Ack, now));
        let mut answers = vec![(5, ack), (5, Delivery::Completed(op_id, Outcome::Done))];
        answers.extend(self.stream(id, now, 4));
        answers
    }

    /// The order and the balances on the user stream, where that is up.
    pub fn stream(&self, id: &ClientOrderId, now: HostNow, after: u64) -> Answers {
        if !self.stream_is_up {
            return Vec::new();
        }
        vec![
            (after, Delivery::Event(self.order_event(id, ReportSource::Stream, now))),
            (after, Delivery::Event(self.balances_event(ReportSource::Stream, now))),
        ]
    }

    pub fn order_event(&self, id: &ClientOrderId, source: ReportSource, now: HostNow) -> Event {
        let order = &self.orders[id];
        OrderEvent {
            instrument: Some(InstrumentId(1)),
            symbol: "BTCUSDT".to_owned(),
            client_id: Some(id.clone()),
            previous_client_id: None,
            exchange_id: Some(order.exchange_id.clone()),
            op: None,
            source,
            status: order.status.clone(),
            side: Some(order.side),
            order_type: None,
            time_in_force: None,
            price: Some(order.price),
            quantity: Some(order.quantity),
            filled: Some(order.filled),
            filled_quote: None,
            reason: None,
            exchange_time: Some(now.wall),
            terms: None,
            cause: FillCause::Order,
            trigger: self.waiting.told_with(&order.exchange_id),
        }
        .into()
    }

    pub fn balances_event(&self, source: ReportSource, now: HostNow) -> Event {
        let locked = |asset: &Asset| -> Amount {
            self.open()
                .filter(|_| self.perp.is_none())
                .map(|o| {
                    let leaves = Quantity(o.quantity.0 - o.filled.0);
                    match (o.side, asset.as_str()) {
                        (Side::Buy, "USDT") => o.price * leaves,
                        (Side::Sell, "BTC") => leaves.as_base_amount(),
                        _ => Amount::ZERO,
                    }
                })
                .sum()
        };
        let balances = self.balances.iter().map(|(asset, &total)| Balance {
            asset: asset.clone(),
            free: total - locked(asset),
            locked: locked(asset),
        });
        BalancesEvent {
            scope: BalanceScope::All,
            balances: balances.collect(),
            source,
            exchange_time: Some(now.wall),
        }
        .into()
    }

    /// A trade of one of the orders. Nothing is told of it yet.
    pub fn trade(&mut self, id: &ClientOrderId, quantity: &str, now: HostNow) -> FillEvent {
        if self.perp.is_some() {
            return self.trade_contracts(id, quantity, now);
        }
        let trade_id = TradeId::new(&self.id().to_string()).unwrap();
        let order = self.orders.get_mut(id).unwrap();
        let quantity = Quantity(quantity.parse().unwrap());
        order.filled += quantity;
        let whole = order.filled == order.quantity;
        order.status = if whole {
            OrderStatus::Filled
        } else {
            OrderStatus::PartiallyFilled
        };
        let notional = order.price * quantity;
        let (asset, fee) = match order.side {
            Side::Buy => ("BTC", Amount(quantity.0 * Decimal::new(1, 3))),
            Side::Sell => ("USDT", Amount(notional.0 * Decimal::new(1, 3))),
        };
        let asset = self.fee_asset.clone().unwrap_or_else(|| Asset::new(asset));
        let fill = FillEvent {
            instrument: Some(InstrumentId(1)),
            symbol: "BTCUSDT".to_owned(),
            trade_id,
            client_id: Some(id.clone()),
            exchange_id: Some(order.exchange_id.clone()),
            source: ReportSource::Stream,
            side: order.side,
            price: order.price,
            quantity,
            fee: Some(Fee {
                asset: asset.clone(),
                amount: fee,
            }),
            liquidity: Some(Liquidity::Maker),
            exchange_time: Some(now.wall),
            position_side: PositionSide::Net,
            cause: FillCause::Order,
            realized: None,
        };
        let signs = if order.side == Side::Buy { (1, -1) } else { (-1, 1) };
        self.balances.get_mut(&Asset::new("BTC")).unwrap().0 += quantity.0 * Decimal::from(signs.0);
        self.balances.get_mut(&Asset::new("USDT")).unwrap().0 += notional.0 * Decimal::from(signs.1);
        self.balances.entry(asset).or_default().0 -= fee.0;
        self.trades.push(fill.clone());
        fill
    }

    fn command(&mut self, op: OpId, command: &Command, now: HostNow) -> Answers {
        let mut answers = Vec::new();
        let mut outcome = Outcome::Done;
        match command {
            Command::Instruments(_) => {
                self.instruments_asked += 1;
                let mut told = instruments(self.replaces_at_once);
                told.instruments[0].contract = self.perp.as_ref().map(|_| Perp::contract());
                told.instruments.retain(|_| !self.lists_nothing);
                self.waiting.tell_rules(&mut told);
                answers.push(Delivery::Event(told.into()));
            }
            Command::UseInstruments(used) => assert_eq!(used.instruments[0].id, InstrumentId(1)),
            Command::Fees(_) if self.lose_fees > 0 => {
                self.lose_fees -= 1;
                outcome = unknown();
            }
            Command::Fees(_) => answers.push(Delivery::Event(
                FeesEvent {
                    instrument: InstrumentId(1),
                    rates: FeeRates {
                        maker: Decimal::new(1, 3),
                        taker: Decimal::new(1, 3),
                    },
                }
                .into(),
            )),
            Command::Balances(_) => answers.push(Delivery::Event(self.balances_event(ReportSource::Query, now))),
            Command::OpenOrders(_) => {
                self.open_order_queries += 1;
                let open: Vec<_> = self.open().map(|o| o.client_id.clone()).collect();
                let events = open.iter().map(|id| self.order_event(id, ReportSource::Query, now));
                answers.extend(events.map(Delivery::Event));
            }
            Command::OrdersSince(query) => {
                self.history_asked_since.push(query.since);
                let all: Vec<_> = self.orders.keys().cloned().collect();
                for id in &all {
                    let mut event = self.order_event(id, ReportSource::Query, now);
                    if let Event::Order(order) = &mut event
                        && self.history_lags.contains(id)
                    {
                        order.status = OrderStatus::Open;
                    }
                    answers.push(Delivery::Event(event));
                }
            }
            Command::OrderStatus(query) => {
                self.status_queries += 1;
                let by_number = self
                    .orders
                    .values()
                    .find(|o| Some(&o.exchange_id) == query.exchange_id.as_ref());
                let by_number = by_number.map(|o| &o.client_id);
                let known = |id: &&ClientOrderId| self.orders.contains_key(*id) && !self.denies_orders;
                match by_number.or(query.client_id.as_ref()).filter(known) {
                    Some(id) => answers.push(Delivery::Event(self.order_event(id, ReportSource::Query, now))),
                    None => outcome = rejected(RejectReason::OrderNotFound),
                }
            }
            Command::TradesSince(query) => {
                if query.exchange_id.is_none() {
                    self.account_fills_asked_from.push(query.from_id.clone());
                    self.account_fills_asked_since.push(query.since);
                    if self.lose_account_fills > 0 {
                        self.lose_account_fills -= 1;
                        return vec![(50, Delivery::Completed(op, unknown()))];
                    }
                }
                let number = |id: &TradeId| id.as_str().parse::<u64>().unwrap();
                let from = query.from_id.as_ref().map_or(0, number);
                let fills = self
                    .trades
                    .iter()
                    .filter(|t| number(&t.trade_id) >= from && !self.hides_trades);
                let fills = fills.filter(|t| query.exchange_id.is_none() || query.exchange_id == t.exchange_id);
                let fills = fills.filter(|t| query.since.is_none_or(|s| t.exchange_time.unwrap_or(WallNs(0)) >= s));
                let mut told: Vec<FillEvent> = fills
                    .map(|t| FillEvent {
                        source: ReportSource::Query,
                        client_id: None,
                        ..t.clone()
                    })
                    .collect();
                if query.exchange_id.is_none() && self.break_account_fills > 0 && told.len() > 1 {
                    // A connector that tells how far it is before it is done.
                    self.break_account_fills -= 1;
                    told.truncate(1);
                    outcome = unknown();
                }
                let progress = TradesProgress {
                    instrument: InstrumentId(1),
                    newest: told.last().map(|t| t.trade_id.clone()),
                    count: u32::try_from(told.len()).unwrap(),
                };
                answers.extend(told.into_iter().map(|t| Delivery::Event(t.into())));
                answers.push(Delivery::Event(progress.into()));
            }
            Command::BookSnapshot(_) if self.book_is_silent => outcome = unknown(),
            Command::BookSnapshot(_) => {
                self.snapshots += 1;
                answers.push(self.snapshot());
            }
            Command::UpdateSession(update) => {
                assert_eq!(update.session, 1);
                assert_eq!(update.add, update.remove, "left and entered again");
                assert_eq!(update.add[0].channels, [Channel::Book]);
                self.book_subscribed += 1;
                answers.extend(self.book_begins.clone().map(Delivery::Message));
            }
            other => match self.perp.as_mut().and_then(|perp| perp.command(other, now)) {
                Some((told, end)) => {
                    answers.extend(told.into_iter().map(Delivery::Event));
                    outcome = end;
                }
                None => return self.trigger_command(op, other, now),
            },
        }
        answers.push(Delivery::Completed(op, outcome));
        let slow = match command {
            Command::TradesSince(query) if query.exchange_id.is_none() => self.slow_fills,
            _ => 0,
        };
        answers.into_iter().map(|delivery| (5 + slow, delivery)).collect()
    }

    /// The host closes a session and opens it again, as its driver would: it tells again, and not what it missed.
    fn reopen(&mut self, role: SessionRole) -> Answers {
        self.reopened.push(role);
        self.stream_is_up |= role == SessionRole::User;
        vec![
            (0, Delivery::Session(role, SessionStatus::Down)),
            (500, Delivery::Session(role, SessionStatus::Subscribing)),
            (600, Delivery::Session(role, SessionStatus::Live)),
        ]
    }

    pub fn session(&mut self, role: SessionRole, status: SessionStatus) -> Answers {
        if role == SessionRole::User {
            self.stream_is_up = status == SessionStatus::Live;
        }
        vec![(0, Delivery::Session(role, status))]
    }
}
