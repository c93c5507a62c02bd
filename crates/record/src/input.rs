//! An input of a desk as bytes, and as it comes back.

use colibri_desk::{DeskInput, Operator};
use colibri_driver::bulk_lane::BulkReport;
use colibri_driver::{
    DriverIndex, FrameBytes, FrameId, FrameKind, HostTime, HttpFailure, HttpResponse, Input, LogLevel, RequestId,
    StreamId, TransportEvent,
};
use colibri_engine::VenueIndex;
use colibri_model::OpId;
use colibri_standard::Event;

use crate::bytes::{Bytes, Unreadable, put_bytes, put_json, put_number, put_text};
use crate::entry::{INPUTS, LastTime};

const START: u8 = INPUTS;
const TURN: u8 = INPUTS + 1;
const STOP: u8 = INPUTS + 2;
const RESUME: u8 = INPUTS + 3;
const MADE: u8 = INPUTS + 4;
const NOT_MADE: u8 = INPUTS + 5;
const BULK_EVENT: u8 = INPUTS + 6;
const BULK_COMPLETED: u8 = INPUTS + 7;
const BULK_LOG: u8 = INPUTS + 8;
const HTTP: u8 = INPUTS + 9;
const HTTP_FAILED: u8 = INPUTS + 10;
const STREAM_OPENED: u8 = INPUTS + 11;
const TEXT_FRAME: u8 = INPUTS + 12;
const BINARY_FRAME: u8 = INPUTS + 13;
const PING_FRAME: u8 = INPUTS + 14;
const PINGED: u8 = INPUTS + 15;
const FRAME_REFUSED: u8 = INPUTS + 16;
const STREAM_CLOSED: u8 = INPUTS + 17;
const KILL: u8 = INPUTS + 18;
const BULK_REST: u8 = INPUTS + 19;

/// An input that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordedInput {
    /// See [`DeskInput::Start`].
    Start,
    /// See [`DeskInput::Turn`].
    Turn,
    /// See [`DeskInput::Operator`].
    Operator(Operator),
    /// See [`DeskInput::Made`]: whether there was a connector, not the connector.
    Made {
        /// For which venue.
        venue: VenueIndex,
        /// Why there was none.
        failure: Option<String>,
    },
    /// See [`DeskInput::Bulk`].
    Bulk {
        /// Whose lane.
        venue: VenueIndex,
        /// What.
        report: BulkReport,
    },
    /// See [`DeskInput::Driver`].
    Driver {
        /// Whose transport.
        driver: DriverIndex,
        /// What.
        event: TransportEvent,
    },
}

/// Writes an input down. What no transport tells (commands and orders are a desk's own doing) is not an input of a desk: it
/// is left out, and the replay would tell.
pub(crate) fn put(out: &mut Vec<u8>, last: &mut LastTime, time: HostTime, input: &DeskInput<'_>) {
    let mut begin = |out: &mut Vec<u8>, tag: u8| {
        out.push(tag);
        last.put(out, time);
    };
    match input {
        DeskInput::Start => begin(out, START),
        DeskInput::Turn => begin(out, TURN),
        DeskInput::Operator(Operator::Stop(reason)) => {
            begin(out, STOP);
            put_text(out, reason);
        }
        DeskInput::Operator(Operator::Kill(reason)) => {
            begin(out, KILL);
            put_text(out, reason);
        }
        DeskInput::Operator(Operator::Resume) => begin(out, RESUME),
        DeskInput::Made { venue, connector } => {
            let failure = connector.as_ref().err().map(String::as_str);
            put_made(out, begin, *venue, failure);
        }
        DeskInput::Bulk { venue, report } => put_report(out, begin, *venue, report),
        DeskInput::Driver { driver, input } => put_driver(out, begin, *driver, input),
    }
}

fn put_made(out: &mut Vec<u8>, mut begin: impl FnMut(&mut Vec<u8>, u8), venue: VenueIndex, failure: Option<&str>) {
    begin(out, if failure.is_none() { MADE } else { NOT_MADE });
    put_number(out, venue.0 as u64);
    if let Some(why) = failure {
        put_text(out, why);
    }
}

