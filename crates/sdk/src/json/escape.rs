//! The characters that a string's escapes stand for.

/// A string's text, from what stands between its quotes. `None` for a surrogate without its other half, and for bytes that
/// are not UTF-8. The form of every escape must have been checked.
pub(super) fn decode(inner: &[u8]) -> Option<String> {
    let mut text = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.iter().position(|&b| b == b'\\') {
        text.extend_from_slice(&rest[..at]);
        let (&escape, after) = rest.get(at + 1..)?.split_first()?;
        rest = after;
        let character = match escape {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let (character, after) = unicode(rest)?;
                rest = after;
                character
            }
            quoted => char::from(quoted),
        };
        text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    text.extend_from_slice(rest);
    String::from_utf8(text).ok()
}

/// The character of a unicode escape after its `\u`, and what follows. Characters beyond the first plane are two escapes.
fn unicode(bytes: &[u8]) -> Option<(char, &[u8])> {
    let (first, after_first) = code_unit(bytes)?;
    let second = after_first.strip_prefix(b"\\u").and_then(code_unit);
    let units = [first, second.map_or(0, |(unit, _)| unit)];
    let character = char::decode_utf16(units).next()?.ok()?;
    match second {
        Some((_, after_second)) if character.len_utf16() == 2 => Some((character, after_second)),
        _ => Some((character, after_first)),
    }
}

/// Four hexadecimal digits, and what follows.
fn code_unit(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(4)?;
    let digits = std::str::from_utf8(digits).ok()?;
    Some((u16::from_str_radix(digits, 16).ok()?, rest))
}
