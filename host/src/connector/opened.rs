//! One connector of a library, opened with the options that `drive` and `replay` share.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use colibri_abi::Connector;
use colibri_driver::DriverSetup;
use colibri_driver::signing::{Credentials, Secret};
use colibri_loader::{Library, LoadRequest, Loader, Sha256};
use colibri_model::VenueId;
use colibri_standard::{ConnectorManifest, CredentialRole, KeyKind, Manifest};

use crate::exit::{Exit, ExitError};
use crate::plugins::default_store;

/// Which connector of which library, and how it is configured.
#[derive(Debug, Clone, Args)]
pub struct OpenedArgs {
    /// The library file.
    pub path: PathBuf,
    /// Which of its connectors; where it is left out, the one that is called as the library, or the only one.
    #[arg(long)]
    pub connector: Option<String>,
    /// Which environment of the exchange.
    #[arg(long, default_value = "live")]
    pub environment: String,
    /// Replaces an address of the environment, such as `rest=http://127.0.0.1:9000`. Repeatable.
    #[arg(long, value_name = "ROLE=URL", value_parser = name_and_value)]
    pub address: Vec<(String, String)>,
    /// A credential field, such as `api_key=abc`; `secret=@FILE` reads it from a file. Repeatable. For test keys only: other
    /// users of the machine can read arguments.
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub key: Vec<(String, String)>,
    /// The kind of a secret field, such as `secret=ed25519`: hmac-sha256, hmac-sha384, hmac-sha512, ed25519 or text. The
    /// first that the manifest allows where absent. Repeatable.
    #[arg(long, value_name = "NAME=KIND", value_parser = name_and_value)]
    pub kind: Vec<(String, String)>,
    /// An option of the connector's own, as JSON or text. Repeatable.
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub option: Vec<(String, String)>,
    /// The digest that the file must have.
    #[arg(long, value_name = "SHA256")]
    pub pin: Option<Sha256>,
    /// Where verified copies of libraries are kept; the user's cache folder where absent.
    #[arg(long)]
    pub store: Option<PathBuf>,
}

/// Splits `name=value` at the first equals sign.
fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

/// A library that was verified and opened, and one of its connectors as it will be configured.
#[derive(Debug)]
pub struct Opened {
    library: Library,
    /// What the connector declares.
    pub manifest: ConnectorManifest,
    /// The credential fields that were given.
    pub credentials: Credentials,
    config: Vec<u8>,
}

impl Opened {
    /// Opens the library and prepares the configuration.
    ///
    /// # Errors
    /// The library is refused ([`Exit::Plugin`]), or an option does not fit its manifest ([`Exit::Configuration`]).
    pub fn open(args: &OpenedArgs) -> Result<Opened, ExitError> {
        let refused = |error: &dyn std::fmt::Display| ExitError::new(Exit::Plugin, error.to_string());
        let wrong = |message: String| ExitError::new(Exit::Configuration, message);
        let loader = Loader::new(args.store.clone().unwrap_or_else(default_store));
        let library = loader
            .load(&LoadRequest {
                path: args.path.clone(),
                pin: args.pin,
            })
            .map_err(|e| refused(&e))?;
        let shown = args.path.display();
        let manifest = Manifest::parse(library.manifest_text()).map_err(|e| refused(&format!("{shown}: {e}")))?;
        let known: Vec<&str> = manifest.connectors.iter().map(|c| c.name.as_str()).collect();
        let chosen = match (&args.connector, manifest.connectors.as_slice()) {
            (Some(name), _) => manifest.connector(name),
            (None, [only]) => Some(only),
            (None, _) => manifest.connector(&manifest.library.name),
        };
        let manifest = chosen.cloned().ok_or_else(|| {
            wrong(format!(
                "{shown}: holds the connectors {}; name one with --connector",
                known.join(", ")
            ))
        })?;
        let credentials = credentials(args, &manifest).map_err(wrong)?;
        let venue = VenueId::new(&manifest.name).map_err(|e| wrong(e.to_string()))?;
        let mut setup = DriverSetup::new(venue, manifest.clone());
        setup.environment.clone_from(&args.environment);
        setup.addresses = args.address.iter().cloned().collect();
        setup.credentials = credentials.clone();
        setup.options = options(args);
        let config = setup.connector_config().map_err(|e| wrong(e.to_string()))?;
        let config = serde_json::to_vec(&config).map_err(|e| wrong(e.to_string()))?;
        Ok(Opened {
            library,
            manifest,
            credentials,
            config,
        })
    }

    /// Makes an instance.
    ///
    /// # Errors
    /// The library says why not ([`Exit::Plugin`]).
    pub fn create(&self) -> Result<Connector, ExitError> {
        self.library
            .create(&self.manifest.name, &self.config)
            .map_err(|e| ExitError::new(Exit::Plugin, e.to_string()))
    }
}

fn options(args: &OpenedArgs) -> BTreeMap<String, serde_json::Value> {
    args.option
        .iter()
        .map(|(name, value)| {
            let value = serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::String(value.clone()));
            (name.clone(), value)
        })
        .collect()
}

fn credentials(args: &OpenedArgs, manifest: &ConnectorManifest) -> Result<Credentials, String> {
    let mut credentials = Credentials::none();
    for (name, value) in &args.key {
        let field = manifest.credentials.get(name).ok_or_else(|| {
            let known: Vec<&str> = manifest.credentials.keys().map(String::as_str).collect();
            format!(
                "the connector has no credential called {name:?}; it has {}",
                known.join(", ")
            )
        })?;
        let value = match value.strip_prefix('@') {
            Some(file) => std::fs::read_to_string(file).map_err(|e| format!("{file} cannot be read: {e}"))?,
            None => value.clone(),
        };
        credentials = match field.role {
            CredentialRole::Public => credentials.with_public(name, value.trim()),
            CredentialRole::Secret => {
                let given = args.kind.iter().find(|(field, _)| field == name);
                let kind = match given {
                    Some((_, kind)) => key_kind(kind)?,
                    // A PEM text can be nothing else; otherwise the manifest's first.
                    None if value.contains("PRIVATE KEY") => KeyKind::Ed25519,
                    None => field.kinds.first().copied().unwrap_or(KeyKind::HmacSha256),
                };
                let value = if kind == KeyKind::Ed25519 {
                    value
                } else {
                    value.trim_end_matches(['\r', '\n']).to_owned()
                };
                credentials.with_secret(name, kind, Secret::from_text(value))
            }
        };
    }
    credentials.check(&manifest.credentials).map_err(|e| e.to_string())?;
    Ok(credentials)
}

fn key_kind(text: &str) -> Result<KeyKind, String> {
    serde_json::from_value(serde_json::Value::String(text.to_ascii_lowercase()))
        .map_err(|_| format!("{text:?} is no kind of key: hmac-sha256, hmac-sha384, hmac-sha512, ed25519 or text"))
}

#[cfg(test)]
mod tests {
    use super::{key_kind, name_and_value};
    use colibri_standard::KeyKind;

    #[test]
    fn names_values_and_kinds() {
        assert_eq!(name_and_value("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(name_and_value("=b").is_err() && name_and_value("a").is_err());
        assert_eq!(key_kind("ed25519"), Ok(KeyKind::Ed25519));
        assert!(key_kind("moon").is_err());
    }
}
