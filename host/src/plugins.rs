//! `plugins.toml`: which connector libraries this installation loads, how, and what of their manifests it overrides.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use colibri_driver::tokio_transport::{ExtraAuthorities, ProxyAddress, ProxyAddressError, TransportOptions};
use colibri_loader::{Library, LoadRequest, Loader};
use colibri_standard::{ConnectorManifest, Manifest};
use serde::Deserialize;

use crate::exit::{Exit, ExitError};

/// How a library is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// In the host's own process, by an indirect call: for what the operator built or trusts.
    InProcess,
    /// In a child process under a kernel filter.
    Sandbox,
}

/// One library.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginEntry {
    /// The file; relative to the folder of `plugins.toml`.
    pub library: PathBuf,
    /// The only file that is accepted, as the hexadecimal SHA-256 of it.
    #[serde(default)]
    pub sha256: Option<String>,
    /// How to run it.
    pub isolation: Isolation,
    /// By connector: what replaces parts of its manifest.
    #[serde(default)]
    pub overrides: BTreeMap<String, toml::Table>,
}

/// The whole file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginsFile {
    /// Certificate authorities that are trusted besides the public ones, as a PEM file; relative to the folder of
    /// `plugins.toml`. For a network whose own proxy reads its traffic. Certificates are checked, always.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy that every request and every stream goes through, as `http://host:port`. The environment's is never
    /// used: what is signed goes where this file says.
    #[serde(default)]
    pub proxy: Option<String>,
    /// The libraries, in the file's order.
    #[serde(default, rename = "plugin")]
    pub plugins: Vec<PluginEntry>,
}

/// A connector that can be created.
#[derive(Clone)]
pub struct Installed {
    /// Its manifest, overrides applied.
    pub manifest: ConnectorManifest,
    /// The library's version, as its manifest states it.
    pub version: String,
    /// The library that it comes from.
    pub library: Rc<Library>,
    /// The file, as the user named it.
    pub path: PathBuf,
}

/// Every connector of an installation, and the libraries that were refused.
#[derive(Default)]
pub struct Installation {
    /// By connector name.
    pub connectors: BTreeMap<String, Installed>,
    /// One line a library that could not be loaded. The host goes on without them.
    pub refused: Vec<String>,
    /// Whose certificates are believed besides the public authorities.
    pub authorities: ExtraAuthorities,
    /// The proxy that everything goes through.
    pub proxy: Option<ProxyAddress>,
}

impl PluginsFile {
    /// Reads the file.
    ///
    /// # Errors
    /// It is absent, or not of this shape; the message shows the line.
    pub fn read(path: &Path) -> Result<PluginsFile, ExitError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            ExitError::new(
                Exit::Configuration,
                format!(
                    "{} cannot be read ({error}); write one, or name another with --plugins",
                    path.display()
                ),
            )
        })?;
        toml::from_str(&text)
            .map_err(|error| ExitError::new(Exit::Configuration, format!("{} is wrong: {error}", path.display())))
    }

    /// The proxy. What stands there is not repeated: it may hold a password.
    fn proxy_address(&self, file: &Path) -> Result<Option<ProxyAddress>, ExitError> {
        let proxy = self.proxy.as_deref().map(str::parse).transpose();
        proxy.map_err(|error: ProxyAddressError| {
            ExitError::new(Exit::Configuration, format!("{} is wrong: {error}", file.display()))
        })
    }

    fn authorities(&self, file: &Path, folder: &Path) -> Result<ExtraAuthorities, ExitError> {
        let Some(name) = &self.ca_file else {
            return Ok(ExtraAuthorities::default());
        };
        let path = folder.join(name);
        let wrong = |what: String| {
            let text = format!("{} names the ca_file {}: {what}", file.display(), path.display());
            ExitError::new(Exit::Configuration, text)
        };
        let pem = std::fs::read(&path).map_err(|e| wrong(format!("it cannot be read ({e})")))?;
        ExtraAuthorities::from_pem(&pem).map_err(|e| wrong(e.to_string()))
    }
}

impl Installation {
    /// Loads every library of a `plugins.toml`. A bad one is refused with one line and the others are loaded.
    ///
    /// # Errors
    /// The file itself cannot be used.
    pub fn load(file: &Path, store: &Path) -> Result<Installation, ExitError> {
        let plugins = PluginsFile::read(file)?;
        let folder = file.parent().unwrap_or_else(|| Path::new("."));
        let loader = Loader::new(store);
        let mut installation = Installation {
            authorities: plugins.authorities(file, folder)?,
            proxy: plugins.proxy_address(file)?,
            ..Installation::default()
        };
        for entry in &plugins.plugins {
            let path = folder.join(&entry.library);
            if let Err(refusal) = installation.add(&loader, entry, &path) {
                installation.refused.push(refusal);
            }
        }
        Ok(installation)
    }

