//! `colibri pnl`: what a bot has won or lost, of each strategy and pair, counted from the fills and funding payments of its
//! journal. Counting is the model's ([`Statement`]); here a history is read and figures are written.

mod explain;
mod json;
mod marks;
mod table;
mod totals;
mod words;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use colibri_model::Pair;
use colibri_model::profit::{Detail, ProfitLine, Statement};
use colibri_store::history::HistoryError;
use serde_json::{Value, json};

use crate::cli::PnlArgs;
use crate::command::history::{JOURNAL, folder_of, open};
use crate::exit::{Exit, ExitError};

/// Where bots keep their folders unless their files say otherwise.
const DATA: &str = "data";

/// A bot's profit.
struct Profit {
    /// The folder that its journal is in.
    folder: PathBuf,
    /// By owner and position.
    lines: Vec<ProfitLine>,
}

/// `colibri pnl`.
///
/// # Errors
/// There is no such bot or no journal, or one of journal and history cannot be read.
pub fn pnl(args: &PnlArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let pair: Option<Pair> = args.pair.as_deref().map(str::parse).transpose()?;
    let folders = match &args.bot {
        Some(bot) => vec![folder(bot)?],
        None => every_folder(Path::new(DATA))?,
    };
    let profits = folders.into_iter().map(|folder| profit(folder, args, pair.as_ref()));
    let profits: Vec<Profit> = profits.collect::<anyhow::Result<_>>()?;
    if args.json {
        let mut bots: Vec<Value> = profits.iter().map(json::of).collect();
        let value = match (&args.bot, bots.pop()) {
            (Some(_), Some(bot)) => bot,
            (_, last) => {
                bots.extend(last);
                json!({"bots": bots})
            }
        };
        writeln!(out, "{value}")?;
        return Ok(Exit::Done);
    }
    for (at, profit) in profits.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        write!(out, "{}", table::of(profit, args))?;
    }
    Ok(Exit::Done)
}

/// A bot's folder by its file, its folder, or its name.
fn folder(bot: &Path) -> anyhow::Result<PathBuf> {
    let named = Path::new(DATA).join(bot);
    if bot.exists() {
        folder_of(bot)
    } else if named.is_dir() {
        Ok(named)
    } else {
        let (bot, named) = (bot.display(), named.display());
        let text = format!("there is no bot {bot}: neither a file or folder of that name, nor {named}");
        Err(ExitError::new(Exit::Configuration, text).into())
    }
}

/// Every folder below `data` that has a journal, by name.
fn every_folder(data: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let listed = match std::fs::read_dir(data) {
        Ok(entries) => entries.collect::<Result<Vec<_>, _>>(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    let entries = listed.with_context(|| format!("{} cannot be listed", data.display()))?;
    let mut folders: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    folders.retain(|folder| folder.join(JOURNAL).exists());
    folders.sort();
    if folders.is_empty() {
        let text =
            format!("no bot has run with its data in ./{DATA}; name its file or folder: colibri pnl --bot my-bot.toml");
        return Err(ExitError::new(Exit::Storage, text).into());
    }
    Ok(folders)
}

fn profit(folder: PathBuf, args: &PnlArgs, pair: Option<&Pair>) -> anyhow::Result<Profit> {
    let history = open(&folder)?;
    let detail = if args.explain { Detail::Steps } else { Detail::Sums };
    let mut statement = Statement::new(history.contracts()?, args.since, detail);
    history.each_profit_event(args.until, |event| -> Result<(), Uncounted> {
        Ok(statement.count(event)?)
    })?;
    let mut lines = statement.lines(&marks::of(&folder, args)?);
    lines.retain(|line| {
        pair.is_none_or(|pair| line.key.pair == *pair)
            && args
                .strategy
                .as_deref()
                .is_none_or(|owner| line.key.owner.as_str() == owner)
    });
    Ok(Profit { folder, lines })
}

/// Why a statement is not there.
#[derive(Debug, thiserror::Error)]
enum Uncounted {
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Sum(#[from] colibri_model::profit::ProfitError),
}
