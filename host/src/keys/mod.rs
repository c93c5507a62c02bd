//! The key store: API keys in one file, encrypted under the user's password.
//!
//! What lives here: the file, its cipher, the checks of what is put in, and where a password comes from. What must not
//! live here: signing (the driver's) and any way for a secret into a log, an error or a connector.
//!
//! Names, connectors and public fields can be read without the password; secrets only with it. `docs/keys.md` has the
//! format and what it protects against.

mod access;
mod error;
mod file;
mod key_set;
mod password;
mod private_key;
mod seal;
mod secret;
#[cfg(test)]
mod tests;

pub use error::KeysError;
pub use file::{KeyFile, UnlockedKeys};
pub use key_set::{KeySecret, KeySet, KeySetListing, recognise};
pub use password::{new_password, password};
pub use secret::Secret;
