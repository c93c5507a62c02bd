//! Market data over combined streams (web-socket-streams.md; of contracts, websocket-market-streams of the USD-M futures): what
//! the markets have in common, and where their frames differ.
//!
//! Frames come as `{"stream":"<name>","data":{…}}`; they are read in one pass and emitted once the whole frame is known to
//! be good. Recordings often hold the data alone, as a raw stream (`/ws/<name>`) carries it: its event type says what it is.

use colibri_sdk::abi::{Level, PublicTrade, Text48, trade_flag};
use colibri_sdk::json::{JsonError, Object, Reader};
use colibri_sdk::model::{Decimal, Exponents, FundingRate, InstrumentId, MarkPrice, Price, WallNs};
use colibri_sdk::standard::{Channel, FundingRateEvent, MarkPriceEvent, Outcome, Refusal, RejectReason};
use colibri_sdk::{BookIds, BookKind, Emit, Heard, Topic, TopicChange, Unreadable, serde_json};

use crate::exchange_ns;
use crate::loose;

mod scan;

/// Which market's frames are read.
pub(crate) trait Dialect {
    /// Whether they are of contracts: these name the update before them, have times everywhere, and tell of mark prices.
    const CONTRACTS: bool;
}

/// "Live Subscribing/Unsubscribing to streams": names are in lower case, and then what `stream` says of the channel.
pub(crate) fn topics(
    change: TopicChange,
    topics: &[Topic<'_>],
    id: u64,
    stream: fn(Channel) -> &'static str,
) -> String {
    let names: Vec<String> = topics
        .iter()
        .map(|topic| {
            let kind = stream(topic.channel);
            format!("{}@{kind}", topic.instrument.symbol.to_lowercase())
        })
        .collect();
    let method = match change {
        TopicChange::Subscribe => "SUBSCRIBE",
        TopicChange::Unsubscribe => "UNSUBSCRIBE",
    };
    let names = serde_json::to_string(&names).unwrap_or_default();
    format!(r#"{{"method":"{method}","params":{names},"id":{id}}}"#)
}

/// What a stream carries, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Depth,
    Trade,
    AggTrade,
    BookTicker,
    MarkPrice,
    Shutdown,
    /// Another stream, which we did not ask for.
    Other,
}

fn kind_of<D: Dialect>(stream: &[u8]) -> Kind {
    if stream == b"!serverShutdown" {
        return Kind::Shutdown;
    }
    let kind = stream.iter().position(|&b| b == b'@').map(|at| &stream[at + 1..]);
    match kind {
        Some(b"depth@100ms" | b"depth") => Kind::Depth,
        Some(b"trade") => Kind::Trade,
        Some(b"bookTicker") => Kind::BookTicker,
        Some(b"aggTrade") if D::CONTRACTS => Kind::AggTrade,
        Some(b"markPrice@1s" | b"markPrice") if D::CONTRACTS => Kind::MarkPrice,
        // Of another pace.
        Some(kind) if kind.starts_with(b"depth@") => Kind::Depth,
        _ => Kind::Other,
    }
}

/// What a raw stream's frame carries, by its event type.
fn raw_kind_of<D: Dialect>(event: &[u8]) -> Kind {
    match event {
        b"depthUpdate" => Kind::Depth,
        b"trade" => Kind::Trade,
        b"bookTicker" => Kind::BookTicker,
        b"aggTrade" if D::CONTRACTS => Kind::AggTrade,
        b"markPriceUpdate" if D::CONTRACTS => Kind::MarkPrice,
        b"serverShutdown" => Kind::Shutdown,
        _ => Kind::Other,
    }
}

/// What a frame says, its levels aside: those are in the buffers.
enum Data {
    /// About an instrument that is not in use, or of a stream that we did not ask for.
    NotOurs,
    Depth {
        of: (InstrumentId, Exponents),
        ids: BookIds,
        time: i64,
    },
    Trade {
        of: (InstrumentId, Exponents),
        trade: PublicTrade,
    },
    Top {
        of: (InstrumentId, Exponents),
        bid: Level,
        ask: Level,
        update_id: u64,
        /// Zero where it has none.
        exchange_ns: i64,
    },
    Mark(Mark),
}

/// Mark price and funding rate, as one frame has them.
struct Mark {
    instrument: InstrumentId,
    price: MarkPrice,
    /// Contracts that are delivered have none.
    funding: Option<FundingRate>,
    time: WallNs,
}

impl Mark {
    /// Tells what is subscribed of it.
    fn tell(self, out: &mut Emit<'_>) {
        let (instrument, exchange_time) = (self.instrument, Some(self.time));
        if out.is_subscribed(instrument, Channel::MarkPrice) {
            out.event(MarkPriceEvent {
                instrument,
                price: self.price,
                exchange_time,
            });
        }
        if let (Some(funding), true) = (self.funding, out.is_subscribed(instrument, Channel::FundingRate)) {
            out.event(FundingRateEvent {
                instrument,
                funding,
                exchange_time,
            });
        }
    }
}

/// The frame of an answer to SUBSCRIBE: `{"result":null,"id":1}`, `{"code":2,"msg":"…","id":1}` and, as seen, the error in
/// a field `error`.
#[derive(Default)]
struct Answer {
    seen: bool,
    id: Option<u64>,
    code: Option<i64>,
    msg: String,
}

impl Answer {
    fn read(&mut self, key: &[u8], r: &mut Reader<'_>) -> Result<(), JsonError> {
        match key {
            b"result" => {
                self.seen = true;
                r.skip()
            }
            b"error" => r.object(|key, r| self.read(key, r)),
            b"code" => {
                self.seen = true;
                self.code = Some(r.i64()?);
                Ok(())
            }
            b"msg" => {
                self.msg = r.string()?.into_owned();
                Ok(())
            }
            b"id" => {
                if !r.null() {
                    self.id = Some(r.u64()?);
                }
                Ok(())
            }
            _ => r.skip(),
        }
    }

    fn heard(self) -> Heard {
        let result = match self.code {
            None => Ok(()),
            Some(code) => Err(Outcome::Rejected(
                Refusal::new(RejectReason::BadRequest, self.msg).with_code(code.to_string()),
            )),
        };
        Heard::Answer { id: self.id, result }
    }
}

/// Reads a frame: by scanning where it is of the form that Binance writes, with the full reader where it is not.
pub(crate) fn frame<D: Dialect>(bytes: &[u8], out: &mut Emit<'_>) -> Result<Heard, Unreadable> {
    match scan::frame::<D>(bytes, out) {
        Some(()) => Ok(Heard::Data),
        None => read_frame::<D>(bytes, out),
    }
}

/// Reads a frame of any form.
#[inline(never)]
fn read_frame<D: Dialect>(bytes: &[u8], out: &mut Emit<'_>) -> Result<Heard, Unreadable> {
    let mut kind = None;
    let mut data = None;
    // Data that stands before the name of its stream, which it never does; read again when the name is known.
    let mut early = None;
    let mut raw = None;
    let mut answer = Answer::default();
    // Whose data is missing if the frame turns out to be bad.
    let mut subject = None;
    let read = Reader::whole(bytes, |r| {
        let mut start = r.clone();
        r.object(|key, r| {
            match (key, kind) {
                (b"stream", _) => kind = Some(kind_of::<D>(r.string()?.as_bytes())),
                (b"data", Some(kind)) => data = Some(read_data::<D>(kind, r, out, &mut subject)?),
                (b"data", None) => {
                    early = Some(r.clone());
                    r.skip()?;
                }
                (b"e", None) => raw = Some(raw_kind_of::<D>(r.string()?.as_bytes())),
                // "Individual Symbol Book Ticker Streams": the one without an event type.
                (b"B", None) => {
                    raw = raw.or(Some(Kind::BookTicker));
                    r.skip()?;
                }
                _ => answer.read(key, r)?,
            }
            Ok(())
        })?;
        if let (Some(kind), Some(mut r)) = (kind, early) {
            data = Some(read_data::<D>(kind, &mut r, out, &mut subject)?);
        }
        if let (None, None, Some(raw)) = (kind, &data, raw) {
            kind = Some(raw);
            data = Some(read_data::<D>(raw, &mut start, out, &mut subject)?);
        }
        Ok(())
    });
    if let Err(error) = read {
        return Err(Unreadable {
            instrument: subject,
            why: error.to_string(),
        });
    }
    match data {
        Some(_) if kind == Some(Kind::Shutdown) => {
            return Ok(Heard::Shutdown("Binance closes this stream soon".to_owned()));
        }
        Some(Data::NotOurs) => {}
        Some(Data::Depth { of, ids, time }) => out.book(of.0, of.1, BookKind::Change, ids, exchange_ns(time)),
        Some(Data::Trade { of, trade }) => {
            out.trade_buffer().push(trade);
            out.trades(of.0, of.1);
        }
        Some(Data::Top {
            of,
            bid,
            ask,
            update_id,
            exchange_ns,
        }) => out.top(of.0, of.1, bid, ask, update_id, exchange_ns),
        Some(Data::Mark(mark)) => mark.tell(out),
        None if answer.seen => return Ok(answer.heard()),
        None => return Err(Unreadable::new("neither data nor an answer")),
    }
    Ok(Heard::Data)
}

fn read_data<D: Dialect>(
    kind: Kind,
    r: &mut Reader<'_>,
    out: &mut Emit<'_>,
    subject: &mut Option<InstrumentId>,
) -> Result<Data, JsonError> {
    match kind {
        Kind::Depth => read_depth::<D>(r, out, subject),
        Kind::Trade => read_trade(r, b"t", out, subject),
        Kind::AggTrade => read_trade(r, b"a", out, subject),
        Kind::BookTicker => read_book_ticker(r, out, subject),
        Kind::MarkPrice => read_mark_price(r, out, subject),
        Kind::Shutdown | Kind::Other => r.skip().map(|()| Data::NotOurs),
    }
}

/// "Diff. Depth Stream": `{"e":"depthUpdate","E":…,"s":"BNBBTC","U":157,"u":160,"b":[["0.0024","10"]],"a":[…]}`; of
/// contracts it has `pu` too, the last id of the update before.
fn read_depth<D: Dialect>(
    r: &mut Reader<'_>,
    out: &mut Emit<'_>,
    subject: &mut Option<InstrumentId>,
) -> Result<Data, JsonError> {
    let instruments = out.instruments();
    let (bids, asks) = out.levels();
    let (mut symbol, mut of) = (false, None);
    let (mut time, mut first, mut last, mut previous) = (None, None, None, None);
    let (mut seen_bids, mut seen_asks) = (false, false);
    // Levels that stand before the symbol, and so before their exponents.
    let (mut early_bids, mut early_asks) = (None, None);
    r.object(|key, r| {
        match key {
            b"E" => time = Some(r.i64()?),
            b"s" => {
                symbol = true;
                of = instruments.listed(r.string()?.as_bytes());
                *subject = of.map(|(id, _)| id);
            }
            b"U" => first = Some(r.u64()?),
            b"u" => last = Some(r.u64()?),
            b"pu" if D::CONTRACTS => previous = Some(r.u64()?),
            b"b" | b"a" => {
                let (levels, seen, early) = if key == b"b" {
                    (&mut *bids, &mut seen_bids, &mut early_bids)
                } else {
                    (&mut *asks, &mut seen_asks, &mut early_asks)
                };
                *seen = true;
                match of {
                    Some((_, exponents)) => {
                        levels.clear();
                        r.levels(exponents, levels)?;
                    }
                    None => {
                        if !symbol {
                            *early = Some(r.clone());
                        }
                        r.skip()?;
                    }
                }
            }
            _ => r.skip()?,
        }
        Ok(())
    })?;
    let Some(of) = of else {
        return if symbol {
            Ok(Data::NotOurs)
        } else {
            Err(r.error("a depth update without a symbol"))
        };
    };
    if let Some(mut r) = early_bids {
        r.levels(of.1, bids)?;
    }
    if let Some(mut r) = early_asks {
        r.levels(of.1, asks)?;
    }
    match (first, last, time) {
        (Some(first), Some(last), Some(time)) if seen_bids && seen_asks && previous.is_some() == D::CONTRACTS => {
            let ids = BookIds {
                range: Some((first, last)),
                previous,
                ..BookIds::default()
            };
            Ok(Data::Depth { of, ids, time })
        }
        _ => Err(r.error("a depth update without its ids, time or levels")),
    }
}

/// "Trade Streams": `{"e":"trade","E":…,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":…,"m":true,"M":true}`,
/// and "Aggregate Trade Streams", whose id is `a`. A trade of contracts says in `X` what it is: those of the insurance fund and
/// of auto-deleveraging are no trades of the market, and aggregate trades leave them out.
fn read_trade(
    r: &mut Reader<'_>,
    id_name: &[u8],
    out: &mut Emit<'_>,
    subject: &mut Option<InstrumentId>,
) -> Result<Data, JsonError> {
    let instruments = out.instruments();
    let (mut symbol, mut of, mut of_the_market) = (false, None, true);
    let (mut id, mut price, mut quantity, mut time, mut buyer_is_maker) = (None, None, None, None, None);
    r.object(|key, r| {
        match key {
            b"s" => {
                symbol = true;
                of = instruments.listed(r.string()?.as_bytes());
                *subject = of.map(|(id, _)| id);
            }
            b"X" => of_the_market = r.string()? == "MARKET",
            name if name == id_name => {
                let text = r.number()?;
                id = Some(Text48::new(text).ok_or_else(|| r.error("a trade id is too long"))?);
            }
            b"p" => price = Some(later(r)?),
            b"q" => quantity = Some(later(r)?),
            b"T" => time = Some(r.i64()?),
            b"m" => buyer_is_maker = Some(r.boolean()?),
            _ => r.skip()?,
        }
        Ok(())
    })?;
    let Some(of) = of else {
        return if symbol {
            Ok(Data::NotOurs)
        } else {
            Err(r.error("a trade without a symbol"))
        };
    };
    match (id, price, quantity, time, buyer_is_maker) {
        _ if !of_the_market => Ok(Data::NotOurs),
        (Some(id), Some(mut price), Some(mut quantity), Some(time), Some(buyer_is_maker)) => Ok(Data::Trade {
            of,
            trade: PublicTrade {
                price: price.mantissa(of.1.price)?,
                quantity: quantity.mantissa(of.1.quantity)?,
                exchange_ns: exchange_ns(time),
                // "Is the buyer the market maker?": then the taker sold.
                flags: if buyer_is_maker {
                    trade_flag::TAKER_SELL
                } else {
                    trade_flag::TAKER_BUY
                },
                reserved: 0,
                id,
            },
        }),
        _ => Err(r.error("a trade without its id, price, quantity, time or side")),
    }
}

/// "Individual Symbol Book Ticker Streams": `{"u":400900217,"s":"BNBUSDT","b":"25.35","B":"31.21","a":"25.36","A":"40.66"}`;
/// of contracts it has a time, `E`.
fn read_book_ticker(
    r: &mut Reader<'_>,
    out: &mut Emit<'_>,
    subject: &mut Option<InstrumentId>,
) -> Result<Data, JsonError> {
    let instruments = out.instruments();
    let (mut symbol, mut of, mut update_id, mut time) = (false, None, None, None);
    let (mut bid, mut bid_quantity, mut ask, mut ask_quantity) = (None, None, None, None);
    r.object(|key, r| {
        match key {
            b"u" => update_id = Some(r.u64()?),
            b"E" => time = Some(r.i64()?),
            b"s" => {
                symbol = true;
                of = instruments.listed(r.string()?.as_bytes());
                *subject = of.map(|(id, _)| id);
            }
            b"b" => bid = Some(later(r)?),
            b"B" => bid_quantity = Some(later(r)?),
            b"a" => ask = Some(later(r)?),
            b"A" => ask_quantity = Some(later(r)?),
            _ => r.skip()?,
        }
        Ok(())
    })?;
    let Some(of) = of else {
        return if symbol {
            Ok(Data::NotOurs)
        } else {
            Err(r.error("a book ticker without a symbol"))
        };
    };
    let level = |price: Option<Reader<'_>>, quantity: Option<Reader<'_>>| match (price, quantity) {
        (Some(mut price), Some(mut quantity)) => Ok(Level {
            price: price.mantissa(of.1.price)?,
            quantity: quantity.mantissa(of.1.quantity)?,
        }),
        _ => Err(JsonError {
            at: 0,
            what: "a book ticker without a price or quantity",
        }),
    };
    Ok(Data::Top {
        of,
        bid: level(bid, bid_quantity)?,
        ask: level(ask, ask_quantity)?,
        update_id: update_id.ok_or_else(|| r.error("a book ticker without its update id"))?,
        exchange_ns: time.map_or(0, exchange_ns),
    })
}

/// "Mark Price Stream": `{"e":"markPriceUpdate","E":…,"s":"BTCUSDT","p":"11794.15","i":"11784.62","P":"11784.25","r":"0.00038167",
/// "T":1562306400000}`; of contracts that are delivered `r` is empty and `T` zero.
fn read_mark_price(
    r: &mut Reader<'_>,
    out: &mut Emit<'_>,
    subject: &mut Option<InstrumentId>,
) -> Result<Data, JsonError> {
    let here = r.clone();
    let wrong = |_| here.error("a mark price without its symbol, price or time");
    let data = Object::whole(r.raw()?)?;
    let symbol = data.text("s").map_err(wrong)?;
    let Some(instrument) = out.instruments().id_of(&symbol) else {
        return Ok(Data::NotOurs);
    };
    *subject = Some(instrument);
    let price = |name| loose::some_decimal(&data, name).map_err(wrong);
    let some_price = |price: Option<Decimal>| price.filter(|p| !p.is_zero()).map(Price);
    let next_time = loose::some_integer(&data, "T").map_err(wrong)?.filter(|t| *t > 0);
    Ok(Data::Mark(Mark {
        instrument,
        price: MarkPrice {
            mark: some_price(price("p")?).ok_or_else(|| here.error("a mark price that is none"))?,
            index: some_price(price("i")?),
        },
        funding: price("r")?.map(|rate| FundingRate {
            rate,
            next_time: next_time.map(|t| WallNs(exchange_ns(t))),
            interval: None,
        }),
        time: WallNs(exchange_ns(data.integer("E").map_err(wrong)?)),
    }))
}

/// Steps over a value that is read once its exponent is known.
fn later<'a>(r: &mut Reader<'a>) -> Result<Reader<'a>, JsonError> {
    let here = r.clone();
    r.skip()?;
    Ok(here)
}
