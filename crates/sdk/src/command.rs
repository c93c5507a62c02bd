//! Commands, read member by member to the types of the standard. A test holds this to what `serde` reads: the derived code
//! is the right one for the host, and would be a tenth of a connector's library.

use colibri_model::{ClientOrderId, ExchangeOrderId, Exponents, InstrumentId, Pair, TradeId, WallNs};
use colibri_standard::{
    Balances, BookSnapshot, CancelAll, Candles, Channel, CloseSession, Command, Fees, Instruments, MendSession,
    OpenOrders, OpenSession, OrderStatusQuery, OrdersSince, Refusal, RejectReason, RenewSession, ServerTime,
    SessionRole, Subscription, TradesSince, UpdateSession, UseInstruments, UsedInstrument,
};

use crate::json::{MemberError, Object, Reader};

mod contracts;

type Member<T> = Result<T, MemberError>;

/// A command's payload, checked as JSON.
pub(crate) struct Payload<'a>(Object<'a>);

impl<'a> Payload<'a> {
    /// The payload of a command.
    ///
    /// # Errors
    /// Not an object.
    pub(crate) fn new(kind: &str, payload: &'a [u8]) -> Result<Payload<'a>, Refusal> {
        Object::whole(payload)
            .map(Payload)
            .map_err(|error| unreadable(kind, &error))
    }

    /// The first capability that the command needs and that is not among `known`.
    ///
    /// # Errors
    /// Needs that cannot be read: what is needed is not known, so nothing may be done.
    pub(crate) fn lacks(&self, known: &[colibri_standard::Capability]) -> Result<Option<String>, Refusal> {
        let needs = texts(&self.0, "needs").map_err(|error| unreadable("needs", &error))?;
        Ok(needs.into_iter().find(|need| !known.iter().any(|k| k.as_str() == need)))
    }

    /// The command.
    ///
    /// # Errors
    /// A kind that this version does not know, or a payload that does not fit it.
    pub(crate) fn command(&self, kind: &str) -> Result<Command, Refusal> {
        let p = &self.0;
        let read = || {
            Ok(Some(match kind {
                "instruments" => Command::Instruments(Instruments {}),
                "balances" => Command::Balances(Balances {}),
                "server_time" => Command::ServerTime(ServerTime {}),
                "use_instruments" => Command::UseInstruments(use_instruments(p)?),
                "open_session" => Command::OpenSession(OpenSession {
                    session: number(p, "session")?,
                    role: match p.text("role")?.as_ref() {
                        "market" => SessionRole::Market,
                        "user" => SessionRole::User,
                        _ => return Err(MemberError::new("role", "no session has such a role")),
                    },
                    subscriptions: subscriptions(p, "subscriptions")?,
                }),
                "update_session" => Command::UpdateSession(UpdateSession {
                    session: number(p, "session")?,
                    add: subscriptions(p, "add")?,
                    remove: subscriptions(p, "remove")?,
                }),
                "close_session" => Command::CloseSession(CloseSession {
                    session: number(p, "session")?,
                }),
                "renew_session" => Command::RenewSession(RenewSession {
                    session: number(p, "session")?,
                }),
                "mend_session" => Command::MendSession(MendSession {
                    session: number(p, "session")?,
                }),
                "book_snapshot" => Command::BookSnapshot(BookSnapshot {
                    instrument: instrument(p)?,
                    depth: number(p, "depth")?,
                }),
                "open_orders" => Command::OpenOrders(OpenOrders {
                    instrument: some_number(p, "instrument")?.map(InstrumentId),
                }),
                "order_status" => Command::OrderStatus(OrderStatusQuery {
                    instrument: instrument(p)?,
                    client_id: some_id(p, "client_id", ClientOrderId::new)?,
                    exchange_id: some_id(p, "exchange_id", ExchangeOrderId::new)?,
                }),
                "orders_since" => Command::OrdersSince(OrdersSince {
                    instrument: instrument(p)?,
                    from_id: some_id(p, "from_id", ExchangeOrderId::new)?,
                    since: p.some_integer("since")?.map(WallNs),
                }),
                "trades_since" => Command::TradesSince(TradesSince {
                    instrument: instrument(p)?,
                    from_id: some_id(p, "from_id", TradeId::new)?,
                    since: p.some_integer("since")?.map(WallNs),
                    exchange_id: some_id(p, "exchange_id", ExchangeOrderId::new)?,
                }),
                "fees" => Command::Fees(Fees {
                    instrument: instrument(p)?,
                }),
                "cancel_all" => Command::CancelAll(CancelAll {
                    instrument: instrument(p)?,
                }),
                "candles" => Command::Candles(Candles {
                    instrument: instrument(p)?,
                    interval: p.text("interval")?.into_owned(),
                    since: p.some_integer("since")?.map(WallNs),
                    until: p.some_integer("until")?.map(WallNs),
                    limit: some_number(p, "limit")?,
                }),
                _ => return contracts::read(kind, p),
            }))
        };
        match read() {
            Ok(Some(command)) => Ok(command),
            Ok(None) => Err(Refusal::new(
                RejectReason::Unsupported,
                format!("no command is called {kind:?}"),
            )),
            Err(error) => Err(unreadable(kind, &error)),
        }
    }
}

fn unreadable(kind: &str, error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(
        RejectReason::BadRequest,
        format!("the payload of the command {kind:?} cannot be read: {error}"),
    )
}

/// The set of instruments of a `use_instruments` command, and of a state.
pub(crate) fn use_instruments(p: &Object<'_>) -> Member<UseInstruments> {
    let mut instruments = Vec::new();
    p.array("instruments")?;
    p.object_elements("instruments", |used| {
        let exponents = used.object("exponents")?;
        let exponent =
            |name| i32::try_from(exponents.integer(name)?).map_err(|_| MemberError::new(name, "beyond 32 bits"));
        instruments.push(UsedInstrument {
            id: InstrumentId(number(&used, "id")?),
            pair: used
                .text("pair")?
                .parse::<Pair>()
                .map_err(|_| MemberError::new("pair", "it is no pair"))?,
            symbol: used.text("symbol")?.into_owned(),
            exponents: Exponents {
                price: exponent("price")?,
                quantity: exponent("quantity")?,
            },
            contract: contracts::contract(&used)?,
        });
        Ok(())
    })?;
    Ok(UseInstruments { instruments })
}

fn subscriptions(p: &Object<'_>, name: &'static str) -> Member<Vec<Subscription>> {
    let mut subscriptions = Vec::new();
    p.object_elements(name, |subscription| {
        subscription.array("channels")?;
        let mut channels = Vec::new();
        for channel in texts(&subscription, "channels")? {
            channels.push(match channel.as_str() {
                "book" => Channel::Book,
                "trades" => Channel::Trades,
                "top" => Channel::Top,
                "mark_price" => Channel::MarkPrice,
                "funding_rate" => Channel::FundingRate,
                _ => return Err(MemberError::new("channels", "no channel is called so")),
            });
        }
        subscriptions.push(Subscription {
            instrument: instrument(&subscription)?,
            channels,
        });
        Ok(())
    })?;
    Ok(subscriptions)
}

fn texts(p: &Object<'_>, name: &'static str) -> Member<Vec<String>> {
    let read = |text| Reader::whole(text, Reader::string).map(std::borrow::Cow::into_owned);
    p.elements(name)?
        .into_iter()
        .map(|text| read(text).map_err(|_| MemberError::new(name, "strings were expected")))
        .collect()
}

fn some_number(p: &Object<'_>, name: &'static str) -> Member<Option<u32>> {
    let number = p.some_integer(name)?.map(u32::try_from).transpose();
    number.map_err(|_| MemberError::new(name, "a number of 32 bits was expected"))
}

fn number(p: &Object<'_>, name: &'static str) -> Member<u32> {
    some_number(p, name)?.ok_or(MemberError::new(name, "it is missing"))
}

fn instrument(p: &Object<'_>) -> Member<InstrumentId> {
    number(p, "instrument").map(InstrumentId)
}

fn some_id<T, E>(p: &Object<'_>, name: &'static str, new: impl Fn(&str) -> Result<T, E>) -> Member<Option<T>> {
    let id = p.some_text(name)?.map(|text| new(&text)).transpose();
    id.map_err(|_| MemberError::new(name, "it is no id"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn read(kind: &str, payload: &[u8]) -> Option<Command> {
        Payload::new(kind, payload).and_then(|p| p.command(kind)).ok()
    }

    /// Every command, with every member and with as few as it may have.
    const SAMPLES: &[(&str, &str)] = &[
        ("instruments", "{}"),
        ("balances", r#"{"of_later":[1]}"#),
        ("server_time", "{}"),
        ("use_instruments", r#"{"instruments":[]}"#),
        (
            "use_instruments",
            r#"{"instruments":[{"id":7,"pair":"A-B","symbol":"AB\n","exponents":{"price":-8,"quantity":2}}]}"#,
        ),
        (
            "open_session",
            r#"{"session":1,"role":"market","subscriptions":[{"instrument":1,"channels":["book","trades","top"]}]}"#,
        ),
        ("open_session", r#"{"session":2,"role":"user"}"#),
        (
            "update_session",
            r#"{"session":1,"add":[{"instrument":3,"channels":[]}],"remove":[]}"#,
        ),
        ("update_session", r#"{"session":1}"#),
        ("close_session", r#"{"session":4294967295}"#),
        ("renew_session", r#"{"session":2}"#),
        ("mend_session", r#"{"session":1}"#),
        ("book_snapshot", r#"{"instrument":3,"depth":1000}"#),
        ("open_orders", r#"{"instrument":3}"#),
        ("open_orders", r#"{"instrument":null}"#),
        ("open_orders", "{}"),
        ("order_status", r#"{"instrument":3,"client_id":"a","exchange_id":"b"}"#),
        ("order_status", r#"{"instrument":3}"#),
        ("orders_since", r#"{"instrument":3,"from_id":"5","since":-5}"#),
        ("orders_since", r#"{"instrument":3}"#),
        (
            "trades_since",
            r#"{"instrument":3,"from_id":"5","since":-5,"exchange_id":"b"}"#,
        ),
        ("trades_since", r#"{"instrument":3,"since":null}"#),
        ("fees", r#"{"instrument":0}"#),
        ("cancel_all", r#"{"instrument":3}"#),
        (
            "candles",
            r#"{"instrument":3,"interval":"1m","since":1,"until":2,"limit":3}"#,
        ),
        ("candles", r#"{"instrument":3,"interval":"1m"}"#),
        (
            "use_instruments",
            r#"{"instruments":[{"id":7,"pair":"A-B","symbol":"AB","exponents":{"price":-8,"quantity":2},"contract":{"kind":"inverse","size":"100","settle":"A","delivery":5,"max_leverage":"20"}}]}"#,
        ),
        (
            "open_session",
            r#"{"session":1,"role":"market","subscriptions":[{"instrument":1,"channels":["mark_price","funding_rate"]}]}"#,
        ),
        ("positions", r#"{"instrument":3}"#),
        ("positions", "{}"),
        ("settings", r#"{"instrument":null}"#),
        (
            "set_leverage",
            r#"{"instrument":3,"leverage":"7.5","position_side":"short","margin_mode":"cross","needs":["set_leverage","moon"]}"#,
        ),
        ("set_leverage", r#"{"instrument":3,"leverage":"20"}"#),
        ("set_margin_mode", r#"{"instrument":3,"mode":"isolated"}"#),
        ("set_margin_mode", r#"{"mode":"cross"}"#),
        ("set_position_mode", r#"{"mode":"one_way"}"#),
        ("set_position_mode", r#"{"instrument":3,"mode":"hedge"}"#),
        ("set_collateral_mode", r#"{"mode":"multi_asset"}"#),
        ("margin", "{}"),
        ("margin_tiers", r#"{"instrument":3}"#),
        ("funding_rate", r#"{"instrument":3}"#),
        ("funding_payments_since", r#"{"instrument":3,"since":5}"#),
        ("funding_payments_since", r#"{"since":-5}"#),
        (
            "place_trigger",
            r#"{"trigger":{"client_id":"t","instrument":3,"kind":"take_profit","by":"index","trigger_price":"1.50","side":"buy","order_type":"limit","time_in_force":"gtd","price":"2","quantity":"3","terms":{"position_side":"long","effect":"reduce_only","margin_mode":"isolated","good_till":9}},"needs":["reduce_only"]}"#,
        ),
        (
            "place_trigger",
            r#"{"trigger":{"client_id":"t","instrument":3,"kind":"stop","by":"mark","trigger_price":"1","side":"sell","order_type":"market","terms":{"effect":"close_position"}}}"#,
        ),
        (
            "cancel_trigger",
            r#"{"instrument":3,"client_id":"a","exchange_id":"b"}"#,
        ),
        ("cancel_all_triggers", r#"{"instrument":3}"#),
        ("open_triggers", "{}"),
        ("trigger_status", r#"{"instrument":3,"client_id":"a"}"#),
    ];

    #[test]
    fn commands_are_read_as_serde_reads_them() {
        for (kind, payload) in SAMPLES {
            let theirs = Command::parse(kind, payload.as_bytes()).unwrap();
            assert_eq!(read(kind, payload.as_bytes()), Some(theirs), "{kind} {payload}");
        }
        for kind in Command::KINDS {
            assert!(SAMPLES.iter().any(|(k, _)| k == kind), "{kind} has no sample");
        }
        for (kind, payload) in [
            ("dance", "{}"),
            ("fees", "{}"),
            ("fees", "[]"),
            ("fees", r#"{"instrument":-1}"#),
            ("fees", r#"{"instrument":"1"}"#),
            ("use_instruments", "{}"),
            ("use_instruments", r#"{"instruments":null}"#),
            (
                "use_instruments",
                r#"{"instruments":[{"id":7,"pair":"AB","symbol":"AB","exponents":{"price":-8,"quantity":2}}]}"#,
            ),
            ("open_session", r#"{"session":1,"role":"odd"}"#),
            (
                "open_session",
                r#"{"session":1,"role":"market","subscriptions":[{"instrument":1,"channels":["odd"]}]}"#,
            ),
            (
                "open_session",
                r#"{"session":1,"role":"market","subscriptions":[{"instrument":1}]}"#,
            ),
            ("order_status", r#"{"instrument":3,"client_id":""}"#),
            ("candles", r#"{"instrument":3,"interval":"1m","limit":4294967296}"#),
            ("set_leverage", r#"{"instrument":3,"leverage":"0"}"#),
            (
                "set_leverage",
                r#"{"instrument":3,"leverage":"5","position_side":"up"}"#,
            ),
            ("set_margin_mode", r#"{"mode":"portfolio"}"#),
            ("set_position_mode", "{}"),
            ("funding_payments_since", "{}"),
            ("place_trigger", r#"{"trigger":{"client_id":"t","instrument":3}}"#),
        ] {
            assert!(Command::parse(kind, payload.as_bytes()).is_err(), "{kind} {payload}");
            assert_eq!(read(kind, payload.as_bytes()), None, "{kind} {payload}");
        }
    }

    #[test]
    fn needs_that_cannot_be_read_are_not_met() {
        let lacks = |payload: &str| {
            let known = [colibri_standard::Capability::FeeRates];
            Payload::new("x", payload.as_bytes()).unwrap().lacks(&known)
        };
        assert_eq!(lacks("{}"), Ok(None));
        assert_eq!(lacks(r#"{"needs":["fee_rates"]}"#), Ok(None));
        assert_eq!(lacks(r#"{"needs":["fee_rates","moon"]}"#), Ok(Some("moon".to_owned())));
        assert!(lacks(r#"{"needs":[5]}"#).is_err());
        assert!(lacks(r#"{"needs":"moon"}"#).is_err());
    }

    proptest! {
        #[test]
        fn damaged_commands_are_never_read_otherwise(sample in 0..SAMPLES.len(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let (kind, payload) = SAMPLES[sample];
            let mut bytes = payload.as_bytes().to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            // What serde refuses for its form alone (a member twice, a null list) may be read here; never to something else.
            if let Ok(theirs) = Command::parse(kind, &bytes) {
                prop_assert_eq!(read(kind, &bytes), Some(theirs));
            }
        }
    }
}
