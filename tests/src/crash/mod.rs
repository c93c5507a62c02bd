//! The host killed at random moments, started again, and compared with the exchange.
//!
//! What lives here: a local exchange that outlives the host ([`exchange`]), a bot in a folder of its own ([`bot`]), the
//! moments of the kills ([`moment`]) and the comparison of what the host remembers with what the exchange did
//! ([`comparison`]). Every part is a process or a file of its own, as shipped. What must not live here: a way into the host
//! that a user has not.

pub mod bot;
pub mod comparison;
pub mod exchange;
pub mod moment;

use colibri_model::SplitMix64;
use serde_json::Value;

use self::bot::{BotFolder, Door};
use self::comparison::Figures;
use self::exchange::LocalExchange;
use self::moment::Moment;

/// How long the last run trades before it stops by itself, in seconds.
const LAST_RUN: u64 = 5;

/// What a kill met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    /// Which one, counted from 1.
    pub number: u32,
    /// When it struck.
    pub moment: Moment,
    /// Orders of ours that worked at the exchange right after it.
    pub open: usize,
    /// Orders whose intent was journaled and of which nothing had been heard.
    pub unanswered: usize,
    /// Orders in the history.
    pub orders: usize,
}

/// What a series of kills came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Series {
    /// Kills that left orders at the exchange.
    pub with_open: u32,
    /// Kills that struck while an order's answer was awaited.
    pub with_unanswered: u32,
    /// What was compared at the end.
    pub figures: Figures,
}

/// Kills the host `times` times at moments drawn from `seed`, each time starts it again on the same journal, then lets it
/// stop by itself and compares everything. `told` hears of each kill.
///
/// The seed fixes the market and the moments that are waited for; what the processes do until then is the system's
/// scheduling, so a series is not replayed to the instruction.
///
/// # Panics
/// Where anything was lost, doubled or left behind; the message says what, and the bot's folder is kept.
pub fn series(times: u32, seed: u64, told: &mut dyn FnMut(&Kill)) -> Series {
    let exchange = LocalExchange::start(seed);
    let before = exchange.balances();
    let bot = BotFolder::new(&Door::plain(exchange.address()));
    let mut random = SplitMix64::new(seed);
    let mut series = Series::default();
    for number in 1..=times {
        let moment = Moment::draw(&mut random);
        let mut run = bot.start();
        moment.wait(&mut run, &bot.journal());
        run.kill();
        let kill = aftermath(number, moment, &exchange, &bot);
        series.with_open += u32::from(kill.open > 0);
        series.with_unanswered += u32::from(kill.unanswered > 0);
        told(&kill);
    }
    let ended = bot.run_for(LAST_RUN);
    ended.assert_proven();
    series.figures = comparison::compare(&exchange, &before, &bot);
    series
}

/// What a kill has left. An order at the exchange that the journal does not know would be one sent before it was journaled.
fn aftermath(number: u32, moment: Moment, exchange: &LocalExchange, bot: &BotFolder) -> Kill {
    // Asked first: what arrives at the exchange after this question is compared next time.
    let open = exchange.open_orders();
    let orders = bot.orders();
    for order in &open {
        let id = &order["clientOrderId"];
        assert!(
            orders.iter().any(|known| known["client_order_id"] == *id),
            "after kill {number} ({moment}), {id} works at the exchange and is not in the journal"
        );
    }
    let is_unanswered = |order: &&Value| order["state"] == "pending_create";
    Kill {
        number,
        moment,
        open: open.len(),
        unanswered: orders.iter().filter(is_unanswered).count(),
        orders: orders.len(),
    }
}
