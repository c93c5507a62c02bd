//! Values as columns: whatever the model writes as a JSON string (ids, pairs, decimals, states) is that text.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Value, ValueRef};
use serde::de::value::{Error as DeError, StrDeserializer};
use serde::{Serialize, de::DeserializeOwned};

/// A value on its way into a text column.
#[derive(Debug)]
pub(crate) struct Word<'a, T>(pub &'a T);

impl<T: Serialize> ToSql for Word<'_, T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let json =
            serde_json::to_value(self.0).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        match json {
            serde_json::Value::String(text) => Ok(ToSqlOutput::Owned(Value::Text(text))),
            serde_json::Value::Null => Ok(ToSqlOutput::Owned(Value::Null)),
            other => {
                let message = format!("{other} is not text");
                Err(rusqlite::Error::ToSqlConversionFailure(message.into()))
            }
        }
    }
}

/// A value on its way out of a text column.
#[derive(Debug)]
pub(crate) struct Read<T>(pub T);

impl<T: DeserializeOwned> FromSql for Read<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Read<T>> {
        let text = value.as_str()?;
        match T::deserialize(StrDeserializer::<DeError>::new(text)) {
            Ok(value) => Ok(Read(value)),
            Err(error) => Err(FromSqlError::Other(format!("{text:?}: {error}").into())),
        }
    }
}
