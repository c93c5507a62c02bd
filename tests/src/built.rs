//! The files that are shipped, built as they are shipped: the release binary and each connector library by itself.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::workspace::{cargo, target_directory};

/// What this test process has built, so that cargo is asked once a package.
static BUILT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The `colibri` binary.
///
/// # Panics
/// Where it does not build.
pub fn host() -> PathBuf {
    build("colibri");
    release_directory().join(format!("colibri{}", std::env::consts::EXE_SUFFIX))
}

/// The library of the connector package in `connectors/<exchange>`.
///
/// # Panics
/// Where it does not build.
pub fn connector(exchange: &str) -> PathBuf {
    build(&format!("colibri-connector-{exchange}"));
    release_directory().join(format!(
        "{}colibri_connector_{}{}",
        std::env::consts::DLL_PREFIX,
        exchange.replace('-', "_"),
        std::env::consts::DLL_SUFFIX
    ))
}

/// Where both are: what `--plugin-dir` takes.
pub fn release_directory() -> PathBuf {
    target_directory().join("release")
}

fn build(package: &str) {
    let mut built = BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if built.contains(package) {
        return;
    }
    let output = cargo()
        .args(["build", "--release", "--package", package])
        .output()
        .expect("cargo runs these tests, so it can be started");
    assert!(
        output.status.success(),
        "{package} does not build: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    built.insert(package.to_owned());
}
