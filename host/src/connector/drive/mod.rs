//! `colibri connector drive`: the isolated door. One connector, JSON lines in, what it emits as JSON lines out; no network,
//! no clock, no engine. `docs/standards/spot.md` shows a line of each kind.

pub(super) mod input;
pub(super) mod known;
mod order_line;
mod outlet;
mod sign_line;
mod text;

use std::io::BufRead;

use clap::Args;
use colibri_abi::{Connector, Fault, Grant, Header, Now, OrderOp, Response};
use colibri_driver::signing::Keyring;
use colibri_model::SplitMix64;
use colibri_standard::{Command, UseInstruments};
use serde_json::{Value, json};

use crate::connector::{Opened, OpenedArgs, write_out};
use crate::exit::{Exit, ExitError};
use input::{GrantLine, Input, ResponseLine, parse};
use known::{Named, UNDESCRIBED};
use order_line::OrderLine;
use outlet::{OWN_OPS, Outlet, Stream, StreamState};

/// Options of `connector drive`.
#[derive(Debug, Clone, Args)]
pub struct DriveArgs {
    /// Which connector.
    #[command(flatten)]
    pub connector: OpenedArgs,
    /// Admit operations only by `{"grant": …}` lines; otherwise each is admitted as soon as it is wanted.
    #[arg(long)]
    pub manual_grants: bool,
    /// Answer each input line with a last line `{"done": N}`, N being its number.
    #[arg(long)]
    pub ack: bool,
    /// Seed of the entropy in grants.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

/// Who admits operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    /// Each as soon as it is wanted.
    Automatic,
    /// The input.
    Manual,
}

/// Drives one connector from standard input until that ends.
///
/// # Errors
/// The library is refused, or an option does not fit it. A line that cannot be used is answered and is no error.
pub fn drive(args: &DriveArgs) -> anyhow::Result<Exit> {
    let mut door = Door::open(args)?;
    let mut line = Vec::new();
    let mut input = std::io::stdin().lock();
    let mut number = 0u64;
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(Exit::Done);
        }
        number += 1;
        let mut answers = door.line(line.trim_ascii()).join("\n");
        if args.ack {
            if !answers.is_empty() {
                answers.push('\n');
            }
            answers.push_str(&json!({"done": number}).to_string());
        }
        if answers.is_empty() {
            continue;
        }
        answers.push('\n');
        if !write_out(&answers)? {
            return Ok(Exit::Done);
        }
    }
}

/// One connector behind the door.
pub struct Door {
    opened: Opened,
    connector: Connector,
    outlet: Outlet,
    admission: Admission,
    now: Now,
    nonce: u64,
    given_nonce: Option<u64>,
    next_op: u64,
    next_own_op: u64,
    random: SplitMix64,
}

impl Door {
    /// Opens the library and makes the connector.
    ///
    /// # Errors
    /// The library is refused, or an option does not fit it.
    pub fn open(args: &DriveArgs) -> Result<Door, ExitError> {
        let opened = Opened::open(&args.connector)?;
        let connector = opened.create()?;
        let outlet = Outlet::new(opened.manifest.clone(), Keyring::new(opened.credentials.clone()));
        Ok(Door {
            opened,
            connector,
            outlet,
            admission: if args.manual_grants {
                Admission::Manual
            } else {
                Admission::Automatic
            },
            now: Now::default(),
            nonce: 0,
            given_nonce: None,
            next_op: 1,
            next_own_op: OWN_OPS,
            random: SplitMix64::new(args.seed),
        })
    }

    /// Takes one line in and gives the lines that answer it. Empty lines and those that begin with `#` say nothing.
    pub fn line(&mut self, line: &[u8]) -> Vec<String> {
        if line.is_empty() || line.starts_with(b"#") {
            return Vec::new();
        }
        match parse(line) {
            Err(error) => self.error(&error.to_string()),
            Ok(inputs) => {
                for input in inputs {
                    if let Err(text) = self.input(input) {
                        self.error(&text);
                    }
                }
            }
        }
        std::mem::take(&mut self.outlet.lines)
    }

    fn error(&mut self, text: &str) {
        self.outlet.tell("error", &json!({"text": text}));
    }

