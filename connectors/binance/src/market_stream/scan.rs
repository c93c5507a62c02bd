//! Frames of the combined stream in the very form in which Binance writes them. Whatever differs from it, and whatever is wrong,
//! is `None` and goes to the full reader, with nothing emitted: the two agree on every frame that is scanned (the fuzz target
//! `binance_market_frames` compares them).

use colibri_sdk::abi::{Level, PublicTrade, Text48, trade_flag};
use colibri_sdk::json::Scanner;
use colibri_sdk::model::{Exponents, InstrumentId};
use colibri_sdk::{BookIds, BookKind, Emit};

use super::{Dialect, Kind, kind_of};
use crate::exchange_ns;

/// Reads a frame and emits what it says.
#[inline]
pub(super) fn frame<D: Dialect>(bytes: &[u8], out: &mut Emit<'_>) -> Option<()> {
    let mut s = Scanner::new(bytes);
    s.literal(b"{\"stream\":\"")?;
    match kind_of::<D>(s.text()?) {
        Kind::Depth => depth::<D>(s, out),
        Kind::Trade if D::CONTRACTS => contract_trade(s, out),
        Kind::Trade => trade(s, out),
        Kind::AggTrade => aggregate_trade(s, out),
        Kind::BookTicker => book_ticker::<D>(s, out),
        Kind::MarkPrice | Kind::Shutdown | Kind::Other => None,
    }
}

fn depth<D: Dialect>(mut s: Scanner<'_>, out: &mut Emit<'_>) -> Option<()> {
    s.literal(b",\"data\":{\"e\":\"depthUpdate\",\"E\":")?;
    let (_, time) = s.unsigned()?;
    if D::CONTRACTS {
        s.literal(b",\"T\":")?;
        s.unsigned()?;
    }
    s.literal(b",\"s\":\"")?;
    let (instrument, exponents) = out.instruments().listed(s.text()?)?;
    pair::<D>(&mut s)?;
    s.literal(b",\"U\":")?;
    let (_, first) = s.unsigned()?;
    s.literal(b",\"u\":")?;
    let (_, last) = s.unsigned()?;
    let mut previous = None;
    if D::CONTRACTS {
        s.literal(b",\"pu\":")?;
        previous = Some(s.unsigned()?.1);
    }
    let (bids, asks) = out.levels();
    s.literal(b",\"b\":[")?;
    s.levels(exponents, bids)?;
    s.literal(b",\"a\":[")?;
    s.levels(exponents, asks)?;
    end::<D>(s)?;
    let ids = BookIds {
        range: Some((first, last)),
        previous,
        ..BookIds::default()
    };
    out.book(instrument, exponents, BookKind::Change, ids, exchange_ns(time as i64));
    Some(())
}

fn trade(mut s: Scanner<'_>, out: &mut Emit<'_>) -> Option<()> {
    s.literal(b",\"data\":{\"e\":\"trade\",\"E\":")?;
    s.unsigned()?;
    s.literal(b",\"s\":\"")?;
    let (instrument, exponents) = out.instruments().listed(s.text()?)?;
    s.literal(b",\"t\":")?;
    let (id, _) = s.unsigned()?;
    let id = Text48::of_bytes(id)?;
    s.literal(b",\"p\":\"")?;
    let price = s.mantissa(exponents.price)?;
    s.literal(b",\"q\":\"")?;
    let quantity = s.mantissa(exponents.quantity)?;
    s.literal(b",\"T\":")?;
    let (_, time) = s.unsigned()?;
    s.literal(b",\"m\":")?;
    let buyer_is_maker = s.boolean()?;
    s.literal(b",\"M\":")?;
    s.boolean()?;
    end::<Spot>(s)?;
    tell_trade((instrument, exponents), price, quantity, time, buyer_is_maker, id, out);
    Some(())
}

/// Frames without the members of contracts.
struct Spot;

impl Dialect for Spot {
    const CONTRACTS: bool = false;
}

/// Frames with them.
struct Contracts;

impl Dialect for Contracts {
    const CONTRACTS: bool = true;
}

/// A trade of contracts: its time stands before its symbol, and what it is of behind its quantity.
fn contract_trade(mut s: Scanner<'_>, out: &mut Emit<'_>) -> Option<()> {
    s.literal(b",\"data\":{\"e\":\"trade\",\"E\":")?;
    s.unsigned()?;
    s.literal(b",\"T\":")?;
    let (_, time) = s.unsigned()?;
    s.literal(b",\"s\":\"")?;
    let (instrument, exponents) = out.instruments().listed(s.text()?)?;
    pair::<Contracts>(&mut s)?;
    s.literal(b",\"t\":")?;
    let (id, _) = s.unsigned()?;
    let id = Text48::of_bytes(id)?;
    s.literal(b",\"p\":\"")?;
    let price = s.mantissa(exponents.price)?;
    s.literal(b",\"q\":\"")?;
    let quantity = s.mantissa(exponents.quantity)?;
    s.literal(b",\"X\":\"MARKET\",\"m\":")?;
    let buyer_is_maker = s.boolean()?;
    end::<Contracts>(s)?;
    tell_trade((instrument, exponents), price, quantity, time, buyer_is_maker, id, out);
    Some(())
}

