//! Ours: the bot as `colibri run` wires it, its strategy aside.

use std::path::Path;
use std::time::Duration;

use colibri::bot::Bot;
use colibri::command::history::JOURNAL;
use colibri::kill_request::KillWatch;
use colibri::latency;
use colibri::log::{Log, Target};
use colibri::plugins::Installation;
use colibri::runtime::feed::{LineFeed, StatusFeed};
use colibri::runtime::setup::{self, CredentialSource};
use colibri::runtime::{Ended, Runtime, TickTimes, figures, status};
use colibri_desk::Desk;
use colibri_driver::tokio_transport::{HostClock, Transport};
use colibri_driver::{Credentials, Secret};
use colibri_record::RecordingJournal;
use colibri_sim::config::{DEMO_API_KEY, DEMO_SECRET};
use colibri_standard::KeyKind;
use colibri_store::history::DiskThread;

use crate::exchange::{Ports, Venue};
use crate::frames::FrameShape;
use crate::identity::Identity;
use crate::library;
use crate::responder::Responder;

/// How the bot is set up.
#[derive(Debug)]
pub struct Wiring {
    pub name: &'static str,
    /// Over what orders go out, in the connector's words.
    pub entry: &'static str,
    /// Its `[latency]`.
    pub latency: &'static str,
}

impl Wiring {
    pub const ALL: &'static [Wiring] = &[
        Wiring {
            name: "http",
            entry: "http",
            latency: "",
        },
        Wiring {
            name: "http, kept connections",
            entry: "http",
            latency: "order_connections = 2",
        },
        Wiring {
            name: "websocket",
            entry: "stream",
            latency: "",
        },
        Wiring {
            name: "websocket, own core",
            entry: "stream",
            latency: "core = 1",
        },
        Wiring {
            name: "websocket, busy",
            entry: "stream",
            latency: "busy_poll = true",
        },
        Wiring {
            name: "websocket, busy, own core",
            entry: "stream",
            latency: "busy_poll = true\ncore = 1",
        },
    ];
}

fn plugins_file(library: &Path, ports: Ports, wiring: &Wiring) -> String {
    let limit = |pool: &str| format!("[plugin.overrides.binance.pools.{pool}]\nlimit = 100000000\n");
    let pools: String = ["weight", "requests", "orders_10s", "orders_1d"].map(limit).concat();
    format!(
        "ca_file = 'ca.pem'\n[[plugin]]\nlibrary = '{}'\nisolation = 'in-process'\n\
         [plugin.overrides.binance.environments.local]\nrest = 'https://127.0.0.1:{}'\nmarket = 'wss://127.0.0.1:{}'\n\
         ws_api = 'wss://127.0.0.1:{}'\n{pools}[plugin.overrides.binance.orders]\nentry = '{}'\n",
        library.display(),
        ports.rest,
        ports.market,
        ports.socket_api,
        wiring.entry
    )
}

fn bot_file(wiring: &Wiring) -> String {
    format!(
        "name = 'bot'\ndata = '.'\nstrategy = []\n[latency]\n{}\n[[venue]]\nconnector = 'binance'\nenvironment = 'local'\naccount = 'demo'\n\
         pairs = ['BTC-USDT']\n[risk]\nmax_orders_per_second = 1000000\nmax_order_notional = 5000\nmax_open_orders = 20\n\
         max_position = {{ BTC-USDT = 0.5 }}\nmax_loss = 1000\nmax_stale_ms = 60000\nprice_collar = 0.05\n",
        wiring.latency
    )
}

fn credentials() -> Credentials {
    let secret = Secret::new(DEMO_SECRET.as_bytes().to_vec());
    Credentials::none()
        .with_public("api_key", DEMO_API_KEY)
        .with_secret("secret", KeyKind::HmacSha256, secret)
}

/// Runs the bot until the exchange has measured enough.
pub fn run(mut venue: Venue, identity: &Identity, library: &Path, wiring: &Wiring, shape: FrameShape) {
    let folder = library::target().join("tick_to_trade");
    // What an earlier run left is of an exchange that is gone.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("ca.pem", &identity.authority_pem);
    write("plugins.toml", &plugins_file(library, venue.ports, wiring));
    let bot = Bot::parse(&folder.join("bot.toml"), bot_file(wiring)).unwrap();

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // On a thread of its own, which may be kept on a core.
    std::thread::scope(|scope| {
        scope.spawn(|| runtime.block_on(trade(&bot, &mut venue, &folder, shape)));
    });
}

async fn trade(bot: &Bot, venue: &mut Venue, folder: &Path, shape: FrameShape) {
    let clock = HostClock::start();
    let installation = Installation::load(&folder.join("plugins.toml"), &folder.join("libraries")).unwrap();
    assert!(installation.refused.is_empty(), "{:?}", installation.refused);
    let credentials = setup::credentials(bot, &CredentialSource::Given(credentials())).unwrap();
    let data = bot.data_folder();
    let (journal, recovered, _) = setup::journal(&data, bot.file.durability.into()).unwrap();
    let seed = setup::seed();
    let table = &bot.file.venues[0];
    let driver = setup::driver_setup(bot, table, &installation, &credentials, seed).unwrap();
    let share = setup::bulk_share(bot, table);
    let (desk_venue, supply) = setup::venue(&driver, &installation, setup::shared_limiter(), share).unwrap();
    let mut engine = setup::engine(bot, &installation, recovered, RecordingJournal::new(journal), seed).unwrap();
    engine.add_strategy(Box::new(Responder::new(shape)));
    let history = setup::history_path(&data);
    let disk = DiskThread::start(&data.join(JOURNAL), &history, Duration::from_millis(100)).unwrap();
    let latency = &bot.file.latency;
    let mut transport = Transport::new(installation.transport()).unwrap();
    for address in latency::order_addresses(&driver.manifest, "local") {
        transport.keep_connections(address, latency.order_connections);
    }
    for stream in latency::market_streams(&driver.manifest, "local") {
        transport.open_in_parallel(&stream, latency.market_connections);
    }
    let mut runtime = Runtime {
        clock,
        desk: Desk::new(engine, vec![desk_venue]),
        supplies: vec![supply],
        transport,
        log: Log::new(Target::TailOnly),
        disk,
        history_fault: None,
        ticks: TickTimes::default(),
        kill_watch: KillWatch::new(&data),
        recording: None,
        waiting: latency.waiting(),
    };
    let lines = LineFeed::new(|runtime: &Runtime<_>, elapsed| figures::line(runtime, elapsed));
    let snapshot = |runtime: &Runtime<_>, elapsed| status::snapshot(runtime, "bench", elapsed);
    let mut feed = StatusFeed::start(&data, Box::new(lines), snapshot).unwrap();
    if let Some(core) = latency.core {
        latency::keep_on(core).unwrap();
    }
    let ended = runtime.run(&mut venue.stop, Some(300), &mut feed).await;
    if ended != Ended::Stopped || std::env::var_os("TICK_TO_TRADE_LOG").is_some() {
        for line in runtime.log.tail() {
            eprintln!("{}", line.text);
        }
    }
}
