//! Ed25519 private keys as PKCS#8 PEM, which is what `openssl genpkey -algorithm ed25519` writes (RFC 8410, RFC 7468).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::Ed25519KeyPair;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// Whether a text is meant to be PEM.
pub(super) fn looks_like_pem(text: &str) -> bool {
    text.trim_start().starts_with("-----BEGIN ")
}

/// Whether a text is an Ed25519 private key; if not, what is wrong with it.
pub(super) fn check_ed25519(text: &str) -> Result<(), &'static str> {
    let text = text.trim();
    if text.starts_with("-----BEGIN ENCRYPTED") {
        return Err("it has a password of its own; decrypt it first with `openssl pkey`, it is encrypted again here");
    }
    if text.starts_with("-----BEGIN PUBLIC") {
        return Err("it is the public key, which is the exchange's to have; give the private one");
    }
    let body = text
        .strip_prefix(BEGIN)
        .and_then(|text| text.strip_suffix(END))
        .ok_or("it is not a PKCS#8 PEM text; make one with `openssl genpkey -algorithm ed25519`")?;
    let mut base64 = Zeroizing::new(Vec::with_capacity(body.len()));
    base64.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let mut der = Zeroizing::new(vec![0; base64.len()]);
    let length = STANDARD
        .decode_slice(&*base64, &mut der)
        .map_err(|_| "between its BEGIN and END lines is no base64")?;
    // Version 1 has no public key in it, and is what openssl writes.
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der[..length])
        .map(|_| ())
        .map_err(|_| "it is a private key, but not an Ed25519 one; make one with `openssl genpkey -algorithm ed25519`")
}
