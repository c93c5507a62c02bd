//! A signature computed by hand: the host's signing, without a connector.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use colibri_abi::{PreimagePart, Sign, encoding, key_encoding, scheme, transform};
use colibri_driver::signing::{Context, Credentials, Keyring, Secret};
use colibri_standard::KeyKind;
use serde::Deserialize;

/// A piece of what is signed: a text, or bytes with what is done to them first.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Part {
    /// A text as it is.
    Plain(String),
    /// Bytes, and a transform.
    Transformed(TransformedPart),
}

/// Bytes, and what is done to them before they are signed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TransformedPart {
    /// The bytes as text.
    pub text: Option<String>,
    /// Or as base64.
    pub base64: Option<String>,
    /// `none`, `sha256`, `sha512`, `sha256_hex` or `sha512_hex`.
    pub transform: Option<String>,
}

/// What to sign, with what, and how to write it.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignLine {
    /// `hmac-sha256` (where absent), `hmac-sha384`, `hmac-sha512`, `ed25519`, `rsa-pkcs1-sha256` or `es256`; `of-the-key`
    /// with a slot.
    pub scheme: Option<String>,
    /// The secret; or
    pub secret: Option<String>,
    /// the name of a credential that was given with `--key`.
    pub slot: Option<String>,
    /// `raw` (where absent) or `base64`.
    pub key_encoding: Option<String>,
    /// `hex` (where absent), `base64`, `base64_url` (which a JWT wants) or `base64_percent`.
    pub encoding: Option<String>,
    /// What is signed, as text; or
    pub payload: Option<String>,
    /// what is signed, piece by piece.
    pub parts: Vec<Part>,
}

impl std::fmt::Debug for SignLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The secret stays out.
        f.debug_struct("SignLine")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

/// The name by which the signature is asked back.
const PLACEHOLDER: &str = "signature";

impl SignLine {
    /// The signature as text.
    ///
    /// # Errors
    /// A name that stands for nothing, or a key that cannot be read.
    pub fn sign(&self, keyring: &mut Keyring) -> Result<String, String> {
        let scheme = match self.scheme.as_deref() {
            None if self.slot.is_some() => scheme::OF_THE_KEY,
            None => scheme::HMAC_SHA256,
            Some(name) => named(
                name,
                "scheme",
                &[
                    ("of-the-key", scheme::OF_THE_KEY),
                    ("hmac-sha256", scheme::HMAC_SHA256),
                    ("hmac-sha384", scheme::HMAC_SHA384),
                    ("hmac-sha512", scheme::HMAC_SHA512),
                    ("ed25519", scheme::ED25519),
                    ("rsa-pkcs1-sha256", scheme::RSA_PKCS1_SHA256),
                    ("es256", scheme::ES256),
                ],
            )?,
        };
        let encoding = self.encoding.as_deref().map_or(Ok(encoding::HEX), |name| {
            named(
                name,
                "encoding",
                &[
                    ("hex", encoding::HEX),
                    ("base64", encoding::BASE64),
                    ("base64-url", encoding::BASE64_URL),
                    ("base64-percent", encoding::BASE64_PERCENT),
                    ("of-the-key", encoding::OF_THE_KEY),
                ],
            )
        })?;
        let key_encoding = self.key_encoding.as_deref().map_or(Ok(key_encoding::RAW), |name| {
            named(
                name,
                "key encoding",
                &[("raw", key_encoding::RAW), ("base64", key_encoding::BASE64)],
            )
        })?;
        let pieces = self.pieces()?;
        let preimage: Vec<PreimagePart<'_>> = pieces
            .iter()
            .map(|(transform, bytes)| PreimagePart {
                transform: *transform,
                reserved: 0,
                bytes: bytes.as_slice().into(),
            })
            .collect();
        let recipe = |slot| Sign {
            name: PLACEHOLDER.into(),
            slot,
            scheme,
            encoding,
            key_encoding,
            reserved: 0,
            preimage: preimage.as_slice().into(),
        };
        let signature = match (&self.secret, &self.slot) {
            (Some(secret), None) => {
                let kind = match scheme {
                    scheme::HMAC_SHA256 | scheme::OF_THE_KEY => KeyKind::HmacSha256,
                    scheme::HMAC_SHA384 => KeyKind::HmacSha384,
                    scheme::HMAC_SHA512 => KeyKind::HmacSha512,
                    scheme::RSA_PKCS1_SHA256 => KeyKind::Rsa,
                    scheme::ES256 => KeyKind::Es256,
                    _ => KeyKind::Ed25519,
                };
                let credentials = Credentials::none().with_secret("key", kind, Secret::from_text(secret.clone()));
                text_of(&mut Keyring::new(credentials), recipe("key".into()))
            }
            (None, Some(slot)) => text_of(keyring, recipe(slot.as_str().into())),
            _ => return Err("state a secret, or the slot of a credential, and not both".to_owned()),
        };
        signature.map_err(|e| e.to_string())
    }

    fn pieces(&self) -> Result<Vec<(u32, Vec<u8>)>, String> {
        if self.payload.is_some() != self.parts.is_empty() {
            return Err("state a payload, or parts, and not both".to_owned());
        }
        let whole = self
            .payload
            .iter()
            .map(|text| Ok((transform::NONE, text.clone().into_bytes())));
        let parts = self.parts.iter().map(|part| match part {
            Part::Plain(text) => Ok((transform::NONE, text.clone().into_bytes())),
            Part::Transformed(part) => part.piece(),
        });
        whole.chain(parts).collect()
    }
}

impl TransformedPart {
    fn piece(&self) -> Result<(u32, Vec<u8>), String> {
        let bytes = match (&self.text, &self.base64) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(text)) => STANDARD.decode(text).map_err(|e| format!("base64: {e}"))?,
            _ => return Err("a part has either text or base64".to_owned()),
        };
        let transform = self.transform.as_deref().map_or(Ok(transform::NONE), |name| {
            named(
                name,
                "transform",
                &[
                    ("none", transform::NONE),
                    ("sha256", transform::SHA256),
                    ("sha512", transform::SHA512),
                    ("sha256-hex", transform::SHA256_HEX),
                    ("sha512-hex", transform::SHA512_HEX),
                ],
            )
        })?;
        Ok((transform, bytes))
    }
}

fn text_of(keyring: &mut Keyring, recipe: Sign<'_>) -> Result<String, colibri_driver::signing::SigningError> {
    let placeholders = keyring.resolve(&[recipe])?;
    let wanted = format!("${{{PLACEHOLDER}}}");
    let text = keyring.fill(&placeholders, Context::Preimage, wanted.as_bytes())?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn named(text: &str, what: &str, names: &[(&str, u32)]) -> Result<u32, String> {
    let plain = text.to_ascii_lowercase().replace('_', "-");
    names
        .iter()
        .find(|(name, _)| *name == plain)
        .map(|(_, number)| *number)
        .ok_or_else(|| {
            let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            format!("{text:?} is no {what}; write one of {}", known.join(", "))
        })
}
