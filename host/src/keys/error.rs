//! Why keys cannot be stored or read. No message has any part of a secret.

use std::io;
use std::path::{Path, PathBuf};

use colibri_model::AccountId;

/// Keys that cannot be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// There is no key file.
    #[error("there is no key file {}; `colibri keys add` makes one", path.display())]
    NoFile {
        /// Where it would be.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was being done: a verb.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// The refusal.
        source: io::Error,
    },
    /// Others than the owner may read a file that holds secrets.
    #[error(
        "{} can be read or written by others than its owner (mode {mode:03o}); run `chmod 600 {}`, and if others had \
         access, make new keys at the exchange",
        path.display(), path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not a key file, or is damaged.
    #[error("{} is not a key file that this version can read: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The password is not the file's.
    #[error("wrong password for {}", path.display())]
    WrongPassword {
        /// The file.
        path: PathBuf,
    },
    /// The password opens the file but not this account.
    #[error(
        "the keys of {account} in {} were changed outside of colibri, or damaged, and are not used; remove them and add \
         them again",
        path.display()
    )]
    Tampered {
        /// The file.
        path: PathBuf,
        /// Whose keys.
        account: AccountId,
    },
    /// No such account.
    #[error("there are no keys called {account} in {}; {}", path.display(), known(known_accounts))]
    NoAccount {
        /// The file.
        path: PathBuf,
        /// Who was asked for.
        account: AccountId,
        /// Who is there.
        known_accounts: Vec<AccountId>,
    },
    /// The account is there already.
    #[error("there are keys called {account} in {} already; remove them first, or choose another name", path.display())]
    AccountExists {
        /// The file.
        path: PathBuf,
        /// The name.
        account: AccountId,
    },
    /// What was given is not a secret of its kind.
    #[error("the secret {field:?} cannot be used: {reason}")]
    Secret {
        /// The credential field's name.
        field: String,
        /// Why.
        reason: &'static str,
    },
    /// A password that cannot be used.
    #[error("{0}")]
    Password(&'static str),
    /// Key derivation or randomness failed, which means that memory or the operating system failed.
    #[error("cannot derive a key for {}: {reason}", path.display())]
    Cipher {
        /// The file.
        path: PathBuf,
        /// What failed.
        reason: String,
    },
}

impl KeysError {
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeysError {
        let path = path.to_owned();
        move |source| KeysError::Io { what, path, source }
    }
}

fn known(accounts: &[AccountId]) -> String {
    if accounts.is_empty() {
        return "there are none at all".to_owned();
    }
    let names: Vec<&str> = accounts.iter().map(AccountId::as_str).collect();
    format!("there are: {}", names.join(", "))
}
