//! How an input is cut into parts: text first, so that a corpus can be read and written by hand.

/// The most lines of an input that are used: an input with more finds nothing that one with fewer does not.
const MOST_LINES: usize = 64;

/// The first line, where it is text, and everything behind it.
pub(crate) fn head(data: &[u8]) -> Option<(&str, &[u8])> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(&data[..end]).ok()?;
    Some((head, &data[end + 1..]))
}

/// The lines, without those that are empty.
pub(crate) fn lines(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    data.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .take(MOST_LINES)
}

/// The lines that are text.
pub(crate) fn text_lines(data: &[u8]) -> impl Iterator<Item = &str> {
    lines(data).filter_map(|line| std::str::from_utf8(line).ok())
}
