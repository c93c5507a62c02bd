//! A page of `docs/standards` as its examples.

#![allow(clippy::unwrap_used, dead_code, reason = "each page uses its own part of these")]

use std::collections::BTreeSet;

use colibri_standard::{Command, Event, Outcome};
use serde_json::Value;

/// The text of a page.
pub struct Page(pub &'static str);

impl Page {
    /// The lines of the page's blocks of a kind, as ```` ```json kind ````.
    pub fn examples(&self, kind: &str) -> Vec<(String, Value)> {
        let mut lines = Vec::new();
        let mut inside = false;
        for line in self.0.lines() {
            if line.starts_with("```") {
                inside = line == format!("```json {kind}");
            } else if inside {
                let value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
                lines.push((line.to_owned(), value));
            }
        }
        assert!(!lines.is_empty(), "no example of {kind}");
        lines
    }

    /// The kinds of commands that are shown, each of which is read without losing a field.
    pub fn commands(&self) -> BTreeSet<String> {
        let mut shown = BTreeSet::new();
        for (line, example) in self.examples("in") {
            let Some(command) = example.get("command") else {
                continue;
            };
            let kind = command["kind"].as_str().unwrap();
            let read = Command::parse(kind, command["payload"].to_string().as_bytes());
            let read = read.unwrap_or_else(|e| panic!("{line}: {e}"));
            let written: Value = serde_json::from_slice(&read.to_json()).unwrap();
            assert!(shows(&command["payload"], &written), "{line}\n{written}");
            shown.insert(kind.to_owned());
        }
        shown
    }

    /// The kinds of events that are shown, each of which is read without losing a field.
    pub fn events(&self) -> BTreeSet<String> {
        let mut shown = BTreeSet::new();
        for (line, example) in self.examples("event") {
            let (kind, payload) = kind_and_payload(&example);
            let event = Event::parse(&kind, payload.to_string().as_bytes()).unwrap_or_else(|e| panic!("{line}: {e}"));
            let event = event.unwrap_or_else(|| panic!("no event is called {kind}"));
            let written: Value = serde_json::from_slice(&event.to_json()).unwrap();
            assert!(shows(&payload, &written), "{line}\n{written}");
            shown.insert(kind);
        }
        shown
    }

    /// The numbers of the outcomes that are shown, each of which is read without losing a field.
    pub fn outcomes(&self) -> BTreeSet<u32> {
        let mut shown = BTreeSet::new();
        for (line, example) in self.examples("outcome") {
            let outcome: Outcome = serde_json::from_value(example.clone()).unwrap_or_else(|e| panic!("{line}: {e}"));
            assert_eq!(Outcome::from_boundary(outcome.kind(), &outcome.to_json()), outcome);
            assert!(shows(&example, &serde_json::to_value(&outcome).unwrap()), "{line}");
            if let Some(refusal) = outcome.refusal() {
                let is_known = !matches!(refusal.reason, colibri_standard::RejectReason::Other(_));
                assert!(is_known, "{line}");
            }
            shown.insert(outcome.kind());
        }
        shown
    }
}

/// The one key of an example, and its value.
pub fn kind_and_payload(example: &Value) -> (String, Value) {
    let object = example.as_object().unwrap();
    assert_eq!(object.len(), 1, "{example}");
    object.iter().map(|(k, v)| (k.clone(), v.clone())).next().unwrap()
}

/// The members of an object.
pub fn keys_of(object: &Value) -> Vec<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

/// Whether everything that an example shows is in what the type wrote.
pub fn shows(example: &Value, written: &Value) -> bool {
    match (example, written) {
        (Value::Object(example), Value::Object(written)) => example
            .iter()
            .all(|(key, value)| written.get(key).is_some_and(|other| shows(value, other))),
        (Value::Array(example), Value::Array(written)) => {
            example.len() == written.len() && example.iter().zip(written).all(|(a, b)| shows(a, b))
        }
        _ => example == written,
    }
}
