//! Random faults in virtual time, from a seed: answers lost, reports doubled, reordered or missing, streams down, gaps,
//! crashes.
//! Whatever happened, in the end the bot stops with proof, every trade counts once, and the ledger is the exchange's.
#![allow(clippy::unwrap_used)]

use colibri_engine::HostNow;
use colibri_model::{ClientOrderId, OrderState, Side, SplitMix64};
use colibri_standard::{OrderStatus, SessionRole, SessionStatus};

use crate::desk::{Delivery, Desk, Exchange, Placement};

const CONFIG: &str = r#"
    venue = "fake"
    market = "BTC-USDT"
    bid_spread = 0.002
    ask_spread = 0.002
    order_amount = 1
    order_levels = 2
    order_level_spread = 0.002
    order_refresh_time = 3
    order_refresh_tolerance_pct = 0.001
    filled_order_delay = 1
"#;

type Answers = Vec<(u64, Delivery)>;

/// Trades a part or the rest of an open order, and tells of it in one of many ways.
fn trade(exchange: &mut Exchange, random: &mut SplitMix64, now: HostNow) -> Answers {
    let open: Vec<ClientOrderId> = exchange.open().map(|o| o.client_id.clone()).collect();
    let Some(id) = open.get(random.below(open.len() as u64) as usize).cloned() else {
        return Vec::new();
    };
    let order = &exchange.orders[&id];
    let leaves = order.quantity.0 - order.filled.0;
    let part = if random.below(2) == 0 {
        leaves
    } else {
        (leaves / colibri_model::Decimal::TWO).round_dp(4)
    };
    if part.is_zero() {
        return Vec::new();
    }
    let fill = exchange.trade(&id, &part.to_string(), now);
    let mut answers = Vec::new();
    if exchange.stream_is_up {
        for _ in 0..random.below(3) {
            let mut report = fill.clone();
            if random.below(3) == 0 {
                report.fee = None;
            }
            if random.below(3) == 0 {
                report.client_id = None;
            }
            answers.push((random.below(400), Delivery::Event(report.into())));
        }
        if random.below(5) != 0 {
            let after = random.below(400);
            answers.extend(exchange.stream(&id, now, after));
        }
    }
    answers
}

fn fault(desk: &mut Desk, random: &mut SplitMix64) {
    let lot = random.below(20);
    match lot {
        0..=5 => desk.at_exchange(|exchange, now| trade(exchange, random, now)),
        6 => desk.exchange.script.push_back(Placement::TakenAnswerLost),
        7 => desk.exchange.script.push_back(Placement::LostAnswerLost),
        8 => desk.exchange.script.push_back(Placement::Refused),
        9 => desk.exchange.script.push_back(Placement::NotSent),
        10 => desk.exchange.lose_cancels += 1,
        11 => desk.exchange.lose_cancel_answers += 1,
        12 => desk.at_exchange(|exchange, _| exchange.session(SessionRole::User, SessionStatus::Down)),
        13 | 14 => desk.at_exchange(|exchange, _| exchange.session(SessionRole::User, SessionStatus::Live)),
        15 => desk.at_exchange(|exchange, _| exchange.session(SessionRole::Market, SessionStatus::Down)),
        16 | 17 => desk.at_exchange(|exchange, _| exchange.session(SessionRole::Market, SessionStatus::Live)),
        18 => desk.exchange.book_id += 3,
        _ => desk.at_exchange(|exchange, now| {
            // The exchange ends an order by itself.
            let open: Vec<ClientOrderId> = exchange.open().map(|o| o.client_id.clone()).collect();
            let Some(id) = open.first() else { return Vec::new() };
            exchange.orders.get_mut(id).unwrap().status = OrderStatus::Expired;
            exchange.stream(id, now, 1)
        }),
    }
}

/// How many trades there were.
fn run(seed: u64) -> usize {
    let mut random = SplitMix64::new(seed);
    let mut desk = Desk::new(CONFIG);
    desk.start();
    for _ in 0..60 {
        if random.below(60) == 0 {
            let after = random.below(3_000);
            desk = desk.crash(CONFIG, after);
            desk.start();
        }
        fault(&mut desk, &mut random);
        desk.run(random.below(700));
        desk.at_exchange(|exchange, _| vec![(0, exchange.next_diff(&[], &[]))]);
        desk.run(random.below(700));
        let (buys, sells) = [Side::Buy, Side::Sell]
            .map(|side| desk.exchange.open().filter(|o| o.side == side).count())
            .into();
        assert!(
            buys <= 2 && sells <= 2,
            "seed {seed}: {buys} buys and {sells} sells are open where two are wanted"
        );
    }
    // The weather clears.
    desk.exchange.script.clear();
    (desk.exchange.lose_cancels, desk.exchange.lose_cancel_answers) = (0, 0);
    desk.at_exchange(|exchange, _| exchange.session(SessionRole::User, SessionStatus::Live));
    desk.at_exchange(|exchange, _| exchange.session(SessionRole::Market, SessionStatus::Live));
    desk.stop();
    assert!(
        desk.engine.is_stopped(),
        "seed {seed}: {:#?}\n{:#?}",
        desk.engine.stop_report(),
        desk.log
    );
    assert_eq!(desk.exchange.open().count(), 0, "seed {seed}");
    let view = desk.view();
    let ours = view
        .venues()
        .next()
        .unwrap()
        .fills()
        .filter(|f| f.client_id.is_some())
        .count();
    assert_eq!(ours, desk.exchange.trades.len(), "seed {seed}: every trade counts once");
    for line in view.venues().next().unwrap().ledger_balances() {
        assert!(line.agrees(), "seed {seed}: {line:?}");
    }
    for order in view.venues().next().unwrap().orders() {
        assert!(order.state().is_terminal(), "seed {seed}: {order:?}");
        match desk.exchange.orders.get(order.client_id()) {
            Some(there) => assert_eq!(order.filled(), there.filled, "seed {seed}: {order:?}"),
            None => assert_eq!(order.state(), OrderState::Rejected, "seed {seed}: {order:?}"),
        }
    }
    desk.exchange.trades.len()
}

#[test]
fn any_weather() {
    let trades: usize = (0..400).map(run).sum();
    assert!(trades > 1_000, "the weather is no weather without trades: {trades}");
}
