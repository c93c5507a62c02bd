//! The files that the book shows are accepted as they stand.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use colibri::bot::Bot;
use colibri::plugins::PluginsFile;
use colibri::runtime::setup::strategies;

/// The first TOML block of a page of the book.
fn example(page: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let (_, rest) = text.split_once("```toml\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_bot_of_the_book_is_accepted_with_its_strategies() {
    let bot = Bot::parse(Path::new("bots.toml"), example("bots.md")).unwrap();
    assert_eq!(strategies(&bot).unwrap().len(), 1);
}

#[test]
fn the_plugins_file_of_the_book_is_accepted() {
    let file: PluginsFile = toml::from_str(&example("plugins.md")).unwrap();
    assert_eq!(file.plugins.len(), 1);
}
