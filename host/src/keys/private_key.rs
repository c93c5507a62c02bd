//! Private keys as PEM texts (RFC 7468): Ed25519 as PKCS#8 (RFC 8410), RSA as PKCS#8 or PKCS#1 (RFC 8017), P-256 as PKCS#8 or
//! SEC 1 (RFC 5915). Nothing here is ever part of an error: only what is wrong, never what was read.

use colibri_abi::{key_encoding, scheme};
use colibri_driver::Secret as SigningSecret;
use colibri_driver::signing::SigningKey;
use colibri_standard::KeyKind;

/// Whether a text is meant to be PEM.
pub(super) fn looks_like_pem(text: &str) -> bool {
    text.trim_start().starts_with("-----BEGIN ")
}

/// The kind of a PEM text: the one by which it can be read, and where none can, Ed25519.
pub(super) fn recognise(text: &str) -> KeyKind {
    [KeyKind::Ed25519, KeyKind::Es256, KeyKind::Rsa]
        .into_iter()
        .find(|kind| read(*kind, text).is_ok())
        .unwrap_or(KeyKind::Ed25519)
}

fn read(kind: KeyKind, text: &str) -> Result<(), ()> {
    let secret = SigningSecret::new(text.trim().as_bytes().to_vec());
    SigningKey::read(scheme::OF_THE_KEY, key_encoding::RAW, kind, &secret)
        .map(|_| ())
        .map_err(|_| ())
}

/// Whether a text is a private key of a kind; if not, what is wrong with it.
pub(super) fn check(kind: KeyKind, text: &str) -> Result<(), &'static str> {
    let text = text.trim();
    if text.starts_with("-----BEGIN ENCRYPTED") || text.contains(",ENCRYPTED") {
        return Err("it has a password of its own; decrypt it first with `openssl pkey`, it is encrypted again here");
    }
    if text.starts_with("-----BEGIN PUBLIC") || text.starts_with("-----BEGIN RSA PUBLIC") {
        return Err("it is the public key, which is the exchange's to have; give the private one");
    }
    if !looks_like_pem(text) {
        return Err(match kind {
            KeyKind::Rsa => "it is not a PEM text; make one with `openssl genpkey -algorithm RSA`",
            KeyKind::Es256 => "it is not a PEM text; the exchange gives one with the key",
            _ => "it is not a PKCS#8 PEM text; make one with `openssl genpkey -algorithm ed25519`",
        });
    }
    read(kind, text).map_err(|()| match kind {
        KeyKind::Rsa => {
            "it is PEM, but not an RSA private key of 2048 to 4096 bits; make one with `openssl genpkey -algorithm RSA`"
        }
        KeyKind::Es256 => {
            "it is PEM, but not a P-256 private key with its public half; `openssl pkcs8 -topk8 -nocrypt` writes one of \
             either form"
        }
        _ => "it is PEM, but not an Ed25519 private key; make one with `openssl genpkey -algorithm ed25519`",
    })
}
