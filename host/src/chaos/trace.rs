//! What happened, as one number: two runs of a seed are the same run where it is the same.

use colibri_driver::{Effect, TransportEvent};
use colibri_model::MonoNs;

/// A number over everything that crosses the edge of the host, with its time.
#[derive(Debug, Clone)]
pub struct Trace {
    hash: u64,
    printed: Printing,
}

/// Whether lines are printed as they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Printing {
    /// No.
    Off,
    /// To standard error.
    On,
}

impl Trace {
    /// An empty trace.
    #[must_use]
    pub const fn new(printed: Printing) -> Trace {
        Trace {
            hash: 0xcbf2_9ce4_8422_2325,
            printed,
        }
    }

    /// The number.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.add(u64::from(*byte));
        }
    }

    const fn add(&mut self, word: u64) {
        // A multiplication carries upwards alone: the rotation brings the high bits down.
        self.hash = (self.hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(29);
    }

    /// Something that is told in words.
    pub fn line(&mut self, at: MonoNs, text: &str) {
        self.bytes(&at.0.to_le_bytes());
        self.bytes(text.as_bytes());
        if self.printed == Printing::On {
            use std::io::Write;
            // Nobody reads it any more: the run goes on.
            let _ = writeln!(std::io::stderr(), "{:>12.3} {text}", seconds(at));
        }
    }

    /// Something that the host does.
    pub fn effect(&mut self, at: MonoNs, effect: &Effect) {
        self.bytes(&at.0.to_le_bytes());
        match effect {
            Effect::Http(request) => {
                self.bytes(request.url.as_bytes());
                self.bytes(&request.body);
                self.shown(at, || {
                    let query = request.url.split("signature").next().unwrap_or_default();
                    format!("-> {:?} {} {query}", request.id, request.method)
                });
            }
            Effect::SendFrame(frame) => self.bytes(&frame.bytes),
            other => {
                let text = format!("{other:?}");
                self.bytes(text.as_bytes());
                self.shown(at, || format!("-> {text}"));
            }
        }
    }

    /// Something that reaches the host.
    pub fn event(&mut self, at: MonoNs, event: &TransportEvent) {
        self.bytes(&at.0.to_le_bytes());
        match event {
            TransportEvent::Frame { bytes, stream, .. } => {
                self.bytes(bytes.as_slice());
                if !bytes.as_slice().starts_with(b"{\"stream\"") {
                    self.shown(at, || {
                        format!("<- {stream:?} {}", String::from_utf8_lossy(bytes.as_slice()))
                    });
                }
            }
            TransportEvent::Http { request, result } => {
                if let Ok(answer) = result {
                    self.bytes(&answer.body);
                }
                self.shown(at, || match result {
                    Ok(answer) => {
                        let body: String = String::from_utf8_lossy(&answer.body).chars().take(600).collect();
                        format!("<- {request:?} {} {body}", answer.status)
                    }
                    Err(failure) => format!("<- {request:?} {failure}"),
                });
            }
            other => {
                let text = format!("{other:?}");
                self.bytes(text.as_bytes());
                self.shown(at, || format!("<- {text}"));
            }
        }
    }

    fn shown(&self, at: MonoNs, text: impl FnOnce() -> String) {
        if self.printed == Printing::On {
            use std::io::Write;
            // Nobody reads it any more: the run goes on.
            let _ = writeln!(std::io::stderr(), "{:>12.3} {}", seconds(at), text());
        }
    }
}

fn seconds(at: MonoNs) -> f64 {
    // For people alone.
    at.0 as f64 / 1e9
}
