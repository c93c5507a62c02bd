//! What an operation is made of at the boundary: a request or a frame with its signing recipe, a response, an outcome.

use abi_stable::StableAbi;
use abi_stable::std_types::{RSlice, RStr};

/// Values of [`Sign::scheme`].
pub mod scheme {
    /// The scheme that the user's credential was stored with: a connector that takes several kinds of key uses this.
    pub const OF_THE_KEY: u32 = 0;
    /// HMAC with SHA-256.
    pub const HMAC_SHA256: u32 = 1;
    /// HMAC with SHA-384.
    pub const HMAC_SHA384: u32 = 2;
    /// HMAC with SHA-512.
    pub const HMAC_SHA512: u32 = 3;
    /// Ed25519 over the preimage itself.
    pub const ED25519: u32 = 4;
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    pub const RSA_PKCS1_SHA256: u32 = 5;
    /// ECDSA on P-256 with SHA-256, compact.
    pub const ES256: u32 = 6;
}

/// Values of [`Sign::encoding`]: how the signature is written where its placeholder stands.
pub mod encoding {
    /// Lower-case hexadecimal.
    pub const HEX: u32 = 1;
    /// Base64 with padding.
    pub const BASE64: u32 = 2;
    /// Base64 in the URL alphabet, no padding.
    pub const BASE64_URL: u32 = 3;
    /// Base64 with padding, then percent-encoded for a query string.
    pub const BASE64_PERCENT: u32 = 4;
    /// Hexadecimal for HMAC keys, percent-encoded base64 for asymmetric ones.
    pub const OF_THE_KEY_PERCENT: u32 = 5;
    /// Hexadecimal for HMAC keys, base64 for asymmetric ones.
    pub const OF_THE_KEY: u32 = 6;
}

/// Values of [`Sign::key_encoding`]: how the stored secret becomes key bytes.
pub mod key_encoding {
    /// The secret's UTF-8 bytes (a PEM text for asymmetric keys).
    pub const RAW: u32 = 0;
    /// The secret is base64.
    pub const BASE64: u32 = 1;
}

/// Values of [`PreimagePart::transform`].
pub mod transform {
    /// The bytes as they are.
    pub const NONE: u32 = 0;
    /// SHA-256 of the bytes, raw.
    pub const SHA256: u32 = 1;
    /// SHA-512 of the bytes, raw.
    pub const SHA512: u32 = 2;
    /// SHA-512 of the bytes, as lower-case hexadecimal.
    pub const SHA512_HEX: u32 = 3;
    /// SHA-256 of the bytes, as lower-case hexadecimal.
    pub const SHA256_HEX: u32 = 4;
}

/// A piece of what is signed.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct PreimagePart<'a> {
    /// One of [`transform`].
    pub transform: u32,
    /// Spare room; zero.
    pub reserved: u32,
    /// The bytes; placeholders in them are resolved first.
    pub bytes: RSlice<'a, u8>,
}

/// A signing recipe: the host computes the signature and writes it wherever `${name}` stands in the URL, a header, the
/// body or the frame. The connector never sees the key, nor needs the signature.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct Sign<'a> {
    /// The placeholder's name.
    pub name: RStr<'a>,
    /// The credential field that holds the key.
    pub slot: RStr<'a>,
    /// One of [`scheme`].
    pub scheme: u32,
    /// One of [`encoding`].
    pub encoding: u32,
    /// One of [`key_encoding`].
    pub key_encoding: u32,
    /// Spare room; zero.
    pub reserved: u32,
    /// What is signed: the parts, transformed, in order.
    pub preimage: RSlice<'a, PreimagePart<'a>>,
}

/// An HTTP header.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct Header<'a> {
    /// Name; lower case in responses.
    pub name: RStr<'a>,
    /// Value.
    pub value: RStr<'a>,
}

