//! What a grant draws: nonces and sixteen random bytes.

use colibri_abi::Grant;
use colibri_model::{OpId, WallNs};
use ring::hmac;
use serde::{Deserialize, Serialize};

/// How much was drawn from a source of grants, in a snapshot.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Drawn {
    drawn: u64,
    last_nonce: u64,
}

/// Grants, the same again from the same seed.
pub(super) struct GrantSource {
    key: hmac::Key,
    drawn: u64,
    last_nonce: u64,
}

impl GrantSource {
    /// `label` tells apart the instances that share a seed; nonces begin above `nonce_floor`.
    pub(super) fn new(seed: u64, label: &str, nonce_floor: u64) -> GrantSource {
        let mut material = seed.to_be_bytes().to_vec();
        material.extend_from_slice(label.as_bytes());
        GrantSource {
            key: hmac::Key::new(hmac::HMAC_SHA256, &material),
            drawn: 0,
            last_nonce: nonce_floor,
        }
    }

    /// The grant of an operation. The nonce is the wall clock's nanoseconds, or one more than the last.
    pub(super) fn draw(&mut self, op: OpId, wall: WallNs) -> Grant {
        self.drawn += 1;
        self.last_nonce = u64::try_from(wall.0)
            .unwrap_or(0)
            .max(self.last_nonce.saturating_add(1));
        let tag = hmac::sign(&self.key, &self.drawn.to_be_bytes());
        let mut entropy = [0; 16];
        entropy.copy_from_slice(&tag.as_ref()[..16]);
        Grant {
            op: op.0,
            nonce: self.last_nonce,
            entropy,
            ext: [0; 2],
        }
    }

    /// For a snapshot.
    pub(super) const fn drawn(&self) -> Drawn {
        Drawn {
            drawn: self.drawn,
            last_nonce: self.last_nonce,
        }
    }

    /// Goes on from a snapshot of a source with the same seed and label.
    pub(super) const fn go_on_from(&mut self, kept: Drawn) {
        self.drawn = kept.drawn;
        self.last_nonce = kept.last_nonce;
    }

    /// The highest nonce that was drawn.
    pub(super) fn last_nonce(&self) -> u64 {
        self.last_nonce
    }
}

impl std::fmt::Debug for GrantSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GrantSource(drawn {})", self.drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_rise_even_when_the_clock_does_not() {
        let mut source = GrantSource::new(1, "a", 500);
        let mut last = 500;
        for wall in [100, 100, 900, 900, 50, 2_000] {
            let grant = source.draw(OpId(1), WallNs(wall));
            assert!(grant.nonce > last);
            last = grant.nonce;
        }
        assert_eq!(last, 2_000);
    }

    #[test]
    fn entropy_is_the_seeds_and_never_the_same_twice() {
        let draw = |label| GrantSource::new(1, label, 0).draw(OpId(1), WallNs(1)).entropy;
        assert_eq!(draw("a"), draw("a"));
        assert_ne!(draw("a"), draw("b"));
        let mut source = GrantSource::new(1, "a", 0);
        assert_ne!(
            source.draw(OpId(1), WallNs(1)).entropy,
            source.draw(OpId(1), WallNs(1)).entropy
        );
    }
}
