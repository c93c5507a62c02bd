//! The machine between a connector and the boundary, on what the first connectors do not need yet: sessions that begin
//! with a question, requests over a stream, keep-alives, restarts.

#![allow(clippy::unwrap_used, missing_docs)]

use colibri_sdk::abi::{OrderOp, Text48, op_kind};
use colibri_sdk::model::{Exponents, InstrumentId, Millis};
use colibri_sdk::standard::{
    Capability, Channel, CloseSession, Command, ConnectorConfig, EnvironmentConfig, Event, MendSession, NoticeKind,
    OpenSession, Outcome, Refusal, RejectReason, SessionRole, SessionStatus, Subscription, UpdateSession,
    UseInstruments, UsedInstrument,
};
use colibri_sdk::testing::{Action, Refuse, Stage, events, outcome};
use colibri_sdk::{
    Asked, Authentication, Call, Emit, Frame, Heard, Moment, Opening, OrderRef, PlaceOrder, Reply, Request,
    SessionPlan, Signature, Spot, SpotRuntime, Step, Topic, TopicChange, Unreadable, unsupported,
};

#[path = "session_flow/parts.rs"]
mod parts;

/// Asks for a token before its user stream, takes orders over that stream, and keeps it alive. Its frames are words:
/// `ok <id>`, `no <id>`, `bye`, `gone`, `bad`, anything else is data.
struct Streaming;

impl Spot for Streaming {
    fn capabilities(&self) -> &'static [Capability] {
        &[]
    }
    fn authenticate(&self, request: &mut Request, _: Authentication, moment: &Moment) {
        request.add_header("nonce", moment.nonce());
    }
    fn refusal(&self, reply: &Reply<'_>) -> Outcome {
        Outcome::Unknown(Refusal::new(RejectReason::ExchangeFault, reply.status().to_string()))
    }
    fn place(&self, order: &PlaceOrder<'_>) -> Asked {
        let id = order.client_id.to_owned();
        Ok(Call::to("place", move |call, _| {
            Frame::text(format!("place {id} {call} ${{s}}")).signed(Signature::new("s", "secret").over(id.as_str()))
        })
        .reads(|reply, out| {
            out.debug(std::str::from_utf8(reply.body()).unwrap());
            Ok(Step::Done)
        }))
    }
    fn cancel(&self, _: &OrderRef<'_>) -> Asked {
        Err(unsupported("cancelling"))
    }
    fn instruments(&self) -> Asked {
        Err(unsupported("x"))
    }
    fn server_time(&self) -> Asked {
        Ok(Request::to("time", "/time").at("nowhere").reads(|_, _| Ok(Step::Done)))
    }
    fn book_snapshot(&self, _: &UsedInstrument, _: u32) -> Asked {
        Err(unsupported("x"))
    }
    fn balances(&self) -> Asked {
        Err(unsupported("x"))
    }
    fn open_orders(&self, _: Option<&UsedInstrument>) -> Asked {
        Err(unsupported("x"))
    }
    fn order_status(&self, _: &OrderRef<'_>) -> Asked {
        Err(unsupported("x"))
    }
    fn trades_since(&self, _: &UsedInstrument, _: &colibri_sdk::standard::TradesSince) -> Asked {
        Err(unsupported("x"))
    }
    fn session(&self, role: SessionRole) -> Result<Opening, Refusal> {
        if role == SessionRole::Market {
            return Ok(Opening::Stream(
                SessionPlan::stream("market", "stream", "/m").most_topics(1),
            ));
        }
        let ask = Request::to("token", "/token").signed().reads(|reply, _| {
            let token = std::str::from_utf8(reply.body()).unwrap().to_owned();
            let plan = SessionPlan::stream("user", "stream", format!("/u?token={token}"))
                .keep_alive(Millis(15_000), "ping")
                .answer_within(Millis(3_000));
            Ok(Step::Open(plan))
        });
        Ok(Opening::Ask(ask))
    }
    fn topics(&self, change: TopicChange, topics: &[Topic<'_>], id: u64) -> String {
        format!("{change:?} {} {id}", topics.len())
    }
    fn frame(&mut self, _: SessionRole, bytes: &[u8], _: &mut Emit<'_>) -> Result<Heard, Unreadable> {
        let text = std::str::from_utf8(bytes).map_err(Unreadable::new)?;
        let id = text.split(' ').nth(1).and_then(|id| id.parse().ok());
        Ok(match text.split(' ').next().unwrap() {
            "ok" => Heard::Answer { id, result: Ok(()) },
            "no" => Heard::Answer {
                id,
                result: Err(Outcome::Rejected(Refusal::new(RejectReason::NotPermitted, "no"))),
            },
            "bye" => Heard::Shutdown("bye".to_owned()),
            "gone" => Heard::Ended("gone".to_owned()),
            "bad" => return Err(Unreadable::of(InstrumentId(1), "bad")),
            _ => Heard::Data,
        })
    }
}

