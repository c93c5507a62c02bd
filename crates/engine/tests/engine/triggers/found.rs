//! What a run finds: triggers of the journal, of ours that no journal tells of, of others; and what changed unseen.

use colibri_engine::orders::{ClientIdSource, OrderOrigin};
use colibri_engine::risk::RiskLimits;
use colibri_engine::strategy::StrategyAction;
use colibri_engine::{Engine, EngineSetup, Recovered, RestoredEngine};
use colibri_model::{ClientOrderId, NO_STRATEGY, OrderState, Record, StrategyId, TriggerState, WallNs};
use colibri_standard::{ClientIdManifest, SessionRole, SessionStatus, TriggerStatus};

use super::{Stage, closing, stop};
use crate::desk::{Memory, Naming, Placement, START};
use crate::orders::{Scene, quantity};
use TriggerState as S;

impl Stage {
    /// The host dies; another begins a while later, and has come up.
    pub fn crashed(self, after: u64) -> Stage {
        let mut scene = self.scene.crash(after);
        scene.desk.start();
        Stage {
            scene,
            trigger: self.trigger,
        }
    }

    /// The journal loses what it has of the trigger, as a power cut takes the last seconds.
    fn lose(&self) {
        let mut journal = self.scene.desk.journal.0.borrow_mut();
        journal.records.retain(|record| match record {
            Record::TriggerIntent { trigger, .. } => trigger.client_id != self.trigger,
            Record::TriggerChanged { client_id, .. } | Record::OrderChanged { client_id, .. } => {
                *client_id != self.trigger
            }
            _ => true,
        });
    }
}

#[test]
fn a_killed_host_forgets_none() {
    let mut stage = Stage::placed().crashed(1_000);
    assert_eq!(stage.state(), S::Placed);
    let view = stage.scene.desk.view();
    assert_eq!(view.trigger(&stage.trigger).unwrap().origin, OrderOrigin::Recovered);
    stage.check("it waited meanwhile");

    // Sent, and the host died before the answer.
    for (placement, ends) in [
        (Placement::TakenAnswerLost, S::Placed),
        (Placement::LostAnswerLost, S::Rejected),
    ] {
        let mut stage = Stage::sent(stop(), |e| e.waiting.script.push_back(placement)).crashed(1_000);
        stage.run(25_000);
        assert_eq!(stage.state(), ends, "{placement:?}");
        assert_eq!(stage.exchange().waiting.placements, 1);
        stage.check("it was on its way");
    }

    // A cancel was about to be sent: the wish outlives the run.
    let mut stage = Stage::placed_at(stop(), |e| e.waiting.lose_cancels = 1);
    stage.cancel();
    let mut stage = stage.crashed(1_000);
    stage.run(1_000);
    assert_eq!(stage.state(), S::Cancelled);
    stage.check("its cancel was on its way");
}

#[test]
fn one_that_fired_while_nobody_watched_is_found_with_its_order_and_fills() {
    for naming in [Naming::Keeps, Naming::OwnNameAndTrigger, Naming::OwnName] {
        let mut stage = super::races::placed_with(naming);
        let there = stage.fire();
        let now = stage.scene.desk.now();
        stage.exchange().trade(&there, "0.4", now);
        let mut stage = stage.crashed(5_000);
        stage.run(1_000);
        assert_eq!(
            (stage.state(), stage.filled()),
            (S::BecameOrder, quantity("0.4")),
            "{naming:?}"
        );
        // And the run after that finds it in the journal.
        let mut stage = stage.crashed(1_000);
        assert_eq!((stage.state(), stage.filled()), (S::BecameOrder, quantity("0.4")));
        let state = stage.scene.desk.view().order(&stage.trigger).unwrap().state();
        assert_eq!(state, OrderState::PartiallyFilled, "{naming:?}");
        stage.check("it fired meanwhile");
    }
}

#[test]
fn the_record_of_what_it_became_is_enough_to_find_the_order() {
    let mut stage = Stage::placed_at(closing(), |_| {});
    let there = stage.fire();
    stage.tell(1);
    stage.run(10);
    assert_eq!(stage.state(), S::BecameOrder);
    // Nothing that was told of the order came into the journal.
    let id = stage.trigger.clone();
    let is_of_order = |r: &Record| matches!(r, Record::OrderChanged { client_id, .. } if *client_id == id);
    stage
        .scene
        .desk
        .journal
        .0
        .borrow_mut()
        .records
        .retain(|r| !is_of_order(r));
    stage.trade(&there, "2", 100_000);
    let mut stage = stage.crashed(1_000);
    stage.run(1_000);
    let view = stage.scene.desk.view();
    let order = view.order(&stage.trigger).unwrap();
    assert_eq!((order.state(), order.filled()), (OrderState::Filled, quantity("2")));
    stage.check("its order was known by number");
}

