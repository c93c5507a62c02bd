//! A session in a connector's state: from where a later instance goes on with it.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;

use colibri_model::{InstrumentId, Millis};
use colibri_standard::{Channel, SessionRole};

use super::plan::KeepAlive;
use super::{Phase, Session, SessionPlan};
use crate::json::{MemberError, Object, Reader, elements};

type Member<T> = Result<T, MemberError>;

impl Session {
    /// As JSON; `None` while it is being opened or changed: then more than this belongs to it.
    pub(crate) fn to_json(&self) -> Option<String> {
        let busy = !self.outbox.is_empty()
            || !self.awaited.is_empty()
            || !self.settling.is_empty()
            || !self.failed.is_empty()
            || !self.wanted.is_empty();
        if self.phase != Phase::Live || busy {
            return None;
        }
        let role = match self.role {
            SessionRole::Market => "market",
            SessionRole::User => "user",
        };
        let Session {
            id,
            part,
            stream,
            op,
            plan,
            ..
        } = self;
        let mut text = format!(r#"{{"session":{id},"role":"{role}","part":{part},"stream":{stream},"op":{op}"#);
        let (topics_per_message, most_topics) = (plan.topics_per_message, plan.most_topics);
        let within = plan.answer_within.0;
        // Writing to a string does not fail.
        let _ = write!(
            text,
            r#","topics_per_message":{topics_per_message},"most_topics":{most_topics},"answer_within":{within}"#
        );
        if let Some((messages, span)) = plan.pace {
            let _ = write!(text, r#","pace":[{messages},{}]"#, span.0);
        }
        if let Some(keep_alive) = &plan.keep_alive {
            let said = serde_json::to_string(&keep_alive.text).ok()?;
            let _ = write!(
                text,
                r#","keep_alive":{{"every":{},"text":{said}}}"#,
                keep_alive.every.0
            );
        }
        if let Some(channels) = &plan.carries {
            let names: Vec<&str> = channels.iter().map(|channel| channel.as_str()).collect();
            let _ = write!(text, r#","carries":["{}"]"#, names.join(r#"",""#));
        }
        let topics: Vec<String> = self.topics.iter().map(topic).collect();
        let sent: Vec<String> = self.sent.iter().map(u64::to_string).collect();
        let _ = write!(
            text,
            r#","topics":[{}],"sent":[{}]}}"#,
            topics.join(","),
            sent.join(",")
        );
        Some(text)
    }

    /// From what [`Session::to_json`] wrote.
    pub(crate) fn read(kept: &Object<'_>) -> Member<Session> {
        let mut plan = SessionPlan::stream("", "", "");
        plan.topics_per_message = number(kept, "topics_per_message")?;
        plan.most_topics = number(kept, "most_topics")?;
        plan.answer_within = Millis(number(kept, "answer_within")?);
        if kept.raw("pace").is_some() {
            let [messages, span] = numbers(kept, "pace")?
                .try_into()
                .map_err(|_| MemberError::new("pace", "it is not two numbers"))?;
            let messages = usize::try_from(messages).map_err(|_| MemberError::new("pace", "too many messages"))?;
            plan.pace = Some((messages, Millis(span)));
        }
        if let Some(keep_alive) = kept.some_object("keep_alive")? {
            plan.keep_alive = Some(KeepAlive {
                every: Millis(number(&keep_alive, "every")?),
                text: keep_alive.text("text")?.into_owned().into(),
            });
        }
        if kept.raw("carries").is_some() {
            let channels = kept.elements("carries")?.into_iter().map(read_channel);
            plan.carries = Some(
                channels
                    .collect::<Option<_>>()
                    .ok_or(MemberError::new("carries", "no channel is called so"))?,
            );
        }
        let mut topics = BTreeSet::new();
        for topic in kept.elements("topics")? {
            topics.insert(read_topic(topic)?);
        }
        Ok(Session {
            id: number(kept, "session")?,
            part: number(kept, "part")?,
            role: match kept.text("role")?.as_ref() {
                "market" => SessionRole::Market,
                "user" => SessionRole::User,
                _ => return Err(MemberError::new("role", "no session has such a role")),
            },
            stream: number(kept, "stream")?,
            phase: Phase::Live,
            op: number(kept, "op")?,
            mend: None,
            ended: None,
            plan,
            logins_done: 0,
            wanted: Vec::new(),
            topics,
            outbox: VecDeque::new(),
            awaited: Vec::new(),
            settling: Vec::new(),
            failed: Vec::new(),
            sent: numbers(kept, "sent")?.into(),
        })
    }
}

/// `[1,"book"]`.
fn topic((instrument, channel): &(InstrumentId, Channel)) -> String {
    let channel = channel.as_str();
    format!(r#"[{},"{channel}"]"#, instrument.0)
}

fn read_topic(text: &[u8]) -> Member<(InstrumentId, Channel)> {
    let wrong = || MemberError::new("topics", "one of them cannot be read");
    let parts = elements(text).map_err(|_| wrong())?;
    let [instrument, channel] = parts[..] else {
        return Err(wrong());
    };
    let instrument = Reader::whole(instrument, Reader::u64).map_err(|_| wrong())?;
    let channel = read_channel(channel).ok_or_else(wrong)?;
    let instrument = u32::try_from(instrument).map_err(|_| wrong())?;
    Ok((InstrumentId(instrument), channel))
}

/// A channel's name in quotes.
fn read_channel(text: &[u8]) -> Option<Channel> {
    Some(match text {
        br#""book""# => Channel::Book,
        br#""trades""# => Channel::Trades,
        br#""top""# => Channel::Top,
        br#""mark_price""# => Channel::MarkPrice,
        br#""funding_rate""# => Channel::FundingRate,
        _ => return None,
    })
}

fn number<T: TryFrom<u64>>(kept: &Object<'_>, name: &'static str) -> Member<T> {
    let text = kept.raw(name).ok_or(MemberError::new(name, "it is missing"))?;
    let number = Reader::whole(text, Reader::u64).map_err(|e| MemberError::new(name, e.what))?;
    T::try_from(number).map_err(|_| MemberError::new(name, "it is too large"))
}

fn numbers(kept: &Object<'_>, name: &'static str) -> Member<Vec<u64>> {
    let read = |text| Reader::whole(text, Reader::u64).map_err(|e| MemberError::new(name, e.what));
    kept.elements(name)?.into_iter().map(read).collect()
}