    fn input(&mut self, input: Input) -> Result<(), String> {
        match input {
            Input::Now(moment) => self.now = moment.apply(self.now),
            Input::Nonce(next) => self.given_nonce = Some(next),
            Input::Command { op, kind, payload } => self.command(op, &kind, payload)?,
            Input::Orders(lines) => self.orders(&lines)?,
            Input::Grant(line) => self.grant(&line)?,
            Input::Response(line) => self.response(&line)?,
            Input::StreamOpened(stream) => {
                let id = self.stream(stream, StreamState::Asked)?;
                self.opened(id);
            }
            Input::StreamClosed { stream, code, reason } => {
                let id = self.stream(stream, StreamState::Open)?;
                self.outlet.streams.retain(|s| s.id != id);
                self.call(|c, now, out| c.stream_closed(now, id, code, &reason, out));
            }
            Input::Frame { stream, kind, bytes } => {
                let id = self.stream(stream, StreamState::Open)?;
                // A frame on a stream that was never told to be open: its handshake must have been done.
                if self.outlet.streams.contains(&Stream {
                    id,
                    state: StreamState::Asked,
                }) {
                    self.opened(id);
                }
                self.call(|c, now, out| c.frame(now, id, kind, &bytes, out));
            }
            Input::Timer(timer) => self.call(|c, now, out| c.timer(now, timer, out)),
            Input::Ended { op, outcome } => {
                let op = self.open_request(op)?;
                self.outlet.requests.retain(|open| *open != op);
                self.outlet.wants.retain(|waiting| *waiting != op);
                self.call(|c, now, out| c.ended(now, op, outcome, out));
            }
            Input::Snapshot => self.call(|c, _, out| c.snapshot(out)),
            Input::Sign(line) => {
                let signature = line.sign(&mut self.outlet.keyring)?;
                self.outlet.tell("signature", &Value::String(signature));
            }
        }
        Ok(())
    }

    /// Calls the connector, then admits what it wants. A panic is told, and the instance made anew.
    fn call(&mut self, method: impl FnOnce(&mut Connector, Now, &mut Outlet) -> Result<(), Fault>) {
        let mut result = method(&mut self.connector, self.now, &mut self.outlet);
        while result.is_ok() && self.admission == Admission::Automatic {
            let Some(op) = self.outlet.wants.pop_front() else {
                break;
            };
            let grant = self.admit(op);
            result = self.connector.granted(self.now, &grant, &mut self.outlet);
        }
        if let Err(fault) = result {
            self.restart(fault);
        }
    }

    fn restart(&mut self, fault: Fault) {
        self.outlet.tell("fault", &json!({"text": fault.to_string()}));
        self.outlet.wants.clear();
        self.outlet.requests.clear();
        self.outlet.streams.clear();
        match self.opened.create() {
            Err(error) => self.error(&error.to_string()),
            Ok(connector) => {
                self.connector = connector;
                if !self.outlet.known.used().instruments.is_empty() {
                    self.use_instruments();
                }
            }
        }
    }

    /// A grant. Its nonce is the one that was given, else above every earlier one and not below the exchange's clock in
    /// milliseconds.
    fn admit(&mut self, op: u64) -> Grant {
        let clock = u64::try_from(self.now.exchange_ns / 1_000_000).unwrap_or(0);
        let next = self.nonce.saturating_add(1).max(clock);
        self.nonce = self.given_nonce.take().unwrap_or(next);
        let mut entropy = [0; 16];
        for half in entropy.chunks_exact_mut(8) {
            half.copy_from_slice(&self.random.next_u64().to_le_bytes());
        }
        Grant {
            op,
            nonce: self.nonce,
            entropy,
            ..Grant::default()
        }
    }

    fn op(&mut self, given: Option<u64>) -> u64 {
        let op = given.unwrap_or(self.next_op);
        self.next_op = self.next_op.max(op.saturating_add(1));
        op
    }

    fn command(&mut self, op: Option<u64>, kind: &str, mut payload: Value) -> Result<(), String> {
        if kind == "use_instruments" {
            // Read by its bytes: the connector reads the same ones.
            let set = serde_json::from_value::<UseInstruments>(payload.clone());
            match set {
                Ok(set) => self.outlet.known.set_used(&set),
                Err(error) => return Err(format!("use_instruments: {error}")),
            }
        } else {
            let mut taken = false;
            self.name_instruments(&mut payload, &mut taken)?;
            if taken {
                self.use_instruments();
            }
        }
        let bytes = payload.to_string();
        if let Err(error) = Command::parse(kind, bytes.as_bytes()) {
            // Told, and sent all the same: what a connector does with it is its own business.
            self.error(&error.to_string());
        }
        let op = self.op(op);
        self.call(|c, now, out| c.command(now, op, kind, bytes.as_bytes(), out));
        Ok(())
    }

