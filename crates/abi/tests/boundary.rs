//! A connector that is linked in, through the same vtables as one in a library: what goes in arrives, what comes out
//! arrives, and no panic crosses.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use colibri_abi::{
    Actions, BookBatch, Connector, Created, Fault, Grant, Header, Instance, Level, Now, OrderOp, Out, PreimagePart,
    PublicTrade, Request, Response, Sign, StreamOpen, StreamSend, Text48, TopOfBook, TradeBatch, accepted, book_flag,
    create_guarded, encoding, frame_kind, key_encoding, level, op_kind, outcome_kind, scheme, transform,
};

const NOW: Now = Now {
    mono_ns: 1,
    wall_ns: 2,
    exchange_ns: 3,
};

/// Tells every input back as an event, and emits each kind of action on command.
#[derive(Default)]
struct Parrot {
    alive: Option<Arc<()>>,
}

impl Parrot {
    fn tell(out: &mut Out<'_>, now: Now, what: &str) {
        assert_eq!(now, NOW);
        out.event("told", what.as_bytes());
    }

    fn emit(what: &str, out: &mut Out<'_>) -> u32 {
        let headers = [Header {
            name: "x-key".into(),
            value: "k".into(),
        }];
        let preimage = [PreimagePart {
            transform: transform::SHA256,
            reserved: 0,
            bytes: b"a=1"[..].into(),
        }];
        let signs = [Sign {
            name: "sig".into(),
            slot: "secret".into(),
            scheme: scheme::HMAC_SHA256,
            encoding: encoding::HEX,
            key_encoding: key_encoding::RAW,
            reserved: 0,
            preimage: preimage[..].into(),
        }];
        match what {
            "request" => out.request(&Request {
                op: 5,
                endpoint: "order".into(),
                url: "https://x/order?${sig}".into(),
                headers: headers[..].into(),
                body: b"{}"[..].into(),
                signs: signs[..].into(),
                ext: [0; 4],
            }),
            "open" => out.open(&StreamOpen {
                stream: 4,
                session: 1,
                endpoint: "stream".into(),
                url: "wss://x".into(),
                headers: headers[..].into(),
                signs: signs[..].into(),
                inflate: 0,
                reserved: 0,
                ext: [0; 4],
            }),
            "send" => out.send(&StreamSend {
                stream: 4,
                kind: frame_kind::TEXT,
                op: 0,
                endpoint: "".into(),
                frame: b"hello"[..].into(),
                signs: signs[..].into(),
                ext: [0; 4],
            }),
            "book" => {
                let bids = [Level { price: 10, quantity: 1 }];
                out.book(&BookBatch {
                    instrument: 3,
                    flags: book_flag::RANGE_IDS,
                    first_id: 7,
                    last_id: 8,
                    previous_id: 0,
                    exchange_ns: 9,
                    checksum: 0,
                    price_exponent: -2,
                    quantity_exponent: -8,
                    reserved: 0,
                    bids: bids[..].into(),
                    asks: [][..].into(),
                    ext: [0; 4],
                })
            }
            "trades" => {
                let trades = [PublicTrade {
                    price: 10,
                    id: Text48::new("t1").unwrap(),
                    ..PublicTrade::default()
                }];
                out.trades(&TradeBatch {
                    instrument: 3,
                    flags: 0,
                    price_exponent: -2,
                    quantity_exponent: -8,
                    trades: trades[..].into(),
                    ext: [0; 4],
                })
            }
            "top" => out.top(&TopOfBook {
                instrument: 3,
                bid: Level { price: 1, quantity: 2 },
                ..TopOfBook::default()
            }),
            "want" => out.want(5, "order"),
            "close" => out.close(4, 1000),
            "timer" => out.set_timer(9, 77),
            "complete" => out.complete(5, outcome_kind::REJECTED, b"{}"),
            "log" => out.log(level::WARN, "odd"),
            "snapshot" => out.snapshot(b"state"),
            other => panic!("no action is called {other}"),
        }
    }
}

