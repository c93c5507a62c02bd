//! Log lines: to the screen's tail, or to a stream. No secret ever comes here: what is logged is built from types whose
//! secrets have no text.

use std::collections::VecDeque;
use std::io::Write;

use colibri_model::WallNs;

use crate::screen::{LogLevel, LogLine};

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something is broken.
    Error,
    /// Something is odd and was handled.
    Warn,
    /// What an operator wants to know.
    Info,
    /// What an author wants to know.
    Debug,
}

impl From<colibri_driver::LogLevel> for Level {
    fn from(level: colibri_driver::LogLevel) -> Level {
        match level {
            colibri_driver::LogLevel::Error => Level::Error,
            colibri_driver::LogLevel::Warn => Level::Warn,
            colibri_driver::LogLevel::Info => Level::Info,
            colibri_driver::LogLevel::Debug => Level::Debug,
        }
    }
}

impl Level {
    /// As the screen shows it.
    const fn on_screen(self) -> LogLevel {
        match self {
            Level::Error => LogLevel::Error,
            Level::Warn => LogLevel::Warn,
            Level::Info | Level::Debug => LogLevel::Info,
        }
    }

    /// Five letters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Error => "ERROR",
            Level::Warn => "WARN ",
            Level::Info => "INFO ",
            Level::Debug => "DEBUG",
        }
    }
}

/// Where lines go as they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Nowhere but the tail: a screen shows it.
    TailOnly,
}

const TAIL: usize = 200;

/// The log of a run.
#[derive(Debug)]
pub struct Log {
    target: Target,
    tail: VecDeque<LogLine>,
}

impl Log {
    /// A log that writes to `target`.
    #[must_use]
    pub fn new(target: Target) -> Log {
        Log {
            target,
            tail: VecDeque::with_capacity(TAIL),
        }
    }

    /// Adds a line. `wall_ns` is the time to stamp it with. Debug lines are dropped.
    pub fn line(&mut self, wall_ns: i64, level: Level, text: &str) {
        if level == Level::Debug {
            return;
        }
        let seconds = wall_ns.div_euclid(1_000_000_000);
        let of_day = seconds.rem_euclid(86_400);
        let millis = wall_ns.rem_euclid(1_000_000_000) / 1_000_000;
        let (h, m, s) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        let line = format!("{h:02}:{m:02}:{s:02}.{millis:03} {} {text}", level.as_str());
        // A closed pipe must not end a run that has orders open.
        let _ = match self.target {
            Target::Stdout => writeln!(std::io::stdout().lock(), "{line}"),
            Target::Stderr => writeln!(std::io::stderr().lock(), "{line}"),
            Target::TailOnly => Ok(()),
        };
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(LogLine {
            time: WallNs(wall_ns),
            level: level.on_screen(),
            text: text.to_owned(),
        });
    }

    /// The last lines, oldest first.
    #[must_use]
    pub fn tail(&self) -> Vec<LogLine> {
        self.tail.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_bounded_and_debug_lines_are_dropped() {
        let mut log = Log::new(Target::TailOnly);
        log.line(0, Level::Debug, "unseen");
        for i in 0..TAIL + 5 {
            log.line(3_661_002_000_000, Level::Warn, &i.to_string());
        }
        let tail = log.tail();
        assert_eq!(
            (tail.len(), tail[0].text.as_str(), tail[0].level),
            (TAIL, "5", LogLevel::Warn)
        );
    }
}
