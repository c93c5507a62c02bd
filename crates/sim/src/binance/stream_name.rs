//! Names of market streams. Source: Binance, "WebSocket Streams", "Detailed Stream information".

use crate::identity::{MarketId, Symbol};
use crate::wire::candles::Interval;
use crate::wire::feed::Speed;

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamKind {
    /// Level changes.
    Depth(Speed),
    /// The best levels: how many, and how often.
    PartialDepth(usize, Speed),
    /// Every trade.
    Trade,
    /// Trades of a taker at a price, as one.
    AggTrade,
    /// Best prices, whenever they change.
    BookTicker,
    /// The present candle.
    Kline(Interval),
    /// Short 24-hour statistics.
    MiniTicker,
    /// 24-hour statistics.
    Ticker,
    /// The five-minute average price.
    AvgPrice,
}

/// A stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamKey {
    /// Of one market.
    Market(MarketId, StreamKind),
    /// `!miniTicker@arr`.
    AllMiniTickers,
}

impl StreamKey {
    /// The stream of a name; `None` when there is none, which the exchange does not report either.
    pub fn parse(name: &str, find: impl Fn(&Symbol) -> Option<MarketId>) -> Option<Self> {
        if name == "!miniTicker@arr" {
            return Some(Self::AllMiniTickers);
        }
        let (symbol, kind) = name.split_once('@')?;
        if symbol.chars().any(char::is_uppercase) {
            return None;
        }
        let market = find(&Symbol::new(symbol.to_uppercase()))?;
        Some(Self::Market(market, StreamKind::parse(kind)?))
    }
}

impl StreamKind {
    fn parse(text: &str) -> Option<Self> {
        if let Some(interval) = text.strip_prefix("kline_") {
            return Interval::parse(interval).map(Self::Kline);
        }
        if let Some(depth) = text.strip_prefix("depth") {
            let (levels, speed) = depth.split_once('@').unwrap_or((depth, "1000ms"));
            let speed = match speed {
                "100ms" => Speed::Fast,
                "1000ms" => Speed::Slow,
                _ => return None,
            };
            return match levels {
                "" => Some(Self::Depth(speed)),
                "5" => Some(Self::PartialDepth(5, speed)),
                "10" => Some(Self::PartialDepth(10, speed)),
                "20" => Some(Self::PartialDepth(20, speed)),
                _ => None,
            };
        }
        match text {
            "trade" => Some(Self::Trade),
            "aggTrade" => Some(Self::AggTrade),
            "bookTicker" => Some(Self::BookTicker),
            "miniTicker" => Some(Self::MiniTicker),
            "ticker" => Some(Self::Ticker),
            "avgPrice" => Some(Self::AvgPrice),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_documented() {
        let parse = |name: &str| StreamKey::parse(name, |symbol| (symbol.as_str() == "BTCUSDT").then_some(MarketId(0)));
        let market = |kind| Some(StreamKey::Market(MarketId(0), kind));
        assert_eq!(parse("btcusdt@depth"), market(StreamKind::Depth(Speed::Slow)));
        assert_eq!(parse("btcusdt@depth@100ms"), market(StreamKind::Depth(Speed::Fast)));
        assert_eq!(
            parse("btcusdt@depth20@100ms"),
            market(StreamKind::PartialDepth(20, Speed::Fast))
        );
        assert_eq!(parse("btcusdt@kline_1M"), market(StreamKind::Kline(Interval::Month1)));
        assert_eq!(parse("BTCUSDT@trade"), None);
        assert_eq!(parse("btcusdt@depth7"), None);
        assert_eq!(parse("ethusdt@trade"), None);
        assert_eq!(parse("!miniTicker@arr"), Some(StreamKey::AllMiniTickers));
    }
}
