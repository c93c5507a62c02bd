//! Contracts at the scripted exchange: positions, settings, margin, funding.

use colibri_abi::OrderOp;
use colibri_engine::{ContractChoices, HostNow};
use colibri_model::{
    AccountMargin, Amount, Asset, ClientOrderId, CollateralMode, Contract, Decimal, ExchangeOrderId, Fee, FillCause,
    FundingPaymentId, FundingRate, InstrumentId, Leverage, Liquidity, MarginMode, MarkPrice, Millis, PositionMode,
    PositionSide, Positions, Price, Quantity, Side, StatedPosition, TradeId, WallNs,
};
use colibri_standard::{
    Command, Event, FillEvent, FundingPaymentEvent, FundingProgress, FundingRateEvent, InstrumentSettings, MarginEvent,
    MarkPriceEvent, OrderStatus, Outcome, PositionReport, PositionScope, PositionsEvent, Refusal, RejectReason,
    ReportSource, SettingsEvent,
};

use super::{Exchange, rejected, unknown};
use crate::desk::MANIFEST;

/// What it has of contracts.
pub struct Perp {
    /// What its capabilities are beside those of spot.
    pub capabilities: Vec<&'static str>,
    /// The manifest's table of triggers, where it has any.
    pub triggers: &'static str,
    /// What the bot's file chooses.
    pub choices: ContractChoices,
    /// What is held, by every trade.
    pub positions: Positions,
    /// By how much what it states of the net position is wrong.
    pub misstated: Quantity,
    pub mark: Price,
    /// Whether questions for mark price and rate are answered with nothing.
    pub tells_no_mark: bool,
    pub liquidation: Option<Price>,
    pub position_mode: PositionMode,
    pub margin_mode: MarginMode,
    pub collateral_mode: CollateralMode,
    pub leverage: Decimal,
    /// Commands that set something, in order.
    pub set: Vec<Command>,
    /// Why it refuses to set anything.
    pub refuses: Option<RejectReason>,
    /// Whether what it is told to set stays as it is although it says that it is done.
    pub forgets: bool,
    /// Settings that are done and whose answers are lost.
    pub lose_set_answers: usize,
    pub settings_asked: u64,
    pub positions_asked: u64,
    pub margin_asked: u64,
    /// What is free of margin, and what answers for positions.
    pub available: Decimal,
    pub equity: Decimal,
    pub rate: Decimal,
    pub next_funding: Option<WallNs>,
    /// How far the clock by which rates are told is behind this machine's, nanoseconds.
    pub behind: i64,
    pub payments: Vec<FundingPaymentEvent>,
    /// From when each question for payments asked.
    pub funding_asked_since: Vec<WallNs>,
    /// Questions for payments that are not answered.
    pub lose_funding: usize,
    /// Every placement that arrived.
    pub placed: Vec<OrderOp>,
    next_payment: u64,
}

impl Perp {
    pub fn new() -> Perp {
        Perp {
            capabilities: vec![
                "reduce_only",
                "close_position",
                "set_leverage",
                "set_margin_mode",
                "set_position_mode",
                "hedge_mode",
                "good_till_date",
                "funding_payments",
            ],
            triggers: "",
            choices: ContractChoices::default(),
            positions: Positions::default(),
            misstated: Quantity::ZERO,
            mark: Price(Decimal::from(100)),
            tells_no_mark: false,
            liquidation: None,
            position_mode: PositionMode::OneWay,
            margin_mode: MarginMode::Cross,
            collateral_mode: CollateralMode::SingleAsset,
            leverage: Decimal::from(20),
            set: Vec::new(),
            refuses: None,
            forgets: false,
            lose_set_answers: 0,
            settings_asked: 0,
            positions_asked: 0,
            margin_asked: 0,
            available: Decimal::from(10_000),
            equity: Decimal::from(10_000),
            rate: Decimal::new(1, 4),
            next_funding: None,
            behind: 0,
            payments: Vec::new(),
            funding_asked_since: Vec::new(),
            lose_funding: 0,
            placed: Vec::new(),
            next_payment: 1,
        }
    }

    pub fn contract() -> Contract {
        Contract::linear(Asset::new("USDT"))
    }

    pub fn manifest(&self) -> String {
        let more: Vec<String> = self.capabilities.iter().map(|c| format!("\"{c}\"")).collect();
        let has = |what: &&str| self.capabilities.contains(what);
        let hedge = if has(&"hedge_mode") { ", \"hedge\"" } else { "" };
        let dated = if has(&"good_till_date") {
            "good_till = { least_ms = 600000, precision_ms = 1000 }"
        } else {
            ""
        };
        let perpetual = format!(
            "[connector.perpetual]\nposition_modes = [\"one_way\"{hedge}]\nposition_mode_scope = \"account\"\nmargin_modes = \
             [\"cross\", \"isolated\"]\nmargin_mode_scope = \"instrument\"\nleverage_scope = \"instrument\"\n{dated}\n{}",
            self.triggers
        );
        let spot = "\"order_history\"]";
        let manifest = MANIFEST.replace(spot, &format!("\"order_history\", {}]", more.join(", ")));
        manifest.replace("standard = \"spot\"", "standard = \"perp\"") + &perpetual
    }