fn put_report(out: &mut Vec<u8>, mut begin: impl FnMut(&mut Vec<u8>, u8), venue: VenueIndex, report: &BulkReport) {
    begin(
        out,
        match report {
            BulkReport::Event(_) => BULK_EVENT,
            BulkReport::Completed(..) => BULK_COMPLETED,
            BulkReport::Rest(_) => BULK_REST,
            BulkReport::Log(..) => BULK_LOG,
        },
    );
    put_number(out, venue.0 as u64);
    match report {
        BulkReport::Event(event) => {
            put_text(out, event.kind());
            put_bytes(out, &event.to_json());
        }
        BulkReport::Completed(op, outcome) => {
            put_number(out, op.0);
            put_json(out, outcome);
        }
        BulkReport::Rest(rest) => put_json(out, rest),
        BulkReport::Log(level, text) => {
            out.push(level_number(*level));
            put_text(out, text);
        }
    }
}

fn put_driver(out: &mut Vec<u8>, mut begin: impl FnMut(&mut Vec<u8>, u8), driver: DriverIndex, input: &Input<'_>) {
    let tag = match input {
        Input::Http { result: Ok(_), .. } => HTTP,
        Input::Http { .. } => HTTP_FAILED,
        Input::StreamOpened { .. } => STREAM_OPENED,
        Input::Frame { kind, .. } => match kind {
            FrameKind::Text => TEXT_FRAME,
            FrameKind::Binary => BINARY_FRAME,
            FrameKind::Ping => PING_FRAME,
        },
        Input::Pinged { .. } => PINGED,
        Input::FrameRefused { .. } => FRAME_REFUSED,
        Input::StreamClosed { .. } => STREAM_CLOSED,
        Input::Command { .. } | Input::RawCommand { .. } | Input::Orders(_) | Input::Wake => return,
    };
    begin(out, tag);
    put_number(out, driver.0 as u64);
    match input {
        Input::Http { request, result } => {
            put_number(out, request.0);
            match result {
                Ok(answer) => {
                    put_number(out, answer.status.into());
                    put_number(out, answer.headers.len() as u64);
                    for (name, value) in &answer.headers {
                        put_text(out, name);
                        put_text(out, value);
                    }
                    put_bytes(out, &answer.body);
                }
                Err(HttpFailure::NotSent(why)) => {
                    out.push(0);
                    put_text(out, why);
                }
                Err(HttpFailure::Unknown(why)) => {
                    out.push(1);
                    put_text(out, why);
                }
                Err(HttpFailure::TooLarge { limit }) => {
                    out.push(2);
                    put_number(out, *limit);
                }
            }
        }
        Input::StreamOpened { stream } | Input::Pinged { stream } => put_number(out, stream.0),
        Input::Frame { stream, bytes, .. } => {
            put_number(out, stream.0);
            put_bytes(out, bytes);
        }
        Input::FrameRefused { stream, frame, reason } => {
            put_number(out, stream.0);
            put_number(out, frame.0);
            put_text(out, reason);
        }
        Input::StreamClosed { stream, code, reason } => {
            put_number(out, stream.0);
            put_number(out, (*code).into());
            put_text(out, reason);
        }
        Input::Command { .. } | Input::RawCommand { .. } | Input::Orders(_) | Input::Wake => {}
    }
}

const LEVELS: [LogLevel; 4] = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug];

fn level_number(level: LogLevel) -> u8 {
    LEVELS.iter().position(|l| *l == level).map_or(3, |at| at as u8)
}

fn sixteen(bytes: &mut Bytes<'_>) -> Result<u16, Unreadable> {
    u16::try_from(bytes.number()?).map_err(|_| Unreadable::new("a code is above 65535"))
}

