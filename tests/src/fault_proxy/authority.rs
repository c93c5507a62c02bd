//! A certificate authority that lives as long as a test, and the certificates that the proxy shows.

use std::net::Ipv4Addr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

/// An authority.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new one of this name, with a key of its own.
    ///
    /// # Panics
    /// Where the system has no randomness.
    #[must_use]
    pub fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are no wrong names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("the system has randomness");
        Authority {
            issuer: CertifiedIssuer::self_signed(params, key).expect("a fresh key signs"),
        }
    }

    /// Its own certificate.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// What a server shows that has a certificate of this authority.
    fn server(&self, name: &str, validity: Validity) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("an address or a name");
        if validity == Validity::Over {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().expect("the system has randomness");
        let certificate = params.signed_by(&key, &self.issuer).expect("a fresh key signs");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has every version")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .expect("key and certificate belong together");
        Arc::new(config)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Validity {
    Now,
    Over,
}

/// The certificates of a proxy on 127.0.0.1, one right and three wrong.
pub(super) struct Identities {
    pub(super) right: Arc<ServerConfig>,
    pub(super) untrusted: Arc<ServerConfig>,
    pub(super) others: Arc<ServerConfig>,
    pub(super) expired: Arc<ServerConfig>,
}

impl Identities {
    pub(super) fn new(authority: &Authority) -> Identities {
        let here = Ipv4Addr::LOCALHOST.to_string();
        Identities {
            right: authority.server(&here, Validity::Now),
            untrusted: Authority::new("an authority that nobody trusts").server(&here, Validity::Now),
            others: authority.server("exchange.example", Validity::Now),
            expired: authority.server(&here, Validity::Over),
        }
    }
}
