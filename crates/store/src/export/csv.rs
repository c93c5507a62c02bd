//! Comma-separated values as RFC 4180 has them.

use std::io::{self, Write};

/// Writes a line. A field with a comma, a quote or a line break is quoted, its quotes doubled.
pub(super) fn line<'a>(to: &mut dyn Write, fields: impl Iterator<Item = Option<&'a str>>) -> io::Result<()> {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            to.write_all(b",")?;
        }
        let field = field.unwrap_or_default();
        if field.contains([',', '"', '\n', '\r']) {
            write!(to, "\"{}\"", field.replace('"', "\"\""))?;
        } else {
            to.write_all(field.as_bytes())?;
        }
    }
    to.write_all(b"\r\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::line;

    #[test]
    fn what_would_break_a_line_is_quoted() {
        let mut out = Vec::new();
        line(
            &mut out,
            [Some("plain"), None, Some("a,b"), Some("say \"no\""), Some("two\nlines")].into_iter(),
        )
        .unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "plain,,\"a,b\",\"say \"\"no\"\"\",\"two\nlines\"\r\n"
        );
    }
}
