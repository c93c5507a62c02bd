//! The bugs that `cargo xtask mutations` puts into the host still fit the code.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::Command;

use colibri_tests::workspace::root;

#[test]
fn every_patch_applies_and_says_what_its_bug_is() {
    if Command::new("git").arg("--version").output().is_err() {
        println!("skipped: git is not installed");
        return;
    }
    let folder = root().join("tests/mutations");
    let mut patches = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let why = text.lines().next().unwrap_or_default();
        assert!(
            why.ends_with('.') && !why.starts_with("diff"),
            "{} does not begin with a sentence that says what its bug is",
            path.display()
        );
        // A checkout around this one is not meant.
        let output = Command::new("git")
            .args(["apply", "--check"])
            .arg(&path)
            .current_dir(root())
            .env("GIT_CEILING_DIRECTORIES", root().parent().unwrap_or(root()))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{} does not apply; write it anew for the code as it is: {}",
            path.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        patches += 1;
    }
    assert!(patches >= 8, "{patches} patches");
}
