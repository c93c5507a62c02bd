//! What stands in for what is left out: as long, of the same kinds of characters, the same everywhere, and drawn without
//! looking at what it stands for. So a redacted run takes the same way through a connector.

use std::collections::{BTreeMap, BTreeSet};

use colibri_model::SplitMix64;

use super::find;

/// What is at least this long is replaced wherever it occurs, within other words as well.
const ANYWHERE: usize = 16;
/// What is at least this long is replaced wherever it stands alone. What is shorter is too likely to be something else: it is
/// replaced only as the value of its member.
const ALONE: usize = 6;
/// How often another stand-in is drawn where one is taken: a number of one digit has few.
const DRAWS: usize = 64;

/// Texts, and what stands in for them.
#[derive(Debug, Default)]
pub struct StandIns {
    of: BTreeMap<Vec<u8>, Vec<u8>>,
    given: BTreeSet<Vec<u8>>,
    /// The texts of at least [`ALONE`] bytes by their first bytes, the longest first.
    index: BTreeMap<[u8; ALONE], Vec<Vec<u8>>>,
}

impl StandIns {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Gives a text a stand-in, where it has none and has anything to replace.
    pub fn add(&mut self, text: &[u8]) {
        if self.of.contains_key(text) || self.given.contains(text) || !text.iter().any(u8::is_ascii_alphanumeric) {
            return;
        }
        let mut random = SplitMix64::new(self.of.len() as u64);
        let mut drawn = stand_in(text, &mut random);
        for _ in 0..DRAWS {
            if drawn != text && !self.given.contains(&drawn) {
                break;
            }
            drawn = stand_in(text, &mut random);
        }
        self.given.insert(drawn.clone());
        self.of.insert(text.to_vec(), drawn);
        if let Some(first) = text.first_chunk() {
            let texts = self.index.entry(*first).or_default();
            texts.push(text.to_vec());
            texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        }
    }

    /// What stands in for a text.
    pub fn of(&self, text: &[u8]) -> Option<&[u8]> {
        self.of.get(text).map(Vec::as_slice)
    }

    /// Replaces every text wherever it occurs, or stands alone.
    pub fn replace(&self, bytes: &mut [u8]) {
        let mut begins = vec![false; 1 << 16];
        for first in self.index.keys() {
            begins[usize::from(u16::from_be_bytes([first[0], first[1]]))] = true;
        }
        let mut at = 0;
        while at + ALONE <= bytes.len() {
            let pair = usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
            match begins[pair].then(|| self.at(bytes, at)).flatten() {
                Some(drawn) => {
                    bytes[at..at + drawn.len()].copy_from_slice(drawn);
                    at += drawn.len();
                }
                None => at += 1,
            }
        }
    }

    /// What stands in for the text that begins here.
    fn at(&self, bytes: &[u8], at: usize) -> Option<&[u8]> {
        let first: &[u8; ALONE] = bytes[at..].first_chunk()?;
        let text = self.index.get(first)?.iter().find(|text| {
            let end = at + text.len();
            let alone = |neighbour: Option<&u8>| !neighbour.is_some_and(u8::is_ascii_alphanumeric);
            let before = at.checked_sub(1).and_then(|before| bytes.get(before));
            bytes[at..].starts_with(text) && (text.len() >= ANYWHERE || alone(before) && alone(bytes.get(end)))
        })?;
        self.of(text)
    }

    /// Replaces the values of members that are too short to be replaced wherever they occur.
    pub fn replace_short_members(&self, bytes: &mut [u8]) {
        let short: Vec<_> = find::members(bytes).filter(|value| value.len() < ALONE).collect();
        for value in short {
            if let Some(drawn) = self.of(&bytes[value.clone()]) {
                bytes[value].copy_from_slice(drawn);
            }
        }
    }
}

/// Digits for digits, letters of the same case for letters (those of hexadecimal where it is that), all else as it is. A
/// number begins with a 1, so that it fits wherever the other did.
fn stand_in(text: &[u8], random: &mut SplitMix64) -> Vec<u8> {
    let number = text.iter().all(u8::is_ascii_digit);
    let hex = text.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-');
    let letters = if hex { 6 } else { 26 };
    let mut draw = |first: u8, count: u64| first + random.below(count) as u8;
    let drawn = text.iter().enumerate().map(|(at, byte)| match byte {
        b'0'..=b'9' if number && text.len() > 1 && at == 0 => b'1',
        b'0'..=b'9' if number && text.len() > 18 && at == 1 => b'0',
        b'0'..=b'9' if number && at == 0 => draw(b'1', 9),
        b'0'..=b'9' => draw(b'0', 10),
        b'a'..=b'z' => draw(b'a', letters),
        b'A'..=b'Z' => draw(b'A', letters),
        other => *other,
    });
    drawn.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn replaced(stand_ins: &StandIns, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        stand_ins.replace(&mut bytes);
        stand_ins.replace_short_members(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    fn of(texts: &[&str]) -> StandIns {
        let mut stand_ins = StandIns::default();
        for text in texts {
            stand_ins.add(text.as_bytes());
        }
        stand_ins
    }

    #[test]
    fn the_same_text_has_the_same_stand_in_everywhere() {
        let token = "pqia91ma19a5s61cv6a81va65sdf19v8";
        let stand_ins = of(&[token]);
        let drawn = std::str::from_utf8(stand_ins.of(token.as_bytes()).unwrap()).unwrap();
        assert_eq!(drawn.len(), token.len());
        assert_ne!(drawn, token);
        let text = format!("wss://x/{token}?a {token}");
        assert_eq!(replaced(&stand_ins, &text), format!("wss://x/{drawn}?a {drawn}"));
        assert_eq!(replaced(&stand_ins, &format!("ab{token}cd")), format!("ab{drawn}cd"));
    }

    #[test]
    fn a_short_text_is_replaced_where_it_stands_alone_and_a_shorter_one_in_its_member() {
        let stand_ins = of(&["3549378", "7"]);
        let text = r#"{"uid":3549378,"id":13549378,"price":"3549378.5","subUid":7,"q":7}"#;
        let drawn = String::from_utf8(stand_ins.of(b"3549378").unwrap().to_vec()).unwrap();
        let short = String::from_utf8(stand_ins.of(b"7").unwrap().to_vec()).unwrap();
        let wanted = format!(r#"{{"uid":{drawn},"id":13549378,"price":"{drawn}.5","subUid":{short},"q":7}}"#);
        assert_eq!(replaced(&stand_ins, text), wanted);
        assert!(short != "7" && short != "0");
    }

    #[test]
    fn a_stand_in_is_of_the_same_kind() {
        let stand_ins = of(&["12345678901234567890", "deadBEEF-00", "a@b.example"]);
        let number: u64 = String::from_utf8(stand_ins.of(b"12345678901234567890").unwrap().to_vec())
            .unwrap()
            .parse()
            .unwrap();
        assert!(number >= 10_000_000_000_000_000_000);
        let hex = stand_ins.of(b"deadBEEF-00").unwrap();
        assert!(hex[..8].iter().all(u8::is_ascii_hexdigit) && hex[8] == b'-');
        let mail = stand_ins.of(b"a@b.example").unwrap();
        assert!(mail[1] == b'@' && mail[3] == b'.');
        assert_eq!(of(&["", "--", "***"]).len(), 0);
    }
}