/// An HTTP request for an operation that has been granted. The endpoint names method, host and path; the host refuses a
/// URL that does not match them.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The granted operation.
    pub op: u64,
    /// The endpoint's id in the manifest's table.
    pub endpoint: RStr<'a>,
    /// The whole URL, placeholders included.
    pub url: RStr<'a>,
    /// Headers, placeholders included.
    pub headers: RSlice<'a, Header<'a>>,
    /// Body, placeholders included; empty for none.
    pub body: RSlice<'a, u8>,
    /// Signing recipes, computed in order: a later preimage may hold an earlier placeholder.
    pub signs: RSlice<'a, Sign<'a>>,
    /// Spare room; zero.
    pub ext: [u64; 4],
}

/// The answer to a [`Request`].
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct Response<'a> {
    /// The operation.
    pub op: u64,
    /// HTTP status.
    pub status: u32,
    /// Spare room; zero.
    pub reserved: u32,
    /// Headers, names in lower case.
    pub headers: RSlice<'a, Header<'a>>,
    /// Body, decoded from any transfer and content encoding.
    pub body: RSlice<'a, u8>,
    /// Spare room; zero.
    pub ext: [u64; 4],
}

/// Values of [`StreamOpen::inflate`].
pub mod inflate {
    /// Frames are delivered as they come.
    pub const NONE: u32 = 0;
    /// Binary frames are gzip.
    pub const GZIP: u32 = 1;
    /// Binary frames are raw deflate.
    pub const DEFLATE: u32 = 2;
}

/// A stream to open.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct StreamOpen<'a> {
    /// The connector's number for the stream, unused by any stream that is open.
    pub stream: u32,
    /// The session that the stream serves.
    pub session: u32,
    /// The endpoint's id in the manifest's table.
    pub endpoint: RStr<'a>,
    /// The whole URL, placeholders included.
    pub url: RStr<'a>,
    /// Headers of the handshake.
    pub headers: RSlice<'a, Header<'a>>,
    /// Signing recipes.
    pub signs: RSlice<'a, Sign<'a>>,
    /// One of [`inflate`].
    pub inflate: u32,
    /// Spare room; zero.
    pub reserved: u32,
    /// Spare room; zero.
    pub ext: [u64; 4],
}

/// Values of a frame's kind.
pub mod frame_kind {
    /// UTF-8 text.
    pub const TEXT: u32 = 1;
    /// Bytes.
    pub const BINARY: u32 = 2;
    /// A pong that the connector asks for (exchanges whose keep-alive is a protocol ping need none: the host answers).
    pub const PING: u32 = 3;
}

/// A frame to send on an open stream. With an operation it is a request whose answer is awaited until its endpoint's
/// deadline; with operation zero it is fire and forget (a subscription whose answer the session itself awaits).
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct StreamSend<'a> {
    /// The stream.
    pub stream: u32,
    /// One of [`frame_kind`].
    pub kind: u32,
    /// The granted operation, or zero.
    pub op: u64,
    /// The endpoint's id in the manifest's table; empty where `op` is zero.
    pub endpoint: RStr<'a>,
    /// The frame, placeholders included.
    pub frame: RSlice<'a, u8>,
    /// Signing recipes.
    pub signs: RSlice<'a, Sign<'a>>,
    /// Spare room; zero.
    pub ext: [u64; 4],
}

/// How an operation ended. `Unknown` is everything that is not evidence; a number that a host does not know is Unknown.
pub mod outcome_kind {
    /// Done, as the exchange confirmed.
    pub const DONE: u32 = 1;
    /// The exchange refused it.
    pub const REJECTED: u32 = 2;
    /// No byte was written.
    pub const NOT_SENT: u32 = 3;
    /// It reached the exchange, which documents that it refuses before executing.
    pub const NOT_EXECUTED: u32 = 4;
    /// Over a rate limit, not executed.
    pub const THROTTLED: u32 = 5;
    /// The address or key is banned for a time; not executed.
    pub const BANNED: u32 = 6;
    /// Key, signature or permission refused; not executed.
    pub const AUTH_FAILED: u32 = 7;
    /// The timestamp was refused; not executed.
    pub const CLOCK_SKEW: u32 = 8;
    /// The exchange is closed for maintenance; not executed.
    pub const MAINTENANCE: u32 = 9;
    /// Nobody knows whether it was executed: ask.
    pub const UNKNOWN: u32 = 10;
}
