//! A bot in a folder of its own, as a user would set it up, and its runs.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::exchange::{API_KEY, SECRET};
use crate::built;

/// Far above what any step takes: a test fails instead of hanging.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A market maker in a hurry: many orders under way at any moment, and quotes so near that they are filled.
const BOT: &str = r#"
name = "restless"
tick_ms = 100

[[venue]]
connector = "binance"
environment = "local"
account = "main"
pairs = ["BTC-USDT"]

[risk]
max_order_notional = 5000
max_open_orders = 40
price_collar = 0.05

[[strategy]]
id = "maker"
kind = "pure_market_making"
venue = "binance"
market = "BTC-USDT"
bid_spread = 0.00003
ask_spread = 0.00003
order_amount = 0.002
order_levels = 4
order_level_spread = 0.00005
order_refresh_time = 0.2
filled_order_delay = 0.1
"#;

/// Where a bot meets its exchange, and what it believes.
#[derive(Debug, Clone)]
pub struct Door {
    address: String,
    /// The authority whose certificates it believes, as PEM; without one nothing is encrypted.
    authority: Option<String>,
}

impl Door {
    /// The exchange itself, at `host:port`: HTTP and WebSocket without TLS.
    #[must_use]
    pub fn plain(address: &str) -> Door {
        Door {
            address: address.to_owned(),
            authority: None,
        }
    }

    /// Whoever stands before the exchange at `host:port` with certificates of `authority`.
    #[must_use]
    pub fn tls(address: SocketAddr, authority: String) -> Door {
        Door {
            address: address.to_string(),
            authority: Some(authority),
        }
    }

    /// What `plugins.toml` says of it.
    fn plugins(&self, library: &Path) -> String {
        let Door { address, authority } = self;
        let (trust, s) = match authority {
            Some(_) => ("ca_file = 'authority.pem'", "s"),
            None => ("", ""),
        };
        let library = library.display();
        format!(
            "{trust}\n[[plugin]]\nlibrary = '{library}'\nisolation = \"in-process\"\n\n\
             [plugin.overrides.binance.environments.local]\n\
             rest = \"http{s}://{address}\"\nmarket = \"ws{s}://{address}\"\nws_api = \"ws{s}://{address}\"\n\n\
             # As many restarts and new connections as nobody makes: the exchange's limits are lifted as well.\n\
             [plugin.overrides.binance.pools]\n\
             weight.limit = 6000000\nconnections.limit = 300000\norders_10s.limit = 100000\norders_1d.limit = 200000000\n\n\
             # A stream that has died without a word is to be noticed while a test lasts.\n\
             [plugin.overrides.binance.liveness]\n\
             market_silence_ms = 5000\nuser_silence_ms = 25000\n"
        )
    }
}

/// A folder with a bot, its connectors, its keys and its data. Kept where a test fails.
#[derive(Debug)]
pub struct BotFolder {
    folder: tempfile::TempDir,
}

/// A run that goes on.
#[derive(Debug)]
pub struct Run {
    child: Child,
    lines: Receiver<String>,
    log: File,
    /// The length of the journal when it was started, in bytes.
    pub journal_before: u64,
}

/// A run that ended by itself.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Its last line of standard output: the report, where it got so far.
    pub report: Option<Value>,
    /// Its log.
    pub log: String,
}

impl BotFolder {
    /// A bot that trades behind `door`.
    ///
    /// # Panics
    /// Where it cannot be set up.
    #[must_use]
    pub fn new(door: &Door) -> BotFolder {
        let library = built::connector("binance");
        let bot = BotFolder {
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
        };
        bot.write("bot.toml", BOT);
        bot.write("plugins.toml", &door.plugins(&library));
        if let Some(authority) = &door.authority {
            bot.write("authority.pem", authority);
        }
        bot.write("password", "a long password of nobody\n");
        bot.write("secret", SECRET);
        let added = bot
            .host(&["keys", "add", "main", "binance", "--api-key", API_KEY])
            .arg("--secret-file")
            .arg(bot.path("secret"))
            .args(bot.keys())
            .output()
            .expect("the host was built");
        assert!(
            added.status.success(),
            "no keys: {}",
            String::from_utf8_lossy(&added.stderr)
        );
        bot
    }

