//! `colibri connector inspect`: what a library declares, without running any of its code.

use std::path::PathBuf;

use clap::Args;
use colibri_loader::{Binding, Inspected, LoadRequest, Loader};
use colibri_standard::{ConnectorManifest, CredentialRole, Manifest};
use serde_json::json;

use crate::connector::write_out;
use crate::exit::{Exit, ExitError};
use crate::plugins::default_store;

/// Options of `connector inspect`.
#[derive(Debug, Clone, Args)]
pub struct InspectArgs {
    /// The library file.
    pub path: PathBuf,
    /// One JSON object, the whole manifest in it.
    #[arg(long)]
    pub json: bool,
    /// Also open it, which runs its code: check its layout, and its manifest against its code.
    #[arg(long)]
    pub open: bool,
    /// Where verified copies of libraries are kept; the user's cache folder where absent.
    #[arg(long)]
    pub store: Option<PathBuf>,
}

/// Prints a library's manifest, digest and imports.
///
/// # Errors
/// The file is no library, its manifest cannot be read, or (with `--open`) it is refused: [`Exit::Plugin`].
pub fn inspect(args: &InspectArgs) -> anyhow::Result<Exit> {
    let refused = |error: &dyn std::fmt::Display| ExitError::new(Exit::Plugin, error.to_string());
    let inspected = colibri_loader::inspect(&args.path).map_err(|e| refused(&e))?;
    let manifest =
        Manifest::parse(&inspected.manifest_text).map_err(|e| refused(&format!("{}: {e}", args.path.display())))?;
    let refusal = if args.open {
        let loader = Loader::new(args.store.clone().unwrap_or_else(default_store));
        loader.load(&LoadRequest::new(&args.path)).err()
    } else {
        inspected.check(None).err()
    }
    .map(|error| error.to_string());

    let text = if args.json {
        let object = json!({
            "path": inspected.path,
            "sha256": inspected.sha256.to_string(),
            "size": inspected.size,
            "architecture": inspected.architecture,
            "abi": inspected.abi.to_string(),
            "binding": match inspected.binding { Binding::Now => "now", Binding::Lazy => "lazy" },
            "imports": inspected.imports,
            "dependencies": inspected.dependencies,
            "opened": args.open,
            "refusal": refusal,
            "manifest": manifest,
        });
        format!("{object}\n")
    } else {
        let verdict = match &refusal {
            Some(line) => format!("refused    {line}"),
            None if args.open => "opened     layout and manifest agree with this host".to_owned(),
            None => "accepted   (not opened; --open checks layout and code too)".to_owned(),
        };
        format!("{}{verdict}\n", summary(&inspected, &manifest))
    };
    write_out(&text)?;
    match refusal {
        Some(line) => Err(ExitError::new(Exit::Plugin, line).into()),
        None => Ok(Exit::Done),
    }
}

fn summary(file: &Inspected, manifest: &Manifest) -> String {
    let library = &manifest.library;
    let mut text = format!(
        "library    {} {} ({}, {})\nfile       {} ({} bytes, {})\nsha256     {}\nboundary   {}\nimports    {} symbols from {}\n",
        library.name,
        library.version,
        library.licence,
        library.maintainer,
        file.path.display(),
        file.size,
        file.architecture,
        file.sha256,
        file.abi,
        file.imports.len(),
        file.dependencies.join(", "),
    );
    for connector in &manifest.connectors {
        text.push_str(&one(connector));
    }
    text
}

fn one(connector: &ConnectorManifest) -> String {
    let join = |items: Vec<&str>| {
        if items.is_empty() {
            "none".to_owned()
        } else {
            items.join(", ")
        }
    };
    let fields: Vec<String> = connector
        .credentials
        .iter()
        .map(|(name, field)| match field.role {
            CredentialRole::Public => format!("{name} (public)"),
            CredentialRole::Secret => format!("{name} (secret)"),
        })
        .collect();
    let mut text = format!(
        "\nconnector  {} (standard {})\n  documented    {}\n  capabilities  {}\n  credentials   {}\n  environments  {}\n  books         {:?}, {} levels\n  endpoints\n",
        connector.name,
        connector.standard,
        connector.documentation,
        join(connector.capabilities.iter().map(|c| c.as_str()).collect()),
        join(fields.iter().map(String::as_str).collect()),
        join(connector.environments.keys().map(String::as_str).collect()),
        connector.book.rule,
        connector.book.snapshot_depth,
    );
    let width = connector.endpoints.keys().map(String::len).max().unwrap_or(0);
    for (id, endpoint) in &connector.endpoints {
        let costs: Vec<String> = endpoint
            .costs
            .iter()
            .map(|cost| format!("{} of {}", cost.weight, cost.pool))
            .collect();
        text.push_str(&format!(
            "    {id:width$}  {} {} {}  {:?}  {}\n",
            if endpoint.method.is_empty() {
                "-"
            } else {
                &endpoint.method
            },
            endpoint.host,
            endpoint.path,
            endpoint.auth,
            costs.join(", "),
        ));
    }
    text
}
