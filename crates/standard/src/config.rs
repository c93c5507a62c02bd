//! What a connector instance is created with. It holds no secret: only public fields, and of which kind the secret ones are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The kinds of key that the host can sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind {
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-384.
    HmacSha384,
    /// HMAC with SHA-512.
    HmacSha512,
    /// Ed25519, as a PKCS#8 PEM text.
    Ed25519,
    /// RSA of 2048 to 4096 bits, as a PEM text (PKCS#8 or PKCS#1): RSASSA-PKCS1-v1_5 with SHA-256.
    Rsa,
    /// ECDSA on P-256 with SHA-256, as a PEM text (PKCS#8 or SEC 1): compact signatures, such as a JWT's ES256.
    Es256,
    /// A text that is sent as it is where a granted placeholder stands (a passphrase).
    Text,
}

/// A credential field as a connector may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "role")]
pub enum Credential {
    /// A public field (a key's id, an address): readable.
    Public {
        /// The text.
        value: String,
    },
    /// A secret field: only its kind.
    Secret {
        /// The kind.
        kind: KeyKind,
    },
}

/// The addresses of the chosen environment, by role (`rest`, `market`, …), without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EnvironmentConfig {
    /// The environment's name, such as `live`.
    pub name: String,
    /// Addresses by role.
    pub addresses: BTreeMap<String, String>,
}

/// The configuration of one instance, as JSON over the boundary.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConnectorConfig {
    /// Where the exchange is.
    pub environment: EnvironmentConfig,
    /// The credential fields; empty for public data only.
    #[serde(default)]
    pub credentials: BTreeMap<String, Credential>,
    /// The connector's own options, as its manifest names them.
    #[serde(default)]
    pub options: BTreeMap<String, serde_json::Value>,
    /// A state that an earlier instance emitted, to go on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<serde_json::Value>,
}
