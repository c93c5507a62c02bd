//! Signing recipes: what the host computes with a key that a connector never sees.

use colibri_abi as abi;

/// How a signature is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// As the user's key was stored: for exchanges that take several kinds.
    OfTheKey,
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-384.
    HmacSha384,
    /// HMAC with SHA-512.
    HmacSha512,
    /// Ed25519 over the preimage.
    Ed25519,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

/// How a signature is written where its placeholder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Lower-case hexadecimal.
    Hex,
    /// Base64 with padding.
    Base64,
    /// Base64 in the URL alphabet, no padding.
    Base64Url,
    /// Hexadecimal for HMAC keys, base64 for asymmetric ones.
    OfTheKey,
    /// As `OfTheKey`, percent-encoded for a query string.
    OfTheKeyPercent,
}

/// How the stored secret becomes key bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyEncoding {
    /// Its UTF-8 bytes.
    Raw,
    /// It is base64.
    Base64,
}

/// What becomes of a piece of the preimage before it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transform {
    /// Nothing.
    None,
    /// SHA-256, raw.
    Sha256,
    /// SHA-512, raw.
    Sha512,
    /// SHA-256, as lower-case hexadecimal.
    Sha256Hex,
    /// SHA-512, as lower-case hexadecimal.
    Sha512Hex,
}

/// A signing recipe. The host writes the signature wherever `${name}` stands in the request or frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    name: &'static str,
    slot: &'static str,
    scheme: Scheme,
    encoding: Encoding,
    key_encoding: KeyEncoding,
    preimage: Vec<(Transform, Vec<u8>)>,
}

impl Signature {
    /// A signature with the key in the credential field `slot`, for the placeholder `${name}`: by the scheme and in the
    /// encoding of the key, unless said otherwise.
    #[must_use]
    pub fn new(name: &'static str, slot: &'static str) -> Signature {
        Signature {
            name,
            slot,
            scheme: Scheme::OfTheKey,
            encoding: Encoding::OfTheKey,
            key_encoding: KeyEncoding::Raw,
            preimage: Vec::new(),
        }
    }
    /// With a scheme.
    #[must_use]
    pub fn scheme(mut self, scheme: Scheme) -> Signature {
        self.scheme = scheme;
        self
    }
    /// With an encoding.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Signature {
        self.encoding = encoding;
        self
    }
    /// With a key encoding.
    #[must_use]
    pub fn key_encoding(mut self, key_encoding: KeyEncoding) -> Signature {
        self.key_encoding = key_encoding;
        self
    }
    /// Over these bytes, after those before.
    #[must_use]
    pub fn over(self, bytes: impl Into<Vec<u8>>) -> Signature {
        self.over_transformed(Transform::None, bytes)
    }
    /// Over what becomes of these bytes, after those before.
    #[must_use]
    pub fn over_transformed(mut self, transform: Transform, bytes: impl Into<Vec<u8>>) -> Signature {
        self.preimage.push((transform, bytes.into()));
        self
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    fn parts(&self) -> Vec<abi::PreimagePart<'_>> {
        self.preimage
            .iter()
            .map(|(transform, bytes)| abi::PreimagePart {
                transform: match transform {
                    Transform::None => abi::transform::NONE,
                    Transform::Sha256 => abi::transform::SHA256,
                    Transform::Sha512 => abi::transform::SHA512,
                    Transform::Sha256Hex => abi::transform::SHA256_HEX,
                    Transform::Sha512Hex => abi::transform::SHA512_HEX,
                },
                reserved: 0,
                bytes: bytes.as_slice().into(),
            })
            .collect()
    }

    fn sign<'a>(&'a self, parts: &'a [abi::PreimagePart<'a>]) -> abi::Sign<'a> {
        abi::Sign {
            name: self.name.into(),
            slot: self.slot.into(),
            scheme: match self.scheme {
                Scheme::OfTheKey => abi::scheme::OF_THE_KEY,
                Scheme::HmacSha256 => abi::scheme::HMAC_SHA256,
                Scheme::HmacSha384 => abi::scheme::HMAC_SHA384,
                Scheme::HmacSha512 => abi::scheme::HMAC_SHA512,
                Scheme::Ed25519 => abi::scheme::ED25519,
                Scheme::Es256 => abi::scheme::ES256,
            },
            encoding: match self.encoding {
                Encoding::Hex => abi::encoding::HEX,
                Encoding::Base64 => abi::encoding::BASE64,
                Encoding::Base64Url => abi::encoding::BASE64_URL,
                Encoding::OfTheKey => abi::encoding::OF_THE_KEY,
                Encoding::OfTheKeyPercent => abi::encoding::OF_THE_KEY_PERCENT,
            },
            key_encoding: match self.key_encoding {
                KeyEncoding::Raw => abi::key_encoding::RAW,
                KeyEncoding::Base64 => abi::key_encoding::BASE64,
            },
            reserved: 0,
            preimage: parts.into(),
        }
    }
}

/// Calls `send` with the recipes as the boundary has them.
pub(crate) fn with_signs<R>(signatures: &[Signature], send: impl FnOnce(&[abi::Sign<'_>]) -> R) -> R {
    let parts: Vec<_> = signatures.iter().map(Signature::parts).collect();
    let signs: Vec<_> = signatures.iter().zip(&parts).map(|(s, p)| s.sign(p)).collect();
    send(&signs)
}
