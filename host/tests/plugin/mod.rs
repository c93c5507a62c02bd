//! The connector library that the tests of the doors open: the one that this workspace builds.

#![allow(clippy::unwrap_used, dead_code, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use colibri::connector::OpenedArgs;

/// The file of the Binance library, built once a test process as a user would build it: by itself.
pub fn library() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let status = Command::new(env!("CARGO"))
                .args(["build", "--quiet", "--package", "colibri-connector-binance"])
                .status()
                .unwrap();
            assert!(status.success(), "the connector library does not build");
            Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join(format!(
                "debug/{}colibri_connector_binance{}",
                std::env::consts::DLL_PREFIX,
                std::env::consts::DLL_SUFFIX
            ))
        })
        .clone()
}

/// The library without credentials, its copies kept with the build.
pub fn public() -> OpenedArgs {
    OpenedArgs {
        path: library(),
        connector: Some("binance".to_owned()),
        environment: "live".to_owned(),
        address: Vec::new(),
        key: Vec::new(),
        kind: Vec::new(),
        option: Vec::new(),
        pin: None,
        store: Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("libraries")),
    }
}

/// As [`public`], of the connector of contracts.
pub fn contracts() -> OpenedArgs {
    OpenedArgs {
        connector: Some("binance_perpetual".to_owned()),
        ..public()
    }
}

/// A file of the real payloads that are not part of the project; `None`, and a line, where they are absent.
pub fn fixture(path: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/fixtures")
        .join(path);
    if file.exists() {
        return Some(file);
    }
    println!("skipped: {path} is not here");
    None
}
