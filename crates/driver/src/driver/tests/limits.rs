//! Admission: pools, priorities, pauses, what the exchange states, one at a time.

use colibri_abi::op_kind;

use super::*;
use crate::{Rest, Resting};

fn used(bench: &Bench, pool: &str) -> u64 {
    bench
        .driver
        .health()
        .pools
        .iter()
        .find(|p| p.pool == pool)
        .unwrap()
        .used
}

#[test]
fn orders_wait_for_room_and_end_as_not_sent_where_none_comes() {
    let mut bench = Bench::new(ordinary);
    for op in 1..=3 {
        bench.place(op);
    }
    assert_eq!(bench.requests().len(), 2);
    assert_eq!(bench.driver.health().queued, 1);
    bench.pass(5_001);
    assert_eq!(reason(bench.outcome(3)), Some(RejectReason::NoRoom));
    assert!(
        !bench.heard().iter().any(|h| matches!(h, Heard::Ended(3, _))),
        "the connector never saw it"
    );
}

/// As [`ordinary`], where a minute has room for five queries.
fn of_a_minute() -> Bench {
    let mut setup = setup();
    let pool = setup.manifest.pools.get_mut("weight").unwrap();
    pool.window_ms = 60_000;
    let (connector, heard) = scripted(|now, heard, out| match heard {
        Heard::Command(op, kind, _) if kind == "server_time" => unsupported(*op, out),
        _ => ordinary(now, heard, out),
    });
    Bench::set_up(&setup, connector, heard)
}

#[test]
fn a_question_waits_for_the_limit_s_next_window_and_its_deadline_counts_from_when_it_is_sent() {
    let mut bench = of_a_minute();
    for op in 1..=8 {
        bench.command(op, &balances());
    }
    let first = bench.requests();
    assert!(first.len() < 8, "a window holds no more");
    for request in &first {
        bench.answer(request.id, 200, &[], "");
    }
    bench.heard.lock().unwrap().clear();
    let waiting = 8 - first.len();
    bench.pass(15_000);
    assert_eq!(
        bench.driver.health().queued,
        waiting,
        "long after the deadline of an answer"
    );
    assert_eq!((bench.told.completed.len(), bench.heard().len()), (first.len(), 0));
    let mut sent = Vec::new();
    for _ in 0..120 {
        bench.pass(1_000);
        sent = bench.requests();
        if !sent.is_empty() {
            break;
        }
    }
    assert_eq!(sent.len(), waiting, "with the next window, each once");
    bench.pass(3_900);
    assert_eq!(
        bench.driver.health().counts.reruns,
        0,
        "they have as long as any for an answer"
    );
    for request in &sent {
        bench.answer(request.id, 200, &[], "");
    }
    for op in 1..=8 {
        assert_eq!(bench.outcome(op), Some(&Outcome::Done));
    }
}

#[test]
fn a_question_that_waits_for_room_ends_with_its_life_or_with_a_ban() {
    let mut bench = of_a_minute();
    for op in 1..=8 {
        bench.command(op, &balances());
    }
    let sent = bench.requests();
    // A limit that lets nothing through for an hour.
    bench.answer(sent[0].id, 429, &[], "3600000");
    for request in &sent[1..] {
        bench.answer(request.id, 200, &[], "");
    }
    bench.pass(299_000);
    assert_eq!(bench.outcome(8), None);
    bench.pass(2_000);
    assert_eq!(reason(bench.outcome(8)), Some(RejectReason::NoRoom));

    let mut bench = of_a_minute();
    for op in 1..=8 {
        bench.command(op, &balances());
    }
    let sent = bench.requests();
    bench.answer(sent[0].id, 418, &[], "");
    bench.pass(4_100);
    assert_eq!(reason(bench.outcome(8)), Some(RejectReason::NoRoom));
}

#[test]
fn cancels_overtake_placements_that_wait() {
    let mut bench = Bench::new(ordinary);
    for op in 1..=2 {
        bench.place(op);
    }
    bench.place(3);
    bench.order(4, op_kind::CANCEL);
    let methods: Vec<String> = bench.requests().iter().map(|r| r.method.clone()).collect();
    assert_eq!(methods, ["POST", "POST", "DELETE"]);
}

#[test]
fn what_success_gives_back_and_what_was_not_sent_is_room_again() {
    let mut bench = Bench::new(ordinary);
    for op in 1..=3 {
        bench.place(op);
    }
    let requests = bench.requests();
    assert_eq!(used(&bench, "orders"), 2);
    bench.answer(requests[0].id, 200, &[], "");
    assert_eq!(bench.requests().len(), 1, "the third went out in the room of the first");
    bench.fail(requests[1].id, HttpFailure::NotSent("refused".into()));
    assert_eq!(used(&bench, "orders"), 1);
}

