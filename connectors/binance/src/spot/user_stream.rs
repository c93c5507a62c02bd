//! Our orders, fills and balances over the WebSocket API (web-socket-api.md, "User Data Stream requests";
//! user-data-stream.md).

use colibri_sdk::json::{MemberError, Object};
use colibri_sdk::model::{Amount, Asset, Balance, WallNs};
use colibri_sdk::standard::{
    BalanceChangeEvent, BalanceScope, BalancesEvent, KeyKind, NoticeEvent, NoticeKind, ReportSource, UsageEvent,
};
use colibri_sdk::{Call, Emit, Frame, Heard, Moment, SessionPlan, Signature, Unreadable};

use super::execution::tell_execution;
use crate::api_key::ApiKey;
use crate::exchange_ns;

/// An Ed25519 key logs the connection on and subscribes; any other key subscribes with a signature ("Log in with API key",
/// "Subscribe to User Data Stream through signature subscription").
pub(super) fn plan(key: &ApiKey) -> SessionPlan {
    let plan = SessionPlan::stream("user_stream", "ws_api", "/ws-api/v3?timeUnit=MICROSECOND");
    let id = key.id.clone();
    match key.kind {
        KeyKind::Ed25519 => plan
            .login(Call::to("session_logon", move |call, moment| {
                signed_request(call, "session.logon", &id, moment)
            }))
            .login(Call::to("user_stream_subscribe", |call, _| {
                Frame::text(format!(
                    r#"{{"id":{call},"method":"userDataStream.subscribe","params":{{}}}}"#
                ))
            })),
        _ => plan.login(Call::to("user_stream_subscribe_signature", move |call, moment| {
            signed_request(call, "userDataStream.subscribe.signature", &id, moment)
        })),
    }
}

/// "SIGNED request security": the payload is every parameter but the signature, sorted by name, not percent-encoded.
fn signed_request(call: u64, method: &str, api_key: &str, moment: &Moment) -> Frame {
    let timestamp = moment.exchange_micros();
    Frame::text(format!(
        r#"{{"id":{call},"method":"{method}","params":{{"apiKey":"{api_key}","timestamp":{timestamp},"signature":"${{signature}}"}}}}"#
    ))
    .signed(Signature::new("signature", "secret").over(format!("apiKey={api_key}&timestamp={timestamp}")))
}

/// Tells what an answer says of the pools, by their names in the manifest.
fn tell_usage(answer: &Object<'_>, out: &mut Emit<'_>) -> Result<(), MemberError> {
    answer.object_elements("rateLimits", |limit| {
        let (kind, interval) = (limit.text("rateLimitType")?, limit.text("interval")?);
        let pool = match (kind.as_ref(), interval.as_ref(), limit.integer("intervalNum")?) {
            ("REQUEST_WEIGHT", "MINUTE", 1) => "weight",
            ("ORDERS", "SECOND", 10) => "orders_10s",
            ("ORDERS", "DAY", 1) => "orders_1d",
            _ => return Ok(()),
        };
        out.event(UsageEvent {
            pool: pool.to_owned(),
            used: u64::try_from(limit.integer("count")?).unwrap_or(0),
            limit: u64::try_from(limit.integer("limit")?).ok(),
        });
        Ok(())
    })
}

/// Reads a frame: an answer `{id,status,result|error,rateLimits}` or an event `{subscriptionId,event}`.
pub(super) fn frame(bytes: &[u8], out: &mut Emit<'_>) -> Result<Heard, Unreadable> {
    let frame = Object::whole(bytes)?;
    if let Some(event) = frame.some_object("event")? {
        return read_event(&event, out);
    }
    let status = u32::try_from(frame.integer("status")?).unwrap_or(u32::MAX);
    // What became of an order does not hang on the limits that are told beside it.
    if tell_usage(&frame, out).is_err() {
        out.debug("the rate limits of an answer cannot be read");
    }
    let (status, body) = match (frame.raw("error"), frame.raw("result")) {
        // An error that calls itself a success is no evidence of either.
        (Some(_), _) if matches!(status, 200..=299) => (u32::MAX, None),
        (Some(error), _) => (status, Some(error)),
        (None, result) => (status, result),
    };
    // Ours are numbers; null is of a request that could not be read, or of a connection whose key holds no more.
    let id = frame
        .raw("id")
        .and_then(|id| std::str::from_utf8(id).ok()?.parse().ok());
    let body = body.unwrap_or_default().to_vec();
    Ok(Heard::Reply { id, status, body })
}

fn read_event(event: &Object<'_>, out: &mut Emit<'_>) -> Result<Heard, Unreadable> {
    let kind = event.text("e")?;
    match kind.as_ref() {
        "executionReport" => tell_execution(event, out)?,
        // "Account Update": the assets that an event may have changed, absolute.
        "outboundAccountPosition" => {
            let mut balances = Vec::new();
            event.object_elements("B", |held| {
                balances.push(Balance {
                    asset: Asset::new(&held.text("a")?),
                    free: Amount(held.decimal("f")?),
                    locked: Amount(held.decimal("l")?),
                });
                Ok(())
            })?;
            out.event(BalancesEvent {
                scope: BalanceScope::Changed,
                balances,
                source: ReportSource::Stream,
                exchange_time: Some(WallNs(exchange_ns(event.integer("u")?))),
            });
        }
        // "Balance Update": deposits, withdrawals, transfers, by their difference.
        "balanceUpdate" => out.event(BalanceChangeEvent {
            asset: Asset::new(&event.text("a")?),
            change: Amount(event.decimal("d")?),
            exchange_time: Some(WallNs(exchange_ns(event.integer("T")?))),
        }),
        // "External Lock Update": funds that another system locks or frees stay in the account, and whether the balances count
        // them is not documented.
        "externalLockUpdate" => {
            let asset = event.text("a")?.into_owned();
            out.event(NoticeEvent {
                text: format!("{kind}: {} {asset}", event.decimal("d")?),
                kind: NoticeKind::BalanceMoved { asset },
            });
        }
        // Of a list each order has an executionReport of its own; what is told of the list besides is nothing to act on.
        "listStatus" => out.debug("an order list has changed; its orders are told one by one"),
        "serverShutdown" => return Ok(Heard::Shutdown("Binance closes this stream soon".to_owned())),
        "eventStreamTerminated" => return Ok(Heard::Ended("Binance has ended the user stream".to_owned())),
        other => out.debug(&format!("an event of a kind that this version does not know: {other}")),
    }
    Ok(Heard::Data)
}
