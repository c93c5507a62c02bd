//! `kill -9` through the real door: the shipped binary and library, real sockets, a real disk.
#![allow(clippy::unwrap_used)]

use std::fs::{self, OpenOptions};
use std::io::Write;

use colibri_tests::crash;
use colibri_tests::crash::bot::{BotFolder, Door};
use colibri_tests::crash::exchange::LocalExchange;

/// What a run says as soon as it may trade.
const TRADES: &str = "strategy maker starts";
/// So many bytes of journal are dozens of records.
const SOME_RECORDS: u64 = 8_000;

/// A bot that has traded and was killed amid it.
fn killed_bot(exchange: &LocalExchange) -> BotFolder {
    let bot = BotFolder::new(&Door::plain(exchange.address()));
    let mut run = bot.start();
    run.wait_for(TRADES);
    crash::moment::Moment::Journaled(SOME_RECORDS).wait(&mut run, &bot.journal());
    run.kill();
    bot
}

#[test]
fn twenty_kills_at_random_moments_lose_and_double_nothing() {
    let series = crash::series(20, 20, &mut |_| {});
    // Kills that met nothing would prove nothing.
    assert!(series.with_open >= 6, "{series:?}");
    assert!(series.with_unanswered >= 3, "{series:?}");
    assert!(series.figures.fills > 0, "{series:?}");
}

#[test]
fn garbage_behind_the_journals_end_is_cut_with_a_warning_and_the_bot_goes_on() {
    let exchange = LocalExchange::start(21);
    let before = exchange.balances();
    let bot = killed_bot(&exchange);
    let mut journal = OpenOptions::new().append(true).open(bot.journal()).unwrap();
    // The head of a frame of 300 bytes, of which only a few were written.
    journal.write_all(&300u32.to_le_bytes()).unwrap();
    journal.write_all(b"\x5a\x5a\x5a\x5a{\"Intent\":{\"stra").unwrap();
    drop(journal);
    let ended = bot.run_for(2);
    ended.assert_proven();
    let warned = |line: &str| line.contains("WARN") && line.contains("torn record");
    assert!(ended.log.lines().any(warned), "{}", ended.log);
    assert!(crash::comparison::compare(&exchange, &before, &bot).orders > 0);
}

#[test]
fn a_flipped_bit_amid_the_journal_is_an_error_and_nothing_is_traded() {
    let exchange = LocalExchange::start(22);
    let bot = killed_bot(&exchange);
    let mut bytes = fs::read(bot.journal()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(bot.journal(), &bytes).unwrap();
    // The market goes on, and with it what the killed run left there: only what is placed and cancelled counts.
    let placed = || {
        let orders = exchange.all_orders();
        let cancelled = orders.iter().filter(|order| order["status"] == "CANCELED").count();
        (orders.len(), cancelled)
    };
    let before = placed();
    let ended = bot.run_for(2);
    assert_eq!(ended.code, Some(8), "{}", ended.log);
    assert_eq!(ended.report, None);
    let last = ended.log.lines().last().unwrap_or_default();
    assert!(
        last.contains("journal.colibri") && last.contains("damaged"),
        "the last line names no file or no damage: {}",
        ended.log
    );
    assert_eq!(placed(), before, "an order was placed or cancelled all the same");
    assert_eq!(
        fs::read(bot.journal()).unwrap(),
        bytes,
        "the damaged journal was changed"
    );
}
