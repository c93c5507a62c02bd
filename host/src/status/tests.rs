//! What a reader makes of a status, and that it is written whole.
#![allow(clippy::unwrap_used)]

use colibri_model::{AccountId, ClientOrderId, StrategyId, TriggerState, VenueId};

use super::*;

fn contracts() -> ContractsStatus {
    let some = |text: &str| Some(text.to_owned());
    ContractsStatus {
        position_mode: some("one_way"),
        margin: Some(MarginStatus {
            asset: "USDT".to_owned(),
            equity: some("10250.5"),
            available: some("4066.1"),
            maintenance: None,
            age_ms: 1_200,
        }),
        settings_differ: vec!["leverage of BTC-USDT is 20, and 5 was chosen".to_owned()],
        markets: vec![ContractStatus {
            pair: "BTC-USDT".parse().unwrap(),
            mark: some("61830.12"),
            index: None,
            funding_rate: some("-0.0001"),
            next_funding_ms: Some(3_600_000),
            leverage: some("20"),
            margin_mode: some("isolated"),
        }],
        positions: vec![PositionStatus {
            pair: "BTC-USDT".parse().unwrap(),
            side: "net".to_owned(),
            quantity: "-0.5".to_owned(),
            entry_price: some("61824"),
            unrealized: some("-3.06"),
            realized: "12.5".to_owned(),
            funding: "-3.09".to_owned(),
            asset: "USDT".to_owned(),
            liquidation_price: some("71000"),
            leverage: some("20"),
            stated: some("-0.6"),
        }],
        margin_call: None,
        forced: Vec::new(),
    }
}

#[test]
fn positions_settings_and_margin_are_told() {
    let mut out = String::new();
    contracts().write(&mut out).unwrap();
    for line in [
        "SETTINGS         leverage of BTC-USDT is 20, and 5 was chosen: nothing is placed",
        "margin           equity 10250.5, free 4066.1, must have - USDT (1.2 s ago)",
        "contract BTC-USDT mark 61830.12, leverage 20, isolated, funding -0.0001 in 1 h",
        "position BTC-USDT -0.5 at 61824, open -3.06 USDT, realised 12.5, funding -3.09, liquidated at 71000, 20x",
        "DIFFERS          the exchange states -0.6: until they agree only what reduces is placed",
    ] {
        assert!(out.contains(line), "{out}");
    }
}

fn snapshot() -> Snapshot {
    Snapshot {
        version: VERSION,
        bot: "maker".to_owned(),
        environment: "testnet".to_owned(),
        host: "0.1.0".to_owned(),
        pid: 4_711,
        started_ms: 1_000,
        written_ms: 100_000,
        phase: "running".to_owned(),
        ended_ms: None,
        kill_switch: None,
        journal_fault: None,
        history: HistoryStatus::default(),
        connectors: vec![ConnectorStatus {
            venue: VenueId::new("binance").unwrap(),
            account: AccountId::new("main").unwrap(),
            state: "out".to_owned(),
            why: Some("its user stream is silent: it did not tell that order a works".to_owned()),
            fault: None,
            market_stream: StreamStatus {
                state: "live".to_owned(),
                for_ms: 90_000,
                why: None,
                data_age_ms: Some(40),
                next_try_ms: None,
                reconnects: 2,
            },
            user_stream: Some(StreamStatus {
                state: "silent".to_owned(),
                for_ms: 1_500,
                why: Some("it did not tell that order a works".to_owned()),
                data_age_ms: Some(12_000),
                next_try_ms: Some(800),
                reconnects: 0,
            }),
            order_entry: OrderEntryStatus {
                chosen: "stream".to_owned(),
                now: "http".to_owned(),
                why: Some("the account's stream is not live".to_owned()),
                over_stream: 19,
                fallen_back: 1,
            },
            reconcile: ReconcileStatus {
                healed: false,
                last_ms: Some(300),
                next_ms: 1_700,
            },
            clock: ClockStatus {
                offset_us: Some(-1_250),
                round_trip_ms: Some(14),
            },
            pools: vec![PoolStatus {
                pool: "request_weight".to_owned(),
                used: 120,
                limit: 4_800,
                paused_ms: Some(5_000),
            }],
            operations: 3,
            queued: 1,
            open_orders: 3,
            recovered_orders: 1,
            adopted_orders: 0,
            unknown_orders: vec![UnknownOrder {
                client_id: ClientOrderId::new("cl-1").unwrap(),
                pair: "BTC-USDT".parse().unwrap(),
                age_ms: 65_000,
            }],
            triggers: vec![TriggerStatus {
                client_id: ClientOrderId::new("cl-2").unwrap(),
                pair: "BTC-USDT".parse().unwrap(),
                what: "stop at 60000 by mark: sell the whole position at market".to_owned(),
                state: TriggerState::Placed,
                age_ms: 65_000,
            }],
            foreign_triggers: vec![ForeignStatus {
                symbol: "BTCUSDT".to_owned(),
                id: "by-hand-2".to_owned(),
                of_a_bot: false,
            }],
            moved_meanwhile: Some(
                "while the bot was stopped 5 USDT came, by no trade: the opening balances hold it".to_owned(),
            ),
            contracts: Some(contracts()),
            foreign_orders: vec![ForeignStatus {
                symbol: "BTCUSDT".to_owned(),
                id: "by-hand".to_owned(),
                of_a_bot: false,
            }],
            books: vec![BookStatus {
                pair: "BTC-USDT".parse().unwrap(),
                state: "stale".to_owned(),
                feed: "silent".to_owned(),
                why: Some("no update for 10 s".to_owned()),
                age_ms: 11_000,
                drops: 1,
                top: Some(("99.90".to_owned(), "100.10".to_owned())),
            }],
            watched: WatchedStatus { books: 999, live: 998 },
        }],
        strategies: vec![StrategyStatus {
            id: StrategyId::new("mm").unwrap(),
            kind: "pure_market_making".to_owned(),
            state: "paused".to_owned(),
            for_ms: 1_500,
            why: Some("binance: its user stream is silent".to_owned()),
            says: "resting".to_owned(),
        }],
        ticks: TickStatus {
            ticks: 99,
            overruns: 1,
            skipped: 0,
            latest_us: 900,
        },
        counters: Counters {
            orders: 20,
            cancels: 18,
            rejects: 0,
            fills: 2,
            reconciliations: 4,
            book_updates: 700,
            public_trades: 30,
            book_drops: 1,
            streams_condemned: 1,
        },
        delays: DelayStatus {
            p50_us: 900,
            p99_us: 4_000,
            max_us: 61_000,
            counts: vec![(900, 690), (61_000, 10)],
        },
    }
}

