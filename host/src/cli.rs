//! The command line: every command, every option, and the words of `--help`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use colibri_model::{Pair, PairError, Price, WallNs};
use colibri_store::export;

use crate::chaos::stage::Stage;
use crate::replay::Moment;

const AFTER_HELP: &str = "\
Exit codes: 0 done · 1 failed · 2 usage · 3 configuration · 4 library refused
            5 keys · 6 exchange · 7 stopped, but not proven that nothing is open
            8 journal or history

First steps:
  colibri demo                     trade on a local exchange, no keys needed
  colibri connector list           what plugins.toml installs
  colibri keys add main binance    store an account's keys, encrypted
  colibri check my-bot.toml        validate everything without trading
  colibri run my-bot.toml          trade";

/// A trading host: one binary runs the Clock and the strategies, every exchange connector is a library of its own.
#[derive(Debug, Parser)]
#[command(name = "colibri", version, about, after_help = AFTER_HELP, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a bot until Ctrl-C; then cancel its orders and prove from the exchange that none is open.
    Run(RunArgs),
    /// Run a bot and record it: everything that it is told, so that `replay` can show why it did what it did.
    Record(RunArgs),
    /// Run a recorded run again, offline, and compare it with what was recorded; show why it did what it did.
    Replay(ReplayArgs),
    /// List the recorded runs of a bot; write one again elsewhere, redacted.
    #[command(subcommand)]
    Recordings(RecordingsCommand),
    /// Throw a bot's kill switch: every order is cancelled and none is placed, until `run --resume`.
    Kill(KillArgs),
    /// Trade on a local exchange for a while and report: no keys, no network.
    Demo(DemoArgs),
    /// Validate a bot's file, its plugins and its keys without trading; say which line is wrong.
    Check(CheckArgs),
    /// Look at, drive or replay one connector library.
    #[command(subcommand)]
    Connector(ConnectorCommand),
    /// Run a local exchange that speaks a real exchange's API.
    #[command(subcommand)]
    Sim(SimCommand),
    /// Simulate the whole host under faults, in virtual time, and check its promises against the exchange.
    Chaos(ChaosArgs),
    /// Keep API keys, encrypted.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// List fills from the history of a bot.
    Trades(HistoryArgs),
    /// List orders from the history of a bot.
    Orders(HistoryArgs),
    /// List triggers (stops and take profits that wait at the exchange) from the history of a bot.
    Triggers(HistoryArgs),
    /// What a bot has won or lost, of each strategy and pair, counted from its fills: realized, unrealized, fees, funding.
    Pnl(PnlArgs),
    /// How a bot stands now, from another process: venues, streams, orders, books, strategies; and what it has traded.
    Status(StatusArgs),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// How a run shows itself.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// Log lines instead of the live screen (also chosen when standard output is not a terminal).
    #[arg(long)]
    pub plain: bool,
    /// End with the report as one JSON object, alone on standard output; log lines go to standard error.
    #[arg(long)]
    pub json: bool,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The bot's file.
    pub bot: PathBuf,
    /// Another plugins.toml than the one that the bot's file names.
    #[arg(long)]
    pub plugins: Option<PathBuf>,
    /// Stop after so many seconds.
    #[arg(long)]
    pub seconds: Option<u64>,
    /// Release the kill switch that an earlier run threw.
    #[arg(long)]
    pub resume: bool,
    /// How it shows itself.
    #[command(flatten)]
    pub show: ShowArgs,
    /// Where the keys are.
    #[command(flatten)]
    pub keys: KeysArgs,
}

