//! Orders over the account's stream, and over HTTP where that is not to be had.

use colibri_abi::{Now, OrderOp, Out, op_flag, op_kind};
use colibri_standard::{BatchEndpoint, OrderEntry, Outcome, RejectReason, SessionRole, StreamOrderEndpoints};

use super::*;

/// The account's stream takes placements and cancels; amends go over HTTP alone.
fn stream_setup() -> DriverSetup {
    let mut setup = setup();
    let mut cancel = setup.manifest.endpoints["stream_order"].clone();
    cancel.path = "order.cancel".to_owned();
    setup.manifest.endpoints.insert("stream_cancel".to_owned(), cancel);
    setup.manifest.orders.amend = Some("once".to_owned());
    setup.manifest.orders.entry = OrderEntry::Stream;
    setup.manifest.orders.stream = Some(StreamOrderEndpoints {
        place: "stream_order".to_owned(),
        cancel: "stream_cancel".to_owned(),
        amend: None,
        replace: None,
    });
    setup
}

/// Opens the account's session, and sends each order as it is told to; `done N`, `refused N` end an order.
fn behaviour() -> impl FnMut(Now, &Heard, &mut Out<'_>) + Send + 'static {
    let (mut opening, mut stream) = (0, 20);
    move |now, heard, out| match heard {
        Heard::Command(op, kind, _) if kind == "open_session" => {
            opening = *op;
            stream += 1;
            open_stream(stream, 2, "wss://ws.example.com/ws", out);
        }
        Heard::Opened(_) => finish(opening, &Outcome::Done, out),
        Heard::Orders(orders) => {
            for order in orders {
                send_order(stream, order, out);
            }
        }
        Heard::Frame(_, bytes) => {
            let words = String::from_utf8(bytes.clone()).unwrap();
            let (word, op) = words.split_once(' ').unwrap();
            let outcome = match word {
                "done" => Outcome::Done,
                "skewed" => Outcome::ClockSkew(Refusal::new(RejectReason::BadRequest, "recvWindow")),
                _ => Outcome::Rejected(Refusal::new(RejectReason::InsufficientBalance, "no")),
            };
            finish(op.parse().unwrap(), &outcome, out);
        }
        _ => ordinary(now, heard, out),
    }
}

fn send_order(stream: u32, order: &OrderOp, out: &mut Out<'_>) {
    let op = order.grant.op;
    if !order.is_over_stream() {
        let (endpoint, path) = match order.kind {
            op_kind::PLACE => ("place", "/order"),
            op_kind::CANCEL => ("cancel", "/order"),
            _ => ("once", "/once"),
        };
        if endpoint == "once" {
            plain_request(op, endpoint, "https://api.example.com/v1/once", out);
        } else {
            signed_request(op, endpoint, path, out);
        }
        return;
    }
    let endpoint = if order.kind == op_kind::PLACE {
        "stream_order"
    } else {
        "stream_cancel"
    };
    out.send(&StreamSend {
        stream,
        kind: 1,
        op,
        endpoint: endpoint.into(),
        frame: format!("order {op}").as_bytes().into(),
        signs: RSlice::from_slice(&[]),
        ext: [0; 4],
    });
}

fn bench_of(setup: &DriverSetup) -> (Bench, StreamId) {
    let mut inner = behaviour();
    let (connector, heard) = scripted(move |now, heard, out| match heard {
        Heard::Command(op, kind, _) if kind == "server_time" => unsupported(*op, out),
        _ => inner(now, heard, out),
    });
    let mut bench = Bench::set_up(setup, connector, heard);
    bench.driver.want(SessionRole::User, vec![]);
    bench.wake();
    let stream = bench.dialed()[0];
    bench.post(Input::StreamOpened { stream });
    assert_eq!(bench.told.sessions, [(SessionRole::User, SessionStatus::Live)]);
    (bench, stream)
}

fn live() -> (Bench, StreamId) {
    bench_of(&stream_setup())
}

fn say(bench: &mut Bench, stream: StreamId, text: &str) {
    bench.post(Input::Frame {
        stream,
        kind: crate::FrameKind::Text,
        bytes: text.as_bytes(),
    });
}

/// The frames that went out since the last call.
fn frames(bench: &mut Bench) -> Vec<crate::OutgoingFrame> {
    let mut frames = Vec::new();
    bench.effects.retain(|effect| match effect {
        Effect::SendFrame(frame) => {
            frames.push(frame.clone());
            false
        }
        _ => true,
    });
    frames
}

fn texts(bench: &mut Bench) -> Vec<String> {
    frames(bench)
        .into_iter()
        .map(|frame| String::from_utf8(frame.bytes).unwrap())
        .collect()
}

fn entry(bench: &Bench) -> (OrderEntry, Option<&'static str>) {
    let health = bench.driver.health().order_entry;
    assert_eq!(health.chosen, OrderEntry::Stream);
    (health.now, health.why)
}

fn used(bench: &Bench, pool: &str) -> u64 {
    let pools = bench.driver.health().pools;
    pools.iter().find(|p| p.pool == pool).unwrap().used
}

#[test]
fn an_order_goes_out_as_a_frame_and_ends_as_its_answer_says() {
    let (mut bench, stream) = live();
    assert_eq!(entry(&bench), (OrderEntry::Stream, None));
    bench.orders(&[(1, op_kind::PLACE, 1), (2, op_kind::CANCEL, 1)]);
    assert_eq!(texts(&mut bench), ["order 1", "order 2"]);
    assert!(bench.requests().is_empty());
    say(&mut bench, stream, "done 2");
    say(&mut bench, stream, "refused 1");
    assert_eq!(bench.outcome(2), Some(&Outcome::Done));
    assert!(matches!(bench.outcome(1), Some(Outcome::Rejected(_))));
    assert_eq!(bench.driver.health().order_entry.over_stream, 2);
}

#[test]
fn what_the_stream_does_not_take_goes_over_http() {
    let (mut bench, _) = live();
    bench.order(1, op_kind::AMEND);
    assert!(texts(&mut bench).is_empty());
    assert_eq!(bench.requests().len(), 1);
}

#[test]
fn by_default_orders_go_over_http() {
    let mut setup = stream_setup();
    setup.manifest.orders.entry = OrderEntry::Http;
    let (mut bench, _) = bench_of(&setup);
    bench.place(1);
    assert_eq!(bench.requests().len(), 1);
    let health = bench.driver.health().order_entry;
    assert_eq!(
        (health.chosen, health.now, health.why),
        (OrderEntry::Http, OrderEntry::Http, None)
    );
}

#[test]
fn orders_on_a_stream_make_no_batches() {
    let mut setup = stream_setup();
    setup.manifest.orders.batch_place = Some(BatchEndpoint {
        endpoint: "place".to_owned(),
        most: 5,
        one_instrument: false,
    });
    let (mut bench, _) = bench_of(&setup);
    bench.orders(&[(1, op_kind::PLACE, 1), (2, op_kind::PLACE, 1)]);
    assert_eq!(texts(&mut bench), ["order 1", "order 2"]);
}

#[test]
fn a_stream_that_is_lost_after_the_write_leaves_the_order_unknown_and_nothing_is_sent_again() {
    let (mut bench, stream) = live();
    bench.place(1);
    assert_eq!(texts(&mut bench).len(), 1);
    bench.post(Input::StreamClosed {
        stream,
        code: 1006,
        reason: "reset",
    });
    assert!(bench.outcome(1).unwrap().is_unknown());
    bench.pass(60_000);
    assert!(texts(&mut bench).is_empty());
    assert!(bench.requests().is_empty());
}

/// Its end is one input, however many orders it takes along.
#[test]
fn a_connector_may_end_by_itself_all_that_was_out_on_a_stream() {
    let mut setup = stream_setup();
    for pool in setup.manifest.pools.values_mut() {
        pool.limit = 1_000;
    }
    let (mut inner, mut sent) = (behaviour(), Vec::new());
    let (connector, heard) = scripted(move |now, heard, out| match heard {
        Heard::Command(op, kind, _) if kind == "server_time" => unsupported(*op, out),
        Heard::Orders(orders) => {
            sent.extend(orders.iter().map(|order| order.grant.op));
            inner(now, heard, out);
        }
        Heard::Closed(..) => {
            for op in sent.drain(..) {
                let lost = Refusal::new(RejectReason::NotConnected, "the stream was lost");
                finish(op, &Outcome::Unknown(lost), out);
            }
        }
        _ => inner(now, heard, out),
    });
    let mut bench = Bench::set_up(&setup, connector, heard);
    bench.driver.want(SessionRole::User, vec![]);
    bench.wake();
    let stream = bench.dialed()[0];
    bench.post(Input::StreamOpened { stream });
    let orders: Vec<_> = (1..=100).map(|op| (op, op_kind::CANCEL, 1)).collect();
    bench.orders(&orders);
    assert_eq!(texts(&mut bench).len(), 100);
    bench.post(Input::StreamClosed {
        stream,
        code: 1006,
        reason: "reset",
    });
    assert_eq!(bench.driver.health().connector, crate::ConnectorState::Running);
    assert!((1..=100).all(|op| bench.outcome(op).unwrap().is_unknown()));
}

#[test]
fn while_the_stream_is_down_orders_go_over_http() {
    let (mut bench, stream) = live();
    bench.post(Input::StreamClosed {
        stream,
        code: 1006,
        reason: "reset",
    });
    assert_eq!(
        entry(&bench),
        (OrderEntry::Http, Some("the account's stream is not live"))
    );
    bench.place(1);
    bench.order(2, op_kind::CANCEL);
    let requests = bench.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        bench.answer(request.id, 200, &[], "");
    }
    assert_eq!(bench.outcome(1), Some(&Outcome::Done));
    assert_eq!(bench.outcome(2), Some(&Outcome::Done));
    assert!(bench.heard().iter().all(|heard| match heard {
        Heard::Orders(orders) => orders.iter().all(|o| o.flags & op_flag::OVER_STREAM == 0),
        _ => true,
    }));
}

