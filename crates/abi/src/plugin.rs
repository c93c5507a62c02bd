//! A library's root: what the host finds in it, and the factory that makes connector instances.

use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RErr, ROk, RResult, RSlice, RStr, RString};

use crate::connector::leak;
use crate::panic::guard;
use crate::{Connector, ConnectorVtableRef, Instance, install_hook};

/// An instance that a factory made.
#[repr(C)]
#[derive(StableAbi)]
pub struct Created {
    this: *mut (),
    vtable: ConnectorVtableRef,
}

impl Created {
    /// Hands an instance over the boundary.
    #[must_use]
    pub fn new<I: Instance + Send + 'static>(instance: I) -> Created {
        let (this, vtable) = leak(instance);
        Created { this, vtable }
    }
}

/// The root of a connector library. Appended to, never changed.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginRootRef, prefix_fields = PluginRootPrefix)))]
#[sabi(missing_field(option))]
pub struct PluginRoot {
    /// The manifest text in code: must equal the text in the file's section.
    pub manifest: extern "C" fn() -> RStr<'static>,
    /// Makes an instance of the connector of that name, configured by JSON; or says why not.
    #[sabi(last_prefix_field)]
    pub create: extern "C" fn(RStr<'_>, RSlice<'_, u8>) -> RResult<Created, RString>,
}

impl RootModule for PluginRootRef {
    abi_stable::declare_root_module_statics! {PluginRootRef}
    const BASE_NAME: &'static str = "colibri_connector";
    const NAME: &'static str = "colibri_connector";
    const VERSION_STRINGS: VersionStrings = abi_stable::package_version_strings!();
}

impl PluginRootRef {
    /// Makes an instance of the connector `name`.
    ///
    /// # Errors
    /// The library's own words: no such connector, a bad configuration, or a panic's text.
    pub fn create_connector(&self, name: &str, config: &[u8]) -> Result<Connector, String> {
        match self.create()(name.into(), config.into()) {
            ROk(created) => Ok(Connector::from_parts(created.this, created.vtable)),
            RErr(message) => Err(message.into_string()),
        }
    }

    /// The manifest as the library's code states it.
    #[must_use]
    pub fn manifest_in_code(&self) -> &'static str {
        self.manifest()().as_str()
    }
}

/// Runs a factory with panics caught; what [`export_plugin!`](crate::export_plugin) puts behind `create`.
#[doc(hidden)]
pub fn create_guarded(
    name: RStr<'_>,
    config: RSlice<'_, u8>,
    factory: fn(&str, &[u8]) -> Result<Created, String>,
) -> RResult<Created, RString> {
    install_hook();
    match guard(|| factory(name.as_str(), config.as_slice())) {
        Ok(Ok(created)) => ROk(created),
        Ok(Err(message)) => RErr(message.into()),
        Err(text) => RErr(format!("create panicked: {text}").into()),
    }
}
