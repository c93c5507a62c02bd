//! Stream names such as `btcusdt@depth@100ms`, and which road carries them. Source: Binance, USD-M futures, "Websocket Market
//! Streams" and its change notice.

use crate::identity::{MarketId, Symbol};
use crate::wire::candles::Interval;
use crate::wire::feed::Speed;
use crate::wire::transport::Route;

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamKind {
    /// Level changes.
    Depth(Speed),
    /// The best levels: how many, and how often.
    PartialDepth(usize, Speed),
    /// Best prices, whenever they change.
    BookTicker,
    /// Every trade.
    Trade,
    /// Trades of a taker at a price, as one.
    AggTrade,
    /// Mark price, index and funding, every so many seconds.
    MarkPrice(u8),
    /// The present candle.
    Kline(Interval),
    /// Short 24-hour statistics.
    MiniTicker,
    /// 24-hour statistics.
    Ticker,
    /// Liquidations.
    ForceOrder,
}

/// A stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamKey {
    /// Of one market.
    Market(MarketId, StreamKind),
    /// `!bookTicker`.
    AllBookTickers,
    /// `!markPrice@arr`, every so many seconds.
    AllMarkPrices(u8),
    /// `!forceOrder@arr`.
    AllForceOrders,
}

impl StreamKey {
    /// The stream of a name on a road; `None` when there is none there, which the exchange does not report either.
    pub fn parse(route: Route, name: &str, find: impl Fn(&Symbol) -> Option<MarketId>) -> Option<Self> {
        let key = match name {
            "!bookTicker" => Self::AllBookTickers,
            "!markPrice@arr" => Self::AllMarkPrices(3),
            "!markPrice@arr@1s" => Self::AllMarkPrices(1),
            "!forceOrder@arr" => Self::AllForceOrders,
            _ => {
                let (symbol, kind) = name.split_once('@')?;
                if symbol.chars().any(char::is_uppercase) {
                    return None;
                }
                let market = find(&Symbol::new(symbol.to_uppercase()))?;
                Self::Market(market, StreamKind::parse(kind)?)
            }
        };
        (key.route() == route).then_some(key)
    }

    /// The road that carries it.
    fn route(self) -> Route {
        match self {
            Self::AllBookTickers => Route::Public,
            Self::AllMarkPrices(_) | Self::AllForceOrders => Route::Market,
            Self::Market(_, kind) => match kind {
                StreamKind::Depth(_) | StreamKind::PartialDepth(..) | StreamKind::BookTicker => Route::Public,
                _ => Route::Market,
            },
        }
    }
}

impl StreamKind {
    fn parse(text: &str) -> Option<Self> {
        if let Some(interval) = text.strip_prefix("kline_") {
            let interval = Interval::parse(interval).filter(|interval| *interval != Interval::S1);
            return interval.map(Self::Kline);
        }
        if let Some(depth) = text.strip_prefix("depth") {
            let (levels, speed) = depth.split_once('@').unwrap_or((depth, "250ms"));
            let speed = match speed {
                "100ms" => Speed::Fast,
                "250ms" => Speed::Quarter,
                "500ms" => Speed::Half,
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
            "bookTicker" => Some(Self::BookTicker),
            "trade" => Some(Self::Trade),
            "aggTrade" => Some(Self::AggTrade),
            "markPrice" => Some(Self::MarkPrice(3)),
            "markPrice@1s" => Some(Self::MarkPrice(1)),
            "miniTicker" => Some(Self::MiniTicker),
            "ticker" => Some(Self::Ticker),
            "forceOrder" => Some(Self::ForceOrder),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_something_on_its_own_road_alone() {
        let find = |symbol: &Symbol| (symbol.as_str() == "BTCUSDT").then_some(MarketId(0));
        let parse = |route, name: &str| StreamKey::parse(route, name, find);
        let market = |kind| Some(StreamKey::Market(MarketId(0), kind));
        assert_eq!(
            parse(Route::Public, "btcusdt@depth"),
            market(StreamKind::Depth(Speed::Quarter))
        );
        assert_eq!(parse(Route::Market, "btcusdt@depth"), None);
        assert_eq!(
            parse(Route::Public, "btcusdt@depth20@100ms"),
            market(StreamKind::PartialDepth(20, Speed::Fast))
        );
        assert_eq!(
            parse(Route::Market, "btcusdt@markPrice@1s"),
            market(StreamKind::MarkPrice(1))
        );
        assert_eq!(parse(Route::Public, "btcusdt@aggTrade"), None);
        assert_eq!(parse(Route::Market, "btcusdt@kline_1s"), None);
        assert_eq!(parse(Route::Market, "ethusdt@aggTrade"), None);
        assert_eq!(parse(Route::Private, "btcusdt@aggTrade"), None);
    }
}
