//! The boundary's inputs, each told to the part of the machine that it concerns.

use colibri_abi as abi;
use colibri_abi::OrderOp;
use colibri_standard::{Command, NoticeEvent, NoticeKind, Outcome, Refusal, RejectReason, SessionRole};

use super::{Kind, Pending, SpotRuntime, complete, finish_as, tell};
use crate::command::Payload;
use crate::order::{OrderCommand, read_batch};
use crate::session::{Around, Phase, Session, lost};
use crate::{Asked, Emit, Heard, Moment, Reply, unsupported};

impl SpotRuntime {
    /// Sends an order operation that is admitted, or a batch of them as one.
    fn send_order(&mut self, now: abi::Now, order: &OrderOp, asked: Asked, kind: Kind, out: &mut abi::Out<'_>) {
        let op = order.grant.op;
        match asked {
            Ok(operation) => {
                self.pending.push(Pending {
                    op,
                    operation,
                    call: None,
                    kind,
                });
                if let Err(refusal) = self.send(op, &Moment::new(now, order.grant), out) {
                    self.finish(op, &Outcome::NotSent(refusal), out);
                }
            }
            Err(refusal) => finish_as(&kind, op, &Outcome::NotSent(refusal), out),
        }
    }
}

impl SpotRuntime {
    /// Gives an answer to the session of a stream; back where that does not await it.
    fn answer_session(
        &mut self,
        now: abi::Now,
        stream: u32,
        id: Option<u64>,
        result: Result<(), Outcome>,
        out: &mut abi::Out<'_>,
    ) -> Result<(), Result<(), Outcome>> {
        around!(self, now, out, |sessions, around| {
            match sessions.iter_mut().find(|s| s.stream == stream) {
                Some(session) => session.answered(id, result, around),
                None => Err(result),
            }
        })
    }
}

impl abi::Instance for SpotRuntime {
    fn command(&mut self, now: abi::Now, op: u64, kind: &str, payload: &[u8], out: &mut abi::Out<'_>) {
        let read = Payload::new(kind, payload).and_then(|payload| {
            match payload.lacks(self.connector.shared().capabilities())? {
                Some(need) => Err(unsupported(&need)),
                None => payload.command(kind),
            }
        });
        match read {
            Ok(command) => self.run(now, op, command, out),
            Err(refusal) => complete(out, op, &Outcome::NotSent(refusal)),
        }
    }

    fn orders(&mut self, now: abi::Now, ops: &[OrderOp], out: &mut abi::Out<'_>) {
        for (at, order) in ops.iter().enumerate() {
            let connector = self.connector.shared();
            let Some(leader) = order.batch() else {
                let asked =
                    OrderCommand::read(order, &self.instruments, connector.capabilities()).and_then(|command| {
                        if order.is_over_stream() {
                            connector.over_stream(&command)
                        } else {
                            command.over_http(connector)
                        }
                    });
                let kind = if order.kind == abi::op_kind::REPLACE {
                    Kind::Replace
                } else {
                    Kind::Single
                };
                self.send_order(now, order, asked, kind, out);
                continue;
            };
            // The whole batch goes out with the first of it.
            if ops[..at].iter().any(|earlier| earlier.batch() == Some(leader)) {
                continue;
            }
            let of_batch = || ops[at..].iter().filter(|op| op.batch() == Some(leader));
            let Some(carrier) = of_batch().find(|op| op.grant.op == leader) else {
                let refusal = Refusal::new(
                    RejectReason::BadRequest,
                    "the operation that carries its batch is not there",
                );
                for op in of_batch() {
                    complete(out, op.grant.op, &Outcome::NotSent(refusal.clone()));
                }
                continue;
            };
            let asked = read_batch(of_batch(), &self.instruments, connector);
            let items = of_batch().map(|op| op.grant.op).collect();
            self.send_order(now, carrier, asked, Kind::Batch(items), out);
        }
    }

    fn granted(&mut self, now: abi::Now, grant: &abi::Grant, out: &mut abi::Out<'_>) {
        let moment = Moment::new(now, *grant);
        let op = grant.op;
        let login = around!(self, now, out, |sessions, around| {
            let session = sessions.iter_mut().find(|s| s.is_opened_by(op));
            session.map(|s| s.granted(&moment, around)).is_some()
        });
        if login || !self.is_pending(op) {
            return;
        }
        if let Err(refusal) = self.send(op, &moment, out) {
            self.finish(op, &Outcome::NotSent(refusal), out);
        }
    }

    fn response(&mut self, now: abi::Now, response: &abi::Response<'_>, out: &mut abi::Out<'_>) {
        let reply = Reply {
            status: response.status,
            headers: response.headers.as_slice(),
            body: response.body.as_slice(),
            now,
        };
        self.read_reply(response.op, &reply, out);
    }

    fn ended(&mut self, now: abi::Now, op: u64, _outcome: u32, out: &mut abi::Out<'_>) {
        self.take(op);
        self.asking.retain(|w| w.op != op);
        around!(self, now, out, |sessions, around| {
            for session in sessions.iter_mut() {
                session.forget(op, around);
            }
        });
    }