impl RecordedInput {
    /// As what a desk is given it. `None` for [`RecordedInput::Made`]: who replays it has to make the connector.
    #[must_use]
    pub fn as_input(&self) -> Option<DeskInput<'_>> {
        Some(match self {
            RecordedInput::Start => DeskInput::Start,
            RecordedInput::Turn => DeskInput::Turn,
            RecordedInput::Operator(wish) => DeskInput::Operator(wish),
            RecordedInput::Made { .. } => return None,
            RecordedInput::Bulk { venue, report } => DeskInput::Bulk {
                venue: *venue,
                report: report.clone(),
            },
            RecordedInput::Driver { driver, event } => DeskInput::Driver {
                driver: *driver,
                input: event.as_input(),
            },
        })
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>, last: &mut LastTime, time: HostTime) {
        if let Some(input) = self.as_input() {
            return put(out, last, time, &input);
        }
        if let RecordedInput::Made { venue, failure } = self {
            let begin = |out: &mut Vec<u8>, tag: u8| {
                out.push(tag);
                last.put(out, time);
            };
            put_made(out, begin, *venue, failure.as_deref());
        }
    }

    pub(crate) fn read(tag: u8, bytes: &mut Bytes<'_>) -> Result<RecordedInput, Unreadable> {
        Ok(match tag {
            START => RecordedInput::Start,
            TURN => RecordedInput::Turn,
            STOP => RecordedInput::Operator(Operator::Stop(bytes.text()?)),
            KILL => RecordedInput::Operator(Operator::Kill(bytes.text()?)),
            RESUME => RecordedInput::Operator(Operator::Resume),
            MADE => RecordedInput::Made {
                venue: VenueIndex(bytes.index()?),
                failure: None,
            },
            NOT_MADE => RecordedInput::Made {
                venue: VenueIndex(bytes.index()?),
                failure: Some(bytes.text()?),
            },
            BULK_EVENT | BULK_COMPLETED | BULK_REST | BULK_LOG => RecordedInput::Bulk {
                venue: VenueIndex(bytes.index()?),
                report: read_report(tag, bytes)?,
            },
            _ => RecordedInput::Driver {
                driver: DriverIndex(bytes.index()?),
                event: read_event(tag, bytes)?,
            },
        })
    }
}

fn read_report(tag: u8, bytes: &mut Bytes<'_>) -> Result<BulkReport, Unreadable> {
    Ok(match tag {
        BULK_EVENT => {
            let kind = bytes.text()?;
            let event = Event::parse(&kind, bytes.bytes()?).map_err(|e| Unreadable::new(e.to_string()))?;
            let event = event.ok_or_else(|| Unreadable::new(format!("no event is called {kind:?}")))?;
            BulkReport::Event(Box::new(event))
        }
        BULK_COMPLETED => BulkReport::Completed(OpId(bytes.number()?), bytes.json()?),
        BULK_REST => BulkReport::Rest(bytes.json()?),
        _ => {
            let level = usize::from(bytes.byte()?);
            let level = *LEVELS.get(level).ok_or_else(|| Unreadable::new("no such level"))?;
            BulkReport::Log(level, bytes.text()?)
        }
    })
}

fn read_event(tag: u8, bytes: &mut Bytes<'_>) -> Result<TransportEvent, Unreadable> {
    Ok(match tag {
        HTTP => {
            let request = RequestId(bytes.number()?);
            let status = sixteen(bytes)?;
            let mut headers = Vec::new();
            for _ in 0..bytes.number()? {
                headers.push((bytes.text()?, bytes.text()?));
            }
            let body = bytes.bytes()?.to_vec();
            let result = Ok(HttpResponse { status, headers, body });
            TransportEvent::Http { request, result }
        }
        HTTP_FAILED => {
            let request = RequestId(bytes.number()?);
            let failure = match bytes.byte()? {
                0 => HttpFailure::NotSent(bytes.text()?),
                1 => HttpFailure::Unknown(bytes.text()?),
                2 => HttpFailure::TooLarge { limit: bytes.number()? },
                other => return Err(Unreadable::new(format!("no failure has the number {other}"))),
            };
            TransportEvent::Http {
                request,
                result: Err(failure),
            }
        }
        STREAM_OPENED => TransportEvent::StreamOpened {
            stream: StreamId(bytes.number()?),
        },
        TEXT_FRAME | BINARY_FRAME | PING_FRAME => TransportEvent::Frame {
            stream: StreamId(bytes.number()?),
            kind: match tag {
                TEXT_FRAME => FrameKind::Text,
                BINARY_FRAME => FrameKind::Binary,
                _ => FrameKind::Ping,
            },
            bytes: FrameBytes::from(bytes.bytes()?.to_vec()),
        },
        PINGED => TransportEvent::Pinged {
            stream: StreamId(bytes.number()?),
        },
        FRAME_REFUSED => TransportEvent::FrameRefused {
            stream: StreamId(bytes.number()?),
            frame: FrameId(bytes.number()?),
            reason: bytes.text()?,
        },
        STREAM_CLOSED => TransportEvent::StreamClosed {
            stream: StreamId(bytes.number()?),
            code: sixteen(bytes)?,
            reason: bytes.text()?,
        },
        _ => return Err(Unreadable::new(format!("no input has the tag {tag}"))),
    })
}
