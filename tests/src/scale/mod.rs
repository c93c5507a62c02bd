//! One bot beside very many instruments: the real host with the real connector library, the local exchange in a process of its
//! own that tells their depth and trades at a rate that is given, and what that costs.
//!
//! What lives here: the set-up, the measurement from outside (`/proc`), the figures. What must not live here: assertions about
//! figures, which are this machine's: the test asserts that nothing was lost.

mod bot;
mod process;

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

pub use bot::{Bot, Watched};
pub use process::Usage;

use crate::crash::exchange::LocalExchange;

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Instruments, the traded one among them.
    pub instruments: u32,
    /// Depth updates and trades per second, of all of them together.
    pub messages_per_second: u32,
    /// How many of a hundred messages are depth updates.
    pub depth_percent: u32,
    /// Levels that a depth update changes.
    pub levels_per_update: u32,
    /// How long, once every book is there.
    pub span: Duration,
    /// The request weight that the exchange grants a minute, which paces the snapshots at the start. Binance grants 6000.
    pub weight_per_minute: u32,
}

impl Default for Load {
    fn default() -> Self {
        Load {
            instruments: 1_000,
            messages_per_second: 50_000,
            depth_percent: 20,
            levels_per_update: 20,
            span: Duration::from_secs(30),
            weight_per_minute: 6_000,
        }
    }
}

/// What was measured.
#[derive(Debug, Clone)]
pub struct Figures {
    /// What was asked for.
    pub load: Load,
    /// From the start of the process to the first order, seconds, by the exchange's time of it.
    pub first_quote: f64,
    /// From the start of the process until every book was there, seconds.
    pub every_book: f64,
    /// Messages that the host took in per second: book updates and trades.
    pub messages_per_second: f64,
    /// Of these, book updates.
    pub book_updates_per_second: f64,
    /// Processor time of the host's process, of one core.
    pub host_cpu: f64,
    /// Processor time of the exchange's process, of one core.
    pub exchange_cpu: f64,
    /// Memory of the host at the end.
    pub host: Usage,
    /// Memory of the same bot without what it watches.
    pub host_without: Usage,
    /// How long book updates were under way in the span: microseconds that so many of a thousand did not exceed.
    pub delays: BTreeMap<u32, u64>,
    /// The longest delay since the start, microseconds.
    pub longest_delay_us: u64,
    /// Books dropped since the start.
    pub book_drops: u64,
    /// Streams that were opened again.
    pub reconnects: u64,
    /// Ticks of the Clock that were late or left out.
    pub late_ticks: u64,
}

impl Figures {
    /// What a book costs, bytes of anonymous memory.
    #[must_use]
    pub fn memory_a_book(&self) -> u64 {
        let more = self.host.anonymous.saturating_sub(self.host_without.anonymous);
        more / u64::from(self.load.instruments.max(2) - 1)
    }

    /// Whether nothing was lost and nothing fell behind: no book was dropped, no stream opened again, and what was asked for
    /// came, but for a twentieth.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let asked = f64::from(self.load.messages_per_second);
        self.book_drops == 0 && self.reconnects == 0 && self.messages_per_second >= asked * 0.95
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let delays: BTreeMap<String, u64> = self
            .delays
            .iter()
            .map(|(k, v)| (format!("per_mille_{k}"), *v))
            .collect();
        json!({
            "instruments": self.load.instruments,
            "messages_per_second_asked": self.load.messages_per_second,
            "depth_percent": self.load.depth_percent,
            "levels_per_update": self.load.levels_per_update,
            "seconds": self.load.span.as_secs_f64(),
            "weight_per_minute": self.load.weight_per_minute,
            "first_quote_s": self.first_quote,
            "every_book_s": self.every_book,
            "messages_per_second": self.messages_per_second,
            "book_updates_per_second": self.book_updates_per_second,
            "host_cpu_percent": self.host_cpu * 100.0,
            "exchange_cpu_percent": self.exchange_cpu * 100.0,
            "host_rss_bytes": self.host.resident,
            "host_anonymous_bytes": self.host.anonymous,
            "memory_a_book_bytes": self.memory_a_book(),
            "delay_us": delays,
            "longest_delay_us": self.longest_delay_us,
            "book_drops": self.book_drops,
            "reconnects": self.reconnects,
            "late_ticks": self.late_ticks,
        })
    }
}

/// Runs a load and measures it.
///
/// # Panics
/// Where something does not start, or the books are not there in time.
#[must_use]
pub fn measure(load: Load) -> Figures {
    let host_without = without(load);
    let exchange = LocalExchange::with(&configuration(load));
    let bot = Bot::new(exchange.address(), Watched::Steady(load.instruments - 1));
    let (started, wall) = (Instant::now(), SystemTime::now());
    let run = bot.start();
    // More than the limit on snapshots and a busy machine take together.
    let patience = Duration::from_secs(300);
    run.status_when(patience, "every book was there", |status| {
        let venue = &status["connectors"][0];
        venue["watched"]["live"].as_u64() == Some(u64::from(load.instruments - 1))
            && venue["books"]
                .as_array()
                .is_some_and(|books| books.iter().all(|b| b["state"] == "live"))
    });
    let every_book = started.elapsed().as_secs_f64();
    let first = run.status();
    let before = (Instant::now(), run.usage(), Usage::of(exchange.process()));
    std::thread::sleep(load.span);
    let last = run.status_after(&first);
    let (host, served) = (run.usage(), Usage::of(exchange.process()));
    let seconds = before.0.elapsed().as_secs_f64();
    let written = |status: &Value| status["written_ms"].as_f64().expect("a time") / 1_000.0;
    let told = written(&last) - written(&first);
    let counted = |name: &str| {
        let of = |status: &Value| status["counters"][name].as_u64().expect("a count");
        (of(&last) - of(&first)) as f64 / told
    };
    let total = |name: &str| last["counters"][name].as_u64().expect("a count");
    let figures = Figures {
        load,
        first_quote: first_order(&exchange) - wall.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()),
        every_book,
        messages_per_second: counted("book_updates") + counted("public_trades"),
        book_updates_per_second: counted("book_updates"),
        host_cpu: (host.processor - before.1.processor).as_secs_f64() / seconds,
        exchange_cpu: (served.processor - before.2.processor).as_secs_f64() / seconds,
        host,
        host_without,
        delays: delays(&first, &last),
        longest_delay_us: last["delays"]["max_us"].as_u64().expect("a delay"),
        book_drops: total("book_drops"),
        reconnects: last["connectors"][0]["market_stream"]["reconnects"]
            .as_u64()
            .expect("a count"),
        late_ticks: last["ticks"]["overruns"].as_u64().expect("a count")
            + last["ticks"]["skipped"].as_u64().expect("a count"),
    };
    run.stop();
    figures
}

