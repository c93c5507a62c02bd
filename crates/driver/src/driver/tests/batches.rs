//! Several order operations in one request: admitted together, each ended by itself, whatever becomes of the request.

use colibri_abi::op_kind::{AMEND, CANCEL, PLACE};

use super::*;

/// Batches of three placements of one instrument, at one weight for the request and one of the order pool for each order;
/// of two cancels of any. So many orders fit into their pool.
fn manifest(orders: u64) -> colibri_standard::ConnectorManifest {
    let text = MANIFEST.replace(
        r#"orders = { place = "place", cancel = "cancel" }"#,
        r#"capabilities = ["batch_place", "batch_cancel"]
        orders.place = "place"
        orders.cancel = "cancel"
        orders.batch_place = { endpoint = "places", most = 3, one_instrument = true }
        orders.batch_cancel = { endpoint = "cancels", most = 2 }"#,
    );
    let text = text
        + r#"
        [connector.endpoints.places]
        method = "POST"
        host = "rest"
        path = "/orders"
        costs = [{ pool = "weight", weight = 1 }, { pool = "orders", weight = 1, per_order = true, refunded_on_success = true }]
        priority = "place"
        auth = "signed"
        deadline_ms = 5000

        [connector.endpoints.cancels]
        method = "DELETE"
        host = "rest"
        path = "/orders"
        costs = [{ pool = "weight", weight = 1 }]
        priority = "cancel"
        auth = "signed"
        deadline_ms = 5000
    "#;
    let mut manifest = Manifest::parse(&text).unwrap().connectors[0].clone();
    manifest.pools.get_mut("orders").unwrap().limit = orders;
    manifest
}

