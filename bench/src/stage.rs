//! A connector behind its library or linked in, a live session of it, and a host that receives: nothing, or a book.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;

use colibri_abi::{
    Actions, BookBatch, Connector, Now, Request, StreamOpen, StreamSend, TopOfBook, TradeBatch, accepted, book_flag,
};
use colibri_engine::book::{BookKeeper, Grid};
use colibri_loader::{LoadRequest, Loader};
use colibri_model::{Exponents, InstrumentId, MonoNs};
use colibri_sdk::SpotRuntime;
use colibri_standard::{
    BookManifest, BookRule, Channel, Command as Ask, ConnectorConfig, EnvironmentConfig, OpenSession, SessionRole,
    Subscription, UseInstruments, UsedInstrument,
};

use crate::frames::first_id;
use crate::spot;

/// What the instrument of the benches has.
pub const EXPONENTS: Exponents = Exponents {
    price: -8,
    quantity: -8,
};

/// An empty book, in sequence just before the first of the frames.
pub fn keeper(frames: &[Vec<u8>]) -> BookKeeper {
    let manifest = BookManifest {
        rule: BookRule::Overlap,
        snapshot_by_request: false,
        snapshot_depth: 1_000,
        stream_depth: None,
        checksum: None,
    };
    let mut keeper = BookKeeper::new(&manifest, EXPONENTS, Grid::new(1_000_000));
    let before = first_id(&frames[0]) - 1;
    let empty = BookBatch {
        instrument: 1,
        flags: book_flag::SNAPSHOT | book_flag::RANGE_IDS,
        first_id: before,
        last_id: before,
        previous_id: 0,
        exchange_ns: 0,
        checksum: 0,
        price_exponent: EXPONENTS.price,
        quantity_exponent: EXPONENTS.quantity,
        reserved: 0,
        bids: [][..].into(),
        asks: [][..].into(),
        ext: [0; 4],
    };
    keeper.apply(&empty, MonoNs(0));
    keeper
}

/// What receives: nothing, or a book.
#[derive(Default)]
pub struct Host {
    /// The stream that the connector opened.
    pub stream: u32,
    /// Levels, trades and best prices that it was told.
    pub told: usize,
    /// The book that depth frames go to.
    pub book: Option<BookKeeper>,
}

impl Actions for Host {
    fn want(&mut self, _op: u64, _endpoint: &str) -> u32 {
        accepted::YES
    }
    fn request(&mut self, _request: &Request<'_>) -> u32 {
        accepted::YES
    }
    fn open(&mut self, open: &StreamOpen<'_>) -> u32 {
        self.stream = open.stream;
        accepted::YES
    }
    fn send(&mut self, _send: &StreamSend<'_>) -> u32 {
        accepted::YES
    }
    fn close(&mut self, _stream: u32, _code: u32) -> u32 {
        accepted::YES
    }
    fn set_timer(&mut self, _timer: u64, _at_mono_ns: u64) -> u32 {
        accepted::YES
    }
    fn book(&mut self, batch: &BookBatch<'_>) -> u32 {
        self.told += batch.bids.len() + batch.asks.len();
        if let Some(book) = &mut self.book {
            black_box(book.apply(batch, MonoNs(1)));
        }
        accepted::YES
    }
    fn trades(&mut self, batch: &TradeBatch<'_>) -> u32 {
        self.told += batch.trades.len();
        accepted::YES
    }
    fn top(&mut self, top: &TopOfBook) -> u32 {
        self.told += usize::from(black_box(top).bid.price != 0);
        accepted::YES
    }
    fn event(&mut self, _kind: &str, _payload: &[u8]) -> u32 {
        accepted::YES
    }
    fn complete(&mut self, _op: u64, _outcome: u32, _detail: &[u8]) -> u32 {
        accepted::YES
    }
    fn log(&mut self, _level: u32, text: &str) -> u32 {
        panic!("{text}");
    }
    fn snapshot(&mut self, _state: &[u8]) -> u32 {
        accepted::YES
    }
}

fn config() -> ConnectorConfig {
    let addresses = ["rest", "market", "ws_api"].map(|role| (role.to_owned(), "wss://localhost:1".to_owned()));
    ConnectorConfig {
        environment: EnvironmentConfig {
            name: "local".to_owned(),
            addresses: addresses.into(),
        },
        ..ConnectorConfig::default()
    }
}

/// Builds the library as it is shipped, by itself; where it is.
pub fn build_library() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    // Named, so that it is found where `CARGO_TARGET_DIR` says otherwise too.
    let target = root.join("target");
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--release",
            "--package",
            "colibri-connector-binance",
            "--target-dir",
        ])
        .arg(&target)
        .current_dir(root)
        .status()
        .unwrap();
    assert!(status.success());
    target.join(format!(
        "release/{}colibri_connector_binance{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    ))
}

/// The connector of the library at `path`.
pub fn library(path: &Path) -> Connector {
    // Beside what is shipped, and no part of it.
    let libraries = path.parent().unwrap().with_file_name("bench/libraries");
    let library = Loader::new(libraries).load(&LoadRequest::new(path)).unwrap();
    library
        .create("binance", &serde_json::to_vec(&config()).unwrap())
        .unwrap()
}

/// The same connector, linked in.
pub fn linked() -> Connector {
    let config = config();
    let connector = spot::BinanceSpot::new(&config).unwrap();
    Connector::linked(SpotRuntime::new(Box::new(connector), &config).unwrap())
}

/// A live market session of the pair; the connector's stream.
pub fn live(connector: &mut Connector) -> u32 {
    let mut host = Host::default();
    let ask = |connector: &mut Connector, host: &mut Host, op, ask: &Ask| {
        connector
            .command(Now::default(), op, ask.kind(), &ask.to_json(), host)
            .unwrap();
    };
    let used = UsedInstrument {
        id: InstrumentId(1),
        pair: "BTC-USDT".parse().unwrap(),
        symbol: "BTCUSDT".to_owned(),
        exponents: EXPONENTS,
        contract: None,
    };
    let set = UseInstruments {
        instruments: vec![used],
    };
    ask(connector, &mut host, 1, &Ask::UseInstruments(set));
    let session = OpenSession {
        session: 1,
        role: SessionRole::Market,
        subscriptions: vec![Subscription {
            instrument: InstrumentId(1),
            channels: vec![Channel::Book, Channel::Trades, Channel::Top],
        }],
    };
    ask(connector, &mut host, 2, &Ask::OpenSession(session));
    let stream = host.stream;
    connector.stream_opened(Now::default(), stream, &mut host).unwrap();
    stream
}