#[test]
fn a_usage_header_corrects_the_pool() {
    let mut bench = Bench::new(ordinary);
    // The middle of a window: its ends are in doubt as long as the clock is.
    bench.now_ms += 500;
    bench.command(1, &balances());
    let request = bench.requests()[0].id;
    bench.answer(request, 200, &[("x-used", "9")], "");
    assert_eq!(used(&bench, "weight"), 9);
    bench.command(2, &balances());
    assert!(bench.requests().is_empty());
    bench.pass(1_000);
    assert_eq!(bench.requests().len(), 1, "the next window has room");
    bench.now_ms += 10_000;
    bench.command(3, &balances());
    let request = bench.requests()[0].id;
    bench.answer(request, 200, &[("x-used", "1")], "");
    assert_eq!(
        used(&bench, "weight"),
        4,
        "never below what we have used ourselves, and what is out still"
    );
}

#[test]
fn a_429_rests_the_pool_and_the_query_is_run_again_after_it() {
    let mut bench = Bench::new(ordinary);
    bench.command(1, &balances());
    let request = bench.requests()[0].id;
    bench.answer(request, 429, &[], "3000");
    bench.place(2);
    bench.pass(2_900);
    assert!(bench.requests().is_empty());
    bench.pass(200);
    let requests = bench.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].method, "POST", "the placement first");
    assert_eq!(bench.driver.health().counts.throttled, 1);
}

#[test]
fn a_limit_on_new_orders_holds_no_cancel_up() {
    let mut bench = Bench::new(|now, heard, out| match heard {
        Heard::Response(op, 429, _) => {
            let outcome = Outcome::Throttled {
                retry_after: Some(Millis(3_000)),
                pool: Some("orders".into()),
                refusal: Refusal::new(RejectReason::NoRoom, "too many new orders"),
            };
            finish(*op, &outcome, out);
        }
        _ => ordinary(now, heard, out),
    });
    bench.place(1);
    let request = bench.requests()[0].id;
    bench.answer(request, 429, &[], "");
    bench.place(2);
    bench.order(3, op_kind::CANCEL);
    let methods: Vec<String> = bench.requests().iter().map(|r| r.method.clone()).collect();
    assert_eq!(methods, ["DELETE"], "the placement waits, the cancel does not");
    bench.pass(3_100);
    assert_eq!(bench.requests().len(), 1, "then the placement goes");
}

#[test]
fn a_ban_stops_everything_until_it_ends() {
    let mut bench = Bench::new(ordinary);
    bench.place(1);
    let request = bench.requests()[0].id;
    bench.answer(request, 418, &[], "");
    assert!(matches!(bench.outcome(1), Some(Outcome::Banned { .. })));
    bench.order(2, op_kind::CANCEL);
    bench.pass(119_000);
    assert!(bench.requests().is_empty());
    assert_eq!(reason(bench.outcome(2)), Some(RejectReason::NoRoom));
    bench.order(3, op_kind::CANCEL);
    bench.pass(2_000);
    assert_eq!(bench.requests().len(), 1);
}

#[test]
fn a_ban_without_end_is_taken_for_three_days_and_said_to_be() {
    let mut bench = Bench::new(|now, heard, out| match heard {
        Heard::Response(op, 418, _) => {
            let outcome = Outcome::Banned {
                until: Some(WallNs(i64::MAX)),
                refusal: Refusal::new(RejectReason::NoRoom, "banned"),
            };
            finish(*op, &outcome, out);
        }
        _ => ordinary(now, heard, out),
    });
    bench.place(1);
    let request = bench.requests()[0].id;
    bench.answer(request, 418, &[], "");
    let Some(Outcome::Banned { until: Some(until), .. }) = bench.outcome(1) else {
        panic!("{:?}", bench.outcome(1));
    };
    assert!(until.0 < i64::MAX, "the engine is told the bounded one");
    let said = |(_, text): &(LogLevel, String)| text.contains("no more than 3 days are taken");
    assert!(bench.told.log.iter().any(said), "{:?}", bench.told.log);
    let day = 86_400_000;
    bench.pass(3 * day - 10_000);
    bench.order(2, op_kind::CANCEL);
    assert!(bench.requests().is_empty());
    bench.pass(20_000);
    bench.order(3, op_kind::CANCEL);
    assert_eq!(bench.requests().len(), 1);
}

