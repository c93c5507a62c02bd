//! The spot standard as a trait: what the author of a spot connector writes.

use colibri_model::InstrumentId;
use colibri_standard::{Candles, Capability, Channel, OrdersSince, Outcome, SessionRole, TradesSince, UsedInstrument};

use crate::{
    AmendOrder, Asked, Authentication, Emit, Moment, Opening, OrderCommand, OrderRef, PlaceOrder, ReplaceOrder, Reply,
    Request, unsupported,
};

/// Something of an instrument that a market session can carry.
#[derive(Debug, Clone, Copy)]
pub struct Topic<'a> {
    /// The instrument.
    pub instrument: &'a UsedInstrument,
    /// What of it.
    pub channel: Channel,
}

/// What becomes of topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicChange {
    /// They are subscribed.
    Subscribe,
    /// They are unsubscribed.
    Unsubscribe,
}

/// What a frame turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Data, emitted already, or something that is of no interest.
    Data,
    /// The answer to a request on the stream.
    Answer {
        /// The id of the request; `None` where the exchange gave none: then it answers the oldest.
        id: Option<u64>,
        /// What the exchange said.
        result: Result<(), Outcome>,
    },
    /// The answer to a request on the stream, told as one over HTTP would be: an operation reads it with the function that
    /// its request over HTTP has, and [`Spot::refusal`] tells a failure apart.
    Reply {
        /// The id of the request; `None` where the exchange gave none: then it answers the oldest that the session awaits.
        id: Option<u64>,
        /// The status that it states, as HTTP has them.
        status: u32,
        /// The part of the frame that the body of a response would be.
        body: Vec<u8>,
    },
    /// The exchange will close the stream soon: the host is told to reconnect.
    Shutdown(String),
    /// The stream carries nothing any more: the session is ended.
    Ended(String),
}

/// A frame that cannot be read: told to the host as a notice, with the book that is in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The instrument whose data is missing, where that is known.
    pub instrument: Option<InstrumentId>,
    /// What is wrong.
    pub why: String,
}

impl Unreadable {
    /// A frame of unknown subject.
    #[must_use]
    pub fn new(why: impl std::fmt::Display) -> Unreadable {
        Unreadable {
            instrument: None,
            why: why.to_string(),
        }
    }
    /// A frame about an instrument.
    #[must_use]
    pub fn of(instrument: InstrumentId, why: impl std::fmt::Display) -> Unreadable {
        Unreadable {
            instrument: Some(instrument),
            why: why.to_string(),
        }
    }
}

impl From<crate::json::MemberError> for Unreadable {
    fn from(error: crate::json::MemberError) -> Unreadable {
        Unreadable::new(error)
    }
}

impl From<crate::json::JsonError> for Unreadable {
    fn from(error: crate::json::JsonError) -> Unreadable {
        Unreadable::new(error)
    }
}

