//! A bot that trades one pair and watches many, and its run.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Usage;
use crate::built;
use crate::crash::exchange::{API_KEY, SECRET};

/// How often it is looked.
const GLANCE: Duration = Duration::from_millis(50);
/// Far above what any step takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a bot has beside the pair that it trades.
#[derive(Debug, Clone, Copy)]
pub enum Watched {
    /// Nothing.
    Nothing,
    /// So many markets with a rate.
    Steady(u32),
    /// Nothing is traded at all; so many venues of one connector.
    Idle(u32),
}

/// A folder with a bot, its connectors, its keys and its data. Kept where a test fails.
#[derive(Debug)]
pub struct Bot {
    folder: tempfile::TempDir,
}

/// A run that goes on.
#[derive(Debug)]
pub struct Run<'a> {
    bot: &'a Bot,
    child: Child,
}

fn venue(name: &str, watched: u32) -> String {
    let mut text = format!(
        "[[venue]]\nname = \"{name}\"\nconnector = \"binance\"\nenvironment = \"local\"\naccount = \"main\"\npairs = [\"BTC-USDT\"]\n"
    );
    if watched > 0 {
        text.push_str("watch = [");
        for number in 1..=watched {
            write!(text, "\"STEADY{number}-USDT\", ").expect("a text takes what is written");
        }
        text.push_str("]\n");
    }
    text
}

const STRATEGY: &str = r#"
[[strategy]]
id = "maker"
kind = "pure_market_making"
venue = "one"
market = "BTC-USDT"
bid_spread = 0.01
ask_spread = 0.01
order_amount = 0.002
order_refresh_time = 5
"#;

impl Bot {
    /// A bot that trades at the local exchange of an address.
    ///
    /// # Panics
    /// Where it cannot be set up.
    #[must_use]
    pub fn new(address: &str, watched: Watched) -> Bot {
        let library = built::connector("binance");
        let bot = Bot {
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
        };
        let mut text = "name = \"wide\"\ntick_ms = 100\n\n".to_owned();
        match watched {
            Watched::Nothing => text.push_str(&(venue("one", 0) + STRATEGY)),
            Watched::Steady(count) => text.push_str(&(venue("one", count) + STRATEGY)),
            Watched::Idle(count) => {
                (1..=count).for_each(|number| text.push_str(&venue(&format!("venue-{number}"), 0)));
                text = text.replacen("tick_ms = 100", "tick_ms = 100\nstrategy = []", 1);
            }
        }
        bot.write("bot.toml", &text);
        let library = library.display();
        let plugins = format!(
            "[[plugin]]\nlibrary = '{library}'\nisolation = \"in-process\"\n\n\
             [plugin.overrides.binance.environments.local]\n\
             rest = \"http://{address}\"\nmarket = \"ws://{address}\"\nws_api = \"ws://{address}\"\n"
        );
        bot.write("plugins.toml", &plugins);
        bot.write("password", "a long password of nobody\n");
        bot.write("secret", SECRET);
        let added = bot
            .host(&["keys", "add", "main", "binance", "--api-key", API_KEY])
            .arg("--secret-file")
            .arg(bot.path("secret"))
            .args(KEYS)
            .output()
            .expect("the host was built");
        let said = String::from_utf8_lossy(&added.stderr);
        assert!(added.status.success(), "no keys: {said}");
        bot
    }

    /// Starts a run, and waits until it has written how it stands.
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn start(&self) -> Run<'_> {
        let log = || -> File {
            let mut options = OpenOptions::new();
            let log = options.create(true).append(true).open(self.path("log"));
            log.expect("a file in our own folder can be written")
        };
        let child = self
            .host(&["run", "bot.toml", "--plain"])
            .args(KEYS)
            .stdin(Stdio::null())
            .stdout(log())
            .stderr(log())
            .spawn()
            .expect("the host was built");
        let run = Run { bot: self, child };
        run.status_when(PATIENCE, "it was running", |status| status["phase"] == "running");
        run
    }

    fn host(&self, arguments: &[&str]) -> Command {
        let mut host = Command::new(built::host());
        host.args(arguments)
            .current_dir(self.folder.path())
            .env("XDG_CACHE_HOME", self.folder.path());
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
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

const KEYS: [&str; 4] = ["--keys", "keys.colibri", "--password-file", "password"];

impl Drop for Bot {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            eprintln!("bot, journal and log are kept in {}", self.folder.path().display());
        }
    }
}

impl Run<'_> {
    /// What its process uses.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage::of(self.child.id())
    }

    /// How it stands, as it last wrote.
    ///
    /// # Panics
    /// Where it has not written.
    #[must_use]
    pub fn status(&self) -> Value {
        self.read().expect("it has written how it stands")
    }

    fn read(&self) -> Option<Value> {
        let text = fs::read(self.bot.path("data/wide/status.json")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Waits until it has written again.
    ///
    /// # Panics
    /// Where it does not.
    #[must_use]
    pub fn status_after(&self, earlier: &Value) -> Value {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match self.read() {
                Some(status) if status["written_ms"] != earlier["written_ms"] => return status,
                _ => std::thread::sleep(GLANCE),
            }
        }
        panic!("it does not write how it stands any more:\n{}", self.bot.log());
    }

    /// Waits until it stands so.
    ///
    /// # Panics
    /// Where it does not in time.
    pub fn status_when(&self, patience: Duration, what: &str, is_so: impl Fn(&Value) -> bool) {
        let end = Instant::now() + patience;
        loop {
            let status = self.read();
            if status.as_ref().is_some_and(&is_so) {
                return;
            }
            let state = status.map(|s| s["connectors"].to_string()).unwrap_or_default();
            assert!(Instant::now() < end, "{what}: not in time; {state}\n{}", self.bot.log());
            std::thread::sleep(GLANCE);
        }
    }

    /// Asks it to stop, as Ctrl-C does, and waits until it has.
    ///
    /// # Panics
    /// Where it does not stop in order.
    pub fn stop(mut self) {
        let asked = Command::new("sh")
            .args(["-c", "kill -INT \"$1\"", "sh", &self.child.id().to_string()])
            .status();
        assert!(
            asked.is_ok_and(|status| status.success()),
            "the run cannot be signalled"
        );
        let ended = self.child.wait().expect("our own child can be waited for");
        assert!(ended.success(), "it ended with {ended}:\n{}", self.bot.log());
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        // Ended already, or a test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