#[test]
fn a_429_rests_a_pool_for_an_hour_at_most() {
    let mut bench = Bench::new(ordinary);
    bench.command(1, &balances());
    let request = bench.requests()[0].id;
    bench.answer(request, 429, &[], "99999999999");
    let Some(Outcome::Throttled { retry_after, .. }) = bench.outcome(1) else {
        panic!("{:?}", bench.outcome(1));
    };
    assert_eq!(*retry_after, Some(Millis(3_600_000)));
    bench.pass(3_590_000);
    bench.place(2);
    assert!(bench.requests().is_empty());
    bench.pass(20_000);
    bench.place(3);
    assert_eq!(bench.requests().len(), 1);
}

#[test]
fn one_at_a_time_where_the_exchange_wants_nonces_in_order() {
    let mut bench = Bench::new(|now, heard, out| match heard {
        Heard::Granted(grant) => {
            plain_request(grant.op, "serial", "https://api.example.com/v1/serial", out);
        }
        _ => ordinary(now, heard, out),
    });
    let fees = Command::Fees(colibri_standard::Fees {
        instrument: Default::default(),
    });
    bench.command(1, &fees);
    bench.command(2, &fees);
    let first = bench.requests();
    assert_eq!(first.len(), 1);
    bench.answer(first[0].id, 200, &[], "");
    assert_eq!(bench.requests().len(), 1);
    let grants: Vec<u64> = bench
        .heard()
        .iter()
        .filter_map(|h| match h {
            Heard::Granted(grant) => Some(grant.nonce),
            _ => None,
        })
        .collect();
    assert!(grants[1] > grants[0]);
}

#[test]
fn two_drivers_of_one_address_share_its_pools_and_not_their_accounts() {
    let limiter = Limiter::shared(LimitShare::WHOLE);
    let mut benches = Vec::new();
    for account in ["a", "b"] {
        let (connector, heard) = scripted(ordinary);
        let mut bench = Bench::with(connector, heard);
        let (connector, heard) = scripted(ordinary);
        let mut setup = setup();
        setup.account = Some(AccountId::new(account).unwrap());
        bench.driver = Driver::new(&setup, connector, limiter.clone()).unwrap();
        bench.heard = heard;
        benches.push(bench);
    }
    benches[0].place(1);
    assert_eq!((used(&benches[0], "weight"), used(&benches[0], "orders")), (1, 1));
    benches[1].place(1);
    assert_eq!((used(&benches[0], "weight"), used(&benches[0], "orders")), (2, 1));
}

#[test]
fn an_address_is_the_same_whatever_its_environment_is_called_and_another_is_not() {
    let limiter = Limiter::shared(LimitShare::WHOLE);
    let made = |change: &dyn Fn(&mut DriverSetup)| {
        let (connector, heard) = scripted(ordinary);
        let mut bench = Bench::with(connector, heard);
        let (connector, heard) = scripted(ordinary);
        let mut setup = setup();
        change(&mut setup);
        bench.driver = Driver::new(&setup, connector, limiter.clone()).unwrap();
        bench.heard = heard;
        bench
    };
    let mut first = made(&|_| {});
    let second = made(&|setup| {
        setup.venue = VenueId::new("second").unwrap();
        setup.account = Some(AccountId::new("other").unwrap());
        let live = setup.manifest.environments["live"].clone();
        setup.manifest.environments.insert("alias".into(), live);
        setup.environment = "alias".into();
    });
    let third = made(&|setup| {
        setup
            .addresses
            .insert("rest".into(), "https://elsewhere.example.com/v1".into());
    });
    first.place(1);
    let all = |pool| [&first, &second, &third].map(|bench| used(bench, pool));
    assert_eq!(all("weight"), [1, 1, 0]);
    assert_eq!(all("orders"), [1, 0, 0], "an account is counted at an address too");
}

/// A connector of an exchange that has several: each asks addresses of its own, and the weight is counted at one place.
fn of_one_exchange(limiter: &crate::SharedLimiter, name: &str, environment: &str) -> Bench {
    let (connector, heard) = scripted(ordinary);
    let mut bench = Bench::with(connector, heard);
    let (connector, heard) = scripted(ordinary);
    let mut setup = setup();
    setup.venue = VenueId::new(name).unwrap();
    setup.manifest.name = name.to_owned();
    let live = setup.manifest.environments["live"].clone();
    setup.manifest.environments.insert("demo".into(), live);
    setup.environment = environment.to_owned();
    if name == "perpetual" {
        let host = "https://contracts.example.com/v1".to_owned();
        setup.addresses.insert("rest".into(), host);
    }
    setup.manifest.pools.get_mut("weight").unwrap().shared = Some("example".to_owned());
    bench.driver = Driver::new(&setup, connector, limiter.clone()).unwrap();
    bench.heard = heard;
    bench
}