    /// Replaces `pair` and `symbol` by `instrument`, at any depth.
    fn name_instruments(&mut self, value: &mut Value, taken: &mut bool) -> Result<(), String> {
        match value {
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.name_instruments(item, taken)),
            Value::Object(fields) => {
                let text = |key: &str| fields.get(key).and_then(Value::as_str);
                let named = match (fields.contains_key("instrument"), text("pair"), text("symbol")) {
                    (false, Some(pair), _) => Some(Named::Pair(pair)),
                    (false, None, Some(symbol)) => Some(Named::Symbol(symbol)),
                    _ => None,
                };
                if let Some(named) = named {
                    let (id, new) = self.outlet.known.resolve(named)?;
                    *taken |= new;
                    fields.remove("pair");
                    fields.remove("symbol");
                    fields.insert("instrument".to_owned(), json!(id));
                }
                fields
                    .values_mut()
                    .try_for_each(|field| self.name_instruments(field, taken))
            }
            _ => Ok(()),
        }
    }

    /// Tells the connector the set in use, as an operation of the door's own.
    fn use_instruments(&mut self) {
        let op = self.next_own_op;
        self.next_own_op += 1;
        let command = Command::UseInstruments(self.outlet.known.used());
        self.call(|c, now, out| c.command(now, op, command.kind(), &command.to_json(), out));
    }

    fn orders(&mut self, lines: &[OrderLine]) -> Result<(), String> {
        let mut ops: Vec<OrderOp> = Vec::with_capacity(lines.len());
        let mut taken = false;
        for line in lines {
            let named = match (line.instrument, &line.pair, &line.symbol) {
                (Some(id), _, _) => Named::Handle(id),
                (None, Some(pair), _) => Named::Pair(pair),
                (None, None, Some(symbol)) => Named::Symbol(symbol),
                (None, None, None) => return Err("an order names its instrument, pair or symbol".to_owned()),
            };
            let (id, new) = self.outlet.known.resolve(named)?;
            taken |= new;
            let exponents = self.outlet.known.get(id.0).map_or(UNDESCRIBED, |used| used.exponents);
            let op = self.op(line.op);
            let mut grant = self.admit(op);
            if let Some(nonce) = line.nonce {
                grant.nonce = nonce;
            }
            ops.push(line.to_op(id.0, exponents, grant)?);
        }
        if taken {
            self.use_instruments();
        }
        self.call(|c, now, out| c.orders(now, &ops, out));
        Ok(())
    }

    fn grant(&mut self, line: &GrantLine) -> Result<(), String> {
        let op = line
            .op
            .or_else(|| self.outlet.wants.front().copied())
            .ok_or("no operation wants to be admitted")?;
        self.outlet.wants.retain(|waiting| *waiting != op);
        let mut grant = self.admit(op);
        if let Some(nonce) = line.nonce {
            grant.nonce = nonce;
        }
        if let Some(text) = &line.entropy {
            grant.entropy = entropy(text).ok_or_else(|| format!("grant: {text:?} is not 32 hexadecimal digits"))?;
        }
        self.call(|c, now, out| c.granted(now, &grant, out));
        Ok(())
    }

    fn open_request(&self, given: Option<u64>) -> Result<u64, String> {
        given
            .or_else(|| self.outlet.requests.front().copied())
            .ok_or_else(|| "no request is open; name the op that this answers".to_owned())
    }

    fn response(&mut self, line: &ResponseLine) -> Result<(), String> {
        let op = self.open_request(line.op)?;
        if let Some(at) = self.outlet.requests.iter().position(|open| *open == op) {
            self.outlet.requests.remove(at);
        }
        let headers: Vec<Header<'_>> = line
            .headers
            .iter()
            .map(|(name, value)| Header {
                name: name.as_str().into(),
                value: value.as_str().into(),
            })
            .collect();
        let response = Response {
            op,
            status: line.status,
            reserved: 0,
            headers: headers.as_slice().into(),
            body: line.body.as_slice().into(),
            ext: [0; 4],
        };
        self.call(|c, now, out| c.response(now, &response, out));
        Ok(())
    }

    /// The stream that an input means: the one of its number, else the latest in that state, else the latest of all.
    fn stream(&self, given: Option<u32>, state: StreamState) -> Result<u32, String> {
        let latest = |state: Option<StreamState>| {
            let streams = self.outlet.streams.iter().rev();
            streams
                .clone()
                .find(|s| state.is_none_or(|state| s.state == state))
                .map(|s| s.id)
        };
        given
            .or_else(|| latest(Some(state)))
            .or_else(|| latest(None))
            .ok_or_else(|| "the connector has asked for no stream; send open_session first".to_owned())
    }

    fn opened(&mut self, id: u32) {
        for stream in &mut self.outlet.streams {
            if stream.id == id {
                stream.state = StreamState::Open;
            }
        }
        self.call(|c, now, out| c.stream_opened(now, id, out));
    }
}

fn entropy(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 16];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}
