//! What the exchange refuses until later is told to every driver and every bulk lane that uses the address or the account,
//! whoever heard it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use colibri_abi::{Connector, Grant, Instance, Now, OrderOp, Out, Response};
use colibri_desk::{Desk, DeskAction, DeskInput, DeskVenue, Unobserved};
use colibri_driver::bulk_lane::BulkReport;
use colibri_driver::{
    Driver, DriverIndex, DriverSetup, HostTime, Input, LimitShare, Limiter, Rest, Resting, SharedLimiter,
};
use colibri_engine::{ContractChoices, Engine, EngineSetup, VenueIndex, VenueSetup};
use colibri_model::{AccountId, Journal, JournalError, Millis, MonoNs, OpId, Record, VenueId, WallNs};
use colibri_standard::{Balances, Command, ConnectorManifest, Manifest, Outcome, Refusal, RejectReason};

const MANIFEST: &str = r#"
    [library]
    name = "example"
    version = "0.1.0"
    abi = "1.0"
    maintainer = "someone"
    licence = "Apache-2.0"
    [[connector]]
    name = "example"
    standard = "spot"
    documentation = "https://example.com/api"
    orders = { place = "place", cancel = "place" }
    book = { rule = "overlap", snapshot_by_request = true, snapshot_depth = 1000 }
    client_id = { max_length = 36 }
    environments.live = { rest = "https://api.example.com/v1" }
    pools.weight = { scope = "ip", limit = 10, window_ms = 1000 }
    endpoints.place = { method = "POST", host = "rest", path = "/order", costs = [{ pool = "weight", weight = 1 }] }
"#;

/// An exchange that bans whoever asks for anything.
struct Banned;

impl Instance for Banned {
    fn command(&mut self, _: Now, op: u64, _: &str, _: &[u8], out: &mut Out<'_>) {
        let refusal = Refusal::new(RejectReason::NoRoom, "banned");
        let outcome = Outcome::Banned { until: None, refusal };
        out.complete(op, outcome.kind(), &outcome.to_json());
    }
    fn orders(&mut self, _: Now, _: &[OrderOp], _: &mut Out<'_>) {}
    fn granted(&mut self, _: Now, _: &Grant, _: &mut Out<'_>) {}
    fn response(&mut self, _: Now, _: &Response<'_>, _: &mut Out<'_>) {}
    fn ended(&mut self, _: Now, _: u64, _: u32, _: &mut Out<'_>) {}
    fn stream_opened(&mut self, _: Now, _: u32, _: &mut Out<'_>) {}
    fn frame(&mut self, _: Now, _: u32, _: u32, _: &[u8], _: &mut Out<'_>) {}
    fn stream_closed(&mut self, _: Now, _: u32, _: u32, _: &str, _: &mut Out<'_>) {}
    fn timer(&mut self, _: Now, _: u64, _: &mut Out<'_>) {}
    fn snapshot(&mut self, _: &mut Out<'_>) {}
}

#[derive(Debug)]
struct Nowhere;

impl Journal for Nowhere {
    fn append(&mut self, _: &[Record]) -> Result<(), JournalError> {
        Ok(())
    }
}

fn manifest() -> ConnectorManifest {
    Manifest::parse(MANIFEST).unwrap().connector("example").unwrap().clone()
}

fn driver(venue: &str, address: &str, limiter: &SharedLimiter) -> Driver {
    let mut setup = DriverSetup::new(VenueId::new(venue).unwrap(), manifest());
    setup.addresses.insert("rest".to_owned(), address.to_owned());
    Driver::new(&setup, Connector::linked(Banned), limiter.clone()).unwrap()
}

/// Two venues of one exchange and one of another, each with a bulk lane.
fn desk() -> Desk<Nowhere> {
    let limiter = Limiter::shared(LimitShare::WHOLE);
    let mut engine = Engine::new(EngineSetup::default(), Nowhere);
    let mut venues = Vec::new();
    for (name, address) in [
        ("a", "https://one.example.com"),
        ("b", "https://one.example.com"),
        ("c", "https://two.example.com"),
    ] {
        engine.add_venue(VenueSetup {
            venue: VenueId::new(name).unwrap(),
            account: AccountId::new("main").unwrap(),
            manifest: manifest(),
            pairs: Vec::new(),
            environment: "live".to_owned(),
            adopt: BTreeSet::new(),
            contracts: ContractChoices::default(),
        });
        venues.push(DeskVenue::new(driver(name, address, &limiter)).with_bulk_lane());
    }
    Desk::new(engine, venues)
}

fn at(ms: u64) -> HostTime {
    HostTime::new(MonoNs(ms * 1_000_000), WallNs(0))
}

fn told(desk: &mut Desk<Nowhere>) -> Vec<(usize, Rest)> {
    let rests = desk.take_actions().filter_map(|action| match action {
        DeskAction::BulkRest { venue, rest } => Some((venue.0, rest)),
        _ => None,
    });
    rests.collect()
}

/// Which venues' drivers admit nothing at a time.
fn resting(desk: &Desk<Nowhere>) -> Vec<bool> {
    let rests = |venue: &DeskVenue| {
        venue
            .driver()
            .health()
            .pools
            .iter()
            .any(|pool| pool.paused_until.is_some())
    };
    desk.venues().iter().map(rests).collect()
}

#[test]
fn what_a_bulk_lane_hears_reaches_the_drivers_and_the_other_lanes_of_the_address() {
    let mut desk = desk();
    let rest = Rest {
        what: Resting::Everything,
        span: Millis(30_000),
    };
    let input = DeskInput::Bulk {
        venue: VenueIndex(1),
        report: BulkReport::Rest(rest.clone()),
    };
    desk.post(at(1_000), input, &mut Unobserved);
    assert_eq!(told(&mut desk), [(0, rest.clone()), (1, rest)]);
    assert_eq!(resting(&desk), [true, true, false]);
    desk.post(at(1_000), DeskInput::Turn, &mut Unobserved);
    let banned = desk.take_actions().filter(|action| match action {
        DeskAction::Log { text, .. } => text.contains("banned this address for 30 s"),
        _ => false,
    });
    assert_eq!(banned.count(), 2, "the engine knows it of both venues");
}

#[test]
fn what_a_driver_hears_reaches_the_lanes_and_the_other_drivers_of_the_address() {
    let mut desk = desk();
    let input = DeskInput::Driver {
        driver: DriverIndex(0),
        input: Input::Command {
            op: OpId(1),
            command: &Command::Balances(Balances {}),
        },
    };
    desk.post(at(1_000), input, &mut Unobserved);
    let told = told(&mut desk);
    let lanes: Vec<usize> = told.iter().map(|(venue, _)| *venue).collect();
    assert_eq!(lanes, [0, 1]);
    assert!(
        told.iter().all(|(_, rest)| rest.what == Resting::Everything),
        "{told:?}"
    );
    assert_eq!(resting(&desk), [true, true, false]);
}
