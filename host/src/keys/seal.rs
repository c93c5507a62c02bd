//! The cipher: argon2id from password to key, ChaCha20-Poly1305 from secret to sealed text.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::secret::Secret;

/// The most memory that a file may ask for, in KiB: a gigabyte. More is not a file of ours.
const MOST_MEMORY_KIB: u32 = 1 << 20;
/// The most passes that a file may ask for.
const MOST_PASSES: u32 = 64;

/// What one guess at the password costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    /// Memory in KiB.
    pub(super) memory_kib: u32,
    /// Passes over it.
    pub(super) passes: u32,
    /// Lanes.
    pub(super) lanes: u32,
}

impl Cost {
    /// RFC 9106 section 4, the second recommended option: 64 MiB, three passes, four lanes.
    pub(super) const STANDARD: Cost = Cost {
        memory_kib: 64 << 10,
        passes: 3,
        lanes: 4,
    };
}

/// How the key is derived, as the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Derivation {
    algorithm: DerivationAlgorithm,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    /// Base64 of 16 random bytes.
    salt: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DerivationAlgorithm {
    /// Argon2id, version 0x13.
    Argon2id,
}

/// Something sealed, as the file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealed {
    /// Base64 of 12 random bytes.
    nonce: String,
    /// Base64 of ciphertext and tag.
    text: String,
}

/// The key that a password gave.
pub(super) struct SealingKey(LessSafeKey);

/// The operating system gave no randomness, or derivation failed.
pub(super) type CipherError = String;

impl Derivation {
    /// A new one, with a salt of its own.
    pub(super) fn fresh(cost: Cost) -> Result<Derivation, CipherError> {
        Ok(Derivation {
            algorithm: DerivationAlgorithm::Argon2id,
            memory_kib: cost.memory_kib,
            passes: cost.passes,
            lanes: cost.lanes,
            salt: STANDARD.encode(random::<16>()?),
        })
    }

    /// Derives the key. Takes about a tenth of a second and 64 MiB, on purpose: not for the engine thread.
    pub(super) fn key(&self, password: &Secret) -> Result<SealingKey, CipherError> {
        if self.memory_kib > MOST_MEMORY_KIB || self.passes > MOST_PASSES {
            return Err("it asks for more memory or time than any key file of ours".to_owned());
        }
        let text = |error: argon2::Error| error.to_string();
        let salt = STANDARD
            .decode(&self.salt)
            .map_err(|_| "its salt is no base64".to_owned())?;
        let mut key = Zeroizing::new([0; 32]);
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(key.len())).map_err(text)?;
        let DerivationAlgorithm::Argon2id = self.algorithm;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(password.expose().as_bytes(), &salt, &mut *key)
            .map_err(text)?;
        let key = UnboundKey::new(&CHACHA20_POLY1305, &*key).map_err(|_| "the key has a wrong length".to_owned())?;
        Ok(SealingKey(LessSafeKey::new(key)))
    }
}

impl SealingKey {
    /// Seals `text`, bound to `context`: it opens only beside the same. A random nonce of 96 bits for the few secrets
    /// of one password does not repeat.
    pub(super) fn seal(&self, context: &[u8], text: &[u8]) -> Result<Sealed, CipherError> {
        let nonce = random::<NONCE_LEN>()?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() + CHACHA20_POLY1305.tag_len()));
        bytes.extend_from_slice(text);
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut *bytes)
            .map_err(|_| "sealing failed".to_owned())?;
        Ok(Sealed {
            nonce: STANDARD.encode(nonce),
            text: STANDARD.encode(&*bytes),
        })
    }

    /// Opens what was sealed beside `context`; `None` for another key, another context or a changed text.
    pub(super) fn open(&self, context: &[u8], sealed: &Sealed) -> Option<Zeroizing<Vec<u8>>> {
        let nonce: [u8; NONCE_LEN] = STANDARD.decode(&sealed.nonce).ok()?.try_into().ok()?;
        let mut bytes = Zeroizing::new(STANDARD.decode(&sealed.text).ok()?);
        let opened = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut bytes)
            .ok()?
            .len();
        bytes.truncate(opened);
        Some(bytes)
    }
}

fn random<const N: usize>() -> Result<[u8; N], CipherError> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| "the operating system gave no randomness".to_owned())?;
    Ok(bytes)
}
