//! What stands between a [`Spot`] connector and the boundary: operations from command to outcome, sessions, faults of the
//! other side. One input at a time, no clock of its own.

use std::borrow::Cow;

use colibri_abi as abi;
use colibri_abi::accepted;
use colibri_model::OpId;
use colibri_standard::{Command, ConnectorConfig, Event, Outcome, Refusal, RejectReason, SessionRole, UseInstruments};

use crate::command::use_instruments;
use crate::emit::Scratch;
use crate::json::Object;
use crate::operation::Carrier;
use crate::session::{Around, Phase, Session, Wanted, lost};
use crate::{Asked, Authentication, Emit, Instruments, Moment, OrderRef, Perp, Reply, Spot, Step, unsupported};

/// The state that a later instance starts from. Without sessions where it was told in the middle of something.
#[derive(Default)]
struct State {
    instruments: UseInstruments,
    next_stream: u32,
    next_call: u64,
    sessions: Vec<Session>,
    /// What the connector itself keeps.
    own: Option<String>,
}

impl State {
    fn read(json: &[u8]) -> Result<State, String> {
        let state = Object::whole(json).map_err(|e| e.to_string())?;
        let number = |name| {
            let number = state.some_integer(name).map_err(|e| e.to_string())?;
            u64::try_from(number.unwrap_or_default()).map_err(|e| e.to_string())
        };
        let mut sessions = Vec::new();
        let read = state.object_elements("sessions", |kept| {
            sessions.push(Session::read(&kept)?);
            Ok(())
        });
        read.map_err(|e| e.to_string())?;
        Ok(State {
            instruments: match state.some_object("used").map_err(|e| e.to_string())? {
                Some(used) => use_instruments(&used).map_err(|e| e.to_string())?,
                None => UseInstruments::default(),
            },
            next_stream: u32::try_from(number("next_stream")?).map_err(|e| e.to_string())?,
            next_call: number("next_call")?,
            sessions,
            own: state.some_text("own").map_err(|e| e.to_string())?.map(Cow::into_owned),
        })
    }
}

/// The connector, by what it is.
pub(crate) enum Connected {
    /// Of the spot standard.
    Spot(Box<dyn Spot>),
    /// Of the perp standard.
    Perp(Box<dyn Perp>),
}

impl Connected {
    /// What it has of both standards.
    pub(crate) fn shared(&self) -> &dyn Spot {
        match self {
            Connected::Spot(connector) => connector.as_ref(),
            Connected::Perp(connector) => connector.as_ref(),
        }
    }

    fn shared_mut(&mut self) -> &mut dyn Spot {
        match self {
            Connected::Spot(connector) => connector.as_mut(),
            Connected::Perp(connector) => connector.as_mut(),
        }
    }

    /// What it has of the perp standard.
    fn perp(&self) -> Result<&dyn Perp, Refusal> {
        match self {
            Connected::Spot(_) => Err(unsupported("contracts: it is of the spot standard")),
            Connected::Perp(connector) => Ok(connector.as_ref()),
        }
    }
}

/// A [`Spot`] or a [`Perp`] connector as the boundary's state machine.
pub struct SpotRuntime {
    connector: Connected,
    addresses: Vec<(String, String)>,
    instruments: Instruments,
    scratch: Scratch,
    /// A few at a time: looked through from the newest.
    pending: Vec<Pending>,
    /// Sessions whose opening begins with a question.
    asking: Vec<Wanted>,
    sessions: Vec<Session>,
    next_stream: u32,
    next_call: u64,
}

/// Calls `body` with the session machine's surroundings, then forgets the sessions that are over.
macro_rules! around {
    ($self:ident, $now:expr, $out:expr, |$sessions:ident, $around:ident| $body:expr) => {{
        let $sessions = &mut $self.sessions;
        let mut around = Around {
            connector: $self.connector.shared(),
            instruments: &$self.instruments,
            now: $now,
            out: *$out,
            next_call: &mut $self.next_call,
        };
        let $around = &mut around;
        let result = $body;
        crate::session::settle($sessions, $around);
        $self.sessions.retain(|s| s.phase != Phase::Over);
        result
    }};
}

