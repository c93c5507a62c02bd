//! The key file: read, changed and replaced as a whole.

use std::path::{Path, PathBuf};

use colibri_model::AccountId;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::access;
use super::error::KeysError;
use super::key_set::{KeySecret, KeySet, KeySetListing};
use super::seal::{Cost, Derivation, Sealed, SealingKey};
use super::secret::Secret;

/// The version of the file's shape.
const FORMAT: u32 = 1;

/// What the password's own check is bound to.
const CHECK_CONTEXT: &[u8] = b"colibri key file 1: password check";

/// A key file by its path.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
    /// For a new file; one that exists says its own.
    cost: Cost,
}

/// A key file whose password was right: hands out secrets.
pub struct UnlockedKeys {
    path: PathBuf,
    content: Content,
    key: SealingKey,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    format: u32,
    derivation: Derivation,
    /// Nothing, sealed: tells a wrong password from a changed file.
    check: Sealed,
    accounts: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    listing: KeySetListing,
    sealed: Sealed,
}

/// The file's version alone, so that a newer file is named as such and not as damaged.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl KeyFile {
    /// The key file at `path`, which need not exist yet. Nothing is read.
    #[must_use]
    pub fn at(path: &Path) -> KeyFile {
        KeyFile::with_cost(path, Cost::STANDARD)
    }

    pub(super) fn with_cost(path: &Path, cost: Cost) -> KeyFile {
        // A link to the file is followed, so that replacing it does not replace the link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        KeyFile { path, cost }
    }

    /// Whether there is one: if not, its first password is about to be chosen.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// What is in it, by name, secrets left out. Needs no password; a name that was changed outside of colibri is found
    /// only by unlocking. Empty where there is no file.
    ///
    /// # Errors
    /// [`KeysError::Exposed`] where others than the owner may read it; [`KeysError::Format`]; [`KeysError::Io`].
    pub fn list(&self) -> Result<Vec<KeySetListing>, KeysError> {
        match self.read() {
            Ok(content) => Ok(content.accounts.into_iter().map(|entry| entry.listing).collect()),
            Err(KeysError::NoFile { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Adds a key set; makes the file where there is none, with this password.
    ///
    /// # Errors
    /// [`KeysError::Secret`] where a secret is not of its kind; [`KeysError::AccountExists`];
    /// [`KeysError::WrongPassword`] where the file has another password; the file's own. Then nothing has changed.
    pub fn add(&self, keys: &KeySet, password: &Secret) -> Result<(), KeysError> {
        keys.check()?;
        let _lock = access::lock(&self.path)?;
        let (mut content, key) = match self.read() {
            Ok(content) => {
                let key = self.check_password(&content, password)?;
                (content, key)
            }
            Err(KeysError::NoFile { .. }) => self.begin(password)?,
            Err(error) => return Err(error),
        };
        let listing = keys.listing();
        let accounts = &mut content.accounts;
        match accounts.binary_search_by(|entry| entry.listing.account.cmp(&listing.account)) {
            Ok(_) => Err(KeysError::AccountExists {
                path: self.path.clone(),
                account: listing.account,
            }),
            Err(place) => {
                let sealed = key
                    .seal(&context(&listing), &joined(keys))
                    .map_err(self.cipher_failed())?;
                accounts.insert(place, Entry { listing, sealed });
                self.write(&content)
            }
        }
    }

    /// Removes a key set. Needs no password: who may write the file may delete it.
    ///
    /// # Errors
    /// [`KeysError::NoAccount`]; the file's own. Then nothing has changed.
    pub fn remove(&self, account: &AccountId) -> Result<(), KeysError> {
        // Before the lock, which would make the folder of a file that is not there.
        self.read()?;
        let _lock = access::lock(&self.path)?;
        let mut content = self.read()?;
        let before = content.accounts.len();
        content.accounts.retain(|entry| entry.listing.account != *account);
        if content.accounts.len() == before {
            return Err(no_account(&self.path, &content, account));
        }
        self.write(&content)
    }

    /// Unlocks the file: derives the key once for all accounts in it. Takes a tenth of a second and 64 MiB, on purpose.
    ///
    /// # Errors
    /// [`KeysError::WrongPassword`]; [`KeysError::NoFile`], [`KeysError::Exposed`], [`KeysError::Format`].
    pub fn unlock(&self, password: &Secret) -> Result<UnlockedKeys, KeysError> {
        let content = self.read()?;
        let key = self.check_password(&content, password)?;
        Ok(UnlockedKeys {
            path: self.path.clone(),
            content,
            key,
        })
    }

    fn begin(&self, password: &Secret) -> Result<(Content, SealingKey), KeysError> {
        let derivation = Derivation::fresh(self.cost).map_err(self.cipher_failed())?;
        let key = derivation.key(password).map_err(self.cipher_failed())?;
        let check = key.seal(CHECK_CONTEXT, &[]).map_err(self.cipher_failed())?;
        Ok((
            Content {
                format: FORMAT,
                derivation,
                check,
                accounts: Vec::new(),
            },
            key,
        ))
    }

    fn check_password(&self, content: &Content, password: &Secret) -> Result<SealingKey, KeysError> {
        let key = content.derivation.key(password).map_err(self.cipher_failed())?;
        match key.open(CHECK_CONTEXT, &content.check) {
            Some(_) => Ok(key),
            None => Err(KeysError::WrongPassword {
                path: self.path.clone(),
            }),
        }
    }

    fn read(&self) -> Result<Content, KeysError> {
        let format = |reason: String| KeysError::Format {
            path: self.path.clone(),
            reason,
        };
        let text = access::read(&self.path)?;
        let version: FormatOnly = serde_json::from_str(&text).map_err(|error| format(error.to_string()))?;
        if version.format != FORMAT {
            return Err(format(format!(
                "it has format {}, and this version reads {FORMAT}",
                version.format
            )));
        }
        let content: Content = serde_json::from_str(&text).map_err(|error| format(error.to_string()))?;
        if !content
            .accounts
            .is_sorted_by(|a, b| a.listing.account < b.listing.account)
        {
            return Err(format(
                "its accounts are out of order, or one is there twice".to_owned(),
            ));
        }
        Ok(content)
    }

    fn write(&self, content: &Content) -> Result<(), KeysError> {
        let mut bytes = serde_json::to_vec_pretty(content).map_err(|error| KeysError::Format {
            path: self.path.clone(),
            reason: error.to_string(),
        })?;
        bytes.push(b'\n');
        access::replace(&self.path, &bytes)
    }

    fn cipher_failed(&self) -> impl Fn(String) -> KeysError {
        |reason| KeysError::Cipher {
            path: self.path.clone(),
            reason,
        }
    }
}

impl UnlockedKeys {
    /// An account's keys.
    ///
    /// # Errors
    /// [`KeysError::NoAccount`]; [`KeysError::Tampered`] where name, connector, fields or secrets are not what was
    /// stored together.
    pub fn key_set(&self, account: &AccountId) -> Result<KeySet, KeysError> {
        let entry = self
            .content
            .accounts
            .iter()
            .find(|entry| entry.listing.account == *account)
            .ok_or_else(|| no_account(&self.path, &self.content, account))?;
        let tampered = || KeysError::Tampered {
            path: self.path.clone(),
            account: account.clone(),
        };
        let listing = &entry.listing;
        let joined = self.key.open(&context(listing), &entry.sealed).ok_or_else(tampered)?;
        let mut rest = &joined[..];
        let mut secrets = std::collections::BTreeMap::new();
        for (name, kind) in &listing.secrets {
            let text = next_secret(&mut rest).ok_or_else(tampered)?;
            secrets.insert(name.clone(), KeySecret { kind: *kind, text });
        }
        Ok(KeySet {
            account: listing.account.clone(),
            connector: listing.connector.clone(),
            public: listing.public.clone(),
            secrets,
        })
    }
}

/// What an account's secrets are bound to: everything about it that is not secret.
fn context(listing: &KeySetListing) -> Vec<u8> {
    let mut context = format!("colibri key file {FORMAT}: secrets of ").into_bytes();
    let listing = serde_json::to_vec(listing).expect("maps of text to text become JSON");
    context.extend_from_slice(&listing);
    context
}

/// The secrets in the order of their names, each after its length.
fn joined(keys: &KeySet) -> Zeroizing<Vec<u8>> {
    let texts = || keys.secrets.values().map(|secret| secret.text.expose().as_bytes());
    let length = texts().map(|text| text.len() + 4).sum();
    let mut joined = Zeroizing::new(Vec::with_capacity(length));
    for text in texts() {
        joined.extend_from_slice(&(text.len() as u32).to_le_bytes());
        joined.extend_from_slice(text);
    }
    joined
}

fn next_secret(rest: &mut &[u8]) -> Option<Secret> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (text, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *rest = after;
    Some(Secret::new(str::from_utf8(text).ok()?.to_owned()))
}

fn no_account(path: &Path, content: &Content, account: &AccountId) -> KeysError {
    KeysError::NoAccount {
        path: path.to_owned(),
        account: account.clone(),
        known_accounts: content
            .accounts
            .iter()
            .map(|entry| entry.listing.account.clone())
            .collect(),
    }
}
