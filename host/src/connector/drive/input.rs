//! The lines that `drive` reads: JSON objects, each of whose keys is one input. Generous in form, strict in meaning: what is
//! left out is filled in, what is not understood is an error.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use colibri_abi::{frame_kind, outcome_kind};
use colibri_standard::Command;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::order_line::OrderLine;
use super::sign_line::SignLine;
use super::text::{Text, object};

/// A line that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// Not a JSON object.
    #[error("not a JSON object: {0}")]
    NotAnObject(String),
    /// A key that is no input.
    #[error(
        "nothing is called {0:?}; inputs are now, nonce, command (or a command's kind), orders, place, cancel, amend, replace, grant, response, stream, frame, timer, ended, snapshot, sign"
    )]
    UnknownInput(String),
    /// An input whose value does not fit.
    #[error("{input}: {what}")]
    Value {
        /// The input.
        input: String,
        /// What is wrong.
        what: String,
    },
}

/// What time it is from this line on; what is absent is derived, see [`Moment::apply`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// Monotonic nanoseconds.
    pub mono_ns: Option<u64>,
    /// Wall clock, nanoseconds since 1970.
    pub wall_ns: Option<i64>,
    /// The exchange's clock, nanoseconds since 1970.
    pub exchange_ns: Option<i64>,
}

impl Moment {
    /// The time after `before`: wall and exchange time stand for each other where one is absent, and the monotonic clock
    /// follows the wall clock.
    #[must_use]
    pub fn apply(self, before: colibri_abi::Now) -> colibri_abi::Now {
        let wall_ns = self.wall_ns.or(self.exchange_ns).unwrap_or(before.wall_ns);
        colibri_abi::Now {
            mono_ns: self.mono_ns.or(u64::try_from(wall_ns).ok()).unwrap_or(before.mono_ns),
            wall_ns,
            exchange_ns: self.exchange_ns.or(self.wall_ns).unwrap_or(before.exchange_ns),
        }
    }
}

/// An admission by hand.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrantLine {
    /// The operation; the oldest that waits where absent.
    pub op: Option<u64>,
    /// Its nonce; the next where absent.
    pub nonce: Option<u64>,
    /// Its entropy, 32 hexadecimal digits; drawn where absent.
    pub entropy: Option<String>,
}

/// An answer of the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseLine {
    /// The operation; the oldest whose request is open where absent.
    pub op: Option<u64>,
    /// HTTP status.
    pub status: u32,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// One input of a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The time.
    Now(Moment),
    /// The next nonce.
    Nonce(u64),
    /// A command.
    Command {
        /// Its operation; the next free number where absent.
        op: Option<u64>,
        /// Its kind.
        kind: String,
        /// Its payload, pairs not yet replaced by handles.
        payload: serde_json::Value,
    },
    /// Order operations, in one call.
    Orders(Vec<OrderLine>),
    /// An admission.
    Grant(GrantLine),
    /// An HTTP response.
    Response(ResponseLine),
    /// A stream is open: the one of this number, or the latest that was asked for.
    StreamOpened(Option<u32>),
    /// A stream is closed.
    StreamClosed {
        /// The number; the latest that is open where absent.
        stream: Option<u32>,
        /// WebSocket close code; 1006 where absent.
        code: u32,
        /// The exchange's words.
        reason: String,
    },
    /// A frame.
    Frame {
        /// The stream; the latest that is open where absent.
        stream: Option<u32>,
        /// One of [`frame_kind`].
        kind: u32,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// A timer has come due.
    Timer(u64),
    /// The host ended an operation by itself.
    Ended {
        /// The operation; the oldest whose request is open where absent.
        op: Option<u64>,
        /// One of [`outcome_kind`].
        outcome: u32,
    },
    /// Emit the state.
    Snapshot,
    /// Compute a signature; the connector has no part in it.
    Sign(SignLine),
}