#[test]
fn connectors_of_one_exchange_share_the_pools_that_they_name_alike() {
    let limiter = Limiter::shared(LimitShare::WHOLE);
    let mut spot = of_one_exchange(&limiter, "spot", "live");
    let perpetual = of_one_exchange(&limiter, "perpetual", "live");
    let demo = of_one_exchange(&limiter, "perpetual", "demo");
    spot.place(1);
    let all = |pool| [&spot, &perpetual, &demo].map(|bench| used(bench, pool));
    assert_eq!(all("weight"), [1, 1, 0]);
    assert_eq!(all("orders"), [1, 0, 0], "a pool without a word is the connector's own");
}

/// What the exchange states of a shared pool to one connector, or refuses it by, holds for the other: together they never ask
/// for more than there is.
#[test]
fn what_one_connector_is_told_of_a_shared_pool_holds_for_the_other() {
    let limiter = Limiter::shared(LimitShare::WHOLE);
    let mut spot = of_one_exchange(&limiter, "spot", "live");
    let mut contracts = of_one_exchange(&limiter, "contracts", "live");
    for bench in [&mut spot, &mut contracts] {
        bench.now_ms += 500;
    }
    spot.command(1, &balances());
    let request = spot.requests()[0].id;
    spot.answer(request, 200, &[("x-used", "9")], "");
    assert_eq!(used(&contracts, "weight"), 9);
    contracts.command(1, &balances());
    assert!(contracts.requests().is_empty(), "the other has left no room");
    contracts.pass(1_000);
    let request = contracts.requests()[0].id;
    contracts.answer(request, 429, &[], "3000");
    spot.now_ms = contracts.now_ms;
    spot.command(2, &balances());
    assert!(spot.requests().is_empty(), "refused to one, it rests for both");
    spot.pass(3_100);
    assert_eq!(spot.requests().len(), 1);
}

#[test]
fn a_share_of_the_limits_is_all_that_is_used() {
    let (connector, heard) = scripted(ordinary);
    let mut bench = Bench::with(connector, heard);
    let mut half = setup();
    half.limit_shares.every = LimitShare::per_mille(500);
    half.limit_shares.pools = BTreeMap::from([("weight".to_owned(), LimitShare::per_mille(200))]);
    let (connector, _) = scripted(ordinary);
    bench.driver = Driver::new(&half, connector, Limiter::shared(LimitShare::WHOLE)).unwrap();
    let limits: BTreeMap<String, (u64, u64)> = bench
        .driver
        .health()
        .pools
        .into_iter()
        .map(|p| (p.pool, (p.limit, p.whole_limit)))
        .collect();
    assert_eq!(limits["weight"], (2, 10));
    assert_eq!(limits["orders"], (1, 2));
    bench.place(1);
    bench.place(2);
    assert_eq!(bench.requests().len(), 1);

    half.limit_shares.pools = BTreeMap::from([("wieght".to_owned(), LimitShare::WHOLE)]);
    let (connector, _) = scripted(ordinary);
    let error = Driver::new(&half, connector, Limiter::shared(LimitShare::WHOLE)).unwrap_err();
    assert!(error.to_string().contains("\"wieght\"; it has"), "{error}");
}

#[test]
fn what_is_in_flight_when_a_window_ends_counts_in_the_next() {
    let mut bench = Bench::new(ordinary);
    bench.now_ms += 500;
    for op in 1..=4 {
        bench.command(op, &balances());
    }
    assert_eq!(bench.requests().len(), 4);
    bench.pass(3_000);
    bench.command(5, &balances());
    assert!(
        bench.requests().is_empty(),
        "all that were sent may arrive in this window"
    );
}

#[test]
fn a_ban_ends_when_the_exchange_says_by_its_own_clock() {
    let mut bench = Bench::new(|now, heard, out| match heard {
        Heard::Response(op, 418, _) => {
            let until = Some(WallNs(now.exchange_ns + 7_000_000_000));
            let refusal = Refusal::new(RejectReason::NoRoom, "banned");
            finish(*op, &Outcome::Banned { until, refusal }, out);
        }
        _ => ordinary(now, heard, out),
    });
    bench.place(1);
    let request = bench.requests()[0].id;
    bench.answer(request, 418, &[], "");
    bench.pass(3_000);
    bench.order(2, op_kind::CANCEL);
    bench.pass(3_900);
    assert!(bench.requests().is_empty());
    bench.pass(200);
    assert_eq!(bench.requests().len(), 1);
}