fn config() -> ConnectorConfig {
    ConnectorConfig {
        environment: EnvironmentConfig {
            name: "live".to_owned(),
            addresses: [("rest", "https://x.example.com"), ("stream", "wss://y.example.com")]
                .map(|(role, address)| (role.to_owned(), address.to_owned()))
                .into(),
        },
        ..ConnectorConfig::default()
    }
}

fn stage() -> Stage {
    let mut stage = Stage::new(SpotRuntime::new(Box::new(Streaming), &config()).unwrap());
    let used = |(id, pair, symbol): (u32, &str, &str)| UsedInstrument {
        id: InstrumentId(id),
        pair: pair.parse().unwrap(),
        symbol: symbol.to_owned(),
        exponents: Exponents {
            price: -2,
            quantity: -2,
        },
        contract: None,
    };
    let set = UseInstruments {
        instruments: [(1, "A-B", "AB"), (2, "C-D", "CD"), (3, "E-F", "EF")].map(used).into(),
    };
    stage.command(100, &Command::UseInstruments(set));
    stage
}

fn open(role: SessionRole) -> Command {
    Command::OpenSession(OpenSession {
        session: 2,
        role,
        subscriptions: Vec::new(),
    })
}

fn live() -> Stage {
    let mut stage = stage();
    stage.ask(1, &open(SessionRole::User), 200, b"abc");
    let actions = stage.stream_opened(1);
    assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
    stage
}

fn place(op: u64) -> OrderOp {
    let mut order = OrderOp {
        kind: op_kind::PLACE,
        instrument: 1,
        side: 1,
        order_type: 1,
        time_in_force: 1,
        price: 1,
        quantity: 1,
        client_id: Text48::new("me").unwrap(),
        ..OrderOp::default()
    };
    order.grant.op = op;
    order
}

#[test]
fn a_session_may_begin_with_a_question() {
    let mut stage = stage();
    let actions = stage.command(1, &open(SessionRole::User));
    assert!(matches!(actions.as_slice(), [Action::Want { op: 1, endpoint }] if endpoint == "token"));
    let actions = stage.granted(1);
    assert!(
        matches!(&actions[0], Action::Request { headers, .. } if headers[0] == ("nonce".to_owned(), "1".to_owned()))
    );
    let actions = stage.response(1, 200, b"abc");
    assert!(
        matches!(actions.as_slice(), [Action::Open { stream: 1, session: 2, url, .. }] if url == "wss://y.example.com/u?token=abc")
    );
    let actions = stage.stream_opened(1);
    assert!(actions.iter().any(|a| matches!(
        a,
        Action::Timer {
            at_mono_ns: 15_000_000_000,
            ..
        }
    )));
    assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
}

