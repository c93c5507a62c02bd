//! What a recorded run was made from: enough to make it again, without its secrets.

use std::collections::BTreeMap;

use colibri_model::{AccountId, VenueId};
use colibri_standard::{ConnectorManifest, KeyKind};
use serde::{Deserialize, Serialize};

/// What a run was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSetup {
    /// The host's version: another may decide otherwise.
    pub host_version: String,
    /// The text of the bot's file.
    pub bot_file: String,
    /// What the engine drew its random numbers from.
    pub engine_seed: u64,
    /// Its venues, in the engine's order.
    pub venues: Vec<RecordedVenue>,
}

/// What a venue of a run was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedVenue {
    /// Its name in the bot.
    pub venue: VenueId,
    /// Whose account.
    pub account: Option<AccountId>,
    /// The SHA-256 of the connector's library, in hexadecimal.
    pub library_sha256: String,
    /// The manifest, overrides merged in.
    pub manifest: ConnectorManifest,
    /// Addresses that replaced the environment's.
    pub addresses: BTreeMap<String, String>,
    /// The credential fields that a connector may read.
    pub public_credentials: BTreeMap<String, String>,
    /// The kinds of the secret ones.
    pub secret_kinds: BTreeMap<String, KeyKind>,
    /// The connector's own options.
    pub options: BTreeMap<String, serde_json::Value>,
    /// What its driver drew jitter and entropy from.
    pub seed: u64,
    /// Its nonces began above this.
    pub nonce_floor: u64,
    /// Whether bulk commands went to a lane of their own.
    pub bulk_lane: BulkLaneUse,
}

/// Whether bulk commands went to a lane of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkLaneUse {
    /// They went through the engine's own connector.
    None,
    /// A second instance answered them; its reports are inputs.
    OwnThread,
}
