//! Frames of the combined stream in the very form in which Binance writes them. Whatever differs from it, and whatever is wrong,
//! is `None` and goes to the full reader, with nothing emitted: the two agree on every frame that is scanned (the fuzz target
//! `binance_market_frames` compares them).

use colibri_sdk::abi::{Level, PublicTrade, Text48, trade_flag};
use colibri_sdk::json::Scanner;
use colibri_sdk::{BookIds, BookKind, Emit};

use super::super::exchange_ns;
use super::{Kind, kind_of};

/// Reads a frame and emits what it says.
#[inline]
pub(super) fn frame(bytes: &[u8], out: &mut Emit<'_>) -> Option<()> {
    let mut s = Scanner::new(bytes);
    s.literal(b"{\"stream\":\"")?;
    match kind_of(s.text()?) {
        Kind::Depth => depth(s, out),
        Kind::Trade => trade(s, out),
        Kind::BookTicker => book_ticker(s, out),
        Kind::Shutdown | Kind::Other => None,
    }
}

fn depth(mut s: Scanner<'_>, out: &mut Emit<'_>) -> Option<()> {
    s.literal(b",\"data\":{\"e\":\"depthUpdate\",\"E\":")?;
    let (_, time) = s.unsigned()?;
    s.literal(b",\"s\":\"")?;
    let (instrument, exponents) = out.instruments().listed(s.text()?)?;
    s.literal(b",\"U\":")?;
    let (_, first) = s.unsigned()?;
    s.literal(b",\"u\":")?;
    let (_, last) = s.unsigned()?;
    let (bids, asks) = out.levels();
    s.literal(b",\"b\":[")?;
    s.levels(exponents, bids)?;
    s.literal(b",\"a\":[")?;
    s.levels(exponents, asks)?;
    end(s)?;
    let ids = BookIds {
        range: Some((first, last)),
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
    end(s)?;
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
    out.trades(instrument, exponents);
    Some(())
}

fn book_ticker(mut s: Scanner<'_>, out: &mut Emit<'_>) -> Option<()> {
    s.literal(b",\"data\":{\"u\":")?;
    let (_, update_id) = s.unsigned()?;
    s.literal(b",\"s\":\"")?;
    let (instrument, exponents) = out.instruments().listed(s.text()?)?;
    s.literal(b",\"b\":\"")?;
    let bid_price = s.mantissa(exponents.price)?;
    s.literal(b",\"B\":\"")?;
    let bid_quantity = s.mantissa(exponents.quantity)?;
    s.literal(b",\"a\":\"")?;
    let ask_price = s.mantissa(exponents.price)?;
    s.literal(b",\"A\":\"")?;
    let ask_quantity = s.mantissa(exponents.quantity)?;
    end(s)?;
    let level = |price, quantity| Level { price, quantity };
    let (bid, ask) = (level(bid_price, bid_quantity), level(ask_price, ask_quantity));
    out.top(instrument, exponents, bid, ask, update_id, 0);
    Some(())
}

/// The end of the data and of the frame.
#[inline]
fn end(mut s: Scanner<'_>) -> Option<()> {
    s.literal(b"}}")?;
    s.is_at_end().then_some(())
}
