//! Bytes that are wiped when they are dropped and never printed.

use std::fmt;

use zeroize::Zeroizing;

/// A secret: an API secret, a private key's PEM text, a passphrase.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over; the vector given is the one that is wiped.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Secret {
        Secret(Zeroizing::new(bytes))
    }

    /// Takes a text over.
    #[must_use]
    pub fn from_text(text: String) -> Secret {
        Secret::new(text.into_bytes())
    }

    /// The bytes: for computing with, never for showing.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
