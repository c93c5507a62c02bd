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

use crate::config::{ConfigError, FlowConfig, MarketConfig, RandomFlow};
use crate::identity::{AccountId, MarketId};
use crate::matching::Engine;
use crate::time::{Span, Timestamp};

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
        markets: &[MarketConfig],
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
