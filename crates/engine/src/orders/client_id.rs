//! Client order ids: recognisably ours, unique for ever in an account.

use colibri_model::{ClientOrderId, SplitMix64, StrategyId, WallNs};
use colibri_standard::ClientIdManifest;

/// Every id begins with this.
const PREFIX: &str = "clb";
/// Crockford's base 32, lower case: no letter that is misread, letters and digits only, which every exchange takes.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Room for the counter that must be left: a million orders a run.
const COUNTER_ROOM: usize = 4;
const BOUNDARY_ROOM: usize = 47;

/// An exchange whose client order ids are too short to be unique.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("client order ids of {max_length} characters cannot be made unique: at least {needed} are needed")]
pub struct ClientIdError {
    /// What the exchange allows.
    pub max_length: u32,
    /// What is needed.
    pub needed: usize,
}

/// Makes client order ids: prefix, tag of bot and strategy, start of the run, randomness where there is room, counter.
///
/// Two runs differ by their start (a millisecond where the exchange's length allows, else a second), two bots by their
/// tag and randomness, two orders by the counter.
#[derive(Debug, Clone)]
pub struct ClientIdSource {
    run: String,
    bot: String,
    counter: u64,
}

fn base32(mut value: u64, digits: usize) -> String {
    let mut text = vec![b'0'; digits];
    for place in text.iter_mut().rev() {
        *place = DIGITS[(value % 32) as usize];
        value /= 32;
    }
    text.into_iter().map(char::from).collect()
}

/// Fifteen bits of FNV-1a over bot and strategy: three digits.
fn tag(bot: &str, strategy: &str) -> String {
    let bytes = bot.bytes().chain([0]).chain(strategy.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    base32(hash ^ (hash >> 15) ^ (hash >> 30) ^ (hash >> 45), 3)
}

impl ClientIdSource {
    /// A source for one run of a bot at one exchange.
    ///
    /// # Errors
    /// [`ClientIdError`] where the exchange's ids are too short.
    pub fn new(
        manifest: &ClientIdManifest,
        bot: &str,
        start: WallNs,
        seed: u64,
    ) -> Result<ClientIdSource, ClientIdError> {
        let room = usize::try_from(manifest.max_length)
            .unwrap_or(BOUNDARY_ROOM)
            .min(BOUNDARY_ROOM);
        let millis = u64::try_from(start.as_millis()).unwrap_or(0);
        let head = PREFIX.len() + 3;
        let run = if room >= head + 9 + 3 + COUNTER_ROOM + 4 {
            base32(millis, 9) + &base32(SplitMix64::new(seed).next_u64(), 3)
        } else if room >= head + 9 + COUNTER_ROOM {
            base32(millis, 9)
        } else {
            base32(millis / 1000, 7)
        };
        let needed = head + run.len() + COUNTER_ROOM;
        if room < needed {
            return Err(ClientIdError {
                max_length: manifest.max_length,
                needed,
            });
        }
        Ok(ClientIdSource {
            run,
            bot: bot.to_owned(),
            counter: 0,
        })
    }

    /// The next id for an order of `strategy`.
    pub fn next_id(&mut self, strategy: &StrategyId) -> ClientOrderId {
        self.counter += 1;
        let digits = (64 - self.counter.leading_zeros()).div_ceil(5) as usize;
        let text = format!(
            "{PREFIX}{}{}{}",
            tag(&self.bot, strategy.as_str()),
            self.run,
            base32(self.counter, digits)
        );
        ClientOrderId::new(&text).expect("the lengths were checked when the source was made")
    }

    /// Whether an id looks like one that a Colibri bot made.
    #[must_use]
    pub fn is_ours(id: &ClientOrderId) -> bool {
        id.as_str().starts_with(PREFIX)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeSet;

    fn manifest(max_length: u32) -> ClientIdManifest {
        ClientIdManifest {
            max_length,
            extra_characters: String::new(),
        }
    }

    #[test]
    fn ids_are_ours_distinct_and_within_the_exchange_s_length() {
        let strategies = [StrategyId::new("a").unwrap(), StrategyId::new("b").unwrap()];
        for length in [17, 19, 20, 26, 36] {
            let mut seen = BTreeSet::new();
            for start in [1_700_000_000_000, 1_700_000_001_000] {
                let start = WallNs::from_millis(start);
                let mut source = ClientIdSource::new(&manifest(length), "bot", start, 7).unwrap();
                for count in 0..2_000 {
                    let id = source.next_id(&strategies[count % 2]);
                    assert!(id.as_str().len() <= length as usize, "{id}");
                    assert!(id.as_str().bytes().all(|b| b.is_ascii_alphanumeric()), "{id}");
                    assert!(ClientIdSource::is_ours(&id));
                    assert!(seen.insert(id));
                }
            }
        }
    }

    #[test]
    fn too_short_is_told() {
        let error = ClientIdSource::new(&manifest(16), "bot", WallNs(0), 7).unwrap_err();
        assert!(error.to_string().contains("at least 17"), "{error}");
    }
}
