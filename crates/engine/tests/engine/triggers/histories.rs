//! Any history of a trigger and of its order, told in any order, any number of times, or not at all: once the exchange has been
//! asked, everything stands here as it stands there.

use colibri_model::TriggerState;
use colibri_standard::{ReportSource, TriggerStatus};
use proptest::prelude::*;

use super::{Stage, closing, stop};
use crate::desk::{Delivery, Naming, OWN_NAMES, Placement};
use colibri_standard::Event;

/// How a trigger ends at the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Waits,
    Cancelled,
    Expired,
    /// Its price was reached, and its order refused.
    Refused,
    /// It became an order, of which so much traded, in quarters.
    Order(u32),
}

/// What the strategy wants while the reports come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Nothing,
    Cancel,
}

#[derive(Debug, Clone)]
struct History {
    placement: Placement,
    naming: Naming,
    /// Whether it has a quantity, or closes the position.
    closes: bool,
    end: End,
    wish: Wish,
    /// Which of the reports are told, in which order; and how many milliseconds lie between two.
    told: Vec<prop::sample::Index>,
    apart: u64,
    /// Whether the host dies behind the reports.
    dies: bool,
}

fn history() -> impl Strategy<Value = History> {
    let placement = prop_oneof![4 => Just(Placement::Taken), 1 => Just(Placement::TakenAnswerLost)];
    let naming = prop_oneof![
        Just(Naming::Keeps),
        Just(Naming::OwnNameAndTrigger),
        Just(Naming::OwnName)
    ];
    let end = prop_oneof![
        1 => Just(End::Waits),
        1 => Just(End::Cancelled),
        1 => Just(End::Expired),
        1 => Just(End::Refused),
        5 => (0u32..=8).prop_map(End::Order),
    ];
    let wish = prop_oneof![2 => Just(Wish::Nothing), 1 => Just(Wish::Cancel)];
    let told = prop::collection::vec(any::<prop::sample::Index>(), 0..20);
    (
        placement,
        naming,
        any::<bool>(),
        end,
        wish,
        told,
        0u64..40,
        any::<bool>(),
    )
        .prop_map(|(placement, naming, closes, end, wish, told, apart, dies)| History {
            placement,
            naming,
            closes,
            end,
            wish,
            told,
            apart,
            dies,
        })
}

impl History {
    /// Everything that the exchange could tell of it, at one time or another.
    fn play(&self, stage: &mut Stage) -> Vec<Event> {
        let trigger = stage.trigger.clone();
        let mut reports = Vec::new();
        let tell = |stage: &Stage, reports: &mut Vec<Event>| {
            let (exchange, now) = (&stage.scene.desk.exchange, stage.scene.desk.now());
            for source in [ReportSource::Ack, ReportSource::Stream] {
                reports.push(exchange.trigger_event(&trigger, source, now));
            }
        };
        tell(stage, &mut reports);
        match self.end {
            End::Waits => {}
            End::Cancelled => stage.end(TriggerStatus::Cancelled),
            End::Expired => stage.end(TriggerStatus::Expired),
            End::Refused => {
                stage.end(TriggerStatus::Triggered);
                tell(stage, &mut reports);
                stage.end(TriggerStatus::Rejected);
            }
            End::Order(quarters) => {
                stage.end(TriggerStatus::Triggered);
                tell(stage, &mut reports);
                let name = stage.fire();
                let order = |stage: &Stage| {
                    let (exchange, now) = (&stage.scene.desk.exchange, stage.scene.desk.now());
                    exchange.order_event(&name, ReportSource::Stream, now)
                };
                reports.push(order(stage));
                let whole = stage.exchange().orders[&name].quantity.0 * rust_decimal::Decimal::from(4);
                for _ in 0..quarters.min(u32::try_from(whole).unwrap()) {
                    let now = stage.scene.desk.now();
                    let fill = stage.exchange().trade(&name, "0.25", now);
                    reports.push(fill.clone().into());
                    reports.push(order(stage));
                    // And by the exchange's number alone.
                    let unnamed = colibri_standard::FillEvent {
                        client_id: None,
                        ..fill
                    };
                    reports.push(unnamed.into());
                }
            }
        }
        tell(stage, &mut reports);
        reports
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn once_asked_the_exchange_is_right(history in history()) {
        let request = if history.closes { closing() } else { stop() };
        let mut stage = Stage::sent(request, |e| {
            e.waiting.script.push_back(history.placement);
            e.waiting.naming = history.naming;
            if history.naming != Naming::Keeps {
                e.perp.as_mut().unwrap().triggers = OWN_NAMES;
            }
            // It tells nothing by itself: what is told is the test's choice.
            e.stream_is_up = false;
        });
        let reports = history.play(&mut stage);
        for (at, index) in history.told.iter().enumerate() {
            let event = reports[index.index(reports.len())].clone();
            stage.scene.desk.deliver(history.apart * at as u64, Delivery::Event(event));
        }
        if history.wish == Wish::Cancel {
            stage.cancel();
        }
        stage.run(300);
        // Until it was asked, nothing may be believed that never was.
        let became = stage.state() == TriggerState::BecameOrder;
        prop_assert!(!became || matches!(history.end, End::Order(_)));
        if history.dies {
            stage = stage.crashed(1_000);
        }
        stage.run(75_000);
        stage.check(&format!("{history:?}"));
    }
}