#[test]
fn a_status_is_judged_by_its_age_its_process_and_its_last_word() {
    let judge = |snapshot: &Snapshot, now, alive| Found::judge(snapshot.clone(), now, |_| alive).standing;
    let running = snapshot();
    assert_eq!(judge(&running, 101_000, true), Standing::Running);
    assert_eq!(judge(&running, 105_001, true), Standing::Stuck);
    assert_eq!(judge(&running, 100_100, false), Standing::Gone);
    // A clock that was set back proves nothing.
    assert_eq!(judge(&running, 50_000, true), Standing::Running);
    let ended = Snapshot {
        ended_ms: Some(100_000),
        ..running
    };
    assert_eq!(judge(&ended, 900_000, false), Standing::Ended);
}

#[test]
fn the_table_says_what_is_wrong_and_what_is_done_about_it() {
    let text = Found::judge(snapshot(), 100_500, |_| true).table();
    for words in [
        "maker is running, not everything is ready, on testnet",
        "binance as main: out: its user stream is silent: it did not tell that order a works",
        "market stream    live for 1 min, data 40 ms ago, opened again 2x",
        "user stream      silent for 1.5 s, data 12.0 s ago; it did not tell that order a works; tried again in 800 ms",
        "orders go        over HTTP FOR NOW: the account's stream is not live; 19 over the stream so far, 1 back to HTTP",
        "reconciled       300 ms ago, something may be missing, again in 1.7 s",
        "clock            -1.250 ms, round trip 14 ms",
        "request_weight 120/4800 RESTS 5.0 s",
        "UNKNOWN          cl-1 BTC-USDT for 1 min: the exchange is asked",
        "funds            while the bot was stopped 5 USDT came, by no trade: the opening balances hold it",
        "foreign order    BTCUSDT by-hand (not ours): left alone",
        "trigger          cl-2 BTC-USDT stop at 60000 by mark: sell the whole position at market: placed, for 1 min",
        "foreign trigger  BTCUSDT by-hand-2 (not ours): left alone",
        "book BTC-USDT    stale, 11.0 s old, 1 drops, 99.90 / 100.10; stream silent: no update for 10 s",
        "strategy mm      paused for 1.5 s: binance: its user stream is silent",
        "kill switch      not thrown",
    ] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
    let mut thrown = snapshot();
    thrown.kill_switch = Some(KillSwitchStatus {
        cause: "drawdown".to_owned(),
        reason: "the profit has fallen".to_owned(),
        since_ms: 1,
        resume: "colibri run BOT.toml --resume".to_owned(),
        proven_ms: None,
        may_be_open: 2,
        unknown: 1,
    });
    let text = Found::judge(thrown, 100_500, |_| false).table();
    for words in [
        "ended without a word",
        "KILL SWITCH      thrown (drawdown): the profit has fallen",
        "NOT PROVEN yet: 2 orders or triggers may be open, 1 of them of unknown state",
        "until you resume: colibri run BOT.toml --resume",
    ] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
}

#[test]
fn a_status_is_read_as_it_was_written_by_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Found::read(folder.path()), Ok(None));
    let file = StatusFile::of(folder.path());
    file.write(&snapshot()).unwrap();
    file.write(&snapshot()).unwrap();
    let found = Found::read(folder.path()).unwrap().unwrap();
    assert_eq!(found.snapshot, snapshot());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.path().join(file::NAME))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    std::fs::write(folder.path().join(file::NAME), b"{\"version\":9}").unwrap();
    assert!(Found::read(folder.path()).unwrap_err().contains("another version"));
}
