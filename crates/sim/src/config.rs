//! What a local exchange is made of: markets with their filters, accounts with their keys, limits, order flow.
//!
//! Plain data, readable from TOML or JSON; every part has a default, and [`SimConfig::demo`] needs no file at all.

mod account;
mod flow;
mod limits;
mod market;
mod perpetual;

use serde::{Deserialize, Serialize};

pub use account::{
    AccountConfig, ApiKeyConfig, DEMO_API_KEY, DEMO_SECRET, Ed25519PublicKey, HmacSecret, Holding, KeyPermission,
};
pub use flow::{FlowConfig, RandomFlow, ReplayEnd, ReplayFlow, SteadyFlow};
pub use limits::LimitConfig;
pub use market::{LotRule, MarketConfig, MarketStatus, NotionalRule, PercentPriceRule, PriceRule};

pub use perpetual::{ContractLimits, ContractsConfig, FundingRule, PercentMarkRule, PerpetualConfig};

use crate::faults::FaultPlan;
use crate::margin::TiersError;

/// The configuration of a local exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimConfig {
    /// The port on 127.0.0.1; 0 lets the system choose one.
    pub port: u16,
    /// The markets.
    pub markets: Vec<MarketConfig>,
    /// The perpetual contracts.
    pub perpetual: Vec<PerpetualConfig>,
    /// What all contracts share.
    pub contracts: ContractsConfig,
    /// The clients' accounts.
    pub accounts: Vec<AccountConfig>,
    /// Request and order limits of spot.
    pub limits: LimitConfig,
    /// Where the other market participants' orders come from.
    pub flow: FlowConfig,
    /// What goes wrong on purpose.
    pub faults: FaultPlan,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self::demo()
    }
}

impl SimConfig {
    /// BTCUSDT, ETHUSDT and BNBUSDT, perpetuals of the first two, random order flow, and one funded account with a well-known key pair.
    ///
    /// The keys are printed in `docs/sim.md`; they open nothing but a local exchange.
    pub fn demo() -> Self {
        Self {
            port: 0,
            markets: vec![
                MarketConfig::btcusdt(),
                MarketConfig::ethusdt(),
                MarketConfig::bnbusdt(),
            ],
            perpetual: vec![PerpetualConfig::btcusdt(), PerpetualConfig::ethusdt()],
            contracts: ContractsConfig::default(),
            accounts: vec![AccountConfig::demo()],
            limits: LimitConfig::default(),
            flow: FlowConfig::default(),
            faults: FaultPlan::none(),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Two parts share a name.
    #[error("the {what} `{name}` is defined twice; remove one")]
    Duplicate {
        /// Which kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A key that cannot be read.
    #[error("the Ed25519 public key of API key `{api_key}` is not 32 bytes as PEM, DER or base64; export it again")]
    BadPublicKey {
        /// Whose.
        api_key: String,
    },
    /// A key without any means to verify a signature.
    #[error("the API key `{api_key}` has neither an HMAC secret nor an Ed25519 public key; give it one")]
    KeyWithoutSecret {
        /// Whose.
        api_key: String,
    },
    /// A number out of its range.
    #[error("{what} of `{name}` is {value}, but must be {range}")]
    OutOfRange {
        /// Which setting.
        what: &'static str,
        /// Of what.
        name: String,
        /// As given.
        value: String,
        /// What is allowed.
        range: &'static str,
    },
    /// Leverage brackets that contradict themselves.
    #[error("the leverage brackets of `{symbol}` cannot be used: {reason}")]
    Tiers {
        /// Of which contract.
        symbol: String,
        /// Why.
        reason: TiersError,
    },
    /// A contract that is settled in another asset than the first.
    #[error("the contract `{symbol}` is settled in {asset}, but all contracts share one margin asset, {shared}")]
    MarginAsset {
        /// Which contract.
        symbol: String,
        /// In which asset.
        asset: String,
        /// What the others have.
        shared: String,
    },
    /// The flow speaks of a market that is not there.
    #[error("the flow replays `{symbol}`, but no market has this symbol; add it to `markets`")]
    UnknownMarket {
        /// The symbol.
        symbol: String,
    },
    /// A replay without its recording.
    #[error("no recording was given for `{symbol}`; load it with `Recording::open` and pass it along")]
    MissingRecording {
        /// The symbol.
        symbol: String,
    },
}