fn batching(behaviour: impl FnMut(Now, &Heard, &mut Out<'_>) + Send + 'static) -> Bench {
    batching_with(4, behaviour)
}

fn batching_with(orders: u64, behaviour: impl FnMut(Now, &Heard, &mut Out<'_>) + Send + 'static) -> Bench {
    let mut setup = setup();
    setup.manifest = manifest(orders);
    let mut behaviour = behaviour;
    let (connector, heard) = scripted(move |now, heard, out| match heard {
        Heard::Command(op, kind, _) if kind == "server_time" => unsupported(*op, out),
        _ => behaviour(now, heard, out),
    });
    Bench::set_up(&setup, connector, heard)
}

/// Sends each batch with the one that carries it, and reads an outcome for each from the answer: a letter for each, of
/// operations from ten on.
fn batcher(_: Now, heard: &Heard, out: &mut Out<'_>) {
    match heard {
        Heard::Orders(ops) => {
            for op in ops {
                let (endpoint, path) = match (op.kind, op.batch()) {
                    (PLACE, None) => ("place", "/order"),
                    (PLACE, Some(_)) => ("places", "/orders"),
                    (_, None) => ("cancel", "/order"),
                    (_, Some(_)) => ("cancels", "/orders"),
                };
                if op.batch().is_none_or(|carrier| carrier == op.grant.op) {
                    signed_request(op.grant.op, endpoint, path, out);
                }
            }
        }
        Heard::Response(op, _, body) => {
            for (at, letter) in body.chars().enumerate() {
                let refusal = Refusal::new(RejectReason::BadRequest, "as told");
                let outcome = match letter {
                    'd' => Outcome::Done,
                    'r' => Outcome::Rejected(refusal),
                    'n' => Outcome::NotExecuted(refusal),
                    's' => Outcome::NotSent(refusal),
                    _ => continue,
                };
                finish(op + at as u64, &outcome, out);
            }
        }
        _ => {}
    }
}

fn pool(bench: &Bench, pool: &str) -> u64 {
    let health = bench.driver.health();
    health.pools.iter().find(|p| p.pool == pool).unwrap().used
}

fn places(bench: &mut Bench, ops: &[u64]) {
    let ops: Vec<(u64, u32, u32)> = ops.iter().map(|op| (*op, PLACE, 1)).collect();
    bench.orders(&ops);
}

#[test]
fn operations_of_one_slice_go_out_together_as_far_as_the_exchange_takes_them() {
    let mut bench = batching(batcher);
    bench.orders(&[
        (10, PLACE, 1),
        (11, PLACE, 1),
        (20, CANCEL, 1),
        (12, PLACE, 2),
        (21, CANCEL, 2),
        (22, CANCEL, 2),
    ]);
    let requests = bench.requests();
    let mut urls: Vec<String> = requests
        .iter()
        .map(|r| format!("{} {}", r.method, r.url.split('&').next().unwrap()))
        .collect();
    urls.sort();
    assert_eq!(
        urls,
        [
            "DELETE https://api.example.com/v1/order?op=22",
            "DELETE https://api.example.com/v1/orders?op=20",
            "POST https://api.example.com/v1/order?op=12",
            "POST https://api.example.com/v1/orders?op=10",
        ],
        "three cancels are a batch of two and one, and a batch is of one instrument where it must be"
    );
    assert_eq!((pool(&bench, "weight"), pool(&bench, "orders")), (4, 3));
}

#[test]
fn each_ends_by_its_own_outcome_and_pays_for_itself() {
    let mut bench = batching(batcher);
    places(&mut bench, &[10, 11, 12]);
    assert_eq!((pool(&bench, "weight"), pool(&bench, "orders")), (1, 3));
    let request = bench.requests().remove(0);
    bench.answer(request.id, 200, &[], "drn");
    assert_eq!(bench.outcome(10), Some(&Outcome::Done));
    assert!(matches!(bench.outcome(11), Some(Outcome::Rejected(_))));
    assert!(matches!(bench.outcome(12), Some(Outcome::NotExecuted(_))));
    assert_eq!(bench.driver.health().operations, 0);
    assert_eq!(
        (pool(&bench, "weight"), pool(&bench, "orders")),
        (1, 2),
        "the one that was taken is given back"
    );
}

#[test]
fn an_item_without_an_outcome_is_unknown() {
    let mut bench = batching(batcher);
    places(&mut bench, &[10, 11, 12]);
    let request = bench.requests().remove(0);
    bench.answer(request.id, 200, &[], "d");
    assert_eq!((bench.outcome(10), bench.outcome(11)), (Some(&Outcome::Done), None));
    bench.pass(10_001);
    assert!(bench.outcome(11).unwrap().is_unknown() && bench.outcome(12).unwrap().is_unknown());
}

#[test]
fn what_was_written_cannot_be_called_not_sent_of_any() {
    let mut bench = batching(batcher);
    places(&mut bench, &[10, 11]);
    let request = bench.requests().remove(0);
    bench.answer(request.id, 200, &[], "ds");
    assert!(bench.outcome(11).unwrap().is_unknown());
}

#[test]
fn a_request_that_is_lost_is_unknown_of_each_and_one_that_was_not_written_not_sent() {
    for (failure, is_unknown) in [
        (HttpFailure::Unknown("cut".into()), true),
        (HttpFailure::NotSent("refused".into()), false),
    ] {
        let mut bench = batching(batcher);
        places(&mut bench, &[10, 11, 12]);
        let request = bench.requests().remove(0);
        bench.fail(request.id, failure);
        for op in 10..13 {
            assert_eq!(bench.outcome(op).unwrap().is_unknown(), is_unknown);
        }
        assert_eq!(pool(&bench, "orders"), if is_unknown { 3 } else { 0 });
        bench.pass(60_000);
        assert!(bench.requests().is_empty(), "no order is ever run again");
    }
}

#[test]
fn a_deadline_ends_each() {
    let mut bench = batching(batcher);
    places(&mut bench, &[10, 11, 12]);
    let request = bench.requests().remove(0).id;
    bench.pass(5_001);
    for op in 10..13 {
        assert!(bench.outcome(op).unwrap().is_unknown());
    }
    assert!(bench.effects.contains(&Effect::AbandonHttp(request)));
    bench.answer(request, 200, &[], "ddd");
    assert_eq!(bench.told.completed.len(), 3);
}

#[test]
fn a_connector_that_builds_nothing_leaves_each_not_sent() {
    let mut bench = batching(|_, _, _| {});
    places(&mut bench, &[10, 11]);
    bench.pass(10_001);
    assert!((10..12).all(|op| matches!(bench.outcome(op), Some(Outcome::NotSent(_)))));
    assert_eq!(pool(&bench, "orders"), 0);
}

#[test]
fn the_request_of_a_batch_is_that_of_the_one_that_carries_it() {
    let mut bench = batching(|_, heard, out| {
        if let Heard::Orders(ops) = heard {
            signed_request(ops[1].grant.op, "places", "/orders", out);
        }
    });
    places(&mut bench, &[10, 11]);
    assert!(bench.requests().is_empty());
    assert!(matches!(bench.outcome(11), Some(Outcome::NotSent(_))));
}

#[test]
fn what_a_pool_can_never_hold_at_once_goes_out_one_by_one() {
    let mut bench = batching_with(2, batcher);
    places(&mut bench, &[10, 11, 12]);
    let urls: Vec<String> = bench.requests().into_iter().map(|r| r.url).collect();
    assert_eq!(urls.len(), 2, "the third waits for room: {urls:?}");
    assert!(urls.iter().all(|url| url.contains("/order?")));
}

#[test]
fn amends_have_no_batches() {
    let mut bench = batching(batcher);
    bench.orders(&[(10, AMEND, 1), (11, AMEND, 1)]);
    assert!((10..12).all(|op| reason(bench.outcome(op)) == Some(RejectReason::Unsupported)));
}
