//! Keys as a user stores them, and the placeholders that a connector writes where something signed goes.

use colibri_abi::{PreimagePart, Sign, transform};
use colibri_driver::signing::{Context, Credentials, Keyring, Placeholders, Secret};
use colibri_standard::KeyKind;

use crate::input::head;

/// What no message of a refusal may show.
const SECRET: &str = "a-secret-that-is-nowhere-else";

/// A stored key: `<scheme> <encoding> <key encoding> <kind>`, numbers of the boundary and the standard's name of a kind, and
/// the secret from the second line on.
///
/// # Panics
/// Where a key that can be read signs nothing.
pub fn signing_key(data: &[u8]) {
    let Some((head, secret)) = head(data) else { return };
    let mut words = head.split(' ');
    let mut number = || words.next()?.parse::<u32>().ok();
    let (Some(scheme), Some(encoding), Some(key_encoding)) = (number(), number(), number()) else {
        return;
    };
    let kind = words.next().map(|word| serde_json::from_value::<KeyKind>(word.into()));
    let Some(Ok(kind)) = kind else { return };
    let credentials = Credentials::none().with_secret("key", kind, Secret::new(secret.to_vec()));
    let mut keyring = Keyring::new(credentials);
    let preimage = [PreimagePart {
        transform: transform::NONE,
        reserved: 0,
        bytes: b"what is signed".as_slice().into(),
    }];
    let recipe = Sign {
        name: "signature".into(),
        slot: "key".into(),
        scheme,
        encoding,
        key_encoding,
        reserved: 0,
        preimage: preimage.as_slice().into(),
    };
    match keyring.resolve(&[recipe]) {
        Ok(placeholders) => {
            let filled = keyring.fill(&placeholders, Context::Header, b"${signature}");
            assert!(filled.is_ok_and(|text| !text.is_empty()), "a signature is a text");
        }
        Err(error) => assert!(!error.to_string().is_empty(), "a refusal says why"),
    }
}

/// A text with placeholders, as a connector emits it, filled in for each place where it can stand.
///
/// # Panics
/// Where a text without placeholders changes, or a refusal shows a secret.
pub fn placeholders(data: &[u8]) {
    let credentials = Credentials::none()
        .with_public("api_key", "KEY1")
        .with_secret("passphrase", KeyKind::Text, Secret::from_text(SECRET.to_owned()))
        .with_secret("secret", KeyKind::HmacSha256, Secret::from_text(SECRET.to_owned()));
    let keyring = Keyring::new(credentials);
    for context in [Context::Url, Context::Header, Context::Body, Context::Preimage] {
        match keyring.fill(&Placeholders::default(), context, data) {
            Ok(filled) => {
                let asked = data.windows(2).any(|pair| pair == b"${");
                assert!(asked || *filled == *data, "a text without placeholders was changed");
                let granted = data.windows(20).any(|part| part == b"${secret:passphrase}");
                let shown = filled.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
                assert!(
                    granted || !shown || contains_secret(data),
                    "a secret stands where none was asked for"
                );
            }
            Err(error) => {
                let told = format!("{error} {error:?}");
                assert!(!told.contains(SECRET) || contains_secret(data), "{told}");
            }
        }
    }
}

fn contains_secret(data: &[u8]) -> bool {
    data.windows(SECRET.len()).any(|part| part == SECRET.as_bytes())
}
