//! The credential fields of one account.

use std::collections::BTreeMap;

use colibri_standard::{Credential, CredentialField, CredentialRole, KeyKind};

use super::Secret;

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialValue {
    /// Readable by the connector: a key's id, an address.
    Public(String),
    /// Only the host has it.
    Secret {
        /// What kind of key it is.
        kind: KeyKind,
        /// The key, or the text.
        secret: Secret,
    },
    /// A secret that this process does not have and must not need: in a replay nothing is sent. What it would sign is signed
    /// with a word in place of a signature.
    Withheld {
        /// What kind of key it was.
        kind: KeyKind,
    },
}

/// Credentials that do not fit the manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// A field is missing.
    #[error("the credential {field:?} ({label}) is missing; add it to the account's keys")]
    Missing {
        /// The field.
        field: String,
        /// What the manifest calls it.
        label: String,
    },
    /// A field that the manifest does not name.
    #[error("the connector has no credential called {0:?}; its manifest lists those it has")]
    Unknown(String),
    /// A public field where a secret belongs, or the other way round.
    #[error("the credential {field:?} must be {expected}")]
    WrongRole {
        /// The field.
        field: String,
        /// `public` or `secret`.
        expected: &'static str,
    },
    /// A kind of key that the exchange does not take.
    #[error("the credential {field:?} cannot be a key of kind {kind:?}; the manifest lists the kinds it can be")]
    WrongKind {
        /// The field.
        field: String,
        /// The kind given.
        kind: KeyKind,
    },
}

/// The credential fields of one account; none for public data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    fields: BTreeMap<String, CredentialValue>,
}

impl Credentials {
    /// No credentials: public data only.
    #[must_use]
    pub fn none() -> Credentials {
        Credentials::default()
    }

    /// With a public field.
    #[must_use]
    pub fn with_public(mut self, field: impl Into<String>, value: impl Into<String>) -> Credentials {
        self.fields.insert(field.into(), CredentialValue::Public(value.into()));
        self
    }

    /// With a secret field.
    #[must_use]
    pub fn with_secret(mut self, field: impl Into<String>, kind: KeyKind, secret: Secret) -> Credentials {
        self.fields
            .insert(field.into(), CredentialValue::Secret { kind, secret });
        self
    }

    /// With a secret field whose secret is not here, for a replay.
    #[must_use]
    pub fn with_withheld(mut self, field: impl Into<String>, kind: KeyKind) -> Credentials {
        self.fields.insert(field.into(), CredentialValue::Withheld { kind });
        self
    }

    /// The public fields, and the kinds of the secret ones: what may be written down of them.
    #[must_use]
    pub fn without_secrets(&self) -> (BTreeMap<String, String>, BTreeMap<String, KeyKind>) {
        let (mut public, mut kinds) = (BTreeMap::new(), BTreeMap::new());
        for (name, value) in &self.fields {
            match value {
                CredentialValue::Public(value) => {
                    public.insert(name.clone(), value.clone());
                }
                CredentialValue::Secret { kind, .. } | CredentialValue::Withheld { kind } => {
                    kinds.insert(name.clone(), *kind);
                }
            }
        }
        (public, kinds)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// A field.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&CredentialValue> {
        self.fields.get(field)
    }

    /// What the connector may see of them.
    #[must_use]
    pub fn for_connector(&self) -> BTreeMap<String, Credential> {
        self.fields
            .iter()
            .map(|(name, value)| {
                let seen = match value {
                    CredentialValue::Public(value) => Credential::Public { value: value.clone() },
                    CredentialValue::Secret { kind, .. } | CredentialValue::Withheld { kind } => {
                        Credential::Secret { kind: *kind }
                    }
                };
                (name.clone(), seen)
            })
            .collect()
    }

    /// Whether they are what a manifest asks for: all of its fields, or none at all.
    ///
    /// # Errors
    /// The first field that is missing, unknown or of another role or kind.
    pub fn check(&self, declared: &BTreeMap<String, CredentialField>) -> Result<(), CredentialError> {
        if self.is_empty() {
            return Ok(());
        }
        if let Some(unknown) = self.fields.keys().find(|name| !declared.contains_key(*name)) {
            return Err(CredentialError::Unknown(unknown.clone()));
        }
        for (name, field) in declared {
            let wrong = |expected| CredentialError::WrongRole {
                field: name.clone(),
                expected,
            };
            match (self.fields.get(name), field.role) {
                (None, _) => {
                    return Err(CredentialError::Missing {
                        field: name.clone(),
                        label: field.label.clone(),
                    });
                }
                (Some(CredentialValue::Secret { .. } | CredentialValue::Withheld { .. }), CredentialRole::Public) => {
                    return Err(wrong("public"));
                }
                (Some(CredentialValue::Public(_)), CredentialRole::Secret) => return Err(wrong("secret")),
                (
                    Some(CredentialValue::Secret { kind, .. } | CredentialValue::Withheld { kind }),
                    CredentialRole::Secret,
                ) if !field.kinds.is_empty() && !field.kinds.contains(kind) => {
                    return Err(CredentialError::WrongKind {
                        field: name.clone(),
                        kind: *kind,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> BTreeMap<String, CredentialField> {
        let field = |role, kinds: &[KeyKind]| CredentialField {
            role,
            label: "a label".into(),
            kinds: kinds.to_vec(),
        };
        BTreeMap::from([
            ("api_key".to_owned(), field(CredentialRole::Public, &[])),
            (
                "secret".to_owned(),
                field(CredentialRole::Secret, &[KeyKind::HmacSha256, KeyKind::Ed25519]),
            ),
        ])
    }

    #[test]
    fn all_or_none_and_of_the_declared_kinds() {
        let secret = || Secret::from_text("s3cr3t".into());
        assert_eq!(Credentials::none().check(&declared()), Ok(()));
        let full = Credentials::none().with_public("api_key", "k");
        assert!(matches!(full.check(&declared()), Err(CredentialError::Missing { .. })));
        let full = full.with_secret("secret", KeyKind::Ed25519, secret());
        assert_eq!(full.check(&declared()), Ok(()));
        assert!(matches!(
            full.clone().with_public("x", "y").check(&declared()),
            Err(CredentialError::Unknown(_))
        ));
        assert!(matches!(
            full.clone()
                .with_secret("secret", KeyKind::Text, secret())
                .check(&declared()),
            Err(CredentialError::WrongKind { .. })
        ));
        assert!(matches!(
            full.with_public("secret", "y").check(&declared()),
            Err(CredentialError::WrongRole { .. })
        ));
    }

    #[test]
    fn nothing_prints_a_secret() {
        let credentials = Credentials::none().with_secret("secret", KeyKind::Text, Secret::from_text("hunter2".into()));
        assert!(!format!("{credentials:?}").contains("hunter2"));
        assert!(!format!("{:?}", credentials.for_connector()).contains("hunter2"));
    }
}
