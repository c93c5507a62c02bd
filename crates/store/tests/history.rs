//! The history says what the journal says, however it was built.
#![allow(clippy::unwrap_used)]

mod samples;

use std::time::Duration;

use colibri_model::{Amount, Asset, Decimal, Journal, OrderState, Pair, Quantity, Record, Side, WallNs};
use colibri_store::export::{self, Format};
use colibri_store::history::{CaughtUp, DiskReport, DiskThread, History, HistoryError, RebuildCause};
use colibri_store::journal::{Batch, Durability, JournalFile, JournalId, JournalReader, MemoryDisk};
use colibri_store::query::{AccountBalance, Filter, Order, PairSummary, Run, Trade, Trigger};
use proptest::prelude::*;
use samples::{any_batches, balances, cancel, changed, fill, intent, started, stopped};

/// Everything that can be asked.
type Answers = (
    Vec<Trade>,
    Vec<Order>,
    Vec<Trigger>,
    Vec<PairSummary>,
    Vec<AccountBalance>,
    Vec<Run>,
);

fn answers(history: &History) -> Answers {
    let all = Filter::default();
    (
        history.trades(&all).unwrap(),
        history.orders(&all).unwrap(),
        history.triggers(&all).unwrap(),
        history.summary(&all).unwrap(),
        history.balances().unwrap(),
        history.runs(None, 1000).unwrap(),
    )
}

fn journal_of(id: u64, batches: &[Vec<Record>]) -> MemoryDisk {
    let disk = MemoryDisk::default();
    append(&disk, id, batches);
    disk
}

fn append(disk: &MemoryDisk, id: u64, batches: &[Vec<Record>]) {
    let (mut journal, _) = JournalFile::on(disk.clone(), Durability::Process, JournalId(id)).unwrap();
    for batch in batches {
        journal.append(batch).unwrap();
    }
}

fn reader(disk: &MemoryDisk) -> JournalReader<MemoryDisk> {
    JournalReader::on(disk.clone()).unwrap()
}

fn batches_of(disk: &MemoryDisk) -> Vec<Batch> {
    let mut reader = reader(disk);
    std::iter::from_fn(|| reader.next_batch().unwrap()).collect()
}

fn in_memory() -> History {
    History::in_memory().unwrap()
}

fn built_from(disk: &MemoryDisk) -> History {
    let mut history = in_memory();
    history.catch_up(&mut reader(disk)).unwrap();
    history
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn projecting_again_or_piece_by_piece_changes_nothing(
        batches in any_batches(),
        cut in any::<prop::sample::Index>(),
        back in 0..4_usize,
    ) {
        let disk = journal_of(1, &batches);
        let once = answers(&built_from(&disk));

        let all = batches_of(&disk);
        let cut = cut.index(all.len() + 1);
        let mut history = in_memory();
        history.project(JournalId(1), &all[..cut]).unwrap();
        history.project(JournalId(1), &all[cut.saturating_sub(back)..]).unwrap();
        history.project(JournalId(1), &all).unwrap();
        prop_assert_eq!(&answers(&history), &once);

        let caught_up = history.catch_up(&mut reader(&disk)).unwrap();
        prop_assert_eq!(caught_up, CaughtUp { batches: 0, rebuilt: None });
        prop_assert_eq!(&answers(&history), &once);
    }

    #[test]
    fn a_journal_cut_back_and_continued_is_followed(first in any_batches(), lost in any_batches(), then in any_batches()) {
        let disk = journal_of(1, &first);
        let kept = disk.bytes();
        append(&disk, 1, &lost);
        let mut history = built_from(&disk);

        let disk = MemoryDisk::holding(kept);
        append(&disk, 1, &then);
        let caught_up = history.catch_up(&mut reader(&disk)).unwrap();
        prop_assert!(lost == then || caught_up.rebuilt.is_some() || then.starts_with(&lost));
        prop_assert_eq!(answers(&history), answers(&built_from(&disk)));
    }

    #[test]
    fn a_fill_counts_once(trades in prop::collection::vec(0..5_u32, 1..30)) {
        let records: Vec<Record> =
            trades.iter().map(|trade| fill(*trade, 1, Side::Buy, 100, 10, i64::from(*trade))).collect();
        let history = built_from(&journal_of(1, &[records]));
        let different: std::collections::BTreeSet<_> = trades.iter().collect();
        prop_assert_eq!(history.trades(&Filter::default()).unwrap().len(), different.len());
        let bought = history.summary(&Filter::default()).unwrap()[0].bought;
        prop_assert_eq!(bought, Quantity(Decimal::new(10 * different.len() as i64, 4)));
    }
}

