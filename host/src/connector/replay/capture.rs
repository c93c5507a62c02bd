//! Recorded captures: lines of a local time and what the exchange sent, gzip or not.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde_json::value::RawValue;

use crate::connector::drive::input::nanoseconds;

/// A capture that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line.
    #[error("{}: line {line}: {what}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Its number, from one.
        line: u64,
        /// What is wrong.
        what: String,
    },
}

/// What a line of a capture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recorded {
    /// A frame of the stream.
    Frame,
    /// An answer to the request for a book snapshot: it has a `lastUpdateId` and names no stream.
    Snapshot,
}

/// A line of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CaptureLine {
    /// When it was received, nanoseconds since 1970.
    pub local_ns: i64,
    /// What it is.
    pub recorded: Recorded,
    /// What the exchange sent.
    pub json: String,
}

/// The lines of a capture, one at a time.
pub struct Capture {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    line: u64,
    local_ns: i64,
    text: String,
}

impl Capture {
    /// Opens a capture.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(path: &Path) -> Result<Capture, CaptureError> {
        let unreadable = |source| CaptureError::Read {
            path: path.to_owned(),
            source,
        };
        let mut file = File::open(path).map_err(unreadable)?;
        let mut magic = [0; 2];
        let read = file.read(&mut magic).map_err(unreadable)?;
        file.rewind().map_err(unreadable)?;
        let reader: Box<dyn BufRead> = if read == 2 && magic == [0x1f, 0x8b] {
            Box::new(BufReader::new(MultiGzDecoder::new(BufReader::new(file))))
        } else {
            Box::new(BufReader::new(file))
        };
        Ok(Capture {
            path: path.to_owned(),
            reader,
            line: 0,
            local_ns: 0,
            text: String::new(),
        })
    }

    /// The next line that holds something.
    pub(super) fn next(&mut self) -> Result<Option<CaptureLine>, CaptureError> {
        loop {
            self.text.clear();
            let read = self
                .reader
                .read_line(&mut self.text)
                .map_err(|source| CaptureError::Read {
                    path: self.path.clone(),
                    source,
                })?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            let text = self.text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let line = split(text, self.local_ns).map_err(|what| CaptureError::Line {
                path: self.path.clone(),
                line: self.line,
                what,
            })?;
            self.local_ns = line.local_ns;
            return Ok(Some(line));
        }
    }
}

/// Splits `<time> <JSON>`; the time is that of the line before where there is none.
fn split(text: &str, before: i64) -> Result<CaptureLine, String> {
    let start = text.find(['{', '[']).ok_or("it holds no JSON")?;
    let (time, json) = text.split_at(start);
    let time = time.trim().trim_end_matches(':').trim_end();
    let local_ns = if time.is_empty() {
        before
    } else {
        local_time(time).ok_or_else(|| format!("{time:?} is no local time"))?
    };
    Ok(CaptureLine {
        local_ns,
        recorded: recorded(json)?,
        json: json.to_owned(),
    })
}

/// Nanoseconds of a time in seconds with a fraction, or in milli-, micro- or nanoseconds without one.
fn local_time(text: &str) -> Option<i64> {
    if let Some((seconds, fraction)) = text.split_once('.') {
        let seconds: i64 = seconds.parse().ok()?;
        let digits = fraction.get(..fraction.len().min(9))?;
        let nanos: i64 = format!("{digits:0<9}").parse().ok()?;
        return seconds.checked_mul(1_000_000_000)?.checked_add(nanos);
    }
    let number: i64 = text.parse().ok()?;
    // Ten digits are seconds: as milliseconds they would be in 1970.
    if text.len() <= 10 {
        return number.checked_mul(1_000_000_000);
    }
    Some(nanoseconds(number))
}

fn recorded(json: &str) -> Result<Recorded, String> {
    if json.starts_with('[') {
        return Ok(Recorded::Frame);
    }
    let fields: BTreeMap<&str, &RawValue> =
        serde_json::from_str(json).map_err(|e| format!("its JSON cannot be read: {e}"))?;
    Ok(
        if fields.contains_key("lastUpdateId") && !fields.contains_key("stream") {
            Recorded::Snapshot
        } else {
            Recorded::Frame
        },
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_of_every_unit() {
        for (text, ns) in [
            ("1723161253937085768", 1_723_161_253_937_085_768),
            ("1723161253937085", 1_723_161_253_937_085_000),
            ("1723161253937", 1_723_161_253_937_000_000),
            ("1723161253", 1_723_161_253_000_000_000),
            ("1723161253.9370857", 1_723_161_253_937_085_700),
        ] {
            assert_eq!(local_time(text), Some(ns), "{text}");
        }
        assert_eq!(local_time("noon"), None);
    }

    #[test]
    fn frames_and_snapshots_are_told_apart() {
        let line = |text| split(text, 7).unwrap();
        assert_eq!(
            line(r#"5000000000000000000 {"lastUpdateId":1}"#).recorded,
            Recorded::Snapshot
        );
        assert_eq!(
            line(r#"{"stream":"x","data":{"lastUpdateId":1}}"#).recorded,
            Recorded::Frame
        );
        let bare = line(r#"{"e":"trade"}"#);
        assert_eq!((bare.recorded, bare.local_ns), (Recorded::Frame, 7));
        assert_eq!(line(r#"1723161253.5: [1,2]"#).json, "[1,2]");
        assert!(split("nothing", 0).is_err() && split("1 {\"a\"", 0).is_err());
    }
}