/// Options of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The recording: a folder of BOT's `recordings`, or its first file.
    pub recording: PathBuf,
    /// Enter at the last snapshot before this moment, and replay from there; without it, from the begin. Written as for `--until`.
    #[arg(long, value_parser = moment)]
    pub from: Option<Moment>,
    /// Up to this moment: `90s` or `2.5m` after the begin, `15:23:36` (UTC), or `#1200` (an input).
    #[arg(long, default_value = "end", value_parser = moment)]
    pub until: Moment,
    /// Show what happened last before that moment, and how things stood then.
    #[arg(long)]
    pub inspect: bool,
    /// With `--inspect`: so many lines of what happened.
    #[arg(long, value_name = "LINES")]
    pub last: Option<usize>,
    /// What the recording holds, without replaying it.
    #[arg(long)]
    pub summary: bool,
    /// A library in place of the recorded one: would a mended connector have acted otherwise? Repeatable.
    #[arg(long, value_name = "FILE")]
    pub library: Vec<PathBuf>,
    /// Where verified copies of libraries are kept; the user's cache folder where absent.
    #[arg(long)]
    pub store: Option<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Commands about recorded runs.
#[derive(Debug, Subcommand)]
pub enum RecordingsCommand {
    /// List a bot's recordings, the oldest first.
    List(RecordingsListArgs),
    /// Write a recording again, into a folder of its own: to be kept, or to be given away.
    Export(ExportArgs),
}

/// Options of `recordings list`.
#[derive(Debug, Args)]
pub struct RecordingsListArgs {
    /// The bot's file, or its folder.
    pub bot: PathBuf,
    /// One JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Options of `recordings export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The recording: a folder of BOT's `recordings`.
    pub recording: PathBuf,
    /// The folder that is made for it, for its owner alone.
    pub out: PathBuf,
    /// Put stand-ins in the place of API keys, session tokens, cookies and account identities.
    #[arg(long)]
    pub redact: bool,
    /// A library in place of the recorded one. Repeatable.
    #[arg(long, value_name = "FILE")]
    pub library: Vec<PathBuf>,
    /// Where verified copies of libraries are kept; the user's cache folder where absent.
    #[arg(long)]
    pub store: Option<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    pub json: bool,
}

fn moment(text: &str) -> Result<Moment, String> {
    match text {
        "end" => Ok(Moment::End),
        text => text.parse().map_err(|e: crate::replay::NoMoment| e.to_string()),
    }
}

/// Options of `kill`.
#[derive(Debug, Args)]
pub struct KillArgs {
    /// The bot's file, or the folder that holds its journal.
    pub bot: PathBuf,
    /// Why, for journal and log.
    #[arg(long, default_value = "a person asked for it")]
    pub reason: String,
}

/// The bots of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DemoBot {
    /// A market maker in spot.
    #[default]
    Maker,
    /// Spot-perpetual arbitrage, over two connectors at once.
    Carry,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Which bot trades.
    #[arg(long, value_enum, default_value_t)]
    pub bot: DemoBot,
    /// How long to trade.
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
    /// Seed of the local exchange's order flow.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// The folder that holds the connector libraries; that of this program where absent.
    #[arg(long)]
    pub plugin_dir: Option<PathBuf>,
    /// Record it, below the bot's folder: `data/demo/recordings`.
    #[arg(long)]
    pub record: bool,
    /// How it shows itself.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The bot's file.
    pub bot: PathBuf,
    /// Another plugins.toml than the one that the bot's file names.
    #[arg(long)]
    pub plugins: Option<PathBuf>,
    /// Where the keys are.
    #[command(flatten)]
    pub keys: KeysArgs,
}

/// Where keys are kept and how they are unlocked.
#[derive(Debug, Clone, Args)]
pub struct KeysArgs {
    /// The encrypted key file; `keys.colibri` in the user's configuration folder where absent.
    #[arg(long, env = "COLIBRI_KEYS")]
    pub keys: Option<PathBuf>,
    /// A file whose first line is the password (mode 600); asked for at the terminal where absent.
    #[arg(long, env = "COLIBRI_PASSWORD_FILE")]
    pub password_file: Option<PathBuf>,
}

/// Commands about one connector library.
#[derive(Debug, Subcommand)]
pub enum ConnectorCommand {
    /// List what a plugins.toml installs, and what it refuses and why.
    List {
        /// The file.
        #[arg(long, default_value = "plugins.toml")]
        plugins: PathBuf,
    },
    /// Print a library's manifest without running any of its code.
    Inspect(crate::connector::InspectArgs),
    /// The isolated door: JSON lines in, actions and events out; no network.
    Drive(crate::connector::DriveArgs),
    /// Run a recorded capture through a connector and an order book.
    Replay(crate::connector::ReplayArgs),
}

