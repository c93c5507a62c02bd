//! Signatures that take a millisecond or more: computed off the thread that decides, on a request's way to its socket.

use std::fmt;
use std::sync::Arc;

use memchr::memmem;
use ring::signature::RsaKeyPair;

use super::key::rsa_signature;
use super::{KeyClass, SigningError, encode};

/// A signature that is still to be computed, and the mark that stands for it until then.
#[derive(Clone)]
pub struct LateSignature {
    mark: String,
    key: Arc<RsaKeyPair>,
    message: Vec<u8>,
    encoding: u32,
}

impl LateSignature {
    pub(super) fn new(number: usize, key: Arc<RsaKeyPair>, message: Vec<u8>, encoding: u32) -> LateSignature {
        LateSignature {
            // Of letters and digits, so that it may stand wherever a signature may.
            mark: format!("colibri0late0signature0{number}0"),
            key,
            message,
            encoding,
        }
    }

    /// What stands for the signature.
    pub(super) fn mark(&self) -> &str {
        &self.mark
    }

    /// Computes the signature: takes a millisecond or more.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub(crate) fn compute(&self) -> Result<String, SigningError> {
        encode(
            self.encoding,
            KeyClass::Asymmetric,
            &rsa_signature(&self.key, &self.message)?,
        )
    }

    /// Puts a signature where its mark stands.
    pub(crate) fn put(&self, signature: &str, into: &mut Vec<u8>) {
        while let Some(at) = memmem::find(into, self.mark.as_bytes()) {
            into.splice(at..at + self.mark.len(), signature.bytes());
        }
    }
}

impl PartialEq for LateSignature {
    fn eq(&self, other: &LateSignature) -> bool {
        Arc::ptr_eq(&self.key, &other.key)
            && (&self.mark, &self.message, self.encoding) == (&other.mark, &other.message, other.encoding)
    }
}

impl Eq for LateSignature {}

impl fmt::Debug for LateSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LateSignature")
    }
}
