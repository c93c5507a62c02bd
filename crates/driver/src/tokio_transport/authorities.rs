//! Whose certificates are believed besides the public authorities: a company's that reads the traffic of its own network, a
//! test's that was made a moment ago.
//!
//! What must not live here: a way not to check certificates. There is none in Colibri.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::Connector;

/// Why a file of authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Not PEM.
    #[error("it is not PEM: {0}")]
    Syntax(String),
    /// No certificate is in it.
    #[error("it holds no certificate (a PEM section \"BEGIN CERTIFICATE\")")]
    Empty,
    /// A certificate that cannot be an authority's.
    #[error("its certificate {number} cannot be an authority's: {why}")]
    Unusable {
        /// Which, counted from 1.
        number: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// Certificate authorities that are trusted besides the public ones, for requests and streams alike. None by default.
#[derive(Clone, Default)]
pub struct ExtraAuthorities {
    certificates: Vec<CertificateDer<'static>>,
}

impl ExtraAuthorities {
    /// Reads a PEM file's content: one certificate or several; other sections are passed over.
    ///
    /// # Errors
    /// It holds none, or one that cannot be used.
    pub fn from_pem(pem: &[u8]) -> Result<ExtraAuthorities, AuthorityError> {
        let certificates = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| AuthorityError::Syntax(e.to_string()))?;
        if certificates.is_empty() {
            return Err(AuthorityError::Empty);
        }
        let mut store = RootCertStore::empty();
        for (at, certificate) in certificates.iter().enumerate() {
            store.add(certificate.clone()).map_err(|e| AuthorityError::Unusable {
                number: at + 1,
                why: e.to_string(),
            })?;
        }
        Ok(ExtraAuthorities { certificates })
    }

    /// Whether only the public authorities are trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// For the HTTP client.
    pub(super) fn for_requests(&self) -> Result<Vec<reqwest::Certificate>, reqwest::Error> {
        let der = self.certificates.iter();
        der.map(|certificate| reqwest::Certificate::from_der(certificate))
            .collect()
    }

    /// For streams; `None` where the library's own choice, the public authorities alone, is right.
    pub(super) fn for_streams(&self) -> Option<Connector> {
        if self.is_empty() {
            return None;
        }
        Some(Connector::Rustls(Arc::new(self.config())))
    }

    /// For HTTP connections that are kept: one request at a time.
    pub(super) fn for_lines(&self) -> Arc<ClientConfig> {
        let mut config = self.config();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }

    fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        roots.add_parsable_certificates(self.certificates.iter().cloned());
        ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth()
    }
}

impl std::fmt::Debug for ExtraAuthorities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ExtraAuthorities({})", self.certificates.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_told() {
        let of = |text: &str| ExtraAuthorities::from_pem(text.as_bytes()).map(|a| a.certificates.len());
        assert!(matches!(of(""), Err(AuthorityError::Empty)));
        assert!(matches!(of("a password, perhaps"), Err(AuthorityError::Empty)));
        let cut = "-----BEGIN CERTIFICATE-----\nMIIB";
        assert!(matches!(of(cut), Err(AuthorityError::Syntax(_))), "{:?}", of(cut));
        let other = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(of(other), Err(AuthorityError::Unusable { number: 1, .. })));
        assert!(ExtraAuthorities::default().is_empty());
    }
}