/// Nothing of it was written, so it may go out: as the same operation, to the same limits.
#[test]
fn an_order_that_did_not_get_onto_the_stream_goes_over_http_once() {
    let (mut bench, stream) = live();
    bench.place(1);
    let frame = frames(&mut bench)[0].id;
    bench.post(Input::FrameRefused {
        stream,
        frame,
        reason: "the stream is closed",
    });
    assert_eq!(bench.outcome(1), None);
    let requests = bench.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(used(&bench, "orders"), 1, "what was not sent is not counted");
    bench.answer(requests[0].id, 200, &[], "");
    assert_eq!(bench.outcome(1), Some(&Outcome::Done));
    assert_eq!(bench.driver.health().order_entry.fallen_back, 1);
}

#[test]
fn what_fails_over_http_too_is_told() {
    let (mut bench, stream) = live();
    bench.place(1);
    let frame = frames(&mut bench)[0].id;
    bench.post(Input::FrameRefused {
        stream,
        frame,
        reason: "the stream is closed",
    });
    let request = bench.requests()[0].id;
    bench.fail(request, HttpFailure::NotSent("no route".to_owned()));
    assert!(matches!(bench.outcome(1), Some(Outcome::NotSent(r)) if r.reason == RejectReason::NotConnected));
    assert!(bench.requests().is_empty());
}

