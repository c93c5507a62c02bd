//! What the exchange says of its limits and of our time, and what follows: pools are corrected, rest, or stop.

use std::rc::Rc;

use colibri_model::{Millis, MonoNs, WallNs};
use colibri_standard::{Outcome, PoolScope};

use super::core::Core;
use super::endpoint::EndpointIndex;
use super::operation::Operation;
use crate::limiter::{Charge, PoolIndex};
use crate::{LogLevel, Rest, Resting, Sink};

/// How long a pool rests after a 429 that does not say, and at least.
pub(super) const THROTTLE_PAUSE: Millis = Millis(1_000);
/// How long the pools of a stream rest after a 429 to its handshake, which says nothing.
const HANDSHAKE_PAUSE: Millis = Millis(10_000);
/// How long after a ban that does not say: the shortest that exchanges give.
const BAN_PAUSE: Millis = Millis(120_000);
/// No ban is heeded for longer: a word that says more is broken, and would stop a venue for ever. The longest that an exchange
/// documents is three days (Binance, rest-api.md, "IP Limits").
const LONGEST_BAN: Millis = Millis(3 * 86_400_000);
/// Nor is a 429, which ends with the window of its limit. Where that is longer, asking once more in each hour harms nothing.
const LONGEST_THROTTLE: Millis = Millis(3_600_000);

impl Core {
    /// An outcome whose wait is one that an exchange may ask for: everybody who heeds it reads it from here on.
    pub(super) fn with_bounded_wait<S: Sink + ?Sized>(&self, outcome: Outcome, sink: &mut S) -> Outcome {
        match outcome {
            Outcome::Throttled {
                retry_after: Some(asked),
                pool,
                refusal,
            } if asked > LONGEST_THROTTLE => {
                let (asked, hour) = (asked.0, LONGEST_THROTTLE.0);
                let text = format!("asked to wait for {asked} ms after a rate limit: no more than {hour} ms are taken");
                self.log(LogLevel::Warn, &text, sink);
                Outcome::Throttled {
                    retry_after: Some(LONGEST_THROTTLE),
                    pool,
                    refusal,
                }
            }
            Outcome::Banned {
                until: Some(until),
                refusal,
            } => {
                let now = self.clock.exchange_time(self.now);
                let latest = WallNs(now.0.saturating_add_unsigned(LONGEST_BAN.0 * 1_000_000));
                if until > latest {
                    let (until, days) = (until.as_millis(), LONGEST_BAN.0 / 86_400_000);
                    let text =
                        format!("banned until {until} (ms since 1970), it is said: no more than {days} days are taken");
                    self.log(LogLevel::Error, &text, sink);
                }
                Outcome::Banned {
                    until: Some(until.min(latest)),
                    refusal,
                }
            }
            other => other,
        }
    }

    /// Slows down or stops where the exchange asks for it; measures the clock again where it refused our time.
    pub(super) fn heed<S: Sink + ?Sized>(&mut self, operation: &Operation, outcome: &Outcome, sink: &mut S) {
        match outcome {
            Outcome::Throttled {
                retry_after,
                pool,
                refusal,
            } => {
                self.counts.throttled += 1;
                let span = (*retry_after).unwrap_or(THROTTLE_PAUSE).max(THROTTLE_PAUSE);
                if let Some(endpoint) = operation.last_endpoint {
                    let row = self.endpoints.row(endpoint);
                    let named = self.endpoints.pools.iter().find(|p| Some(&p.id) == pool.as_ref());
                    let resting = |charge: &&Charge| named.is_none_or(|named| named.index == charge.pool);
                    let pools: Vec<PoolIndex> = row.charges.iter().filter(resting).map(|c| c.pool).collect();
                    let which = named.map_or("its pools rest", |named| named.id.as_str());
                    let text = format!("over a rate limit at {:?} ({which}): {refusal}", row.id);
                    self.log(LogLevel::Warn, &text, sink);
                    self.rest_pools(&pools, span);
                }
            }
            Outcome::Banned { until, refusal } => {
                let exchange = self.clock.exchange_time(self.now);
                let span = until.map_or(BAN_PAUSE, |until| {
                    Millis(u64::try_from(until.0.saturating_sub(exchange.0) / 1_000_000 + 1).unwrap_or(0))
                });
                self.banned_for(span.max(THROTTLE_PAUSE));
                self.log(
                    LogLevel::Error,
                    &format!("banned for {} ms, nothing is sent until then: {refusal}", span.0),
                    sink,
                );
            }
            Outcome::ClockSkew(refusal) => {
                self.clock.disprove(self.now.mono);
                self.log(
                    LogLevel::Warn,
                    &format!("the exchange refused our time, it is measured again: {refusal}"),
                    sink,
                );
            }
            _ => {}
        }
    }

