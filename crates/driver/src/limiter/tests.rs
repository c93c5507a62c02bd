#![allow(clippy::unwrap_used)]
use super::*;
use colibri_standard::PoolScope;

fn pool(limit: u64, window_ms: u64, aligned: bool) -> Pool {
    Pool {
        scope: PoolScope::Ip,
        limit,
        window_ms,
        aligned,
        usage_header: None,
        shared: None,
    }
}
fn key(name: &str) -> PoolKey {
    PoolKey {
        exchange: "x live".into(),
        holder: String::new(),
        pool: name.into(),
    }
}
fn at(ms: u64) -> LimiterTime {
    LimiterTime {
        mono: MonoNs(ms * 1_000_000),
        exchange: WallNs(ms as i64 * 1_000_000),
        uncertainty_ns: 0,
    }
}
fn ms(ms: u64) -> MonoNs {
    MonoNs(ms * 1_000_000)
}
fn one(limit: u64, window_ms: u64, aligned: bool) -> (Limiter, PoolIndex) {
    let mut limiter = Limiter::new(LimitShare::WHOLE);
    let index = limiter.register(
        key("p"),
        &pool(limit, window_ms, aligned),
        LimitShare::WHOLE,
        &BTreeSet::from([Priority::Query]),
    );
    (limiter, index)
}
fn charge(pool: PoolIndex, weight: u64) -> Charge {
    Charge { pool, weight }
}

#[test]
fn an_aligned_window_ends_on_the_exchange_clock() {
    let (mut limiter, p) = one(10, 1000, true);
    assert_eq!(
        limiter.admit(&[charge(p, 10)], Priority::Query, at(900)),
        Admission::Admitted
    );
    limiter.settle(&[charge(p, 10)], at(940));
    assert_eq!(
        limiter.admit(&[charge(p, 1)], Priority::Query, at(950)),
        Admission::NotBefore {
            time: MonoNs(1_000_000_000),
            pool: p
        }
    );
    assert_eq!(
        limiter.admit(&[charge(p, 10)], Priority::Query, at(1000)),
        Admission::Admitted
    );
}

#[test]
fn a_clock_that_is_corrected_backwards_begins_no_window_twice() {
    let (mut limiter, p) = one(10, 1000, true);
    assert_eq!(
        limiter.admit(&[charge(p, 10)], Priority::Query, at(1001)),
        Admission::Admitted
    );
    let corrected = LimiterTime {
        mono: MonoNs(1_002_000_000),
        exchange: WallNs(990_000_000),
        uncertainty_ns: 0,
    };
    assert!(matches!(
        limiter.admit(&[charge(p, 1)], Priority::Query, corrected),
        Admission::NotBefore { .. }
    ));
}

#[test]
fn linked_pools_are_charged_together_or_not_at_all() {
    let mut limiter = Limiter::new(LimitShare::WHOLE);
    let all = BTreeSet::from([Priority::Place]);
    let a = limiter.register(key("a"), &pool(5, 1000, false), LimitShare::WHOLE, &all);
    let b = limiter.register(key("b"), &pool(2, 10_000, false), LimitShare::WHOLE, &all);
    let both = [charge(a, 1), charge(b, 1)];
    assert_eq!(limiter.admit(&both, Priority::Place, at(0)), Admission::Admitted);
    assert_eq!(limiter.admit(&both, Priority::Place, at(1)), Admission::Admitted);
    limiter.settle(&both, at(2));
    limiter.settle(&both, at(2));
    assert_eq!(
        limiter.admit(&both, Priority::Place, at(2)),
        Admission::NotBefore {
            time: ms(10_002),
            pool: b
        }
    );
    assert_eq!(
        limiter.usage(a, at(2)).used,
        2,
        "the first pool was not charged for what the second refused"
    );
}

#[test]
fn what_the_exchange_states_counts_and_what_is_in_flight_is_added() {
    let (mut limiter, p) = one(100, 60_000, true);
    for weight in [10, 5] {
        assert_eq!(
            limiter.admit(&[charge(p, weight)], Priority::Query, at(0)),
            Admission::Admitted
        );
    }
    limiter.settle(&[charge(p, 10)], at(10));
    limiter.correct(p, 60, ms(0), at(10));
    assert_eq!(limiter.usage(p, at(10)).used, 65);
    limiter.settle(&[charge(p, 5)], at(30));
    limiter.correct(p, 20, ms(20), at(30));
    assert_eq!(limiter.usage(p, at(30)).used, 20, "a newer answer lowers it");
    limiter.correct(p, 17, ms(15), at(31));
    assert_eq!(limiter.usage(p, at(31)).used, 20, "an older answer lowers nothing");
    limiter.correct(p, 30, ms(15), at(32));
    assert_eq!(limiter.usage(p, at(32)).used, 30, "but it raises");
    limiter.correct(p, 3, ms(33), at(34));
    assert_eq!(limiter.usage(p, at(34)).used, 15, "never below what we have used");
}