/// A frame that waits for room on its connection is not written yet.
#[test]
fn an_order_that_waited_when_the_stream_went_goes_over_http() {
    let mut setup = stream_setup();
    let pool = setup.manifest.pools.get_mut("frames").unwrap();
    pool.limit = 1;
    let (mut bench, stream) = bench_of(&setup);
    bench.order(1, op_kind::CANCEL);
    bench.order(2, op_kind::CANCEL);
    assert_eq!(texts(&mut bench), ["order 1"]);
    bench.post(Input::StreamClosed {
        stream,
        code: 1001,
        reason: "going away",
    });
    assert!(bench.outcome(1).unwrap().is_unknown());
    assert_eq!(bench.outcome(2), None);
    assert_eq!(bench.requests().len(), 1);
}

#[test]
fn an_order_that_is_not_answered_in_time_is_unknown_and_its_stream_is_opened_again() {
    let (mut bench, _) = live();
    bench.place(1);
    bench.pass(3_001);
    assert!(bench.outcome(1).unwrap().is_unknown());
    assert!(
        bench
            .told
            .rests
            .iter()
            .any(|(role, why, _)| { *role == SessionRole::User && why == "it left an order unanswered" })
    );
    bench.pass(5_000);
    assert_eq!(bench.dialed().len(), 1);
    assert!(bench.requests().is_empty(), "it is not sent again");
}

#[test]
fn a_stream_that_leaves_an_order_unanswered_gets_no_more_until_it_answers() {
    let (mut bench, stream) = live();
    bench.place(1);
    bench.pass(2_500);
    bench.wake();
    assert_eq!(
        entry(&bench),
        (
            OrderEntry::Http,
            Some("the account's stream leaves an order unanswered")
        )
    );
    frames(&mut bench);
    bench.order(2, op_kind::CANCEL);
    assert_eq!((texts(&mut bench).len(), bench.requests().len()), (0, 1));
    say(&mut bench, stream, "done 1");
    bench.order(3, op_kind::CANCEL);
    assert_eq!((texts(&mut bench).len(), bench.requests().len()), (1, 0));
}

