//! JSON values that other programs write in more than one way.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// An identifier or a number, written as text or as a number: its characters, as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The characters.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text(text.to_owned())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        match text.as_bytes().first() {
            Some(b'"') => serde_json::from_str(text).map(Text).map_err(serde::de::Error::custom),
            Some(b'0'..=b'9' | b'-') => Ok(Text(text.to_owned())),
            _ => Err(serde::de::Error::custom(format!(
                "{text} is neither a text nor a number"
            ))),
        }
    }
}

/// The fields of a JSON object.
pub(super) fn object(value: &str) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    serde_json::from_str(value).map_err(|e| e.to_string())
}
