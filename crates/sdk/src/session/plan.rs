//! What an author says about a session: its stream, its login, its manners.

use std::borrow::Cow;

use colibri_abi as abi;
use colibri_model::Millis;
use colibri_standard::{Channel, Refusal, RejectReason};

use crate::{Call, Operation};

/// How a session begins.
#[derive(Debug)]
pub enum Opening {
    /// With its stream.
    Stream(SessionPlan),
    /// With several streams at once, because the exchange sends some channels here and some there: each plan says by
    /// [`SessionPlan::carries`] which are its own. One of which nothing is wanted is not opened.
    Streams(Vec<SessionPlan>),
    /// With a question whose answer tells the stream (a token, an address): read it to [`Step::Open`](crate::Step::Open).
    Ask(Operation),
}

/// A message that keeps a stream alive.
#[derive(Debug, Clone)]
pub(super) struct KeepAlive {
    pub(super) every: Millis,
    pub(super) text: Cow<'static, str>,
}

/// How a session's stream is opened and used.
#[derive(Debug)]
pub struct SessionPlan {
    pub(super) endpoint: &'static str,
    host: &'static str,
    pub(super) path: Cow<'static, str>,
    pub(super) login: Vec<Call>,
    pub(super) pace: Option<(usize, Millis)>,
    pub(super) topics_per_message: usize,
    pub(super) most_topics: usize,
    pub(super) keep_alive: Option<KeepAlive>,
    pub(super) answer_within: Millis,
    /// The channels that it carries; all where it does not say.
    pub(super) carries: Option<Cow<'static, [Channel]>>,
}

impl SessionPlan {
    /// A stream at the manifest's endpoint `endpoint`: the environment's address `host`, and `path` with its query.
    #[must_use]
    pub fn stream(endpoint: &'static str, host: &'static str, path: impl Into<Cow<'static, str>>) -> SessionPlan {
        SessionPlan {
            endpoint,
            host,
            path: path.into(),
            login: Vec::new(),
            pace: None,
            topics_per_message: 100,
            most_topics: usize::MAX,
            keep_alive: None,
            answer_within: Millis(10_000),
            carries: None,
        }
    }
    /// With a request that must succeed before anything is subscribed; several are sent one after the other.
    #[must_use]
    pub fn login(mut self, call: Call) -> SessionPlan {
        self.login.push(call);
        self
    }
    /// With at most so many subscription messages in a span.
    #[must_use]
    pub fn pace(mut self, messages: usize, span: Millis) -> SessionPlan {
        self.pace = Some((messages.max(1), span));
        self
    }
    /// With at most so many topics a message (100 unless said).
    #[must_use]
    pub fn topics_per_message(mut self, topics: usize) -> SessionPlan {
        self.topics_per_message = topics.max(1);
        self
    }
    /// With at most so many topics on a stream: where more are wanted, there are several streams.
    #[must_use]
    pub fn most_topics(mut self, topics: usize) -> SessionPlan {
        self.most_topics = topics;
        self
    }
    /// With a message at every interval.
    #[must_use]
    pub fn keep_alive(mut self, every: Millis, text: impl Into<Cow<'static, str>>) -> SessionPlan {
        self.keep_alive = Some(KeepAlive {
            every,
            text: text.into(),
        });
        self
    }
    /// With so long to wait for the answer to a login or a subscription (10 s unless said).
    #[must_use]
    pub fn answer_within(mut self, span: Millis) -> SessionPlan {
        self.answer_within = span;
        self
    }

    /// With these channels alone, of a stream beside which others carry the rest.
    #[must_use]
    pub fn carries(mut self, channels: &'static [Channel]) -> SessionPlan {
        self.carries = Some(Cow::Borrowed(channels));
        self
    }

    /// Whether it may carry a channel.
    pub(super) fn may_carry(&self, channel: Channel) -> bool {
        self.carries.as_ref().is_none_or(|channels| channels.contains(&channel))
    }

    /// Has the host open its stream.
    pub(super) fn open(&self, session: u32, stream: u32, address: &str, out: &mut abi::Out<'_>) -> Result<(), Refusal> {
        let url = format!("{address}{}", self.path);
        let accepted = out.open(&abi::StreamOpen {
            stream,
            session,
            endpoint: self.endpoint.into(),
            url: url.as_str().into(),
            headers: abi::RSlice::from_slice(&[]),
            signs: abi::RSlice::from_slice(&[]),
            inflate: abi::inflate::NONE,
            reserved: 0,
            ext: [0; 4],
        });
        if accepted == abi::accepted::YES {
            Ok(())
        } else {
            let text = "the host did not take the stream: see its log";
            Err(Refusal::new(RejectReason::NotConnected, text))
        }
    }

    pub(crate) const fn topics_at_most(&self) -> usize {
        self.most_topics
    }

    pub(crate) const fn host(&self) -> &'static str {
        self.host
    }
}
