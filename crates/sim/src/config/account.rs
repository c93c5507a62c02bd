//! Accounts and their API keys.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::identity::{AccountName, ApiKey, Asset};
use crate::matching::{FeeAsset, FeeRates};

/// The demo account's API key. Well known on purpose.
pub const DEMO_API_KEY: &str = "colibriDemoApiKeyForTheLocalExchange000000000000000000000000HMAC";
/// The demo account's HMAC secret. Well known on purpose.
pub const DEMO_SECRET: &str = "colibriDemoSecretForTheLocalExchange000000000000000000000000HMAC";
/// The demo account's second API key, verified by Ed25519.
const DEMO_ED25519_API_KEY: &str = "colibriDemoApiKeyForTheLocalExchange0000000000000000000000ED25519";
/// The public half of the demo Ed25519 pair; the private half is in `docs/sim.md`.
const DEMO_ED25519_PUBLIC: &str = "+OLXQKFeM5YN4wUECXUVlveXXoBTvUFyvGYXmz64KuM=";

/// An HMAC secret. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HmacSecret(String);

impl HmacSecret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret's bytes, for verification.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for HmacSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacSecret(hidden)")
    }
}

/// An Ed25519 public key as text: PEM (`BEGIN PUBLIC KEY`), its base64 body, or the bare 32 bytes in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ed25519PublicKey(pub String);

/// What an API key may do beside reading the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyPermission {
    /// Read, trade, subscribe.
    #[default]
    Trade,
    /// Read and subscribe; orders are refused with -2015.
    ReadOnly,
}

/// One API key of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyConfig {
    /// What the client sends in `X-MBX-APIKEY`.
    pub api_key: ApiKey,
    /// For HMAC-SHA256 signatures.
    #[serde(default)]
    pub hmac_secret: Option<HmacSecret>,
    /// For Ed25519 signatures; needed for `session.logon`.
    #[serde(default)]
    pub ed25519_public_key: Option<Ed25519PublicKey>,
    /// What it may do.
    #[serde(default)]
    pub permission: KeyPermission,
}

/// An amount of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holding {
    /// Which asset.
    pub asset: Asset,
    /// How much, zero or more.
    pub amount: Decimal,
}

/// An account of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountConfig {
    /// Its name, unique in the configuration; never on the wire.
    pub name: AccountName,
    /// Its API keys.
    pub keys: Vec<ApiKeyConfig>,
    /// What it holds at the start.
    pub balances: Vec<Holding>,
    /// What it pays for trades.
    #[serde(default)]
    pub fees: FeeRates,
    /// What it has in its margin account at the start, in the margin asset; zero or more.
    #[serde(default)]
    pub margin: Decimal,
    /// What it pays for trades of contracts.
    #[serde(default = "contract_fees")]
    pub contract_fees: FeeRates,
    /// In which asset it pays, if not in the received one.
    #[serde(default)]
    pub fee_asset: Option<FeeAsset>,
    /// Accounts of one group do not trade with each other.
    #[serde(default)]
    pub trade_group: Option<u64>,
}

/// Source: Binance, USD-M futures fee schedule, regular user.
fn contract_fees() -> FeeRates {
    FeeRates {
        maker: Decimal::new(2, 4),
        taker: Decimal::new(5, 4),
    }
}

impl AccountConfig {
    /// An account with one HMAC and one Ed25519 key, funded for all demo markets.
    pub fn demo() -> Self {
        let holding = |asset: &str, amount: i64| Holding {
            asset: Asset::from(asset),
            amount: Decimal::from(amount),
        };
        Self {
            name: AccountName::from("demo"),
            keys: vec![
                ApiKeyConfig {
                    api_key: ApiKey::from(DEMO_API_KEY),
                    hmac_secret: Some(HmacSecret::new(DEMO_SECRET)),
                    ed25519_public_key: None,
                    permission: KeyPermission::Trade,
                },
                ApiKeyConfig {
                    api_key: ApiKey::from(DEMO_ED25519_API_KEY),
                    hmac_secret: None,
                    ed25519_public_key: Some(Ed25519PublicKey(DEMO_ED25519_PUBLIC.to_owned())),
                    permission: KeyPermission::Trade,
                },
            ],
            balances: vec![
                holding("BTC", 2),
                holding("ETH", 40),
                holding("BNB", 100),
                holding("USDT", 100_000),
            ],
            fees: FeeRates::default(),
            margin: Decimal::from(100_000),
            contract_fees: contract_fees(),
            fee_asset: None,
            trade_group: None,
        }
    }
}