/// When the exchange had the first order, seconds since 1970.
fn first_order(exchange: &LocalExchange) -> f64 {
    let orders = exchange.all_orders();
    let first = orders.iter().filter_map(|order| order["time"].as_u64()).min();
    first.expect("an order reached the exchange") as f64 / 1_000.0
}

/// The memory of the same bot with nothing to watch.
fn without(load: Load) -> Usage {
    let exchange = LocalExchange::with(&configuration(load));
    let bot = Bot::new(exchange.address(), Watched::Nothing);
    let run = bot.start();
    run.status_when(Duration::from_secs(60), "the traded book was there", |status| {
        status["connectors"][0]["books"][0]["state"] == "live" && status["counters"]["orders"].as_u64() > Some(0)
    });
    let usage = run.usage();
    run.stop();
    usage
}

/// What `count` connector instances cost that have nothing to do: each its own venue with one quiet pair, no strategy.
///
/// # Panics
/// Where something does not start.
#[must_use]
pub fn idle(count: u32) -> Usage {
    let exchange = LocalExchange::with(IDLE);
    let bot = Bot::new(exchange.address(), Watched::Idle(count));
    let run = bot.start();
    run.status_when(Duration::from_secs(60), "every venue was ready", |status| {
        let venues = status["connectors"].as_array();
        venues.is_some_and(|venues| venues.len() == count as usize && venues.iter().all(|v| v["state"] == "ready"))
    });
    // What the start took is given back within a tick or two.
    let first = run.status();
    let later = (0..3).fold(first, |status, _| run.status_after(&status));
    assert_eq!(later["phase"], "running");
    let usage = run.usage();
    run.stop();
    usage
}

/// Nothing moves.
const IDLE: &str =
    "[flow]\nkind = \"random\"\ntakers_per_second = \"0\"\nvolatility_bps = \"0\"\nwarm_up_seconds = 1\n";

/// One market is traded, with orders behind its book; the others have a rate.
fn configuration(load: Load) -> String {
    format!(
        "[limits]\nweight_per_minute = {}\n\n\
         [[markets]]\nsymbol = \"BTCUSDT\"\nbase = \"BTC\"\nquote = \"USDT\"\nstart_price = \"60000\"\n\
         price = {{ min = \"0.01\", max = \"1000000\", tick = \"0.01\" }}\n\
         lot = {{ min = \"0.00001\", max = \"9000\", step = \"0.00001\" }}\n\
         market_lot = {{ min = \"0\", max = \"120\", step = \"0\" }}\n\
         notional = {{ min = \"5\", apply_min_to_market = true, max = \"9000000\", apply_max_to_market = false, avg_price_mins = 5 }}\n\
         percent_price = {{ bid_multiplier_up = \"5\", bid_multiplier_down = \"0.2\", ask_multiplier_up = \"5\", ask_multiplier_down = \"0.2\", avg_price_mins = 5 }}\n\
         max_num_orders = 200\nmax_num_order_amends = 10\ndefault_self_trade_prevention = \"EXPIRE_MAKER\"\n\
         allowed_self_trade_prevention = [\"NONE\", \"EXPIRE_MAKER\"]\n\n\
         [flow]\nkind = \"steady\"\nmarkets = {}\nmessages_per_second = {}\ndepth_percent = {}\nlevels_per_update = {}\n\
         others = {{ warm_up_seconds = 1 }}\n",
        load.weight_per_minute,
        load.instruments - 1,
        load.messages_per_second,
        load.depth_percent,
        load.levels_per_update
    )
}

/// What so many of a thousand updates between two files did not exceed.
fn delays(first: &Value, last: &Value) -> BTreeMap<u32, u64> {
    let counts = |status: &Value| -> BTreeMap<u64, u64> {
        let counts = status["delays"]["counts"].as_array().expect("counts").iter();
        let number = |value: &Value| value.as_u64().expect("a number");
        counts.map(|row| (number(&row[0]), number(&row[1]))).collect()
    };
    let before = counts(first);
    let between: Vec<(u64, u64)> = counts(last)
        .into_iter()
        .map(|(end, count)| (end, count - before.get(&end).copied().unwrap_or(0)))
        .filter(|(_, count)| *count > 0)
        .collect();
    let total: u64 = between.iter().map(|(_, count)| count).sum();
    let at = |share: u32| {
        let rank = (total * u64::from(share)).div_ceil(1_000);
        let mut seen = 0;
        let found = between.iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        });
        (share, found.map_or(0, |(end, _)| *end))
    };
    [500, 990, 999, 1_000].map(at).into()
}
