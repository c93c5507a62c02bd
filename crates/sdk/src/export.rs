//! The export of a library's connectors.

use colibri_abi::Created;
use colibri_standard::ConnectorConfig;

use crate::runtime::Connected;
use crate::{Perp, Spot, SpotRuntime, config};

/// Makes a spot connector from its JSON configuration: what [`export_connectors!`](crate::export_connectors) expands to.
///
/// # Errors
/// A configuration that cannot be read, or what the connector says against it.
#[doc(hidden)]
pub fn create_spot<S: Spot>(
    new: impl FnOnce(&ConnectorConfig) -> Result<S, String>,
    config: &[u8],
) -> Result<Created, String> {
    let (config, state) = config::read(config).map_err(|e| format!("the configuration cannot be read: {e}"))?;
    let connector = new(&config)?;
    SpotRuntime::start(Connected::Spot(Box::new(connector)), &config, state).map(Created::new)
}

/// As [`create_spot`], of a perp connector.
///
/// # Errors
/// A configuration that cannot be read, or what the connector says against it.
#[doc(hidden)]
pub fn create_perp<P: Perp>(
    new: impl FnOnce(&ConnectorConfig) -> Result<P, String>,
    config: &[u8],
) -> Result<Created, String> {
    let (config, state) = config::read(config).map_err(|e| format!("the configuration cannot be read: {e}"))?;
    let connector = new(&config)?;
    SpotRuntime::start(Connected::Perp(Box::new(connector)), &config, state).map(Created::new)
}

/// Exports the connectors of a library. Each is named as in the manifest, with its standard and its constructor, a
/// `fn(&ConnectorConfig) -> Result<impl Spot, String>`, or `impl Perp`:
///
/// ```text
/// export_connectors! {
///     manifest = include_str!("../connector.toml"),
///     "example" => spot(Example::new),
///     "example_perpetual" => perp(ExamplePerpetual::new),
/// }
/// ```
#[macro_export]
macro_rules! export_connectors {
    (manifest = $manifest:expr, $($name:literal => $standard:ident($new:expr)),+ $(,)?) => {
        const _: () = {
            fn factory(name: &str, config: &[u8]) -> ::core::result::Result<$crate::abi::Created, ::std::string::String> {
                match name {
                    $($name => $crate::create_connector!($standard, $new, config),)+
                    _ => ::core::result::Result::Err(::std::format!(
                        "the library has no connector {name:?}: it has {}",
                        [$($name),+].join(", ")
                    )),
                }
            }
            $crate::abi::export_plugin! { manifest = $manifest, factory = factory }
        };
    };
}

/// Makes a connector of a standard.
#[doc(hidden)]
#[macro_export]
macro_rules! create_connector {
    (spot, $new:expr, $config:expr) => {
        $crate::create_spot($new, $config)
    };
    (perp, $new:expr, $config:expr) => {
        $crate::create_perp($new, $config)
    };
}
