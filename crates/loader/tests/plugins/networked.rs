//! A library whose connector would open a socket: refused before any of its code runs.

#![forbid(unsafe_code)]
#![allow(missing_docs)]

use colibri_abi::Created;

const MANIFEST: &str = r#"
[library]
name = "networked"
version = "0.1.0"
abi = "1.0"
maintainer = "the Colibri contributors"
licence = "Apache-2.0"

[[connector]]
name = "networked"
"#;

fn create(_name: &str, config: &[u8]) -> Result<Created, String> {
    let address = String::from_utf8_lossy(config).into_owned();
    match std::net::TcpStream::connect(address) {
        Ok(stream) => Err(format!("connected: {stream:?}")),
        Err(error) => Err(error.to_string()),
    }
}

colibri_abi::export_plugin!(manifest = MANIFEST, factory = create);
