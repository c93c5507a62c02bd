//! Positions as the sum of their fills, beside what the exchange states of them.

use colibri_engine::risk::RiskLimits;
use colibri_engine::strategy::StrategyAction;
use colibri_model::{Decimal, FillCause, KillCause, PositionEffect, PositionSide, Quantity, Record, Side, WallNs};
use colibri_standard::{MarginCallEvent, ReportSource, SessionRole, SessionStatus};

use super::{
    check, filled, held, liquidated, market, of_side, other_trade, perp, place, price, records, reducing, refusal,
    scene, sell, settle, usdt, venue,
};
use crate::desk::{Delivery, Exchange};
use crate::orders::{Scene, Told, buy, quantity};

#[test]
fn fills_make_the_position_and_move_the_wallet_by_what_they_realise() {
    let mut scene = scene(|_| {});
    filled(&mut scene, buy(99, "2"));
    filled(&mut scene, buy(98, "1"));
    let net = market(&scene).position_of(PositionSide::Net).unwrap();
    assert_eq!(net.quantity, quantity("3"));
    assert_eq!(net.cost, usdt("296"));
    assert_eq!(market(&scene).unrealized(), Some(usdt("4")), "at the mark price of 100");
    assert_eq!(market(&scene).notional(), Some(usdt("300")));
    filled(&mut scene, reducing(sell(101, "1.5")));
    assert_eq!(held(&scene), quantity("1.5"));
    let net = market(&scene).position_of(PositionSide::Net).unwrap();
    assert_eq!(net.realized, usdt("3.5"));
    assert_eq!(net.fees[&settle()], usdt("0.4475"));
    let told = scene.told();
    let changed: Vec<_> = told
        .iter()
        .filter_map(|told| match told {
            Told::Position(told) => Some((told.change.opened, told.change.closed, told.quantity)),
            _ => None,
        })
        .collect();
    assert_eq!(
        changed,
        [
            (quantity("2"), quantity("0"), quantity("2")),
            (quantity("1"), quantity("0"), quantity("3")),
            (quantity("0"), quantity("1.5"), quantity("1.5")),
        ]
    );
    check(scene);
}

#[test]
fn a_position_turns_over_and_each_side_of_hedge_mode_is_its_own() {
    let mut scene = scene(|_| {});
    filled(&mut scene, buy(99, "1"));
    filled(&mut scene, sell(101, "3"));
    assert_eq!(held(&scene), quantity("-2"));
    check(scene);
    let mut scene = super::scene(|exchange| {
        let perp = exchange.perp.as_mut().unwrap();
        perp.position_mode = colibri_model::PositionMode::Hedge;
    });
    filled(&mut scene, of_side(buy(99, "2"), PositionSide::Long));
    filled(&mut scene, of_side(sell(101, "1"), PositionSide::Short));
    filled(&mut scene, of_side(sell(102, "0.5"), PositionSide::Long));
    let positions = market(&scene).positions().unwrap();
    assert_eq!(positions.long.quantity, quantity("1.5"));
    assert_eq!(positions.short.quantity, quantity("-1"));
    check(scene);
}

/// What a fill missed on the stream brings comes with the questions.
#[test]
fn a_lost_fill_is_asked_for_when_the_stated_position_differs() {
    let mut scene = scene(|_| {});
    place(&mut scene, buy(99, "2")).unwrap();
    scene.trade("2");
    // The stream tells the position, and not the fill that made it.
    scene.desk.at_exchange(|exchange, now| {
        let told = exchange
            .perp
            .as_ref()
            .unwrap()
            .positions_event(ReportSource::Stream, now);
        vec![(0, Delivery::Event(told))]
    });
    scene.run(500);
    assert_eq!(held(&scene), quantity("0"), "a statement is never taken instead");
    scene.run(2_000);
    assert_eq!(held(&scene), quantity("2"));
    assert_eq!(market(&scene).position_differences().count(), 0);
    check(scene);
}