/// An aggregate trade, whose id stands before its symbol or behind it.
fn aggregate_trade(mut s: Scanner<'_>, out: &mut Emit<'_>) -> Option<()> {
    s.literal(b",\"data\":{\"e\":\"aggTrade\",\"E\":")?;
    s.unsigned()?;
    let mut id = None;
    if s.literal(b",\"a\":").is_some() {
        id = Some(s.unsigned()?.0);
    }
    s.literal(b",\"s\":\"")?;
    let (instrument, exponents) = out.instruments().listed(s.text()?)?;
    pair::<Contracts>(&mut s)?;
    let id = match id {
        Some(id) => id,
        None => {
            s.literal(b",\"a\":")?;
            s.unsigned()?.0
        }
    };
    let id = Text48::of_bytes(id)?;
    s.literal(b",\"p\":\"")?;
    let price = s.mantissa(exponents.price)?;
    s.literal(b",\"q\":\"")?;
    let quantity = s.mantissa(exponents.quantity)?;
    without_retail(&mut s)?;
    s.literal(b",\"f\":")?;
    s.unsigned()?;
    s.literal(b",\"l\":")?;
    s.unsigned()?;
    s.literal(b",\"T\":")?;
    let (_, time) = s.unsigned()?;
    s.literal(b",\"m\":")?;
    let buyer_is_maker = s.boolean()?;
    without_retail(&mut s)?;
    end::<Contracts>(s)?;
    tell_trade((instrument, exponents), price, quantity, time, buyer_is_maker, id, out);
    Some(())
}

/// The quantity without that of retail orders, where it stands here.
#[inline]
fn without_retail(s: &mut Scanner<'_>) -> Option<()> {
    if s.literal(b",\"nq\":\"").is_some() {
        s.text()?;
    }
    Some(())
}

#[inline]
fn tell_trade(
    of: (InstrumentId, Exponents),
    price: i64,
    quantity: i64,
    time: u64,
    buyer_is_maker: bool,
    id: Text48,
    out: &mut Emit<'_>,
) {
    out.trade_buffer().push(PublicTrade {
        price,
        quantity,
        exchange_ns: exchange_ns(time as i64),
        flags: if buyer_is_maker {
            trade_flag::TAKER_SELL
        } else {
            trade_flag::TAKER_BUY
        },
        reserved: 0,
        id,
    });
    out.trades(of.0, of.1);
}

fn book_ticker<D: Dialect>(mut s: Scanner<'_>, out: &mut Emit<'_>) -> Option<()> {
    s.literal(b",\"data\":{")?;
    if D::CONTRACTS {
        s.literal(b"\"e\":\"bookTicker\",")?;
    }
    s.literal(b"\"u\":")?;
    let (_, update_id) = s.unsigned()?;
    s.literal(b",\"s\":\"")?;
    let (instrument, exponents) = out.instruments().listed(s.text()?)?;
    pair::<D>(&mut s)?;
    s.literal(b",\"b\":\"")?;
    let bid_price = s.mantissa(exponents.price)?;
    s.literal(b",\"B\":\"")?;
    let bid_quantity = s.mantissa(exponents.quantity)?;
    s.literal(b",\"a\":\"")?;
    let ask_price = s.mantissa(exponents.price)?;
    s.literal(b",\"A\":\"")?;
    let ask_quantity = s.mantissa(exponents.quantity)?;
    let mut exchange_time = 0;
    if D::CONTRACTS {
        s.literal(b",\"T\":")?;
        s.unsigned()?;
        s.literal(b",\"E\":")?;
        exchange_time = exchange_ns(s.unsigned()?.1 as i64);
    }
    end::<D>(s)?;
    let level = |price, quantity| Level { price, quantity };
    let (bid, ask) = (level(bid_price, bid_quantity), level(ask_price, ask_quantity));
    out.top(instrument, exponents, bid, ask, update_id, exchange_time);
    Some(())
}

/// The pair that a contract is of, where it stands here: of no use, since the symbol has been read.
#[inline]
fn pair<D: Dialect>(s: &mut Scanner<'_>) -> Option<()> {
    if D::CONTRACTS && s.literal(b",\"ps\":\"").is_some() {
        s.text()?;
    }
    Some(())
}

/// The end of the data and of the frame. Frames of contracts may say there of which pair and market they are.
#[inline]
fn end<D: Dialect>(mut s: Scanner<'_>) -> Option<()> {
    pair::<D>(&mut s)?;
    if D::CONTRACTS && s.literal(b",\"st\":").is_some() {
        s.unsigned()?;
    }
    s.literal(b"}}")?;
    s.is_at_end().then_some(())
}
