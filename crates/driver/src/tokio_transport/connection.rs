//! One WebSocket, from its dial to its end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::task::noop_waker_ref;
use futures_util::{Sink, Stream};
use tokio_tungstenite::Connector;
use tokio_tungstenite::tungstenite::Error as WebSocketError;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::TransportOptions;
use super::dial::{DialFailure, Socket, dial};
use super::inflate::{MAX_INFLATED, inflate};
use crate::transport_event::FrameBytes;
use crate::{DriverIndex, FrameKind, Inflate, OutgoingFrame, StreamDial, StreamId, TransportEvent};

/// Whether bytes wait to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unwritten {
    Nothing,
    Something,
}

enum State {
    Dialing(Pin<Box<dyn Future<Output = Result<Socket, DialFailure>>>>),
    Open(Box<Socket>, Unwritten),
    Ended,
}

pub(super) struct Connection {
    driver: DriverIndex,
    id: StreamId,
    inflate: Inflate,
    state: State,
}

impl Connection {
    pub(super) fn dial(
        driver: DriverIndex,
        stream: StreamDial,
        options: &TransportOptions,
        tls: Option<Connector>,
    ) -> Connection {
        Connection {
            driver,
            id: stream.id,
            inflate: stream.inflate,
            state: State::Dialing(Box::pin(dial(stream, options.clone(), tls))),
        }
    }

    pub(super) fn is(&self, driver: DriverIndex, id: StreamId) -> bool {
        self.driver == driver && self.id == id
    }

    pub(super) const fn driver(&self) -> DriverIndex {
        self.driver
    }

    /// Writes a frame, as much of it as the socket takes now; the rest is written as it can.
    ///
    /// # Errors
    /// Why no byte of it was written.
    pub(super) fn send(&mut self, frame: &OutgoingFrame) -> Result<(), String> {
        let State::Open(socket, unwritten) = &mut self.state else {
            return Err("the stream is not open".to_owned());
        };
        let message = match frame.kind {
            FrameKind::Text => match String::from_utf8(frame.bytes.clone()) {
                Ok(text) => Message::text(text),
                Err(_) => return Err("a text frame must be UTF-8".to_owned()),
            },
            FrameKind::Binary => Message::binary(frame.bytes.clone()),
            FrameKind::Ping => Message::Ping(frame.bytes.clone().into()),
        };
        match Pin::new(&mut **socket).start_send(message) {
            Ok(()) => {}
            // Both come before anything of the message is taken. Any other error comes after, and the stream's end tells it.
            Err(WebSocketError::WriteBufferFull(_)) => return Err("too much waits to be written already".to_owned()),
            Err(WebSocketError::AlreadyClosed | WebSocketError::ConnectionClosed) => {
                return Err("the stream is closed".to_owned());
            }
            Err(_) => {}
        }
        *unwritten = Unwritten::Something;
        let mut context = Context::from_waker(noop_waker_ref());
        if Pin::new(&mut **socket).poll_flush(&mut context).is_ready() {
            *unwritten = Unwritten::Nothing;
        }
        Ok(())
    }

    /// Says goodbye and lets go.
    pub(super) fn close(&mut self, code: u16) {
        if let State::Open(socket, _) = &mut self.state {
            let frame = CloseFrame {
                code: code.into(),
                reason: "".into(),
            };
            let mut context = Context::from_waker(noop_waker_ref());
            // Whatever comes of it: the connection is dropped.
            let _ = Pin::new(&mut **socket).start_send(Message::Close(Some(frame)));
            let _ = Pin::new(&mut **socket).poll_flush(&mut context);
        }
        self.state = State::Ended;
    }

    fn closed(&mut self, code: u16, reason: impl Into<String>) -> Poll<TransportEvent> {
        self.state = State::Ended;
        Poll::Ready(TransportEvent::StreamClosed {
            stream: self.id,
            code,
            reason: reason.into(),
        })
    }

    /// The next thing that happens here. After `StreamClosed` nothing more does.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<TransportEvent> {
        loop {
            let message = match &mut self.state {
                State::Ended => return Poll::Pending,
                State::Dialing(dial) => match dial.as_mut().poll(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(socket)) => {
                        self.state = State::Open(Box::new(socket), Unwritten::Nothing);
                        return Poll::Ready(TransportEvent::StreamOpened { stream: self.id });
                    }
                    Poll::Ready(Err(DialFailure { code, reason })) => return self.closed(code, reason),
                },
                State::Open(socket, unwritten) => {
                    if *unwritten == Unwritten::Something {
                        match Pin::new(&mut **socket).poll_flush(context) {
                            Poll::Ready(Ok(())) => *unwritten = Unwritten::Nothing,
                            Poll::Ready(Err(error)) => return self.closed(0, error.to_string()),
                            Poll::Pending => {}
                        }
                    }
                    match Pin::new(&mut **socket).poll_next(context) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(None) => return self.closed(0, "the exchange closed the connection"),
                        Poll::Ready(Some(Err(error))) => return self.closed(0, error.to_string()),
                        Poll::Ready(Some(Ok(message))) => message,
                    }
                }
            };
            let stream = self.id;
            match message {
                Message::Text(text) => {
                    return Poll::Ready(TransportEvent::Frame {
                        stream,
                        kind: FrameKind::Text,
                        bytes: FrameBytes(text.into()),
                    });
                }
                Message::Binary(bytes) => {
                    let bytes = match self.inflate {
                        Inflate::None => FrameBytes(bytes),
                        how => match inflate(how, &bytes, MAX_INFLATED) {
                            Ok(inflated) => FrameBytes::from(inflated),
                            Err(reason) => return self.closed(1007, reason),
                        },
                    };
                    return Poll::Ready(TransportEvent::Frame {
                        stream,
                        kind: FrameKind::Binary,
                        bytes,
                    });
                }
                Message::Ping(_) => {
                    // The pong is queued by the library; it is written now and not with the next frame.
                    if let State::Open(socket, unwritten) = &mut self.state {
                        *unwritten = match Pin::new(&mut **socket).poll_flush(context) {
                            Poll::Ready(_) => Unwritten::Nothing,
                            Poll::Pending => Unwritten::Something,
                        };
                    }
                    return Poll::Ready(TransportEvent::Pinged { stream });
                }
                Message::Close(frame) => {
                    // The library has queued the answer to it.
                    if let State::Open(socket, _) = &mut self.state {
                        let _ = Pin::new(&mut **socket).poll_flush(context);
                    }
                    let (code, reason) = match frame {
                        Some(frame) => (
                            u16::from(frame.code),
                            format!("closed by the exchange: {}", frame.reason),
                        ),
                        None => (1005, "closed by the exchange".to_owned()),
                    };
                    return self.closed(code, reason);
                }
                Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }
}
