//! Exit codes: what the process tells the shell that started it. Stable: scripts may rely on them.

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for was done.
    Done,
    /// Something failed that has no code of its own; the message says what.
    Failed,
    /// The command line is wrong (clap's own code).
    Usage,
    /// A file of the user's (bot, plugins) is wrong; the message says which line.
    Configuration,
    /// A connector library was refused.
    Plugin,
    /// Keys are missing, locked or damaged.
    Keys,
    /// The exchange could not be reached, or did not become ready in time.
    Exchange,
    /// Stopped, but it is not proven that nothing is open at the exchange, or an order's outcome is unknown. Look there.
    Unproven,
    /// The journal or the history cannot be written or read.
    Storage,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Configuration => 3,
            Exit::Plugin => 4,
            Exit::Keys => 5,
            Exit::Exchange => 6,
            Exit::Unproven => 7,
            Exit::Storage => 8,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// An error that carries its exit code. Whatever has none ends with [`Exit::Failed`].
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ExitError {
    /// The code.
    pub exit: Exit,
    /// What happened, to what, and what to do next.
    pub message: String,
}

impl ExitError {
    /// An error with its code.
    pub fn new(exit: Exit, message: impl Into<String>) -> ExitError {
        ExitError {
            exit,
            message: message.into(),
        }
    }
}

/// The code of an error: that of the outermost [`ExitError`] in its chain.
#[must_use]
pub fn of(error: &anyhow::Error) -> Exit {
    error
        .chain()
        .find_map(|e| e.downcast_ref::<ExitError>())
        .map_or(Exit::Failed, |e| e.exit)
}
