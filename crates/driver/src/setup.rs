//! What a driver is made from.

use std::collections::BTreeMap;

use colibri_model::{AccountId, VenueId};
use colibri_standard::{ConnectorConfig, ConnectorManifest, EnvironmentConfig};

use crate::Rehearsal;
use crate::limiter::LimitShares;
use crate::signing::{CredentialError, Credentials};

/// Why a driver cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// No such environment.
    #[error("{venue}: the connector has no environment called {environment:?}; it has {known}")]
    NoEnvironment {
        /// The connector instance.
        venue: VenueId,
        /// What was asked for.
        environment: String,
        /// What there is.
        known: String,
    },
    /// An address that is not one.
    #[error("{venue}: the address {role:?} is wrong: {why}")]
    BadAddress {
        /// The connector instance.
        venue: VenueId,
        /// The address's role.
        role: String,
        /// What is wrong.
        why: String,
    },
    /// A share of a pool that the manifest does not have.
    #[error("{venue}: the connector has no rate-limit pool called {pool:?}; it has {known}")]
    NoPool {
        /// The connector instance.
        venue: VenueId,
        /// What was named.
        pool: String,
        /// What there is.
        known: String,
    },
    /// Credentials that the manifest does not ask for, or lacks.
    #[error("{venue}: {source}")]
    Credentials {
        /// The connector instance.
        venue: VenueId,
        /// What is wrong.
        source: CredentialError,
    },
}

/// What a driver is made from.
#[derive(Debug, Clone)]
pub struct DriverSetup {
    /// The connector instance's name in this installation.
    pub venue: VenueId,
    /// Whose credentials; `None` for public data.
    pub account: Option<AccountId>,
    /// What the connector declares, overrides merged in.
    pub manifest: ConnectorManifest,
    /// The environment's name, such as `live`.
    pub environment: String,
    /// Addresses that replace the environment's, by role: a local exchange's, a proxy's.
    pub addresses: BTreeMap<String, String>,
    /// The account's credentials.
    pub credentials: Credentials,
    /// The connector's own options.
    pub options: BTreeMap<String, serde_json::Value>,
    /// For jitter and for the entropy in grants: from the system's randomness when live, fixed when simulated.
    pub seed: u64,
    /// The part of the exchange's limits that this instance may use.
    pub limit_shares: LimitShares,
    /// Nonces begin above this: the highest that was ever used with the key.
    pub nonce_floor: u64,
    /// Panics that a simulation asks for; none by default.
    pub rehearsal: Rehearsal,
}

impl DriverSetup {
    /// A setup for public data in the environment `live`.
    #[must_use]
    pub fn new(venue: VenueId, manifest: ConnectorManifest) -> DriverSetup {
        DriverSetup {
            venue,
            account: None,
            manifest,
            environment: "live".to_owned(),
            addresses: BTreeMap::new(),
            credentials: Credentials::none(),
            options: BTreeMap::new(),
            seed: 0,
            limit_shares: LimitShares::default(),
            nonce_floor: 0,
            rehearsal: Rehearsal::default(),
        }
    }

    /// The addresses by role, replaced ones replaced.
    ///
    /// # Errors
    /// No such environment.
    pub fn effective_addresses(&self) -> Result<BTreeMap<String, String>, DriverError> {
        let environments = &self.manifest.environments;
        let environment = environments
            .get(&self.environment)
            .ok_or_else(|| DriverError::NoEnvironment {
                venue: self.venue.clone(),
                environment: self.environment.clone(),
                known: environments.keys().cloned().collect::<Vec<_>>().join(", "),
            })?;
        let mut addresses = environment.addresses.clone();
        addresses.extend(self.addresses.clone());
        Ok(addresses)
    }

    /// What the connector instance is created with. Holds no secret.
    ///
    /// # Errors
    /// No such environment.
    pub fn connector_config(&self) -> Result<ConnectorConfig, DriverError> {
        Ok(ConnectorConfig {
            environment: EnvironmentConfig {
                name: self.environment.clone(),
                addresses: self.effective_addresses()?,
            },
            credentials: self.credentials.for_connector(),
            options: self.options.clone(),
            state: None,
        })
    }
}
