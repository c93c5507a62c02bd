//! Contracts under everything at once: reports that are lost, late, doubled and out of order, forced fills, funding, streams that
//! go and come, hosts that die. Positions, entries and wallet are the exchange's in the end.

use colibri_model::{FillCause, Side, SplitMix64};
use colibri_standard::{FillEvent, FundingPaymentEvent, ReportSource, SessionRole, SessionStatus};

use super::{check, perp, place, reducing, scene, sell, venue};
use crate::desk::Delivery;
use crate::orders::{Scene, buy};

/// A fill happened: it is told at once, late, twice, or not at all.
fn tell_somehow(scene: &mut Scene, random: &mut SplitMix64, fill: FillEvent) {
    if !scene.desk.exchange.stream_is_up {
        return;
    }
    for _ in 0..random.below(3) {
        let after = random.below(4_000);
        scene.tell(after, fill.clone());
    }
}

fn happens(scene: &mut Scene, random: &mut SplitMix64) {
    let amount = format!("{}.{}", random.below(3), 1 + random.below(9));
    let distance = i64::try_from(random.below(4)).unwrap();
    match random.below(12) {
        0..=3 => {
            let order = if random.below(2) == 0 {
                buy(99 - distance, &amount)
            } else {
                sell(101 + distance, &amount)
            };
            let order = if random.below(4) == 0 { reducing(order) } else { order };
            place(scene, order);
        }
        4..=6 => {
            let open: Vec<_> = scene.desk.exchange.open().cloned().collect();
            if let Some(order) = open.get(usize::try_from(random.below(open.len() as u64 + 1)).unwrap()) {
                let left = order.quantity - order.filled;
                let now = scene.desk.now();
                let fill = scene.desk.exchange.trade(&order.client_id, &left.to_string(), now);
                tell_somehow(scene, random, fill);
            }
        }
        7 => {
            let causes = [FillCause::Order, FillCause::Liquidation, FillCause::Adl];
            let cause = causes[usize::try_from(random.below(3)).unwrap()];
            let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
            let now = scene.desk.now();
            let fill = scene.desk.exchange.trade_by_itself(cause, side, 100, &amount, now);
            tell_somehow(scene, random, fill);
        }
        8 => {
            let time = scene.desk.now().wall;
            let payment = scene.desk.exchange.pay_funding(distance - 2, time);
            if scene.desk.exchange.stream_is_up {
                let id = payment.id.clone().filter(|_| random.below(2) == 0);
                let source = ReportSource::Stream;
                scene.tell(random.below(2_000), FundingPaymentEvent { id, source, ..payment });
            }
        }
        9 => scene.desk.at_exchange(|exchange, now| {
            let told = exchange
                .perp
                .as_ref()
                .unwrap()
                .positions_event(ReportSource::Stream, now);
            vec![(random.below(3_000), Delivery::Event(told))]
        }),
        10 => {
            let status = if scene.desk.exchange.stream_is_up {
                SessionStatus::Down
            } else {
                SessionStatus::Live
            };
            scene
                .desk
                .at_exchange(|exchange, _| exchange.session(SessionRole::User, status));
        }
        _ => {
            let failing = random.below(3);
            perp(scene).lose_funding = usize::try_from(failing).unwrap();
            scene.desk.exchange.lose_account_fills = usize::try_from(random.below(2)).unwrap();
        }
    }
    scene.run(random.below(3_000));
}

#[test]
fn positions_funding_and_wallet_are_the_exchange_s_whatever_happens() {
    for seed in 0..24 {
        let mut random = SplitMix64::new(seed);
        let mut scene = scene(|_| {});
        for _ in 0..60 {
            happens(&mut scene, &mut random);
            if random.below(25) == 0 {
                scene = scene.crash(random.below(20_000));
                scene.run(2_000);
            }
        }
        if !scene.desk.exchange.stream_is_up {
            scene
                .desk
                .at_exchange(|exchange, _| exchange.session(SessionRole::User, SessionStatus::Live));
        }
        // Longer than the cadence of funding.
        scene.run(700_000);
        let paid = perp(&mut scene).payments.len();
        assert_eq!(venue(&scene).funding_payments().count(), paid, "seed {seed}");
        check(scene);
    }
}