    fn stream_opened(&mut self, now: abi::Now, stream: u32, out: &mut abi::Out<'_>) {
        around!(self, now, out, |sessions, around| {
            if let Some(session) = sessions.iter_mut().find(|s| s.stream == stream) {
                session.opened(around);
            }
        });
    }

    fn frame(&mut self, now: abi::Now, stream: u32, _kind: u32, bytes: &[u8], out: &mut abi::Out<'_>) {
        let Some(session) = self.sessions.iter().find(|s| s.stream == stream) else {
            return;
        };
        let (session, role) = (session.id, session.role);
        let mut emit = Emit {
            out: *out,
            instruments: &self.instruments,
            scratch: &mut self.scratch,
            op: None,
            items: &[],
            sessions: &self.sessions,
            now,
        };
        match self.connector.shared_mut().frame(role, bytes, &mut emit) {
            Ok(Heard::Data) => {}
            Ok(Heard::Answer { id, result }) => {
                let left = self.answer_session(now, stream, id, result, out);
                let (Err(result), Some(op)) = (left, self.op_of_call(id)) else {
                    return;
                };
                match result {
                    Ok(()) => {
                        let reply = Reply {
                            status: 200,
                            headers: &[],
                            body: bytes,
                            now,
                        };
                        self.read_reply(op, &reply, out);
                    }
                    Err(outcome) => self.finish(op, &outcome, out),
                }
            }
            Ok(Heard::Reply { id, status, body }) => {
                let reply = Reply {
                    status,
                    headers: &[],
                    body: &body,
                    now,
                };
                if let Some(op) = self.op_of_call(id) {
                    self.read_reply(op, &reply, out);
                    return;
                }
                let result = match reply.is_success() {
                    true => Ok(()),
                    false => Err(self.connector.shared().refusal(&reply)),
                };
                let nobodys = self.answer_session(now, stream, id, result, out);
                // A refusal that answers nothing is of the connection: the login holds no more.
                if let (None, Err(Err(outcome @ Outcome::AuthFailed(_)))) = (id, nobodys) {
                    around!(self, now, out, |sessions, around| {
                        for session in sessions.iter_mut().filter(|s| s.stream == stream) {
                            session.end(outcome.clone(), around);
                        }
                    });
                }
            }
            Ok(Heard::Shutdown(text)) => tell(
                out,
                NoticeEvent {
                    kind: NoticeKind::Shutdown { session },
                    text,
                },
            ),
            Ok(Heard::Ended(why)) => around!(self, now, out, |sessions, around| {
                for session in sessions.iter_mut().filter(|s| s.stream == stream) {
                    session.end(lost(&why), around);
                }
            }),
            Err(unreadable) => tell(
                out,
                NoticeEvent {
                    kind: NoticeKind::Unreadable {
                        session,
                        instrument: unreadable.instrument,
                    },
                    text: unreadable.why,
                },
            ),
        }
    }

    fn stream_closed(&mut self, now: abi::Now, stream: u32, code: u32, reason: &str, out: &mut abi::Out<'_>) {
        let why = format!("the stream is closed (code {code}) {reason}");
        let was_user = around!(self, now, out, |sessions, around| {
            let session = sessions.iter_mut().find(|s| s.stream == stream);
            session
                .map(|s| {
                    s.closed(why.trim_end(), around);
                    s.role == SessionRole::User
                })
                .unwrap_or_default()
        });
        if was_user {
            let ops: Vec<u64> = self.pending.iter().filter(|p| p.call.is_some()).map(|p| p.op).collect();
            for op in ops {
                self.finish(op, &lost("the stream was lost before the answer"), out);
            }
        }
    }

    fn timer(&mut self, now: abi::Now, timer: u64, out: &mut abi::Out<'_>) {
        around!(self, now, out, |sessions, around| {
            for session in sessions.iter_mut() {
                if session.timer(timer, around) {
                    break;
                }
            }
        });
    }

    fn snapshot(&mut self, out: &mut abi::Out<'_>) {
        let used = Command::UseInstruments(self.instruments.to_set()).to_json();
        let used = String::from_utf8_lossy(&used);
        let (next_stream, next_call) = (self.next_stream, self.next_call);
        let mut state = format!(r#"{{"used":{used},"next_stream":{next_stream},"next_call":{next_call}"#);
        let at_rest = self.pending.is_empty() && self.asking.is_empty();
        let sessions: Option<Vec<String>> = self.sessions.iter().map(Session::to_json).collect();
        // The end of an operation is known to this instance alone, and so is what a session awaits.
        match sessions.filter(|_| at_rest) {
            Some(sessions) => {
                state.push_str(r#","complete":true,"sessions":["#);
                state.push_str(&sessions.join(","));
                state.push(']');
                let own = self.connector.shared().state();
                if let Some(own) = own.and_then(|own| serde_json::to_string(&own).ok()) {
                    state.push_str(r#","own":"#);
                    state.push_str(&own);
                }
            }
            None => state.push_str(r#","complete":false"#),
        }
        state.push('}');
        out.snapshot(state.as_bytes());
    }
}
