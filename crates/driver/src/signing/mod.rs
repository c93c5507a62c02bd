//! Signing: recipes in, signed text out.
//!
//! What lives here: keys and secrets of an account, the schemes that the boundary names, the encodings of a signature, and
//! the placeholders in URLs, headers, bodies and frames that stand for signatures and granted secrets. What must not live
//! here: which exchange signs what (a connector's recipe says), and where a request may go (the endpoint table says).
//!
//! Nothing here prints a secret: no `Debug`, no error text, and memory is wiped when a secret is dropped.

mod credentials;
mod encoding;
mod key;
mod late;
mod placeholder;
mod secret;
#[cfg(test)]
mod vectors;

pub use credentials::{CredentialError, CredentialValue, Credentials};
pub use encoding::{KeyClass, encode, transform};
pub use key::{SigningKey, sign};
pub use late::LateSignature;
pub use placeholder::{Context, Keyring, Placeholders};
pub use secret::Secret;

/// Why something cannot be signed. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// No such credential.
    #[error("the credential {0:?} is not set for this account; add it to the account's keys")]
    NoCredential(String),
    /// A public field, or a text that is sent as it is, where a key is needed; or a key where a text is needed.
    #[error("the credential {field:?} cannot be used here: {why}")]
    WrongKind {
        /// The field.
        field: String,
        /// Why not.
        why: &'static str,
    },
    /// The stored key cannot be read.
    #[error("the key cannot be read as {expected}: {why}")]
    UnreadableKey {
        /// What it should be.
        expected: &'static str,
        /// What is wrong, without the key.
        why: String,
    },
    /// A number that this host does not know.
    #[error("this host has no {what} of number {number}; the connector asks for something newer")]
    Unsupported {
        /// Scheme, encoding or transform.
        what: &'static str,
        /// The number.
        number: u32,
    },
    /// A `${…}` that stands for nothing.
    #[error("the placeholder {0:?} stands for no recipe and no granted secret")]
    UnknownPlaceholder(String),
    /// A `${` without its `}`, or a text that may not stand where its placeholder does.
    #[error("a placeholder cannot be filled in: {0}")]
    BadPlaceholder(&'static str),
}
