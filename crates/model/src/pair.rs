//! Assets and pairs, in the notation `BASE-QUOTE`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An asset by the exchange's code, such as `BTC`. Codes are kept as the exchange writes them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Asset(Arc<str>);

impl Asset {
    /// The asset of a code.
    #[must_use]
    pub fn new(code: &str) -> Asset {
        Asset(code.into())
    }
    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Asset {
    fn from(code: String) -> Asset {
        Asset(code.into())
    }
}
impl From<Asset> for String {
    fn from(asset: Asset) -> String {
        asset.0.as_ref().to_owned()
    }
}
impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
impl fmt::Debug for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is not a pair.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a pair: write it as BASE-QUOTE, such as BTC-USDT")]
pub struct PairError(pub String);

/// A trading pair: `base` is bought and sold, `quote` pays for it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pair {
    /// What is bought and sold.
    pub base: Asset,
    /// What it is paid with.
    pub quote: Asset,
}

impl Pair {
    /// The pair of two assets.
    #[must_use]
    pub fn new(base: Asset, quote: Asset) -> Pair {
        Pair { base, quote }
    }
}

impl FromStr for Pair {
    type Err = PairError;
    fn from_str(text: &str) -> Result<Pair, PairError> {
        match text.split_once('-') {
            Some((base, quote)) if !base.is_empty() && !quote.is_empty() && !quote.contains('-') => {
                Ok(Pair::new(Asset::new(base), Asset::new(quote)))
            }
            _ => Err(PairError(text.to_owned())),
        }
    }
}
impl TryFrom<String> for Pair {
    type Error = PairError;
    fn try_from(text: String) -> Result<Pair, PairError> {
        text.parse()
    }
}
impl From<Pair> for String {
    fn from(pair: Pair) -> String {
        pair.to_string()
    }
}
impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}", self.base, self.quote))
    }
}
impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::Pair;

    #[test]
    fn reads_base_and_quote_and_refuses_the_rest() {
        assert_eq!(
            "BTC-USDT".parse::<Pair>().map(|p| p.to_string()).as_deref(),
            Ok("BTC-USDT")
        );
        for bad in ["BTCUSDT", "-USDT", "BTC-", "A-B-C", ""] {
            assert!(bad.parse::<Pair>().is_err(), "{bad}");
        }
    }
}
