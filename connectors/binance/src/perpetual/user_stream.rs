//! Our orders, fills, positions and balances over the private stream (user-data-streams).
//!
//! The stream is named by a listen key, one for the account, which lives for 60 minutes from when it was made or renewed. A
//! stream whose key has run out stays open, and silent.

use colibri_sdk::json::Object;
use colibri_sdk::{Asked, Emit, Heard, Request, SessionPlan, Step, Unreadable, unreadable};

use super::account_update::{tell_account, tell_margin_call, tell_settings};
use super::execution::tell_execution;
use super::forced::Forced;
use super::settings::confirmed;
use super::triggers::{tell_refused, tell_update};

/// `POST /fapi/v1/listenKey`: a key, or the account's present one, renewed. The private route carries what it names.
pub(super) fn opening() -> colibri_sdk::Operation {
    let request = Request::to("listen_key", "/fapi/v1/listenKey").with_key();
    request.reads(|reply, _| {
        let answer = reply.object()?;
        let key = answer.text("listenKey").map_err(|e| unreadable(&e))?;
        if key.is_empty()
            || !key
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        {
            return Err(unreadable(&"a listen key that is no name of a stream"));
        }
        let path = format!("/private/ws/{key}");
        Ok(Step::Open(SessionPlan::stream("user_stream", "private", path)))
    })
}

/// `PUT /fapi/v1/listenKey`: refused (-1125) where the key is gone.
pub(super) fn renewal() -> Asked {
    Ok(confirmed(
        Request::to("renew_listen_key", "/fapi/v1/listenKey").with_key(),
    ))
}

/// Reads a frame: an event, bare as the stream of one key carries it, or in `data` as a combined stream does.
pub(super) fn frame(bytes: &[u8], forced: &Forced, out: &mut Emit<'_>) -> Result<Heard, Unreadable> {
    let frame = Object::whole(bytes)?;
    let event = match frame.some_object("data")? {
        Some(event) => event,
        None => frame,
    };
    let kind = match event.some_text("e")? {
        Some(kind) => kind,
        // Nothing is asked on this stream.
        None if event.raw("id").is_some() => return Ok(Heard::Data),
        None => return Err(Unreadable::new("an event without its kind")),
    };
    match kind.as_ref() {
        "ORDER_TRADE_UPDATE" => tell_execution(&event, forced, out)?,
        "ACCOUNT_UPDATE" => tell_account(&event, out)?,
        "ACCOUNT_CONFIG_UPDATE" => tell_settings(&event, out)?,
        "MARGIN_CALL" => tell_margin_call(&event, out)?,
        "ALGO_UPDATE" => tell_update(&event, out)?,
        "CONDITIONAL_ORDER_TRIGGER_REJECT" => tell_refused(&event, out)?,
        // A copy of a trade that comes earlier and has no fee: a fill counts as it was told first, so this one is passed over.
        "TRADE_LITE" => {}
        "listenKeyExpired" => return Ok(Heard::Ended("the listen key has run out".to_owned())),
        "serverShutdown" => return Ok(Heard::Shutdown("Binance closes this stream soon".to_owned())),
        other => out.debug(&format!("an event of a kind that this version does not know: {other}")),
    }
    Ok(Heard::Data)
}
