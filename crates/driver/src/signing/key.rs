//! Keys that sign.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use colibri_abi::{key_encoding, scheme};
use colibri_standard::KeyKind;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use ring::{error::KeyRejected, hmac};
use zeroize::Zeroizing;

use super::{KeyClass, Secret, SigningError};

/// A key, read and ready to sign with.
pub enum SigningKey {
    /// HMAC of any hash.
    Hmac(hmac::Key),
    /// Ed25519.
    Ed25519(Box<Ed25519KeyPair>),
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2048 to 4096 bits.
    Rsa(Arc<RsaKeyPair>),
    /// ECDSA on P-256 with SHA-256, compact.
    Es256(Box<EcdsaKeyPair>),
    /// One that this process does not have: a replay's.
    Withheld,
}

/// What stands where a secret that is not here would: nothing that is signed so is ever sent.
pub(super) const WITHHELD: &[u8] = b"withheld";

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            SigningKey::Hmac(_) => "SigningKey::Hmac",
            SigningKey::Ed25519(_) => "SigningKey::Ed25519",
            SigningKey::Rsa(_) => "SigningKey::Rsa",
            SigningKey::Es256(_) => "SigningKey::Es256",
            SigningKey::Withheld => "SigningKey::Withheld",
        })
    }
}

/// Signs a message: what a test tool shows. A driver keeps [`SigningKey`]s instead of reading them each time.
///
/// `scheme` and `key_encoding` are numbers of the boundary; `kind` is what the secret was stored as.
///
/// # Errors
/// An unknown number, or a key that cannot be read.
pub fn sign(
    scheme: u32,
    key_encoding: u32,
    kind: KeyKind,
    secret: &Secret,
    message: &[u8],
) -> Result<Vec<u8>, SigningError> {
    SigningKey::read(scheme, key_encoding, kind, secret)?.sign(message)
}

impl SigningKey {
    /// Reads a stored secret as a key for a scheme.
    ///
    /// # Errors
    /// An unknown scheme, a secret of a kind that cannot sign by it, or one that cannot be read.
    pub fn read(scheme: u32, key_encoding: u32, kind: KeyKind, secret: &Secret) -> Result<SigningKey, SigningError> {
        let of_the_kind = match kind {
            KeyKind::HmacSha256 => scheme::HMAC_SHA256,
            KeyKind::HmacSha384 => scheme::HMAC_SHA384,
            KeyKind::HmacSha512 => scheme::HMAC_SHA512,
            KeyKind::Ed25519 => scheme::ED25519,
            KeyKind::Rsa => scheme::RSA_PKCS1_SHA256,
            KeyKind::Es256 => scheme::ES256,
            KeyKind::Text => return Err(unreadable("a signing key", "it is stored as a text")),
        };
        let wanted = match scheme {
            scheme::OF_THE_KEY => of_the_kind,
            number => number,
        };
        let symmetric = |scheme| matches!(scheme, scheme::HMAC_SHA256 | scheme::HMAC_SHA384 | scheme::HMAC_SHA512);
        // A shared secret serves with any hash; a private key is of one kind.
        if wanted != of_the_kind && !(symmetric(wanted) && symmetric(of_the_kind)) {
            return Err(match (name_of(wanted), symmetric(wanted)) {
                (None, _) => SigningError::Unsupported {
                    what: "signing scheme",
                    number: wanted,
                },
                (Some(_), true) => unreadable("an HMAC key", "it is stored as a private key"),
                (Some(expected), false) => unreadable(expected, "it is stored as a key of another kind"),
            });
        }
        let bytes = key_bytes(key_encoding, secret)?;
        Ok(match wanted {
            scheme::HMAC_SHA256 => SigningKey::Hmac(hmac::Key::new(hmac::HMAC_SHA256, &bytes)),
            scheme::HMAC_SHA384 => SigningKey::Hmac(hmac::Key::new(hmac::HMAC_SHA384, &bytes)),
            scheme::HMAC_SHA512 => SigningKey::Hmac(hmac::Key::new(hmac::HMAC_SHA512, &bytes)),
            scheme::ED25519 => SigningKey::Ed25519(Box::new(ed25519(&bytes)?)),
            scheme::RSA_PKCS1_SHA256 => SigningKey::Rsa(Arc::new(rsa(&bytes)?)),
            scheme::ES256 => SigningKey::Es256(Box::new(es256(&bytes)?)),
            // secp256k1 over SHA-256, Keccak-256 and half SHA-512 will come with its own numbers.
            number => {
                return Err(SigningError::Unsupported {
                    what: "signing scheme",
                    number,
                });
            }
        })
    }