fn a_day() -> Vec<Vec<Record>> {
    vec![
        vec![started(10)],
        vec![intent(1, 20), intent(2, 21), intent(3, 22), intent(4, 23)],
        vec![changed(1, OrderState::Open, 30), changed(2, OrderState::Unknown, 31)],
        vec![
            fill(1, 1, Side::Buy, 10_000, 20_000, 40),
            changed(1, OrderState::Filled, 41),
        ],
        vec![cancel(3, 42), changed(3, OrderState::Cancelled, 43)],
        vec![
            fill(2, 4, Side::Sell, 11_000, 10_000, 50),
            balances(1234, 51),
            balances(1234, 52),
        ],
        vec![stopped(60)],
    ]
}

#[test]
fn sums_are_exact_and_by_pair() {
    let history = built_from(&journal_of(1, &a_day()));
    let summary = history.summary(&Filter::default()).unwrap();
    let [pair] = &summary[..] else { panic!("{summary:?}") };
    assert_eq!((pair.orders, pair.open, pair.unknown, pair.fills), (4, 1, 1, 2));
    assert_eq!(pair.volume, Amount(Decimal::from(310)));
    assert_eq!(pair.realised, Amount(Decimal::from(10)));
    assert_eq!(pair.position.quantity, Quantity(Decimal::ONE));
    assert_eq!(pair.fees[&Asset::new("BNB")], Amount(Decimal::new(2, 5)));

    let later = Filter {
        since: Some(WallNs(45)),
        ..Filter::default()
    };
    let summary = history.summary(&later).unwrap();
    assert_eq!(summary[0].fills, 1);
    assert_eq!(
        summary[0].realised,
        Amount(Decimal::from(10)),
        "the cost is of before, the profit of now"
    );
    let earlier = Filter {
        until: Some(WallNs(45)),
        ..Filter::default()
    };
    assert_eq!(history.summary(&earlier).unwrap()[0].realised, Amount::ZERO);
}

#[test]
fn orders_carry_what_was_decided_said_and_filled() {
    let history = built_from(&journal_of(1, &a_day()));
    let orders = history.orders(&Filter::default()).unwrap();
    let Record::Intent { order, .. } = intent(1, 20) else {
        unreachable!()
    };
    assert_eq!(orders[0].intent, order);
    assert_eq!(orders[0].bot.as_deref(), Some("bot"));
    assert_eq!(orders[0].filled, Quantity(Decimal::from(2)));
    assert_eq!(orders[0].average_price().unwrap().0, Decimal::from(100));
    assert_eq!(orders[1].reason.as_deref(), Some("no answer, \"yet\""));
    assert_eq!(orders[2].cancel_requested, Some(WallNs(42)));

    let newest = history
        .orders(&Filter {
            limit: Some(2),
            ..Filter::default()
        })
        .unwrap();
    assert_eq!(newest, orders[2..]);
}

#[test]
fn rows_one_by_one_are_those_asked_for_at_once() {
    let history = built_from(&journal_of(1, &a_day()));
    let filter = Filter::default();
    let (mut trades, mut orders) = (Vec::new(), Vec::new());
    let kept: Result<(), HistoryError> = history.each_trade(&filter, |trade| {
        trades.push(trade);
        Ok(())
    });
    kept.unwrap();
    let kept: Result<(), HistoryError> = history.each_order(&filter, |order| {
        orders.push(order);
        Ok(())
    });
    kept.unwrap();
    assert!(!trades.is_empty() && !orders.is_empty());
    assert_eq!(trades, history.trades(&filter).unwrap());
    assert_eq!(orders, history.orders(&filter).unwrap());
}