impl Instance for Parrot {
    fn command(&mut self, now: Now, op: u64, kind: &str, payload: &[u8], out: &mut Out<'_>) {
        match kind {
            "emit" => {
                let answer = Parrot::emit(std::str::from_utf8(payload).unwrap(), out);
                Parrot::tell(out, now, &format!("answered {answer}"));
            }
            _ => Parrot::tell(out, now, &format!("command {op} {kind} {}", payload.len())),
        }
    }
    fn orders(&mut self, now: Now, ops: &[OrderOp], out: &mut Out<'_>) {
        for op in ops {
            let said = format!("order {} {} {}", op.grant.op, op.kind, op.client_id.as_str());
            Parrot::tell(out, now, &said);
        }
    }
    fn granted(&mut self, now: Now, grant: &Grant, out: &mut Out<'_>) {
        Parrot::tell(out, now, &format!("granted {} {}", grant.op, grant.nonce));
    }
    fn response(&mut self, now: Now, response: &Response<'_>, out: &mut Out<'_>) {
        let header = response.headers.as_slice().first().map(|h| h.name.as_str());
        let said = format!("response {} {} {header:?}", response.op, response.status);
        Parrot::tell(out, now, &said);
    }
    fn ended(&mut self, now: Now, op: u64, outcome: u32, out: &mut Out<'_>) {
        Parrot::tell(out, now, &format!("ended {op} {outcome}"));
    }
    fn stream_opened(&mut self, now: Now, stream: u32, out: &mut Out<'_>) {
        Parrot::tell(out, now, &format!("opened {stream}"));
    }
    fn frame(&mut self, now: Now, stream: u32, kind: u32, bytes: &[u8], out: &mut Out<'_>) {
        let said = format!("frame {stream} {kind} {}", String::from_utf8_lossy(bytes));
        Parrot::tell(out, now, &said);
    }
    fn stream_closed(&mut self, now: Now, stream: u32, code: u32, reason: &str, out: &mut Out<'_>) {
        Parrot::tell(out, now, &format!("closed {stream} {code} {reason}"));
    }
    fn timer(&mut self, now: Now, timer: u64, out: &mut Out<'_>) {
        Parrot::tell(out, now, &format!("timer {timer}"));
    }
    fn snapshot(&mut self, out: &mut Out<'_>) {
        out.snapshot(b"parrot");
    }
}

impl Drop for Parrot {
    fn drop(&mut self) {
        assert!(self.alive.is_some(), "a parrot without life may not be dropped");
    }
}

fn parrot() -> (Connector, Arc<()>) {
    let alive = Arc::new(());
    let instance = Parrot {
        alive: Some(alive.clone()),
    };
    (Connector::linked(instance), alive)
}

/// A host that writes down what it is told.
#[derive(Default)]
struct Host {
    told: Vec<String>,
    refuses: bool,
    panics: bool,
}

impl Host {
    fn note(&mut self, text: String) -> u32 {
        assert!(!self.panics, "the host's own bug");
        self.told.push(text);
        if self.refuses { accepted::REFUSED } else { accepted::YES }
    }
}