mod contracts;
mod instance;
mod mending;
mod opening;
mod pending;

use pending::{Kind, Pending, finish_as, finish_items, no_item, outcome_of_halves, tell_replaced};

fn complete(out: &mut abi::Out<'_>, op: u64, outcome: &Outcome) {
    out.complete(op, outcome.kind(), &outcome.to_json());
}

fn tell(out: &mut abi::Out<'_>, event: impl Into<Event>) {
    let event = event.into();
    out.event(event.kind(), &event.to_json());
}

fn address_of<'a>(addresses: &'a [(String, String)], role: &str) -> Option<&'a str> {
    addresses.iter().find(|(r, _)| r == role).map(|(_, a)| a.as_str())
}

impl SpotRuntime {
    /// A connector with its configuration, and with the state of an earlier instance where the configuration holds one.
    ///
    /// # Errors
    /// A state that cannot be read.
    pub fn new(connector: Box<dyn Spot>, config: &ConnectorConfig) -> Result<SpotRuntime, String> {
        SpotRuntime::from_config(Connected::Spot(connector), config)
    }

    /// As [`SpotRuntime::new`], of a perp connector.
    ///
    /// # Errors
    /// A state that cannot be read.
    pub fn perp(connector: Box<dyn Perp>, config: &ConnectorConfig) -> Result<SpotRuntime, String> {
        SpotRuntime::from_config(Connected::Perp(connector), config)
    }

    fn from_config(connector: Connected, config: &ConnectorConfig) -> Result<SpotRuntime, String> {
        let state = config.state.as_ref().map(ToString::to_string);
        SpotRuntime::start(connector, config, state.as_deref().map(str::as_bytes))
    }

    /// As `new`, with the state as its bytes.
    pub(crate) fn start(
        mut connector: Connected,
        config: &ConnectorConfig,
        state: Option<&[u8]>,
    ) -> Result<SpotRuntime, String> {
        let state = match state {
            Some(state) => {
                State::read(state).map_err(|e| format!("the state of the earlier instance cannot be read: {e}"))?
            }
            None => State::default(),
        };
        if let Some(own) = &state.own {
            connector.shared_mut().restore(own)?;
        }
        Ok(SpotRuntime {
            connector,
            addresses: config
                .environment
                .addresses
                .iter()
                .map(|(role, address)| (role.clone(), address.clone()))
                .collect(),
            instruments: Instruments::new(state.instruments),
            scratch: Scratch::default(),
            pending: Vec::new(),
            asking: Vec::new(),
            sessions: state.sessions,
            next_stream: state.next_stream.max(1),
            next_call: state.next_call.max(1),
        })
    }

    /// Asks for the admission of an operation, or tells why it will not be sent.
    fn ask(&mut self, op: u64, asked: Asked, out: &mut abi::Out<'_>) {
        let outcome = match asked {
            Ok(operation) => {
                if out.want(op, operation.endpoint()) == accepted::YES {
                    let pending = Pending {
                        op,
                        operation,
                        call: None,
                        kind: Kind::Single,
                    };
                    self.pending.push(pending);
                    return;
                }
                Outcome::NotSent(Refusal::new(
                    RejectReason::BadRequest,
                    "the host did not admit the operation: see its log",
                ))
            }
            Err(refusal) => Outcome::NotSent(refusal),
        };
        self.asking.retain(|w| w.op != op);
        complete(out, op, &outcome);
    }

    fn is_pending(&self, op: u64) -> bool {
        self.pending.iter().any(|p| p.op == op)
    }

    /// Takes an operation out of those that have not ended.
    fn take(&mut self, op: u64) -> Option<Pending> {
        let at = self.pending.iter().rposition(|p| p.op == op)?;
        Some(self.pending.swap_remove(at))
    }