/// Local exchanges.
#[derive(Debug, Subcommand)]
pub enum SimCommand {
    /// Binance spot: REST, market streams, WebSocket API.
    Binance(SimArgs),
}

/// Options of a local exchange.
#[derive(Debug, Args)]
pub struct SimArgs {
    /// The port on 127.0.0.1; 0 takes a free one. The address is the first line on standard output.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Seed of the order flow.
    #[arg(long)]
    pub seed: Option<u64>,
    /// A configuration file (TOML); the demo's symbols and account where absent.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Replay this recorded capture instead of generating order flow.
    #[arg(long)]
    pub capture: Option<PathBuf>,
    /// How fast to replay: 1 is as recorded.
    #[arg(long, default_value = "1", requires = "capture")]
    pub speed: u32,
}

/// Options of `chaos`.
#[derive(Debug, Args)]
pub struct ChaosArgs {
    /// How many seeds, one after another; 20, or one where --seed names it.
    #[arg(long)]
    pub seeds: Option<u64>,
    /// The first seed; it is run twice, and must be the same run.
    #[arg(long)]
    pub seed: Option<u64>,
    /// End with the first seed that fails.
    #[arg(long)]
    pub until_failure: bool,
    /// Virtual minutes under faults, at least 10; a seed goes on until it has a hundred orders and ten faults, too.
    #[arg(long, default_value_t = 10)]
    pub minutes: u64,
    /// Run seeds in so many processes; each seed is run in one, and they are told in their order.
    #[arg(long, default_value_t = 1, conflicts_with = "trace")]
    pub jobs: u64,
    /// Every seed meets this fault alone; a wrong name lists them.
    #[arg(long, conflicts_with = "calm")]
    pub fault: Option<String>,
    /// Every seed trades this: two pairs of spot, two contracts, or both at once, by one account. Where absent the seed decides:
    /// of every four two trade spot, one contracts, one both; with --fault, where the fault can happen.
    #[arg(long)]
    pub stage: Option<Stage>,
    /// After so many turns the bot's whole state is written down, and a bot made from that goes on in its place: the same run,
    /// which is shown by the first seed, run again without.
    #[arg(long, value_name = "TURNS", value_parser = clap::value_parser!(u64).range(1..))]
    pub snapshot_turns: Option<u64>,
    /// From one seed to the next: for a worker of --jobs.
    #[arg(long, default_value_t = 1, hide = true)]
    pub stride: u64,
    /// A line of JSON a seed: for whoever runs this as a worker.
    #[arg(long, hide = true)]
    pub lines: bool,
    /// The folder that holds the connector libraries; that of this program where absent.
    #[arg(long)]
    pub plugin_dir: Option<PathBuf>,
    /// End with one JSON object, alone on standard output.
    #[arg(long)]
    pub json: bool,
    /// Without faults.
    #[arg(long)]
    pub calm: bool,
    /// Tell on standard error what happens.
    #[arg(long)]
    pub trace: bool,
}

/// Key commands.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Store an account's keys. Secrets are asked for at the terminal, or read from a file; never an argument.
    Add {
        /// The account's name, as bot files use it.
        account: String,
        /// The connector that the keys are for.
        connector: String,
        /// The public key (API key); asked for where absent.
        #[arg(long)]
        api_key: Option<String>,
        /// A file that holds the secret (HMAC text, or a private key as PEM); asked for where absent.
        #[arg(long)]
        secret_file: Option<PathBuf>,
        /// The kind of the secret; recognised from the text where absent.
        #[arg(long)]
        kind: Option<KeyKindArg>,
        /// Where the keys are.
        #[command(flatten)]
        keys: KeysArgs,
    },
    /// List the stored accounts: names, connectors and public keys.
    List {
        /// Where the keys are.
        #[command(flatten)]
        keys: KeysArgs,
    },
    /// Remove an account's keys.
    Remove {
        /// The account's name.
        account: String,
        /// Where the keys are.
        #[command(flatten)]
        keys: KeysArgs,
    },
}