/// Reads one line: its inputs in the order in which they take effect, `now` and `nonce` first.
///
/// # Errors
/// The first thing that is not understood; then nothing of the line takes effect.
pub fn parse(line: &[u8]) -> Result<Vec<Input>, InputError> {
    let keys: BTreeMap<String, Box<RawValue>> =
        serde_json::from_slice(line).map_err(|e| InputError::NotAnObject(e.to_string()))?;
    let mut inputs = Vec::with_capacity(keys.len());
    for (key, value) in &keys {
        let input = one(key, value.get()).map_err(|what| match what {
            Wrong::Key => InputError::UnknownInput(key.clone()),
            Wrong::Value(what) => InputError::Value {
                input: key.clone(),
                what,
            },
        })?;
        inputs.push(input);
    }
    inputs.sort_by_key(|input| match input {
        Input::Now(_) => 0,
        Input::Nonce(_) => 1,
        _ => 2,
    });
    Ok(inputs)
}

enum Wrong {
    Key,
    Value(String),
}

impl From<String> for Wrong {
    fn from(what: String) -> Wrong {
        Wrong::Value(what)
    }
}
impl From<serde_json::Error> for Wrong {
    fn from(error: serde_json::Error) -> Wrong {
        Wrong::Value(error.to_string())
    }
}

fn one(key: &str, value: &str) -> Result<Input, Wrong> {
    Ok(match key {
        "now" => Input::Now(moment(value)?),
        "nonce" => Input::Nonce(serde_json::from_str(value)?),
        "command" => command(value)?,
        "orders" => Input::Orders(serde_json::from_str(value)?),
        "order" => Input::Orders(vec![serde_json::from_str(value)?]),
        "place" | "cancel" | "amend" | "replace" => {
            let order: OrderLine = serde_json::from_str(value)?;
            Input::Orders(vec![order.of_kind(key)])
        }
        "grant" => Input::Grant(serde_json::from_str(value)?),
        "response" => Input::Response(response(value)?),
        "stream" => stream(value)?,
        "stream_opened" => Input::StreamOpened(stream_number(value)?),
        "stream_closed" => closed(value)?,
        "frame" => frame(value)?,
        "timer" => Input::Timer(timer(value)?),
        "ended" => ended(value)?,
        "snapshot" => Input::Snapshot,
        "sign" => Input::Sign(serde_json::from_str(value)?),
        kind if Command::KINDS.contains(&kind) => Input::Command {
            op: None,
            kind: kind.to_owned(),
            payload: serde_json::from_str(value)?,
        },
        _ => return Err(Wrong::Key),
    })
}

