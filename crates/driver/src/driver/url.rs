//! URLs, read as strictly as a check needs: what two readers could read differently is refused.

/// The parts of a URL that say where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UrlParts<'a> {
    pub scheme: &'a str,
    pub host: &'a str,
    pub port: u16,
    pub path: &'a str,
}

/// Why a URL is refused.
pub(super) type UrlProblem = &'static str;

impl<'a> UrlParts<'a> {
    /// Splits `scheme://host[:port][/path][?query]`.
    pub(super) fn parse(url: &'a str) -> Result<UrlParts<'a>, UrlProblem> {
        if url.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'\\' || b == b'#') {
            return Err("it holds a space, a control character, a backslash or a fragment");
        }
        let (scheme, rest) = url.split_once("://").ok_or("it has no scheme")?;
        let default_port = match scheme {
            "https" | "wss" => 443,
            "http" | "ws" => 80,
            _ => return Err("its scheme is none of https, http, wss, ws"),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        if authority.contains('@') {
            return Err("it names a user");
        }
        let (host, port) = if let Some(v6) = authority.strip_prefix('[') {
            let (host, after) = v6.split_once(']').ok_or("its IPv6 address is not closed")?;
            (host, after.strip_prefix(':').or(after.is_empty().then_some("")))
        } else {
            match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, Some("")),
            }
        };
        let port = match port.ok_or("its port is malformed")? {
            "" => default_port,
            text => text.parse().map_err(|_| "its port is not a number")?,
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
        if host.is_empty() || !host.bytes().all(plain) {
            return Err("its host is empty or not plain ASCII");
        }
        let path = rest.split('?').next().unwrap_or("");
        if path.split('/').any(is_dots) {
            return Err("its path has a dot segment");
        }
        Ok(UrlParts {
            scheme,
            host,
            port,
            path,
        })
    }

    /// Whether bytes on the wire are encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.scheme, "https" | "wss")
    }
}

/// Whether a segment means "here" or "above", however it is written.
fn is_dots(segment: &str) -> bool {
    let plain = segment.replace("%2e", ".").replace("%2E", ".");
    plain == "." || plain == ".."
}

/// Whether a host matches a pattern: exact, or `*.` and any name below.
pub(super) fn host_matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(suffix) => host
            .len()
            .checked_sub(suffix.len() + 1)
            .is_some_and(|at| at > 0 && host[at..].starts_with('.') && host[at + 1..].eq_ignore_ascii_case(suffix)),
        None => pattern.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_url_is_split() {
        let parts = UrlParts::parse("wss://stream.example.com:9443/ws/btcusdt@depth?x=/y").unwrap();
        assert_eq!(
            (parts.scheme, parts.host, parts.port, parts.path),
            ("wss", "stream.example.com", 9443, "/ws/btcusdt@depth")
        );
        assert_eq!(UrlParts::parse("http://[::1]:80").unwrap().host, "::1");
        assert_eq!(UrlParts::parse("https://a.b?x").unwrap().path, "");
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for bad in [
            "https://api.example.com@evil.com/",
            "https://api.example.com\\@evil.com/",
            "https://api.example.com/a/../withdraw",
            "https://api.example.com/a/%2e%2E/withdraw",
            "https://api.example.com/./withdraw",
            "https://api.example.com/a\t/b",
            "https://api.example.com/#x",
            "file:///etc/passwd",
            "https:///x",
            "https://a:b/x",
            "api.example.com/x",
        ] {
            assert!(UrlParts::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wildcard_matches_names_below_only() {
        assert!(host_matches("*.example.com", "ws-1.example.com"));
        assert!(!host_matches("*.example.com", "example.com"));
        assert!(!host_matches("*.example.com", ".example.com"));
        assert!(!host_matches("*.example.com", "badexample.com"));
        assert!(host_matches("A.example.com", "a.example.com"));
    }
}