/// Kinds of secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyKindArg {
    /// A secret text for HMAC with SHA-256.
    HmacSha256,
    /// An Ed25519 private key as PKCS#8 PEM.
    Ed25519,
    /// An RSA private key of 2048 to 4096 bits as PEM.
    Rsa,
    /// A P-256 private key as PEM.
    Es256,
}

/// How a listing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// Columns for people.
    #[default]
    Table,
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON array, or object.
    Json,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The bot's file, or its folder; every bot below `data` where absent.
    pub bot: Option<PathBuf>,
    /// One JSON object instead of the table; the same as --format json.
    #[arg(long)]
    pub json: bool,
    /// What was traded: only this pair.
    #[arg(long)]
    pub pair: Option<String>,
    /// What was traded: only from this time on, milliseconds since 1970.
    #[arg(long)]
    pub since: Option<i64>,
    /// What was traded: only up to this time, milliseconds since 1970.
    #[arg(long)]
    pub until: Option<i64>,
    /// How to write it. CSV is what was traded alone.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Options of `pnl`.
#[derive(Debug, Args)]
pub struct PnlArgs {
    /// The bot: its file, its folder, or its name where its folder is below `data`; every bot below `data` where absent.
    #[arg(long)]
    pub bot: Option<PathBuf>,
    /// Only this strategy, by its name in the bot's file; `(foreign)` and the like are what is no strategy's.
    #[arg(long)]
    pub strategy: Option<String>,
    /// Only this pair.
    #[arg(long)]
    pub pair: Option<String>,
    /// Only what happened from this time on: `2026-11-29`, `2026-11-29T15:23:36` (UTC), or milliseconds since 1970. What was
    /// held then is carried in at what it cost.
    #[arg(long, value_parser = instant)]
    pub since: Option<WallNs>,
    /// Only what happened before this time.
    #[arg(long, value_parser = instant)]
    pub until: Option<WallNs>,
    /// Value what is held of a pair at this price: `BTC-USDT=61824.5`. Repeatable; the newest price on record where absent.
    #[arg(long, value_name = "PAIR=PRICE", value_parser = price_of_pair)]
    pub price: Vec<(Pair, Price)>,
    /// Show each fill and funding payment: position before and after, average cost, realized, fee and its rate, running totals.
    #[arg(long)]
    pub explain: bool,
    /// One JSON object.
    #[arg(long)]
    pub json: bool,
}

fn instant(text: &str) -> Result<WallNs, String> {
    if let Ok(millis) = text.parse() {
        return Ok(WallNs::from_millis(millis));
    }
    export::parse_utc(text).ok_or_else(|| {
        "write a day or a time in UTC: 2026-11-29, 2026-11-29T15:23:36, or milliseconds since 1970".to_owned()
    })
}

fn price_of_pair(text: &str) -> Result<(Pair, Price), String> {
    let wrong = || "write it as PAIR=PRICE, such as BTC-USDT=61824.5".to_owned();
    let (pair, price) = text.split_once('=').ok_or_else(wrong)?;
    let pair = pair.parse().map_err(|e: PairError| e.to_string())?;
    let price = Price(price.parse().map_err(|_| wrong())?);
    if price.is_positive() {
        Ok((pair, price))
    } else {
        Err("a price is above zero".to_owned())
    }
}

/// Options of `trades` and `orders`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The bot's file, or the folder that holds its journal and history.
    pub bot: PathBuf,
    /// Only this pair.
    #[arg(long)]
    pub pair: Option<String>,
    /// Only from this time on: milliseconds since 1970.
    #[arg(long)]
    pub since: Option<i64>,
    /// Only up to this time: milliseconds since 1970.
    #[arg(long)]
    pub until: Option<i64>,
    /// At most so many, the newest.
    #[arg(long)]
    pub limit: Option<u32>,
    /// How to write it.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}
