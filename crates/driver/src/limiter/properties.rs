//! The limiter against a model of the exchange that knows nothing of it.
#![allow(clippy::unwrap_used)]

use colibri_standard::PoolScope;
use proptest::prelude::*;

use super::*;

/// A request on its way: when it counts at the exchange, when its answer is back, what it costs.
#[derive(Debug, Clone)]
struct Underway {
    arrives: u64,
    /// In its own time, once it has arrived.
    counted_at: i64,
    answered: u64,
    asked: u64,
    charges: Vec<Charge>,
    /// What the answer's usage header says more than the exchange has counted: of others, or nonsense.
    header: Option<i64>,
    given_back: bool,
}

/// What an exchange does: windows of its own clock, requests counted when they arrive.
#[derive(Debug, Default)]
struct Exchange {
    /// Per pool: when what arrived, in its own time.
    counted: Vec<Vec<(i64, u64)>>,
}

impl Exchange {
    fn used(&self, pool: usize, spec: &Pool, now: i64) -> u64 {
        let length = spec.window_ms as i64 * 1_000_000;
        self.counted[pool]
            .iter()
            .filter(|(at, _)| {
                if spec.aligned {
                    at.div_euclid(length) == now.div_euclid(length)
                } else {
                    *at > now - length
                }
            })
            .map(|(_, weight)| weight)
            .sum()
    }
}

fn a_pool() -> impl Strategy<Value = Pool> {
    (5u64..60, 50u64..2_000, any::<bool>()).prop_map(|(limit, window_ms, aligned)| Pool {
        scope: PoolScope::Ip,
        limit,
        window_ms,
        aligned,
        usage_header: None,
        shared: None,
    })
}

/// What is asked for: how long after the last, the weights per pool, the priority, the way there and back, what the answer
/// says, whether one waits for room.
#[derive(Debug, Clone)]
struct Ask {
    gap_ms: u64,
    weights: Vec<u64>,
    priority: Priority,
    there_ms: u64,
    back_ms: u64,
    header: Option<i64>,
    given_back: bool,
    patient: bool,
}

fn an_ask() -> impl Strategy<Value = Ask> {
    let priority = prop_oneof![Just(Priority::Cancel), Just(Priority::Place), Just(Priority::Query)];
    (
        (0u64..150, proptest::collection::vec(0u64..8, 2), priority),
        (0u64..400, 0u64..400),
        (proptest::option::of(-80i64..80), any::<bool>(), any::<bool>()),
    )
        .prop_map(
            |((gap_ms, weights, priority), (there_ms, back_ms), (header, given_back, patient))| Ask {
                gap_ms,
                weights,
                priority,
                there_ms,
                back_ms,
                header,
                given_back,
                patient,
            },
        )
}

struct Bench {
    specs: Vec<Pool>,
    limiter: Limiter,
    pools: Vec<PoolIndex>,
    exchange: Exchange,
    underway: Vec<Underway>,
    offset: i64,
    uncertainty: u64,
    now: u64,
}

impl Bench {
    fn new(specs: Vec<Pool>, offset: i64, uncertainty: u64) -> Bench {
        let mut limiter = Limiter::new(LimitShare::WHOLE);
        let all = BTreeSet::from([Priority::Cancel, Priority::Place, Priority::Query]);
        let pools = specs.iter().enumerate().map(|(i, spec)| {
            let key = PoolKey {
                exchange: "x".into(),
                holder: String::new(),
                pool: i.to_string(),
            };
            limiter.register(key, spec, LimitShare::WHOLE, &all)
        });
        let pools = pools.collect();
        Bench {
            exchange: Exchange {
                counted: vec![Vec::new(); specs.len()],
            },
            specs,
            limiter,
            pools,
            underway: Vec::new(),
            offset,
            uncertainty,
            now: 1_000_000_000_000,
        }
    }

    /// The exchange's own time: ours is wrong by `offset`, which we do not know.
    fn truth(&self, mono: u64) -> i64 {
        mono as i64 + self.offset
    }

    fn time(&self) -> LimiterTime {
        LimiterTime {
            mono: MonoNs(self.now),
            exchange: WallNs(self.now as i64),
            uncertainty_ns: self.uncertainty,
        }
    }

    /// Time passes: requests arrive and are counted, answers come and are heeded.
    fn pass_to(&mut self, until: u64) -> Result<(), TestCaseError> {
        loop {
            let next = self.underway.iter().enumerate().min_by_key(|(_, u)| {
                if u.arrives == 0 {
                    u.answered
                } else {
                    u.arrives.min(u.answered)
                }
            });
            let Some((at, what)) = next.map(|(at, u)| (at, u.clone())) else {
                break;
            };
            if what.arrives != 0 {
                if what.arrives > until {
                    break;
                }
                let arrived = self.truth(what.arrives);
                for charge in &what.charges {
                    let pool = self.pools.iter().position(|p| *p == charge.pool).unwrap();
                    self.exchange.counted[pool].push((arrived, charge.weight));
                    let used = self.exchange.used(pool, &self.specs[pool], arrived);
                    let limit = self.specs[pool].limit;
                    prop_assert!(used <= limit, "{used} of {limit} in a window of pool {pool}");
                }
                self.underway[at].arrives = 0;
                self.underway[at].counted_at = arrived;
                continue;
            }
            if what.answered > until {
                break;
            }
            self.now = what.answered;
            let time = self.time();
            self.limiter.settle(&what.charges, time);
            for charge in &what.charges {
                let pool = self.pools.iter().position(|p| *p == charge.pool).unwrap();
                let counted = self.exchange.used(pool, &self.specs[pool], self.truth(self.now));
                if let Some(more) = what.header {
                    let stated = counted.saturating_add_signed(more);
                    self.limiter.correct(charge.pool, stated, MonoNs(what.asked), time);
                }
                if what.given_back {
                    self.limiter.refund(*charge, time);
                    // The exchange gives it back as well, to the window that it counted in.
                    let counted = &mut self.exchange.counted[pool];
                    let place = counted.iter().rposition(|c| *c == (what.counted_at, charge.weight));
                    counted.remove(place.unwrap());
                }
            }
            self.underway.remove(at);
        }
        self.now = self.now.max(until);
        Ok(())
    }