#[test]
fn a_difference_that_stays_is_told_and_blocks_what_opens() {
    let mut scene = scene(|_| {});
    filled(&mut scene, buy(99, "2"));
    perp(&mut scene).misstated = quantity("0.5");
    scene.run(70_000);
    let (_, found) = market(&scene).position_differences().next().unwrap();
    assert_eq!((found.stated, found.summed), (quantity("2.5"), quantity("2")));
    assert!(
        scene
            .desk
            .logged("states a position in BTC-USDT of 2.5, and the fills that it has told make 2")
    );
    assert!(place(&mut scene, buy(99, "1")).is_none());
    assert!(refusal(&scene).contains("until they agree only what reduces is placed"));
    assert!(place(&mut scene, sell(101, "1")).is_some(), "what reduces is placed");
    assert_eq!(held(&scene), quantity("2"));
    perp(&mut scene).misstated = Quantity::ZERO;
    scene.run(70_000);
    assert!(scene.desk.logged("agree again"));
    assert!(place(&mut scene, buy(99, "1")).is_some());
}

/// What is held before the journal begins is entered once, and is the same after a restart.
#[test]
fn what_was_held_before_is_entered_once() {
    let before = |exchange: &mut Exchange| {
        let perp = exchange.perp.as_mut().unwrap();
        let contract = crate::desk::Perp::contract();
        let position = perp.positions.of_mut(PositionSide::Net);
        position.apply(&contract, Side::Sell, price(110), quantity("4"));
    };
    let mut scene = scene(before);
    assert_eq!(held(&scene), quantity("-4"));
    let net = market(&scene).position_of(PositionSide::Net).unwrap();
    assert_eq!((net.cost, net.realized), (usdt("-440"), usdt("0")));
    filled(&mut scene, buy(99, "1"));
    let openings = |scene: &Scene| {
        let is = |r: &&Record| matches!(r, Record::PositionsOpened { .. });
        records(scene).iter().filter(is).count()
    };
    assert_eq!(openings(&scene), 1);
    let kept = market(&scene).positions().unwrap().clone();
    let mut scene = scene.crash(1_000);
    scene.run(3_000);
    assert_eq!(market(&scene).positions().unwrap(), &kept);
    assert_eq!(openings(&scene), 1);
    check(scene);
}

/// What a position had lost before the session began is none of the session's; what it loses from then on is.
#[test]
fn an_old_loss_of_what_was_held_before_is_none_of_the_session_s() {
    let before = |exchange: &mut Exchange| {
        let perp = exchange.perp.as_mut().unwrap();
        let contract = crate::desk::Perp::contract();
        let position = perp.positions.of_mut(PositionSide::Net);
        position.apply(&contract, Side::Buy, price(150), quantity("4"));
    };
    let limits = RiskLimits {
        max_loss: Some(usdt("50")),
        ..RiskLimits::default()
    };
    let mut scene = super::limited(before, limits);
    scene.run(5_000);
    assert_eq!(held(&scene), quantity("4"));
    assert_eq!(scene.desk.engine.kill_switch(), None, "200 were lost before");
    perp(&mut scene).mark = price(87);
    scene.desk.at_exchange(|exchange, now| {
        let told = exchange.perp.as_ref().unwrap().mark_event(now);
        vec![(0, Delivery::Event(told))]
    });
    scene.run(1_000);
    let cause = scene.desk.engine.kill_switch().map(|thrown| thrown.cause);
    assert_eq!(cause, Some(KillCause::Loss), "four times 13");
}

/// A fill on its way while the opening is looked for does not make an opening of it.
#[test]
fn a_fill_under_way_is_no_opening() {
    let mut scene = scene(|exchange| exchange.slow_fills = 300);
    filled(&mut scene, buy(99, "1"));
    // The journal loses everything, as where its folder was moved aside.
    scene.desk.journal.0.borrow_mut().records.clear();
    place(&mut scene, buy(98, "1")).unwrap();
    scene.desk.exchange.stream_is_up = false;
    scene.trade("1");
    let mut scene = scene.crash(500);
    scene.run(5_000);
    assert_eq!(held(&scene), quantity("2"), "by fills and an opening together");
    check(scene);
}

