#![allow(clippy::unwrap_used)]
use super::*;
use colibri_standard::PoolScope;
use proptest::prelude::*;

fn pool(limit: u64, window_ms: u64, aligned: bool) -> Pool {
    Pool {
        scope: PoolScope::Ip,
        limit,
        window_ms,
        aligned,
        usage_header: None,
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
    }
}
fn one(limit: u64, window_ms: u64, aligned: bool) -> (Limiter, PoolIndex) {
    let mut limiter = Limiter::new(LimitShare::WHOLE);
    let index = limiter.register(
        key("p"),
        &pool(limit, window_ms, aligned),
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
    let a = limiter.register(key("a"), &pool(5, 1000, false), &all);
    let b = limiter.register(key("b"), &pool(2, 10_000, false), &all);
    let both = [charge(a, 1), charge(b, 1)];
    assert_eq!(limiter.admit(&both, Priority::Place, at(0)), Admission::Admitted);
    assert_eq!(limiter.admit(&both, Priority::Place, at(1)), Admission::Admitted);
    assert_eq!(
        limiter.admit(&both, Priority::Place, at(2)),
        Admission::NotBefore {
            time: MonoNs(10_000_000_000),
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
    assert_eq!(
        limiter.admit(&[charge(p, 10)], Priority::Query, at(0)),
        Admission::Admitted
    );
    assert_eq!(
        limiter.admit(&[charge(p, 5)], Priority::Query, at(0)),
        Admission::Admitted
    );
    limiter.settle(&[charge(p, 10)]);
    limiter.correct(p, 60, at(10));
    assert_eq!(limiter.usage(p, at(10)).used, 65);
    limiter.correct(p, 20, at(11));
    assert_eq!(limiter.usage(p, at(11)).used, 65, "an older answer lowers nothing");
}

#[test]
fn a_part_is_kept_for_cancels() {
    let mut limiter = Limiter::new(LimitShare::WHOLE);
    let all = BTreeSet::from([Priority::Cancel, Priority::Place, Priority::Query]);
    let p = limiter.register(key("p"), &pool(100, 1000, true), &all);
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
    let mut limiter = Limiter::new(LimitShare::per_mille(200));
    let p = limiter.register(key("p"), &pool(100, 1000, true), &BTreeSet::from([Priority::Query]));
    assert_eq!(
        limiter.admit(&[charge(p, 20)], Priority::Query, at(0)),
        Admission::Admitted
    );
    assert!(matches!(
        limiter.admit(&[charge(p, 1)], Priority::Query, at(1)),
        Admission::NotBefore { .. }
    ));
    limiter.settle(&[charge(p, 20)]);
    limiter.correct(p, 90, at(1001));
    assert!(matches!(
        limiter.admit(&[charge(p, 11)], Priority::Query, at(1002)),
        Admission::NotBefore { .. }
    ));
    assert_eq!(
        limiter.admit(&[charge(p, 10)], Priority::Query, at(1002)),
        Admission::Admitted
    );
}

#[test]
fn two_drivers_with_one_key_share_a_pool() {
    let mut limiter = Limiter::new(LimitShare::WHOLE);
    let some = BTreeSet::from([Priority::Query]);
    let a = limiter.register(key("p"), &pool(10, 1000, true), &some);
    assert_eq!(a, limiter.register(key("p"), &pool(10, 1000, true), &some));
    assert_ne!(a, limiter.register(key("q"), &pool(10, 1000, true), &some));
}

proptest! {
    /// Whatever is asked for, and however long one waits between, no window ever holds more than its limit; and what is
    /// told to wait is admitted at the time it was told.
    #[test]
    fn never_over_the_limit_in_any_window(
        limit in 5u64..60,
        window in 50u64..500,
        aligned in any::<bool>(),
        asks in proptest::collection::vec((0u64..120, 1u64..8, 0u8..3, any::<bool>()), 1..200),
    ) {
        let mut limiter = Limiter::new(LimitShare::WHOLE);
        let all = BTreeSet::from([Priority::Cancel, Priority::Place, Priority::Query]);
        let p = limiter.register(key("p"), &pool(limit, window, aligned), &all);
        let mut now = 1_000_000_000_000u64;
        let mut sent: Vec<(u64, u64)> = Vec::new();
        for (gap, weight, priority, patient) in asks {
            now += gap * 1_000_000;
            let priority = [Priority::Cancel, Priority::Place, Priority::Query][usize::from(priority)];
            let time = |ns: u64| LimiterTime { mono: MonoNs(ns), exchange: WallNs(ns as i64) };
            let mut answer = limiter.admit(&[charge(p, weight)], priority, time(now));
            if let (Admission::NotBefore { time: later, .. }, true) = (answer, patient) {
                prop_assert!(later.0 > now);
                now = later.0;
                answer = limiter.admit(&[charge(p, weight)], priority, time(now));
                prop_assert_eq!(answer, Admission::Admitted);
            }
            if answer == Admission::Admitted {
                sent.push((now, weight));
            } else if weight > limit {
                let never = matches!(answer, Admission::Never { .. });
                prop_assert!(never);
            }
        }
        let length = window * 1_000_000;
        for (i, &(start, _)) in sent.iter().enumerate() {
            let used: u64 = sent[i..]
                .iter()
                .take_while(|(t, _)| if aligned { t / length == start / length } else { *t < start + length })
                .map(|(_, weight)| weight)
                .sum();
            prop_assert!(used <= limit, "{used} of {limit} in a window");
        }
    }
}