#[test]
fn a_statement_of_a_window_that_has_ended_is_not_heeded() {
    let (mut limiter, p) = one(100, 1000, true);
    limiter.admit(&[charge(p, 1)], Priority::Query, at(990));
    limiter.settle(&[charge(p, 1)], at(1010));
    limiter.correct(p, 99, ms(990), at(1010));
    assert_eq!(limiter.usage(p, at(1010)).used, 1, "what was on its way may count here");
    limiter.correct(p, 50, ms(1005), at(1020));
    assert_eq!(limiter.usage(p, at(1020)).used, 50);
}

#[test]
fn a_window_whose_end_is_in_doubt_is_not_begun_before_it_is_certain() {
    let (mut limiter, p) = one(10, 1000, true);
    let doubtful = |ms| LimiterTime {
        uncertainty_ns: 50_000_000,
        ..at(ms)
    };
    assert_eq!(
        limiter.admit(&[charge(p, 6)], Priority::Query, doubtful(960)),
        Admission::Admitted
    );
    limiter.settle(&[charge(p, 6)], doubtful(970));
    assert_eq!(
        limiter.admit(&[charge(p, 5)], Priority::Query, doubtful(1040)),
        Admission::NotBefore {
            time: ms(2050),
            pool: p
        }
    );
    // What was on its way may have counted in the new window too.
    assert_eq!(
        limiter.admit(&[charge(p, 4)], Priority::Query, doubtful(1040)),
        Admission::Admitted
    );
    assert_eq!(limiter.usage(p, doubtful(1050)).used, 10);
    limiter.settle(&[charge(p, 4)], doubtful(1060));
    assert_eq!(limiter.usage(p, doubtful(2050)).used, 0);
}

#[test]
fn what_is_not_answered_never_leaves_a_sliding_window() {
    let (mut limiter, p) = one(10, 1000, false);
    limiter.admit(&[charge(p, 10)], Priority::Query, at(0));
    let later = limiter.admit(&[charge(p, 1)], Priority::Query, at(5_000));
    assert_eq!(
        later,
        Admission::NotBefore {
            time: ms(6_000),
            pool: p
        }
    );
    limiter.settle(&[charge(p, 10)], at(5_500));
    assert_eq!(limiter.usage(p, at(6_400)).used, 10);
    assert_eq!(limiter.usage(p, at(6_500)).used, 0);
}

#[test]
fn a_part_is_kept_for_cancels() {
    let mut limiter = Limiter::new(LimitShare::WHOLE);
    let all = BTreeSet::from([Priority::Cancel, Priority::Place, Priority::Query]);
    let p = limiter.register(key("p"), &pool(100, 1000, true), LimitShare::WHOLE, &all);
    assert_eq!(
        limiter.admit(&[charge(p, 80)], Priority::Query, at(0)),
        Admission::Admitted
    );
    assert!(matches!(
        limiter.admit(&[charge(p, 1)], Priority::Query, at(0)),
        Admission::NotBefore { .. }
    ));
    assert_eq!(
        limiter.admit(&[charge(p, 10)], Priority::Place, at(0)),
        Admission::Admitted
    );
    assert!(matches!(
        limiter.admit(&[charge(p, 1)], Priority::Place, at(0)),
        Admission::NotBefore { .. }
    ));
    assert_eq!(
        limiter.admit(&[charge(p, 10)], Priority::Cancel, at(0)),
        Admission::Admitted
    );
    // Heavier than its priority's part: waits for an empty window, not for ever.
    assert!(matches!(
        limiter.admit(&[charge(p, 95)], Priority::Query, at(1)),
        Admission::NotBefore { .. }
    ));
    for weight in [80, 10, 10] {
        limiter.settle(&[charge(p, weight)], at(2));
    }
    assert_eq!(
        limiter.admit(&[charge(p, 95)], Priority::Query, at(1000)),
        Admission::Admitted
    );
    assert!(matches!(
        limiter.admit(&[charge(p, 101)], Priority::Query, at(2000)),
        Admission::Never { .. }
    ));
}

#[test]
fn a_pause_holds_and_is_never_shortened() {
    let (mut limiter, p) = one(10, 1000, false);
    limiter.pause(p, MonoNs(5_000_000_000));
    limiter.pause(p, MonoNs(1_000_000_000));
    assert_eq!(
        limiter.admit(&[charge(p, 1)], Priority::Query, at(2000)),
        Admission::NotBefore {
            time: MonoNs(5_000_000_000),
            pool: p
        }
    );
    assert_eq!(
        limiter.admit(&[charge(p, 1)], Priority::Query, at(5000)),
        Admission::Admitted
    );
}

