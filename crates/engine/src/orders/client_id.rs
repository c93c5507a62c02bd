//! Client order ids: recognisably ours, unique for ever in an account.

use colibri_model::{ClientOrderId, SplitMix64, StrategyId, WallNs};
use colibri_standard::ClientIdManifest;
use serde::{Deserialize, Serialize};

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

/// Makes client order ids: prefix, tag of the bot, tag of the strategy where there is room, start of the run, randomness
/// where there is room, counter.
///
/// Two runs differ by their start (a millisecond where the exchange's length allows, else a second), two bots by their
/// tag and randomness, two orders by the counter. An order that no journal tells of is known as a bot's by the bot's tag: of
/// two bots of different names one in a million (where ids are short, one in thirty thousand) has the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClientIdSource {
    run: String,
    bot: String,
    bot_tag: String,
    strategy_digits: usize,
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

/// Five bits of FNV-1a a digit, of a bot or of one of its strategies.
fn tag(bot: &str, strategy: &str, digits: usize) -> String {
    let bytes = bot.bytes().chain([0]).chain(strategy.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    base32(hash ^ (hash >> 20) ^ (hash >> 40), digits)
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
        let random = base32(SplitMix64::new(seed).next_u64(), 3);
        let (bot_digits, strategy_digits, run) = match room.saturating_sub(PREFIX.len() + COUNTER_ROOM) {
            // Four more for the counter: a trillion orders a run.
            23.. => (4, 3, base32(millis, 9) + &random),
            14.. => (3, 2, base32(millis, 9)),
            _ => (3, 0, base32(millis / 1000, 7)),
        };
        let head = PREFIX.len() + bot_digits + strategy_digits;
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
            bot_tag: tag(bot, "", bot_digits),
            strategy_digits,
            counter: 0,
        })
    }

    /// The next id for an order of `strategy`.
    pub fn next_id(&mut self, strategy: &StrategyId) -> ClientOrderId {
        self.counter += 1;
        let digits = (64 - self.counter.leading_zeros()).div_ceil(5) as usize;
        let text = format!(
            "{PREFIX}{}{}{}{}",
            self.bot_tag,
            tag(&self.bot, strategy.as_str(), self.strategy_digits),
            self.run,
            base32(self.counter, digits)
        );
        ClientOrderId::new(&text).expect("the lengths were checked when the source was made")
    }

    /// Whether this bot made an id, in whichever run.
    #[must_use]
    pub fn is_of_this_bot(&self, id: &ClientOrderId) -> bool {
        let least = PREFIX.len() + self.bot_tag.len() + self.strategy_digits + self.run.len() + 1;
        let tail = id.as_str().strip_prefix(PREFIX);
        id.as_str().len() >= least
            && tail.is_some_and(|tail| tail.starts_with(&self.bot_tag) && tail.bytes().all(|b| DIGITS.contains(&b)))
    }

    /// Whether an id of this bot may be an order of a strategy: its tag stands there. Never where ids are too short for one.
    #[must_use]
    pub fn names(&self, id: &ClientOrderId, strategy: &StrategyId) -> bool {
        let at = PREFIX.len() + self.bot_tag.len();
        let found = id.as_str().get(at..at + self.strategy_digits);
        self.strategy_digits > 0
            && self.is_of_this_bot(id)
            && found == Some(tag(&self.bot, strategy.as_str(), self.strategy_digits).as_str())
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
    fn an_id_tells_its_bot_and_where_there_is_room_its_strategy() {
        let (maker, taker) = (StrategyId::new("maker").unwrap(), StrategyId::new("taker").unwrap());
        for length in [17, 20, 21, 29, 30, 36] {
            let source = |bot: &str, start| ClientIdSource::new(&manifest(length), bot, WallNs(start), 7).unwrap();
            let id = source("bot", 1_700_000_000_000_000_000).next_id(&maker);
            let later = source("bot", 1_800_000_000_000_000_000);
            assert!(later.is_of_this_bot(&id), "{id}");
            assert!(!source("bot2", 0).is_of_this_bot(&id) && !source("other", 0).is_of_this_bot(&id));
            assert_eq!(later.names(&id, &maker), length >= 21, "{id}");
            assert!(!later.names(&id, &taker));
            for foreign in ["clb", "web_1", "clbx", &id.as_str()[..10], &format!("{id}-")] {
                assert!(
                    !later.is_of_this_bot(&ClientOrderId::new(foreign).unwrap()),
                    "{foreign}"
                );
            }
        }
    }

    #[test]
    fn too_short_is_told() {
        let error = ClientIdSource::new(&manifest(16), "bot", WallNs(0), 7).unwrap_err();
        assert!(error.to_string().contains("at least 17"), "{error}");
    }
}