#[test]
fn a_crash_at_any_instant_leaves_the_same_positions() {
    let mut scene = scene(|_| {});
    for (at, order) in [buy(99, "2"), sell(101, "3"), buy(99, "0.5")].into_iter().enumerate() {
        place(&mut scene, order.clone()).unwrap();
        let fill = scene.trade(&order.quantity.to_string());
        if at % 2 == 0 {
            scene.tell(0, fill);
            scene.run(100);
        }
        scene = scene.crash(1_000);
        scene.run(3_000);
        let truth = perp(&mut scene).positions.clone();
        let net = &market(&scene).positions().unwrap().net;
        assert_eq!((net.quantity, net.cost), (truth.net.quantity, truth.net.cost));
    }
    check(scene);
}

/// A liquidation closes the position by fills whose ids are not ours: they count, they are journaled, and it is told.
#[test]
fn what_the_exchange_does_by_itself_counts() {
    let mut scene = scene(|_| {});
    filled(&mut scene, buy(99, "2"));
    scene.tell(0, liquidated(None));
    other_trade(&mut scene, FillCause::Liquidation, Side::Sell, 80, "2");
    assert_eq!(held(&scene), quantity("0"));
    assert_eq!(
        market(&scene).position_of(PositionSide::Net).unwrap().realized,
        usdt("-38")
    );
    let told = scene.told();
    assert!(
        told.iter()
            .any(|t| matches!(t, Told::Forced(f) if f.cause == FillCause::Liquidation))
    );
    assert_eq!(venue(&scene).forced_reductions().count(), 1);
    let journaled = records(&scene);
    assert!(journaled.iter().any(|r| matches!(r, Record::ForcedReduction { .. })));
    let is_forced =
        |r: &Record| matches!(r, Record::Filled { strategy: None, fill } if fill.cause == FillCause::Liquidation);
    assert!(journaled.iter().any(is_forced));
    let mut scene = scene.crash(1_000);
    scene.run(3_000);
    assert_eq!(held(&scene), quantity("0"));
    check(scene);
}

/// The position is the account's: what somebody else trades in it counts.
#[test]
fn what_a_person_trades_by_hand_is_in_the_position() {
    let mut scene = scene(|_| {});
    filled(&mut scene, buy(99, "2"));
    other_trade(&mut scene, FillCause::Order, Side::Sell, 100, "0.5");
    assert_eq!(held(&scene), quantity("1.5"));
    let of_bot = market(&scene).position().inventory;
    assert_eq!(of_bot, quantity("2"), "what the bot itself has traded");
    check(scene);
}

#[test]
fn fills_that_come_late_twice_and_out_of_order_count_once_each_in_their_place() {
    let mut scene = scene(|_| {});
    let mut fills = Vec::new();
    for order in [buy(99, "2"), sell(101, "1"), buy(98, "3"), sell(102, "4.5")] {
        place(&mut scene, order.clone()).unwrap();
        fills.push(scene.trade(&order.quantity.to_string()));
    }
    for at in [3, 1, 3, 0, 2, 0, 1] {
        scene.tell(0, fills[at].clone());
        scene.run(10);
    }
    let truth = perp(&mut scene).positions.net.clone();
    let net = market(&scene).position_of(PositionSide::Net).unwrap();
    assert_eq!(
        (net.quantity, net.cost, net.realized),
        (truth.quantity, truth.cost, truth.realized)
    );
    check(scene);
}

#[test]
fn stopping_tells_what_is_still_held() {
    let mut scene = scene(|_| {});
    filled(&mut scene, buy(99, "2"));
    place(&mut scene, buy(98, "1")).unwrap();
    scene.desk.stop();
    let report = scene.desk.engine.stop_report().unwrap();
    assert!(report.is_proven());
    let [position] = &report.venues[0].positions[..] else {
        panic!("{report:?}")
    };
    assert_eq!(position.to_string(), "BTC-USDT 2 at 99");
    assert!(scene.desk.logged("positions are still open"));
    assert_eq!(scene.desk.exchange.open().count(), 0);
}