#[test]
fn a_question_that_fails_opens_nothing() {
    let mut stage = stage();
    let actions = stage.ask(1, &open(SessionRole::User), 500, b"");
    assert!(outcome(&actions, 1).unwrap().is_unknown());
    assert_eq!(actions.len(), 1);
    stage.command(2, &open(SessionRole::User));
    stage.ended(2, 10);
    assert!(stage.granted(2).is_empty(), "the host has ended it");
}

#[test]
fn a_stream_is_kept_alive() {
    let mut stage = live();
    stage.pass_ms(15_000);
    let actions = stage.timer(2 * 4 + 1);
    assert!(matches!(&actions[0], Action::Send { op: 0, frame, .. } if frame == "ping"));
    assert!(matches!(
        &actions[1],
        Action::Timer {
            at_mono_ns: 30_000_000_000,
            ..
        }
    ));
    assert!(stage.timer(77).is_empty(), "a timer of nobody");
}

#[test]
fn an_order_over_a_stream_ends_with_the_answer_of_its_id() {
    let mut stage = live();
    let actions = stage.orders(&[place(5), place(6)]);
    let [
        Action::Send {
            op: 5, frame, signed, ..
        },
        Action::Send { op: 6, .. },
    ] = actions.as_slice()
    else {
        panic!("{actions:?}");
    };
    assert_eq!((frame.as_str(), signed[0].preimage.as_str()), ("place me 1 ${s}", "me"));
    let actions = stage.frame(1, b"ok 2");
    assert_eq!(outcome(&actions, 6), Some(Outcome::Done));
    assert!(
        matches!(&actions[0], Action::Log { text, .. } if text == "ok 2"),
        "the answer is read"
    );
    assert!(matches!(
        outcome(&stage.frame(1, b"no 1"), 5),
        Some(Outcome::Rejected(_))
    ));
    assert!(stage.frame(1, b"ok 1").is_empty(), "an answer twice");
    assert!(stage.frame(1, b"ok").is_empty(), "an answer to nothing");
}

#[test]
fn an_order_over_a_stream_that_is_lost_is_unknown_and_without_one_not_sent() {
    let mut stage = live();
    stage.orders(&[place(5)]);
    let actions = stage.stream_closed(1, 1006, "");
    assert!(outcome(&actions, 5).unwrap().is_unknown());
    let actions = stage.orders(&[place(6)]);
    assert!(
        matches!(outcome(&actions, 6), Some(Outcome::NotSent(r)) if r.reason == RejectReason::NotConnected),
        "{actions:?}"
    );
}

fn statuses(actions: &[Action]) -> Vec<SessionStatus> {
    events(actions)
        .into_iter()
        .filter_map(|e| match e {
            Event::Session(s) => Some(s.status),
            _ => None,
        })
        .collect()
}

#[test]
fn the_end_of_a_session_is_told_once() {
    let mut stage = live();
    let told = events(&stage.frame(1, b"bye"));
    assert!(matches!(&told[0], Event::Notice(n) if n.kind == NoticeKind::Shutdown { session: 2 }));
    assert_eq!(statuses(&stage.frame(1, b"gone")), [SessionStatus::Down]);
    assert!(stage.stream_closed(1, 1000, "").is_empty());
    assert!(stage.frame(1, b"gone").is_empty());

    let mut stage = live();
    let actions = stage.command(9, &Command::CloseSession(CloseSession { session: 2 }));
    assert_eq!(
        (statuses(&actions), outcome(&actions, 9)),
        (vec![SessionStatus::Down], Some(Outcome::Done))
    );

    let mut stage = live();
    let actions = stage.command(9, &open(SessionRole::User));
    assert_eq!(
        statuses(&actions),
        [SessionStatus::Down],
        "opened anew, the old stream is closed"
    );
    assert!(actions.iter().any(|a| matches!(a, Action::Close { stream: 1, .. })));
}

#[test]
fn an_unreadable_frame_names_the_book_in_doubt() {
    let told = events(&live().frame(1, b"bad"));
    assert!(
        matches!(&told[0], Event::Notice(n) if n.kind == NoticeKind::Unreadable { session: 2, instrument: Some(InstrumentId(1)) })
    );
    assert_eq!(events(&live().frame(1, b"\xff")).len(), 1);
}

