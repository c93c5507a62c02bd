//! The address of a proxy.

use std::str::FromStr;

/// An HTTP proxy without a password: host and port, written `http://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyAddress(String);

/// A text that is no proxy's address. The text is not in it: people write passwords there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a proxy is written http://host:port, without user and password")]
pub struct ProxyAddressError;

impl ProxyAddress {
    /// `host:port`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProxyAddress {
    type Err = ProxyAddressError;

    fn from_str(text: &str) -> Result<ProxyAddress, ProxyAddressError> {
        let address = text.strip_prefix("http://").ok_or(ProxyAddressError)?;
        let address = address.strip_suffix('/').unwrap_or(address);
        let (host, port) = address.rsplit_once(':').ok_or(ProxyAddressError)?;
        let host = host
            .strip_prefix('[')
            .and_then(|v6| v6.strip_suffix(']'))
            .unwrap_or(host);
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
        if host.is_empty() || !host.bytes().all(plain) || port.parse::<u16>().is_err() {
            return Err(ProxyAddressError);
        }
        Ok(ProxyAddress(address.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_an_address() {
        let address = |text: &str| text.parse::<ProxyAddress>().map(|a| a.as_str().to_owned());
        assert_eq!(address("http://127.0.0.1:3128/").as_deref(), Ok("127.0.0.1:3128"));
        assert_eq!(address("http://[::1]:3128").as_deref(), Ok("[::1]:3128"));
        for bad in [
            "127.0.0.1:3128",
            "http://",
            "http://host",
            "https://host:1",
            "http://u:p@host:1",
            "http://h:x",
        ] {
            let error = address(bad).map_err(|e| e.to_string());
            assert_eq!(error, Err(ProxyAddressError.to_string()), "{bad}");
        }
    }
}