    /// Builds, signs and sends an admitted operation.
    fn send(&mut self, op: u64, moment: &Moment, out: &mut abi::Out<'_>) -> Result<(), Refusal> {
        let pending = self
            .pending
            .iter_mut()
            .rfind(|p| p.op == op)
            .ok_or_else(|| Refusal::new(RejectReason::BadRequest, "no such operation"))?;
        let taken = match &pending.operation.carrier {
            Carrier::Http(request) => {
                let address = address_of(&self.addresses, request.host()).ok_or_else(|| {
                    Refusal::new(
                        RejectReason::BadRequest,
                        format!("the environment gives no address {:?}", request.host()),
                    )
                })?;
                if request.authentication() == Authentication::None {
                    request.send(op, address, out)
                } else {
                    let mut request = request.clone();
                    request.admitted_at(moment);
                    let authentication = request.authentication();
                    self.connector
                        .shared()
                        .authenticate(&mut request, authentication, moment);
                    request.send(op, address, out)
                }
            }
            Carrier::Stream(call) => {
                let session = self
                    .sessions
                    .iter()
                    .find(|s| s.phase == Phase::Live && s.role == SessionRole::User)
                    .ok_or_else(|| {
                        Refusal::new(RejectReason::NotConnected, "the stream that carries orders is not live")
                    })?;
                let id = self.next_call;
                self.next_call += 1;
                pending.call = Some(id);
                (call.build)(id, moment).send(session.stream, op, call.endpoint, out)
            }
        };
        if taken == accepted::YES {
            Ok(())
        } else {
            Err(Refusal::new(
                RejectReason::BadRequest,
                "the host did not take the request: see its log",
            ))
        }
    }

    /// Ends an operation, a replace by both its halves.
    fn finish(&mut self, op: u64, outcome: &Outcome, out: &mut abi::Out<'_>) {
        let kind = self.take(op).map_or(Kind::Single, |p| p.kind);
        self.asking.retain(|w| w.op != op);
        finish_as(&kind, op, outcome, out);
    }

    fn read_reply(&mut self, op: u64, reply: &Reply<'_>, out: &mut abi::Out<'_>) {
        let Some(pending) = self.pending.iter().rfind(|p| p.op == op) else {
            return;
        };
        let operation = &pending.operation;
        let read = if reply.is_success() || operation.every_status {
            let items: &[u64] = match &pending.kind {
                Kind::Batch(items) => items,
                Kind::Single | Kind::Replace => &[],
            };
            let mut emit = Emit {
                out: *out,
                instruments: &self.instruments,
                scratch: &mut self.scratch,
                op: Some(OpId(op)),
                items,
                sessions: &self.sessions,
                now: reply.now,
            };
            (operation.read)(reply, &mut emit)
        } else {
            Err(self.connector.shared().refusal(reply))
        };
        match read {
            Ok(Step::Done) => {
                let is_batch = matches!(pending.kind, Kind::Batch(_));
                self.finish(op, &if is_batch { no_item() } else { Outcome::Done }, out);
            }
            Ok(Step::Items(outcomes)) => {
                let items = match self.take(op).map(|p| p.kind) {
                    Some(Kind::Batch(items)) => items,
                    _ => vec![op],
                };
                finish_items(&items, &outcomes, &no_item(), out);
            }
            Ok(Step::Next(next)) => {
                self.take(op);
                self.ask(op, Ok(next), out);
            }
            Ok(Step::Replaced { cancel, place }) => {
                self.take(op);
                let outcome = outcome_of_halves(&cancel, &place);
                tell_replaced(out, op, cancel, place);
                complete(out, op, &outcome);
            }
            Ok(Step::Open(plan)) => {
                self.take(op);
                match self.asking.iter().position(|w| w.op == op) {
                    Some(at) => {
                        let wanted = self.asking.swap_remove(at);
                        self.open_streams(wanted, vec![plan], out);
                    }
                    None => complete(
                        out,
                        op,
                        &Outcome::NotSent(Refusal::new(
                            RejectReason::BadRequest,
                            "the connector opened a stream in an operation that opens no session",
                        )),
                    ),
                }
            }
            Err(outcome) => self.finish(op, &outcome, out),
        }
    }

