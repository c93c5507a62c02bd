//! Where a seed trades: at which faces of the exchange, and what at each.

use colibri_model::SplitMix64;
use serde::{Deserialize, Serialize};

/// A face of the exchange, and the connector that speaks to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Face {
    /// Spot.
    Spot,
    /// Perpetual contracts.
    Contracts,
}

impl Face {
    /// The connector's name; the venue's, too.
    #[must_use]
    pub const fn connector(self) -> &'static str {
        match self {
            Face::Spot => "binance",
            Face::Contracts => "binance_perpetual",
        }
    }

    /// The face that a venue of this name speaks to.
    #[must_use]
    pub fn of_venue(name: &str) -> Option<Face> {
        [Face::Spot, Face::Contracts]
            .into_iter()
            .find(|face| face.connector() == name)
    }
}

/// What a seed trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Two pairs of spot.
    Spot,
    /// Two contracts.
    Contracts,
    /// A pair of spot and its contract, in one process, by one account and from one address.
    Both,
}

impl Stage {
    /// Each of them.
    pub const ALL: &[Stage] = &[Stage::Spot, Stage::Contracts, Stage::Both];

    /// Where a seed trades for which none is named: of every four seeds two in spot, one in contracts, one in both. Which of the
    /// four is drawn, because every fourth meets one fault alone, and each stage is to see such seeds.
    #[must_use]
    pub const fn of_seed(seed: u64) -> Stage {
        let turned = SplitMix64::new(seed / 4).below(4);
        match (seed % 4 + turned) % 4 {
            0 | 1 => Stage::Spot,
            2 => Stage::Contracts,
            _ => Stage::Both,
        }
    }

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Spot => "spot",
            Stage::Contracts => "contracts",
            Stage::Both => "both",
        }
    }

    /// The faces that it trades at.
    #[must_use]
    pub const fn faces(self) -> &'static [Face] {
        match self {
            Stage::Spot => &[Face::Spot],
            Stage::Contracts => &[Face::Contracts],
            Stage::Both => &[Face::Spot, Face::Contracts],
        }
    }

    /// Whether it trades at a face.
    #[must_use]
    pub fn has(self, face: Face) -> bool {
        self.faces().contains(&face)
    }

    /// The pairs that are traded at each of its faces.
    #[must_use]
    pub const fn pairs(self) -> &'static [&'static str] {
        match self {
            Stage::Spot | Stage::Contracts => &["BTC-USDT", "ETH-USDT"],
            Stage::Both => &["BTC-USDT"],
        }
    }
}
