//! The connector's library, built as the benches are built.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace's build folder.
pub fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target")
}

/// Builds it; where it is. By itself and in a folder of its own: as a dependency of the bench it would lose its export.
pub fn build() -> PathBuf {
    let folder = target().join("boundary");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", "bench"])
        .args(["--package", "colibri-connector-binance", "--target-dir"])
        .arg(&folder)
        .status()
        .unwrap();
    assert!(status.success(), "the connector does not build");
    folder.join(format!(
        "release/{}colibri_connector_binance{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    ))
}