    /// The exchange refuses what is charged to pools: they rest, and whoever else uses them is to be told.
    fn rest_pools(&mut self, pools: &[PoolIndex], span: Millis) {
        let until = self.now.mono.plus(span);
        for &pool in pools {
            self.limiter.borrow_mut().pause(pool, until);
            if let Some(row) = self.endpoints.pools.iter().find(|row| row.index == pool) {
                let what = Resting::Pool(row.id.clone());
                self.rests.push(Rest { what, span });
            }
        }
    }

    /// This address is banned: nothing is sent, and whoever else uses it is to be told.
    fn banned_for(&mut self, span: Millis) {
        self.stop_until(self.now.mono.plus(span));
        let what = Resting::Everything;
        self.rests.push(Rest { what, span });
    }

    /// Another driver of this address or account has heard something.
    pub(super) fn rest(&mut self, rest: &Rest) {
        let until = self.now.mono.plus(rest.span);
        match &rest.what {
            Resting::Everything => self.stop_until(until),
            Resting::Pool(id) => {
                if let Some(row) = self.endpoints.pools.iter().find(|row| row.id == *id) {
                    self.limiter.borrow_mut().pause(row.index, until);
                }
            }
        }
    }

    /// What something that rests here is to another driver of the same limiter; `None` where it is nothing to it.
    pub(super) fn rest_for(&self, rest: &Rest, other: &Core) -> Option<Rest> {
        if !Rc::ptr_eq(&self.limiter, &other.limiter) {
            return None;
        }
        let what = match &rest.what {
            Resting::Pool(id) => {
                let row = self.endpoints.pools.iter().find(|row| row.id == *id)?;
                let same = other.endpoints.pools.iter().find(|pool| pool.index == row.index)?;
                Resting::Pool(same.id.clone())
            }
            Resting::Everything => {
                let mut counted = self.endpoints.pools.iter().filter(|p| p.scope == PoolScope::Ip);
                let has = |index: PoolIndex| other.endpoints.pools.iter().any(|pool| pool.index == index);
                counted.any(|pool| has(pool.index)).then_some(Resting::Everything)?
            }
        };
        Some(Rest { what, span: rest.span })
    }

    /// Sends nothing until then; nor do the other drivers of this address.
    fn stop_until(&mut self, until: MonoNs) {
        self.banned_until = self.banned_until.max(until);
        for pool in self.endpoints.pools.iter().filter(|p| p.scope == PoolScope::Ip) {
            self.limiter.borrow_mut().pause(pool.index, until);
        }
        self.queue.stir();
    }

    /// A stream's handshake was refused with an HTTP status: 429 and 418 count for streams too.
    pub(super) fn heed_handshake(&mut self, endpoint: EndpointIndex, status: u16) {
        match status {
            429 => {
                let charges = &self.endpoints.row(endpoint).charges;
                let pools: Vec<PoolIndex> = charges.iter().map(|c| c.pool).collect();
                self.rest_pools(&pools, HANDSHAKE_PAUSE);
            }
            418 => self.banned_for(BAN_PAUSE),
            _ => {}
        }
    }

    /// Corrects the pools by the usage headers of an answer.
    pub(super) fn read_usage_headers(&mut self, headers: &[(String, String)], asked: MonoNs) {
        let time = self.limiter_time();
        for pool in &self.endpoints.pools {
            let Some(wanted) = &pool.usage_header else { continue };
            let stated = headers.iter().find(|(name, _)| name == wanted);
            if let Some(used) = stated.and_then(|(_, value)| value.trim().parse().ok()) {
                self.limiter.borrow_mut().correct(pool.index, used, asked, time);
            }
        }
    }
}
