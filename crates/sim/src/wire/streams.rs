//! The market streams that a connection follows, and the messages by which a client changes them.
//!
//! Source: Binance, "Live Subscribing/Unsubscribing to streams", the same words in both markets.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::error::ApiError;
use super::params::percent_decode;

/// Most streams on one connection.
pub const MOST_STREAMS: usize = 1_024;

/// An error of a control message: number and text.
struct ControlError(u8, String);

/// How payloads of market streams are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// As they are.
    Raw,
    /// With the stream's name.
    Combined,
}

/// The market streams of a connection; `K` is what a face calls one of its streams.
#[derive(Debug)]
pub struct Streams<K> {
    /// How payloads are sent.
    pub wrapping: Wrapping,
    /// Names in order of subscription; a name that means nothing is listed and stays silent.
    names: Vec<(String, Option<K>)>,
    /// By stream: the place of its name.
    places: BTreeMap<K, usize>,
}

impl<K: Copy + Ord> Streams<K> {
    /// None yet.
    pub const fn new(wrapping: Wrapping) -> Self {
        Self {
            wrapping,
            names: Vec::new(),
            places: BTreeMap::new(),
        }
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The names in order of subscription.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|(name, _)| name.as_str())
    }

    /// The streams behind the names.
    pub fn keys(&self) -> impl Iterator<Item = K> {
        self.places.keys().copied()
    }

    /// Follows a stream under a name, where it is not followed so already.
    pub fn follow(&mut self, name: &str, key: Option<K>) {
        let known = match key {
            Some(key) => self.places.contains_key(&key),
            None => self.names.iter().any(|(other, _)| other == name),
        };
        if !known {
            if let Some(key) = key {
                self.places.insert(key, self.names.len());
            }
            self.names.push((name.to_owned(), key));
        }
    }

    /// Follows these names no longer.
    pub fn leave(&mut self, names: &[&str]) {
        self.names.retain(|(name, _)| !names.contains(&name.as_str()));
        let keys = self.names.iter().enumerate();
        self.places = keys.filter_map(|(place, (_, key))| Some(((*key)?, place))).collect();
    }

    /// The name under which the client follows a stream.
    pub fn name_of(&self, key: K) -> Option<&str> {
        self.places.get(&key).map(|place| self.names[*place].0.as_str())
    }
}

impl<K: Copy + Ord> Streams<K> {
    /// Answers a control message of the client; `resolve` knows the streams' names.
    pub fn control(&mut self, text: &str, resolve: impl Fn(&str) -> Option<K>) -> Value {
        let message: Value = match serde_json::from_str(text) {
            Ok(message) => message,
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                return json!({ "code": 3,
                    "msg": format!("Invalid JSON: expected value at line {line} column {column}") });
            }
        };
        let request_id = message.get("id").cloned().unwrap_or(Value::Null);
        let known = match &request_id {
            Value::Null => true,
            Value::Number(number) => number.is_i64() || number.is_u64(),
            Value::String(text) => text.len() <= 36,
            _ => false,
        };
        let answer = if known {
            self.control_method(&message, text.len(), resolve)
        } else {
            Err(ControlError(
                2,
                "Invalid request: request ID must be an unsigned integer".to_owned(),
            ))
        };
        match answer {
            Ok(result) => json!({ "result": result, "id": request_id }),
            Err(ControlError(code, text)) => json!({ "code": code, "msg": text, "id": request_id }),
        }
    }

    fn control_method(
        &mut self,
        message: &Value,
        length: usize,
        resolve: impl Fn(&str) -> Option<K>,
    ) -> Result<Value, ControlError> {
        let Some(method) = message.get("method").and_then(Value::as_str) else {
            let text = format!("Invalid request: missing field `method` at line 1 column {length}");
            return Err(ControlError(2, text));
        };
        let params = message
            .get("params")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let name_expected = || ControlError(2, "Invalid request: property name must be a string".to_owned());
        match method {
            "SUBSCRIBE" | "UNSUBSCRIBE" => {
                let names: Option<Vec<&str>> = params.iter().map(Value::as_str).collect();
                let names = names.filter(|names| !names.is_empty()).ok_or_else(name_expected)?;
                if method == "UNSUBSCRIBE" {
                    self.leave(&names);
                } else if self.len() + names.len() > MOST_STREAMS {
                    return Err(ControlError(2, "Invalid request: too many parameters".to_owned()));
                } else {
                    names.into_iter().for_each(|name| self.follow(name, resolve(name)));
                }
                Ok(Value::Null)
            }
            "LIST_SUBSCRIPTIONS" => Ok(self.names().collect()),
            "SET_PROPERTY" | "GET_PROPERTY" => {
                match params.first().map(Value::as_str) {
                    Some(Some("combined")) => {}
                    Some(Some(_)) => return Err(ControlError(0, "Unknown property".to_owned())),
                    _ => return Err(name_expected()),
                }
                if method == "GET_PROPERTY" {
                    return Ok(json!(self.wrapping == Wrapping::Combined));
                }
                let value = params.get(1).and_then(Value::as_bool);
                let boolean = || ControlError(1, "Invalid value type: expected Boolean".to_owned());
                self.wrapping = if value.ok_or_else(boolean)? {
                    Wrapping::Combined
                } else {
                    Wrapping::Raw
                };
                Ok(Value::Null)
            }
            other => {
                let text = format!(
                    "Invalid request: unknown variant `{other}`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, \
                     `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY` at line 1 column 28"
                );
                Err(ControlError(2, text))
            }
        }
    }
}

/// The refusal of a connection that asks for more than [`MOST_STREAMS`].
pub fn too_many_streams() -> ApiError {
    let message = "Too many subscriptions. Connection may create up to '1024' subscriptions at a time.";
    ApiError::bad(-1191, message)
}

/// A parameter of a URL's query, decoded.
pub fn query_parameter(query: &str, name: &str) -> Option<String> {
    let mut parts = query.split('&').filter_map(|part| part.split_once('='));
    parts
        .find(|(other, _)| *other == name)
        .map(|(_, value)| percent_decode(value))
}

/// A payload as a connection gets it. A name that the exchange knows has nothing to escape.
pub fn wrapped(wrapping: Wrapping, name: &str, data: &str) -> String {
    match wrapping {
        Wrapping::Raw => data.to_owned(),
        Wrapping::Combined => ["{\"stream\":\"", name, "\",\"data\":", data, "}"].concat(),
    }
}
