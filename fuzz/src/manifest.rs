//! The manifest of a library: the section of its file, and the text in it.

use colibri_abi::{MANIFEST_MAGIC, parse_section};
use colibri_standard::Manifest;

/// The bytes of a manifest's section, as the loader finds them in a file that nobody has checked yet.
///
/// # Panics
/// Where the text is not what the section holds behind its head.
pub fn manifest_section(data: &[u8]) {
    let Ok(text) = parse_section(data) else { return };
    let head = [&MANIFEST_MAGIC[..], &(text.len() as u32).to_le_bytes()[..]].concat();
    assert!(data.starts_with(&head), "the head is not that of the text");
    assert!(
        data[head.len()..].starts_with(text.as_bytes()),
        "the text is not the section's"
    );
    manifest(text.as_bytes());
}

/// The text of a manifest.
///
/// # Panics
/// Where a manifest that is accepted names something that it does not have, or is not the same after it was written and
/// read again.
pub fn manifest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let manifest = match Manifest::parse(text) {
        Ok(manifest) => manifest,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "a refusal says why");
            return;
        }
    };
    for connector in &manifest.connectors {
        assert_eq!(manifest.connector(&connector.name), Some(connector));
        for id in [&connector.orders.place, &connector.orders.cancel] {
            assert!(connector.endpoints.contains_key(id), "orders use {id:?}");
        }
        for endpoint in connector.endpoints.values() {
            assert!(
                endpoint
                    .costs
                    .iter()
                    .all(|cost| connector.pools.contains_key(&cost.pool))
            );
        }
    }
    let written = serde_json::to_string(&manifest).expect("a manifest holds nothing that JSON cannot say");
    let again: Manifest = serde_json::from_str(&written).expect("what was written is read");
    assert_eq!(again, manifest);
}
