//! Files that a user, or somebody else's build, puts in front of the host.

use std::io::Write as _;
use std::path::Path;

use colibri::bot::Bot;
use colibri::keys::KeyFile;
use colibri::plugins::PluginsFile;
use tempfile::NamedTempFile;

/// A `BOT.toml`.
///
/// # Panics
/// Where a refusal does not say why.
pub fn bot_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Bot::parse(Path::new("BOT.toml"), text.to_owned()) {
        Ok(bot) => {
            assert!(bot.data_folder().ends_with(bot.file.name.get_ref()));
            assert!(bot.file.venues.iter().all(|venue| venue.id().is_ok()));
        }
        Err(error) => assert!(
            error.to_string().contains("BOT.toml"),
            "a refusal names the file: {error}"
        ),
    }
}

/// A `plugins.toml`.
///
/// # Panics
/// Where the decoder does.
pub fn plugins_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = toml::from_str::<PluginsFile>(text) {
        assert!(!error.to_string().is_empty(), "a refusal says why");
    }
}

/// A key file, of which the names are listed: what needs no password.
///
/// # Panics
/// Where a refusal does not name the file.
pub fn key_file(data: &[u8]) {
    let file = on_disk(data);
    if let Err(error) = KeyFile::at(file.path()).list() {
        let name = file
            .path()
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        assert!(error.to_string().contains(name), "a refusal names the file: {error}");
    }
}

/// A file that is said to be a connector's library: looked at, never opened.
///
/// # Panics
/// Where a refusal is not one line.
pub fn library(data: &[u8]) {
    let file = on_disk(data);
    let inspected = colibri_loader::inspect(file.path()).and_then(|inspected| {
        assert_eq!(inspected.size, data.len() as u64);
        inspected.check(None)
    });
    if let Err(error) = inspected {
        assert_eq!(error.to_string().lines().count(), 1, "a refusal is one line: {error}");
    }
}

fn on_disk(data: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("the folder for temporary files can be written");
    file.write_all(data).expect("the folder for temporary files has room");
    file
}