#[test]
fn filters_leave_out_the_rest() {
    let history = built_from(&journal_of(1, &a_day()));
    let count = |filter: &Filter| history.trades(filter).unwrap().len();
    assert_eq!(
        count(&Filter {
            bot: Some("bot".into()),
            ..Filter::default()
        }),
        2
    );
    assert_eq!(
        count(&Filter {
            bot: Some("other".into()),
            ..Filter::default()
        }),
        0
    );
    assert_eq!(
        count(&Filter {
            strategy: Some(samples::strategy()),
            ..Filter::default()
        }),
        2
    );
    assert_eq!(
        count(&Filter {
            venue: Some(samples::venue()),
            pair: Some(samples::pair()),
            ..Filter::default()
        }),
        2
    );
    let other: Pair = "ETH-USDT".parse().unwrap();
    assert_eq!(
        count(&Filter {
            pair: Some(other),
            ..Filter::default()
        }),
        0
    );
    assert_eq!(
        count(&Filter {
            since: Some(WallNs(50)),
            ..Filter::default()
        }),
        1
    );
    assert_eq!(
        count(&Filter {
            until: Some(WallNs(50)),
            ..Filter::default()
        }),
        1
    );
}

#[test]
fn runs_and_balances_are_kept() {
    let history = built_from(&journal_of(1, &[a_day(), vec![vec![started(70)]]].concat()));
    let runs = history.runs(Some("bot"), 10).unwrap();
    assert_eq!((runs[0].run, runs[0].stopped), (2, None));
    assert_eq!((runs[1].run, runs[1].stopped), (1, Some(WallNs(60))));
    let balances = history.balances().unwrap();
    assert_eq!(balances.len(), 1);
    assert_eq!(balances[0].time, WallNs(51), "said again is not new");
}

#[test]
fn a_history_of_another_journal_or_version_is_built_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let first = journal_of(1, &a_day());
    History::open(&path).unwrap().catch_up(&mut reader(&first)).unwrap();

    let second = journal_of(2, &a_day()[..2]);
    let mut history = History::open(&path).unwrap();
    assert!(matches!(
        history.project(JournalId(2), &batches_of(&second)),
        Err(HistoryError::OtherJournal)
    ));
    let caught_up = history.catch_up(&mut reader(&second)).unwrap();
    assert_eq!(caught_up.rebuilt, Some(RebuildCause::OtherJournal));
    assert_eq!(answers(&history), answers(&built_from(&second)));
    drop(history);

    rusqlite::Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let mut history = History::open(&path).unwrap();
    assert_eq!(history.projected().unwrap(), None);
    let caught_up = history.catch_up(&mut reader(&second)).unwrap();
    assert_eq!(caught_up.rebuilt, Some(RebuildCause::OtherVersion));
    assert_eq!(
        answers(&History::open_read_only(&path).unwrap()),
        answers(&built_from(&second))
    );
}

#[test]
fn a_gap_is_refused_and_changes_nothing() {
    let all = batches_of(&journal_of(1, &a_day()));
    let mut history = in_memory();
    assert!(matches!(
        history.project(JournalId(1), &all[1..]),
        Err(HistoryError::Gap { .. })
    ));
    history.project(JournalId(1), &all[..2]).unwrap();
    let before = answers(&history);
    assert!(matches!(
        history.project(JournalId(1), &all[3..]),
        Err(HistoryError::Gap { .. })
    ));
    assert_eq!(answers(&history), before);
}

#[test]
fn what_is_not_a_history_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(
        &text,
        "these are notes and no database, and they are long enough to be taken for one",
    )
    .unwrap();
    let before = std::fs::read(&text).unwrap();
    assert!(matches!(History::open(&text), Err(HistoryError::Damaged { .. })));
    assert_eq!(std::fs::read(&text).unwrap(), before);

    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE orders (mine TEXT)")
        .unwrap();
    assert!(matches!(History::open(&other), Err(HistoryError::Damaged { .. })));
}

