//! Placeholders: `${name}` stands for the signature of a recipe, `${secret:field}` for a granted text.

use std::borrow::Cow;
use std::collections::BTreeMap;

use colibri_abi::Sign;
use colibri_standard::KeyKind;
use zeroize::Zeroizing;

use super::encoding::percent;
use super::key::WITHHELD;
use super::{CredentialValue, Credentials, LateSignature, Secret, SigningError, SigningKey, encode, transform};

/// Where a text with placeholders stands: decides how a granted secret is written there. A signature is written as its
/// recipe's encoding says, everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// In a URL: percent-encoded.
    Url,
    /// In a header: as it is; control characters are refused.
    Header,
    /// In a body or a frame: escaped where that is JSON.
    Body,
    /// In what is signed: as it is.
    Preimage,
}

/// The keys of an account, read when they are first used.
#[derive(Debug, Default)]
pub struct Keyring {
    credentials: Credentials,
    keys: BTreeMap<(String, u32, u32), SigningKey>,
}

/// The signatures of one request's recipes, by placeholder.
#[derive(Default)]
pub struct Placeholders {
    values: Vec<(String, String)>,
}

impl Keyring {
    /// The keys of these credentials.
    #[must_use]
    pub fn new(credentials: Credentials) -> Keyring {
        Keyring {
            credentials,
            keys: BTreeMap::new(),
        }
    }

