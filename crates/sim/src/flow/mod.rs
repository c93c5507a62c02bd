//! The other participants' orders: random makers and takers, or a recorded market; and markets that move without orders.
//!
//! Sources act at times of their own, in virtual time, through an account of the engine that pays no fees and keeps no
//! history. Nothing here knows of sockets or of any wire format but that of recordings.

mod random;
mod recording;
mod replay;
mod steady;

pub use recording::{Recording, RecordingError};
pub use steady::{SteadyKind, SteadyMarkets};

use random::RandomSource;
use replay::ReplaySource;

use rust_decimal::Decimal;

use crate::config::{ConfigError, FlowConfig, MarketConfig, PerpetualConfig, RandomFlow};
use crate::identity::{AccountId, MarketId, Symbol};
use crate::matching::Engine;
use crate::time::{Span, Timestamp};

/// Mixed into the seed of contracts, so that a contract does not walk as its spot market does.
const CONTRACTS: u64 = 0x7065_7270;

/// What a flow must know about a market.
#[derive(Debug, Clone)]
pub struct FlowMarket {
    /// Its symbol.
    pub symbol: Symbol,
    /// Where its price starts, in quote per base.
    pub start_price: Decimal,
    /// The step of prices.
    pub tick: Decimal,
    /// The step of quantities.
    pub lot: Decimal,
    /// Value in quote below which no order is sent.
    pub least_value: Decimal,
}

impl From<&MarketConfig> for FlowMarket {
    fn from(market: &MarketConfig) -> Self {
        Self {
            symbol: market.symbol.clone(),
            start_price: market.start_price,
            tick: market.price.tick,
            lot: market.lot.step,
            least_value: market.notional.min,
        }
    }
}

impl From<&PerpetualConfig> for FlowMarket {
    fn from(market: &PerpetualConfig) -> Self {
        Self {
            symbol: market.symbol.clone(),
            start_price: market.start_price,
            tick: market.price.tick,
            lot: market.lot.step,
            least_value: market.min_notional,
        }
    }
}

/// What moves one market.
enum Source {
    Random(RandomSource),
    Replay(ReplaySource),
}

impl Source {
    fn next(&self) -> Option<Timestamp> {
        match self {
            Self::Random(source) => Some(source.next()),
            Self::Replay(source) => source.next(),
        }
    }
}

/// All order flow of an exchange.
pub struct Flow {
    sources: Vec<Source>,
}

impl Flow {
    /// How long a flow should run before the exchange opens.
    pub fn warm_up(config: &FlowConfig) -> Span {
        match config {
            FlowConfig::None => Span::from_micros(0),
            FlowConfig::Random(random) => Span::from_secs(i64::from(random.warm_up_seconds)),
            FlowConfig::Steady(steady) => Span::from_secs(i64::from(steady.others.warm_up_seconds)),
            // A recording starts when the exchange opens.
            FlowConfig::Replay(_) => Span::from_micros(0),
        }
    }

    /// A flow that begins at `now`, acting for the account `house`.
    ///
    /// # Errors
    /// [`ConfigError`] for a setting out of its range, an unknown market, or a recording that was not given.
    pub fn new(
        config: &FlowConfig,
        markets: &[FlowMarket],
        recordings: Vec<Recording>,
        house: AccountId,
        now: Timestamp,
    ) -> Result<Self, ConfigError> {
        let random = |flow: &RandomFlow, except: Option<MarketId>| -> Result<Vec<Source>, ConfigError> {
            let chosen = markets
                .iter()
                .enumerate()
                .map(|(place, market)| (MarketId(place), market));
            chosen
                .filter(|(id, _)| except != Some(*id))
                .map(|(id, market)| Ok(Source::Random(RandomSource::new(flow, id, market, house, now)?)))
                .collect()
        };
        let sources = match config {
            FlowConfig::None => Vec::new(),
            FlowConfig::Random(flow) => random(flow, None)?,
            FlowConfig::Steady(steady) => random(&steady.others, None)?,
            FlowConfig::Replay(replay) => {
                let symbol = replay.symbol.to_string();
                let market = markets
                    .iter()
                    .position(|market| market.symbol == replay.symbol)
                    .map(MarketId);
                let market = market.ok_or(ConfigError::UnknownMarket { symbol: symbol.clone() })?;
                let recording = recordings
                    .into_iter()
                    .find(|recording| recording.symbol() == &replay.symbol);
                let recording = recording.ok_or(ConfigError::MissingRecording { symbol })?;
                let source = ReplaySource::new(replay, recording, market, house, now)?;
                let mut sources = random(&replay.others, Some(market))?;
                sources.push(Source::Replay(source));
                sources
            }
        };
        Ok(Self { sources })
    }

    /// The flow of contracts: random wherever that of spot is not `none`.
    ///
    /// # Errors
    /// [`ConfigError`] for a setting out of its range.
    pub fn of_contracts(
        config: &FlowConfig,
        markets: &[FlowMarket],
        house: AccountId,
        now: Timestamp,
    ) -> Result<Self, ConfigError> {
        let random = match config {
            FlowConfig::None => return Ok(Self { sources: Vec::new() }),
            FlowConfig::Random(random) => random,
            FlowConfig::Replay(replay) => &replay.others,
            FlowConfig::Steady(steady) => &steady.others,
        };
        let seed = random.seed ^ CONTRACTS;
        Self::new(
            &FlowConfig::Random(RandomFlow { seed, ..*random }),
            markets,
            Vec::new(),
            house,
            now,
        )
    }

    /// The seed of a flow; 1 where it draws nothing.
    pub fn seed(config: &FlowConfig) -> u64 {
        match config {
            FlowConfig::None => 1,
            FlowConfig::Random(random) => random.seed,
            FlowConfig::Replay(replay) => replay.others.seed,
            FlowConfig::Steady(steady) => steady.others.seed,
        }
    }

    /// From now on the fair price of a market follows this one.
    pub fn follow(&mut self, market: MarketId, price: Decimal) {
        for source in &mut self.sources {
            if let Source::Random(source) = source {
                source.follow(market, price);
            }
        }
    }

    /// Moves the market makers of a market to `price` at once.
    pub fn jump(&mut self, market: MarketId, price: Decimal) {
        for source in &mut self.sources {
            if let Source::Random(source) = source {
                source.jump(market, price);
            }
        }
    }

    /// When a source acts next; `None` when none ever will.
    pub fn next(&self) -> Option<Timestamp> {
        self.sources.iter().filter_map(Source::next).min()
    }

    /// Lets the source that is due next act once. Among those due at one time, the first configured comes first.
    pub fn act(&mut self, engine: &mut Engine) {
        let due = self
            .sources
            .iter_mut()
            .filter(|source| source.next().is_some())
            .min_by_key(|source| source.next());
        match due {
            Some(Source::Random(source)) => source.act(engine),
            Some(Source::Replay(source)) => source.act(engine),
            None => {}
        }
    }
}