    /// Whether the key is shared or has a public half.
    #[must_use]
    pub const fn class(&self) -> KeyClass {
        match self {
            SigningKey::Hmac(_) | SigningKey::Withheld => KeyClass::Symmetric,
            SigningKey::Ed25519(_) | SigningKey::Rsa(_) | SigningKey::Es256(_) => KeyClass::Asymmetric,
        }
    }

    /// Signs a message. The signature of ES256 differs each time, as its standard asks.
    ///
    /// # Errors
    /// The system gave no randomness (ES256, RSA blinding).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        Ok(match self {
            SigningKey::Withheld => WITHHELD.to_vec(),
            SigningKey::Hmac(key) => hmac::sign(key, message).as_ref().to_vec(),
            SigningKey::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            SigningKey::Rsa(pair) => rsa_signature(pair, message)?,
            SigningKey::Es256(pair) => pair
                .sign(&SystemRandom::new(), message)
                .map_err(|_| no_randomness())?
                .as_ref()
                .to_vec(),
        })
    }
}

pub(super) fn rsa_signature(pair: &RsaKeyPair, message: &[u8]) -> Result<Vec<u8>, SigningError> {
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
        .map_err(|_| no_randomness())?;
    Ok(signature)
}

fn no_randomness() -> SigningError {
    unreadable("a signing key", "the system gave no randomness")
}

fn unreadable(expected: &'static str, why: impl Into<String>) -> SigningError {
    SigningError::UnreadableKey {
        expected,
        why: why.into(),
    }
}

fn rejected(expected: &'static str) -> impl Fn(KeyRejected) -> SigningError {
    // ring's words are one of a fixed set and never the key.
    move |error| unreadable(expected, error.to_string())
}

/// What a scheme signs with; `None` for one that this host does not know.
const fn name_of(scheme: u32) -> Option<&'static str> {
    match scheme {
        scheme::HMAC_SHA256 | scheme::HMAC_SHA384 | scheme::HMAC_SHA512 => Some("an HMAC key"),
        scheme::ED25519 => Some(ED25519),
        scheme::RSA_PKCS1_SHA256 => Some(RSA),
        scheme::ES256 => Some(ES256),
        _ => None,
    }
}

const ED25519: &str = "an Ed25519 key";
const RSA: &str = "an RSA key of 2048 to 4096 bits";
const ES256: &str = "a P-256 key";