    /// The credentials.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Computes the signatures of recipes, in order: a later preimage may hold an earlier placeholder.
    ///
    /// # Errors
    /// [`SigningError`]: nothing may be sent then.
    pub fn resolve(&mut self, signs: &[Sign<'_>]) -> Result<Placeholders, SigningError> {
        self.resolve_some(signs, |_| false)
            .map(|(placeholders, _)| placeholders)
    }

    /// As [`resolve`](Keyring::resolve), but for signatures that take a millisecond or more and that no other recipe needs:
    /// those are told, and marks stand for them.
    ///
    /// # Errors
    /// [`SigningError`]: nothing may be sent then.
    pub fn resolve_quick(&mut self, signs: &[Sign<'_>]) -> Result<(Placeholders, Vec<LateSignature>), SigningError> {
        let needed = |name: &str| {
            let name = format!("${{{name}}}");
            let parts = signs.iter().flat_map(|recipe| recipe.preimage.as_slice());
            parts
                .into_iter()
                .any(|part| find(part.bytes.as_slice(), name.as_bytes()).is_some())
        };
        self.resolve_some(signs, |name| !needed(name))
    }

    fn resolve_some(
        &mut self,
        signs: &[Sign<'_>],
        may_be_late: impl Fn(&str) -> bool,
    ) -> Result<(Placeholders, Vec<LateSignature>), SigningError> {
        let mut placeholders = Placeholders::default();
        let mut late = Vec::new();
        for recipe in signs {
            let mut message = Vec::new();
            for part in recipe.preimage.as_slice() {
                let bytes = self.fill(&placeholders, Context::Preimage, part.bytes.as_slice())?;
                message.extend_from_slice(&transform(part.transform, &bytes)?);
            }
            let key = self.key(recipe.slot.as_str(), recipe.scheme, recipe.key_encoding)?;
            let name = recipe.name.as_str();
            let signature = match key {
                SigningKey::Rsa(pair) if may_be_late(name) => {
                    let signature = LateSignature::new(late.len(), pair.clone(), message, recipe.encoding);
                    let mark = signature.mark().to_owned();
                    late.push(signature);
                    mark
                }
                key => encode(recipe.encoding, key.class(), &key.sign(&message)?)?,
            };
            placeholders.values.push((name.to_owned(), signature));
        }
        Ok((placeholders, late))
    }

    /// Fills in the placeholders of a text. Borrowed where there are none.
    ///
    /// # Errors
    /// A placeholder that stands for nothing, or whose text may not stand there.
    pub fn fill<'t>(
        &self,
        placeholders: &Placeholders,
        context: Context,
        text: &'t [u8],
    ) -> Result<Cow<'t, [u8]>, SigningError> {
        let Some(mut at) = find(text, b"${") else {
            return Ok(Cow::Borrowed(text));
        };
        let json = matches!(text.trim_ascii_start().first(), Some(b'{' | b'['));
        let mut out = Vec::with_capacity(text.len() + 64);
        let mut rest = text;
        loop {
            out.extend_from_slice(&rest[..at]);
            let inner = &rest[at + 2..];
            let end = find(inner, b"}").ok_or(SigningError::BadPlaceholder("a ${ has no }"))?;
            let name =
                std::str::from_utf8(&inner[..end]).map_err(|_| SigningError::BadPlaceholder("its name is not text"))?;
            match name.strip_prefix("secret:") {
                Some(field) if self.is_withheld(field) => out.extend_from_slice(WITHHELD),
                Some(field) => write_secret(self.text(field)?, context, json, &mut out)?,
                None => {
                    let value = placeholders.values.iter().find(|(known, _)| known == name);
                    let (_, value) = value.ok_or_else(|| SigningError::UnknownPlaceholder(name.to_owned()))?;
                    out.extend_from_slice(value.as_bytes());
                }
            }
            rest = &inner[end + 1..];
            match find(rest, b"${") {
                Some(next) => at = next,
                None => break,
            }
        }
        out.extend_from_slice(rest);
        Ok(Cow::Owned(out))
    }

    /// Whether a granted text is one that this process does not have.
    fn is_withheld(&self, field: &str) -> bool {
        let kind = KeyKind::Text;
        self.credentials.get(field) == Some(&CredentialValue::Withheld { kind })
    }

    /// A granted text: a secret that was stored to be sent as it is. A signing key never is.
    fn text(&self, field: &str) -> Result<&Secret, SigningError> {
        let wrong = |why| SigningError::WrongKind {
            field: field.to_owned(),
            why,
        };
        match self.credentials.get(field) {
            None => Err(SigningError::NoCredential(field.to_owned())),
            Some(CredentialValue::Public(_)) => Err(wrong("it is public; the connector reads it in its configuration")),
            Some(CredentialValue::Secret {
                kind: KeyKind::Text,
                secret,
            }) => Ok(secret),
            Some(CredentialValue::Secret { .. } | CredentialValue::Withheld { .. }) => {
                Err(wrong("it is a signing key, which never leaves the host"))
            }
        }
    }

    fn key(&mut self, slot: &str, scheme: u32, key_encoding: u32) -> Result<&SigningKey, SigningError> {
        let id = (slot.to_owned(), scheme, key_encoding);
        if !self.keys.contains_key(&id) {
            let key = match self.credentials.get(slot) {
                None => return Err(SigningError::NoCredential(slot.to_owned())),
                Some(CredentialValue::Public(_)) => {
                    return Err(SigningError::WrongKind {
                        field: slot.to_owned(),
                        why: "it is public and signs nothing",
                    });
                }
                Some(CredentialValue::Secret { kind, secret }) => {
                    SigningKey::read(scheme, key_encoding, *kind, secret)?
                }
                Some(CredentialValue::Withheld { .. }) => SigningKey::Withheld,
            };
            self.keys.insert(id.clone(), key);
        }
        self.keys
            .get(&id)
            .ok_or_else(|| SigningError::NoCredential(slot.to_owned()))
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

fn write_secret(secret: &Secret, context: Context, json: bool, out: &mut Vec<u8>) -> Result<(), SigningError> {
    let text =
        std::str::from_utf8(secret.expose()).map_err(|_| SigningError::BadPlaceholder("the secret is not text"))?;
    match context {
        Context::Url => out.extend_from_slice(Zeroizing::new(percent(text)).as_bytes()),
        Context::Header if text.chars().any(char::is_control) => {
            return Err(SigningError::BadPlaceholder(
                "the secret has control characters, which a header cannot carry",
            ));
        }
        Context::Body if json => {
            let quoted = Zeroizing::new(serde_json::to_string(text).unwrap_or_default());
            out.extend_from_slice(
                quoted
                    .strip_prefix('"')
                    .and_then(|q| q.strip_suffix('"'))
                    .unwrap_or_default()
                    .as_bytes(),
            );
        }
        Context::Header | Context::Body | Context::Preimage => out.extend_from_slice(text.as_bytes()),
    }
    Ok(())
}
