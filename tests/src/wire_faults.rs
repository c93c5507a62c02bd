//! The host and the exchange with a proxy between them that breaks everything that can break on a wire: until each fault has
//! struck, and then the comparison of what the host remembers with what the exchange did.

use std::time::{Duration, Instant};

use crate::crash::bot::{BotFolder, Door, Run};
use crate::crash::comparison::{self, Figures};
use crate::crash::exchange::LocalExchange;
use crate::fault_proxy::FaultProxy;
use crate::fault_proxy::fault::{Fault, Weather};

/// Orders that reach the exchange while faults strike, at least.
const ORDERS: usize = 40;
/// A run that is not there by then has failed.
const DEADLINE: Duration = Duration::from_secs(240);
/// Between two looks.
const GLANCE: Duration = Duration::from_millis(200);

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Weathered {
    /// Faults that struck.
    pub faults: u64,
    /// How long they did, in seconds.
    pub seconds: u64,
    /// How long it took from the last fault to the next order at the exchange, in milliseconds.
    pub healed_ms: u128,
    /// What was compared at the end.
    pub figures: Figures,
}

/// Trades behind the proxy in `weather` until every fault has struck at least once, then in calm weather until it trades again, stops the
/// bot and compares everything.
///
/// # Panics
/// Where the host ended, did not get there in time, does not prove its stop, or anything was lost, doubled or left behind.
#[must_use]
pub fn run(seed: u64, weather: Weather) -> Weathered {
    let exchange = LocalExchange::start(seed);
    let before = exchange.balances();
    let proxy = FaultProxy::start(exchange.address(), seed);
    let bot = BotFolder::new(&Door::tls(proxy.address(), proxy.authority()));
    let mut run = bot.start_to_report();
    wait(&mut run, &bot, "no order arrives", || !exchange.all_orders().is_empty());

    let began = Instant::now();
    proxy.set_weather(weather);
    wait(&mut run, &bot, "not every fault has struck", || {
        proxy.struck().values().all(|times| *times > 0) && exchange.all_orders().len() >= ORDERS
    });
    proxy.set_weather(Weather::Calm);
    let seconds = began.elapsed().as_secs();

    let calm = Instant::now();
    let at_calm = exchange.all_orders().len();
    wait(&mut run, &bot, "it does not trade again", || {
        exchange.all_orders().len() > at_calm
    });
    let healed_ms = calm.elapsed().as_millis();
    run.stop(&bot).assert_proven();
    Weathered {
        faults: proxy.struck().values().sum(),
        seconds,
        healed_ms,
        figures: comparison::compare(&exchange, &before, &bot),
    }
}

/// Waits for `condition` while the host runs.
fn wait(run: &mut Run, bot: &BotFolder, what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !condition() {
        run.assert_runs();
        assert!(
            Instant::now() < end,
            "{what} in {} s:\n{}",
            DEADLINE.as_secs(),
            bot.log()
        );
        std::thread::sleep(GLANCE);
    }
}

/// The number of different faults.
#[must_use]
pub fn kinds() -> usize {
    Fault::ALL.len()
}
