//! Finding what is to be replaced.

use std::ops::Range;

use colibri_driver::TransportEvent;
use colibri_record::{Entry, RecordedInput, RunSetup};

use super::sensitive::{is_header, is_member};
use super::stand_in::StandIns;

/// The longest name of a member that is looked at.
const NAME: usize = 32;

/// Gives everything that an entry holds and that is to be replaced a stand-in.
pub fn find(entry: &Entry, found: &mut StandIns) {
    match entry {
        Entry::Setup(setup) => in_setup(setup, found),
        Entry::Input { input, .. } => {
            if let RecordedInput::Driver { event, .. } = &**input {
                in_headers(event, found);
            }
            let bytes = entry.to_bytes();
            for value in members(&bytes) {
                found.add(&bytes[value]);
            }
        }
        Entry::Gathered(_) | Entry::Snapshot(_) => {
            let bytes = entry.to_bytes();
            for value in members(&bytes) {
                found.add(&bytes[value]);
            }
        }
        Entry::Journaled(_) | Entry::JournalRefused { .. } | Entry::Mark(_) | Entry::Status(_) => {}
    }
}

/// The public part of credentials, and who somebody is to a proxy.
fn in_setup(setup: &RunSetup, found: &mut StandIns) {
    for venue in &setup.venues {
        for value in venue.public_credentials.values() {
            found.add(value.as_bytes());
        }
    }
    let text = Entry::Setup(Box::new(setup.clone())).to_bytes();
    for after in positions(&text, b"://") {
        let authority = &text[after + 3..];
        let end = authority
            .iter()
            .position(|b| matches!(b, b'/' | b'"' | b'\\' | b' ' | b'\n'));
        let authority = &authority[..end.unwrap_or(authority.len())];
        if let Some(at) = authority.iter().rposition(|b| *b == b'@') {
            // As a whole too: a part may be too short to be replaced by itself.
            found.add(&authority[..at]);
            for part in authority[..at].split(|b| *b == b':') {
                found.add(part);
            }
        }
    }
}

fn positions<'a>(bytes: &'a [u8], wanted: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let windows = bytes.windows(wanted.len()).enumerate();
    windows.filter(move |(_, window)| *window == wanted).map(|(at, _)| at)
}

fn in_headers(event: &TransportEvent, found: &mut StandIns) {
    let TransportEvent::Http { result: Ok(answer), .. } = event else {
        return;
    };
    for (name, value) in answer.headers.iter().filter(|(name, _)| is_header(name)) {
        found.add(value.as_bytes());
        // A cookie comes as `name=value; attributes` and goes back without them.
        let first = value.split(';').next().unwrap_or_default();
        if name.contains("cookie")
            && let Some((_, value)) = first.split_once('=')
        {
            found.add(value.as_bytes());
        }
    }
}

/// Where the values of members stand that are to be replaced. The bytes need not be JSON alone: whatever reads as a quoted
/// name, a colon and a value counts, within a text of JSON (its quotes escaped) as well.
pub fn members(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let quotes = bytes.iter().enumerate().filter(|(_, b)| **b == b'"');
    quotes.filter_map(|(at, _)| {
        let (name, after) = name(bytes, at + 1)?;
        let value = value(bytes, after)?;
        is_member(name, &bytes[value.clone()]).then_some(value)
    })
}

/// The name that begins here, and where what follows its colon begins.
fn name(bytes: &[u8], from: usize) -> Option<(&str, usize)> {
    let rest = &bytes[from..];
    let length = rest
        .iter()
        .take(NAME)
        .position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')))?;
    let name = std::str::from_utf8(&rest[..length]).ok()?;
    let mut at = from + length;
    if bytes.get(at) == Some(&b'\\') {
        at += 1;
    }
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let at = skip_space(bytes, at + 1);
    (bytes.get(at) == Some(&b':')).then(|| (name, skip_space(bytes, at + 1)))
}

fn skip_space(bytes: &[u8], from: usize) -> usize {
    let space = bytes[from..].iter().take_while(|b| b.is_ascii_whitespace());
    from + space.count()
}

/// A text, without its quotes, or a number.
fn value(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let escaped = usize::from(bytes.get(from) == Some(&b'\\'));
    if bytes.get(from + escaped) == Some(&b'"') {
        let begin = from + escaped + 1;
        let length = bytes[begin..].iter().position(|b| *b == b'"')?;
        return Some(begin..begin + length.checked_sub(escaped)?);
    }
    let digits = bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    (digits > 0).then_some(from..from + digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        members(text.as_bytes()).map(|value| &text[value]).collect()
    }

    #[test]
    fn who_somebody_is_to_a_proxy_is_found() {
        let setup = RunSetup {
            host_version: String::new(),
            bot_file: "proxy = \"http://bob:pw12@proxy.example:8080\"\n".to_owned(),
            engine_seed: 1,
            venues: Vec::new(),
        };
        let entry = Entry::Setup(Box::new(setup));
        let mut stand_ins = StandIns::default();
        find(&entry, &mut stand_ins);
        let mut bytes = entry.to_bytes();
        stand_ins.replace(&mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("bob") && !text.contains("pw12"), "{text}");
        assert!(text.contains("@proxy.example:8080"), "{text}");
    }

    #[test]
    fn values_of_members_are_found_wherever_they_stand() {
        assert_eq!(found(r#"{"uid":354937868,"makerCommission":10}"#), ["354937868"]);
        assert_eq!(found(r#"{"a":[{"userId" : "u-1"}]}"#), ["u-1"]);
        let text = "\u{1}\"{\"e\":\"x\",\"listenKey\":\"pqia91ma19a5s61cv6a81va65\"}";
        assert_eq!(found(text), ["pqia91ma19a5s61cv6a81va65"]);
        assert_eq!(found(r#"{"msg":"{\"email\":\"a@b.c\"}"}"#), ["a@b.c"]);
        assert_eq!(found(r#"{"uid":null,"email":"","x":"uid"}"#), Vec::<&str>::new());
        assert_eq!(found(r#"{"uid"#), Vec::<&str>::new());
        assert_eq!(found(r#"{"uid":"#), Vec::<&str>::new());
        assert_eq!(found(r#"{"uid":"x"#), Vec::<&str>::new());
    }
}
