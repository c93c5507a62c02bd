//! Loading in its one safe order, and the library that comes of it.

use std::path::{Path, PathBuf};

use abi_stable::StableAbi;
use abi_stable::library::{LibraryError, lib_header_from_path};
use colibri_abi::{Connector, PluginRootRef};

use crate::error::one_line;
use crate::{Inspected, LoadError, Sha256, file, layout, store};

/// Which library to load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadRequest {
    /// The file.
    pub path: PathBuf,
    /// The digest that it must have, where the operator pinned one.
    pub pin: Option<Sha256>,
}

impl LoadRequest {
    /// A request without a pin.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> LoadRequest {
        LoadRequest {
            path: path.into(),
            pin: None,
        }
    }
}

/// Loads libraries through one store.
#[derive(Debug, Clone)]
pub struct Loader {
    store: PathBuf,
}

impl Loader {
    /// A loader whose private copies live in `store`, which is made when it is first needed.
    #[must_use]
    pub fn new(store: impl Into<PathBuf>) -> Loader {
        Loader { store: store.into() }
    }

    /// Verifies and opens a library. Loading the same bytes again yields the library that is open already.
    ///
    /// # Errors
    /// The first check that fails, in the order of the crate's documentation. Before the copy is opened, no code of the
    /// library has run.
    pub fn load(&self, request: &LoadRequest) -> Result<Library, LoadError> {
        let (inspected, bytes) = file::read(&request.path)?;
        inspected.check(request.pin)?;
        let copy = store::keep(&self.store, inspected.sha256, &bytes).map_err(|source| LoadError::Store {
            path: request.path.clone(),
            store: self.store.clone(),
            source,
        })?;
        let root = open(&request.path, &copy)?;
        let in_code = root.manifest_in_code();
        if in_code != inspected.manifest_text {
            return Err(LoadError::ManifestLies {
                path: request.path.clone(),
                line: first_line_that_differs(in_code, &inspected.manifest_text),
            });
        }
        Ok(Library { inspected, root })
    }
}

fn open(path: &Path, copy: &Path) -> Result<PluginRootRef, LoadError> {
    let refused = |error: &LibraryError| LoadError::Open {
        path: path.to_owned(),
        what: one_line(&error.to_string()),
    };
    // Not `RootModule::load_from_file`: it keeps one library a root type, and hands the first one to everyone.
    let header = lib_header_from_path(copy).map_err(|e| refused(&e))?;
    let library = header.layout().ok_or_else(|| LoadError::Layout {
        path: path.to_owned(),
        what: "it carries no layout to check".to_owned(),
    })?;
    layout::compare(<PluginRootRef as StableAbi>::LAYOUT, library).map_err(|what| LoadError::Layout {
        path: path.to_owned(),
        what,
    })?;
    // SAFETY: `compare` has just checked the layout of the library's root against `PluginRootRef`'s, forward or in
    // reverse; in the reverse case every function that the library lacks is read through its prefix accessor, as absent.
    unsafe { header.init_root_module_with_unchecked_layout::<PluginRootRef>() }.map_err(|e| refused(&e))
}

fn first_line_that_differs(one: &str, other: &str) -> usize {
    1 + one.lines().zip(other.lines()).take_while(|(a, b)| a == b).count()
}

/// An open library. It stays open for the life of the process, dropped or not.
#[derive(Clone)]
pub struct Library {
    inspected: Inspected,
    root: PluginRootRef,
}

impl Library {
    /// What was read from the file before it was opened.
    #[must_use]
    pub const fn inspected(&self) -> &Inspected {
        &self.inspected
    }

    /// The manifest, TOML.
    #[must_use]
    pub fn manifest_text(&self) -> &str {
        &self.inspected.manifest_text
    }

    /// The file's digest.
    #[must_use]
    pub const fn sha256(&self) -> Sha256 {
        self.inspected.sha256
    }

    /// Makes an instance of one of the library's connectors, configured by JSON (the standard's `ConnectorConfig`).
    ///
    /// # Errors
    /// The manifest names no such connector, or the library says why it does not make it (a panic's text too).
    pub fn create(&self, connector: &str, config_json: &[u8]) -> Result<Connector, LoadError> {
        if !self.inspected.connectors.iter().any(|known| known == connector) {
            return Err(LoadError::UnknownConnector {
                path: self.inspected.path.clone(),
                name: connector.to_owned(),
                known: self.inspected.connectors.join(", "),
            });
        }
        self.root
            .create_connector(connector, config_json)
            .map_err(|what| LoadError::Create {
                path: self.inspected.path.clone(),
                name: connector.to_owned(),
                what: one_line(&what),
            })
    }
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Library")
            .field("path", &self.inspected.path)
            .field("sha256", &self.inspected.sha256)
            .finish_non_exhaustive()
    }
}