/// A refusal that no frame brought is no evidence of what was written.
#[test]
fn only_a_frame_can_refuse_what_was_written() {
    let mut inner = behaviour();
    let mut bench = {
        let (connector, heard) = scripted(move |now, heard, out| match heard {
            Heard::Command(op, kind, _) if kind == "server_time" => unsupported(*op, out),
            Heard::Command(op, kind, _) if kind == "balances" => {
                let refused = Outcome::Rejected(Refusal::new(RejectReason::BadRequest, "I think"));
                finish(1, &refused, out);
                finish(*op, &Outcome::Done, out);
            }
            _ => inner(now, heard, out),
        });
        Bench::set_up(&stream_setup(), connector, heard)
    };
    bench.driver.want(SessionRole::User, vec![]);
    bench.wake();
    let stream = bench.dialed()[0];
    bench.post(Input::StreamOpened { stream });
    bench.place(1);
    bench.command(2, &balances());
    assert!(bench.outcome(1).unwrap().is_unknown());
}

#[test]
fn an_order_refused_for_its_time_runs_again_on_the_stream_once_the_time_is_known() {
    let mut setup = stream_setup();
    setup.manifest.timestamps.window_ms = Millis(5_000);
    let mut inner = behaviour();
    let (connector, heard) = scripted(move |now, heard, out| match heard {
        Heard::Command(op, kind, _) if kind == "server_time" => {
            out.want(*op, "query");
        }
        Heard::Response(op, ..) => {
            let time = Event::Time(colibri_standard::TimeEvent {
                exchange_time: WallNs(now.wall_ns),
            });
            out.event(time.kind(), &time.to_json());
            finish(*op, &Outcome::Done, out);
        }
        Heard::Granted(grant) => {
            plain_request(grant.op, "query", "https://api.example.com/v1/query", out);
        }
        _ => inner(now, heard, out),
    });
    let mut bench = Bench::set_up(&setup, connector, heard);
    let answer_time = |bench: &mut Bench| {
        for request in bench.requests() {
            bench.answer(request.id, 200, &[], "");
        }
    };
    answer_time(&mut bench);
    bench.driver.want(SessionRole::User, vec![]);
    bench.wake();
    let stream = bench.dialed()[0];
    bench.post(Input::StreamOpened { stream });
    bench.place(1);
    assert_eq!(texts(&mut bench), ["order 1"]);
    say(&mut bench, stream, "skewed 1");
    assert_eq!(bench.outcome(1), None);
    bench.wake();
    answer_time(&mut bench);
    let again = texts(&mut bench);
    assert_eq!(again.len(), 1, "the same order, built anew");
    say(
        &mut bench,
        stream,
        &format!("done {}", again[0].trim_start_matches("order ")),
    );
    assert_eq!(bench.outcome(1), Some(&Outcome::Done));
}

/// The end of a connection's life is no accident: what is out on it is awaited first.
#[test]
fn a_connection_of_age_is_replaced_once_its_orders_are_answered() {
    let mut setup = stream_setup();
    setup.manifest.liveness.user_silence_ms = Millis(0);
    let (mut bench, stream) = bench_of(&setup);
    bench.pass(3_528_000 - 200);
    assert_eq!(
        bench.told.sessions.last(),
        Some(&(SessionRole::User, SessionStatus::Live))
    );
    bench.place(1);
    bench.pass(300);
    assert_eq!(
        entry(&bench),
        (OrderEntry::Http, Some("the account's stream is about to be replaced"))
    );
    bench.order(2, op_kind::CANCEL);
    assert_eq!(bench.requests().len(), 1);
    say(&mut bench, stream, "done 1");
    assert_eq!(bench.outcome(1), Some(&Outcome::Done));
    bench.pass(10);
    assert_eq!(bench.dialed().len(), 1, "at once");
}

#[test]
fn a_connector_that_is_replaced_gives_its_orders_to_nobody() {
    let (mut bench, _) = live();
    bench.place(1);
    let (connector, _) = scripted(ordinary);
    let time = bench.time();
    bench.driver.replace_connector(connector, time, &mut bench.told);
    assert!(bench.outcome(1).unwrap().is_unknown());
    assert_eq!(bench.driver.health().queued, 0);
}
