//! A key set: an account's name, the connector that it is for, its public fields and its secrets.

use std::collections::BTreeMap;

use colibri_model::AccountId;
use colibri_standard::KeyKind;
use serde::{Deserialize, Serialize};

use super::error::KeysError;
use super::private_key;
use super::secret::Secret;

/// An account's keys, secrets included.
#[derive(Debug)]
pub struct KeySet {
    /// The name that bot files give it.
    pub account: AccountId,
    /// The connector that it is for, by its manifest's name.
    pub connector: String,
    /// Public fields by the manifest's names, such as `api_key`.
    pub public: BTreeMap<String, String>,
    /// Secret fields by the manifest's names.
    pub secrets: BTreeMap<String, KeySecret>,
}

/// A secret field.
#[derive(Debug)]
pub struct KeySecret {
    /// What it is used for.
    pub kind: KeyKind,
    /// The secret.
    pub text: Secret,
}

/// What of a key set may be read without the password.
///
/// Its JSON is what the secrets are bound to: a change of its shape is a new format of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySetListing {
    /// The name that bot files give it.
    pub account: AccountId,
    /// The connector that it is for.
    pub connector: String,
    /// Public fields.
    pub public: BTreeMap<String, String>,
    /// Of which kind the secrets are.
    pub secrets: BTreeMap<String, KeyKind>,
}

/// The kind that a secret's text looks like: a PEM text is of the kind that can read it, anything else HMAC with SHA-256.
#[must_use]
pub fn recognise(text: &Secret) -> KeyKind {
    if private_key::looks_like_pem(text.expose()) {
        private_key::recognise(text.expose())
    } else {
        KeyKind::HmacSha256
    }
}

impl KeySet {
    /// What of it may be read without the password.
    #[must_use]
    pub fn listing(&self) -> KeySetListing {
        KeySetListing {
            account: self.account.clone(),
            connector: self.connector.clone(),
            public: self.public.clone(),
            secrets: self
                .secrets
                .iter()
                .map(|(name, secret)| (name.clone(), secret.kind))
                .collect(),
        }
    }

    /// Checks each secret against its kind.
    ///
    /// # Errors
    /// [`KeysError::Secret`] names the field and the fault.
    pub fn check(&self) -> Result<(), KeysError> {
        for (field, secret) in &self.secrets {
            let checked = match secret.kind {
                kind @ (KeyKind::Ed25519 | KeyKind::Rsa | KeyKind::Es256) => {
                    private_key::check(kind, secret.text.expose())
                }
                KeyKind::HmacSha256 | KeyKind::HmacSha384 | KeyKind::HmacSha512 => check_shared(secret.text.expose()),
                KeyKind::Text => check_not_empty(secret.text.expose()),
            };
            checked.map_err(|reason| KeysError::Secret {
                field: field.clone(),
                reason,
            })?;
        }
        Ok(())
    }
}

fn check_shared(text: &str) -> Result<(), &'static str> {
    check_not_empty(text)?;
    if private_key::looks_like_pem(text) {
        return Err("it is PEM, which is no HMAC secret; its kind is ed25519, rsa or es256");
    }
    if text.trim() != text {
        return Err("it begins or ends with white space, which an exchange's secret never does");
    }
    Ok(())
}

fn check_not_empty(text: &str) -> Result<(), &'static str> {
    if text.trim().is_empty() {
        Err("it is empty")
    } else {
        Ok(())
    }
}