#[test]
fn a_share_leaves_the_rest_and_sees_what_others_use() {
    let mut limiter = Limiter::new(LimitShare::per_mille(400));
    let half = LimitShare::per_mille(500);
    let some = BTreeSet::from([Priority::Query]);
    let p = limiter.register(key("p"), &pool(100, 1000, true), half, &some);
    let usage = limiter.usage(p, at(0));
    assert_eq!((usage.limit, usage.whole_limit), (20, 100));
    assert_eq!(
        limiter.admit(&[charge(p, 20)], Priority::Query, at(0)),
        Admission::Admitted
    );
    assert!(matches!(
        limiter.admit(&[charge(p, 1)], Priority::Query, at(1)),
        Admission::NotBefore { .. }
    ));
    limiter.settle(&[charge(p, 20)], at(2));
    limiter.admit(&[], Priority::Query, at(1001));
    limiter.correct(p, 90, ms(1000), at(1001));
    assert!(matches!(
        limiter.admit(&[charge(p, 11)], Priority::Query, at(1002)),
        Admission::NotBefore { .. }
    ));
    assert_eq!(
        limiter.admit(&[charge(p, 10)], Priority::Query, at(1002)),
        Admission::Admitted
    );
    limiter.set_limit(p, 200);
    assert_eq!(limiter.usage(p, at(1002)).limit, 40);
}

#[test]
fn two_drivers_with_one_key_share_a_pool_and_the_smaller_share_holds() {
    let mut limiter = Limiter::new(LimitShare::WHOLE);
    let some = BTreeSet::from([Priority::Query]);
    let (whole, half) = (LimitShare::WHOLE, LimitShare::per_mille(500));
    let a = limiter.register(key("p"), &pool(10, 1000, true), whole, &some);
    assert_eq!(a, limiter.register(key("p"), &pool(10, 1000, true), half, &some));
    assert_ne!(a, limiter.register(key("q"), &pool(10, 1000, true), whole, &some));
    assert_eq!(limiter.usage(a, at(0)).limit, 5);
}

#[test]
fn a_small_pool_keeps_one_for_each_higher_priority() {
    let mut limiter = Limiter::new(LimitShare::WHOLE);
    let all = BTreeSet::from([Priority::Cancel, Priority::Place]);
    let p = limiter.register(key("p"), &pool(5, 1000, false), LimitShare::WHOLE, &all);
    for _ in 0..4 {
        assert_eq!(
            limiter.admit(&[charge(p, 1)], Priority::Place, at(0)),
            Admission::Admitted
        );
    }
    assert!(matches!(
        limiter.admit(&[charge(p, 1)], Priority::Place, at(0)),
        Admission::NotBefore { .. }
    ));
    assert_eq!(
        limiter.admit(&[charge(p, 1)], Priority::Cancel, at(0)),
        Admission::Admitted
    );
}

/// Two drivers share it: each is made anew after the other, and goes on from a snapshot that holds the pools of both.
#[test]
fn what_is_used_is_kept_where_several_share_it() {
    let queries = BTreeSet::from([Priority::Query]);
    let spec = pool(10, 1000, false);
    let mut limiter = Limiter::new(LimitShare::WHOLE);
    let register = |limiter: &mut Limiter, name| limiter.register(key(name), &spec, LimitShare::WHOLE, &queries);
    let (shared, of_one) = (register(&mut limiter, "z"), register(&mut limiter, "a"));
    let of_other = register(&mut limiter, "b");
    for pool in [shared, of_one, of_other] {
        assert_eq!(
            limiter.admit(&[charge(pool, 10)], Priority::Query, at(0)),
            Admission::Admitted
        );
    }
    let kept = limiter.kept();

    let mut again = Limiter::new(LimitShare::WHOLE);
    assert_eq!((register(&mut again, "z"), register(&mut again, "a")), (shared, of_one));
    again.go_on_from(kept.clone()).unwrap();
    assert_eq!(
        (register(&mut again, "z"), register(&mut again, "b")),
        (shared, of_other)
    );
    again.go_on_from(kept.clone()).unwrap();
    for pool in [shared, of_one, of_other] {
        let room = again.admit(&[charge(pool, 1)], Priority::Query, at(500));
        assert!(matches!(room, Admission::NotBefore { .. }), "{room:?}");
    }

    let mut other = Limiter::new(LimitShare::WHOLE);
    register(&mut other, "a");
    assert!(other.go_on_from(kept).is_err(), "of another manifest");
}