/// The key's bytes: as they are, from base64, or out of a PEM text.
fn key_bytes(key_encoding: u32, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, SigningError> {
    let stored = secret.expose();
    match key_encoding {
        key_encoding::RAW => match std::str::from_utf8(stored) {
            Ok(text) if text.contains("-----BEGIN") => pem(text),
            _ => Ok(Zeroizing::new(stored.to_vec())),
        },
        key_encoding::BASE64 => STANDARD
            .decode(stored.trim_ascii())
            .map(Zeroizing::new)
            .map_err(|_| unreadable("base64", "it has other characters or a wrong length")),
        number => Err(SigningError::Unsupported {
            what: "key encoding",
            number,
        }),
    }
}

/// The DER between a PEM text's first lines.
fn pem(text: &str) -> Result<Zeroizing<Vec<u8>>, SigningError> {
    let wrong = |why: &str| unreadable("a PEM text", why);
    let (_, rest) = text.split_once("-----BEGIN ").ok_or_else(|| wrong("no BEGIN line"))?;
    let (label, rest) = rest
        .split_once("-----")
        .ok_or_else(|| wrong("its BEGIN line is not closed"))?;
    match label {
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => {}
        "ENCRYPTED PRIVATE KEY" => return Err(wrong("it is encrypted; decrypt it first (openssl pkcs8)")),
        "PUBLIC KEY" => return Err(wrong("it is the public key; the private one is needed")),
        _ => return Err(wrong("it holds no private key")),
    }
    let (body, _) = rest.split_once("-----END").ok_or_else(|| wrong("no END line"))?;
    if body.contains("ENCRYPTED") {
        return Err(wrong("it is encrypted; decrypt it first (openssl pkey)"));
    }
    // With its two-character escape, because keys are often kept in one line.
    let joined: Zeroizing<String> = Zeroizing::new(body.replace("\\n", "").split_whitespace().collect());
    STANDARD
        .decode(joined.as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| wrong("its body is not base64"))
}

/// From PKCS#8 of either version, or a seed of 32 bytes as it is, in hexadecimal or in base64.
fn ed25519(bytes: &[u8]) -> Result<Ed25519KeyPair, SigningError> {
    const WHAT: &str = ED25519;
    let from_seed = |seed: &[u8]| Ed25519KeyPair::from_seed_unchecked(seed).map_err(rejected(WHAT));
    match bytes.len() {
        32 => from_seed(bytes),
        64 if bytes.iter().all(u8::is_ascii_hexdigit) => {
            let mut seed = Zeroizing::new([0u8; 32]);
            for (byte, pair) in seed.iter_mut().zip(bytes.chunks(2)) {
                let digit = |c: u8| char::from(c).to_digit(16).unwrap_or(0);
                *byte = (digit(pair[0]) * 16 + digit(pair[1])) as u8;
            }
            from_seed(&*seed)
        }
        44 if bytes.ends_with(b"=") => match STANDARD.decode(bytes).map(Zeroizing::new) {
            Ok(seed) if seed.len() == 32 => from_seed(&seed),
            _ => Err(unreadable(WHAT, "its base64 cannot be read")),
        },
        _ => Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes).map_err(rejected(WHAT)),
    }
}

/// From PKCS#8, or PKCS#1 as older tools write it.
fn rsa(bytes: &[u8]) -> Result<RsaKeyPair, SigningError> {
    RsaKeyPair::from_pkcs8(bytes)
        .or_else(|_| RsaKeyPair::from_der(bytes))
        .map_err(rejected(RSA))
}

/// From PKCS#8, or SEC 1 as older tools and Coinbase write it.
fn es256(bytes: &[u8]) -> Result<EcdsaKeyPair, SigningError> {
    let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    match sec1(bytes) {
        Some((private, public)) => EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, public, &random),
        None => EcdsaKeyPair::from_pkcs8(algorithm, bytes, &random),
    }
    .map_err(rejected(ES256))
}

/// The private and the public half of an `ECPrivateKey` (RFC 5915) of P-256; `None` where it is none, or has no public half.
fn sec1(der: &[u8]) -> Option<(&[u8], &[u8])> {
    /// The first element of a DER text: its tag, its content, and what follows it. Lengths above 255 are not of P-256.
    fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
        let (&tag, rest) = der.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (first, rest),
            0x81 => {
                let (&length, rest) = rest.split_first()?;
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(usize::from(length))?;
        Some((tag, content, rest))
    }
    const SEQUENCE: u8 = 0x30;
    const PUBLIC_KEY: u8 = 0xa1;
    let (SEQUENCE, whole, _) = element(der)? else {
        return None;
    };
    let (0x02, [1], rest) = element(whole)? else {
        return None;
    };
    let (0x04, private, mut rest) = element(rest)? else {
        return None;
    };
    while !rest.is_empty() {
        let (tag, content, after) = element(rest)?;
        if tag == PUBLIC_KEY {
            // A bit string without unused bits.
            let (0x03, [0, public @ ..], _) = element(content)? else {
                return None;
            };
            return Some((private, public));
        }
        rest = after;
    }
    None
}