/// A spot connector. An operation is one function, which returns the request and how its answer is read; the sdk admits,
/// builds, signs, sends, and tells the outcome. A connector keeps no socket, thread, clock, file or secret.
///
/// Whatever the exchange does not offer keeps its default, which refuses with NotSent(unsupported).
pub trait Spot: Send + 'static {
    /// What the connector can do beyond the standard's core: the list that its manifest declares.
    fn capabilities(&self) -> &'static [Capability];

    /// Adds to a request what its [`Authentication`] asks for: timestamp or nonce, headers, recipe. Called once for every
    /// request that is not of [`Authentication::None`], right before it is sent.
    fn authenticate(&self, request: &mut Request, authentication: Authentication, moment: &Moment);

    /// What an answer that is not a success says about its operation. Only what the exchange documents is evidence;
    /// everything else is [`Outcome::Unknown`].
    fn refusal(&self, reply: &Reply<'_>) -> Outcome;

    /// Places an order. Tells `order` and `fill` events of source `ack`.
    fn place(&self, order: &PlaceOrder<'_>) -> Asked;
    /// Cancels an order. Tells an `order` event of source `ack`.
    fn cancel(&self, order: &OrderRef<'_>) -> Asked;
    /// Changes a live order. Tells an `order` event of source `ack`.
    fn amend(&self, _order: &AmendOrder<'_>) -> Asked {
        Err(unsupported("amending orders"))
    }
    /// Cancels one order and places another. Tells `order` and `fill` events of source `ack` and a `replace_result`.
    fn replace(&self, _order: &ReplaceOrder<'_>) -> Asked {
        Err(unsupported("replacing orders"))
    }

    /// An order operation over the account's session: a [`Call`](crate::Call) to the endpoint that the manifest's
    /// `orders.stream` names, whose answer tells what it would tell over HTTP. Only asked of connectors that declare
    /// such endpoints, and only where the user has chosen it; while the session is not live the host asks for the request over
    /// HTTP.
    fn over_stream(&self, _order: &OrderCommand<'_>) -> Asked {
        Err(unsupported("orders over a stream"))
    }

    /// Places several orders in one request. Tells `order` and `fill` events of source `ack`, each after
    /// [`Emit::of_item`], and ends as [`Step::Items`](crate::Step::Items).
    fn place_batch(&self, _orders: &[PlaceOrder<'_>]) -> Asked {
        Err(unsupported("placing several orders in one request"))
    }
    /// Cancels several orders in one request. Tells and ends as `place_batch`.
    fn cancel_batch(&self, _orders: &[OrderRef<'_>]) -> Asked {
        Err(unsupported("cancelling several orders in one request"))
    }

    /// Lists what the exchange offers. Tells an `instruments` event.
    fn instruments(&self) -> Asked;
    /// Asks for the exchange's clock. Tells a `time` event.
    fn server_time(&self) -> Asked;
    /// Asks for a book of at least `depth` levels a side, or of as many as the exchange gives. Emits it as a snapshot.
    fn book_snapshot(&self, instrument: &UsedInstrument, depth: u32) -> Asked;
    /// Asks for candles. Tells a `candles` event.
    fn candles(&self, _instrument: &UsedInstrument, _query: &Candles) -> Asked {
        Err(unsupported("candles"))
    }

    /// Asks for all balances. Tells a `balances` event of scope `all`.
    fn balances(&self) -> Asked;
    /// Asks for the open orders of an instrument, or of all. Tells an `order` event for each.
    fn open_orders(&self, instrument: Option<&UsedInstrument>) -> Asked;
    /// Asks about one order. Tells an `order` event, or ends as Rejected(order_not_found).
    fn order_status(&self, order: &OrderRef<'_>) -> Asked;
    /// Asks for the account's orders since an order or a time, ended ones too, page by page, oldest first. Tells an `order`
    /// event for each.
    fn orders_since(&self, _instrument: &UsedInstrument, _query: &OrdersSince) -> Asked {
        Err(unsupported("listing ended orders"))
    }
    /// Asks for our trades, page by page, oldest first. Tells `fill` events and one `trades_progress`.
    fn trades_since(&self, instrument: &UsedInstrument, query: &TradesSince) -> Asked;
    /// Asks for the account's fee rates. Tells a `fees` event.
    fn fees(&self, _instrument: &UsedInstrument) -> Asked {
        Err(unsupported("fee rates"))
    }
    /// Cancels every open order of an instrument. Tells `order` events of source `ack`.
    fn cancel_all(&self, _instrument: &UsedInstrument) -> Asked {
        Err(unsupported("cancelling all orders"))
    }

    /// How a session begins: its stream, its login, its manners. Asked too for each stream of a market session that is lost
    /// alone and opened again; of several streams the one with the same channels is taken.
    ///
    /// # Errors
    /// Why the connector will not open it.
    fn session(&self, role: SessionRole) -> Result<Opening, colibri_standard::Refusal>;
    /// Renews what keeps a live session's stream alive at the exchange, such as a listen key. Asked as often as the manifest's
    /// `liveness.renewal_ms` says. Where it is refused, the host opens the session anew.
    fn renew(&self, _role: SessionRole) -> Asked {
        Err(unsupported("renewing a session"))
    }
    /// The channels that its market sessions carry: the host is refused any other. A perp connector has [`Channel::PERP`].
    fn channels(&self) -> &'static [Channel] {
        Channel::SPOT
    }
    /// The channel in whose frames another comes, where the exchange sends both in one stream: that stream is subscribed with
    /// the first of them and given up with the last, and `topics` hears of this channel alone.
    fn carrier(&self, channel: Channel) -> Channel {
        channel
    }
    /// The frame that subscribes or unsubscribes topics of a market session. Its answer must carry `id`.
    fn topics(&self, change: TopicChange, topics: &[Topic<'_>], id: u64) -> String;
    /// Reads a frame of a session's stream and emits what it says.
    ///
    /// # Errors
    /// A frame that cannot be read, wholly or in part. What was emitted before stands.
    fn frame(&mut self, role: SessionRole, bytes: &[u8], out: &mut Emit<'_>) -> Result<Heard, Unreadable>;

    /// What the connector has learned from frames and needs to go on; `None` where it learns nothing, as most. The sdk keeps
    /// everything else: instruments, sessions, numbers.
    fn state(&self) -> Option<String> {
        None
    }
    /// Goes on from what an earlier instance told of itself.
    ///
    /// # Errors
    /// What cannot be read.
    fn restore(&mut self, _state: &str) -> Result<(), String> {
        Err("this connector keeps nothing of its own".to_owned())
    }
}
