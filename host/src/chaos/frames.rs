//! Frames that the exchange sends: what becomes of them on their way.

use colibri_driver::simulated_transport::Answers;
use colibri_driver::{FrameKind, TransportEvent};
use colibri_model::{Millis, MonoNs};
use colibri_sim::binance::Outgoing;
use colibri_sim::identity::ConnectionId;

use super::fault::{Fault, Place};
use super::spoil;
use super::world::FaultyExchange;

impl FaultyExchange {
    /// What the exchange has sent on its streams goes out, faults applied.
    pub(super) fn deliver(&mut self, at: MonoNs, answers: &mut Answers) {
        for (id, outgoing) in self.venue.drain() {
            let Some(wire) = self.wires.get(&id) else { continue };
            let (driver, stream, silent) = (wire.driver, wire.stream, wire.silent);
            match outgoing {
                Outgoing::Close(code, reason) => {
                    let now = self.timestamp(at);
                    self.disconnect(id, now);
                    if !silent {
                        answers.closed(driver, stream, code.number(), reason);
                    }
                }
                _ if silent => {}
                Outgoing::Ping(payload) => {
                    let now = self.timestamp(at);
                    self.venue.ws_pong(id, &payload, now);
                    answers.send_after(Millis(0), driver, TransportEvent::Pinged { stream });
                }
                Outgoing::Text(text) => {
                    // What answers an order over the stream says so as an answer over HTTP does.
                    if text.contains("\"status\":429") || text.contains("\"status\":418") {
                        self.limits_exceeded.push(format!("a frame: {text}"));
                    }
                    // A fault of a frame waits for the user stream half of the time: it is the rarer one.
                    let fault = if text.starts_with("{\"stream\"") && self.random.below(200) > 0 {
                        None
                    } else {
                        self.armed_for(Place::Frame)
                    };
                    self.frame(at, id, text, fault, answers);
                }
            }
        }
    }

    /// Remembers which order a frame of the host's places or cancels, as of a request: a replica may not know of that yet.
    pub(super) fn note_written(&mut self, text: &str, at: MonoNs) {
        for name in ["\"newClientOrderId\":\"", "\"origClientOrderId\":\""] {
            let named = text.split_once(name).and_then(|(_, rest)| rest.split_once('"'));
            if let Some((id, _)) = named {
                self.written.insert(id.to_owned(), at);
            }
        }
    }

    fn frame(&mut self, at: MonoNs, id: ConnectionId, text: String, fault: Option<Fault>, answers: &mut Answers) {
        let now = self.timestamp(at);
        let Some(wire) = self.wires.get_mut(&id) else { return };
        let (driver, stream) = (wire.driver, wire.stream);
        let overtaken = wire.held.take();
        let crossed = (fault == Some(Fault::BookCrossed)).then(|| spoil::crossed(&text));
        if let Some(None) = crossed {
            // Waits for a depth update with an ask.
            self.armed.push_back(Fault::BookCrossed);
        } else if let Some(fault) = fault {
            *self.struck.entry(fault).or_default() += 1;
        }
        match fault {
            None => answers.text(driver, stream, text),
            Some(Fault::FrameDropped) => {}
            Some(Fault::FrameDuplicated) => {
                answers.text(driver, stream, text.clone());
                answers.text(driver, stream, text);
            }
            Some(Fault::FrameReordered) => wire.held = Some(text),
            Some(Fault::FrameMalformed) => {
                let cut = spoil::cut(&text, &mut self.random);
                answers.text(driver, stream, cut);
            }
            Some(Fault::FrameUnknownFields) => answers.text(driver, stream, spoil::with_unknown_members(&text)),
            Some(Fault::FrameUnknownKind) => {
                answers.text(driver, stream, spoil::unknown_event(&text));
                answers.text(driver, stream, text);
            }
            Some(Fault::FrameUnknownValue) => answers.text(driver, stream, spoil::with_unknown_values(&text)),
            Some(Fault::BookCrossed) => answers.text(driver, stream, crossed.flatten().unwrap_or(text)),
            Some(Fault::StreamLagging) => {
                let wait = Millis(1_000 + self.random.below(15_000));
                let event = TransportEvent::Frame {
                    stream,
                    kind: FrameKind::Text,
                    bytes: text.into_bytes().into(),
                };
                answers.send_after(wait, driver, event);
            }
            Some(Fault::StreamHalfOpen) => wire.silent = true,
            Some(Fault::StreamClosed) => {
                self.disconnect(id, now);
                let code = [1000, 1001, 1008, 1011][usize::try_from(self.random.below(4)).unwrap_or(0)];
                answers.closed(driver, stream, code, "closed");
            }
            Some(_) => {
                self.disconnect(id, now);
                answers.closed(driver, stream, 0, "connection reset");
            }
        }
        if let Some(text) = overtaken {
            answers.text(driver, stream, text);
        }
    }
}
