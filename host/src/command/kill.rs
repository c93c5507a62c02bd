//! `colibri kill`: throws a bot's kill switch, from another terminal.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::bot::Bot;
use crate::cli::KillArgs;
use crate::exit::{Exit, ExitError};
use crate::kill_request;

/// How long a running bot is waited for: it looks several times a second.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether the bot has taken the request.
const LOOK: Duration = Duration::from_millis(50);

/// Asks the bot to throw its kill switch, and waits until it has.
///
/// # Errors
/// The bot's folder is not there or cannot be written.
pub fn kill(args: &KillArgs, out: &mut impl Write) -> anyhow::Result<Exit> {
    let folder = if args.bot.is_dir() {
        args.bot.clone()
    } else {
        Bot::read(&args.bot)?.data_folder()
    };
    if !folder.is_dir() {
        let text = format!("{} does not exist: the bot has never run", folder.display());
        return Err(ExitError::new(Exit::Storage, text).into());
    }
    kill_request::write(&folder, &args.reason).map_err(|error| {
        let text = format!("{} cannot be written: {error}", folder.display());
        ExitError::new(Exit::Storage, text)
    })?;
    if taken(&folder) {
        writeln!(
            out,
            "the kill switch is thrown: the bot cancels every order and places none until colibri run --resume; colibri status \
             shows what the exchange has confirmed"
        )?;
        return Ok(Exit::Done);
    }
    writeln!(
        out,
        "no running bot took it within {} s: the kill switch will be thrown when the bot starts, before anything is placed. \
         Orders may be open at the exchange: colibri run cancels them and proves it",
        PATIENCE.as_secs()
    )?;
    Ok(Exit::Unproven)
}

/// Whether the request is taken in time.
fn taken(folder: &Path) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if !kill_request::is_pending(folder) {
            return true;
        }
        std::thread::sleep(LOOK);
    }
    false
}