/// A number of milliseconds since 1970 (or of micro- or nanoseconds, told by its size), or an object of its own clocks.
fn moment(value: &str) -> Result<Moment, Wrong> {
    if !value.starts_with('{') {
        let number: i64 = serde_json::from_str::<Text>(value)?
            .as_str()
            .parse()
            .map_err(|_| Wrong::Value(format!("{value} is no number of milliseconds")))?;
        return Ok(Moment {
            wall_ns: Some(nanoseconds(number)),
            ..Moment::default()
        });
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Clocks {
        mono_ns: Option<u64>,
        wall_ns: Option<i64>,
        exchange_ns: Option<i64>,
    }
    let clocks: Clocks = serde_json::from_str(value)?;
    Ok(Moment {
        mono_ns: clocks.mono_ns,
        wall_ns: clocks.wall_ns,
        exchange_ns: clocks.exchange_ns,
    })
}

/// Nanoseconds since 1970 of a number whose unit is told by its size: seconds would be before September 2001 in each
/// larger unit.
pub(in crate::connector) fn nanoseconds(number: i64) -> i64 {
    const TENTH_OF_TODAY: i64 = 100_000_000_000_000;
    match number.unsigned_abs() {
        n if n < TENTH_OF_TODAY.unsigned_abs() => number.saturating_mul(1_000_000),
        n if n < TENTH_OF_TODAY.unsigned_abs() * 1_000 => number.saturating_mul(1_000),
        _ => number,
    }
}

fn command(value: &str) -> Result<Input, Wrong> {
    if value.starts_with('"') {
        return Ok(Input::Command {
            op: None,
            kind: serde_json::from_str(value)?,
            payload: serde_json::json!({}),
        });
    }
    let mut fields = object(value)?;
    let kind = fields
        .remove("kind")
        .and_then(|kind| kind.as_str().map(str::to_owned))
        .ok_or_else(|| Wrong::Value("it states no kind".to_owned()))?;
    let op = match fields.remove("op") {
        None | Some(serde_json::Value::Null) => None,
        Some(op) => Some(serde_json::from_value(op)?),
    };
    // Without a payload the other fields are the payload.
    let payload = match fields.remove("payload") {
        Some(payload) if fields.is_empty() => payload,
        Some(_) => {
            return Err(Wrong::Value("it has fields beside kind, op and payload".to_owned()));
        }
        None => serde_json::Value::Object(fields),
    };
    Ok(Input::Command { op, kind, payload })
}

/// Raw JSON of a field, such as a body: a text stands for its characters, anything else for its JSON as written.
fn bytes_of(raw: &RawValue) -> Result<Vec<u8>, Wrong> {
    let text = raw.get();
    if text == "null" {
        return Ok(Vec::new());
    }
    if text.starts_with('"') {
        return Ok(serde_json::from_str::<String>(text)?.into_bytes());
    }
    Ok(text.as_bytes().to_vec())
}

fn response(value: &str) -> Result<ResponseLine, Wrong> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Fields {
        op: Option<u64>,
        status: Option<u32>,
        #[serde(default)]
        headers: Option<Box<RawValue>>,
        body: Option<Box<RawValue>>,
        /// Who answers, for the reader of a recording.
        #[serde(default, rename = "endpoint")]
        _endpoint: Option<String>,
    }
    let fields: Fields = serde_json::from_str(value)?;
    let headers = match fields.headers.as_deref().map(RawValue::get) {
        None | Some("null") => Vec::new(),
        Some(list) if list.starts_with('[') => serde_json::from_str::<Vec<(String, Text)>>(list)?,
        Some(map) => serde_json::from_str::<BTreeMap<String, Text>>(map)?
            .into_iter()
            .collect(),
    };
    Ok(ResponseLine {
        op: fields.op,
        status: fields.status.unwrap_or(200),
        headers: headers
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.into_string()))
            .collect(),
        body: fields.body.as_deref().map(bytes_of).transpose()?.unwrap_or_default(),
    })
}

/// A stream's number, or `None` for anything that says only "the one you asked for": null, true, an empty object.
fn stream_number(value: &str) -> Result<Option<u32>, Wrong> {
    Ok(match serde_json::from_str::<serde_json::Value>(value)? {
        serde_json::Value::Number(_) => Some(serde_json::from_str(value)?),
        serde_json::Value::Null | serde_json::Value::Bool(true) => None,
        serde_json::Value::Object(fields) => match fields.get("stream") {
            Some(stream) => Some(serde_json::from_value(stream.clone())?),
            None if fields.is_empty() => None,
            None => return Err(Wrong::Value("it names no stream".to_owned())),
        },
        _ => return Err(Wrong::Value(format!("{value} is no stream's number"))),
    })
}

fn stream(value: &str) -> Result<Input, Wrong> {
    let fields = object(value)?;
    match (fields.get("opened"), fields.get("closed")) {
        (Some(opened), None) => Ok(Input::StreamOpened(stream_number(&opened.to_string())?)),
        (None, Some(_)) => closed(value),
        _ => Err(Wrong::Value(
            "write {\"opened\": ID} or {\"closed\": ID, \"code\": 1006, \"reason\": \"…\"}".to_owned(),
        )),
    }
}