fn signed(signs: &[Sign<'_>]) -> String {
    let sign = &signs[0];
    let part = &sign.preimage.as_slice()[0];
    format!(
        "{}/{}/{}/{}",
        sign.name,
        sign.slot,
        part.transform,
        String::from_utf8_lossy(part.bytes.as_slice())
    )
}

impl Actions for Host {
    fn want(&mut self, op: u64, endpoint: &str) -> u32 {
        self.note(format!("want {op} {endpoint}"))
    }
    fn request(&mut self, request: &Request<'_>) -> u32 {
        let header = &request.headers.as_slice()[0];
        self.note(format!(
            "request {} {} {} {}={} {}",
            request.op,
            request.endpoint,
            request.url,
            header.name,
            header.value,
            signed(request.signs.as_slice())
        ))
    }
    fn open(&mut self, open: &StreamOpen<'_>) -> u32 {
        self.note(format!("open {} {} {}", open.stream, open.session, open.url))
    }
    fn send(&mut self, send: &StreamSend<'_>) -> u32 {
        self.note(format!(
            "send {} {}",
            send.stream,
            String::from_utf8_lossy(send.frame.as_slice())
        ))
    }
    fn close(&mut self, stream: u32, code: u32) -> u32 {
        self.note(format!("close {stream} {code}"))
    }
    fn set_timer(&mut self, timer: u64, at: u64) -> u32 {
        self.note(format!("set_timer {timer} {at}"))
    }
    fn book(&mut self, batch: &BookBatch<'_>) -> u32 {
        self.note(format!(
            "book {} {:?} {}",
            batch.instrument,
            batch.bids.as_slice(),
            batch.asks.len()
        ))
    }
    fn trades(&mut self, batch: &TradeBatch<'_>) -> u32 {
        self.note(format!("trades {:?}", batch.trades.as_slice()[0].id))
    }
    fn top(&mut self, top: &TopOfBook) -> u32 {
        self.note(format!("top {:?}", top.bid))
    }
    fn event(&mut self, kind: &str, payload: &[u8]) -> u32 {
        self.note(format!("{kind}: {}", String::from_utf8_lossy(payload)))
    }
    fn complete(&mut self, op: u64, outcome: u32, detail: &[u8]) -> u32 {
        self.note(format!("complete {op} {outcome} {}", String::from_utf8_lossy(detail)))
    }
    fn log(&mut self, level: u32, text: &str) -> u32 {
        self.note(format!("log {level} {text}"))
    }
    fn snapshot(&mut self, state: &[u8]) -> u32 {
        self.note(format!("snapshot {}", String::from_utf8_lossy(state)))
    }
}

#[test]
fn every_input_arrives() {
    let (mut connector, _alive) = parrot();
    let mut host = Host::default();
    let op = OrderOp {
        kind: op_kind::PLACE,
        grant: Grant {
            op: 11,
            ..Grant::default()
        },
        client_id: Text48::new("c-1").unwrap(),
        ..OrderOp::default()
    };
    let headers = [Header {
        name: "retry-after".into(),
        value: "1".into(),
    }];
    let response = Response {
        op: 11,
        status: 200,
        reserved: 0,
        headers: headers[..].into(),
        body: b"{}"[..].into(),
        ext: [0; 4],
    };
    let grant = Grant {
        op: 12,
        nonce: 99,
        ..Grant::default()
    };
    connector.command(NOW, 10, "fees", b"{}", &mut host).unwrap();
    connector.orders(NOW, &[op, op], &mut host).unwrap();
    connector.granted(NOW, &grant, &mut host).unwrap();
    connector.response(NOW, &response, &mut host).unwrap();
    connector.ended(NOW, 13, outcome_kind::UNKNOWN, &mut host).unwrap();
    connector.stream_opened(NOW, 4, &mut host).unwrap();
    connector.frame(NOW, 4, frame_kind::TEXT, b"hi", &mut host).unwrap();
    connector.stream_closed(NOW, 4, 1006, "gone", &mut host).unwrap();
    connector.timer(NOW, 9, &mut host).unwrap();
    connector.snapshot(&mut host).unwrap();
    assert_eq!(
        host.told,
        [
            "told: command 10 fees 2",
            "told: order 11 1 c-1",
            "told: order 11 1 c-1",
            "told: granted 12 99",
            "told: response 11 200 Some(\"retry-after\")",
            "told: ended 13 10",
            "told: opened 4",
            "told: frame 4 1 hi",
            "told: closed 4 1006 gone",
            "told: timer 9",
            "snapshot parrot",
        ]
    );
}

#[test]
fn every_action_arrives_with_the_hosts_answer() {
    let (mut connector, _alive) = parrot();
    for (what, told) in [
        ("want", "want 5 order"),
        (
            "request",
            "request 5 order https://x/order?${sig} x-key=k sig/secret/1/a=1",
        ),
        ("open", "open 4 1 wss://x"),
        ("send", "send 4 hello"),
        ("close", "close 4 1000"),
        ("timer", "set_timer 9 77"),
        ("book", "book 3 [Level { price: 10, quantity: 1 }] 0"),
        ("trades", "trades \"t1\""),
        ("top", "top Level { price: 1, quantity: 2 }"),
        ("complete", "complete 5 2 {}"),
        ("log", "log 2 odd"),
        ("snapshot", "snapshot state"),
    ] {
        for refuses in [false, true] {
            let mut host = Host {
                refuses,
                ..Host::default()
            };
            connector.command(NOW, 1, "emit", what.as_bytes(), &mut host).unwrap();
            let answer = if refuses { accepted::REFUSED } else { accepted::YES };
            assert_eq!(host.told, [told.to_owned(), format!("told: answered {answer}")]);
        }
    }
}

#[test]
fn a_connectors_panic_is_a_fault_and_one_log_line() {
    let (mut connector, _alive) = parrot();
    let mut host = Host::default();
    let fault = connector.command(NOW, 1, "emit", b"a dance", &mut host);
    assert_eq!(fault, Err(Fault));
    assert_eq!(host.told.len(), 1);
    assert!(
        host.told[0].starts_with("log 1 the connector panicked: no action is called a dance"),
        "{:?}",
        host.told
    );
    // The instance is in doubt, not the process: the handle still answers, and drops.
    connector.snapshot(&mut host).unwrap();
}

#[test]
fn a_panic_of_the_host_does_not_cross_into_the_connector() {
    let (mut connector, _alive) = parrot();
    let mut host = Host {
        panics: true,
        ..Host::default()
    };
    connector.command(NOW, 1, "emit", b"want", &mut host).unwrap();
    assert!(host.told.is_empty(), "each callback was answered as refused");
}

#[test]
fn dropping_the_handle_drops_the_instance_even_if_its_destructor_panics() {
    let (connector, alive) = parrot();
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(connector);
    assert_eq!(Arc::strong_count(&alive), 1);
    drop(Connector::linked(Parrot { alive: None }));
}

#[test]
fn a_factory_that_fails_or_panics_says_why() {
    let refused = |factory| match create_guarded("x".into(), b"{}"[..].into(), factory) {
        colibri_abi::reexport::RErr(text) => text.into_string(),
        colibri_abi::reexport::ROk(_) => panic!("it was made"),
    };
    assert_eq!(refused(|name, _| Err(format!("no {name}"))), "no x");
    let said = refused(|_, _| -> Result<Created, String> { panic!("not made") });
    assert!(said.starts_with("create panicked: not made at "), "{said}");
}
