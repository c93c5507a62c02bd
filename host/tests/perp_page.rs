//! Every example of the page on the perp standard, checked against the types.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;

use colibri::connector::parse_input;
use colibri_standard::{Command, Event, Manifest};

mod page;

use page::{Page, keys_of, shows};

const PAGE: Page = Page(include_str!("../../docs/standards/perp.md"));

#[test]
fn every_input_is_understood() {
    for (line, _) in PAGE.examples("in") {
        parse_input(line.as_bytes()).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
}

#[test]
fn every_command_of_the_standard_is_shown_and_none_loses_a_field() {
    let shown = PAGE.commands();
    let known: BTreeSet<String> = Command::PERP_KINDS.iter().map(|kind| (*kind).to_owned()).collect();
    assert_eq!(known.difference(&shown).count(), 0, "{known:?} {shown:?}");
}

#[test]
fn every_event_of_the_standard_is_shown_and_none_loses_a_field() {
    let shown = PAGE.events();
    let known: BTreeSet<String> = Event::PERP_KINDS.iter().map(|kind| (*kind).to_owned()).collect();
    assert_eq!(known.difference(&shown).count(), 0, "{known:?} {shown:?}");
}

#[test]
fn every_outcome_loses_nothing() {
    PAGE.outcomes();
}

/// The page's table of a perp connector, with what every connector has, is a manifest.
#[test]
fn the_manifest_of_the_page_is_one() {
    let blocks: Vec<&str> = PAGE.0.split("```toml\n").skip(1).collect();
    let [connector, pools] = [0, 1].map(|at| blocks[at].split("```").next().unwrap());
    let (head, perpetual) = connector.split_once("[connector.perpetual]").unwrap();
    let text = format!(
        r#"
        [library]
        name = "example"
        version = "0.1.0"
        abi = "1.0"
        maintainer = "someone"
        licence = "Apache-2.0"
        {head}
        documentation = "https://example.com/api"
        orders = {{ place = "place", cancel = "place" }}
        book = {{ rule = "previous", snapshot_by_request = true, snapshot_depth = 1000 }}
        client_id = {{ max_length = 36 }}
        environments.live = {{ rest = "https://api.example.com" }}
        endpoints.place = {{ method = "POST", host = "rest", path = "/order" }}
        {pools}
        [connector.perpetual]{perpetual}"#
    );
    let manifest = Manifest::parse(&text).unwrap_or_else(|e| panic!("{e}"));
    let connector = manifest.connector("example_perpetual").unwrap();
    assert!(connector.perpetual.is_some());
    assert_eq!(connector.pools["weight"].shared.as_deref(), Some("contracts"));
    for (wrong, told) in [
        (text.replace("\"hedge_mode\", ", ""), "not in both"),
        (
            text.replace("standard = \"perp\"", "standard = \"spot\""),
            "another standard",
        ),
        (text.replace("by = [\"last\", \"mark\"]", "by = []"), "a price to watch"),
        (
            text.replace("leverage_scope = \"instrument\"", "leverage_scope = \"order\""),
            "leverage",
        ),
    ] {
        let error = Manifest::parse(&wrong).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn order_lines_say_every_term() {
    let lines = PAGE.examples("in");
    let orders = lines
        .iter()
        .filter_map(|(_, example)| example.get("orders")?.as_array());
    let said: BTreeSet<String> = orders.flatten().flat_map(keys_of).collect();
    for term in ["position_side", "margin_mode", "good_till", "flags"] {
        assert!(said.contains(term), "{term}");
    }
    assert!(shows(
        &serde_json::json!({"a": 1}),
        &serde_json::json!({"a": 1, "b": 2})
    ));
}