    /// Its folder of data.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.path("data/restless")
    }

    /// Its journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.path("data/restless/journal.colibri")
    }

    /// Starts a run that goes on until it is killed, and says on its way what happens.
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn start(&self) -> Run {
        self.start_as("--plain")
    }

    /// Starts a run that goes on until it is stopped, and then reports.
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn start_to_report(&self) -> Run {
        self.start_as("--json")
    }

    /// Its log of all runs so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn start_as(&self, show: &str) -> Run {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .expect("a file in our own folder can be written");
        let journal_before = fs::metadata(self.journal()).map_or(0, |file| file.len());
        let mut child = self
            .host(&["run", "bot.toml", show])
            .args(self.keys())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.try_clone().expect("an open file can be shared"))
            .spawn()
            .expect("the host was built");
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Run {
            child,
            lines,
            log,
            journal_before,
        }
    }

    /// Runs for so many seconds, to the report.
    ///
    /// # Panics
    /// Where the host cannot be started.
    #[must_use]
    pub fn run_for(&self, seconds: u64) -> Ended {
        let output = self
            .host(&["run", "bot.toml", "--json", "--seconds", &seconds.to_string()])
            .args(self.keys())
            .stdin(Stdio::null())
            .output()
            .expect("the host was built");
        let stdout = String::from_utf8_lossy(&output.stdout);
        Ended {
            code: output.status.code(),
            report: stdout.lines().last().and_then(|line| serde_json::from_str(line).ok()),
            log: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// What `colibri orders` lists.
    #[must_use]
    pub fn orders(&self) -> Vec<Value> {
        self.list("orders")
    }

    /// What `colibri trades` lists.
    #[must_use]
    pub fn trades(&self) -> Vec<Value> {
        self.list("trades")
    }

    fn list(&self, what: &str) -> Vec<Value> {
        if !self.journal().exists() {
            return Vec::new();
        }
        let answer = self
            .host(&[what, "bot.toml", "--format", "json"])
            .output()
            .expect("the host was built");
        let said = String::from_utf8_lossy(&answer.stderr);
        assert!(answer.status.success(), "colibri {what}: {said}");
        serde_json::from_slice(&answer.stdout).unwrap_or_else(|error| panic!("colibri {what}: {error}"))
    }

    fn host(&self, arguments: &[&str]) -> Command {
        let mut host = Command::new(built::host());
        host.args(arguments)
            .current_dir(self.folder.path())
            .env("XDG_CACHE_HOME", self.folder.path());
        host
    }

    fn keys(&self) -> [&'static str; 4] {
        ["--keys", "keys.colibri", "--password-file", "password"]
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file that its owner alone may read: some hold secrets.
    fn write(&self, name: &str, text: &str) {
        let mut options = OpenOptions::new();
        options.create_new(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .open(self.path(name))
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .expect("a file in a new folder can be written");
    }
}

impl Drop for BotFolder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            eprintln!("journal, history and log are kept in {}", self.folder.path().display());
        }
    }
}

impl Run {
    /// Waits for a line that holds `text`.
    ///
    /// # Panics
    /// Where the run ends first, or [`DEADLINE`] is over.
    pub fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + DEADLINE;
        while let Some(line) = self.line_before(end) {
            if line.contains(text) {
                return;
            }
        }
        panic!("the run did not say {text:?} in time");
    }

    /// Lets it run for `delay`.
    ///
    /// # Panics
    /// Where it ends.
    pub fn let_run(&mut self, delay: Duration) {
        let end = Instant::now() + delay;
        while self.line_before(end).is_some() {}
    }

    /// # Panics
    /// Where it has ended by itself.
    pub fn assert_runs(&mut self) {
        let ended = self.child.try_wait().expect("our own child can be asked");
        assert!(ended.is_none(), "the run ended by itself: {ended:?}");
    }

    /// Asks it to stop, as Ctrl-C does, and waits for its report.
    ///
    /// # Panics
    /// Where it had ended by itself, or does not end within [`DEADLINE`].
    #[must_use]
    pub fn stop(mut self, bot: &BotFolder) -> Ended {
        self.assert_runs();
        let asked = Command::new("sh")
            .args(["-c", "kill -INT \"$1\"", "sh", &self.child.id().to_string()])
            .status();
        assert!(
            asked.is_ok_and(|status| status.success()),
            "the run cannot be signalled"
        );
        let end = Instant::now() + DEADLINE;
        let mut last = None;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => last = Some(line),
                // Its output ends with it.
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the run does not stop:\n{}", bot.log()),
            }
        }
        let status = self.child.wait().expect("our own child can be waited for");
        Ended {
            code: status.code(),
            report: last.and_then(|line| serde_json::from_str(&line).ok()),
            log: bot.log(),
        }
    }

    /// Kills it: SIGKILL, which no process can notice.
    ///
    /// # Panics
    /// Where it had ended by itself.
    pub fn kill(mut self) {
        self.assert_runs();
        self.child.kill().expect("our own child can be killed");
        self.child.wait().expect("our own child can be waited for");
        // The reader ends with the pipe.
        while let Ok(line) = self.lines.recv() {
            self.note(&line);
        }
        self.note("-- killed");
    }

    /// The next line, `None` at `end`.
    fn line_before(&mut self, end: Instant) -> Option<String> {
        let left = end.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => {
                self.note(&line);
                Some(line)
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the run ended by itself: {:?}", self.child.wait()),
        }
    }

    fn note(&mut self, line: &str) {
        writeln!(self.log, "{line}").expect("our own log can be written");
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Killed already, or a test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// # Panics
    /// Where the run does not say, by exit code and report, that nothing is open or unknown and that its ledger is the
    /// exchange's.
    pub fn assert_proven(&self) {
        let Ended { code, report, log } = self;
        assert_eq!(*code, Some(0), "{report:?}\n{log}");
        let report = report.as_ref().unwrap_or_else(|| panic!("no report:\n{log}"));
        assert_eq!(report["unknown_orders"], 0, "{report}\n{log}");
        assert_eq!(report["open_orders_at_end"], 0, "{report}\n{log}");
        assert_eq!(report["open_orders_proven_by"], "exchange", "{report}\n{log}");
        assert_eq!(report["ledger_equals_exchange"], true, "{report}\n{log}");
    }
}