    fn run(&mut self, now: abi::Now, op: u64, command: Command, out: &mut abi::Out<'_>) {
        let used = |id| {
            self.instruments
                .get(id)
                .ok_or_else(|| Refusal::new(RejectReason::BadRequest, "the instrument is not in use"))
        };
        let connector = self.connector.shared();
        let asked = match command {
            Command::UseInstruments(set) => {
                self.instruments = Instruments::new(set);
                return complete(out, op, &Outcome::Done);
            }
            Command::OpenSession(open) => {
                let wanted = Wanted {
                    session: open.session,
                    role: open.role,
                    op,
                    subscriptions: open.subscriptions,
                };
                return self.open_session(now, wanted, out);
            }
            Command::UpdateSession(update) => {
                let found = around!(self, now, out, |sessions, around| {
                    crate::session::update(sessions, &update, op, around)
                });
                if !found {
                    let refusal = Refusal::new(RejectReason::NotConnected, "no such session is open");
                    complete(out, op, &Outcome::NotSent(refusal));
                }
                return;
            }
            Command::CloseSession(close) => {
                around!(self, now, out, |sessions, around| {
                    for session in sessions.iter_mut().filter(|s| s.id == close.session) {
                        session.end(lost("closed on request"), around);
                    }
                });
                return complete(out, op, &Outcome::Done);
            }
            Command::MendSession(mend) => return self.mend_session(mend.session, op, out),
            Command::RenewSession(renew) => {
                let live = |s: &&Session| s.id == renew.session && s.phase == Phase::Live;
                match self.sessions.iter().find(live) {
                    Some(session) => connector.renew(session.role),
                    None => Err(Refusal::new(RejectReason::NotConnected, "no such session is live")),
                }
            }
            Command::Instruments(_) => connector.instruments(),
            Command::ServerTime(_) => connector.server_time(),
            Command::Balances(_) => connector.balances(),
            Command::BookSnapshot(q) => used(q.instrument).and_then(|i| connector.book_snapshot(i, q.depth)),
            Command::Candles(q) => used(q.instrument).and_then(|i| connector.candles(i, &q)),
            Command::OpenOrders(q) => match q.instrument {
                Some(id) => used(id).and_then(|i| connector.open_orders(Some(i))),
                None => connector.open_orders(None),
            },
            Command::OrderStatus(q) => used(q.instrument).and_then(|instrument| {
                if q.client_id.is_none() && q.exchange_id.is_none() {
                    return Err(Refusal::new(
                        RejectReason::BadRequest,
                        "the order to ask about has neither id",
                    ));
                }
                connector.order_status(&OrderRef {
                    instrument,
                    client_id: q.client_id.as_ref().map(|id| id.as_str()),
                    exchange_id: q.exchange_id.as_ref().map(|id| id.as_str()),
                })
            }),
            Command::OrdersSince(q) => used(q.instrument).and_then(|i| connector.orders_since(i, &q)),
            Command::TradesSince(q) => used(q.instrument).and_then(|i| connector.trades_since(i, &q)),
            Command::Fees(q) => used(q.instrument).and_then(|i| connector.fees(i)),
            Command::CancelAll(q) => used(q.instrument).and_then(|i| connector.cancel_all(i)),
            of_contracts => self.ask_perp(of_contracts),
        };
        self.ask(op, asked, out);
    }

    /// The operation whose request over a stream had this id.
    fn op_of_call(&self, id: Option<u64>) -> Option<u64> {
        let id = id?;
        self.pending.iter().find(|p| p.call == Some(id)).map(|p| p.op)
    }
}
