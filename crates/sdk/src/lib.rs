//! What the author of a connector writes against.
//!
//! What lives here: the standards as traits ([`Spot`]), builders for requests and signing recipes, sessions, a JSON reader
//! for frames, and the machine ([`SpotRuntime`]) that turns all of it into the boundary's inputs and actions. What must
//! not live here: the rules of any exchange, and anything that opens a socket, reads a clock or a file, or starts a
//! thread.
//!
//! A connector depends on this crate (and on `serde`) alone: [`abi`], [`model`] and [`standard`] are here under their
//! names. An operation is one function, so that it can be read beside the page of the exchange that it follows:
//!
//! ```
//! use colibri_sdk::json::Reader;
//! use colibri_sdk::model::{WallNs, Millis};
//! use colibri_sdk::standard::*;
//! use colibri_sdk::*;
//!
//! /// An exchange with one endpoint for each thing, and a stream of books.
//! struct Example;
//!
//! impl Spot for Example {
//!     fn capabilities(&self) -> &'static [Capability] {
//!         &[]
//!     }
//!     fn authenticate(&self, request: &mut Request, _: Authentication, moment: &Moment) {
//!         request.add_query("time", moment.exchange_millis());
//!         let signed = Signature::new("signature", "secret").over(request.query_text());
//!         request.add_query_signature("sign", signed);
//!     }
//!     fn refusal(&self, reply: &Reply<'_>) -> Outcome {
//!         let words = String::from_utf8_lossy(reply.body()).into_owned();
//!         match reply.status() {
//!             400..=499 => Outcome::Rejected(Refusal::new(RejectReason::BadRequest, words)),
//!             _ => Outcome::Unknown(Refusal::new(RejectReason::ExchangeFault, words)),
//!         }
//!     }
//!     fn place(&self, order: &PlaceOrder<'_>) -> Asked {
//!         let (symbol, id) = (order.instrument.symbol.clone(), order.client_id.to_owned());
//!         Ok(Request::to("place", "/orders")
//!             .query("symbol", &order.instrument.symbol)
//!             .query("side", order.side.as_str())
//!             .query_some("price", order.price)
//!             .query("quantity", order.quantity)
//!             .query("id", order.client_id)
//!             .signed()
//!             .reads(move |_reply, out| {
//!                 out.event(OrderEvent {
//!                     instrument: out.instruments().id_of(&symbol),
//!                     symbol: symbol.clone(),
//!                     client_id: model::ClientOrderId::new(&id).ok(),
//!                     op: out.op(),
//!                     source: ReportSource::Ack,
//!                     status: OrderStatus::Acknowledged,
//!                     previous_client_id: None, exchange_id: None, side: None, order_type: None, time_in_force: None,
//!                     price: None, quantity: None, filled: None, filled_quote: None, terms: None, cause: model::FillCause::Order,
//!                     trigger: None, reason: None, exchange_time: None,
//!                 });
//!                 Ok(Step::Done)
//!             }))
//!     }
//!     fn server_time(&self) -> Asked {
//!         Ok(Request::to("time", "/time").reads(|reply, out| {
//!             let millis: i64 = reply.json()?;
//!             out.event(TimeEvent { exchange_time: WallNs::from_millis(millis) });
//!             Ok(Step::Done)
//!         }))
//!     }
//!     fn session(&self, _role: SessionRole) -> Result<Opening, Refusal> {
//!         let plan = SessionPlan::stream("stream", "stream", "/ws").keep_alive(Millis(15_000), r#"{"op":"ping"}"#);
//!         Ok(Opening::Stream(plan))
//!     }
//!     fn topics(&self, _change: TopicChange, topics: &[Topic<'_>], id: u64) -> String {
//!         let symbols: Vec<&str> = topics.iter().map(|t| t.instrument.symbol.as_str()).collect();
//!         format!(r#"{{"op":"books","symbols":{symbols:?},"id":{id}}}"#)
//!     }
//!     fn frame(&mut self, _role: SessionRole, bytes: &[u8], out: &mut Emit<'_>) -> Result<Heard, Unreadable> {
//!         // {"id":7} answers a subscription; {"symbol":"BTCUSDT","bids":[["1","2"]],"asks":[]} is a whole book.
//!         let instruments = out.instruments();
//!         let (bids, asks) = out.levels();
//!         let (mut of, mut answered) = (None, None);
//!         Reader::whole(bytes, |r| {
//!             r.object(|key, r| {
//!                 match (key, of) {
//!                     (b"id", _) => answered = Some(r.u64()?),
//!                     (b"symbol", _) => of = instruments.listed(r.string()?.as_bytes()),
//!                     (b"bids", Some((_, exponents))) => r.levels(exponents, bids)?,
//!                     (b"asks", Some((_, exponents))) => r.levels(exponents, asks)?,
//!                     _ => r.skip()?,
//!                 }
//!                 Ok(())
//!             })
//!         })?;
//!         if let Some((id, exponents)) = of {
//!             out.book(id, exponents, BookKind::Snapshot, BookIds::default(), 0);
//!         }
//!         Ok(match answered {
//!             Some(id) => Heard::Answer { id: Some(id), result: Ok(()) },
//!             None => Heard::Data,
//!         })
//!     }
//! #   fn cancel(&self, _: &OrderRef<'_>) -> Asked { Err(unsupported("x")) }
//! #   fn instruments(&self) -> Asked { Err(unsupported("x")) }
//! #   fn book_snapshot(&self, _: &UsedInstrument, _: u32) -> Asked { Err(unsupported("x")) }
//! #   fn balances(&self) -> Asked { Err(unsupported("x")) }
//! #   fn open_orders(&self, _: Option<&UsedInstrument>) -> Asked { Err(unsupported("x")) }
//! #   fn order_status(&self, _: &OrderRef<'_>) -> Asked { Err(unsupported("x")) }
//! #   fn trades_since(&self, _: &UsedInstrument, _: &TradesSince) -> Asked { Err(unsupported("x")) }
//!     // … and cancel, balances and so on, in the same way.
//! }
//!
//! // A test plays the host, with no network: what the connector did is a list.
//! use colibri_sdk::testing::{Stage, events, outcome};
//! let config = ConnectorConfig {
//!     environment: EnvironmentConfig {
//!         name: "live".to_owned(),
//!         addresses: [("rest".to_owned(), "https://api.example.com".to_owned())].into(),
//!     },
//!     ..ConnectorConfig::default()
//! };
//! let mut stage = Stage::new(SpotRuntime::new(Box::new(Example), &config)?);
//! let done = stage.ask(1, &Command::ServerTime(ServerTime {}), 200, b"1700000000123");
//! assert_eq!(events(&done), [Event::Time(TimeEvent { exchange_time: WallNs(1_700_000_000_123_000_000) })]);
//! assert_eq!(outcome(&done, 1), Some(Outcome::Done));
//! # Ok::<(), String>(())
//! ```
//!
//! The library then exports it: [`export_connectors!`]`{ manifest = include_str!("../connector.toml"), "example" =>
//! spot(Example::new) }`.

#![forbid(unsafe_code)]
mod command;
mod config;
mod emit;
mod export;
mod instruments;
pub mod json;
mod numeral;
mod operation;
mod order;
mod perp;
mod request;
mod runtime;
mod session;
mod signature;
mod spot;
pub mod testing;

pub use emit::{BookIds, BookKind, Emit};
#[doc(hidden)]
pub use export::{create_perp, create_spot};
pub use instruments::Instruments;
pub use numeral::Numeral;
pub use operation::{Asked, Operation, Reply, Step, unreadable, unsupported};
pub use order::{AmendOrder, OrderCommand, OrderRef, PlaceOrder, ReplaceOrder, WhenCancelFails};
pub use perp::Perp;
pub use request::{Authentication, Call, Frame, Moment, Request};
pub use runtime::SpotRuntime;
pub use session::{Opening, SessionPlan};
pub use signature::{Encoding, KeyEncoding, Scheme, Signature, Transform};
pub use spot::{Heard, Spot, Topic, TopicChange, Unreadable};

pub use colibri_abi as abi;
pub use colibri_model as model;
pub use colibri_standard as standard;
pub use serde_json;