#[test]
fn the_disk_thread_follows_the_journal_and_ends_clean() {
    const PATIENCE: Duration = Duration::from_secs(30);
    let folder = tempfile::tempdir().unwrap();
    let (journal_path, history_path) = (folder.path().join("bot.journal"), folder.path().join("history.db"));
    let (mut journal, _) = JournalFile::open(&journal_path, Durability::Process).unwrap();
    let thread = DiskThread::start(&journal_path, &history_path, Duration::from_millis(5)).unwrap();
    let (first, rest) = (&a_day()[..3], &a_day()[3..]);
    for batch in first {
        journal.append(batch).unwrap();
    }
    thread.flush(PATIENCE).unwrap();
    let history = History::open_read_only(&history_path).unwrap();
    assert_eq!(history.orders(&Filter::default()).unwrap().len(), 4);

    for batch in rest {
        journal.append(batch).unwrap();
    }
    assert_eq!(thread.report(), None);
    thread.stop().unwrap();
    assert_eq!(answers(&history), answers(&built_from(&journal_of(1, &a_day()))));
}

#[test]
fn the_disk_thread_reports_a_failure_once_and_its_end() {
    const PATIENCE: Duration = Duration::from_secs(30);
    let folder = tempfile::tempdir().unwrap();
    let (journal_path, history_path) = (folder.path().join("bot.journal"), folder.path().join("history.db"));
    let (mut journal, _) = JournalFile::open(&journal_path, Durability::Process).unwrap();
    let thread = DiskThread::start(&journal_path, &history_path, Duration::from_millis(5)).unwrap();
    thread.flush(PATIENCE).unwrap();

    let other = rusqlite::Connection::open(&history_path).unwrap();
    other.execute_batch("ALTER TABLE runs RENAME TO elsewhere").unwrap();
    journal.append(&a_day()[0]).unwrap();
    assert!(matches!(thread.flush(PATIENCE), Err(HistoryError::Failing(_))));
    assert!(matches!(thread.flush(PATIENCE), Err(HistoryError::Failing(_))));
    other.execute_batch("ALTER TABLE elsewhere RENAME TO runs").unwrap();
    thread.flush(PATIENCE).unwrap();
    assert!(matches!(thread.report(), Some(DiskReport::Failing(_))));
    assert_eq!(thread.report(), Some(DiskReport::Recovered));
    assert_eq!(thread.report(), None);
}

#[test]
fn a_history_that_another_program_holds_is_written_later_and_the_journal_does_not_wait() {
    const PATIENCE: Duration = Duration::from_secs(30);
    let folder = tempfile::tempdir().unwrap();
    let (journal_path, history_path) = (folder.path().join("bot.journal"), folder.path().join("history.db"));
    let (mut journal, _) = JournalFile::open(&journal_path, Durability::Process).unwrap();
    drop(History::open(&history_path).unwrap());
    let other = rusqlite::Connection::open(&history_path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    // It is held when the thread begins already.
    let thread = DiskThread::start(&journal_path, &history_path, Duration::from_millis(5)).unwrap();
    for batch in a_day() {
        journal.append(&batch).unwrap();
    }
    let Err(HistoryError::Failing(cause)) = thread.flush(PATIENCE) else {
        panic!("it cannot be written now")
    };
    assert!(cause.contains("locked"), "{cause}");
    other.execute_batch("COMMIT").unwrap();
    thread.flush(PATIENCE).unwrap();
    assert!(matches!(thread.report(), Some(DiskReport::Failing(_))));
    assert_eq!(thread.report(), Some(DiskReport::Recovered));
    thread.stop().unwrap();
    let history = History::open_read_only(&history_path).unwrap();
    assert_eq!(answers(&history), answers(&built_from(&journal_of(1, &a_day()))));
}

#[test]
fn a_history_that_was_deleted_or_cut_short_is_built_again_from_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let disk = journal_of(1, &a_day());
    let whole = answers(&built_from(&disk));
    for round in 0..2 {
        let mut history = History::open(&path).unwrap();
        history.catch_up(&mut reader(&disk)).unwrap();
        assert_eq!(answers(&history), whole, "round {round}");
        drop(history);
        for ending in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            drop(std::fs::remove_file(name));
        }
    }
}

