//! `colibri demo`: a local exchange in a process of its own, a bot against it over real sockets, a report. The bot is a market maker,
//! or one that arbitrages between spot and a perpetual.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::Context;
use colibri_driver::{Credentials, Secret};
use colibri_sim::config::{DEMO_API_KEY, DEMO_SECRET};
use colibri_standard::KeyKind;

use crate::bot::Bot;
use crate::cli::{DemoArgs, DemoBot};
use crate::command::history::{HISTORY, JOURNAL};
use crate::command::run::{KillSwitchWish, RecordWish, RunRequest, run_bot};
use crate::command::sim::WITH_PARENT;
use crate::exit::{Exit, ExitError};
use crate::kill_request::KILL_REQUEST;
use crate::runtime::setup::CredentialSource;

/// Where demos keep their files, below the current folder.
const DATA: &str = "data";

impl DemoBot {
    /// The file that a trader would write.
    const fn file(self) -> &'static str {
        match self {
            DemoBot::Maker => include_str!("../../../examples/demo.toml"),
            DemoBot::Carry => include_str!("../../../examples/carry.toml"),
        }
    }

    /// The folder of its files, below [`DATA`]: the bot's name.
    const fn folder(self) -> &'static str {
        match self {
            DemoBot::Maker => "demo",
            DemoBot::Carry => "demo-carry",
        }
    }

    /// The connectors that it trades through, each with the roles of its hosts that are plain HTTP and those that are sockets.
    const fn connectors(self) -> &'static [(&'static str, &'static [&'static str], &'static [&'static str])] {
        const SPOT: (&str, &[&str], &[&str]) = ("binance", &["rest"], &["market", "ws_api"]);
        const PERPETUAL: (&str, &[&str], &[&str]) = ("binance_perpetual", &["rest"], &["market", "private"]);
        match self {
            DemoBot::Maker => &[SPOT],
            DemoBot::Carry => &[SPOT, PERPETUAL],
        }
    }
}

/// `colibri demo`.
///
/// # Errors
/// The connector library is not there, the local exchange does not start, or the folder cannot be written.
pub fn demo(args: &DemoArgs) -> anyhow::Result<Exit> {
    let library = library(args.plugin_dir.as_deref())?;
    let exchange = LocalExchange::start(args.seed)?;
    let folder = &Path::new(DATA).join(args.bot.folder());
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    // Each demo has an exchange of its own: what is journaled of an earlier one means nothing to it.
    for entry in std::fs::read_dir(folder).context("an old demo's data")? {
        let entry = entry.context("an old demo's data")?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let old = [JOURNAL, HISTORY, KILL_REQUEST]
            .iter()
            .any(|stem| name.starts_with(stem))
            && !name.ends_with(".lock");
        if old && let Err(error) = std::fs::remove_file(entry.path()) {
            return Err(error).context("an old demo's data");
        }
    }
    let plugins = folder.join("plugins.toml");
    std::fs::write(&plugins, plugins_file(&library, &exchange.address, args.bot)?)
        .context("plugins.toml cannot be written")?;
    let bot = folder.join("bot.toml");
    std::fs::write(&bot, args.bot.file()).context("bot.toml cannot be written")?;

    let credentials = Credentials::none().with_public("api_key", DEMO_API_KEY).with_secret(
        "secret",
        KeyKind::HmacSha256,
        Secret::new(DEMO_SECRET.as_bytes().to_vec()),
    );
    run_bot(&RunRequest {
        bot: &Bot::read(&bot)?,
        plugins: &plugins,
        credentials: CredentialSource::Given(credentials),
        seconds: Some(args.seconds),
        show: &args.show,
        environment: &format!("a local exchange at {}", exchange.address),
        kill_switch: KillSwitchWish::Keep,
        record: if args.record {
            RecordWish::Always
        } else {
            RecordWish::AsTheFileSays
        },
    })
}

/// The Binance library, beside this program where nobody says otherwise.
pub(super) fn library(plugin_dir: Option<&Path>) -> anyhow::Result<PathBuf> {
    let folder = match plugin_dir {
        Some(folder) => folder.to_owned(),
        None => std::env::current_exe()
            .context("this program's own path")?
            .parent()
            .map(Path::to_owned)
            .unwrap_or_default(),
    };
    let name = format!(
        "{}colibri_connector_binance{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    let path = folder.join(name);
    path.canonicalize().map_err(|error| {
        let what = format!(
            "{}: {error}; build it with cargo build --release -p colibri-connector-binance",
            path.display()
        );
        ExitError::new(Exit::Plugin, what).into()
    })
}

fn plugins_file(library: &Path, address: &str, bot: DemoBot) -> anyhow::Result<String> {
    let streams = address.replacen("http://", "ws://", 1);
    let nest = |name: &str, table: toml::Table| toml::Table::from_iter([(name.to_owned(), table.into())]);
    let mut overrides = toml::Table::new();
    for (connector, plain, sockets) in bot.connectors() {
        let plain = plain.iter().map(|role| (*role, address));
        let sockets = sockets.iter().map(|role| (*role, streams.as_str()));
        let hosts = plain.chain(sockets).map(|(role, url)| (role.to_owned(), url.into()));
        let local = nest("local", hosts.collect());
        overrides.insert((*connector).to_owned(), nest("environments", local).into());
    }
    let mut plugin = toml::Table::new();
    plugin.insert("library".to_owned(), library.to_string_lossy().into_owned().into());
    plugin.insert("isolation".to_owned(), "in-process".into());
    plugin.insert("overrides".to_owned(), overrides.into());
    let file = toml::Table::from_iter([("plugin".to_owned(), toml::Value::Array(vec![plugin.into()]))]);
    Ok(toml::to_string(&file)?)
}

/// The local exchange's process. Ends with this value, and with this process however it ends: it watches the pipe.
struct LocalExchange {
    child: Child,
    address: String,
    _alive: Option<ChildStdin>,
}

impl LocalExchange {
    fn start(seed: u64) -> anyhow::Result<LocalExchange> {
        let program = std::env::current_exe().context("this program's own path")?;
        let mut command = Command::new(program);
        command
            .args(["sim", "binance", "--port", "0", "--seed", &seed.to_string()])
            .env(WITH_PARENT, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        // Ctrl-C at the terminal goes to a whole process group: the exchange must outlive the bot's last cancel.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().context("the local exchange cannot be started")?;
        let alive = child.stdin.take();
        let stdout = child.stdout.take().context("the local exchange has no output")?;
        let mut address = String::new();
        BufReader::new(stdout)
            .read_line(&mut address)
            .context("the local exchange did not say its address")?;
        let address = address.trim().to_owned();
        let exchange = LocalExchange {
            child,
            address,
            _alive: alive,
        };
        if exchange.address.is_empty() {
            return Err(ExitError::new(
                Exit::Exchange,
                "the local exchange ended before it was ready; see above",
            )
            .into());
        }
        Ok(exchange)
    }
}

impl Drop for LocalExchange {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
