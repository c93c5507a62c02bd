//! Several order operations in one request: a result for each, whatever the answer leaves out.

#![allow(clippy::unwrap_used, missing_docs)]

use colibri_sdk::abi::{OrderOp, Text48, op_kind, outcome_kind};
use colibri_sdk::model::{ClientOrderId, Exponents, FillCause, InstrumentId};
use colibri_sdk::standard::{
    Capability, Command, ConnectorConfig, EnvironmentConfig, Event, OrderEvent, OrderStatus, Outcome, Refusal,
    RejectReason, ReportSource, SessionRole, TradesSince, UseInstruments, UsedInstrument,
};
use colibri_sdk::testing::{Action, Refuse, Stage, events, outcome};
use colibri_sdk::{
    Asked, Authentication, Emit, Heard, Moment, Opening, OrderRef, PlaceOrder, Reply, Request, Spot, SpotRuntime, Step,
    Topic, TopicChange, Unreadable, unsupported,
};

/// Places batches. Its answer is a word for each order: `ok`, `no`, `lost`; fewer words than orders where it was cut.
struct Batching;

impl Spot for Batching {
    fn capabilities(&self) -> &'static [Capability] {
        &[Capability::BatchPlace]
    }
    fn authenticate(&self, _: &mut Request, _: Authentication, _: &Moment) {}
    fn refusal(&self, reply: &Reply<'_>) -> Outcome {
        let refusal = Refusal::new(RejectReason::BadRequest, reply.status().to_string());
        if reply.status() < 500 {
            Outcome::Rejected(refusal)
        } else {
            Outcome::Unknown(refusal)
        }
    }
    fn place(&self, order: &PlaceOrder<'_>) -> Asked {
        Ok(Request::to("place", "/order")
            .query("id", order.client_id)
            .reads(|_, _| Ok(Step::Done)))
    }
    fn place_batch(&self, orders: &[PlaceOrder<'_>]) -> Asked {
        let ids: Vec<ClientOrderId> = orders
            .iter()
            .map(|o| ClientOrderId::new(o.client_id).unwrap())
            .collect();
        let list = ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(",");
        if list.contains("bad") {
            return Err(Refusal::new(RejectReason::BadRequest, "a bad id"));
        }
        Ok(Request::to("batch", "/orders")
            .query("ids", list)
            .reads(move |reply, out| {
                let text = std::str::from_utf8(reply.body()).unwrap();
                let mut outcomes = Vec::new();
                for (at, word) in text.split(' ').filter(|w| !w.is_empty()).enumerate() {
                    out.of_item(at);
                    outcomes.push(match word {
                        "ok" => {
                            out.event(OrderEvent {
                                instrument: Some(InstrumentId(1)),
                                symbol: "AB".to_owned(),
                                client_id: ids.get(at).cloned(),
                                previous_client_id: None,
                                exchange_id: None,
                                op: out.op(),
                                source: ReportSource::Ack,
                                status: OrderStatus::Open,
                                side: None,
                                order_type: None,
                                time_in_force: None,
                                price: None,
                                quantity: None,
                                filled: None,
                                filled_quote: None,
                                reason: None,
                                exchange_time: None,
                                terms: None,
                                cause: FillCause::Order,
                                trigger: None,
                            });
                            Outcome::Done
                        }
                        "no" => Outcome::Rejected(Refusal::new(RejectReason::InsufficientBalance, "no")),
                        _ => Outcome::Unknown(Refusal::new(RejectReason::ExchangeFault, word)),
                    });
                }
                Ok(if text == "fine" {
                    Step::Done
                } else {
                    Step::Items(outcomes)
                })
            }))
    }
    fn cancel(&self, _: &OrderRef<'_>) -> Asked {
        Err(unsupported("cancelling"))
    }
    fn instruments(&self) -> Asked {
        Err(unsupported("x"))
    }
    fn server_time(&self) -> Asked {
        Err(unsupported("x"))
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
    fn trades_since(&self, _: &UsedInstrument, _: &TradesSince) -> Asked {
        Err(unsupported("x"))
    }
    fn session(&self, _: SessionRole) -> Result<Opening, Refusal> {
        Err(unsupported("x"))
    }
    fn topics(&self, _: TopicChange, _: &[Topic<'_>], _: u64) -> String {
        String::new()
    }
    fn frame(&mut self, _: SessionRole, _: &[u8], _: &mut Emit<'_>) -> Result<Heard, Unreadable> {
        Ok(Heard::Data)
    }
}

fn stage() -> Stage {
    let config = ConnectorConfig {
        environment: EnvironmentConfig {
            name: "live".to_owned(),
            addresses: [("rest".to_owned(), "https://x.example.com".to_owned())].into(),
        },
        ..ConnectorConfig::default()
    };
    let mut stage = Stage::new(SpotRuntime::new(Box::new(Batching), &config).unwrap());
    let set = UseInstruments {
        instruments: vec![UsedInstrument {
            id: InstrumentId(1),
            pair: "A-B".parse().unwrap(),
            symbol: "AB".to_owned(),
            exponents: Exponents {
                price: -2,
                quantity: -2,
            },
            contract: None,
        }],
    };
    stage.command(100, &Command::UseInstruments(set));
    stage
}

fn order(op: u64, id: &str) -> OrderOp {
    let mut order = OrderOp {
        kind: op_kind::PLACE,
        instrument: 1,
        side: 1,
        order_type: 1,
        time_in_force: 1,
        price: 1,
        quantity: 1,
        client_id: Text48::new(id).unwrap(),
        ..OrderOp::default()
    };
    order.grant.op = op;
    order
}

fn batch() -> [OrderOp; 3] {
    [order(11, "a"), order(12, "b"), order(13, "c")].map(|o| o.in_batch_of(11))
}

fn requests(actions: &[Action]) -> Vec<(u64, String)> {
    actions
        .iter()
        .filter_map(|a| match a {
            Action::Request { op, url, .. } => Some((*op, url.clone())),
            _ => None,
        })
        .collect()
}

#[test]
fn one_request_and_a_result_for_each() {
    let mut stage = stage();
    // One that goes out by itself stands between them.
    let [a, b, c] = batch();
    let actions = stage.orders(&[a, order(20, "alone"), b, c]);
    assert_eq!(
        requests(&actions),
        [
            (11, "https://x.example.com/orders?ids=a%2Cb%2Cc".to_owned()),
            (20, "https://x.example.com/order?id=alone".to_owned())
        ]
    );
    let actions = stage.response(11, 200, b"ok no lost");
    assert_eq!(outcome(&actions, 11), Some(Outcome::Done));
    assert!(
        matches!(outcome(&actions, 12), Some(Outcome::Rejected(r)) if r.reason == RejectReason::InsufficientBalance)
    );
    assert!(outcome(&actions, 13).unwrap().is_unknown());
    let told = events(&actions);
    let [Event::Order(told)] = told.as_slice() else {
        panic!("one order was taken")
    };
    assert_eq!(
        (told.client_id.as_ref().unwrap().as_str(), told.op.unwrap().0),
        ("a", 11)
    );
    let again = stage.response(11, 200, b"ok ok ok");
    assert!(again.is_empty(), "the batch is over");
}

#[test]
fn an_item_that_the_answer_leaves_out_is_unknown() {
    let mut stage = stage();
    stage.orders(&batch());
    let actions = stage.response(11, 200, b"no ok");
    assert!(matches!(outcome(&actions, 11), Some(Outcome::Rejected(_))));
    assert_eq!(outcome(&actions, 12), Some(Outcome::Done));
    assert!(outcome(&actions, 13).unwrap().is_unknown());
    assert!(
        matches!(&events(&actions)[0], Event::Order(o) if o.op.unwrap().0 == 12),
        "each event is of its order"
    );
    // One that is done as a whole, without a result for each, is none.
    let mut stage = self::stage();
    stage.orders(&batch());
    let actions = stage.response(11, 200, b"fine");
    assert!((11..=13).all(|op| outcome(&actions, op).unwrap().is_unknown()));
}

#[test]
fn a_failure_of_the_whole_is_one_of_each() {
    for (status, is_unknown) in [(400, false), (503, true)] {
        let mut stage = stage();
        stage.orders(&batch());
        let actions = stage.response(11, status, b"");
        for op in 11..=13 {
            assert_eq!(outcome(&actions, op).unwrap().is_unknown(), is_unknown, "{status} {op}");
        }
    }
}

#[test]
fn what_is_not_sent_is_not_sent_of_each() {
    let bad = [order(11, "a"), order(12, "bad")].map(|o| o.in_batch_of(11));
    let leaderless = [order(12, "b"), order(13, "c")].map(|o| o.in_batch_of(11));
    let unreadable = [
        order(12, "b"),
        OrderOp {
            side: 9,
            ..order(13, "c")
        },
    ]
    .map(|o| o.in_batch_of(12));
    let cancels = [order(12, "b"), order(13, "c")].map(|o| {
        OrderOp {
            kind: op_kind::CANCEL,
            ..o
        }
        .in_batch_of(12)
    });
    let amends = [OrderOp {
        kind: op_kind::AMEND,
        ..order(12, "b")
    }
    .in_batch_of(12)];
    for batch in [&bad[..], &leaderless[..], &unreadable[..], &cancels[..], &amends[..]] {
        let actions = stage().orders(batch);
        assert!(requests(&actions).is_empty());
        for op in batch {
            assert!(
                matches!(outcome(&actions, op.grant.op), Some(Outcome::NotSent(_))),
                "{op:?}"
            );
        }
    }
    let mut refused = stage();
    refused.refuse(Refuse::Everything);
    let actions = refused.orders(&batch());
    assert!((11..=13).all(|op| matches!(outcome(&actions, op), Some(Outcome::NotSent(_)))));
}

#[test]
fn a_batch_that_the_host_ended_is_forgotten() {
    let mut stage = stage();
    stage.orders(&batch());
    for op in 11..=13 {
        assert!(stage.ended(op, outcome_kind::UNKNOWN).is_empty());
    }
    assert!(stage.response(11, 200, b"ok ok ok").is_empty());
}