fn closed(value: &str) -> Result<Input, Wrong> {
    let number_alone = !value.starts_with('{');
    let fields = if number_alone {
        serde_json::Map::new()
    } else {
        object(value)?
    };
    let stream = match fields.get("closed").or_else(|| fields.get("stream")) {
        Some(stream) => stream_number(&stream.to_string())?,
        None if number_alone => stream_number(value)?,
        None => None,
    };
    let code = match fields.get("code") {
        None | Some(serde_json::Value::Null) => 1006,
        Some(code) => serde_json::from_value(code.clone())?,
    };
    let reason = fields.get("reason").and_then(serde_json::Value::as_str).unwrap_or("");
    Ok(Input::StreamClosed {
        stream,
        code,
        reason: reason.to_owned(),
    })
}

fn frame(value: &str) -> Result<Input, Wrong> {
    let whole = |stream, bytes| Input::Frame {
        stream,
        kind: frame_kind::TEXT,
        bytes,
    };
    let raw: Box<RawValue> = serde_json::from_str(value)?;
    if !value.starts_with('{') {
        return Ok(whole(None, bytes_of(&raw)?));
    }
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(value)?;
    let stream = match fields.get("stream").map(|s| s.get()) {
        None | Some("null") => None,
        // The exchange's own frame, such as {"stream": "btcusdt@depth", "data": …}.
        Some(name) if name.starts_with('"') => return Ok(whole(None, bytes_of(&raw)?)),
        Some(number) => Some(serde_json::from_str(number)?),
    };
    let own = ["text", "json", "base64"]
        .into_iter()
        .find(|key| fields.contains_key(*key));
    let Some(own) = own.filter(|_| {
        fields
            .keys()
            .all(|k| ["stream", "text", "json", "base64"].contains(&k.as_str()))
    }) else {
        return Ok(whole(None, bytes_of(&raw)?));
    };
    let content = &fields[own];
    Ok(match own {
        "text" => whole(stream, bytes_of(content)?),
        "json" => whole(stream, content.get().as_bytes().to_vec()),
        _ => Input::Frame {
            stream,
            kind: frame_kind::BINARY,
            bytes: STANDARD
                .decode(serde_json::from_str::<String>(content.get())?)
                .map_err(|e| Wrong::Value(format!("base64: {e}")))?,
        },
    })
}

fn timer(value: &str) -> Result<u64, Wrong> {
    if !value.starts_with('{') {
        return Ok(serde_json::from_str(value)?);
    }
    let fields = object(value)?;
    let timer = fields.get("timer").or_else(|| fields.get("id"));
    let timer = timer.ok_or_else(|| Wrong::Value("it names no timer".to_owned()))?;
    Ok(serde_json::from_value(timer.clone())?)
}

/// The outcomes by which a host ends operations, by their names in the standard.
const OUTCOMES: &[(&str, u32)] = &[
    ("done", outcome_kind::DONE),
    ("rejected", outcome_kind::REJECTED),
    ("not_sent", outcome_kind::NOT_SENT),
    ("not_executed", outcome_kind::NOT_EXECUTED),
    ("throttled", outcome_kind::THROTTLED),
    ("banned", outcome_kind::BANNED),
    ("auth_failed", outcome_kind::AUTH_FAILED),
    ("clock_skew", outcome_kind::CLOCK_SKEW),
    ("maintenance", outcome_kind::MAINTENANCE),
    ("unknown", outcome_kind::UNKNOWN),
];

fn ended(value: &str) -> Result<Input, Wrong> {
    #[derive(Deserialize, Default)]
    #[serde(deny_unknown_fields, default)]
    struct Fields {
        op: Option<u64>,
        outcome: Option<Text>,
    }
    let fields = if value.starts_with('{') {
        serde_json::from_str(value)?
    } else {
        Fields {
            op: serde_json::from_str(value)?,
            outcome: None,
        }
    };
    let outcome = match &fields.outcome {
        None => outcome_kind::UNKNOWN,
        Some(text) => OUTCOMES
            .iter()
            .find(|(name, number)| text.as_str() == *name || text.as_str() == number.to_string())
            .map(|(_, number)| *number)
            .ok_or_else(|| Wrong::Value(format!("no outcome is called {:?}", text.as_str())))?,
    };
    Ok(Input::Ended { op: fields.op, outcome })
}

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;
