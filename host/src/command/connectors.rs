//! `colibri connector list`: what an installation has, and what it refuses.

use std::io::Write;
use std::path::Path;

use crate::exit::Exit;
use crate::plugins::Installation;

/// Prints a line a connector, then a line a refused library.
///
/// # Errors
/// The plugins file cannot be used, or the output not be written.
pub fn list(plugins: &Path, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let installation = Installation::load(plugins, &crate::plugins::default_store())?;
    writeln!(
        out,
        "{:<20} {:<9} {:<10} {:<32} library",
        "connector", "standard", "version", "environments"
    )?;
    for (name, installed) in &installation.connectors {
        let environments: Vec<_> = installed.manifest.environments.keys().map(String::as_str).collect();
        writeln!(
            out,
            "{name:<20} {:<9} {:<10} {:<32} {}",
            installed.manifest.standard,
            installed.version,
            environments.join(", "),
            installed.path.display()
        )?;
    }
    for line in &installation.refused {
        writeln!(out, "refused: {line}")?;
    }
    Ok(if installation.refused.is_empty() {
        Exit::Done
    } else {
        Exit::Plugin
    })
}
