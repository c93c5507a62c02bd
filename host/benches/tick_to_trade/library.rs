//! The connector's library, as it is shipped.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace's build folder, also where `CARGO_TARGET_DIR` says otherwise.
pub fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target")
}

/// Builds it; where it is. By itself: as a dependency of the bench it would lose its export.
pub fn build() -> PathBuf {
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--release",
            "--package",
            "colibri-connector-binance",
            "--target-dir",
        ])
        .arg(target())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(status.success(), "the connector does not build");
    target().join(format!(
        "release/{}colibri_connector_binance{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    ))
}