#[test]
fn more_topics_than_a_stream_carries_are_refused() {
    let mut stage = stage();
    let mut command = OpenSession {
        session: 1,
        role: SessionRole::Market,
        subscriptions: vec![Subscription {
            instrument: InstrumentId(1),
            channels: vec![Channel::Book, Channel::Top],
        }],
    };
    stage.command(1, &Command::OpenSession(command.clone()));
    let actions = stage.stream_opened(1);
    assert!(matches!(outcome(&actions, 1), Some(Outcome::NotSent(r)) if r.reason == RejectReason::DoesNotFit));
    command.subscriptions[0].instrument = InstrumentId(44);
    stage.command(2, &Command::OpenSession(command));
    let actions = stage.stream_opened(2);
    assert!(matches!(outcome(&actions, 2), Some(Outcome::NotSent(r)) if r.reason == RejectReason::BadRequest));
}

#[test]
fn the_host_may_end_an_opening() {
    let mut stage = stage();
    stage.ask(1, &open(SessionRole::User), 200, b"abc");
    let actions = stage.ended(1, 10);
    assert!(actions.iter().any(|a| matches!(a, Action::Close { stream: 1, .. })));
    assert!(stage.stream_opened(1).is_empty());
}

#[test]
fn what_the_host_does_not_take_ends() {
    let mut stage = stage();
    stage.refuse(Refuse::Everything);
    assert!(matches!(
        outcome(&stage.command(1, &open(SessionRole::User)), 1),
        Some(Outcome::NotSent(_))
    ));
    assert!(matches!(
        outcome(&stage.command(2, &open(SessionRole::Market)), 2),
        Some(Outcome::NotSent(_))
    ));
}

#[test]
fn an_address_that_the_environment_lacks_is_told() {
    let mut stage = stage();
    stage.command(1, &Command::ServerTime(colibri_sdk::standard::ServerTime {}));
    let actions = stage.granted(1);
    assert!(
        outcome(&actions, 1)
            .unwrap()
            .refusal()
            .unwrap()
            .text
            .contains("nowhere")
    );
}

/// An instance that goes on from the state of another.
fn later(stage: &mut Stage) -> Stage {
    let actions = stage.snapshot();
    let [Action::Snapshot(state)] = actions.as_slice() else {
        panic!("{actions:?}")
    };
    let config = ConnectorConfig {
        state: Some(serde_json::from_slice(state).unwrap()),
        ..config()
    };
    Stage::new(SpotRuntime::new(Box::new(Streaming), &config).unwrap())
}

#[test]
fn a_later_instance_goes_on_from_the_state_of_an_earlier_one() {
    let mut stage = live();
    let mut later = later(&mut stage);
    let subscriptions = vec![Subscription {
        instrument: InstrumentId(1),
        channels: vec![Channel::Book],
    }];
    let close = Command::CloseSession(CloseSession { session: 2 });
    let actions = later.command(9, &close);
    let closed = actions.iter().any(|a| matches!(a, Action::Close { stream: 1, .. }));
    assert!(closed, "the session is known: {actions:?}");
    let actions = later.command(
        1,
        &Command::OpenSession(OpenSession {
            session: 1,
            role: SessionRole::Market,
            subscriptions,
        }),
    );
    assert!(
        matches!(actions.as_slice(), [Action::Open { stream: 2, .. }]),
        "numbers go on: {actions:?}"
    );
    let actions = later.stream_opened(2);
    assert!(
        actions
            .iter()
            .any(|a| matches!(a, Action::Send { frame, .. } if frame == "Subscribe 1 1"))
    );
    let bad = ConnectorConfig {
        state: Some(serde_json::Value::from(5)),
        ..config()
    };
    assert!(SpotRuntime::new(Box::new(Streaming), &bad).is_err());
}
