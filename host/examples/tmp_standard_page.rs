//! Every example of the page on the spot standard, checked against the types.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;

use colibri::connector::parse_input;
use colibri_standard::{Command, Event, Outcome};
use serde_json::Value;

const PAGE: &str = include_str!("../../docs/standards/spot.md");

/// The lines of the page's blocks of a kind, as ```` ```json kind ````.
fn examples(kind: &str) -> Vec<(String, Value)> {
    let mut lines = Vec::new();
    let mut inside = false;
    for line in PAGE.lines() {
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

/// The one key of an example, and its value.
fn kind_and_payload(example: &Value) -> (String, Value) {
    let object = example.as_object().unwrap();
    assert_eq!(object.len(), 1, "{example}");
    object.iter().map(|(k, v)| (k.clone(), v.clone())).next().unwrap()
}

/// Whether everything that an example shows is in what the type wrote.
fn shows(example: &Value, written: &Value) -> bool {
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

#[test]
fn every_input_is_understood() {
    for (line, _) in examples("in") {
        parse_input(line.as_bytes()).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
}

#[test]
fn every_command_is_shown_and_none_loses_a_field() {
    let mut shown = BTreeSet::new();
    for (line, example) in examples("in") {
        let Some(command) = example.get("command") else {
            continue;
        };
        let kind = command["kind"].as_str().unwrap();
        let read =
            Command::parse(kind, command["payload"].to_string().as_bytes()).unwrap_or_else(|e| panic!("{line}: {e}"));
        let written: Value = serde_json::from_slice(&read.to_json()).unwrap();
        assert!(shows(&command["payload"], &written), "{line}\n{written}");
        shown.insert(kind.to_owned());
    }
    let known: BTreeSet<String> = Command::KINDS.iter().map(|kind| (*kind).to_owned()).collect();
    assert_eq!(shown, known);
}

#[test]
fn every_kind_of_order_operation_is_shown() {
    let shown: BTreeSet<String> = examples("in")
        .iter()
        .filter_map(|(_, example)| example.get("orders")?.as_array())
        .flatten()
        .map(|order| order["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        shown.iter().map(String::as_str).collect::<Vec<_>>(),
        ["amend", "cancel", "place", "replace"]
    );
}

#[test]
fn every_event_is_shown_and_none_loses_a_field() {
    let mut shown = BTreeSet::new();
    for (line, example) in examples("event") {
        let (kind, payload) = kind_and_payload(&example);
        let event = Event::parse(&kind, payload.to_string().as_bytes()).unwrap_or_else(|e| panic!("{line}: {e}"));
        let event = event.unwrap_or_else(|| panic!("no event is called {kind}"));
        let written: Value = serde_json::from_slice(&event.to_json()).unwrap();
        assert!(shows(&payload, &written), "{line}\n{written}");
        shown.insert(kind);
    }
    let known: BTreeSet<String> = Event::KINDS.iter().map(|kind| (*kind).to_owned()).collect();
    assert_eq!(shown, known);
}

#[test]
fn every_outcome_is_shown_and_none_loses_a_field() {
    let mut shown = BTreeSet::new();
    for (line, example) in examples("outcome") {
        let outcome: Outcome = serde_json::from_value(example.clone()).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert_eq!(Outcome::from_boundary(outcome.kind(), &outcome.to_json()), outcome);
        assert!(shows(&example, &serde_json::to_value(&outcome).unwrap()), "{line}");
        shown.insert(outcome.kind());
    }
    assert_eq!(shown, (1..=10).collect());
}

#[test]
fn every_kind_of_line_that_is_written_is_shown() {
    let shown: BTreeSet<String> = examples("out")
        .iter()
        .map(|(_, example)| kind_and_payload(example).0)
        .collect();
    let written = [
        "balance",
        "balances",
        "book",
        "close",
        "complete",
        "done",
        "error",
        "fault",
        "log",
        "open",
        "refused",
        "request",
        "send",
        "set_timer",
        "signature",
        "snapshot",
        "top",
        "trade",
        "want",
    ];
    assert_eq!(shown.iter().map(String::as_str).collect::<Vec<_>>(), written);
}
fn main() {}