fn exported(format: Format) -> (String, String) {
    let history = built_from(&journal_of(1, &a_day()));
    let (mut trades, mut orders) = (Vec::new(), Vec::new());
    export::trades(&history.trades(&Filter::default()).unwrap(), format, &mut trades).unwrap();
    export::orders(&history.orders(&Filter::default()).unwrap(), format, &mut orders).unwrap();
    (String::from_utf8(trades).unwrap(), String::from_utf8(orders).unwrap())
}

#[test]
fn csv_has_a_line_a_row() {
    let (trades, orders) = exported(Format::Csv);
    let lines: Vec<&str> = trades.split("\r\n").collect();
    assert_eq!(
        lines[1],
        "1970-01-01T00:00:00.000000040Z,bot,maker,binance,main,BTC-USDT,buy,100.00,2.0000,200.000000,0.00001,BNB,maker,\
         t1,c1,,1970-01-01T00:00:00.000000041Z"
    );
    assert_eq!(
        lines.len(),
        4,
        "a line of names, two rows, and nothing after the last break"
    );
    assert_eq!(lines[0].split(',').count(), lines[1].split(',').count());
    assert!(orders.contains("\"no answer, \"\"yet\"\"\""), "{orders}");
}

#[test]
fn json_keeps_numbers_as_text() {
    let (trades, orders) = exported(Format::Json);
    let trades: serde_json::Value = serde_json::from_str(&trades).unwrap();
    assert_eq!(trades[1]["price"], "110.00");
    assert_eq!(trades[1]["exchange_order_id"], serde_json::Value::Null);
    let orders: serde_json::Value = serde_json::from_str(&orders).unwrap();
    assert_eq!(orders.as_array().unwrap().len(), 4);

    let (lines, _) = exported(Format::JsonLines);
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first, trades[0]);
}

#[test]
fn a_fill_that_stands_again_adds_what_the_first_report_did_not_say() {
    let (mut first, full) = (
        fill(1, 1, Side::Buy, 10_000, 20_000, 40),
        fill(1, 1, Side::Buy, 10_000, 20_000, 41),
    );
    if let Record::Filled { strategy, fill } = &mut first {
        *strategy = None;
        fill.client_id = None;
        fill.fee = None;
    }
    let history = built_from(&journal_of(1, &[vec![started(10), intent(1, 20), first, full.clone()]]));
    let trades = history.trades(&Filter::default()).unwrap();
    let Record::Filled { fill, .. } = full else {
        unreachable!("made by `fill`")
    };
    assert_eq!(trades.len(), 1);
    assert_eq!(
        (&trades[0].fill.client_id, &trades[0].fill.fee),
        (&fill.client_id, &fill.fee)
    );
    assert_eq!(trades[0].strategy, Some(samples::strategy()));
    assert_eq!(
        trades[0].fill.local_time.0,
        fill.local_time.0 - 1,
        "the first report's time stays"
    );
}

#[test]
fn a_trade_of_two_orders_of_ours_is_a_trade_of_each() {
    let bought = fill(1, 1, Side::Buy, 10_000, 1, 1);
    let sold = fill(1, 2, Side::Sell, 10_000, 1, 1);
    let journal = journal_of(1, &[vec![bought.clone(), sold], vec![bought]]);
    let trades = built_from(&journal).trades(&Filter::default()).unwrap();
    let sides: Vec<Side> = trades.iter().map(|trade| trade.fill.side).collect();
    assert_eq!(sides, [Side::Buy, Side::Sell]);
}
