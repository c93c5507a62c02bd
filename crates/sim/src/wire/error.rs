//! A refusal as the client sees it, with the codes that both faces share. Source: Binance, "Error codes", and HTTP return codes
//! of the REST API page.

use serde_json::{Value, json};

use crate::time::Timestamp;

/// A refusal as the client sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// HTTP status; the WebSocket API sends it in `status`.
    pub status: u16,
    /// Binance's code, negative.
    pub code: i32,
    /// Binance's message.
    pub message: String,
    /// What a cancel-replace adds.
    pub data: Option<Value>,
    /// When the client may try again, for 429 and 418.
    pub retry_at: Option<Timestamp>,
}

impl ApiError {
    /// A refusal with a status.
    pub fn new(status: u16, code: i32, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            data: None,
            retry_at: None,
        }
    }

    /// A refusal of a malformed or impossible request: HTTP 400.
    pub fn bad(code: i32, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// -1102 for one parameter.
    pub fn missing(name: &str) -> Self {
        Self::bad(
            -1102,
            format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."),
        )
    }

    /// -1102 for a pair of which one is needed.
    pub fn missing_both(one: &str, other: &str) -> Self {
        Self::bad(
            -1102,
            format!("Param '{one}' or '{other}' must be sent, but both were empty/null!"),
        )
    }

    /// -1106.
    pub fn not_required(name: &str) -> Self {
        Self::bad(-1106, format!("Parameter '{name}' sent when not required."))
    }

    /// -1100 with the range that Binance prints.
    pub fn illegal_characters(name: &str, range: &str) -> Self {
        Self::bad(
            -1100,
            format!("Illegal characters found in parameter '{name}'; legal range is '{range}'."),
        )
    }

    /// -1130.
    pub fn invalid(name: &str) -> Self {
        Self::bad(-1130, format!("Data sent for parameter '{name}' is not valid."))
    }

    /// -1013 for a filter.
    pub fn filter(name: &str) -> Self {
        Self::bad(-1013, format!("Filter failure: {name}"))
    }

    /// -2015.
    pub fn rejected_key() -> Self {
        Self::new(401, -2015, "Invalid API-key, IP, or permissions for action.")
    }

    /// `{code, msg}`, with `data` where there is some.
    pub fn body(&self) -> Value {
        let mut body = json!({ "code": self.code, "msg": self.message });
        if let Some(data) = &self.data {
            body["data"] = data.clone();
        }
        body
    }
}