    fn stated(&self, side: PositionSide) -> StatedPosition {
        let position = self.positions.of(side);
        let off = if side.is_net() { self.misstated } else { Quantity::ZERO };
        StatedPosition {
            side,
            quantity: position.quantity + off,
            entry_price: position.entry_price(&Perp::contract()),
            mark_price: Some(self.mark),
            liquidation_price: self.liquidation,
            ..StatedPosition::default()
        }
    }

    pub fn positions_event(&self, source: ReportSource, now: HostNow) -> Event {
        let sides: &[PositionSide] = match self.position_mode {
            PositionMode::OneWay => &[PositionSide::Net],
            PositionMode::Hedge => &[PositionSide::Long, PositionSide::Short],
        };
        let of = |side: &PositionSide| PositionReport {
            instrument: Some(InstrumentId(1)),
            symbol: "BTCUSDT".to_owned(),
            position: self.stated(*side),
        };
        PositionsEvent {
            scope: match source {
                ReportSource::Query => PositionScope::All,
                _ => PositionScope::Changed,
            },
            instrument: None,
            positions: sides
                .iter()
                .map(of)
                .filter(|p| source != ReportSource::Query || !p.position.quantity.is_zero())
                .collect(),
            source,
            exchange_time: Some(now.wall),
        }
        .into()
    }

    pub fn settings_event(&self, source: ReportSource, now: HostNow) -> Event {
        SettingsEvent {
            position_mode: Some(self.position_mode),
            margin_mode: None,
            collateral_mode: Some(self.collateral_mode),
            instruments: vec![InstrumentSettings {
                instrument: Some(InstrumentId(1)),
                symbol: "BTCUSDT".to_owned(),
                position_side: PositionSide::Net,
                position_mode: None,
                margin_mode: Some(self.margin_mode),
                leverage: Some(Leverage::new(self.leverage).unwrap()),
            }],
            source,
            exchange_time: Some(now.wall),
        }
        .into()
    }

    fn margin_event(&self, now: HostNow) -> Event {
        MarginEvent {
            margin: AccountMargin {
                asset: Asset::new("USDT"),
                equity: Some(Amount(self.equity)),
                available: Some(Amount(self.available)),
                initial: None,
                maintenance: None,
                unrealized: None,
                collateral_mode: None,
                collateral: Vec::new(),
            },
            source: ReportSource::Query,
            exchange_time: Some(now.wall),
        }
        .into()
    }

    pub fn mark_event(&self, now: HostNow) -> Event {
        MarkPriceEvent {
            instrument: InstrumentId(1),
            price: MarkPrice {
                mark: self.mark,
                index: None,
            },
            exchange_time: Some(now.wall),
        }
        .into()
    }

    pub fn rate_event(&self, now: HostNow) -> Event {
        FundingRateEvent {
            instrument: InstrumentId(1),
            funding: FundingRate {
                rate: self.rate,
                next_time: self.next_funding,
                interval: Some(Millis(28_800_000)),
            },
            exchange_time: Some(WallNs(now.wall.0 - self.behind)),
        }
        .into()
    }

    fn apply(&mut self, command: &Command) {
        match command {
            Command::SetLeverage(set) => self.leverage = set.leverage.value(),
            Command::SetMarginMode(set) => self.margin_mode = set.mode,
            Command::SetPositionMode(set) => self.position_mode = set.mode,
            Command::SetCollateralMode(set) => self.collateral_mode = set.mode,
            other => panic!("{other:?} sets nothing"),
        }
    }

    pub fn command(&mut self, command: &Command, now: HostNow) -> Option<(Vec<Event>, Outcome)> {
        let told = match command {
            Command::Settings(_) => {
                self.settings_asked += 1;
                vec![self.settings_event(ReportSource::Query, now)]
            }
            Command::SetLeverage(_)
            | Command::SetMarginMode(_)
            | Command::SetPositionMode(_)
            | Command::SetCollateralMode(_) => {
                self.set.push(command.clone());
                if let Some(reason) = &self.refuses {
                    return Some((Vec::new(), Outcome::Rejected(Refusal::new(reason.clone(), "refused"))));
                }
                if !self.forgets {
                    self.apply(command);
                }
                if self.lose_set_answers > 0 {
                    self.lose_set_answers -= 1;
                    return Some((Vec::new(), unknown()));
                }
                Vec::new()
            }
            Command::Positions(_) => {
                self.positions_asked += 1;
                vec![self.positions_event(ReportSource::Query, now)]
            }
            Command::Margin(_) => {
                self.margin_asked += 1;
                vec![self.margin_event(now)]
            }
            Command::FundingRate(_) if self.tells_no_mark => Vec::new(),
            Command::FundingRate(_) => vec![self.mark_event(now), self.rate_event(now)],
            Command::FundingPaymentsSince(query) => {
                self.funding_asked_since.push(query.since);
                if self.lose_funding > 0 {
                    self.lose_funding -= 1;
                    return Some((Vec::new(), rejected(RejectReason::Other("busy".to_owned()))));
                }
                let since = self.payments.iter().filter(|p| p.exchange_time >= query.since);
                let mut told: Vec<Event> = since.cloned().map(Event::from).collect();
                let progress = FundingProgress {
                    instrument: None,
                    newest: None,
                    count: u32::try_from(told.len()).unwrap(),
                };
                told.push(progress.into());
                told
            }
            _ => return None,
        };
        Some((told, Outcome::Done))
    }
}

