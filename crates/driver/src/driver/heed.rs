//! What the exchange says of its limits and of our time, and what follows: pools are corrected, rest, or stop.

use colibri_model::{Millis, MonoNs};
use colibri_standard::{Outcome, PoolScope};

use super::core::Core;
use super::endpoint::EndpointIndex;
use super::operation::Operation;
use crate::limiter::Charge;
use crate::{LogLevel, Sink};

/// How long a pool rests after a 429 that does not say, and at least.
pub(super) const THROTTLE_PAUSE: Millis = Millis(1_000);
/// How long the pools of a stream rest after a 429 to its handshake, which says nothing.
const HANDSHAKE_PAUSE: Millis = Millis(10_000);
/// How long after a ban that does not say: the shortest that exchanges give.
const BAN_PAUSE: Millis = Millis(120_000);

impl Core {
    /// Slows down or stops where the exchange asks for it; measures the clock again where it refused our time.
    pub(super) fn heed<S: Sink + ?Sized>(&mut self, operation: &Operation, outcome: &Outcome, sink: &mut S) {
        match outcome {
            Outcome::Throttled {
                retry_after,
                pool,
                refusal,
            } => {
                self.counts.throttled += 1;
                let until = self
                    .now
                    .mono
                    .plus((*retry_after).unwrap_or(THROTTLE_PAUSE).max(THROTTLE_PAUSE));
                if let Some(endpoint) = operation.last_endpoint {
                    let row = self.endpoints.row(endpoint);
                    let named = self.endpoints.pools.iter().find(|p| Some(&p.id) == pool.as_ref());
                    let resting = |charge: &&Charge| named.is_none_or(|named| named.index == charge.pool);
                    for charge in row.charges.iter().filter(resting) {
                        self.limiter.borrow_mut().pause(charge.pool, until);
                    }
                    let which = named.map_or("its pools rest", |named| named.id.as_str());
                    let text = format!("over a rate limit at {:?} ({which}): {refusal}", row.id);
                    self.log(LogLevel::Warn, &text, sink);
                }
            }
            Outcome::Banned { until, refusal } => {
                let exchange = self.clock.exchange_time(self.now);
                let span = until.map_or(BAN_PAUSE, |until| {
                    Millis(u64::try_from((until.0 - exchange.0) / 1_000_000 + 1).unwrap_or(0))
                });
                self.stop_until(self.now.mono.plus(span.max(THROTTLE_PAUSE)));
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
                let until = self.now.mono.plus(HANDSHAKE_PAUSE);
                for charge in &self.endpoints.row(endpoint).charges {
                    self.limiter.borrow_mut().pause(charge.pool, until);
                }
            }
            418 => self.stop_until(self.now.mono.plus(BAN_PAUSE)),
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
