//! Our orders, fills and balances over the WebSocket API (web-socket-api.md, "User Data Stream requests";
//! user-data-stream.md).

use colibri_sdk::json::{JsonError, Reader};
use colibri_sdk::model::{Amount, Asset, Balance, WallNs};
use colibri_sdk::standard::{BalanceScope, BalancesEvent, KeyKind, NoticeEvent, NoticeKind, ReportSource, UsageEvent};
use colibri_sdk::{Call, Emit, Frame, Heard, Moment, SessionPlan, Signature, Unreadable, serde_json};
use serde::Deserialize;

use super::failure::{self, ApiError};
use super::{ApiKey, exchange_ns, execution};

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

/// The parts of a frame: an answer `{id,status,result|error,rateLimits}` or an event `{subscriptionId,event}`.
#[derive(Default)]
struct Parts<'a> {
    id: Option<u64>,
    status: Option<u64>,
    error: Option<&'a [u8]>,
    rate_limits: Option<&'a [u8]>,
    event: Option<&'a [u8]>,
}

fn parts(bytes: &[u8]) -> Result<Parts<'_>, JsonError> {
    let mut parts = Parts::default();
    Reader::whole(bytes, |r| {
        r.object(|key, r| {
            match key {
                // Ours are numbers; an answer to a request that could not be read has null.
                b"id" => parts.id = std::str::from_utf8(r.raw()?).ok().and_then(|id| id.parse().ok()),
                b"status" => parts.status = Some(r.u64()?),
                b"error" => parts.error = Some(r.raw()?),
                b"rateLimits" => parts.rate_limits = Some(r.raw()?),
                b"event" => parts.event = Some(r.raw()?),
                _ => r.skip()?,
            }
            Ok(())
        })
    })?;
    Ok(parts)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RateLimit {
    rate_limit_type: String,
    interval: String,
    interval_num: u32,
    limit: u64,
    count: u64,
}

/// Tells what the answer says of the pools, by their names in the manifest.
fn tell_usage(rate_limits: &[u8], out: &mut Emit<'_>) {
    let Ok(limits) = serde_json::from_slice::<Vec<RateLimit>>(rate_limits) else {
        return;
    };
    for limit in limits {
        let pool = match (
            limit.rate_limit_type.as_str(),
            limit.interval.as_str(),
            limit.interval_num,
        ) {
            ("REQUEST_WEIGHT", "MINUTE", 1) => "weight",
            ("ORDERS", "SECOND", 10) => "orders_10s",
            ("ORDERS", "DAY", 1) => "orders_1d",
            _ => continue,
        };
        out.event(UsageEvent {
            pool: pool.to_owned(),
            used: limit.count,
            limit: Some(limit.limit),
        });
    }
}

/// Reads a frame.
pub(super) fn frame(bytes: &[u8], out: &mut Emit<'_>) -> Result<Heard, Unreadable> {
    let parts = parts(bytes)?;
    if let Some(event) = parts.event {
        return read_event(event, out);
    }
    let Some(status) = parts.status else {
        return Err(Unreadable::new("neither an event nor an answer"));
    };
    if let Some(limits) = parts.rate_limits {
        tell_usage(limits, out);
    }
    let status = u32::try_from(status).unwrap_or(u32::MAX);
    let result = match parts.error {
        None if matches!(status, 200..=299) => Ok(()),
        error => {
            let error = error.and_then(|e| serde_json::from_slice::<ApiError>(e).ok());
            Err(match error {
                Some(error) => failure::of_stream_error(status, &error, out.exchange_ns()),
                None => failure::outcome(status, None, failure::Wait::default()),
            })
        }
    };
    Ok(Heard::Answer { id: parts.id, result })
}

/// What kind of event it is.
#[derive(Debug, Deserialize)]
struct Kind {
    e: String,
}

#[derive(Debug, Deserialize)]
struct PositionOfAsset {
    #[serde(rename = "a")]
    asset: Asset,
    #[serde(rename = "f")]
    free: Amount,
    #[serde(rename = "l")]
    locked: Amount,
}

/// "Account Update": the assets that an event may have changed, absolute.
#[derive(Debug, Deserialize)]
struct AccountPosition {
    #[serde(rename = "u")]
    last_update: i64,
    #[serde(rename = "B")]
    balances: Vec<PositionOfAsset>,
}

/// "Balance Update" (deposits, withdrawals, transfers) and "External Lock Update".
#[derive(Debug, Deserialize)]
struct BalanceDelta {
    #[serde(rename = "a")]
    asset: String,
    #[serde(rename = "d")]
    delta: Amount,
}

fn read<'a, T: Deserialize<'a>>(event: &'a [u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(event).map_err(Unreadable::new)
}

fn read_event(event: &[u8], out: &mut Emit<'_>) -> Result<Heard, Unreadable> {
    let kind: Kind = read(event)?;
    match kind.e.as_str() {
        "executionReport" => read::<execution::ExecutionReport<'_>>(event)?.tell(out)?,
        "outboundAccountPosition" => {
            let position: AccountPosition = read(event)?;
            out.event(BalancesEvent {
                scope: BalanceScope::Changed,
                balances: position
                    .balances
                    .into_iter()
                    .map(|b| Balance {
                        asset: b.asset,
                        free: b.free,
                        locked: b.locked,
                    })
                    .collect(),
                source: ReportSource::Stream,
                exchange_time: Some(WallNs(exchange_ns(position.last_update))),
            });
        }
        "balanceUpdate" | "externalLockUpdate" => {
            let moved: BalanceDelta = read(event)?;
            out.event(NoticeEvent {
                text: format!("{}: {} {}", kind.e, moved.delta, moved.asset),
                kind: NoticeKind::BalanceMoved { asset: moved.asset },
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