#[test]
fn one_that_the_journal_lost_is_adopted_by_its_id_and_attributed() {
    let stage = Stage::placed();
    stage.lose();
    let stage = stage.crashed(1_000);
    let view = stage.scene.desk.view();
    let trigger = view.trigger(&stage.trigger).unwrap();
    assert_eq!(trigger.origin, OrderOrigin::Adopted);
    assert_eq!(
        (trigger.state(), &trigger.strategy),
        (S::Placed, &stage.scene.desk.strategy_id())
    );
    assert_eq!(trigger.intent.terms, stop().terms);
    assert_eq!(view.counts().triggers_adopted, 1);
    // A run after this one takes it up from the journal.
    let id = stage.trigger.clone();
    let mut stage = stage.crashed(1_000);
    assert_eq!(stage.scene.desk.view().counts().triggers_adopted, 0);
    let intents = stage.journaled(|r| matches!(r, Record::TriggerIntent { trigger, .. } if trigger.client_id == id));
    assert_eq!(intents, 1);
    stage.check("it was adopted");
}

#[test]
fn one_of_a_strategy_of_before_is_the_bot_s_and_is_cancelled_by_the_stop() {
    let mut stage = Stage::placed();
    let manifest = ClientIdManifest {
        max_length: 36,
        extra_characters: String::new(),
    };
    let mut ids = ClientIdSource::new(&manifest, "bot", WallNs::from_millis(START - 5_000_000), 3).unwrap();
    let gone = ids.next_id(&StrategyId::new("a-strategy-of-before").unwrap());
    let mut intent = stage.there();
    intent.client_id = gone.clone();
    stage.exchange().wait(intent);
    for status in [SessionStatus::Down, SessionStatus::Subscribing, SessionStatus::Live] {
        stage
            .scene
            .desk
            .at_exchange(|e, _| e.session(SessionRole::User, status));
        stage.scene.desk.run(0);
    }
    stage.run(500);
    let view = stage.scene.desk.view();
    assert_eq!(
        view.trigger(&gone).unwrap().strategy.as_str(),
        NO_STRATEGY,
        "found after the reconnect"
    );
    stage.check("it was of a strategy of before");
}

#[test]
fn those_of_others_are_shown_and_left_alone() {
    let mut stage = Stage::placed();
    let person = ClientOrderId::new("web_77").unwrap();
    let mut intent = stage.there();
    intent.client_id = person.clone();
    stage.exchange().wait(intent);
    stage.run(70_000);
    let shown = |stage: &Stage| {
        let view = stage.scene.desk.view();
        let venue = view.venues().next().unwrap();
        venue.foreign_triggers().filter(|t| !t.is_a_bots()).count()
    };
    assert_eq!(shown(&stage), 1, "on the slow cadence");
    stage.exchange().end_trigger(&person, TriggerStatus::Cancelled);
    stage.run(70_000);
    assert_eq!(shown(&stage), 0, "what is not told any more is not there");
    stage.exchange().end_trigger(&person, TriggerStatus::Placed);
    stage.scene.desk.stop();
    let report = stage.scene.desk.engine.stop_report().unwrap();
    assert!(report.is_proven(), "{report:?}");
    assert_eq!(report.venues[0].foreign, 1);
    assert_eq!(stage.exchange().waiting().count(), 1, "and is left alone");
}

#[test]
fn what_changed_unseen_is_found_on_the_slow_cadence() {
    let mut stage = Stage::placed();
    stage.end(TriggerStatus::Cancelled);
    stage.run(70_000);
    assert_eq!(stage.state(), S::Cancelled, "a person cancelled it, and nobody told");
    stage.check("it was cancelled by a person");
}

#[test]
fn triggers_that_no_venue_takes_up_are_named() {
    let stage = Stage::placed();
    let recovered = Recovered::from_records(&stage.scene.desk.journal.0.borrow().records);
    let setup = EngineSetup {
        recovered,
        ..EngineSetup::default()
    };
    let engine = Engine::new(setup, Memory::default());
    let orphans: Vec<_> = engine.orphan_triggers().map(|t| t.intent.client_id.clone()).collect();
    assert_eq!(orphans, [stage.trigger]);
}

#[test]
fn a_snapshot_holds_them() {
    let mut stage = Stage::placed();
    stage.scene.wish(StrategyAction::PlaceTrigger(closing()));
    stage.run(100);
    let there = stage.fire();
    stage.trade(&there, "0.4", 1);
    stage.run(100);
    let written = serde_json::to_vec(&stage.scene.desk.engine.snapshot().unwrap()).unwrap();
    let read: RestoredEngine = serde_json::from_slice(&written).unwrap();
    let mut other = Scene::unstarted(RiskLimits::default(), |e| e.of_contracts());
    other.desk.engine.restore(read).unwrap();
    let view = other.desk.view();
    let live: Vec<_> = view
        .live_triggers(&other.desk.strategy_id())
        .map(|t| t.state())
        .collect();
    assert_eq!(live, [S::Placed]);
    assert_eq!(view.trigger(&stage.trigger).unwrap().state(), S::BecameOrder);
    assert_eq!(view.order(&stage.trigger).unwrap().filled(), quantity("0.4"));
    let again = serde_json::to_vec(&other.desk.engine.snapshot().unwrap()).unwrap();
    assert!(written == again, "and is the same");
}
