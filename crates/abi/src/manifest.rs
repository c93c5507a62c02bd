//! The manifest inside a library file: TOML text in a section of its own, readable without opening (and so running) the
//! library.

/// The section that holds the manifest (ELF; the same name, cut to eight characters, on other systems).
pub const MANIFEST_SECTION: &str = ".colibri";
/// What the section begins with; a little-endian `u32` length and the text follow.
pub const MANIFEST_MAGIC: [u8; 8] = *b"COLIBRI1";

/// Lays magic, length and text into the bytes of the section. `N` is [`MANIFEST_MAGIC`] + 4 + the text's length.
///
/// # Panics
/// At compile time, where `N` does not fit the text.
#[must_use]
pub const fn embed<const N: usize>(text: &str) -> [u8; N] {
    assert!(N == text.len() + 12, "N is the text's length and twelve bytes of head");
    let mut out = [0u8; N];
    let mut at = 0;
    while at < 8 {
        out[at] = MANIFEST_MAGIC[at];
        at += 1;
    }
    let len = (text.len() as u32).to_le_bytes();
    while at < 12 {
        out[at] = len[at - 8];
        at += 1;
    }
    let bytes = text.as_bytes();
    while at < N {
        out[at] = bytes[at - 12];
        at += 1;
    }
    out
}

/// The manifest text of a section's bytes, or what is wrong with them.
///
/// # Errors
/// A sentence fragment that names the defect: too short, wrong magic, length beyond the section, or not UTF-8.
pub fn parse_section(section: &[u8]) -> Result<&str, &'static str> {
    let Some((head, rest)) = section.split_at_checked(12) else {
        return Err("its manifest section is shorter than its head");
    };
    if head[..8] != MANIFEST_MAGIC {
        return Err("its manifest section does not begin with COLIBRI1");
    }
    let len = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
    let text = rest.get(..len).ok_or("its manifest's length goes beyond the section")?;
    std::str::from_utf8(text).map_err(|_| "its manifest is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::{embed, parse_section};

    #[test]
    fn what_is_embedded_is_read_back() {
        const TEXT: &str = "[library]\nname = \"x\"\n";
        let section: [u8; TEXT.len() + 12] = embed(TEXT);
        assert_eq!(parse_section(&section), Ok(TEXT));
    }

    #[test]
    fn a_damaged_section_names_its_defect() {
        assert!(parse_section(b"COLI").is_err());
        assert!(parse_section(b"COLIBRI2\x00\x00\x00\x00").is_err());
        assert!(parse_section(b"COLIBRI1\xff\x00\x00\x00ab").is_err());
        assert!(parse_section(b"COLIBRI1\x01\x00\x00\x00\xff").is_err());
    }
}
