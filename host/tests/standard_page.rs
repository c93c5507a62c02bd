//! Every example of the page on the spot standard, checked against the types.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;

use colibri::connector::parse_input;
use colibri_standard::{Command, Event};

mod page;

use page::{Page, kind_and_payload};

const PAGE: Page = Page(include_str!("../../docs/standards/spot.md"));

/// The kinds of the spot standard: what the perp standard adds stands on its page.
fn of_spot(all: &[&str], of_perp: &[&str]) -> BTreeSet<String> {
    let spot = all.iter().filter(|kind| !of_perp.contains(kind));
    spot.map(|kind| (*kind).to_owned()).collect()
}

#[test]
fn every_input_is_understood() {
    for (line, _) in PAGE.examples("in") {
        parse_input(line.as_bytes()).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
}

#[test]
fn every_command_is_shown_and_none_loses_a_field() {
    assert_eq!(PAGE.commands(), of_spot(Command::KINDS, Command::PERP_KINDS));
}

#[test]
fn every_kind_of_order_operation_is_shown() {
    let shown: BTreeSet<String> = PAGE
        .examples("in")
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
    assert_eq!(PAGE.events(), of_spot(Event::KINDS, Event::PERP_KINDS));
}

#[test]
fn every_outcome_is_shown_and_none_loses_a_field() {
    assert_eq!(PAGE.outcomes(), (1..=10).collect());
}

#[test]
fn every_kind_of_line_that_is_written_is_shown() {
    let shown: BTreeSet<String> = PAGE
        .examples("out")
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