impl Exchange {
    /// A trade of a contract: at the order's price, the fee in USDT.
    pub(super) fn trade_contracts(&mut self, id: &ClientOrderId, quantity: &str, now: HostNow) -> FillEvent {
        let quantity = Quantity(quantity.parse().unwrap());
        let order = self.orders.get_mut(id).unwrap();
        order.filled += quantity;
        order.status = if order.filled == order.quantity {
            OrderStatus::Filled
        } else {
            OrderStatus::PartiallyFilled
        };
        let (side, price, number) = (order.side, order.price, order.exchange_id.clone());
        let op = self.perp.as_ref().unwrap().placed.iter();
        // The order of a trigger was placed by the exchange itself.
        let op = op.rev().find(|op| op.client_id.as_str() == id.as_str());
        let position_side = match op.map(OrderOp::position_side) {
            Some(colibri_abi::position_side::LONG) => PositionSide::Long,
            Some(colibri_abi::position_side::SHORT) => PositionSide::Short,
            _ => PositionSide::Net,
        };
        let fill = FillEvent {
            client_id: Some(id.clone()),
            exchange_id: Some(number),
            position_side,
            ..self.contract_fill(side, price, quantity, now)
        };
        self.count_contracts(&fill);
        fill
    }

    /// A trade of an order that is none of the bot's, for a cause.
    pub fn trade_by_itself(
        &mut self,
        cause: FillCause,
        side: Side,
        price: i64,
        quantity: &str,
        now: HostNow,
    ) -> FillEvent {
        let number = self.id();
        let fill = FillEvent {
            client_id: Some(ClientOrderId::new(&format!("autoclose-{number}")).unwrap()),
            exchange_id: Some(ExchangeOrderId::new(&number.to_string()).unwrap()),
            cause,
            ..self.contract_fill(
                side,
                Price(Decimal::from(price)),
                Quantity(quantity.parse().unwrap()),
                now,
            )
        };
        self.count_contracts(&fill);
        fill
    }

    fn contract_fill(&mut self, side: Side, price: Price, quantity: Quantity, now: HostNow) -> FillEvent {
        let fee = Perp::contract().notional(quantity, price).0 * Decimal::new(1, 3);
        FillEvent {
            instrument: Some(InstrumentId(1)),
            symbol: "BTCUSDT".to_owned(),
            trade_id: TradeId::new(&self.id().to_string()).unwrap(),
            client_id: None,
            exchange_id: None,
            source: ReportSource::Stream,
            side,
            price,
            quantity,
            fee: Some(Fee {
                asset: Asset::new("USDT"),
                amount: Amount(fee),
            }),
            liquidity: Some(Liquidity::Maker),
            exchange_time: Some(now.wall),
            position_side: PositionSide::Net,
            cause: FillCause::Order,
            realized: None,
        }
    }

    fn count_contracts(&mut self, fill: &FillEvent) {
        let perp = self.perp.as_mut().unwrap();
        let position = perp.positions.of_mut(fill.position_side);
        let change = position.apply(&Perp::contract(), fill.side, fill.price, fill.quantity);
        let wallet = self.balances.get_mut(&Asset::new("USDT")).unwrap();
        // An exchange rounds what it books.
        wallet.0 += change.realized.0.round_dp(8) - fill.fee.as_ref().unwrap().amount.0;
        self.trades.push(fill.clone());
    }

    /// Funding is settled: an entry of the account's ledger. Nothing is told of it yet.
    pub fn pay_funding(&mut self, amount: i64, time: WallNs) -> FundingPaymentEvent {
        self.balances.get_mut(&Asset::new("USDT")).unwrap().0 += Decimal::from(amount);
        let perp = self.perp.as_mut().unwrap();
        let id = perp.next_payment;
        perp.next_payment += 1;
        let payment = FundingPaymentEvent {
            instrument: Some(InstrumentId(1)),
            symbol: "BTCUSDT".to_owned(),
            id: Some(FundingPaymentId::new(&id.to_string()).unwrap()),
            asset: Asset::new("USDT"),
            amount: Amount(Decimal::from(amount)),
            position_side: PositionSide::Net,
            rate: Some(perp.rate),
            quantity: None,
            source: ReportSource::Query,
            exchange_time: time,
        };
        perp.payments.push(payment.clone());
        payment
    }
}
