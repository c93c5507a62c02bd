//! Reading configuration: exact numbers however they are written, and errors that name the nearest key.

use std::collections::BTreeMap;
use std::fmt;

use colibri_model::Decimal;
use serde::de::{self, DeserializeOwned, Deserializer, SeqAccess, Visitor};

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A key that does not exist.
    #[error("{section} has no key {key:?}; the nearest is {nearest:?}")]
    UnknownKey {
        /// Where.
        section: String,
        /// The key.
        key: String,
        /// The key that exists and is written most alike.
        nearest: String,
    },
    /// A value that cannot be read.
    #[error("{section}: {what}")]
    Value {
        /// Where.
        section: String,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A kind of strategy that does not exist.
    #[error("no strategy is called {kind:?}; there are {known}")]
    UnknownStrategy {
        /// The name.
        kind: String,
        /// Those that there are.
        known: String,
    },
}

/// Reads a table as `T`; an unknown key is an error that names the nearest.
///
/// # Errors
/// [`ConfigError`], which begins with `section`.
pub fn read<T: DeserializeOwned>(section: &str, table: toml::Table) -> Result<T, ConfigError> {
    let known = keys::<T>();
    if let Some(key) = table.keys().find(|key| !known.contains(&key.as_str()))
        && let Some(nearest) = known.iter().min_by_key(|known| distance(known, key))
    {
        return Err(ConfigError::UnknownKey {
            section: section.to_owned(),
            key: key.clone(),
            nearest: (*nearest).to_owned(),
        });
    }
    T::deserialize(toml::Value::Table(table)).map_err(|error| ConfigError::Value {
        section: section.to_owned(),
        what: error.to_string().trim().replace('\n', "; "),
    })
}

/// Edits that turn one word into the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The keys of a struct that derives `Deserialize`.
#[must_use]
pub fn keys<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut keys: &'static [&'static str] = &[];
    // The derive names its fields to the deserializer, which notes them and reads nothing.
    let _ = T::deserialize(KeyCatcher(&mut keys));
    keys
}

struct KeyCatcher<'k>(&'k mut &'static [&'static str]);

impl<'de> Deserializer<'de> for KeyCatcher<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("not a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(de::Error::custom("only the keys are wanted"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct DecimalVisitor;

impl Visitor<'_> for DecimalVisitor {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number such as 0.001 or \"0.001\"")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
        let text = text.trim();
        text.parse()
            .or_else(|_| Decimal::from_scientific(text))
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Decimal, E> {
        Ok(Decimal::from(value))
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Decimal, E> {
        Ok(Decimal::from(value))
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Decimal, E> {
        // The shortest text that reads back as the same float is what the user wrote, for up to fifteen digits.
        self.visit_str(&value.to_string())
    }
}

#[derive(Debug, Clone, Copy)]
struct Exact(Decimal);

impl<'de> de::Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Exact, D::Error> {
        deserializer.deserialize_any(DecimalVisitor).map(Exact)
    }
}

/// A decimal, written as a number or as text.
///
/// # Errors
/// Anything else.
pub fn decimal<'de, D: Deserializer<'de>, T: From<Decimal>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(DecimalVisitor).map(T::from)
}

/// As [`decimal`], for a key that may be absent.
///
/// # Errors
/// Anything else.
pub fn optional_decimal<'de, D: Deserializer<'de>, T: From<Decimal>>(deserializer: D) -> Result<Option<T>, D::Error> {
    decimal(deserializer).map(Some)
}

/// A table of decimals, each written as a number or as text.
///
/// # Errors
/// Anything else.
pub fn decimal_map<'de, D, K, T>(deserializer: D) -> Result<BTreeMap<K, T>, D::Error>
where
    D: Deserializer<'de>,
    K: de::Deserialize<'de> + Ord,
    T: From<Decimal>,
{
    let map = <BTreeMap<K, Exact> as de::Deserialize>::deserialize(deserializer)?;
    Ok(map
        .into_iter()
        .map(|(key, Exact(value))| (key, T::from(value)))
        .collect())
}

/// A list of decimals, written as a list or as `"0.01, 0.02"`.
///
/// # Errors
/// Anything else.
pub fn decimal_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Decimal>, D::Error> {
    struct ListVisitor;
    impl<'de> Visitor<'de> for ListVisitor {
        type Value = Vec<Decimal>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of numbers such as [0.01, 0.02] or \"0.01, 0.02\"")
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<Decimal>, E> {
            text.split(',')
                .filter(|part| !part.trim().is_empty())
                .map(|part| DecimalVisitor.visit_str(part))
                .collect()
        }
        fn visit_i64<E: de::Error>(self, value: i64) -> Result<Vec<Decimal>, E> {
            Ok(vec![Decimal::from(value)])
        }
        fn visit_f64<E: de::Error>(self, value: f64) -> Result<Vec<Decimal>, E> {
            DecimalVisitor.visit_f64(value).map(|one| vec![one])
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<Decimal>, A::Error> {
            let mut list = Vec::new();
            while let Some(Exact(item)) = items.next_element()? {
                list.push(item);
            }
            Ok(list)
        }
    }
    deserializer.deserialize_any(ListVisitor)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[serde(deserialize_with = "decimal")]
        bid_spread: Decimal,
        #[serde(default, deserialize_with = "optional_decimal")]
        ask_spread: Option<Decimal>,
        #[serde(default, deserialize_with = "decimal_list")]
        levels: Vec<Decimal>,
    }

    fn sample(text: &str) -> Result<Sample, ConfigError> {
        read("strategy \"mm\"", text.parse().unwrap())
    }

    #[test]
    fn numbers_are_read_exactly_however_they_are_written() {
        let read = sample("bid_spread = 0.001\nlevels = [0.1, \"0.2\", 3]").unwrap();
        assert_eq!(read.bid_spread, Decimal::new(1, 3));
        assert_eq!(read.levels, [Decimal::new(1, 1), Decimal::new(2, 1), Decimal::from(3)]);
        let read = sample("bid_spread = \"1e-3\"\nask_spread = 1\nlevels = \"0.1,0.2\"").unwrap();
        assert_eq!(
            (read.bid_spread, read.ask_spread),
            (Decimal::new(1, 3), Some(Decimal::ONE))
        );
        assert_eq!(read.levels.len(), 2);
    }

    #[test]
    fn an_error_names_the_section_and_the_nearest_key() {
        let error = sample("bid_spred = 0.001").unwrap_err().to_string();
        assert_eq!(
            error,
            "strategy \"mm\" has no key \"bid_spred\"; the nearest is \"bid_spread\""
        );
        let error = sample("bid_spread = \"wide\"").unwrap_err().to_string();
        assert!(error.contains("wide") && error.contains("strategy \"mm\""), "{error}");
        assert!(sample("").unwrap_err().to_string().contains("bid_spread"));
    }
}