    fn add(&mut self, loader: &Loader, entry: &PluginEntry, path: &Path) -> Result<(), String> {
        let shown = path.display();
        if entry.isolation == Isolation::Sandbox {
            return Err(format!(
                "{shown}: isolation = \"sandbox\" is not available in this version; build the library yourself and set isolation = \"in-process\""
            ));
        }
        let mut request = LoadRequest::new(path);
        request.pin = entry
            .sha256
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|e| format!("{shown}: {e}"))?;
        let library = Rc::new(loader.load(&request).map_err(|error| error.to_string())?);
        let manifest =
            with_overrides(library.manifest_text(), &entry.overrides).map_err(|e| format!("{shown}: {e}"))?;
        for connector in manifest.connectors {
            if self.connectors.contains_key(&connector.name) {
                return Err(format!(
                    "{shown}: another library has a connector {:?} already",
                    connector.name
                ));
            }
            let name = connector.name.clone();
            let installed = Installed {
                manifest: connector,
                version: manifest.library.version.clone(),
                library: library.clone(),
                path: path.to_owned(),
            };
            self.connectors.insert(name, installed);
        }
        Ok(())
    }

    /// How sockets are opened here.
    #[must_use]
    pub fn transport(&self) -> TransportOptions {
        TransportOptions {
            authorities: self.authorities.clone(),
            proxy: self.proxy.clone(),
            ..TransportOptions::default()
        }
    }

    /// The connector of a name.
    ///
    /// # Errors
    /// There is none; the message lists those that are, and why libraries were refused.
    pub fn connector(&self, name: &str) -> Result<&Installed, ExitError> {
        self.connectors.get(name).ok_or_else(|| {
            let known: Vec<_> = self.connectors.keys().map(String::as_str).collect();
            let mut message = format!("no connector is called {name:?}; installed: {}", known.join(", "));
            for line in &self.refused {
                message.push_str("\n  refused: ");
                message.push_str(line);
            }
            let exit = if self.refused.is_empty() {
                Exit::Configuration
            } else {
                Exit::Plugin
            };
            ExitError::new(exit, message)
        })
    }
}

/// Where verified copies of libraries are kept when nobody names a place: the user's cache folder.
#[must_use]
pub fn default_store() -> PathBuf {
    let of = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    of("XDG_CACHE_HOME")
        .or_else(|| of("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("colibri/libraries")
}

/// The manifest with an installation's overrides merged in, table by table.
fn with_overrides(text: &str, overrides: &BTreeMap<String, toml::Table>) -> Result<Manifest, String> {
    let mut table: toml::Table = toml::from_str(text).map_err(|e| format!("the manifest cannot be read: {e}"))?;
    for (name, changes) in overrides {
        let connector = table
            .get_mut("connector")
            .and_then(toml::Value::as_array_mut)
            .and_then(|all| {
                all.iter_mut()
                    .find(|c| c.get("name").and_then(toml::Value::as_str) == Some(name))
            })
            .and_then(toml::Value::as_table_mut)
            .ok_or_else(|| format!("overrides name the connector {name:?}, which the library does not have"))?;
        merge(connector, changes);
    }
    let merged = toml::to_string(&table).map_err(|e| format!("the overrides cannot be merged: {e}"))?;
    Manifest::parse(&merged).map_err(|e| e.to_string())
}

fn merge(into: &mut toml::Table, changes: &toml::Table) {
    for (key, value) in changes {
        match (into.get_mut(key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => merge(old, new),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_override_replaces_one_value_and_keeps_the_rest() {
        let mut table: toml::Table = toml::from_str("a = 1\n[b]\nc = 2\nd = 3").unwrap();
        merge(&mut table, &toml::from_str("[b]\nc = 5").unwrap());
        assert_eq!(
            table,
            toml::from_str::<toml::Table>("a = 1\n[b]\nc = 5\nd = 3").unwrap()
        );
    }

    #[test]
    fn a_ca_file_that_cannot_be_used_keeps_the_host_from_starting() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plugins.toml");
        std::fs::write(&file, "ca_file = 'ca.pem'").unwrap();
        let refusal = || Installation::load(&file, folder.path()).err().unwrap();
        assert!(refusal().message.contains("cannot be read"), "{}", refusal().message);
        std::fs::write(folder.path().join("ca.pem"), "nothing").unwrap();
        assert!(refusal().message.contains("no certificate"), "{}", refusal().message);
        assert_eq!(refusal().exit, Exit::Configuration);
    }

    #[test]
    fn a_wrong_key_is_told_with_its_line() {
        let error =
            toml::from_str::<PluginsFile>("[[plugin]]\nlibary = \"x\"\nisolation = \"in-process\"").unwrap_err();
        assert!(
            error.to_string().contains("libary") && error.to_string().contains("line 2"),
            "{error}"
        );
    }

    #[test]
    fn a_proxy_is_an_address_without_a_password() {
        let proxy = |text: &str| {
            let file = toml::from_str::<PluginsFile>(&format!("proxy = {text:?}")).unwrap();
            file.proxy_address(Path::new("plugins.toml"))
        };
        let right = proxy("http://10.0.0.1:3128").unwrap();
        assert_eq!(right.as_ref().map(ProxyAddress::as_str), Some("10.0.0.1:3128"));
        for bad in [
            "10.0.0.1:3128",
            "https://10.0.0.1:1",
            "http://user:hunter2@host:1",
            "http://host",
        ] {
            let error = proxy(bad).unwrap_err();
            assert!(error.message.contains("http://host:port"), "{}", error.message);
            assert!(!error.message.contains("hunter2"), "{}", error.message);
        }
    }
}