    fn admit(&mut self, ask: &Ask) -> Admission {
        let charges: Vec<Charge> = self
            .pools
            .iter()
            .zip(&ask.weights)
            .filter(|(_, weight)| **weight > 0)
            .map(|(pool, weight)| Charge {
                pool: *pool,
                weight: *weight,
            })
            .collect();
        let answer = self.limiter.admit(&charges, ask.priority, self.time());
        if answer == Admission::Admitted {
            let arrives = self.now + ask.there_ms * 1_000_000;
            self.underway.push(Underway {
                arrives: arrives.max(1),
                counted_at: 0,
                answered: arrives + ask.back_ms * 1_000_000,
                asked: self.now,
                charges,
                header: ask.header,
                given_back: ask.given_back,
            });
        }
        answer
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is asked for, of linked pools, with whatever delays, and whatever the usage headers say: no window of the
    /// exchange's own clock ever sees more than its limit.
    #[test]
    fn the_exchange_never_sees_more_than_its_limit(
        specs in proptest::collection::vec(a_pool(), 2),
        doubt in 0u64..24_000_000,
        asks in proptest::collection::vec(an_ask(), 1..150),
        ahead in any::<bool>(),
        part in 0u64..=100,
    ) {
        let wrong = (doubt * part / 100) as i64;
        let mut bench = Bench::new(specs, if ahead { wrong } else { -wrong }, doubt);
        for ask in asks {
            bench.pass_to(bench.now + ask.gap_ms * 1_000_000)?;
            let mut answer = bench.admit(&ask);
            let mut patience = 20;
            while let (Admission::NotBefore { time, .. }, true, true) = (answer, ask.patient, patience > 0) {
                prop_assert!(time.0 > bench.now);
                bench.pass_to(time.0)?;
                answer = bench.admit(&ask);
                patience -= 1;
            }
            if let Admission::Never { pool } = answer {
                let at = bench.pools.iter().position(|p| *p == pool).unwrap();
                prop_assert!(ask.weights[at] > bench.specs[at].limit);
            }
        }
        bench.pass_to(bench.now + 10_000_000_000)?;
    }

    /// However hard placements and questions press, a cancel goes at once, up to a tenth of the pool in a window.
    #[test]
    fn cancels_are_never_starved(
        limit in 10u64..60,
        aligned in any::<bool>(),
        asks in proptest::collection::vec(an_ask(), 1..150),
    ) {
        let spec = Pool { scope: PoolScope::Ip, limit, window_ms: 1_000, aligned, usage_header: None, shared: None };
        let mut bench = Bench::new(vec![spec], 0, 0);
        let mut cancels: Vec<u64> = Vec::new();
        for ask in asks {
            bench.pass_to(bench.now + ask.gap_ms / 4 * 1_000_000)?;
            // Rare ones: what they find is what the others left.
            let cancel = ask.priority == Priority::Cancel && ask.patient;
            let priority = if cancel { Priority::Cancel } else { ask.priority.max(Priority::Place) };
            // What is heavier than all that its priority may use waits for an empty window, and takes what it needs.
            let weights = vec![if cancel { 1 } else { ask.weights[0].min(limit * 8 / 10) }];
            let answer = bench.admit(&Ask { weights, priority, header: None, given_back: false, ..ask });
            if cancel {
                // In flight and in the last two windows at the most: what may count in one with it.
                let recent = cancels.iter().filter(|at| **at + 3_000_000_000 > bench.now).count() as u64;
                if recent < limit / 10 {
                    prop_assert_eq!(answer, Admission::Admitted);
                }
                if answer == Admission::Admitted {
                    cancels.push(bench.now);
                }
            }
        }
    }

    /// What is told to wait, while nothing is in flight, is admitted at the time it was told.
    #[test]
    fn the_time_that_is_told_is_true(
        spec in a_pool(),
        asks in proptest::collection::vec((0u64..120, 1u64..6), 1..100),
    ) {
        let mut bench = Bench::new(vec![spec], 0, 0);
        for (gap, weight) in asks {
            bench.pass_to(bench.now + gap * 1_000_000)?;
            let ask = Ask {
                gap_ms: gap,
                weights: vec![weight],
                priority: Priority::Cancel,
                there_ms: 0,
                back_ms: 0,
                header: None,
                given_back: false,
                patient: true,
            };
            if let Admission::NotBefore { time, .. } = bench.admit(&ask) {
                bench.pass_to(time.0)?;
                prop_assert_eq!(bench.admit(&ask), Admission::Admitted);
            }
            bench.pass_to(bench.now)?;
        }
    }
}