/// A close-position order has no quantity, and is filled for what there is.
#[test]
fn an_order_that_closes_the_position_is_filled_whatever_its_size() {
    let mut scene = scene(|_| {});
    filled(&mut scene, buy(99, "2"));
    let mut close = sell(101, "0");
    close.terms.effect = PositionEffect::ClosePosition;
    let id = place(&mut scene, close).unwrap();
    let op = *perp(&mut scene).placed.last().unwrap();
    assert_eq!(
        (op.flags & colibri_abi::op_flag::CLOSE_POSITION != 0, op.quantity),
        (true, 0)
    );
    scene.desk.exchange.orders.get_mut(&id).unwrap().quantity = quantity("2");
    let first = scene.trade("1.5");
    scene.tell(0, first);
    scene.run(100);
    assert!(scene.desk.view().order(&id).unwrap().may_be_live(), "a part of it");
    let second = scene.trade("0.5");
    scene.tell(0, second);
    scene.tell_status(0, ReportSource::Stream);
    scene.run(500);
    assert!(!scene.desk.view().order(&id).unwrap().may_be_live());
    assert_eq!(held(&scene), quantity("0"));
    check(scene);
}

#[test]
fn a_margin_call_is_told_and_margin_asked_for() {
    let mut scene = scene(|_| {});
    let asked = perp(&mut scene).margin_asked;
    scene.tell(
        0,
        MarginCallEvent {
            cross_wallet: Some(usdt("5")),
            positions: Vec::new(),
            text: "margin is short".to_owned(),
            exchange_time: Some(WallNs(1)),
        },
    );
    scene.run(500);
    assert!(scene.told().iter().any(|t| matches!(t, Told::MarginCall(_))));
    assert!(scene.desk.logged("margin is short"));
    assert_eq!(perp(&mut scene).margin_asked, asked + 1);
}

/// An outage of the user stream hides nothing for good.
#[test]
fn what_happened_while_the_user_stream_was_down_is_in_the_position() {
    let mut scene = scene(|_| {});
    place(&mut scene, buy(99, "2")).unwrap();
    scene
        .desk
        .at_exchange(|exchange, _| exchange.session(SessionRole::User, SessionStatus::Down));
    scene.trade("2");
    scene.run(3_000);
    scene
        .desk
        .at_exchange(|exchange, _| exchange.session(SessionRole::User, SessionStatus::Live));
    scene.run(3_000);
    assert_eq!(held(&scene), quantity("2"));
    scene.wish(StrategyAction::Create(reducing(sell(101, "2"))));
    scene.run(500);
    assert_eq!(scene.desk.exchange.open().count(), 1);
    assert_eq!(market(&scene).mark_price(), Some(price(100)));
    assert_eq!(held(&scene).0, Decimal::TWO);
}

/// One answer that differs may be of a moment between a fill and what was told of it: only what the next one finds too counts.
#[test]
fn an_answer_that_differs_once_is_no_difference() {
    let mut scene = scene(|_| {});
    filled(&mut scene, buy(99, "2"));
    scene.run(5_000);
    let asked = perp(&mut scene).positions_asked;
    perp(&mut scene).misstated = quantity("0.5");
    for _ in 0..20_000 {
        if perp(&mut scene).positions_asked > asked {
            break;
        }
        scene.run(10);
    }
    assert_eq!(
        perp(&mut scene).positions_asked,
        asked + 1,
        "one question was answered so"
    );
    scene.desk.run(200);
    perp(&mut scene).misstated = Quantity::ZERO;
    assert!(place(&mut scene, buy(98, "1")).is_some(), "{}", refusal(&scene));
    scene.run(5_000);
    assert!(perp(&mut scene).positions_asked > asked + 1, "it was asked again soon");
    assert!(!scene.desk.logged("nothing that opens is placed until they agree"));
    assert_eq!(market(&scene).position_differences().count(), 0);
    check(scene);
}
