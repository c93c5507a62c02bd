//! Finds, verifies and opens connector libraries.
//!
//! What lives here: everything between a path in `plugins.toml` and a [`Connector`](colibri_abi::Connector), in the one
//! order that is safe: read the manifest from its section *before* opening (opening runs code), pin, boundary version,
//! imports, a content-addressed copy, opening that copy by its absolute path, layout check both ways, manifest in code
//! equals manifest in file, create. What must not live here: the meaning of a manifest (that is the standard's), the
//! format of `plugins.toml`, and anything that runs a connector.
//!
//! A library is never unloaded: its code may be referenced from anywhere, and the system linker keeps Rust libraries
//! mapped in any case. A refusal is one line ([`LoadError`]'s `Display`).

mod digest;
mod error;
mod file;
mod layout;
mod library;
mod policy;
mod store;

pub use digest::{DigestError, Sha256};
pub use error::LoadError;
pub use file::{AbiVersion, Binding, Inspected, inspect};
pub use library::{Library, LoadRequest, Loader};
pub use policy::{FORBIDDEN_IMPORTS, forbidden_import, foreign_dependency};