fn rest(what: Resting, span: u64) -> Rest {
    Rest {
        what,
        span: Millis(span),
    }
}

/// What one driver hears is told once, and kept by another that does not share its limiter: a bulk lane's.
#[test]
fn a_ban_that_one_driver_hears_is_kept_by_the_others() {
    let mut hears = Bench::new(ordinary);
    let mut other = Bench::new(ordinary);
    hears.place(1);
    let request = hears.requests()[0].id;
    hears.answer(request, 418, &[], "");
    let rests = hears.driver.take_rests();
    assert_eq!(rests, [rest(Resting::Everything, 120_000)]);
    assert_eq!(hears.driver.take_rests(), [], "once");
    // A shorter one that is heard later shortens nothing.
    for heard in [&rests[0], &rest(Resting::Everything, 1_000)] {
        let time = other.time();
        other.driver.rest(time, heard);
    }
    assert_eq!(other.driver.take_rests(), [], "it is not told back");
    other.order(2, op_kind::CANCEL);
    other.pass(119_000);
    assert!(other.requests().is_empty());
    other.order(3, op_kind::CANCEL);
    other.pass(1_100);
    assert_eq!(other.requests().len(), 1, "then it goes");
}

/// The answer 429 rests the pools that it names, or those that were charged, and no others.
#[test]
fn a_pool_that_one_driver_hears_to_rest_rests_at_the_others() {
    let mut hears = Bench::new(|now, heard, out| match heard {
        Heard::Response(op, 429, _) => {
            let outcome = Outcome::Throttled {
                retry_after: Some(Millis(3_000)),
                pool: Some("orders".into()),
                refusal: Refusal::new(RejectReason::NoRoom, "too many new orders"),
            };
            finish(*op, &outcome, out);
        }
        _ => ordinary(now, heard, out),
    });
    hears.place(1);
    let request = hears.requests()[0].id;
    hears.answer(request, 429, &[], "");
    let rests = hears.driver.take_rests();
    assert_eq!(rests, [rest(Resting::Pool("orders".to_owned()), 3_000)]);
    let mut other = Bench::new(ordinary);
    let time = other.time();
    other.driver.rest(time, &rests[0]);
    other
        .driver
        .rest(time, &rest(Resting::Pool("not here".to_owned()), 3_000));
    other.place(2);
    other.order(3, op_kind::CANCEL);
    let methods: Vec<String> = other.requests().iter().map(|r| r.method.clone()).collect();
    assert_eq!(methods, ["DELETE"]);
    other.pass(3_100);
    assert_eq!(other.requests().len(), 1);
}

/// Among drivers of one limiter something rests for another where that one's pools are the same.
#[test]
fn what_rests_is_another_venue_s_affair_where_it_shares_the_address_or_the_account() {
    let limiter = Limiter::shared(LimitShare::WHOLE);
    let made = |change: &dyn Fn(&mut DriverSetup)| {
        let (connector, _) = scripted(ordinary);
        let mut setup = setup();
        change(&mut setup);
        Driver::new(&setup, connector, limiter.clone()).unwrap()
    };
    let first = made(&|_| {});
    let account = made(&|setup| setup.account = Some(AccountId::new("other").unwrap()));
    let elsewhere = made(&|setup| {
        let address = "https://elsewhere.example.com/v1".into();
        setup.addresses.insert("rest".into(), address);
    });
    let (connector, _) = scripted(ordinary);
    let lane = Driver::new(&setup(), connector, Limiter::shared(LimitShare::WHOLE)).unwrap();
    let (ban, weight) = (
        rest(Resting::Everything, 5),
        rest(Resting::Pool("weight".to_owned()), 5),
    );
    let orders = rest(Resting::Pool("orders".to_owned()), 5);
    let told = |to: &Driver| [&ban, &weight, &orders].map(|rest| first.rest_for(rest, to));
    assert_eq!(told(&account), [Some(ban.clone()), Some(weight.clone()), None]);
    assert_eq!(told(&elsewhere), [None, None, None]);
    assert_eq!(told(&lane), [None, None, None], "it is told by its venue's number");
}
